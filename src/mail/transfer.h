/*
 * Content-Transfer-Encodings (RFC 2045 6), as letters are composed: which one, and the bytes.
 *
 * Pure. Encoding goes piece by piece, so that a large attachment is never there twice. Text comes
 * with CRLF line ends (transfer_line_ends); quoted-printable keeps them as line ends. No encoded
 * line is longer than 76.
 */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include "base/buffer.h"

enum transfer_encoding { TRANSFER_7BIT, TRANSFER_QUOTED_PRINTABLE, TRANSFER_BASE64 };

const char *transfer_name(enum transfer_encoding encoding);
/* ASCII without NUL, CR and LF only as CRLF, no line longer than 998: fit for 7bit. */
bool transfer_is_7bit(struct span bytes);
/* CR and LF only as CRLF. */
bool transfer_is_canonical(struct span text);
/* For text with CRLF line ends: 7bit if it may; quoted-printable unless base64 is clearly shorter,
 * since people look at letters. */
enum transfer_encoding transfer_choose(struct span text);
/* CR, LF and CRLF all become CRLF (RFC 2046 4.1.1). */
must_check int transfer_line_ends(struct buffer *out, struct span text);

struct transfer {
    enum transfer_encoding encoding;
    struct span rest;
    size_t column; /* quoted-printable */
};
void transfer_begin(struct transfer *t, enum transfer_encoding encoding, struct span bytes);
/* Appends the encoding of at most about max of the bytes that are left; nothing is left when
 * t->rest is empty. Base64 ends with CRLF, the others as the bytes do. */
must_check int transfer_next(struct transfer *t, size_t max, struct buffer *out);

#endif
