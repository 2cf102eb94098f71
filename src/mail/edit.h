/*
 * Letters that a client composed itself, for the door they come in by (raw MIME over HTTP, SMTP).
 *
 * Pure. Fields that must not leave go, missing ones come in front; every other byte stays (P9).
 */
#ifndef MAIL_EDIT_H
#define MAIL_EDIT_H

#include "base/buffer.h"

struct edit {
    int64_t letter;       /* for a Message-ID, */
    const char *hostname; /* which ends with it */
    int64_t now_ms;
};
/* Appends the header: Date, Message-ID and MIME-Version where there are none, then its fields
 * without Bcc and Resent-Bcc, then the blank line if header holds it. ERR_SYNTAX when a line is no
 * field: others could read fields behind it that we did not. */
must_check int edit_header(struct span header, const struct edit *edit, struct buffer *out);

/* Is it one of the names (NULL at the end)? One that ends with '*' means all that begin so. */
bool edit_names(struct span name, const char *const *names);
/* Copies a header without the fields of those names. */
must_check int edit_without(struct span header, const char *const *names, struct buffer *out);

/* Line ends of a letter that comes in pieces, by means that do not care: LF becomes CRLF. Zero is
 * the start. ERR_SYNTAX: a CR alone or a NUL, which no letter may have (P5). */
struct edit_lines {
    bool cr; /* the last byte was one, and waits */
};
must_check int edit_lines(struct edit_lines *state, struct span piece, struct buffer *out);
must_check int edit_lines_end(const struct edit_lines *state); /* ERR_SYNTAX: a CR was last */

#endif
