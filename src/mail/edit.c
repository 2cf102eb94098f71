/* Letters that a client composed itself; see edit.h. */
#include "mail/edit.h"

#include "mail/header.h"
#include "mail/trace.h"

static int add_missing(struct span header, const struct edit *edit, struct buffer *out)
{
    struct header_field field;
    int rc = 0;
    if (!header_find(header, SPAN("Date"), &field))
        rc = trace_date(out, edit->now_ms);
    if (rc == 0 && !header_find(header, SPAN("Message-ID"), &field))
        rc = trace_message_id(out, edit->letter, edit->hostname);
    if (rc == 0 && !header_find(header, SPAN("MIME-Version"), &field))
        rc = buffer_append_text(out, "MIME-Version: 1.0\r\n");
    return rc;
}

static bool is_blind(struct span name)
{
    return span_equal_nocase(name, SPAN("Bcc")) || span_equal_nocase(name, SPAN("Resent-Bcc"));
}

int edit_header(struct span header, const struct edit *edit, struct buffer *out)
{
    struct span rest = span_from(header, header_length(header));
    struct header_field field;
    if (rest.len && !span_equal(rest, SPAN("\r\n")))
        return ERR_SYNTAX;
    size_t before = out->len;
    int rc = add_missing(header, edit, out);
    while (rc == 0 && header_next(&header, &field))
        if (!is_blind(field.name))
            rc = buffer_append(out, field.raw);
    if (rc == 0)
        rc = buffer_append(out, rest);
    if (rc < 0)
        out->len = before;
    return rc;
}

bool edit_names(struct span field, const char *const *names)
{
    for (; names && *names; names++) {
        struct span name = span_of(*names);
        bool front = name.at[name.len - 1] == '*';
        if (front ? span_starts_nocase(field, span_first(name, name.len - 1))
                  : span_equal_nocase(field, name))
            return true;
    }
    return false;
}

int edit_without(struct span header, const char *const *names, struct buffer *out)
{
    struct header_field field;
    int rc = 0;
    while (rc == 0 && header_next(&header, &field))
        if (!edit_names(field.name, names))
            rc = buffer_append(out, field.raw);
    return rc < 0 ? rc : buffer_append(out, header);
}

int edit_lines(struct edit_lines *state, struct span piece, struct buffer *out)
{
    int rc = buffer_reserve(out, piece.len);
    for (size_t i = 0, len; rc == 0 && i < piece.len; i += len) {
        char c = piece.at[i];
        len = 1;
        if (c == '\0' || (state->cr && c != '\n'))
            return ERR_SYNTAX;
        state->cr = c == '\r';
        if (c == '\n') {
            rc = buffer_append_text(out, "\r\n");
        } else if (c != '\r') {
            while (i + len < piece.len && piece.at[i + len] != '\r' && piece.at[i + len] != '\n' &&
                   piece.at[i + len])
                len++;
            rc = buffer_append(out, span_first(span_from(piece, i), len));
        }
    }
    return rc;
}

int edit_lines_end(const struct edit_lines *state)
{
    return state->cr ? ERR_SYNTAX : 0;
}
