/*
 * The IMAP server (RFC 9051, RFC 3501): one session for each connection, over a user's mailboxes.
 *
 * Logging in wants TLS (993, or STARTTLS on 143), where cleartext_login is not set. main fills the
 * settings; they outlive all sessions.
 */
#ifndef IMAP_SERVER_H
#define IMAP_SERVER_H

#include "directory/directory.h"
#include "run/stream.h"

#include <stdatomic.h>

struct crowd;
struct tls_context;

struct imap_counters {
    atomic_uint_fast64_t sessions, logins, fetched, appended, compressed;
};

struct imap_settings {
    bool implicit_tls;    /* 993 (RFC 8314) */
    bool cleartext_login; /* from loopback, too */
    const char *hostname;
    struct store *store;
    struct directory *directory;
    struct crowd *users;  /* limits the sessions of each user; NULL: no limit */
    bool literal_plus;    /* a client need not wait for any literal (RFC 7888) */
    uint64_t message_max; /* octets of a message in APPEND (RFC 7889) */
    /* Gives the current context, held for the caller, or NULL where there is no TLS. */
    struct tls_context *(*tls)(void *tls_arg);
    void *tls_arg;
    struct imap_counters *counters; /* shared by all loops */
    int64_t login_timeout_ms;       /* of what is said before login; 0: a minute */
    int64_t idle_timeout_ms;        /* RFC 9051 5.4 wants 30 minutes or more; 0: 30 minutes */
    int64_t keep_alive_ms;          /* between words to a client in IDLE; 0: two minutes */
    int64_t command_timeout_ms;     /* of a whole command, its reader may be slow; 0: an hour */
};

/* For listener_settings.co_serve; settings is a struct imap_settings. */
int imap_co_serve(struct stream *st, void *settings);
extern const struct span imap_refusal; /* for listener_settings.refusal */

#endif
