/*
 * The POP3 server (RFC 1939): one session for each connection, over a user's INBOX.
 *
 * Logging in wants TLS (995, or STLS on 110). The list of messages is taken at login; deleting
 * takes effect at QUIT, after the commit. Sessions of one user may overlap: a message that another
 * session removed is answered with -ERR. main fills the settings; they outlive all sessions.
 */
#ifndef POP3_SERVER_H
#define POP3_SERVER_H

#include "directory/directory.h"
#include "run/stream.h"

#include <stdatomic.h>

struct tls_context;

struct pop3_counters {
    atomic_uint_fast64_t sessions, logins, retrieved;
};

struct pop3_settings {
    bool implicit_tls;         /* 995 (RFC 8314) */
    bool allow_cleartext_auth; /* for tests only: logging in without TLS */
    const char *hostname;
    struct store *store;
    struct directory *directory;
    /* Gives the current context, held for the caller, or NULL where there is no TLS. */
    struct tls_context *(*tls)(void *tls_arg);
    void *tls_arg;
    struct pop3_counters *counters; /* shared by all loops */
    int64_t idle_timeout_ms;        /* RFC 1939 3 wants ten minutes or more; 0: ten minutes */
};

/* For listener_settings.co_serve; settings is a struct pop3_settings. */
int pop3_co_serve(struct stream *st, void *settings);
extern const struct span pop3_refusal; /* for listener_settings.refusal */

#endif
