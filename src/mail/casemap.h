/*
 * Text without its case: i;unicode-casemap (RFC 5051), for SEARCH, SORT and THREAD.
 *
 * Pure. Each character in title case, then decomposed as far as Unicode does, so that "é" and "É",
 * "ﬁ" and "FI" are equal, while "é" and "e" are not. Two texts are equal if the results are; one
 * holds the other if its result does; order is that of the bytes. ASCII goes at the speed of
 * memory.
 */
#ifndef MAIL_CASEMAP_H
#define MAIL_CASEMAP_H

#include "base/buffer.h"

#define CASEMAP_GROWTH 18 /* a character becomes at most so many others */

/* Appends UTF-8. What is no UTF-8 becomes U+FFFD a byte. */
must_check int casemap_write(struct span utf8, struct buffer *out);

#endif
