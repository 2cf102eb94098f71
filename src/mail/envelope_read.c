/* ENVELOPEs read back; see envelope_read.h. */
#include "mail/envelope_read.h"

#include <errno.h>
#include <string.h>

static bool take(struct span *rest, char byte)
{
    if (rest->len == 0 || rest->at[0] != byte)
        return false;
    rest->at++;
    rest->len--;
    return true;
}

static bool take_nil(struct span *rest)
{
    if (!envelope_is_nil(*rest))
        return false;
    *rest = span_from(*rest, 3);
    return true;
}

/* Behind "{": the octets that a literal has; *rest stands at the first. */
static bool take_literal(struct span *rest, size_t *ret_octets)
{
    uint64_t octets;
    ptrdiff_t end = span_find(*rest, '}');
    if (end < 0 || !span_to_uint(span_first(*rest, (size_t)end), UINT32_MAX, &octets))
        return false;
    *rest = span_from(*rest, (size_t)end + 1);
    if (!take(rest, '\r') || !take(rest, '\n') || octets > rest->len)
        return false;
    *ret_octets = (size_t)octets;
    return true;
}

/* A quote behind an odd number of backslashes belongs to the string. */
static bool is_escaped(const char *start, const char *quote)
{
    size_t backslashes = 0;
    while (quote - backslashes > start && quote[-1 - (ptrdiff_t)backslashes] == '\\')
        backslashes++;
    return backslashes & 1;
}

static bool skip_quoted(struct span *rest)
{
    const char *end = rest->at + rest->len, *quote = rest->at;
    while ((quote = memchr(quote, '"', (size_t)(end - quote))) && is_escaped(rest->at, quote))
        quote++;
    if (!quote)
        return false;
    *rest = span_from(*rest, (size_t)(quote - rest->at) + 1);
    return true;
}

/* nstring */
static bool take_string(struct span *rest, struct span *ret_string)
{
    const char *start = rest->at;
    size_t octets;
    if (take(rest, '"')) {
        if (!skip_quoted(rest))
            return false;
    } else if (take(rest, '{')) {
        if (!take_literal(rest, &octets))
            return false;
        *rest = span_from(*rest, octets);
    } else if (!take_nil(rest)) {
        return false;
    }
    *ret_string = span_make(start, (size_t)(rest->at - start));
    return true;
}

/* "(" name SP route SP mailbox SP host ")" */
static bool take_address(struct span *rest, struct envelope_address *ret_address)
{
    struct span route;
    return take(rest, '(') && take_string(rest, &ret_address->name) && take(rest, ' ') &&
           take_string(rest, &route) && take(rest, ' ') &&
           take_string(rest, &ret_address->mailbox) && take(rest, ' ') &&
           take_string(rest, &ret_address->host) && take(rest, ')');
}

/* NIL, or "(" 1*address ")" */
static bool take_list(struct span *rest, struct span *ret_list)
{
    struct envelope_address address;
    const char *start = rest->at;
    if (!take_nil(rest)) {
        if (!take(rest, '('))
            return false;
        while (!take(rest, ')'))
            if (!take_address(rest, &address))
                return false;
    }
    *ret_list = span_make(start, (size_t)(rest->at - start));
    return true;
}

/* "(" date SP subject SP */
static bool take_front(struct span *rest, struct envelope *e)
{
    return take(rest, '(') && take_string(rest, &e->date) && take(rest, ' ') &&
           take_string(rest, &e->subject) && take(rest, ' ');
}

int envelope_read_front(struct span envelope, struct envelope *ret_envelope)
{
    return take_front(&envelope, ret_envelope) ? 0 : ERR_CORRUPT;
}

int envelope_read(struct span envelope, struct envelope *ret_envelope)
{
    struct envelope *e = ret_envelope;
    struct span rest = envelope;
    struct span *const ids[] = {&e->in_reply_to, &e->message_id};
    struct span *const lists[] = {&e->from, &e->sender, &e->reply_to, &e->to, &e->cc, &e->bcc};
    bool good = take_front(&rest, e);
    for (unsigned i = 0; good && i < 6; i++)
        good = take_list(&rest, lists[i]) && take(&rest, ' ');
    for (unsigned i = 0; good && i < 2; i++)
        good = take_string(&rest, ids[i]) && take(&rest, i ? ')' : ' ');
    return good && rest.len == 0 ? 0 : ERR_CORRUPT;
}

/* What stands between the quotes, or in the literal. */
static int find_text(struct span string, struct span *ret_text)
{
    struct span rest = string;
    size_t octets = 0;
    *ret_text = SPAN("");
    if (take_nil(&rest))
        return 0;
    bool literal = take(&rest, '{');
    if (literal ? !take_literal(&rest, &octets)
                : !take(&rest, '"') || rest.len == 0 || rest.at[rest.len - 1] != '"')
        return ERR_CORRUPT;
    *ret_text = span_first(rest, literal ? octets : rest.len - 1);
    return 0;
}

static bool has_escapes(struct span string, struct span text)
{
    return string.at[0] == '"' && span_find(text, '\\') >= 0;
}

int envelope_string(struct span string, struct buffer *out)
{
    struct span text;
    int rc = find_text(string, &text);
    if (rc < 0 || !has_escapes(string, text))
        return rc < 0 ? rc : buffer_append(out, text);
    rc = buffer_reserve(out, text.len);
    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        i += text.at[i] == '\\' && i + 1 < text.len;
        out->at[out->len++] = text.at[i];
    }
    return rc;
}

int envelope_text(struct span string, struct buffer *scratch, struct span *ret_text)
{
    int rc = find_text(string, ret_text);
    if (rc < 0 || !has_escapes(string, *ret_text))
        return rc < 0 ? rc : ret_text->len > scratch->cap ? -ENOBUFS : 0;
    buffer_clear(scratch);
    rc = envelope_string(string, scratch);
    *ret_text = buffer_span(scratch);
    return rc;
}

bool envelope_first_address(struct span list, struct envelope_address *ret_address)
{
    return take(&list, '(') && take_address(&list, ret_address);
}

bool envelope_is_nil(struct span string)
{
    return string.len >= 3 && string.at[0] == 'N' && string.at[1] == 'I' && string.at[2] == 'L';
}
