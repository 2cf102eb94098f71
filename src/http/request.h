/*
 * A request as a handler sees it: what was asked, its body, and the answer.
 *
 * A handler is a straight-line function of one coroutine. It reads what it needs, calls http_answer
 * once, and returns 0; or it returns a negative code, which the session makes the answer in the
 * shape of the dialect: HTTP_CODE(status) as it is, ERR_FULL, ERR_STORE, -ENOSPC and other failures
 * of ours that pass 503 with Retry-After, ERR_SYNTAX 400, ERR_DENIED 403, ERR_ABSENT 404,
 * ERR_EXISTS 409, -EMSGSIZE 413, anything else 500. A body that was not read is thrown away.
 *
 * All spans live until the handler returns, unless said otherwise.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/arena.h"
#include "http/code.h"
#include "http/route.h"

struct http_session;

#define HTTP_BODY_MAX   ((uint64_t)64 * 1024 * 1024)
#define HTTP_MEMORY_MAX ((size_t)4 * 1024 * 1024) /* of a request's arena */
#define HTTP_ANSWER_MAX ((size_t)64 * 1024 * 1024)
#define HTTP_WORDS_MAX  512

struct http_request {
    struct http_head head;
    struct http_match match;
    const struct http_table *table; /* NULL until one is chosen */
    const struct http_route *route;
    void *arg;          /* the server's: the office */
    struct arena arena; /* for the handler too; ends with the request */
    struct http_session *session;
    int status; /* of the answer; 0: none yet */
    struct buffer fields, answer;
    struct span type;           /* of the answer */
    char words[HTTP_WORDS_MAX]; /* of http_fail */
};

/* --- what was asked; these do not yield ------------------------------------------------------ */

/* A {name} of the route's pattern, decoded. */
struct span http_parameter(const struct http_request *r, const char *name);
/* A field's value, or the empty span. */
struct span http_field(const struct http_request *r, const char *name);
/* The first parameter of that name in the target's query, decoded; the empty span without one.
 * HTTP_CODE(400) when the query is not well encoded. */
must_check int http_query(struct http_request *r, const char *name, struct span *ret_value);
/* Content-Type is that type, whatever its parameters. */
bool http_has_type(const struct http_request *r, const char *type);
const char *http_peer_text(const struct http_request *r);
bool http_peer_is_loopback(const struct http_request *r);
bool http_is_tls(const struct http_request *r);

enum http_scheme { HTTP_NO_SCHEME, HTTP_BASIC, HTTP_BEARER, HTTP_AWS4, HTTP_OTHER_SCHEME };
/* Of Authorization (RFC 9110 11.6.2). */
enum http_scheme http_scheme(const struct http_request *r);
/* RFC 7617: decoded, cut at the first colon. ERR_ABSENT without, ERR_SYNTAX: not well-formed. */
must_check int http_basic(struct http_request *r, struct span *ret_user, struct span *ret_password);
/* RFC 6750. */
must_check int http_bearer(struct http_request *r, struct span *ret_token);

/* --- its body -------------------------------------------------------------------------------- */

/* The next piece, decoded (chunked, gzip), valid until the next read: 1; 0 at the end; or
 * HTTP_CODE(400, 408, 413, 415), ERR_CLOSED, -ECANCELED. Yields. */
must_check int http_co_read(struct http_request *r, struct span *ret_piece);
/* All of it, at most max bytes (HTTP_CODE(413)), followed by a NUL that is not counted. It counts
 * against the memory that all bodies may take together (HTTP_CODE(503)). Yields. */
must_check int http_co_body(struct http_request *r, size_t max, struct span *ret_body);

/* --- the answer ------------------------------------------------------------------------------ */

/* A field of the answer. ERR_SYNTAX when the value holds CR, LF or another control character: the
 * answer cannot be split. */
must_check int http_add_field(struct http_request *r, const char *name, struct span value);
/* The whole answer; the body is copied. type NULL: no body and no Content-Type. */
must_check int http_answer(struct http_request *r, int status, const char *type, struct span body);
/* Keeps the words for the client and gives HTTP_CODE(status), to be returned. */
int http_fail(struct http_request *r, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
