/*
 * Routes: which function answers which method and path. Pure.
 *
 * A dialect is a table: a static array of routes and the shape of its errors, in a file of its own.
 * A pattern's segments are literal or a {name}, which takes any segment that is not empty; where
 * several patterns fit, the one with the leftmost literal wins, whatever their order.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "base/buffer.h"
#include "http/head.h"
#include "http/uri.h"

#define HTTP_PARAMETERS_MAX 8

struct http_request;
/* Answers with http_answer and returns 0; or a negative code, which becomes the answer (request.h).
 */
typedef int http_co_function(struct http_request *r);

struct http_route {
    enum http_method method;
    const char *pattern; /* "/v3/{domain}/messages" */
    http_co_function *co_answer;
    uint64_t body_max; /* bytes, decoded; 0: HTTP_BODY_MAX. More is refused with 413 */
};
struct http_table {
    const char *name; /* of the dialect, for the log */
    const struct http_route *routes;
    size_t count;
    bool any_case; /* literal segments match in any case of letters */
    /* Writes the body of an error and gives its media type; NULL: {"status":404,"error":"…"}. */
    int (*shape)(const struct http_request *r, int status, struct span words, struct buffer *out,
                 const char **ret_type);
};
#define HTTP_ROUTES(array) .routes = (array), .count = sizeof(array) / sizeof *(array)

struct http_match {
    const struct http_route *route; /* NULL: none has this method */
    unsigned allowed;               /* 1 << method, of all patterns that fit; 0: none fits */
    unsigned count;
    struct {
        struct span name, value;
    } parameters[HTTP_PARAMETERS_MAX];
};
/* HEAD finds the route of GET when it has none of its own. */
void http_match(const struct http_table *table, enum http_method method,
                const struct span *segments, unsigned count, struct http_match *ret_match);
/* "GET, HEAD, OPTIONS" */
must_check int http_print_allowed(struct buffer *out, unsigned allowed);

#endif
