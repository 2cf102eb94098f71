/* Letters read into their parts; see letter.h. */
#include "api/letter.h"

#include "mail/decode.h"
#include "mail/edit.h"
#include "mail/header.h"
#include "mail/mime.h"

#include <errno.h>

#define PARTS_MAX     1000
#define FIELDS_MAX    1000
#define MAILBOXES_MAX 1000
#define FIELD_MAX     ((size_t)256 * 1024)
#define PART_MAX      ((size_t)64 * 1024 * 1024)

struct reading {
    struct span letter;
    const char *const *left_out;
    struct arena *arena;
    struct compose_letter *out;
    struct mime_part *parts;
    int part_count;
    struct compose_attachment *attachments;
    struct compose_body *bodies;
    struct compose_header *headers;
};

static int keep(struct reading *r, const struct buffer *bytes, struct span *ret_bytes)
{
    *ret_bytes = arena_copy(r->arena, buffer_span(bytes));
    return ret_bytes->at ? 0 : -ENOMEM;
}

/* --- the header ------------------------------------------------------------------------------ */

static int read_words(struct reading *r, struct span body, struct span *ret_text)
{
    AUTO_BUFFER out = BUFFER(FIELD_MAX);
    int rc = decode_words(body, &out);
    return rc < 0 ? rc : keep(r, &out, ret_text);
}

static int read_addresses(struct reading *r, struct span body, struct compose_list *ret_list)
{
    struct mailbox *list = arena_alloc(r->arena, MAILBOXES_MAX * sizeof *list);
    if (!list)
        return -ENOMEM;
    int count = address_parse_list(body, r->arena, list, MAILBOXES_MAX);
    if (count < 0)
        return count == ERR_SYNTAX ? 0 : count;
    for (int i = 0; i < count; i++) {
        int rc = read_words(r, list[i].name, &list[i].name);
        if (rc < 0)
            return rc;
    }
    *ret_list = (struct compose_list){list, (size_t)count};
    return 0;
}

static int read_extra(struct reading *r, const struct header_field *field)
{
    AUTO_BUFFER line = BUFFER(FIELD_MAX);
    struct compose_header *header = &r->headers[r->out->header_count];
    enum compose_header_kind kind = compose_header_kind(field->name);
    if (kind > COMPOSE_HEADER_TOKENS || edit_names(field->name, r->left_out))
        return 0;
    if (r->out->header_count == FIELDS_MAX)
        return -E2BIG;
    header->name = field->name;
    int rc = kind == COMPOSE_HEADER_TOKENS ? header_unfold(field->body, &line)
                                           : decode_words(field->body, &line);
    if (rc == 0)
        rc = keep(r, &line, &header->value);
    if (rc == 0 && header->value.len)
        r->out->header_count++;
    return rc;
}

static int read_field(struct reading *r, const struct header_field *field)
{
    const struct {
        const char *name;
        struct compose_list *list;
    } lists[] = {{"From", &r->out->from},
                 {"Sender", &r->out->sender},
                 {"Reply-To", &r->out->reply_to},
                 {"To", &r->out->to},
                 {"Cc", &r->out->cc}};
    for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++)
        if (span_equal_nocase(field->name, span_of(lists[i].name)))
            return lists[i].list->count ? 0 : read_addresses(r, field->body, lists[i].list);
    if (span_equal_nocase(field->name, SPAN("Subject")))
        return r->out->subject.len ? 0 : read_words(r, field->body, &r->out->subject);
    if (span_equal_nocase(field->name, SPAN("Message-ID"))) {
        r->out->message_id = field->body;
        return 0;
    }
    return read_extra(r, field);
}

static int read_header(struct reading *r)
{
    struct span rest = span_first(r->letter, header_length(r->letter));
    struct header_field field;
    int rc = 0;
    r->headers = arena_alloc(r->arena, (FIELDS_MAX + 1) * sizeof *r->headers);
    if (!r->headers)
        return -ENOMEM;
    while (rc == 0 && header_next(&rest, &field))
        rc = read_field(r, &field);
    r->out->headers = r->headers;
    return rc;
}

/* --- the parts ------------------------------------------------------------------------------- */

static struct span field_of(const struct reading *r, const struct mime_part *part, const char *name)
{
    struct header_field field;
    struct span header = span_make(r->letter.at + part->header, part->body - part->header);
    return header_find(header, span_of(name), &field) ? field.body : SPAN("");
}

static bool is_type(const struct mime_part *part, const char *type, const char *subtype)
{
    return span_equal_nocase(part->type, span_of(type)) &&
           span_equal_nocase(part->subtype, span_of(subtype));
}

static int read_bytes(struct reading *r, const struct mime_part *part, struct span *ret_bytes)
{
    AUTO_BUFFER out = BUFFER(PART_MAX);
    struct span raw = span_make(r->letter.at + part->body, part->end - part->body);
    int rc = decode_transfer(field_of(r, part, "Content-Transfer-Encoding"), raw, &out);
    return rc < 0 ? rc : keep(r, &out, ret_bytes);
}

static int read_text(struct reading *r, const struct mime_part *part, struct span *ret_text)
{
    AUTO_BUFFER out = BUFFER(PART_MAX);
    char charset[100] = "";
    struct span bytes = SPAN("");
    int rc = read_bytes(r, part, &bytes);
    (void)!mime_find_parameter(part->parameters, SPAN("charset"), charset, sizeof charset);
    if (rc == 0)
        rc = decode_charset(span_of(charset), bytes, &out);
    return rc < 0 ? rc : keep(r, &out, ret_text);
}

/* "type/subtype"; parameters are the composer's to say. */
static int read_type(struct reading *r, const struct mime_part *part, struct span *ret_type)
{
    AUTO_BUFFER out = BUFFER(COMPOSE_TYPE_MAX);
    int rc = buffer_append(&out, part->type);
    if (rc == 0)
        rc = buffer_append_byte(&out, '/');
    if (rc == 0)
        rc = buffer_append(&out, part->subtype);
    return rc < 0 ? rc : keep(r, &out, ret_type);
}

/* From Content-Disposition, else from Content-Type, as the older programs name files. */
static int read_name(struct reading *r, const struct mime_part *part, struct span disposition,
                     struct span *ret_name)
{
    AUTO_BUFFER out = BUFFER(COMPOSE_FILE_MAX);
    ptrdiff_t semicolon = span_find(disposition, ';');
    int rc = 0;
    if (semicolon >= 0)
        rc = decode_parameter(span_from(disposition, (size_t)semicolon), SPAN("filename"), &out);
    if (rc == 0)
        rc = decode_parameter(part->parameters, SPAN("name"), &out);
    return rc == -ENOBUFS ? 0 : rc < 0 ? rc : keep(r, &out, ret_name);
}

static int read_attachment(struct reading *r, const struct mime_part *part)
{
    struct compose_attachment *a = &r->attachments[r->out->attachment_count++];
    struct span disposition = field_of(r, part, "Content-Disposition");
    *a = (struct compose_attachment){.content_id = span_trim(field_of(r, part, "Content-ID")),
                                     .is_inline =
                                         !span_starts_nocase(disposition, SPAN("attachment"))};
    a->is_inline = a->is_inline && a->content_id.len > 0;
    int rc = read_type(r, part, &a->type);
    if (rc == 0)
        rc = read_name(r, part, disposition, &a->name);
    return rc < 0 ? rc : read_bytes(r, part, &a->bytes);
}

static int read_part(struct reading *r, const struct mime_part *part)
{
    struct compose_letter *out = r->out;
    struct span disposition = field_of(r, part, "Content-Disposition");
    bool attached = span_starts_nocase(disposition, SPAN("attachment"));
    bool alternative =
        part->parent >= 0 && is_type(&r->parts[part->parent], "multipart", "alternative");
    if (!attached && out->text.len == 0 && is_type(part, "text", "plain"))
        return read_text(r, part, &out->text);
    if (!attached && out->html.len == 0 && is_type(part, "text", "html"))
        return read_text(r, part, &out->html);
    if (!attached && out->amp.len == 0 && is_type(part, "text", "x-amp-html"))
        return read_text(r, part, &out->amp);
    if (attached || !alternative || !span_equal_nocase(part->type, SPAN("text")))
        return read_attachment(r, part);
    struct compose_body *body = &r->bodies[out->body_count++];
    int rc = read_type(r, part, &body->type);
    return rc < 0 ? rc : read_text(r, part, &body->text);
}

/* Is it inside a message that is attached whole? */
static bool is_inside_message(const struct reading *r, const struct mime_part *part)
{
    for (int i = part->parent; i >= 0; i = r->parts[i].parent)
        if (r->parts[i].kind == MIME_MESSAGE)
            return true;
    return false;
}

static int read_parts(struct reading *r)
{
    size_t room = PARTS_MAX;
    r->parts = arena_alloc(r->arena, room * sizeof *r->parts);
    r->attachments = arena_alloc(r->arena, room * sizeof *r->attachments);
    r->bodies = arena_alloc(r->arena, room * sizeof *r->bodies);
    if (!r->parts || !r->attachments || !r->bodies)
        return -ENOMEM;
    r->part_count = mime_parse(r->letter, r->parts, PARTS_MAX);
    r->out->attachments = r->attachments;
    r->out->bodies = r->bodies;
    int rc = r->part_count == PARTS_MAX ? -E2BIG : 0;
    for (int i = 0; rc == 0 && i < r->part_count; i++)
        if (r->parts[i].kind != MIME_MULTIPART && !is_inside_message(r, &r->parts[i]))
            rc = read_part(r, &r->parts[i]);
    r->out->html_alone = r->out->text.len == 0;
    return rc;
}

int letter_read(struct span letter, const char *const *left_out, struct arena *arena,
                struct compose_letter *ret_letter)
{
    struct reading r = {.letter = letter, .left_out = left_out, .arena = arena, .out = ret_letter};
    *ret_letter = (struct compose_letter){0};
    int rc = read_header(&r);
    return rc < 0 ? rc : read_parts(&r);
}

int letter_field(struct span letter, const char *name, struct arena *arena, struct span *ret_body)
{
    AUTO_BUFFER out = BUFFER(FIELD_MAX);
    struct header_field field;
    *ret_body = SPAN("");
    if (!header_find(span_first(letter, header_length(letter)), span_of(name), &field))
        return 0;
    int rc = decode_words(field.body, &out);
    if (rc < 0)
        return rc;
    *ret_body = arena_copy(arena, buffer_span(&out));
    return ret_body->at ? 0 : -ENOMEM;
}
