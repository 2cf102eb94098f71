/*
 * Forms: application/x-www-form-urlencoded and multipart/form-data (RFC 7578), whole or streamed.
 *
 * A form in memory is a list of fields in the order they came; a name may repeat. Large ones are
 * read a part at a time with form_co_next, so that a file goes into a blob as it comes.
 */
#ifndef HTTP_FORM_H
#define HTTP_FORM_H

#include "http/multipart.h"
#include "http/request.h"

#define FORM_FIELDS_MAX 2000 /* a thousand recipients, each a field, and what else there is */

struct form_pair {
    struct span name, value;
};
/* Takes the next "name=value&" off *rest, decoded: 1; 0 at the end; ERR_SYNTAX, -ENOMEM. Pure. */
must_check int form_next_pair(struct span *rest, struct arena *arena, struct form_pair *ret_pair);

struct form_field {
    struct span name;            /* UTF-8 */
    struct span value;           /* of a urlencoded form UTF-8, of a part any bytes */
    struct span file_name, type; /* of a part; empty where it does not say */
    bool is_file;                /* it has a file name */
};
struct form {
    struct form_field *fields;
    size_t count;
};
/* The body is of the type that Content-Type names. ERR_SYNTAX; -E2BIG: too many fields; ERR_ABSENT:
 * Content-Type is neither. Values point into body or live in arena. Pure. */
must_check int form_parse(struct span content_type, struct span body, struct arena *arena,
                          struct form *ret_form);
/* The first field of that name, or NULL. */
const struct form_field *form_find(const struct form *form, const char *name);

/* The same for a request: reads the body (at most max bytes) and parses it. What is wrong becomes
 * HTTP_CODE(400, 413, 415). Yields. */
must_check int form_co_read(struct http_request *r, size_t max, struct form *ret_form);

/* A multipart body, piece by piece. */
struct form_stream {
    struct multipart_reader reader;
    struct buffer window;
    size_t taken; /* of the window, gone at the next call */
    bool ended;
};
#define FORM_WINDOW ((size_t)64 * 1024)
/* ERR_ABSENT: the request is no multipart form. form_stream_close must follow. */
must_check int form_stream_open(struct http_request *r, struct form_stream *ret_stream);
void form_stream_close(struct form_stream *stream);
/* The next event (multipart.h); its spans live until the next call. MULTIPART_END at the end;
 * HTTP_CODE(400), and errors of http_co_read. Yields. */
must_check int form_co_next(struct http_request *r, struct form_stream *stream,
                            struct multipart_event *ret_event);

#endif
