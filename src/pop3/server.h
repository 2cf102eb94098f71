/*
 * The POP3 server (RFC 1939): one session for each connection, over a user's INBOX.
 *
 * Logging in wants TLS (995, or STLS on 110), where cleartext_login is not set. The list of
 * messages is taken at login; deleting takes effect at QUIT, after the commit. One session at a
 * time reads a maildrop (RFC 1939 4); other protocols are not kept out: a message that they removed
 * is answered with -ERR. main fills the settings; they outlive all sessions.
 */
#ifndef POP3_SERVER_H
#define POP3_SERVER_H

#include "directory/directory.h"
#include "run/stream.h"

#include <stdatomic.h>

struct tls_context;
struct pop3_locks;

struct pop3_counters {
    atomic_uint_fast64_t sessions, logins, retrieved;
};

struct pop3_settings {
    bool implicit_tls;    /* 995 (RFC 8314) */
    bool cleartext_login; /* from loopback, too */
    const char *hostname;
    struct store *store;
    struct directory *directory;
    struct pop3_locks *locks; /* lock.h; shared by all loops */
    uint32_t login_delay;     /* seconds between logins of a user (RFC 2449 6.5); 0: none */
    uint32_t expire;          /* days that letters are kept, as CAPA says (6.7); 0: for ever */
    /* Gives the current context, held for the caller, or NULL where there is no TLS. */
    struct tls_context *(*tls)(void *tls_arg);
    void *tls_arg;
    struct pop3_counters *counters; /* shared by all loops */
    int64_t login_timeout_ms;       /* of what is said before login; 0: a minute */
    int64_t idle_timeout_ms;        /* RFC 1939 3 wants ten minutes or more; 0: ten minutes */
};

/* For listener_settings.co_serve; settings is a struct pop3_settings. */
int pop3_co_serve(struct stream *st, void *settings);
extern const struct span pop3_refusal; /* for listener_settings.refusal */

#endif
