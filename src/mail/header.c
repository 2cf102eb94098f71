/* The header of a letter; see header.h. */
#include "mail/header.h"

/* The length of the line at the front, its LF included. */
static size_t line_length(struct span text)
{
    ptrdiff_t lf = span_find(text, '\n');
    return lf < 0 ? text.len : (size_t)lf + 1;
}

/* A field's length with its continuation lines. */
static size_t field_length(struct span text)
{
    size_t len = line_length(text);
    while (len < text.len && (text.at[len] == ' ' || text.at[len] == '\t'))
        len += line_length(span_from(text, len));
    return len;
}

/* 1*ftext, and blanks before the colon (RFC 5322 4.5, obsolete). */
static bool parse_field_name(struct span raw, struct span *ret_name)
{
    ptrdiff_t colon = span_find(raw, ':');
    if (colon <= 0)
        return false;
    struct span name = span_first(raw, (size_t)colon);
    while (name.len && (name.at[name.len - 1] == ' ' || name.at[name.len - 1] == '\t'))
        name.len--;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] < 33 || name.at[i] > 126)
            return false;
    *ret_name = name;
    return name.len > 0;
}

bool header_next(struct span *rest, struct header_field *ret_field)
{
    struct span raw = span_first(*rest, field_length(*rest)), name;
    if (!parse_field_name(raw, &name))
        return false;
    ret_field->raw = raw;
    ret_field->name = name;
    ret_field->body = span_trim(span_from(raw, (size_t)span_find(raw, ':') + 1));
    *rest = span_from(*rest, raw.len);
    return true;
}

size_t header_length(struct span letter)
{
    struct span rest = letter;
    struct header_field field;
    while (header_next(&rest, &field))
        ;
    return letter.len - rest.len;
}

bool header_find(struct span header, struct span name, struct header_field *ret_field)
{
    struct header_field field;
    while (header_next(&header, &field))
        if (span_equal_nocase(field.name, name)) {
            *ret_field = field;
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
