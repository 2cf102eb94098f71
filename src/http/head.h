/*
 * The head of a request, understood (RFC 9110, 9112). Pure.
 *
 * The bytes have passed scan.h; llhttp reads them, and what it leaves open is decided here: one
 * Host, one Content-Length and never beside Transfer-Encoding, which is "chunked" and nothing else.
 * Spans point into the bytes.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "http/scan.h"

enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHODS,
};
const char *http_method_name(enum http_method method);

struct http_field {
    struct span name, value; /* without the blanks around it */
};
struct http_head {
    enum http_method method;
    bool old;        /* HTTP/1.0 */
    bool keep_alive; /* the client wants to go on */
    bool chunked, has_length;
    bool expects_continue;
    uint64_t length;    /* Content-Length; 0 without */
    struct span target; /* as it was sent */
    struct span path;   /* of it, still encoded: begins with '/', or is "*" (OPTIONS) */
    struct span query;  /* behind '?', still encoded */
    struct span host;
    unsigned count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

/* HTTP_CODE(400, 417, 501), and what is wrong. */
must_check int http_parse_head(struct span bytes, struct http_head *ret_head, const char **ret_why);
/* The first field of that name, or the empty span. */
struct span http_head_field(const struct http_head *head, struct span name);
bool http_head_has(const struct http_head *head, struct span name);

#endif
