/* SMTP replies (RFC 5321 4.2, RFC 2034): one code, one enhanced code, one or several lines. Pure.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/buffer.h"

/* Appends "250-2.1.0 first\r\n250 2.1.0 last\r\n" for "first\nlast". enhanced may be NULL. Control
 * and 8-bit bytes of text become "?" (P6); a line is cut at 500 bytes. -ENOBUFS past out's cap. */
must_check int smtp_reply_format(struct buffer *out, int code, const char *enhanced,
                                 struct span text);

#endif
