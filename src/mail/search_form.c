/* Letters in search form; see search_form.h. */
#include "mail/search_form.h"

#include "mail/casemap.h"
#include "mail/decode.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/structure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR ((char)0xff) /* no byte of UTF-8 */

int search_form_fold(struct span text, struct buffer *out)
{
    return casemap_write(text, out);
}

void search_form_free(struct search_form *form)
{
    buffer_free(&form->header);
    buffer_free(&form->parts);
    buffer_free(&form->text);
}

/* --- fields ---------------------------------------------------------------------------------- */

/* Nothing in it but printable ASCII and folds, and no encoded word. */
static bool is_simple(struct span body)
{
    char before = 0;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.at[i];
        if (((c < ' ' || c > '~') && c != '\r' && c != '\n') || (c == '?' && before == '='))
            return false;
        before = c;
    }
    return true;
}

/* Folds become nothing, as decode_words makes them. */
static int fold_simple(struct span body, struct buffer *out)
{
    struct span line;
    int rc = 0;
    while (rc == 0 && span_cut(&body, '\n', &line)) {
        while (line.len && line.at[line.len - 1] == '\r')
            line = span_first(line, line.len - 1);
        rc = span_find(line, '\r') < 0 ? casemap_write(line, out) : -EILSEQ;
    }
    return rc;
}

static int fold_body(struct span body, struct buffer *scratch, struct buffer *out)
{
    size_t before = out->len;
    int rc = is_simple(body) ? fold_simple(body, out) : -EILSEQ;
    if (rc != -EILSEQ)
        return rc;
    out->len = before;
    buffer_clear(scratch);
    rc = decode_words(body, scratch);
    return rc < 0 ? rc : casemap_write(buffer_span(scratch), out);
}

static int add_field(const struct header_field *field, struct buffer *scratch, struct buffer *out)
{
    int rc = casemap_write(field->name, out);
    if (rc == 0)
        rc = buffer_append_text(out, ": ");
    if (rc == 0)
        rc = fold_body(field->body, scratch, out);
    return rc < 0 ? rc : buffer_append_byte(out, SEPARATOR);
}

static int add_header(struct span header, struct buffer *scratch, struct buffer *out)
{
    struct header_field field;
    int rc = 0;
    while (rc == 0 && header_next(&header, &field))
        rc = add_field(&field, scratch, out);
    return rc;
}

/* The first is full: what came before can be found, the rest is let go. */
static int or_full(int rc)
{
    return rc == -ENOBUFS ? 0 : rc;
}

int search_form_header(struct span letter, struct search_form *form)
{
    AUTO_BUFFER scratch = BUFFER(SEARCH_FORM_MAX);
    buffer_clear(&form->header);
    return or_full(add_header(span_first(letter, header_length(letter)), &scratch, &form->header));
}

/* --- parts ----------------------------------------------------------------------------------- */

/* A name in sections or with a charset of its own (RFC 2231), which a field's body does not show
 * as it is read. */
static int add_name(struct span header, const char *field_name, const char *parameter,
                    struct buffer *out)
{
    AUTO_BUFFER name = BUFFER(SEARCH_FORM_MAX);
    struct header_field field;
    struct span kind;
    if (!header_find(header, span_of(field_name), &field) || span_find(field.body, '*') < 0)
        return 0;
    struct span rest = field.body;
    if (!mime_take_token(&rest, &kind))
        return 0;
    ptrdiff_t semicolon = span_find(rest, ';');
    if (semicolon < 0)
        return 0;
    int rc = decode_parameter(span_from(rest, (size_t)semicolon), span_of(parameter), &name);
    if (rc <= 0)
        return rc;
    rc = casemap_write(buffer_span(&name), out);
    return rc < 0 ? rc : buffer_append_byte(out, SEPARATOR);
}

static int add_part_header(struct span header, bool is_root, struct buffer *scratch,
                           struct buffer *out)
{
    int rc = is_root ? 0 : add_header(header, scratch, out);
    if (rc == 0)
        rc = add_name(header, "Content-Type", "name", out);
    return rc < 0 ? rc : add_name(header, "Content-Disposition", "filename", out);
}

/* Transfer encoding and charset undone; scratch holds what lies between. */
static int add_text(const struct mime_part *part, struct span header, struct span body,
                    struct buffer scratch[2], struct buffer *out)
{
    struct header_field encoding = {.body = SPAN("")};
    char charset[64] = "";
    (void)!header_find(header, SPAN("Content-Transfer-Encoding"), &encoding);
    (void)!mime_find_parameter(part->parameters, SPAN("charset"), charset, sizeof charset);
    buffer_clear(&scratch[0]);
    buffer_clear(&scratch[1]);
    int rc = decode_transfer(encoding.body, body, &scratch[0]);
    if (rc == 0)
        rc = decode_charset(span_of(charset), buffer_span(&scratch[0]), &scratch[1]);
    if (rc == 0)
        rc = casemap_write(buffer_span(&scratch[1]), out);
    return rc < 0 ? rc : buffer_append_byte(out, SEPARATOR);
}

static int add_part(struct span letter, const struct mime_part *part, struct buffer scratch[2],
                    struct search_form *form)
{
    struct span header = span_make(letter.at + part->header, part->body - part->header);
    struct span body = span_make(letter.at + part->body, part->end - part->body);
    int rc = or_full(add_part_header(header, part->parent < 0, &scratch[0], &form->parts));
    if (rc == 0 && part->kind == MIME_LEAF && span_equal_nocase(part->type, SPAN("text")))
        rc = or_full(add_text(part, header, body, scratch, &form->text));
    return rc;
}

int search_form_body(struct span letter, struct search_form *form)
{
    struct mime_part *parts = malloc(STRUCTURE_PARTS_MAX * sizeof *parts);
    struct buffer scratch[2] = {BUFFER(SEARCH_FORM_MAX), BUFFER(SEARCH_FORM_MAX)};
    buffer_clear(&form->parts);
    buffer_clear(&form->text);
    int rc = parts ? 0 : -ENOMEM;
    int count = parts ? mime_parse(letter, parts, STRUCTURE_PARTS_MAX) : 0;
    for (int i = 0; rc == 0 && i < count; i++)
        rc = add_part(letter, &parts[i], scratch, form);
    buffer_free(&scratch[0]);
    buffer_free(&scratch[1]);
    free(parts);
    return rc;
}

/* --- finding --------------------------------------------------------------------------------- */

static bool has(const struct buffer *form, struct span text)
{
    return memmem(buffer_span(form).at, form->len, text.at, text.len) != NULL;
}

/* "NAME: body" is a field of that name. */
static bool is_named(struct span line, struct span name)
{
    return span_starts(line, name) && span_starts(span_from(line, name.len), SPAN(": "));
}

bool search_form_has_field(const struct search_form *form, struct span name, struct span text)
{
    struct span rest = buffer_span(&form->header), line;
    while (span_cut(&rest, SEPARATOR, &line)) {
        if (name.len && !is_named(line, name))
            continue;
        struct span body = span_from(line, name.len ? name.len + 2 : 0);
        if (memmem(body.at, body.len, text.at, text.len))
            return true;
    }
    return false;
}

bool search_form_has_text(const struct search_form *form, struct span text)
{
    return has(&form->text, text);
}

bool search_form_has(const struct search_form *form, struct span text)
{
    return has(&form->header, text) || has(&form->parts, text) || has(&form->text, text);
}
