/*
 * Tokens of structured field bodies (RFC 5322 3.2): comments, blanks, quoted strings.
 *
 * Pure. Each function takes its rule off the front of *rest.
 */
#ifndef MAIL_TOKEN_H
#define MAIL_TOKEN_H

#include "base/span.h"

/* CFWS: blanks, folds and comments, which nest; an unclosed comment ends with the text. */
void token_skip_cfws(struct span *rest);
/* A quoted string, whose content is appended to out without backslashes and folds. False when it is
 * not closed or does not fit. */
bool token_quoted_string(struct span *rest, char *out, size_t *len, size_t size);

#endif
