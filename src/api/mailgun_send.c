/*
 * POST /v3/{domain}/messages and /v3/{domain}/messages.mime.
 *
 * Mistakes are told in the provider's words, in this order: what is missing, what is too much, what
 * is no address, no JSON, no date.
 */
#include "api/mailgun_call.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "http/json.h"
#include "mail/date.h"
#include "mail/header.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define HOUR_MS ((int64_t)3600 * 1000)

/* --- the form -------------------------------------------------------------------------------- */

static bool is_option(struct span name)
{
    return name.len > 1 && name.at[1] == ':' && strchr("ohvt", name.at[0]);
}

int mailgun_check_fields(struct mailgun_call *c, const struct form *form)
{
    size_t octets = 0;
    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *field = &form->fields[i];
        bool bytes = field->is_file || span_equal(field->name, SPAN("message")) ||
                     span_equal(field->name, SPAN("attachment")) ||
                     span_equal(field->name, SPAN("inline"));
        if (!bytes && (!utf8_is_text(field->value) || !utf8_is_text(field->name)))
            return mailgun_refuse(c, "'%.*s' parameter is not valid UTF-8",
                                  SPAN_PRINT(mailgun_quote(field->name)));
        octets += is_option(field->name) ? field->name.len + field->value.len : 0;
    }
    if (octets > MAILGUN_OPTIONS_MAX)
        return mailgun_refuse(c, "Send options (parameters starting with o:, h:, or v:) are limited"
                                 " to 16 kB total");
    return 0;
}

static int take_options(struct mailgun_call *c, const struct form *form)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < form->count; i++)
        if (!form->fields[i].is_file)
            rc = mailgun_option(c, form->fields[i].name, form->fields[i].value);
    return rc;
}

static int take_addresses(struct mailgun_call *c, const struct form *form, const char *name,
                          struct compose_list *list)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < form->count; i++)
        if (span_equal(form->fields[i].name, span_of(name)))
            rc = mailgun_add_addresses(c, name, form->fields[i].value, list);
    return rc;
}

/* Clients choose a new boundary for each try, so what they say is compared, not the bytes. */
static int take_idempotency_key(struct mailgun_call *c, struct http_request *r,
                                const struct form *form)
{
    crypto_generichash_state state;
    unsigned char *hash = arena_alloc(&c->arena, crypto_generichash_BYTES);
    c->send.key = http_field(r, "Idempotency-Key");
    if (c->send.key.len == 0)
        return 0;
    if (!hash)
        return -ENOMEM;
    crypto_generichash_init(&state, NULL, 0, crypto_generichash_BYTES);
    for (size_t i = 0; i < form->count; i++) {
        const struct form_field *field = &form->fields[i];
        const struct span parts[] = {field->name, field->file_name, field->type, field->value};
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            uint64_t len = parts[k].len;
            crypto_generichash_update(&state, (const unsigned char *)&len, sizeof len);
            crypto_generichash_update(&state, (const unsigned char *)parts[k].at, parts[k].len);
        }
    }
    crypto_generichash_final(&state, hash, crypto_generichash_BYTES);
    c->send.request = span_make(hash, crypto_generichash_BYTES);
    return 0;
}

/* --- files ----------------------------------------------------------------------------------- */

/* The name is what HTML calls by "cid:"; bytes that no Content-ID can have are encoded as they are
 * in that URL (RFC 2392). */
static int write_content_id(struct mailgun_call *c, struct span name, struct span *ret_id)
{
    AUTO_BUFFER id = BUFFER(3 * MULTIPART_NAME_MAX);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < name.len; i++) {
        char byte = name.at[i];
        if (byte > 32 && byte < 127 && byte != '<' && byte != '>')
            rc = buffer_append_byte(&id, byte);
        else
            rc = buffer_printf(&id, "%%%02X", (unsigned char)byte);
    }
    *ret_id = arena_copy(&c->arena, buffer_span(&id));
    return rc < 0 ? rc : ret_id->at ? 0 : -ENOMEM;
}

static int take_files(struct mailgun_call *c, const struct form *form)
{
    struct compose_letter *letter = &c->content.letter;
    struct compose_attachment *all = arena_zero(&c->arena, (form->count + 1) * sizeof *all);
    size_t count = 0;
    int rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < form->count; i++) {
        const struct form_field *field = &form->fields[i];
        bool is_inline = span_equal(field->name, SPAN("inline"));
        if (!is_inline && !span_equal(field->name, SPAN("attachment")))
            continue;
        all[count] = (struct compose_attachment){.name = field->file_name,
                                                 .type = field->type,
                                                 .bytes = field->value,
                                                 .is_inline = is_inline};
        if (is_inline)
            rc = write_content_id(c, field->file_name, &all[count].content_id);
        count++;
    }
    letter->attachments = all;
    letter->attachment_count = count;
    return rc;
}

/* --- the answer ------------------------------------------------------------------------------ */

static int answer_over_quota(struct mailgun_call *c, struct http_request *r)
{
    char date[MAILGUN_DATE];
    int64_t now = clock_wall_ms();
    return mailgun_say(r, 429,
                       "Domain %s is not allowed to send: recipient limit exceeded, try again"
                       " after %s",
                       c->caller->domain, mailgun_date(now - now % HOUR_MS + HOUR_MS, "UTC", date));
}

static int answer_bad_content(struct http_request *r, const struct send_result *result)
{
    static const char *const parameters[] = {[COMPOSE_FROM] = "from",
                                             [COMPOSE_SENDER] = "h:Sender",
                                             [COMPOSE_REPLY_TO] = "h:Reply-To",
                                             [COMPOSE_TO] = "to",
                                             [COMPOSE_CC] = "cc",
                                             [COMPOSE_SUBJECT] = "subject",
                                             [COMPOSE_MESSAGE_ID] = "h:Message-Id",
                                             [COMPOSE_HEADERS] = "h:",
                                             [COMPOSE_TEXT] = "text",
                                             [COMPOSE_AMP] = "amp-html",
                                             [COMPOSE_HTML] = "html",
                                             [COMPOSE_BODIES] = "text",
                                             [COMPOSE_ATTACHMENTS] = "attachment"};
    const char *parameter = parameters[result->fault.field];
    if (result->fault.field == COMPOSE_FROM || result->fault.field == COMPOSE_REPLY_TO)
        return mailgun_say(
            r, 400, "%s parameter is not a valid address. please check documentation", parameter);
    return mailgun_say(r, 400, "'%s' parameter is not valid: %s", parameter, result->text);
}

static int answer_problem(struct mailgun_call *c, struct http_request *r,
                          const struct send_result *result)
{
    switch (result->problem) {
    case SEND_NO_RECIPIENTS:
        return mailgun_say(r, 400, "to parameter is missing");
    case SEND_TOO_MANY_RECIPIENTS:
        return mailgun_say(r, 400, "Too many recipients, max is %d", MAILGUN_RECIPIENTS_MAX);
    case SEND_TOO_LARGE:
        return mailgun_say(r, 413, "Message size exceeds 25MB limit");
    case SEND_BAD_ADDRESS:
        return mailgun_say(r, 400,
                           "%s parameter is not a valid address. please check documentation",
                           result->list);
    case SEND_BAD_CONTENT:
        return answer_bad_content(r, result);
    case SEND_NOT_ALLOWED:
        return HTTP_CODE(401);
    case SEND_FOREIGN_FROM:
        return mailgun_say(r, 403, "%s", result->text);
    case SEND_OVER_QUOTA:
        return answer_over_quota(c, r);
    case SEND_KEY_REUSED:
        return mailgun_say(r, 422, "%s", result->text);
    default:
        return mailgun_say(r, 400, "%s", result->text);
    }
}

/* The Message-ID that the letter has: the client's own, or ours. */
static int answer_sent(struct mailgun_call *c, struct http_request *r,
                       const struct send_result *result)
{
    char ours[SEND_MESSAGE_ID];
    struct header_field field;
    struct span id = c->content.letter.message_id;
    AUTO_BUFFER text = BUFFER(COMPOSE_ID_MAX + 16);
    if (!c->send.content && header_find(span_first(c->send.raw, header_length(c->send.raw)),
                                        SPAN("Message-ID"), &field))
        id = field.body;
    if (id.len == 0 || id.len > COMPOSE_ID_MAX || !utf8_is_text(id))
        id = span_of(send_message_id(result->letter, 0, false, result->domain, ours));
    int rc = buffer_printf(&text, id.at[0] == '<' ? "%.*s" : "<%.*s>", SPAN_PRINT(id));
    if (rc < 0)
        return rc;
    struct json_object *o = json_object_new_object();
    member_put_text(o, "id", buffer_span(&text));
    member_put(o, "message", json_object_new_string("Queued. Thank you."));
    return json_answer(r, 200, o);
}

int mailgun_co_send(struct mailgun_call *c, struct http_request *r)
{
    struct send_result result;
    int rc = submit_co_send(c->api->door, &c->send, &result);
    if (rc < 0 && result.problem != SEND_OK)
        return answer_problem(c, r, &result);
    return rc < 0 ? rc : answer_sent(c, r, &result);
}

/* --- messages -------------------------------------------------------------------------------- */

static int check_presence(struct mailgun_call *c, const struct form *form)
{
    bool template = mailgun_field(form, "template").len > 0;
    bool html = mailgun_field(form, "html").len > 0;
    if (!template && mailgun_field(form, "from").len == 0)
        return mailgun_refuse(c, "from parameter is missing");
    if (mailgun_field(form, "to").len == 0)
        return mailgun_refuse(c, "to parameter is missing");
    if (!template && !html && mailgun_field(form, "text").len == 0 &&
        mailgun_field(form, "amp-html").len == 0)
        return mailgun_refuse(c, "Need at least one of 'text', 'html', 'amp-html' or 'template'"
                                 " parameters specified");
    if (template && html)
        return mailgun_refuse(c, "Only one parameters 'html' or 'template' is allowed");
    return 0;
}

static int take_content(struct mailgun_call *c, const struct form *form)
{
    struct compose_letter *letter = &c->content.letter;
    letter->subject = mailgun_field(form, "subject");
    letter->text = mailgun_field(form, "text");
    letter->html = mailgun_field(form, "html");
    letter->amp = mailgun_field(form, "amp-html");
    const struct span texts[] = {letter->subject, letter->text, letter->html, letter->amp};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mailgun_note_tags(c, texts[i]);
    int rc = take_addresses(c, form, "to", &c->to);
    if (rc == 0)
        rc = take_addresses(c, form, "cc", &c->cc);
    if (rc == 0)
        rc = take_addresses(c, form, "bcc", &c->bcc);
    if (rc == 0)
        rc = take_addresses(c, form, "from", &letter->from);
    return rc < 0 ? rc : take_files(c, form);
}

static int co_read_message(struct mailgun_call *c, const struct form *form)
{
    int rc = check_presence(c, form);
    if (rc == 0)
        rc = mailgun_check_fields(c, form);
    if (rc == 0)
        rc = take_content(c, form);
    if (rc == 0)
        rc = take_options(c, form);
    if (rc == 0)
        rc = mailgun_show_variables(c);
    if (rc == 0)
        rc = mailgun_co_take_template(c);
    return rc < 0 ? rc : mailgun_finish(c);
}

static bool is_too_large(const struct mailgun_call *c)
{
    const struct compose_letter *letter = &c->content.letter;
    size_t octets = c->send.raw.len + letter->text.len + letter->html.len + letter->amp.len;
    for (size_t i = 0; i < letter->attachment_count; i++)
        octets += letter->attachments[i].bytes.len;
    return octets > MAILGUN_LETTER_MAX;
}

/* How a call ends: refused, or sent. */
static int co_end(struct mailgun_call *c, struct http_request *r, int rc)
{
    if (rc < 0 && c->why[0])
        return mailgun_say(r, 400, "%s", c->why);
    if (rc == 0 && is_too_large(c))
        return mailgun_say(r, 413, "Message size exceeds 25MB limit");
    return rc < 0 ? rc : mailgun_co_send(c, r);
}

/* One call: the form, then what reads it. */
static int co_answer(struct http_request *r,
                     int (*co_read)(struct mailgun_call *c, const struct form *form))
{
    struct mailgun_caller caller;
    struct form form = {0};
    int rc = mailgun_co_enter(r, "mail.send", &caller);
    if (rc == 0)
        rc = mailgun_co_form(r, &form);
    if (rc < 0)
        return rc;
    struct mailgun_call *c = arena_alloc(&r->arena, sizeof *c);
    if (!c)
        return -ENOMEM;
    mailgun_call_open(c, api_of(r), &caller, "mailgun");
    rc = co_read(c, &form);
    if (rc == 0)
        rc = take_idempotency_key(c, r, &form);
    rc = co_end(c, r, rc);
    mailgun_call_close(c);
    return rc;
}

int mailgun_messages_co_post(struct http_request *r)
{
    return co_answer(r, co_read_message);
}

int mailgun_mime_co_post(struct http_request *r)
{
    return co_answer(r, mailgun_co_read_mime);
}
