/*
 * Base64 as letters have it, by groups of four digits: what decode.c and section_decode.c share.
 *
 * Pure. What stands between the groups (line ends, padding, foreign bytes) is for them to judge.
 */
#ifndef MAIL_BASE64_GROUP_H
#define MAIL_BASE64_GROUP_H

#include "base/span.h"

extern const uint8_t base64_digits[256]; /* value and one; 0: no digit */

/* Decodes whole groups without foreign bytes, as long as there are some at the front; returns how
 * many bytes they are. to: three bytes for each four; NULL: they are only counted. */
size_t base64_groups(struct span bytes, char *to);

#endif
