/* Tokens inside of tags; see tag.c. Pure. */
#ifndef TEMPLATE_TAG_INTERNAL_H
#define TEMPLATE_TAG_INTERNAL_H

#include "template/lexer_internal.h"

/*
 * The token at the start of s, which is not empty, and its length. White space comes as
 * TOKEN_CONTENT; TOKEN_INVALID may have length 0. Line and column are not set.
 */
size_t tag_token(struct span s, struct token *ret_token);
/* The length of the name at the start of s, when a character follows that can end one; else 0. */
size_t id_length(struct span s);

#endif
