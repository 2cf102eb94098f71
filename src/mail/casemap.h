/*
 * Text without its case: i;unicode-casemap (RFC 5051), for SEARCH, SORT and THREAD.
 *
 * Pure. Each character in title case, then decomposed as far as Unicode does, which is put in title
 * case too: "é" and "É" are equal, "ﬁ" and "FI", not "é" and "e". Two texts are equal if the
 * results are; one holds the other if its result does; order is that of the bytes. Runs of ASCII
 * go eight bytes at a time.
 */
#ifndef MAIL_CASEMAP_H
#define MAIL_CASEMAP_H

#include "base/buffer.h"

#define CASEMAP_GROWTH 18 /* a character becomes at most so many others */

/* Appends UTF-8. What is no UTF-8 becomes U+FFFD a byte. */
must_check int casemap_write(struct span utf8, struct buffer *out);

#endif
