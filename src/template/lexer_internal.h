/*
 * Tokens of a template. Pure; the rules and their order are those of Handlebars 4.7's lexer.
 *
 * Text outside of tags comes as TOKEN_CONTENT, in as many pieces as Handlebars would make (an
 * escaped tag is a piece of its own): standalone lines are judged by pieces.
 */
#ifndef TEMPLATE_LEXER_INTERNAL_H
#define TEMPLATE_LEXER_INTERNAL_H

#include "base/span.h"

enum token_kind {
    TOKEN_END,
    TOKEN_CONTENT,
    TOKEN_COMMENT,
    TOKEN_OPEN_RAW_BLOCK,
    TOKEN_CLOSE_RAW_BLOCK,
    TOKEN_END_RAW_BLOCK,  /* text: the name */
    TOKEN_OPEN_BLOCK,     /* {{# and, with star, {{#* */
    TOKEN_OPEN_INVERSE,   /* {{^ */
    TOKEN_OPEN_CHAIN,     /* {{else x */
    TOKEN_INVERSE,        /* {{else}} and {{^}} */
    TOKEN_OPEN_END_BLOCK, /* {{/ */
    TOKEN_OPEN,           /* {{ and {{& (raw) and {{* (star) */
    TOKEN_OPEN_UNESCAPED, /* {{{ */
    TOKEN_CLOSE,
    TOKEN_CLOSE_UNESCAPED,
    TOKEN_OPEN_PARTIAL,
    TOKEN_OPEN_PARTIAL_BLOCK,
    TOKEN_OPEN_SEXPR,
    TOKEN_CLOSE_SEXPR,
    TOKEN_ID,
    TOKEN_EQUALS,
    TOKEN_OPEN_BLOCK_PARAMS,
    TOKEN_CLOSE_BLOCK_PARAMS,
    TOKEN_STRING, /* text: between the quotes; escape: the quote that \ protects */
    TOKEN_NUMBER,
    TOKEN_BOOLEAN,
    TOKEN_UNDEFINED,
    TOKEN_NULL,
    TOKEN_DATA, /* @ */
    TOKEN_SEP,
    TOKEN_INVALID,
};

struct token {
    enum token_kind kind;
    bool strip_left, strip_right; /* ~ at the token's start, at its end */
    bool star, raw;
    bool bracketed; /* an ID written [so] */
    char escape;    /* not 0: text holds backslashes before this character to be dropped */
    struct span text;
    uint32_t line, column; /* from 1 */
};

enum lexer_mode { LEXER_TEXT, LEXER_TAG, LEXER_ESCAPED, LEXER_RAW };

struct lexer {
    struct span source; /* UTF-8 without NUL */
    size_t at;
    enum lexer_mode mode;
    unsigned raw_depth; /* raw blocks open within the raw block */
    size_t counted;     /* line and column are those of this offset */
    uint32_t line, column;
};

#define LEXER(text) ((struct lexer){.source = (text), .line = 1, .column = 1})

struct token lexer_next(struct lexer *lexer);
const char *token_words(enum token_kind kind); /* "}}", "a name": for messages */

/* Bytes of the white space (JavaScript's \s) that s starts, ends with; 0 when it does not. */
size_t space_at_start(struct span s);
size_t space_at_end(struct span s);

#endif
