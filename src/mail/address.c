/* Addresses; see address.h. Functions bear the names of RFC 5322's rules. */
#include "mail/address.h"

#include "mail/token.h"

#include <errno.h>
#include <idn2.h>
#include <string.h>

bool address_split(struct span address, struct span *ret_local, struct span *ret_domain)
{
    ptrdiff_t at = span_find_last(address, '@');
    if (at <= 0 || at > ADDRESS_LOCAL_MAX)
        return false;
    struct span domain = span_from(address, (size_t)at + 1);
    if (domain.len == 0 || domain.len > ADDRESS_DOMAIN_MAX)
        return false;
    *ret_local = span_first(address, (size_t)at);
    *ret_domain = domain;
    return true;
}

/* --- folding --------------------------------------------------------------------------------- */

static bool is_host_char(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '_';
}

static bool is_host_name(struct span name)
{
    size_t label = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '.') {
            if (label == 0 || name.at[i - 1] == '-')
                return false;
            label = 0;
        } else if (!is_host_char(name.at[i]) || (name.at[i] == '-' && label == 0) || ++label > 63) {
            return false;
        }
    }
    return label > 0 && name.at[name.len - 1] != '-';
}

/* "[127.0.0.1]", "[IPv6:::1]", "[tag:text]" (RFC 5321 4.1.3). */
static bool is_address_literal(struct span name)
{
    if (name.len < 3 || name.at[0] != '[' || name.at[name.len - 1] != ']')
        return false;
    for (size_t i = 1; i < name.len - 1; i++)
        if (!is_host_char(name.at[i]) && name.at[i] != '.' && name.at[i] != ':')
            return false;
    return true;
}

static bool is_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] > 126)
            return false;
    return true;
}

static void lower_into(char *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        out[i] = ascii_lower(text.at[i]);
    out[text.len] = '\0';
}

static int fold_unicode(struct span domain, char ret_text[ADDRESS_DOMAIN_MAX + 1])
{
    char *ascii = NULL, text[ADDRESS_DOMAIN_MAX + 1];
    if (!span_to_text(domain, text, sizeof text))
        return ERR_SYNTAX;
    int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
    if (idn2_lookup_u8((const uint8_t *)text, (uint8_t **)&ascii, flags) != IDN2_OK)
        return ERR_SYNTAX;
    struct span folded = span_of(ascii);
    int rc = folded.len <= ADDRESS_DOMAIN_MAX && is_host_name(folded) ? 0 : ERR_SYNTAX;
    if (rc == 0)
        lower_into(ret_text, folded);
    idn2_free(ascii);
    return rc;
}

int address_fold_domain(struct span domain, char ret_text[ADDRESS_DOMAIN_MAX + 1])
{
    if (domain.len == 0 || domain.len > ADDRESS_DOMAIN_MAX)
        return ERR_SYNTAX;
    if (is_address_literal(domain)) {
        lower_into(ret_text, domain);
        return 0;
    }
    if (!is_ascii(domain))
        return fold_unicode(domain, ret_text);
    if (!is_host_name(domain))
        return ERR_SYNTAX;
    lower_into(ret_text, domain);
    return 0;
}

int address_fold(struct span local, struct span domain, char ret_text[ADDRESS_TEXT_MAX])
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    if (local.len == 0 || local.len > ADDRESS_LOCAL_MAX)
        return ERR_SYNTAX;
    for (size_t i = 0; i < local.len; i++)
        if (local.at[i] < 33 || local.at[i] > 126)
            return ERR_SYNTAX;
    int rc = address_fold_domain(domain, folded);
    if (rc < 0)
        return rc;
    lower_into(ret_text, local);
    ret_text[local.len] = '@';
    lower_into(ret_text + local.len + 1, span_of(folded));
    return 0;
}

/* --- lists ----------------------------------------------------------------------------------- */

struct parser {
    struct span rest;
    struct arena *arena;
    struct mailbox *list;
    size_t count, max;
    bool in_group;
};

static bool next_is(struct parser *p, char c)
{
    return p->rest.len && p->rest.at[0] == c;
}

static void skip(struct parser *p)
{
    p->rest = span_from(p->rest, 1);
}

static bool is_atom_char(char c)
{
    return c && ((unsigned char)c > 127 || (c > 32 && c < 127 && !strchr("()<>[]:;@\\,\"", c)));
}

/* A word: an atom (dots included, as people write them) or a quoted string; appended to out. */
static bool parse_word(struct parser *p, char *out, size_t *len, size_t size)
{
    if (next_is(p, '"'))
        return token_quoted_string(&p->rest, out, len, size);
    size_t start = *len;
    while (p->rest.len && is_atom_char(p->rest.at[0])) {
        if (*len == size)
            return false;
        out[(*len)++] = p->rest.at[0];
        skip(p);
    }
    return *len > start;
}

/* Words up to a special; a single space between them. */
static bool parse_phrase(struct parser *p, char *out, size_t *len, size_t size)
{
    token_skip_cfws(&p->rest);
    while (p->rest.len && (next_is(p, '"') || is_atom_char(p->rest.at[0]))) {
        if (*len && *len < size)
            out[(*len)++] = ' ';
        if (!parse_word(p, out, len, size))
            return false;
        token_skip_cfws(&p->rest);
    }
    return true;
}

static bool parse_domain(struct parser *p, struct span *ret_domain)
{
    struct span start = p->rest;
    if (next_is(p, '[')) {
        ptrdiff_t end = span_find(p->rest, ']');
        if (end < 0)
            return false;
        *ret_domain = span_first(p->rest, (size_t)end + 1);
        p->rest = span_from(p->rest, (size_t)end + 1);
        return true;
    }
    while (p->rest.len && is_atom_char(p->rest.at[0]))
        skip(p);
    *ret_domain = span_first(start, start.len - p->rest.len);
    return ret_domain->len > 0;
}

static int add_mailbox(struct parser *p, struct span name, struct span local, struct span domain)
{
    if (p->count == p->max)
        return -E2BIG;
    struct mailbox *box = &p->list[p->count];
    box->name = arena_copy(p->arena, name);
    box->local = arena_copy(p->arena, local);
    box->domain = arena_copy(p->arena, domain);
    if (!box->name.at || !box->local.at || !box->domain.at)
        return -ENOMEM;
    p->count++;
    return 0;
}

/* "local@domain", the local part being already in words, or still to come. */
static int parse_addr_spec(struct parser *p, struct span name, struct span local)
{
    struct span domain;
    skip(p); /* "@" */
    token_skip_cfws(&p->rest);
    if (!parse_domain(p, &domain))
        return ERR_SYNTAX;
    token_skip_cfws(&p->rest);
    return add_mailbox(p, name, local, domain);
}

/* "<@route:local@domain>" behind a display name. */
static int parse_angle_addr(struct parser *p, struct span name)
{
    char local[256];
    size_t len = 0;
    skip(p);
    token_skip_cfws(&p->rest);
    if (next_is(p, '@')) {
        ptrdiff_t colon = span_find(p->rest, ':');
        if (colon < 0)
            return ERR_SYNTAX;
        p->rest = span_from(p->rest, (size_t)colon + 1);
        token_skip_cfws(&p->rest);
    }
    if (next_is(p, '>')) { /* "<>" stands in broken From fields: no mailbox */
        skip(p);
        return 0;
    }
    if (!parse_word(p, local, &len, sizeof local))
        return ERR_SYNTAX;
    token_skip_cfws(&p->rest);
    int rc = next_is(p, '@') ? parse_addr_spec(p, name, span_make(local, len)) : ERR_SYNTAX;
    if (rc == 0 && !next_is(p, '>'))
        rc = ERR_SYNTAX;
    if (rc == 0)
        skip(p);
    return rc;
}

static int parse_address(struct parser *p)
{
    char words[1024];
    size_t len = 0;
    if (!parse_phrase(p, words, &len, sizeof words))
        return ERR_SYNTAX;
    struct span text = span_make(words, len);
    if (next_is(p, '<'))
        return parse_angle_addr(p, text);
    if (next_is(p, '@') && len)
        return parse_addr_spec(p, SPAN(""), text);
    if (next_is(p, ':') && !p->in_group) {
        p->in_group = true;
        skip(p);
        return 0;
    }
    return len ? ERR_SYNTAX : 0;
}

/* Between addresses: commas, and the end of a group. */
static bool skip_separators(struct parser *p)
{
    bool any = false;
    token_skip_cfws(&p->rest);
    while (next_is(p, ',') || (next_is(p, ';') && p->in_group)) {
        if (next_is(p, ';'))
            p->in_group = false;
        skip(p);
        token_skip_cfws(&p->rest);
        any = true;
    }
    return any;
}

int address_parse_list(struct span body, struct arena *arena, struct mailbox *ret_list, size_t max)
{
    struct parser p = {.rest = body, .arena = arena, .list = ret_list, .max = max};
    skip_separators(&p);
    while (p.rest.len) {
        bool opened = p.in_group;
        int rc = parse_address(&p);
        if (rc < 0)
            return rc;
        bool separated = skip_separators(&p) || opened != p.in_group;
        if (p.rest.len && !separated)
            return ERR_SYNTAX;
    }
    return (int)p.count;
}
