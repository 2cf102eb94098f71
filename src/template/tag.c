/*
 * Tokens inside of tags, in the order of Handlebars' rules: the first that matches wins. Opening
 * braces, closing braces, comments, strings, literals, names.
 */
#include "template/tag_internal.h"

#include <string.h>

static char at(struct span s, size_t i)
{
    return i < s.len ? s.at[i] : '\0';
}

static bool starts(struct span s, size_t i, const char *text)
{
    return span_starts(span_from(s, i), span_of(text));
}

static size_t skip_space(struct span s, size_t i)
{
    size_t size;
    while ((size = space_at_start(span_from(s, i))) > 0)
        i += size;
    return i;
}

static bool is_id(struct span s, size_t i)
{
    return i < s.len && !strchr("!\"#%&'()*+,./;<=>@[\\]^`{|}~", s.at[i]) &&
           space_at_start(span_from(s, i)) == 0;
}

static bool one_of(struct span s, size_t i, const char *set)
{
    return i < s.len && (strchr(set, s.at[i]) || space_at_start(span_from(s, i)));
}

size_t id_length(struct span s)
{
    size_t i = 0;
    while (is_id(s, i))
        i++;
    return i && one_of(s, i, "=~}/.)|") ? i : 0;
}

/* {{! … }} and {{!-- … --}}; 0 when it does not end. */
static size_t comment(struct span s, size_t mark, struct token *t)
{
    bool dashes = starts(s, mark, "!--");
    t->kind = TOKEN_COMMENT;
    for (size_t i = mark + 1; i < s.len; i++) {
        t->strip_right = at(s, i) == '~';
        size_t close = i + (size_t)t->strip_right;
        if (starts(s, close, "}}") && (!dashes || (i >= mark + 3 && starts(s, i - 2, "--"))))
            return close + 2;
    }
    return 0;
}

/* {{else and what may follow; 0 when it is something else. */
static size_t else_tag(struct span s, size_t i, struct token *t)
{
    i = skip_space(s, i);
    if (!starts(s, i, "else"))
        return 0;
    i += 4;
    size_t close = skip_space(s, i);
    t->strip_right = at(s, close) == '~';
    if (starts(s, close + t->strip_right, "}}")) {
        t->kind = TOKEN_INVERSE;
        return close + t->strip_right + 2;
    }
    t->strip_right = false;
    if (ascii_is_alpha(at(s, i)) || ascii_is_digit(at(s, i)) || at(s, i) == '_')
        return 0;
    t->kind = TOKEN_OPEN_CHAIN;
    return i;
}

static size_t inverse_tag(struct span s, size_t i, struct token *t)
{
    size_t close = skip_space(s, i + 1);
    bool strip = at(s, close) == '~';
    t->kind = TOKEN_OPEN_INVERSE;
    if (!starts(s, close + strip, "}}"))
        return i + 1;
    t->kind = TOKEN_INVERSE;
    t->strip_right = strip;
    return close + strip + 2;
}

/* A tag's opening braces and the mark behind them. */
static size_t open_tag(struct span s, struct token *t)
{
    if (starts(s, 0, "{{{{")) {
        t->kind = TOKEN_OPEN_RAW_BLOCK;
        return 4;
    }
    t->strip_left = at(s, 2) == '~';
    size_t i = 2 + (size_t)t->strip_left, length;
    switch (at(s, i)) {
    case '>':
        t->kind = TOKEN_OPEN_PARTIAL;
        return i + 1;
    case '#':
        t->kind = at(s, i + 1) == '>' ? TOKEN_OPEN_PARTIAL_BLOCK : TOKEN_OPEN_BLOCK;
        t->star = at(s, i + 1) == '*';
        return i + 1 + (t->star || t->kind == TOKEN_OPEN_PARTIAL_BLOCK);
    case '/':
        t->kind = TOKEN_OPEN_END_BLOCK;
        return i + 1;
    case '^':
        return inverse_tag(s, i, t);
    case '{':
        t->kind = TOKEN_OPEN_UNESCAPED;
        return i + 1;
    case '&':
        t->kind = TOKEN_OPEN;
        t->raw = true;
        return i + 1;
    case '!':
        return comment(s, i, t);
    default:
        length = else_tag(s, i, t);
        if (length)
            return length;
        t->kind = TOKEN_OPEN;
        t->star = at(s, i) == '*';
        return i + (size_t)t->star;
    }
}

static size_t close_tag(struct span s, struct token *t)
{
    if (starts(s, 0, "}}}}")) {
        t->kind = TOKEN_CLOSE_RAW_BLOCK;
        return 4;
    }
    bool strip = at(s, 1) == '~';
    if (at(s, 0) == '}' && starts(s, 1 + (size_t)strip, "}}")) {
        t->kind = TOKEN_CLOSE_UNESCAPED;
        t->strip_right = strip;
        return 3 + (size_t)strip;
    }
    strip = at(s, 0) == '~';
    if (!starts(s, strip, "}}"))
        return 0;
    t->kind = TOKEN_CLOSE;
    t->strip_right = strip;
    return 2 + (size_t)strip;
}

/*
 * A string or [name] that opens with the first byte: up to the closing mark that no backslash
 * precedes, or else the last there is.
 */
static size_t quoted(struct span s, char close, enum token_kind kind, struct token *t)
{
    size_t end = 0;
    for (size_t i = 1; i < s.len; i++) {
        if (s.at[i] != close)
            continue;
        end = i;
        if (s.at[i - 1] != '\\')
            break;
    }
    if (end == 0)
        return 0;
    t->kind = kind;
    t->text = span_first(span_from(s, 1), end - 1);
    t->escape = memchr(t->text.at, '\\', t->text.len) ? close : '\0';
    t->bracketed = kind == TOKEN_ID;
    return end + 1;
}

static size_t number_length(struct span s)
{
    size_t i = at(s, 0) == '-', whole = i;
    while (ascii_is_digit(at(s, i)))
        i++;
    if (i == whole)
        return 0;
    size_t part = i + 1;
    while (at(s, i) == '.' && ascii_is_digit(at(s, part)))
        part++;
    if (part > i + 1)
        i = part;
    return one_of(s, i, "~})") ? i : 0;
}

static size_t literal(struct span s, struct token *t)
{
    static const struct {
        const char *text;
        enum token_kind kind;
    } words[] = {{"true", TOKEN_BOOLEAN},
                 {"false", TOKEN_BOOLEAN},
                 {"undefined", TOKEN_UNDEFINED},
                 {"null", TOKEN_NULL}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i].text);
        if (starts(s, 0, words[i].text) && one_of(s, length, "~})")) {
            t->kind = words[i].kind;
            return length;
        }
    }
    t->kind = TOKEN_NUMBER;
    return number_length(s);
}

/* Everything that begins with a letter, a digit or another character of names. */
static size_t word(struct span s, struct token *t)
{
    size_t length = literal(s, t);
    if (length)
        return length;
    size_t bar = skip_space(s, 2);
    if (starts(s, 0, "as") && bar > 2 && at(s, bar) == '|') {
        t->kind = TOKEN_OPEN_BLOCK_PARAMS;
        return bar + 1;
    }
    t->kind = TOKEN_ID;
    return id_length(s);
}

static size_t mark(struct span s, struct token *t)
{
    switch (s.at[0]) {
    case '(':
        t->kind = TOKEN_OPEN_SEXPR;
        return 1;
    case ')':
        t->kind = TOKEN_CLOSE_SEXPR;
        return 1;
    case '=':
        t->kind = TOKEN_EQUALS;
        return 1;
    case '@':
        t->kind = TOKEN_DATA;
        return 1;
    case '|':
        t->kind = TOKEN_CLOSE_BLOCK_PARAMS;
        return 1;
    case '/':
        t->kind = TOKEN_SEP;
        return 1;
    case '.':
        t->kind = starts(s, 1, ".") || one_of(s, 1, "=~}/.)|") ? TOKEN_ID : TOKEN_SEP;
        return 1 + (size_t)starts(s, 1, ".");
    case '"':
    case '\'':
        return quoted(s, s.at[0], TOKEN_STRING, t);
    case '[':
        return quoted(s, ']', TOKEN_ID, t);
    case '}':
    case '~':
        return close_tag(s, t);
    default:
        return word(s, t);
    }
}

size_t tag_token(struct span s, struct token *ret_token)
{
    struct token t = {.kind = TOKEN_INVALID};
    size_t length = skip_space(s, 0);
    if (length)
        t.kind = TOKEN_CONTENT;
    else
        length = starts(s, 0, "{{") ? open_tag(s, &t) : mark(s, &t);
    if (length == 0)
        t.kind = TOKEN_INVALID;
    if (!t.text.at)
        t.text = span_first(s, length);
    *ret_token = t;
    return length;
}
