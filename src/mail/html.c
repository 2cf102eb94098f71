/* HTML in tokens; see html.h. */
#include "mail/html.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static char char_at(struct span s, size_t i)
{
    return i < s.len ? s.at[i] : '\0';
}

/* --- attributes ------------------------------------------------------------------------------ */

/* Blanks, and slashes that stand alone. */
static size_t skip_gap(struct span s, size_t at)
{
    while (at < s.len && (is_blank(s.at[at]) || s.at[at] == '/'))
        at++;
    return at;
}

static size_t skip_blanks(struct span s, size_t at)
{
    while (at < s.len && is_blank(s.at[at]))
        at++;
    return at;
}

/* End of the attribute name at the front; '=' as its first byte belongs to it. */
static size_t name_end(struct span s, size_t at)
{
    at++;
    while (at < s.len && !is_blank(s.at[at]) && s.at[at] != '/' && s.at[at] != '=' &&
           s.at[at] != '>')
        at++;
    return at;
}

/* Where the value that begins at at ends, its quotes included; *ret_value is within them. */
static size_t value_end(struct span s, size_t at, struct span *ret_value)
{
    char quote = char_at(s, at);
    if (quote == '"' || quote == '\'') {
        struct span inner = span_from(s, at + 1);
        ptrdiff_t end = span_find(inner, quote);
        *ret_value = end < 0 ? inner : span_first(inner, (size_t)end);
        return end < 0 ? s.len : at + 2 + (size_t)end;
    }
    size_t end = at;
    while (end < s.len && !is_blank(s.at[end]) && s.at[end] != '>')
        end++;
    *ret_value = span_first(span_from(s, at), end - at);
    return end;
}

/* One attribute from at on, which is no gap and no '>'. */
static size_t attribute_end(struct span s, size_t at, struct span *ret_name, struct span *ret_value)
{
    size_t end = name_end(s, at), equals = skip_blanks(s, end);
    *ret_name = span_first(span_from(s, at), end - at);
    *ret_value = SPAN("");
    return char_at(s, equals) == '=' ? value_end(s, skip_blanks(s, equals + 1), ret_value) : end;
}

bool html_next_attribute(struct span *rest, struct span *ret_name, struct span *ret_value)
{
    size_t at = skip_gap(*rest, 0);
    if (at == rest->len || rest->at[at] == '>')
        return false;
    *rest = span_from(*rest, attribute_end(*rest, at, ret_name, ret_value));
    return true;
}

struct span html_attribute(struct span attributes, struct span name)
{
    struct span found, value;
    while (html_next_attribute(&attributes, &found, &value))
        if (span_equal_nocase(found, name))
            return value;
    return SPAN("");
}

/* --- tokens ---------------------------------------------------------------------------------- */

/* '<' begins markup here, else it is text. */
static bool is_markup(struct span s)
{
    char next = char_at(s, 1);
    if (next == '/')
        return ascii_is_alpha(char_at(s, 2));
    return ascii_is_alpha(next) || next == '!' || next == '?';
}

static size_t text_length(struct span s)
{
    size_t len = 0;
    do {
        ptrdiff_t next = span_find(span_from(s, len + 1), '<');
        len = next < 0 ? s.len : len + 1 + (size_t)next;
    } while (len < s.len && !is_markup(span_from(s, len)));
    return len;
}

static size_t other_length(struct span s)
{
    bool comment = span_starts(s, SPAN("<!--"));
    ptrdiff_t end = comment ? span_find_span(span_from(s, 4), SPAN("-->")) : span_find(s, '>');
    if (comment && char_at(s, 4) == '>') /* "<!-->" */
        return 5;
    return end < 0 ? s.len : (size_t)end + (comment ? 7 : 1);
}

static bool is_name_char(char c)
{
    return c && !is_blank(c) && c != '/' && c != '>';
}

/* "<name …>" or "</name …>"; its length. */
static size_t read_tag(struct span s, struct html_token *token)
{
    size_t start = token->kind == HTML_CLOSE ? 2 : 1, at = start;
    struct span name, value;
    while (at < s.len && is_name_char(s.at[at]))
        at++;
    token->name = span_first(span_from(s, start), at - start);
    size_t attributes = at;
    for (at = skip_gap(s, at); at < s.len && s.at[at] != '>'; at = skip_gap(s, at))
        at = attribute_end(s, at, &name, &value);
    token->attributes = span_first(span_from(s, attributes), at - attributes);
    return at < s.len ? at + 1 : s.len;
}

bool html_next(struct span *rest, struct html_token *ret_token)
{
    struct span s = *rest;
    size_t len;
    if (s.len == 0)
        return false;
    *ret_token = (struct html_token){.kind = HTML_TEXT, .name = SPAN(""), .attributes = SPAN("")};
    if (s.at[0] != '<' || !is_markup(s)) {
        len = text_length(s);
    } else if (s.at[1] == '!' || s.at[1] == '?') {
        ret_token->kind = HTML_OTHER;
        len = other_length(s);
    } else {
        ret_token->kind = s.at[1] == '/' ? HTML_CLOSE : HTML_OPEN;
        len = read_tag(s, ret_token);
    }
    ret_token->raw = span_first(s, len);
    *rest = span_from(s, len);
    return true;
}

void html_skip_content(struct span *rest, struct span name)
{
    ptrdiff_t at;
    while ((at = span_find(*rest, '<')) >= 0) {
        *rest = span_from(*rest, (size_t)at);
        if (char_at(*rest, 1) == '/' && span_starts_nocase(span_from(*rest, 2), name) &&
            !is_name_char(char_at(*rest, 2 + name.len)))
            return;
        *rest = span_from(*rest, 1);
    }
    *rest = span_from(*rest, rest->len);
}
