/* Tokens of structured fields; see token.h. */
#include "mail/token.h"

static bool next_is(struct span rest, char c)
{
    return rest.len && rest.at[0] == c;
}

static bool next_is_blank(struct span rest)
{
    return next_is(rest, ' ') || next_is(rest, '\t') || next_is(rest, '\r') || next_is(rest, '\n');
}

static void skip_comment(struct span *rest)
{
    size_t depth = 0;
    do {
        char c = rest->at[0];
        *rest = span_from(*rest, c == '\\' ? 2 : 1);
        depth += c == '(';
        depth -= c == ')';
    } while (depth && rest->len);
}

void token_skip_cfws(struct span *rest)
{
    while (next_is(*rest, '(') || next_is_blank(*rest)) {
        if (next_is(*rest, '('))
            skip_comment(rest);
        else
            *rest = span_from(*rest, 1);
    }
}

bool token_quoted_string(struct span *rest, char *out, size_t *len, size_t size)
{
    *rest = span_from(*rest, 1);
    while (rest->len && !next_is(*rest, '"')) {
        if (next_is(*rest, '\\') && rest->len > 1)
            *rest = span_from(*rest, 1);
        if (*len == size)
            return false;
        if (!next_is(*rest, '\r') && !next_is(*rest, '\n'))
            out[(*len)++] = rest->at[0];
        *rest = span_from(*rest, 1);
    }
    if (rest->len == 0)
        return false;
    *rest = span_from(*rest, 1);
    return true;
}
