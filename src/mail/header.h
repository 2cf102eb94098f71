/*
 * The header of a letter: fields one after the other, as offsets into its bytes (RFC 5322 2.2, P9).
 *
 * Pure. Lines end with CRLF. A line that is no field and no continuation ends the header, as the
 * blank line does.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/buffer.h"

struct header_field {
    struct span raw;  /* with its folds and the last CRLF */
    struct span name; /* as written */
    struct span body; /* behind the colon, folds kept, blanks trimmed at both ends */
};

/* Takes the next field off *rest; false at the blank line, at the end and at what is no field. */
bool header_next(struct span *rest, struct header_field *ret_field);
/* Does a field begin with this line? */
bool header_begins(struct span line);
/* Length of the fields in front of the blank line; the whole when there is none. */
size_t header_length(struct span letter);
/* The first field of that name. */
bool header_find(struct span header, struct span name, struct header_field *ret_field);
size_t header_count(struct span header, struct span name);
/* The body on one line: folds removed (RFC 5322 2.2.3). */
must_check int header_unfold(struct span body, struct buffer *out);

/* Finds the blank line in bytes that come in pieces: start with 0 and hand in each piece. */
struct header_scan {
    unsigned matched; /* of CRLF CRLF */
    bool begun;       /* a letter may begin with its blank line */
};
/* Offset behind the blank line's LF within this piece, or -1. */
ptrdiff_t header_scan(struct header_scan *scan, struct span piece);

#endif
