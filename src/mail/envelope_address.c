/* Address lists of an ENVELOPE, read as far as they make sense; see envelope.h. Each byte is looked
 * at a few times at most, whatever the list is. */
#include "mail/envelope_internal.h"
#include "mail/nstring.h"
#include "mail/token.h"

static bool next_is(const struct envelope_list *l, char c)
{
    return l->rest.len && l->rest.at[0] == c;
}

static void skip(struct envelope_list *l)
{
    l->rest = span_from(l->rest, 1);
}

static void put(struct envelope_text *text, char c)
{
    if (text->len < sizeof text->at)
        text->at[text->len++] = c;
}

static struct span text_span(const struct envelope_text *text)
{
    return (struct span){text->at, text->len};
}

/* --- tokens ---------------------------------------------------------------------------------- */

static void skip_cfws(struct envelope_list *l)
{
    for (;;) {
        while (next_is(l, ' ') || next_is(l, '\t') || next_is(l, '\r') || next_is(l, '\n'))
            skip(l);
        if (!next_is(l, '('))
            return;
        struct span start = l->rest;
        token_skip_cfws(&l->rest);
        l->comment = span_first(start, start.len - l->rest.len);
    }
}

/* Of phrases and local parts; brackets and backslashes stand in names that people write. */
static bool is_word_char(char c)
{
    switch (c) {
    case '(':
    case ')':
    case '<':
    case '>':
    case ':':
    case ';':
    case '@':
    case ',':
    case '"':
    case 127:
        return false;
    default:
        return (unsigned char)c > 32;
    }
}

static bool is_host_char(char c)
{
    return is_word_char(c) && c != '[' && c != ']' && c != '\\';
}

/* Where the quoted string at the front ends, its quotes included; 0: it does not. */
static size_t quoted_length(struct span s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.at[i] == '"')
            return i + 1;
        i += s.at[i] == '\\';
    }
    return 0;
}

static bool next_is_word(struct envelope_list *l)
{
    while (next_is(l, '"')) {
        if (!l->unclosed && quoted_length(l->rest))
            return true;
        l->unclosed = true;
        skip(l);
    }
    return l->rest.len && is_word_char(l->rest.at[0]);
}

static void take_word(struct envelope_list *l, struct envelope_text *text)
{
    if (next_is(l, '"')) {
        size_t len = quoted_length(l->rest);
        for (size_t i = 1; i + 1 < len; i++) {
            char c = l->rest.at[i];
            if (c == '\\')
                c = l->rest.at[++i];
            if (c != '\r' && c != '\n')
                put(text, c);
        }
        l->rest = span_from(l->rest, len);
        return;
    }
    size_t len = 0;
    while (len < l->rest.len && is_word_char(l->rest.at[len]))
        put(text, l->rest.at[len++]);
    l->rest = span_from(l->rest, len);
}

static bool is_dot(struct span s, bool last)
{
    return s.len && s.at[last ? s.len - 1 : 0] == '.';
}

/* Words, a space between them; none beside a dot (RFC 5322 4.4). Writes where the words begin that
 * are a local part if an "@" follows, and how many words there are. */
static int take_words(struct envelope_list *l, struct envelope_text *text, bool is_local,
                      struct span *ret_last, size_t *ret_before)
{
    int count = 0;
    bool dot = false;
    while (next_is_word(l)) {
        struct span before = l->rest;
        bool joined = dot || is_dot(before, false);
        if (!joined || count == 0) {
            *ret_last = before;
            *ret_before = text->len;
        }
        if (count++ && !(is_local && joined))
            put(text, ' ');
        take_word(l, text);
        dot = is_dot(span_first(before, before.len - l->rest.len), true);
        skip_cfws(l);
    }
    return count;
}

/* "[127.0.0.1]", or atoms with dots, around which blanks may stand. */
static void take_host(struct envelope_list *l)
{
    l->host.len = 0;
    skip_cfws(l);
    if (next_is(l, '[')) {
        while (l->rest.len && !next_is(l, ']') && !next_is(l, ',') && !next_is(l, '>')) {
            put(&l->host, l->rest.at[0]);
            skip(l);
        }
        put(&l->host, ']');
        if (next_is(l, ']'))
            skip(l);
    }
    while (l->rest.len && is_host_char(l->rest.at[0])) {
        while (l->rest.len && is_host_char(l->rest.at[0])) {
            put(&l->host, l->rest.at[0]);
            skip(l);
        }
        skip_cfws(l);
        if (!next_is(l, '.') && !is_dot(text_span(&l->host), true))
            return;
    }
}

/* --- addresses ------------------------------------------------------------------------------- */

static int write_nil_or(struct span text, struct buffer *out)
{
    return text.len ? nstring_write(text, out) : buffer_append_text(out, "NIL");
}

/* "(name route mailbox host)"; host.at NULL is NIL. */
static int write_address(struct envelope_list *l, struct span name, struct span route,
                         struct span mailbox, struct span host)
{
    int rc = buffer_append_text(l->out, l->any ? "(" : "((");
    l->any = true;
    if (rc == 0)
        rc = write_nil_or(name, l->out);
    if (rc == 0)
        rc = buffer_append_byte(l->out, ' ');
    if (rc == 0)
        rc = write_nil_or(route, l->out);
    if (rc == 0)
        rc = buffer_append_byte(l->out, ' ');
    if (rc == 0)
        rc = mailbox.at ? nstring_write(mailbox, l->out) : buffer_append_text(l->out, "NIL");
    if (rc == 0)
        rc = buffer_append_byte(l->out, ' ');
    if (rc == 0)
        rc = host.at ? nstring_write(host, l->out) : buffer_append_text(l->out, "NIL");
    return rc < 0 ? rc : buffer_append_byte(l->out, ')');
}

static const struct span nil = {NULL, 0};

static int end_group(struct envelope_list *l)
{
    l->in_group = false;
    return write_address(l, nil, nil, nil, nil);
}

/* What stands in parentheses behind an address is the name of whoever has none else. */
static void take_comment_as_name(struct envelope_list *l)
{
    if (l->name.len || l->comment.len == 0)
        return;
    struct span inner = span_trim(span_from(l->comment, 1));
    if (inner.len && inner.at[inner.len - 1] == ')')
        inner.len--;
    inner = span_trim(inner);
    for (size_t i = 0; i < inner.len; i++)
        if (inner.at[i] != '\\' || ++i < inner.len)
            put(&l->name, inner.at[i]);
}

static int write_mailbox(struct envelope_list *l, struct span route)
{
    struct span local = text_span(&l->local), host = text_span(&l->host);
    take_comment_as_name(l);
    return write_address(l, text_span(&l->name), route,
                         local.len ? local : SPAN(ENVELOPE_NO_MAILBOX),
                         host.len ? host : SPAN(ENVELOPE_NO_HOST));
}

static bool is_separator(char c)
{
    return c == ',' || c == ';';
}

/* The first byte ahead that is one of those or a separator; 0 at the end. */
static size_t find_ahead(struct span rest, char a, char b)
{
    size_t i = 0;
    while (i < rest.len && rest.at[i] != a && rest.at[i] != b && !is_separator(rest.at[i]))
        i++;
    return i;
}

/* "@a,@b:" (RFC 5322 4.4), without the colon. */
static struct span take_route(struct envelope_list *l)
{
    size_t len = 0;
    if (!next_is(l, '@'))
        return nil;
    while (len < l->rest.len && span_find(SPAN(":<>;\""), l->rest.at[len]) < 0)
        len++;
    if (len == l->rest.len || l->rest.at[len] != ':')
        return nil;
    struct span route = span_trim(span_first(l->rest, len));
    l->rest = span_from(l->rest, len + 1);
    return span_first(route, ENVELOPE_WORD_MAX);
}

/* "<route local@host>"; what else stands within is passed over. */
static int take_angle_addr(struct envelope_list *l)
{
    struct span unused_span;
    size_t unused;
    l->local.len = l->host.len = 0;
    skip(l);
    skip_cfws(l);
    struct span route = take_route(l);
    skip_cfws(l);
    take_words(l, &l->local, true, &unused_span, &unused);
    if (next_is(l, '@')) {
        skip(l);
        take_host(l);
    }
    size_t ahead = find_ahead(l->rest, '>', '<');
    l->rest = span_from(l->rest, ahead);
    if (next_is(l, '>'))
        skip(l);
    skip_cfws(l);
    int rc = write_mailbox(l, route);
    ahead = find_ahead(l->rest, '<', '@'); /* another one without a comma? */
    if (ahead == l->rest.len || is_separator(l->rest.at[ahead]))
        l->rest = span_from(l->rest, ahead);
    return rc;
}

/* "anna@x <anna@x>": the name has no quotes though it needs them. */
static int take_bare_name(struct envelope_list *l, struct span start, size_t len)
{
    struct span name = span_trim(span_first(start, len));
    l->name.len = 0;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] != '"' && name.at[i] != '\\' && name.at[i] != '\r' && name.at[i] != '\n')
            put(&l->name, name.at[i]);
    l->rest = span_from(start, len);
    return take_angle_addr(l);
}

/* "local@host" at an "@"; the words before are in the name. What stands behind is passed over. */
static int take_addr_spec(struct envelope_list *l, struct span start, struct span last,
                          size_t before)
{
    struct span unused_span, spec = l->rest;
    size_t unused, ahead = find_ahead(spec, '<', '<');
    if (ahead < spec.len && spec.at[ahead] == '<')
        return take_bare_name(l, start, start.len - spec.len + ahead);
    l->local.len = 0;
    if (last.len) {
        l->rest = last;
        l->name.len = before;
        take_words(l, &l->local, true, &unused_span, &unused);
    }
    skip(l);
    take_host(l);
    skip_cfws(l);
    l->rest = span_from(l->rest, find_ahead(l->rest, ',', ','));
    return write_mailbox(l, nil);
}

/* Words alone: a local part, or a name if there are several. */
static int write_words(struct envelope_list *l, int count)
{
    l->local.len = l->host.len = 0;
    if (count > 1)
        return write_mailbox(l, nil);
    l->local = l->name;
    l->name.len = 0;
    return write_mailbox(l, nil);
}

static int take_group_or_words(struct envelope_list *l, int count)
{
    if (next_is(l, ':') && !l->in_group && count) {
        l->in_group = true;
        skip(l);
        return write_address(l, nil, nil, text_span(&l->name), nil);
    }
    return count ? write_words(l, count) : 0;
}

/* One address, or the begin of a group. */
static int take_address(struct envelope_list *l)
{
    struct span start = l->rest, last = nil;
    size_t before = 0;
    l->name.len = 0;
    l->comment = nil;
    int count = take_words(l, &l->name, false, &last, &before);
    if (next_is(l, '<'))
        return take_angle_addr(l);
    if (next_is(l, '@'))
        return take_addr_spec(l, start, last, before);
    return take_group_or_words(l, count);
}

/* A separator, or, where no rule fits, any byte. */
static int take_separator(struct envelope_list *l)
{
    bool end = next_is(l, ';') && l->in_group;
    skip(l);
    return end ? end_group(l) : 0;
}

int envelope_add_addresses(struct envelope_list *l, struct span body)
{
    int rc = 0;
    l->rest = body;
    l->in_group = l->unclosed = false;
    skip_cfws(l);
    while (rc == 0 && l->rest.len && l->out->len - l->start < ENVELOPE_LIST_MAX) {
        size_t left = l->rest.len;
        if (!is_separator(l->rest.at[0]))
            rc = take_address(l);
        if (rc == 0 && l->rest.len && (l->rest.len == left || is_separator(l->rest.at[0])))
            rc = take_separator(l);
        skip_cfws(l);
    }
    return rc == 0 && l->in_group ? end_group(l) : rc;
}
