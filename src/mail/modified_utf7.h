/*
 * Names of mailboxes on the wire of IMAP4rev1: modified UTF-7 (RFC 3501 5.1.3).
 *
 * Pure and strict: each name has one spelling, and what is spelt otherwise is refused.
 */
#ifndef MAIL_MODIFIED_UTF7_H
#define MAIL_MODIFIED_UTF7_H

#include "base/buffer.h"

/* Appends UTF-8. ERR_SYNTAX: bytes past ASCII, controls, printable ASCII in base64, spare bits,
 * half characters, one base64 run behind another, a run without its "-". NUL is refused; other
 * controls may come encoded. out then may hold a part. */
must_check int modified_utf7_decode(struct span name, struct buffer *out);
/* ERR_SYNTAX: no UTF-8, or a NUL. */
must_check int modified_utf7_encode(struct span utf8, struct buffer *out);

#endif
