/* The header of a letter; see header.h. */
#include "mail/header.h"

/* Behind the LF of the line that offset is in. */
static size_t line_end(struct span text, size_t offset)
{
    ptrdiff_t lf = span_find(span_from(text, offset), '\n');
    return lf < 0 ? text.len : offset + (size_t)lf + 1;
}

static bool is_blank(struct span text, size_t at)
{
    return at < text.len && (text.at[at] == ' ' || text.at[at] == '\t');
}

/* 1*ftext, and blanks before the colon (RFC 5322 4.5, obsolete). */
static bool parse_field_name(struct span text, struct span *ret_name, size_t *ret_colon)
{
    size_t len = 0;
    while (len < text.len && text.at[len] > 32 && text.at[len] < 127 && text.at[len] != ':')
        len++;
    *ret_name = span_first(text, len);
    while (is_blank(text, len))
        len++;
    *ret_colon = len;
    return ret_name->len && len < text.len && text.at[len] == ':';
}

/* Takes the next field off *rest; its body begins at *ret_body within raw. */
static bool take_field(struct span *rest, struct span *ret_raw, struct span *ret_name,
                       size_t *ret_body)
{
    struct span text = *rest;
    size_t colon;
    if (!parse_field_name(text, ret_name, &colon))
        return false;
    size_t end = line_end(text, colon);
    while (is_blank(text, end))
        end = line_end(text, end);
    *ret_raw = span_first(text, end);
    *ret_body = colon + 1;
    *rest = span_from(text, end);
    return true;
}

bool header_begins(struct span line)
{
    struct span name;
    size_t colon;
    return parse_field_name(line, &name, &colon);
}

bool header_next(struct span *rest, struct header_field *ret_field)
{
    struct span raw, name;
    size_t body;
    if (!take_field(rest, &raw, &name, &body))
        return false;
    *ret_field = (struct header_field){raw, name, span_trim(span_from(raw, body))};
    return true;
}

size_t header_length(struct span letter)
{
    struct span rest = letter, raw, name;
    size_t body;
    while (take_field(&rest, &raw, &name, &body))
        ;
    return letter.len - rest.len;
}

bool header_find(struct span header, struct span name, struct header_field *ret_field)
{
    struct span raw, found;
    size_t body;
    while (take_field(&header, &raw, &found, &body))
        if (span_equal_nocase(found, name)) {
            *ret_field = (struct header_field){raw, found, span_trim(span_from(raw, body))};
            return true;
        }
    return false;
}

size_t header_count(struct span header, struct span name)
{
    struct header_field field;
    size_t count = 0;
    while (header_next(&header, &field))
        count += span_equal_nocase(field.name, name);
    return count;
}

int header_unfold(struct span body, struct buffer *out)
{
    int rc = buffer_reserve(out, body.len);
    for (size_t i = 0; rc == 0 && i < body.len; i++)
        if (body.at[i] != '\r' && body.at[i] != '\n')
            out->at[out->len++] = body.at[i];
    return rc;
}

ptrdiff_t header_scan(struct header_scan *scan, struct span piece)
{
    static const char pattern[] = "\r\n\r\n";
    if (!scan->begun && piece.len) {
        scan->begun = true;
        scan->matched = 2; /* as if a line had just ended */
    }
    for (size_t i = 0; i < piece.len; i++) {
        if (scan->matched == 0) {
            struct span rest = span_from(piece, i);
            ptrdiff_t cr = span_find(rest, '\r');
            if (cr < 0)
                return -1;
            i += (size_t)cr;
        }
        if (piece.at[i] == pattern[scan->matched])
            scan->matched++;
        else
            scan->matched = piece.at[i] == '\r' ? 1 : 0;
        if (scan->matched == 4)
            return (ptrdiff_t)i + 1;
    }
    return -1;
}
