/*
 * Letters read back: Content-Transfer-Encodings, charsets, encoded words, parameters (RFC 2045,
 * 2047, 2231).
 *
 * Pure, linear, for any bytes: what is broken is read as far as it goes, as mail programs do. All
 * results are appended to out; -ENOBUFS past its cap, -ENOMEM.
 */
#ifndef MAIL_DECODE_H
#define MAIL_DECODE_H

#include "base/buffer.h"

/* encoding: the body of Content-Transfer-Encoding; an unknown one, and an empty, is the bytes
 * themselves. Foreign bytes within base64 are passed over. */
must_check int decode_transfer(struct span encoding, struct span bytes, struct buffer *out);
/* Does it change the bytes? */
bool decode_is_encoded(struct span encoding);
/* To UTF-8; what the charset does not have becomes U+FFFD, NUL too. An unknown charset, and an
 * empty: UTF-8 if it is that, else windows-1252. */
must_check int decode_charset(struct span charset, struct span bytes, struct buffer *out);
/* Would decode_charset append the bytes as they are? False where it cannot tell at once. */
bool decode_is_plain(struct span charset, struct span bytes);
/* Unstructured text, or a phrase: folds become blanks, encoded words their UTF-8, with none of the
 * line ends and control characters that they may hide. */
must_check int decode_words(struct span body, struct buffer *out);
/* Nothing in it but printable ASCII, tabs, which become blanks, and line ends, which go. */
bool decode_is_simple(struct span body);
/* The parameter of Content-Type or Content-Disposition, in UTF-8, also in sections and with a
 * charset. 1, 0: it is not there, or an error. */
must_check int decode_parameter(struct span parameters, struct span name, struct buffer *out);

#endif
