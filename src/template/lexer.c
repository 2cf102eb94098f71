/* Tokens; see lexer_internal.h. Inside of tags: tag.c. */
#include "template/tag_internal.h"

static bool starts(const struct lexer *l, size_t at, const char *text)
{
    return span_starts(span_from(l->source, at), span_of(text));
}

/* Offset of the first such text from `from` on; the source's length when there is none. */
static size_t find(const struct lexer *l, size_t from, const char *text)
{
    ptrdiff_t at = span_find_span(span_from(l->source, from), span_of(text));
    return at < 0 || from > l->source.len ? l->source.len : from + (size_t)at;
}

/* Moves the counted place forward to the lexer's. */
static void count_lines(struct lexer *l)
{
    struct span passed = span_first(span_from(l->source, l->counted), l->at - l->counted);
    for (ptrdiff_t end; (end = span_find(passed, '\n')) >= 0; l->line++) {
        passed = span_from(passed, (size_t)end + 1);
        l->column = 1;
    }
    for (size_t i = 0; i < passed.len; i++)
        l->column += ((unsigned char)passed.at[i] & 0xc0) != 0x80;
    l->counted = l->at;
}

/* A token of the bytes from the lexer's place to end, which becomes its place. */
static struct token take(struct lexer *l, enum token_kind kind, size_t end)
{
    count_lines(l);
    struct token token = {.kind = kind,
                          .text = span_first(span_from(l->source, l->at), end - l->at),
                          .line = l->line,
                          .column = l->column};
    l->at = end;
    return token;
}

/* Text up to the next tag: \{{ makes that tag text, \\{{ is a backslash before a tag. */
static struct token next_text(struct lexer *l)
{
    size_t end = find(l, l->at, "{{");
    struct token token = take(l, TOKEN_CONTENT, end);
    struct span *text = &token.text;
    if (end == l->source.len)
        return token;
    l->mode = LEXER_TAG;
    if (text->len && text->at[text->len - 1] == '\\') {
        bool twice = text->len > 1 && text->at[text->len - 2] == '\\';
        text->len--;
        if (!twice)
            l->mode = LEXER_ESCAPED;
    }
    return token;
}

/* An escaped tag and what follows, up to the next tag and the backslashes before it. */
static struct token next_escaped(struct lexer *l)
{
    size_t least = l->at + 2, end = find(l, least, "{{");
    if (end < l->source.len) {
        for (int i = 0; i < 2 && end > least && l->source.at[end - 1] == '\\'; i++)
            end--;
    }
    l->mode = LEXER_TEXT;
    return take(l, TOKEN_CONTENT, end);
}

/* The length of {{{{/name}}}} at this place, or 0. */
static size_t raw_end_length(const struct lexer *l)
{
    if (!starts(l, l->at, "{{{{/"))
        return 0;
    struct span rest = span_from(l->source, l->at + 5);
    size_t name = id_length(rest);
    return name && span_starts(span_from(rest, name), SPAN("}}}}")) ? 5 + name + 4 : 0;
}

static struct token next_raw(struct lexer *l)
{
    size_t length = raw_end_length(l);
    if (length && l->raw_depth > 0) {
        l->raw_depth--;
        return take(l, TOKEN_CONTENT, l->at + length);
    }
    if (length) {
        struct token token = take(l, TOKEN_END_RAW_BLOCK, l->at + length);
        token.text = span_first(span_from(token.text, 5), length - 9);
        l->mode = LEXER_TEXT;
        return token;
    }
    if (starts(l, l->at, "{{{{") && l->at + 4 < l->source.len && l->source.at[l->at + 4] != '/') {
        l->raw_depth++;
        return take(l, TOKEN_CONTENT, l->at + 4);
    }
    size_t end = find(l, l->at + 1, "{{{{");
    return end == l->source.len ? take(l, TOKEN_INVALID, l->at) : take(l, TOKEN_CONTENT, end);
}

struct token lexer_next(struct lexer *l)
{
    for (;;) {
        if (l->at >= l->source.len)
            return take(l, l->mode == LEXER_RAW ? TOKEN_INVALID : TOKEN_END, l->source.len);
        struct token token;
        if (l->mode == LEXER_TAG) {
            size_t length = tag_token(span_from(l->source, l->at), &token);
            struct token placed = take(l, token.kind, l->at + length);
            token.line = placed.line;
            token.column = placed.column;
            if (token.kind == TOKEN_CLOSE || token.kind == TOKEN_CLOSE_UNESCAPED ||
                token.kind == TOKEN_INVERSE || token.kind == TOKEN_COMMENT)
                l->mode = LEXER_TEXT;
            if (token.kind == TOKEN_CLOSE_RAW_BLOCK)
                l->mode = LEXER_RAW;
            if (length == 0 || token.kind != TOKEN_CONTENT) /* content: white space in a tag */
                return token;
            continue;
        }
        if (l->mode == LEXER_RAW)
            return next_raw(l);
        token = l->mode == LEXER_ESCAPED ? next_escaped(l) : next_text(l);
        if (token.text.len)
            return token;
    }
}

size_t space_at_start(struct span s)
{
    const unsigned char *c = (const unsigned char *)s.at;
    if (s.len == 0)
        return 0;
    if (c[0] < 0x80)
        return (c[0] >= '\t' && c[0] <= '\r') || c[0] == ' ';
    if (s.len >= 2 && c[0] == 0xc2 && c[1] == 0xa0)
        return 2;
    if (s.len < 3)
        return 0;
    unsigned code = (unsigned)(c[0] << 16 | c[1] << 8 | c[2]);
    bool blank = code == 0xe19a80 || (code >= 0xe28080 && code <= 0xe2808a) ||
                 (code >= 0xe280a8 && code <= 0xe280a9) || code == 0xe280af || code == 0xe2819f ||
                 code == 0xe38080 || code == 0xefbbbf;
    return blank ? 3 : 0;
}

size_t space_at_end(struct span s)
{
    for (size_t size = 1; size <= 3 && size <= s.len; size++)
        if (space_at_start(span_from(s, s.len - size)) == size)
            return size;
    return 0;
}

const char *token_words(enum token_kind kind)
{
    static const char *const words[] = {
        [TOKEN_END] = "the end of the template",
        [TOKEN_CONTENT] = "text",
        [TOKEN_COMMENT] = "a comment",
        [TOKEN_OPEN_RAW_BLOCK] = "{{{{",
        [TOKEN_CLOSE_RAW_BLOCK] = "}}}}",
        [TOKEN_END_RAW_BLOCK] = "the end of a raw block",
        [TOKEN_OPEN_BLOCK] = "{{#",
        [TOKEN_OPEN_INVERSE] = "{{^",
        [TOKEN_OPEN_CHAIN] = "{{else",
        [TOKEN_INVERSE] = "{{else}}",
        [TOKEN_OPEN_END_BLOCK] = "{{/",
        [TOKEN_OPEN] = "{{",
        [TOKEN_OPEN_UNESCAPED] = "{{{",
        [TOKEN_CLOSE] = "}}",
        [TOKEN_CLOSE_UNESCAPED] = "}}}",
        [TOKEN_OPEN_PARTIAL] = "{{>",
        [TOKEN_OPEN_PARTIAL_BLOCK] = "{{#>",
        [TOKEN_OPEN_SEXPR] = "(",
        [TOKEN_CLOSE_SEXPR] = ")",
        [TOKEN_ID] = "a name",
        [TOKEN_EQUALS] = "=",
        [TOKEN_OPEN_BLOCK_PARAMS] = "as |",
        [TOKEN_CLOSE_BLOCK_PARAMS] = "|",
        [TOKEN_STRING] = "a string",
        [TOKEN_NUMBER] = "a number",
        [TOKEN_BOOLEAN] = "true or false",
        [TOKEN_UNDEFINED] = "undefined",
        [TOKEN_NULL] = "null",
        [TOKEN_DATA] = "@",
        [TOKEN_SEP] = "a separator of a path",
        [TOKEN_INVALID] = "a character that means nothing here",
    };
    return words[kind];
}
