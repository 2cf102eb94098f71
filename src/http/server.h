/*
 * The HTTP server (RFC 9110, 9112): one session for each connection, request after request.
 *
 * Requests on a connection are answered in their order, each answer in one write. Every state has
 * its deadline, everything a stranger sizes its limit and a status that says so. main fills the
 * settings; they outlive all sessions.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/request.h"
#include "run/stream.h"

#include <stdatomic.h>

struct tls_context;
struct lane;

struct http_counters {
    atomic_uint_fast64_t connections, requests, bytes_in, bytes_out;
    atomic_uint_fast64_t answers[6]; /* by the status's first digit; [0] is unused */
};
/* Memory that bodies in flight may take together, on all loops. */
struct http_budget {
    atomic_size_t used;
    size_t max;
};

struct http_settings {
    bool implicit_tls; /* 443 */
    /* Gives the current context, held for the caller, or NULL where there is no TLS. */
    struct tls_context *(*tls)(void *tls_arg);
    void *tls_arg;
    /* Which dialect answers: by authentication first, then by path. Head and arg of the request are
     * filled. 0, or a negative code as of a handler. */
    int (*co_choose)(struct http_request *r, const struct http_table **ret_table);
    void *arg;                      /* the requests' */
    struct http_counters *counters; /* shared by all loops */
    struct http_budget *budget;     /* the same */
    struct lane *parsing;           /* for large JSON; NULL: the loop itself */
    int64_t idle_timeout_ms;        /* between requests; 0: 75 seconds */
    int64_t head_timeout_ms;        /* for a whole head; 0: 30 seconds */
    int64_t body_timeout_ms;        /* for each 8 KiB of a body; 0: 30 seconds */
    int64_t write_timeout_ms;       /* for each 64 KiB of an answer; 0: 60 seconds */
};

/* For listener_settings.co_serve; settings is a struct http_settings. */
int http_co_serve(struct stream *st, void *settings);
extern const struct span http_refusal; /* for listener_settings.refusal, without TLS */

#endif
