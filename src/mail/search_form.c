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
    buffer_free(&form->scratch[0]);
    buffer_free(&form->scratch[1]);
    free(form->tree);
    form->tree = NULL;
    form->count = form->next = 0;
}

/* --- fields ---------------------------------------------------------------------------------- */

/* Folds become nothing and tabs blanks, as decode_words makes them. */
static int fold_simple(struct span body, struct buffer *out)
{
    size_t before = out->len;
    struct span line;
    int rc = 0;
    while (rc == 0 && span_cut(&body, '\n', &line)) {
        if (line.len && line.at[line.len - 1] == '\r')
            line = span_first(line, line.len - 1);
        rc = casemap_write(line, out);
    }
    for (ptrdiff_t tab;
         rc == 0 && (tab = span_find(span_from(buffer_span(out), before), '\t')) >= 0;)
        out->at[before += (size_t)tab] = ' ';
    return rc;
}

static int fold_body(struct span body, struct buffer *scratch, struct buffer *out)
{
    if (decode_is_simple(body))
        return fold_simple(body, out);
    buffer_clear(scratch);
    int rc = decode_words(body, scratch);
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
    buffer_clear(&form->header);
    return or_full(add_header(letter, &form->scratch[0], &form->header));
}

/* Blanks and ":" aside, a field's form is what stands there. */
static bool is_word(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] > '~' || text.at[i] == ':')
            return false;
    return true;
}

/* Up to the blank line: all fields are in it. */
static struct span find_header(struct span letter)
{
    size_t end = 0;
    for (ptrdiff_t lf; (lf = span_find(span_from(letter, end), '\n')) >= 0;) {
        end += (size_t)lf + 1;
        if (end + 1 < letter.len && letter.at[end] == '\r' && letter.at[end + 1] == '\n')
            return span_first(letter, end);
    }
    return letter;
}

bool search_form_may_have_in_header(struct span letter, struct search_form *form, struct span text)
{
    struct span header = find_header(letter);
    struct buffer *folded = &form->scratch[0];
    if (!is_word(text) || !decode_is_simple(header))
        return true;
    buffer_clear(folded);
    return casemap_write(header, folded) < 0 || span_find_span(buffer_span(folded), text) >= 0;
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
    if (rc == 0 && span_find(header, '*') < 0)
        return 0; /* no such name */
    if (rc == 0)
        rc = add_name(header, "Content-Type", "name", out);
    return rc < 0 ? rc : add_name(header, "Content-Disposition", "filename", out);
}

static int add_decoded(struct span charset, struct span bytes, struct buffer *scratch,
                       struct buffer *out)
{
    if (decode_is_plain(charset, bytes))
        return casemap_write(bytes, out);
    buffer_clear(scratch);
    int rc = decode_charset(charset, bytes, scratch);
    return rc < 0 ? rc : casemap_write(buffer_span(scratch), out);
}

/* Transfer encoding and charset undone; scratch holds what lies between. */
static int add_text(const struct mime_part *part, struct span header, struct span body,
                    struct buffer scratch[2], struct buffer *out)
{
    struct header_field encoding = {.body = SPAN("")};
    char charset[64] = "";
    int rc = 0;
    (void)!header_find(header, SPAN("Content-Transfer-Encoding"), &encoding);
    (void)!mime_find_parameter(part->parameters, SPAN("charset"), charset, sizeof charset);
    if (decode_is_encoded(encoding.body)) {
        buffer_clear(&scratch[0]);
        rc = decode_transfer(encoding.body, body, &scratch[0]);
        body = buffer_span(&scratch[0]);
    }
    if (rc == 0)
        rc = add_decoded(span_of(charset), body, &scratch[1], out);
    return rc < 0 ? rc : buffer_append_byte(out, SEPARATOR);
}

static int add_part(struct span letter, const struct mime_part *part, struct search_form *form)
{
    struct span header = span_make(letter.at + part->header, part->body - part->header);
    struct span body = span_make(letter.at + part->body, part->end - part->body);
    int rc = or_full(add_part_header(header, part->parent < 0, &form->scratch[0], &form->parts));
    if (rc == 0 && part->kind == MIME_LEAF && span_equal_nocase(part->type, SPAN("text")))
        rc = or_full(add_text(part, header, body, form->scratch, &form->text));
    return rc;
}

int search_form_begin(struct span letter, struct search_form *form)
{
    if (!form->tree)
        form->tree = malloc(STRUCTURE_PARTS_MAX * sizeof *form->tree);
    buffer_clear(&form->parts);
    buffer_clear(&form->text);
    form->next = 0;
    form->count = form->tree ? mime_parse(letter, form->tree, STRUCTURE_PARTS_MAX) : 0;
    return form->tree ? 0 : -ENOMEM;
}

int search_form_next(struct span letter, struct search_form *form)
{
    if (form->next == form->count)
        return 0;
    int rc = add_part(letter, &form->tree[form->next++], form);
    return rc < 0 ? rc : 1;
}

int search_form_rest(struct span letter, struct search_form *form)
{
    int rc;
    while ((rc = search_form_next(letter, form)) > 0)
        ;
    return rc;
}

int search_form_body(struct span letter, struct search_form *form)
{
    int rc = search_form_begin(letter, form);
    return rc < 0 ? rc : search_form_rest(letter, form);
}

/* --- finding --------------------------------------------------------------------------------- */

static bool has(const struct buffer *form, size_t from, struct span text)
{
    return span_find_span(span_from(buffer_span(form), from), text) >= 0;
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
        if (span_find_span(span_from(line, name.len ? name.len + 2 : 0), text) >= 0)
            return true;
    }
    return false;
}

bool search_form_has_in_header(const struct search_form *form, struct span text)
{
    return has(&form->header, 0, text);
}

/* A separator ends each part, so that no text reaches into the next. */
static int find(struct span letter, struct search_form *form, struct span text, bool in_parts)
{
    size_t seen_text = 0, seen_parts = 0;
    int rc = 1;
    while (rc > 0) {
        if (has(&form->text, seen_text, text) || (in_parts && has(&form->parts, seen_parts, text)))
            return 1;
        seen_text = form->text.len;
        seen_parts = form->parts.len;
        rc = search_form_next(letter, form);
    }
    return rc;
}

int search_form_find_text(struct span letter, struct search_form *form, struct span text)
{
    return find(letter, form, text, false);
}

int search_form_find(struct span letter, struct search_form *form, struct span text)
{
    return find(letter, form, text, true);
}
