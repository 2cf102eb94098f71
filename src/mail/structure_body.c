/* BODY out of BODYSTRUCTURE: each part loses its extension data; see structure.h. */
#include "mail/structure_internal.h"

#define DEPTH_MAX (MIME_DEPTH_MAX + 2) /* of bodies: an empty one may stand within the deepest */

struct cut {
    struct span rest;
    struct buffer *out;
    int depth;
    bool is_multipart[DEPTH_MAX]; /* of the open ones; else a letter is within */
};

/* --- values ---------------------------------------------------------------------------------- */

static size_t quoted_length(struct span s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.at[i] == '"')
            return i + 1;
        i += s.at[i] == '\\';
    }
    return 0;
}

static size_t literal_length(struct span s)
{
    ptrdiff_t end = span_find(s, '}');
    uint64_t len;
    if (end < 2 || !span_to_uint(span_first(span_from(s, 1), (size_t)end - 1), s.len, &len) ||
        (uint64_t)end + 3 + len > s.len)
        return 0;
    return (size_t)end + 3 + (size_t)len;
}

static size_t atom_length(struct span s)
{
    size_t len = 0;
    while (len < s.len && span_find(SPAN(" ()\"{"), s.at[len]) < 0)
        len++;
    return len;
}

static size_t string_length(struct span s)
{
    if (s.len == 0)
        return 0;
    return s.at[0] == '"' ? quoted_length(s) : s.at[0] == '{' ? literal_length(s) : atom_length(s);
}

/* A string, a number, NIL, or a list with all that is in it; 0: none of them. */
static size_t value_length(struct span s)
{
    size_t len = 0, depth = 0;
    do {
        char c = len < s.len ? s.at[len] : 0;
        depth += c == '(';
        if (c == ')' && depth-- == 0)
            return 0;
        size_t one =
            c == '(' || c == ')' || (c == ' ' && depth) ? 1 : string_length(span_from(s, len));
        if (one == 0)
            return 0;
        len += one;
    } while (depth);
    return len;
}

/* --- cutting --------------------------------------------------------------------------------- */

static bool take_byte(struct cut *c, char byte)
{
    if (c->rest.len == 0 || c->rest.at[0] != byte)
        return false;
    c->rest = span_from(c->rest, 1);
    return true;
}

static int copy_byte(struct cut *c, char byte)
{
    return take_byte(c, byte) ? buffer_append_byte(c->out, byte) : ERR_CORRUPT;
}

static int copy_value(struct cut *c, struct span *ret_value)
{
    size_t len = value_length(c->rest);
    *ret_value = span_first(c->rest, len);
    c->rest = span_from(c->rest, len);
    return len ? buffer_append(c->out, *ret_value) : ERR_CORRUPT;
}

static int copy_next(struct cut *c)
{
    struct span value;
    int rc = copy_byte(c, ' ');
    return rc < 0 ? rc : copy_value(c, &value);
}

/* The extension data are left behind. */
static int end_body(struct cut *c)
{
    while (take_byte(c, ' ')) {
        size_t len = value_length(c->rest);
        if (len == 0)
            return ERR_CORRUPT;
        c->rest = span_from(c->rest, len);
    }
    return copy_byte(c, ')');
}

static int push(struct cut *c, bool is_multipart)
{
    if (c->depth == DEPTH_MAX)
        return ERR_CORRUPT;
    c->is_multipart[c->depth++] = is_multipart;
    return 0;
}

static struct span unquoted(struct span s)
{
    return s.len > 1 ? span_from(span_first(s, s.len - 1), 1) : s;
}

/* A single part, behind its "("; 1: a letter within comes next. */
static int copy_single(struct cut *c)
{
    struct span type = SPAN(""), subtype = SPAN("");
    int rc = copy_value(c, &type);
    if (rc == 0)
        rc = copy_byte(c, ' ');
    if (rc == 0)
        rc = copy_value(c, &subtype);
    for (int i = 0; rc == 0 && i < 5; i++) /* parameters, id, description, encoding, octets */
        rc = copy_next(c);
    if (rc < 0)
        return rc;
    if (structure_is_letter(unquoted(type), unquoted(subtype))) {
        rc = copy_next(c); /* envelope */
        if (rc == 0)
            rc = copy_byte(c, ' ');
        if (rc == 0)
            rc = push(c, false);
        return rc < 0 ? rc : 1;
    }
    if (span_equal_nocase(unquoted(type), SPAN("text")))
        rc = copy_next(c); /* lines */
    return rc < 0 ? rc : end_body(c);
}

/* From the "(" of a body to the end of the first one that is whole. */
static int copy_body(struct cut *c)
{
    int rc = 1;
    while (rc == 1) {
        rc = copy_byte(c, '(');
        if (rc < 0)
            return rc;
        if (c->rest.len && c->rest.at[0] == '(')
            rc = push(c, true) < 0 ? ERR_CORRUPT : 1;
        else
            rc = copy_single(c);
    }
    return rc;
}

int structure_write_body(struct span bodystructure, struct buffer *out)
{
    struct cut c = {.rest = bodystructure, .out = out};
    int rc = copy_body(&c);
    while (rc == 0 && c.depth) {
        bool is_multipart = c.is_multipart[c.depth - 1];
        if (is_multipart && c.rest.len && c.rest.at[0] == '(') {
            rc = copy_body(&c);
            continue;
        }
        c.depth--;
        rc = copy_next(&c); /* subtype, or lines */
        if (rc == 0)
            rc = end_body(&c);
    }
    return rc == 0 && c.rest.len ? ERR_CORRUPT : rc;
}
