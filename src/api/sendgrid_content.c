/* The letter's parts and header as a mail/send gives them; see sendgrid_mail.h. The words are
 * SendGrid's own. */
#include "api/sendgrid_mail.h"

#include "base/base64.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADERS_MAX     1000
#define ATTACHMENTS_MAX 1000
#define CONTENTS_MAX    100

/* --- texts ----------------------------------------------------------------------------------- */

static bool has_byte_of(struct span text, const char *bytes)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] && strchr(bytes, text.at[i]))
            return true;
    return false;
}

/* text/plain, text/html, then all others. */
static int rank_of(struct span type)
{
    if (span_equal_nocase(type, SPAN("text/plain")))
        return 0;
    return span_equal_nocase(type, SPAN("text/html")) ? 1 : 2;
}

static void put_part(struct compose_letter *letter, struct compose_body *bodies, struct span type,
                     struct span value)
{
    int rank = rank_of(type);
    if (rank == 0)
        letter->text = value;
    else if (rank == 1)
        letter->html = value;
    else if (span_equal_nocase(type, SPAN("text/x-amp-html")))
        letter->amp = value;
    else
        bodies[letter->body_count++] = (struct compose_body){type, value};
}

static int take_part(struct sendgrid_mail *m, struct json_object *o, size_t i,
                     struct span *ret_type, struct span *ret_value)
{
    if (!json_object_is_type(o, json_type_object))
        return sendgrid_wrong(m, "Each content block must be an object with type and value.",
                              "content.%zu", i);
    int rc = member_text(o, "type", ret_type);
    if (rc == 0)
        return sendgrid_wrong(m,
                              "A content type is required, this tells email clients how to display"
                              " the email.",
                              "content.%zu.type", i);
    if (rc < 0 || ret_type->len == 0)
        return sendgrid_wrong(
            m, "Your content type must be a string with length of at least one character.",
            "content.%zu.type", i);
    if (has_byte_of(*ret_type, ";,\r\n"))
        return sendgrid_wrong(m, "Cannot contain ';', or CRLF characters.", "content.%zu.type", i);
    if (member_text(o, "value", ret_value) <= 0 || ret_value->len == 0)
        return sendgrid_wrong(
            m, "The content value must be a string at least one character in length.",
            "content.%zu.value", i);
    return 0;
}

static int take_parts(struct sendgrid_mail *m, struct json_object *list, size_t count)
{
    struct compose_letter *letter = &m->content.letter;
    struct compose_body *bodies = arena_zero(&m->arena, (count + 1) * sizeof *bodies);
    int before = 0;
    if (!bodies)
        return -ENOMEM;
    letter->bodies = bodies;
    for (size_t i = 0; i < count; i++) {
        struct span type = SPAN(""), value = SPAN("");
        int rc = take_part(m, json_object_array_get_idx(list, i), i, &type, &value);
        int rank = rc == 0 ? rank_of(type) : 0;
        if (rc < 0)
            return rc;
        if ((rank == 0 && letter->text.len) || (rank == 1 && letter->html.len))
            return sendgrid_wrong(
                m, "If present, text/plain and text/html may only be provided once.", "content");
        if (rank < before)
            return sendgrid_wrong(m,
                                  "Following RFC 1341, section 7.2, if either text/html or"
                                  " text/plain are to be sent in your email: text/plain needs to be"
                                  " first, followed by text/html, followed by any other content.",
                                  "content");
        before = rank;
        put_part(letter, bodies, type, value);
    }
    return 0;
}

/* --- attachments ----------------------------------------------------------------------------- */

static int take_bytes(struct sendgrid_mail *m, struct json_object *o, size_t i,
                      struct span *ret_bytes)
{
    struct span text;
    if (member_text(o, "content", &text) <= 0 || text.len == 0)
        return sendgrid_wrong(
            m, "The attachment content must be a string at least one character in length.",
            "attachments.%zu.content", i);
    AUTO_BUFFER plain = BUFFER(text.len), bytes = BUFFER(text.len + 16);
    bool broken = span_find(text, '\n') >= 0 || span_find(text, '\r') >= 0;
    struct span line;
    int rc = 0;
    if (broken) { /* into lines, as many encoders do */
        for (struct span rest = text; rc == 0 && span_cut(&rest, '\n', &line);)
            rc = buffer_append(&plain, span_trim(line));
        text = buffer_span(&plain);
    }
    if (rc == 0)
        rc = base64_decode(&bytes, text);
    if (rc == ERR_SYNTAX)
        return sendgrid_wrong(m, "The attachment content must be base64 encoded.",
                              "attachments.%zu.content", i);
    if (rc < 0)
        return rc;
    *ret_bytes = arena_copy(&m->arena, buffer_span(&bytes));
    return ret_bytes->at ? 0 : -ENOMEM;
}

static int take_names(struct sendgrid_mail *m, struct json_object *o, size_t i,
                      struct compose_attachment *one)
{
    int rc = member_text(o, "filename", &one->name);
    if (rc <= 0)
        return sendgrid_wrong(m,
                              rc == 0 ? "filename is required."
                                      : "The filename of your attachment must be a string.",
                              "attachments.%zu.filename", i);
    if (!sendgrid_is_line(one->name))
        return sendgrid_wrong(m, "The filename of your attachment cannot contain CRLF characters.",
                              "attachments.%zu.filename", i);
    rc = member_text(o, "type", &one->type);
    if (rc < 0 || (rc > 0 && one->type.len == 0))
        return sendgrid_wrong(
            m, "The attachment type must be a string and at least one character in length.",
            "attachments.%zu.type", i);
    if (has_byte_of(one->type, ";,\r\n"))
        return sendgrid_wrong(m, "The type cannot contain ';', or CRLF characters.",
                              "attachments.%zu.type", i);
    return 0;
}

static int take_attachment(struct sendgrid_mail *m, struct json_object *o, size_t i,
                           struct compose_attachment *one)
{
    struct span disposition = SPAN("attachment");
    if (!json_object_is_type(o, json_type_object))
        return sendgrid_wrong(m, "Each attachment must be an object.", "attachments.%zu", i);
    int rc = take_names(m, o, i, one);
    if (rc < 0)
        return rc;
    if (member_text(o, "content_id", &one->content_id) < 0)
        return sendgrid_wrong(m, "The content ID of your attachment must be a string.",
                              "attachments.%zu.content_id", i);
    if (!sendgrid_is_line(one->content_id))
        return sendgrid_wrong(m,
                              "The content ID of your attachment cannot contain CRLF characters.",
                              "attachments.%zu.content_id", i);
    bool text = member_text(o, "disposition", &disposition) >= 0;
    one->is_inline = text && span_equal(disposition, SPAN("inline"));
    if (!text || (!one->is_inline && !span_equal(disposition, SPAN("attachment"))))
        return sendgrid_wrong(
            m,
            sendgrid_words(m,
                           "The disposition of your attachment can be either \"inline\" or"
                           " \"attachment\". You provided %.*s.",
                           SPAN_PRINT(disposition)),
            "attachments.%zu.disposition", i);
    return take_bytes(m, o, i, &one->bytes);
}

static int take_attachments(struct sendgrid_mail *m, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t count;
    int rc = member_array(o, "attachments", &list, &count);
    if (rc < 0 || count > ATTACHMENTS_MAX)
        return sendgrid_wrong(m, "The attachments must be an array of at most 1000 objects.",
                              "attachments");
    struct compose_attachment *all = arena_zero(&m->arena, (count + 1) * sizeof *all);
    rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_attachment(m, json_object_array_get_idx(list, i), i, &all[i]);
    m->content.letter.attachments = all;
    m->content.letter.attachment_count = count;
    return rc;
}

/* --- header fields --------------------------------------------------------------------------- */

static bool is_reserved(struct span name)
{
    return compose_header_kind(name) >= COMPOSE_HEADER_OWN ||
           span_equal_nocase(name, SPAN("x-sg-id")) || span_equal_nocase(name, SPAN("x-sg-eid"));
}

static int check_header(struct sendgrid_mail *m, const struct compose_header *one,
                        const char *prefix)
{
    if (compose_header_kind(one->name) == COMPOSE_HEADER_INVALID)
        return sendgrid_wrong(m,
                              "Header keys cannot contain non-ASCII characters and empty spaces.",
                              "%sheaders", prefix);
    if (is_reserved(one->name))
        return sendgrid_wrong(m, "Header can not be one of the reserved keys.", "%sheaders.%.*s",
                              prefix, SPAN_PRINT(one->name));
    if (!sendgrid_is_line(one->value))
        return sendgrid_wrong(m, "Header values cannot contain CRLF characters.", "%sheaders.%.*s",
                              prefix, SPAN_PRINT(one->name));
    return 0;
}

static bool is_known(const struct compose_header *all, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal_nocase(all[i].name, name))
            return true;
    return false;
}

/* A Message-ID is the letter's own, so that threads stay together. */
int sendgrid_take_headers(struct sendgrid_mail *m, struct json_object *o, const char *prefix,
                          const struct compose_header **ret_headers, size_t *ret_count,
                          struct span *ret_message_id)
{
    struct json_object *object = NULL;
    int rc = member_object(o, "headers", &object);
    size_t count = 0, max = rc > 0 ? (size_t)json_object_object_length(object) : 0;
    if (rc < 0 || max > HEADERS_MAX)
        return sendgrid_wrong(m, "The headers must be an object of key/value pairs.", "%sheaders",
                              prefix);
    struct compose_header *all = arena_alloc(&m->arena, (max + 1) * sizeof *all);
    rc = all ? 0 : -ENOMEM;
    if (rc < 0 || max == 0)
        return rc;
    json_object_object_foreach(object, name, value)
    {
        struct compose_header *one = &all[count];
        one->name = span_of(name);
        if (member_is_text(value, &one->value) <= 0)
            return sendgrid_wrong(m, "The header values must be strings.", "%sheaders.%.100s",
                                  prefix, name);
        if (is_known(all, count, one->name))
            return sendgrid_wrong(m, "The headers cannot contain duplicate keys.", "%sheaders",
                                  prefix);
        if (span_equal_nocase(one->name, SPAN("Message-ID"))) {
            *ret_message_id = one->value;
            continue;
        }
        rc = check_header(m, one, prefix);
        if (rc < 0)
            return rc;
        count++;
    }
    *ret_headers = all;
    *ret_count = count;
    return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

int sendgrid_take_sections(struct sendgrid_mail *m, struct json_object *sections)
{
    if (!sections)
        return 0;
    if (!json_object_is_type(sections, json_type_object))
        return sendgrid_wrong(m, "The sections must be an object of strings.", "sections");
    struct content_partial *all =
        arena_alloc(&m->arena, ((size_t)json_object_object_length(sections) + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    m->content.partials = all;
    json_object_object_foreach(sections, name, value)
    {
        all[m->content.partial_count].name = span_of(name);
        if (member_is_text(value, &all[m->content.partial_count].source) <= 0)
            return sendgrid_wrong(m, "The section values must be strings.", "sections.%.60s", name);
        m->content.partial_count++;
    }
    if (m->content.syntax == CONTENT_HANDLEBARS)
        m->content.partial_count = 0; /* sections are for tags; templates have partials */
    else if (m->content.partial_count)
        m->content.syntax = CONTENT_SUBSTITUTE;
    return 0;
}

static int take_subject(struct sendgrid_mail *m, struct json_object *o)
{
    struct span *subject = &m->content.letter.subject;
    int rc = member_text(o, "subject", subject);
    if (rc < 0 || (rc > 0 && subject->len == 0))
        return sendgrid_wrong(
            m, "The subject of your email must be a string at least one character in length.",
            "subject");
    if (!sendgrid_is_line(*subject))
        return sendgrid_wrong(m, "The subject cannot contain CRLF characters.", "subject");
    return 0;
}

int sendgrid_take_content(struct sendgrid_mail *m, struct json_object *o)
{
    struct compose_letter *letter = &m->content.letter;
    struct json_object *list = NULL;
    size_t count;
    int rc = take_subject(m, o);
    if (rc < 0)
        return rc;
    rc = member_array(o, "content", &list, &count);
    if (rc < 0 || count > CONTENTS_MAX || (count == 0 && m->template_id.len == 0))
        return sendgrid_wrong(m,
                              "Unless a valid template_id is provided, the content parameter is"
                              " required. There must be at least one defined content block. We"
                              " typically suggest both text/plain and text/html blocks are"
                              " included, but only one block is required.",
                              "content");
    rc = take_parts(m, list, count);
    if (rc == 0)
        rc = take_attachments(m, o);
    if (rc == 0)
        rc = sendgrid_take_sections(m, json_object_object_get(o, "sections"));
    return rc < 0 ? rc
                  : sendgrid_take_headers(m, o, "", &letter->headers, &letter->header_count,
                                          &letter->message_id);
}
