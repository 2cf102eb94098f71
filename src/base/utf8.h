/*
 * UTF-8 (RFC 3629): is this text? Pure functions.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/span.h"

/* Well-formed UTF-8 without NUL: no overlong forms, no surrogates, nothing past U+10FFFF. */
bool utf8_is_text(struct span s);

#endif
