/* SendEmail: a simple letter, the client's own, or a template; see ses.h. */
#include "api/ses.h"

#include "base/base64.h"
#include "mail/edit.h"
#include "mail/header.h"

#include <errno.h>
#include <string.h>

#define RAW_MAX ((size_t)SEND_OCTETS_MAX + 4096)

/* --- simple ----------------------------------------------------------------------------------- */

/* {"Data", "Charset"}: the data is UTF-8 by now, whatever charset the letter was to have. */
static int take_data(struct ses_call *c, struct json_object *o, const char *name,
                     struct span *ret_text)
{
    struct json_object *part;
    int rc = ses_object(c, o, name, &part);
    *ret_text = SPAN("");
    return rc < 0 || !part ? rc : ses_text(c, part, "Data", ret_text);
}

static int take_simple(struct ses_call *c, struct json_object *simple, struct ses_letter *l)
{
    struct compose_letter *letter = &l->content.letter;
    struct json_object *body;
    struct span subject;
    int rc = ses_need_object(c, simple, "Body", &body);
    if (rc == 0)
        rc = take_data(c, simple, "Subject", &subject);
    if (rc == 0)
        rc = ses_take_subject(c, subject, l);
    if (rc == 0)
        rc = take_data(c, body, "Text", &letter->text);
    if (rc == 0)
        rc = take_data(c, body, "Html", &letter->html);
    if (rc == 0 && letter->text.len == 0 && letter->html.len == 0)
        rc = ses_refuse(c, SES_BAD_REQUEST, "'Body' must have 'Text' or 'Html'.");
    return rc < 0 ? rc : ses_take_extras(c, simple, l);
}

/* --- the client's own ------------------------------------------------------------------------- */

/* Line ends are made CRLF first, so that the header reads as it will leave. */
static int read_raw(struct ses_call *c, struct span text, struct buffer *out)
{
    AUTO_BUFFER bytes = BUFFER(RAW_MAX);
    struct edit_lines lines = {0};
    int rc = base64_decode(&bytes, text);
    if (rc == ERR_SYNTAX)
        return ses_refuse(c, SES_BAD_REQUEST, "'Data' is no base64.");
    if (rc == -ENOBUFS)
        return ses_refuse(c, SES_BAD_REQUEST, "Message length is more than %d bytes long.",
                          SEND_OCTETS_MAX);
    if (rc == 0)
        rc = edit_lines(&lines, buffer_span(&bytes), out);
    if (rc == 0)
        rc = edit_lines_end(&lines);
    if (rc == ERR_SYNTAX)
        return ses_refuse(c, SES_BAD_REQUEST, "The message has a bare CR, or a NUL.");
    return rc;
}

static int strip(struct ses_call *c, struct span letter, struct ses_letter *l)
{
    AUTO_BUFFER out = BUFFER(letter.len + 1);
    size_t header = header_length(letter);
    int rc = ses_headers_strip(span_first(letter, header), l->meta, &out);
    if (rc == 0)
        rc = buffer_append(&out, span_from(letter, header));
    l->send.raw = arena_copy(&c->arena, buffer_span(&out));
    return rc < 0 ? rc : l->send.raw.at ? 0 : -ENOMEM;
}

/* Without a Destination, those of the header get it. */
static int take_recipients(struct ses_call *c, struct span letter, struct content_group *group)
{
    const struct {
        struct span name;
        struct compose_list *list;
    } fields[] = {{SPAN("To"), &group->to}, {SPAN("Cc"), &group->cc}, {SPAN("Bcc"), &group->bcc}};
    struct span header = span_first(letter, header_length(letter));
    size_t total = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct header_field field;
        struct mailbox *all = arena_zero(&c->arena, SES_RECIPIENTS_MAX * sizeof *all);
        if (!all)
            return -ENOMEM;
        if (!header_find(header, fields[i].name, &field))
            continue;
        int count = address_parse_list(field.body, &c->arena, all, SES_RECIPIENTS_MAX);
        if (count == -E2BIG || (count > 0 && (total += (size_t)count) > SES_RECIPIENTS_MAX))
            return ses_refuse(c, SES_BAD_REQUEST, "Recipient count exceeds %d.",
                              SES_RECIPIENTS_MAX);
        if (count < 0)
            return count == -ENOMEM ? count
                                    : ses_refuse(c, SES_BAD_REQUEST, "Illegal address in '%.*s'.",
                                                 SPAN_PRINT(fields[i].name));
        *fields[i].list = (struct compose_list){all, (size_t)count};
    }
    return total ? 0 : ses_refuse(c, SES_BAD_REQUEST, "Missing required header 'To'.");
}

/* Where bounces go: the address that the call names beside the letter, as SES has it. */
static int set_return_path(struct ses_call *c, struct ses_letter *l)
{
    AUTO_BUFFER path = BUFFER(ADDRESS_TEXT_MAX * 2);
    if (l->content.letter.from.count == 0 || l->send.reverse_path.len)
        return 0;
    int rc = address_write(&l->content.letter.from.at[0], &path);
    l->send.reverse_path = arena_copy(&c->arena, buffer_span(&path));
    return rc < 0 ? rc : l->send.reverse_path.at ? 0 : -ENOMEM;
}

static int take_raw(struct ses_call *c, struct json_object *raw, struct ses_letter *l,
                    struct content_group *group)
{
    AUTO_BUFFER letter = BUFFER(2 * RAW_MAX);
    struct span text;
    int rc = ses_need_text(c, raw, "Data", &text);
    if (rc == 0)
        rc = read_raw(c, text, &letter);
    if (rc == 0 && group->to.count + group->cc.count + group->bcc.count == 0)
        rc = take_recipients(c, buffer_span(&letter), group);
    if (rc == 0)
        rc = strip(c, buffer_span(&letter), l);
    return rc < 0 ? rc : set_return_path(c, l);
}

/* --- the call --------------------------------------------------------------------------------- */

static int co_take_template(struct ses_call *c, struct json_object *template, struct ses_letter *l,
                            struct content_group *group)
{
    struct span data = SPAN("");
    int rc = ses_co_take_template(c, template, l);
    if (rc == 0)
        rc = ses_text(c, template, "TemplateData", &data);
    if (rc == 0)
        rc = ses_read_data(c, data, &group->data);
    return rc < 0 ? rc : ses_take_extras(c, template, l);
}

static int co_take_content(struct ses_call *c, struct json_object *in, struct ses_letter *l,
                           struct content_group *group)
{
    struct json_object *content = NULL, *simple = NULL, *raw = NULL, *template = NULL;
    int rc = ses_need_object(c, in, "Content", &content);
    if (rc == 0)
        rc = ses_object(c, content, "Simple", &simple);
    if (rc == 0)
        rc = ses_object(c, content, "Raw", &raw);
    if (rc == 0)
        rc = ses_object(c, content, "Template", &template);
    if (rc < 0)
        return rc;
    if (!simple + !raw + !template != 2)
        return ses_refuse(c, SES_BAD_REQUEST,
                          "'Content' must have exactly one of 'Simple', 'Raw' and 'Template'.");
    if (raw)
        return take_raw(c, raw, l, group);
    if (l->content.letter.from.count == 0)
        return ses_refuse_member(c, "FromEmailAddress", NULL);
    l->send.content = &l->content;
    return simple ? take_simple(c, simple, l) : co_take_template(c, template, l, group);
}

static int co_take_call(struct ses_call *c, struct json_object *in, struct ses_letter *l,
                        struct content_group *group)
{
    struct json_object *destination, *content = json_object_object_get(in, "Content");
    bool raw = json_object_is_type(content, json_type_object) &&
               json_object_object_get(content, "Raw") != NULL;
    int rc = ses_co_take_envelope(c, in, l);
    if (rc == 0)
        rc = ses_take_tags(c, in, "EmailTags", l->meta);
    if (rc == 0)
        rc = ses_object(c, in, "Destination", &destination);
    if (rc == 0 && !destination && !raw)
        rc = ses_refuse_member(c, "Destination", NULL);
    if (rc == 0 && destination && !(raw && json_object_object_length(destination) == 0))
        rc = ses_take_destination(c, destination, group);
    return rc < 0 ? rc : co_take_content(c, in, l, group);
}

static int co_send(struct ses_call *c, struct ses_letter *l, struct json_object *out)
{
    struct send_result result;
    char id[ID_TEXT];
    l->send.meta = member_print(l->meta, &c->arena);
    if (!l->send.meta.at)
        return -ENOMEM;
    int rc = submit_co_send(api_of(c->r)->door, &l->send, &result);
    if (rc < 0)
        return result.problem == SEND_OK ? rc : ses_refuse_send(c, l, &result);
    member_put(out, "MessageId", json_object_new_string(id_text(result.letter, id)));
    return 0;
}

int ses_send_co_email(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct ses_letter l = {.meta = json_object_new_object()};
    struct content_group group = {0};
    l.send.groups = &group;
    l.send.group_count = 1;
    int rc = l.meta ? co_take_call(c, in, &l, &group) : -ENOMEM;
    if (rc == 0)
        rc = co_send(c, &l, out);
    json_object_put(group.data);
    json_object_put(l.meta);
    return rc;
}
