/*
 * multipart/form-data (RFC 7578, RFC 2046 5.1.1), a window of bytes at a time. Pure.
 *
 * The caller shows a window; the reader takes off its front what it is sure of, and leaves what may
 * be the beginning of a delimiter. Strict: nothing stands before the first delimiter, delimiters
 * end with CRLF, header lines are short, not folded, and name the part.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "base/error.h"
#include "base/span.h"

#define MULTIPART_BOUNDARY_MAX 200
#define MULTIPART_NAME_MAX     512
#define MULTIPART_HEADER_MAX   ((size_t)4096) /* of one part */

enum multipart_kind {
    MULTIPART_MORE = 1, /* show a larger window */
    MULTIPART_PART,     /* a part begins: name, file_name, type */
    MULTIPART_DATA,     /* bytes of it */
    MULTIPART_PART_END,
    MULTIPART_END, /* the closing delimiter; what follows it is not looked at */
};
struct multipart_event {
    struct span name, file_name, type; /* in the reader, until the next part */
    bool is_file;
    struct span data; /* in the window */
};
struct multipart_reader {
    unsigned state;                             /* of multipart.c */
    char delimiter[MULTIPART_BOUNDARY_MAX + 8]; /* CRLF "--" boundary */
    size_t delimiter_len;
    char name[MULTIPART_NAME_MAX], file_name[MULTIPART_NAME_MAX], type[MULTIPART_NAME_MAX];
    bool is_file;
};

/* content_type: the field's value. ERR_ABSENT: no multipart/form-data; ERR_SYNTAX: no boundary, or
 * one that RFC 2046 does not allow. */
must_check int multipart_open(struct span content_type, struct multipart_reader *ret_reader);
/* last: the window ends with the body. An enum multipart_kind, ERR_SYNTAX; -EMSGSIZE: a part's
 * header is too large. */
must_check int multipart_next(struct multipart_reader *reader, struct span *window, bool last,
                              struct multipart_event *ret_event);

#endif
