/*
 * The text of parts as UTF-8, for SEARCH, and the first words of a letter, for PREVIEW (RFC 8970).
 *
 * Pure.
 */
#ifndef MAIL_TEXT_H
#define MAIL_TEXT_H

#include "mail/structure.h"

/* A text part: header and body are its bytes (the body may be cut). Transfer encoding and charset
 * are undone (decode.h); HTML stays as it is written. -ENOBUFS past out's cap: it holds what came
 * before. */
must_check int text_decode(const struct structure_part *part, struct span header, struct span body,
                           struct buffer *out);

#define TEXT_PREVIEW_CHARACTERS 200                 /* RFC 8970 3.1: never more than 256 */
#define TEXT_PREVIEW_MAX        ((size_t)800)       /* bytes */
#define TEXT_PREVIEW_READS      ((size_t)64 * 1024) /* of the part's body: more is not looked at */

/* The part whose first words are shown: the first text/plain or text/html, an attachment only
 * where there is nothing else. ERR_ABSENT: no text; ERR_CORRUPT. */
must_check int text_find_preview(struct span table, struct structure_part *ret_part);
/* Appends one line of UTF-8: blanks are one space, no controls; of HTML what a reader sees.
 * header, body: that part's bytes, the body's first TEXT_PREVIEW_READS do. */
must_check int text_preview(const struct structure_part *part, struct span header, struct span body,
                            struct buffer *out);

#endif
