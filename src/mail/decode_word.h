/*
 * Encoded words, read (RFC 2047): "=?utf-8?q?Gr=C3=BC=C3=9Fe?=" in names and subjects that a client
 * has encoded already, so that they are not encoded twice. Pure.
 *
 * What is no encoded word, or of a charset that is not known, stays as it is; blanks between two of
 * them go (6.2).
 */
#ifndef MAIL_DECODE_WORD_H
#define MAIL_DECODE_WORD_H

#include "base/buffer.h"

/* Appends the text in UTF-8. The buffer's errors. */
must_check int decode_words(struct span text, struct buffer *out);

#endif
