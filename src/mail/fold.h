/*
 * Writing a header field, folded at blanks (RFC 5322 2.2.3).
 *
 * Pure. Callers hand in words; a word that would pass FOLD_COLUMN goes to a new line, where a blank
 * stands before it, and stays behind the name where it comes first and fits LINE_LIMIT. Words are
 * written as they are: nothing here encodes or checks.
 */
#ifndef MAIL_FOLD_H
#define MAIL_FOLD_H

#include "base/buffer.h"

#define FOLD_COLUMN 76  /* of lines with encoded words (RFC 2047 2); 78 is asked of others */
#define LINE_LIMIT  998 /* no line is longer, its CRLF not counted (RFC 5322 2.1.1) */

struct fold {
    struct buffer *out;
    size_t column;
    bool begun; /* more than the name stands there */
};

/* "Name:" */
must_check int fold_begin(struct fold *f, struct buffer *out, struct span name);
/* The blanks and the word; a fold before the blanks where the line is full. Without blanks, none.
 */
must_check int fold_word(struct fold *f, struct span blanks, struct span word);
/* A new line, if something stands on this one: what comes next begins with a blank. */
must_check int fold_line(struct fold *f);
must_check int fold_end(struct fold *f); /* the CRLF */
/* Columns that are left on this line. */
size_t fold_room(const struct fold *f);

#endif
