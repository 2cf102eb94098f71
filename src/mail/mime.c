/* MIME structure; see mime.h. Lines go by once; the parts that are open form a path to the root. */
#include "mail/mime.h"

#include "mail/header.h"
#include "mail/token.h"

#include <string.h>

/* --- Content-Type ---------------------------------------------------------------------------- */

/* RFC 2045 5.1; what is above ASCII passes too, since it stands in real file names. */
static bool is_token_char(char c)
{
    switch (c) {
    case '(':
    case ')':
    case '<':
    case '>':
    case '@':
    case ',':
    case ';':
    case ':':
    case '\\':
    case '"':
    case '/':
    case '[':
    case ']':
    case '?':
    case '=':
    case 127:
        return false;
    default:
        return (unsigned char)c > 32;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool mime_take_token(struct span *rest, struct span *ret_token)
{
    size_t len = 0;
    token_skip_cfws(rest);
    while (len < rest->len && is_token_char(rest->at[len]))
        len++;
    *ret_token = span_first(*rest, len);
    *rest = span_from(*rest, len);
    token_skip_cfws(rest);
    return len > 0;
}

static bool take_byte(struct span *rest, char byte)
{
    if (rest->len == 0 || rest->at[0] != byte)
        return false;
    *rest = span_from(*rest, 1);
    return true;
}

int mime_parse_type(struct span body, struct span *ret_type, struct span *ret_subtype,
                    struct span *ret_parameters)
{
    bool ok = mime_take_token(&body, ret_type) && take_byte(&body, '/') &&
              mime_take_token(&body, ret_subtype);
    *ret_parameters = body;
    return ok ? 0 : ERR_SYNTAX;
}

/* Takes "; name=value"; the value as written, with its quotes. */
static bool next_parameter(struct span *rest, struct span *ret_name, struct span *ret_value)
{
    token_skip_cfws(rest);
    while (take_byte(rest, ';'))
        token_skip_cfws(rest);
    if (!mime_take_token(rest, ret_name) || !take_byte(rest, '='))
        return false;
    token_skip_cfws(rest);
    struct span start = *rest;
    if (rest->len && rest->at[0] == '"') {
        take_byte(rest, '"');
        while (rest->len && rest->at[0] != '"')
            *rest = span_from(*rest, rest->at[0] == '\\' ? 2 : 1);
        take_byte(rest, '"');
    } else { /* tokens, and what people write without the quotes that it needs */
        while (rest->len && rest->at[0] != ';' && !is_blank(rest->at[0]))
            *rest = span_from(*rest, 1);
    }
    *ret_value = span_first(start, start.len - rest->len);
    return true;
}

/* Takes the next byte of a value as written: quotes, backslashes and folds are passed over. */
static bool next_value_byte(struct span *written, bool quoted, char *ret_byte)
{
    size_t i = 0;
    while (quoted && i < written->len &&
           (written->at[i] == '"' || written->at[i] == '\r' || written->at[i] == '\n'))
        i++;
    if (quoted && i + 1 < written->len && written->at[i] == '\\')
        i++;
    if (i < written->len)
        *ret_byte = written->at[i];
    bool any = i < written->len;
    *written = span_from(*written, i + 1);
    return any;
}

static bool is_quoted(struct span written)
{
    return written.len && written.at[0] == '"';
}

bool mime_next_parameter(struct span *rest, struct span *ret_name, char *value, size_t size)
{
    struct span written;
    size_t len = 0;
    char byte;
    if (!next_parameter(rest, ret_name, &written))
        return false;
    bool quoted = is_quoted(written);
    while (len + 1 < size && next_value_byte(&written, quoted, &byte))
        value[len++] = byte;
    value[len] = '\0';
    return true;
}

bool mime_find_parameter(struct span parameters, struct span name, char *value, size_t size)
{
    struct span found;
    while (mime_next_parameter(&parameters, &found, value, size))
        if (span_equal_nocase(found, name))
            return true;
    return false;
}

/* --- the tree -------------------------------------------------------------------------------- */

struct walk {
    struct span letter;
    struct mime_part *parts;
    int count, max;
    int current;    /* the innermost open part */
    bool in_header; /* of the current part */
    size_t at;      /* offset of the line at hand */
    size_t line;    /* its number; an open part's `lines` holds the number its body began at */
    struct span boundary[MIME_DEPTH_MAX]; /* by depth, as written; empty once closed */
};

static void begin_part(struct walk *w, int parent, size_t offset)
{
    if (w->count == w->max)
        return;
    w->parts[w->count] = (struct mime_part){
        .kind = MIME_LEAF,
        .parent = parent,
        .depth = parent < 0 ? 0 : w->parts[parent].depth + 1,
        .header = offset,
        .type = SPAN("text"),
        .subtype = SPAN("plain"),
        .parameters = SPAN(""),
    };
    w->current = w->count++;
    w->in_header = true;
    w->boundary[w->parts[w->current].depth] = SPAN("");
}

/* What a part without Content-Type is (RFC 2046 5.1.5). */
static void set_default_type(struct walk *w, struct mime_part *part)
{
    const struct mime_part *parent = part->parent < 0 ? NULL : &w->parts[part->parent];
    if (parent && parent->kind == MIME_MULTIPART &&
        span_equal_nocase(parent->subtype, SPAN("digest"))) {
        part->type = SPAN("message");
        part->subtype = SPAN("rfc822");
    }
}

static bool is_encoded(struct span header)
{
    struct header_field field;
    return header_find(header, SPAN("Content-Transfer-Encoding"), &field) &&
           (span_equal_nocase(field.body, SPAN("base64")) ||
            span_equal_nocase(field.body, SPAN("quoted-printable")));
}

static enum mime_kind kind_of(struct walk *w, const struct mime_part *part, struct span header)
{
    struct span rest = part->parameters, name, value;
    if (part->depth >= MIME_DEPTH_MAX - 1)
        return MIME_LEAF;
    if (span_equal_nocase(part->type, SPAN("message"))) {
        bool letter = span_equal_nocase(part->subtype, SPAN("rfc822")) ||
                      span_equal_nocase(part->subtype, SPAN("global"));
        return letter && !is_encoded(header) ? MIME_MESSAGE : MIME_LEAF;
    }
    if (!span_equal_nocase(part->type, SPAN("multipart")))
        return MIME_LEAF;
    while (next_parameter(&rest, &name, &value)) {
        char byte;
        if (!span_equal_nocase(name, SPAN("boundary")) || value.len > MIME_BOUNDARY_MAX)
            continue;
        struct span bytes = value;
        if (!next_value_byte(&bytes, is_quoted(value), &byte))
            return MIME_LEAF;
        w->boundary[part->depth] = value;
        return MIME_MULTIPART;
    }
    return MIME_LEAF;
}

/* The current part's header ends where its body begins. */
static void end_header(struct walk *w, size_t body, size_t line)
{
    struct mime_part *part = &w->parts[w->current];
    struct span header = span_first(span_from(w->letter, part->header), body - part->header);
    struct header_field field;
    part->body = body;
    part->lines = line;
    w->in_header = false;
    if (!header_find(header, SPAN("Content-Type"), &field)) {
        set_default_type(w, part);
    } else if (mime_parse_type(field.body, &part->type, &part->subtype, &part->parameters) < 0) {
        part->type = SPAN("text");
        part->subtype = SPAN("plain");
        part->parameters = SPAN("");
    } else {
        part->typed = true;
    }
    part->kind = kind_of(w, part, header);
    if (part->kind == MIME_MESSAGE)
        begin_part(w, w->current, body);
}

/* Ends the current part at the line at hand, which is not its own, or at the end of the letter; its
 * parent is the current one then. The line end before a boundary belongs to the boundary, unless it
 * is that of a blank line behind a header: a part never ends before its last child, at floor.
 * Returns where the part ends. */
static size_t close_part(struct walk *w, bool at_boundary, size_t floor)
{
    while (w->in_header)
        end_header(w, w->at, w->line);
    struct mime_part *part = &w->parts[w->current];
    part->lines = w->line - part->lines;
    part->end = w->at;
    if (at_boundary && part->lines && part->end > floor) {
        part->lines--;
        part->end--;
        if (part->end > part->body && w->letter.at[part->end - 1] == '\r')
            part->end--;
    }
    w->current = part->parent;
    return part->end;
}

enum delimiter { NO_DELIMITER, DELIMITER, CLOSE_DELIMITER };

/* "--" boundary ["--"] and blanks (RFC 2046 5.1.1); text is the line behind its first dashes. */
static enum delimiter match_boundary(struct span text, struct span written)
{
    bool quoted = is_quoted(written);
    char byte = 0;
    if (written.len == 0)
        return NO_DELIMITER;
    while (next_value_byte(&written, quoted, &byte))
        if (!take_byte(&text, byte))
            return NO_DELIMITER;
    bool close = span_starts(text, SPAN("--"));
    if (span_trim(span_from(text, close ? 2 : 0)).len)
        return NO_DELIMITER;
    return close ? CLOSE_DELIMITER : DELIMITER;
}

/* A delimiter of an open multipart ends what is open inside. */
static bool take_delimiter(struct walk *w, struct span line)
{
    if (line.len < 2 || line.at[0] != '-' || line.at[1] != '-')
        return false;
    for (int depth = w->parts[w->current].depth; depth >= 0; depth--) {
        enum delimiter match = match_boundary(span_from(line, 2), w->boundary[depth]);
        if (match == NO_DELIMITER)
            continue;
        size_t floor = 0;
        while (w->parts[w->current].depth > depth)
            floor = close_part(w, true, floor);
        if (match == CLOSE_DELIMITER)
            w->boundary[depth] = SPAN("");
        else
            begin_part(w, w->current, w->at + line.len);
        return true;
    }
    return false;
}

static bool is_header_line(const struct walk *w, struct span line)
{
    bool folded = line.at[0] == ' ' || line.at[0] == '\t';
    return folded ? w->at > w->parts[w->current].header : header_begins(line);
}

static void take_line(struct walk *w, struct span line)
{
    if (take_delimiter(w, line))
        return;
    while (w->in_header) {
        if (line.at[0] == '\n' || span_equal(line, SPAN("\r\n"))) {
            end_header(w, w->at + line.len, w->line + 1);
            return;
        }
        if (is_header_line(w, line))
            return;
        end_header(w, w->at, w->line); /* in a message's child, the line is looked at again */
    }
}

/* Lines of a body that can be no delimiter. */
static void pass_text(struct walk *w)
{
    const char *begin = w->letter.at + w->at, *end = w->letter.at + w->letter.len, *lf;
    while (end - begin >= 2 && !(begin[0] == '-' && begin[1] == '-') &&
           (lf = memchr(begin, '\n', (size_t)(end - begin)))) {
        begin = lf + 1;
        w->line++;
    }
    w->at = (size_t)(begin - w->letter.at);
}

int mime_parse(struct span letter, struct mime_part *ret_parts, int max)
{
    struct walk w = {.letter = letter, .parts = ret_parts, .max = max};
    begin_part(&w, -1, 0);
    while (w.at < letter.len) {
        if (!w.in_header)
            pass_text(&w);
        struct span rest = span_from(letter, w.at);
        ptrdiff_t lf = span_find(rest, '\n');
        struct span line = lf < 0 ? rest : span_first(rest, (size_t)lf + 1);
        take_line(&w, line);
        w.at += line.len;
        w.line += lf >= 0;
    }
    while (w.current >= 0)
        close_part(&w, false, 0);
    return w.count;
}
