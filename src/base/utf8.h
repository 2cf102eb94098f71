/*
 * UTF-8 (RFC 3629): is this text? Pure functions.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/span.h"

/* Well-formed UTF-8 without NUL: no overlong forms, no surrogates, nothing past U+10FFFF. */
bool utf8_is_text(struct span s);
/* Length of the character at the front; 0 when there is none (NUL is none). */
size_t utf8_character(struct span s);
/* The longest front that is text; cut there, no character is left in halves. */
struct span utf8_head(struct span s);
/* No byte past 127. */
bool utf8_is_ascii(struct span s);
/* The character's bytes; their count. What is no character becomes U+FFFD. */
size_t utf8_encode(uint32_t character, char ret_bytes[4]);

#endif
