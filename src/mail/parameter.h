/*
 * Parameters of Content-Type and Content-Disposition (RFC 2045 5.1, RFC 2231).
 *
 * Pure. A token or a quoted string where the value is printable ASCII; else percent-encoded UTF-8
 * without a language, in numbered sections where it is long.
 */
#ifndef MAIL_PARAMETER_H
#define MAIL_PARAMETER_H

#include "mail/fold.h"

#define PARAMETER_VALUE_MAX ((size_t)1000)

bool parameter_is_token(struct span text);
/* "; name=value". The name is a token of at most 32, the value UTF-8 without CR, LF, NUL, at most
 * PARAMETER_VALUE_MAX: ERR_SYNTAX. */
must_check int parameter_write(struct fold *f, struct span name, struct span value);
/* What stands in for a value where RFC 2231 is not known: printable ASCII, each other character,
 * quote and backslash as '_'. */
must_check int parameter_plain(struct buffer *out, struct span value);
/* The value is written as a token or quoted string. */
bool parameter_is_plain(struct span value);

#endif
