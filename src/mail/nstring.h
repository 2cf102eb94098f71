/*
 * Strings as IMAP sends them: nstring of RFC 9051 9 and RFC 3501 9.
 *
 * Pure. ASCII is written quoted, with backslashes before '"' and '\'; what holds other bytes as a
 * literal "{n}" CRLF bytes, which every client takes. CR, LF and NUL are left out, a TAB becomes a
 * space: so a folded field body comes out unfolded, and no string can end the answer that holds it.
 */
#ifndef MAIL_NSTRING_H
#define MAIL_NSTRING_H

#include "base/buffer.h"

must_check int nstring_write(struct span text, struct buffer *out);
/* The letters a-z in upper case. */
must_check int nstring_write_upper(struct span text, struct buffer *out);

#endif
