/*
 * SMTP.com's POST /v4/messages and /v4/messages/mime, and its letters by SMTP; see smtpcom.h.
 *
 * The list of recipients is one letter to all of to, cc and bcc; or with bulk_list a letter of
 * their own to each.
 */
#include "api/smtpcom.h"

#include "api/submission.h"
#include "base/base64.h"
#include "directory/channel.h"
#include "http/json.h"
#include "mail/decode.h"
#include "mail/edit.h"
#include "mail/header.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MEMORY      ((size_t)128 * 1024 * 1024)
#define SUBJECT_MAX 998
#define FIELD       "X-SMTPAPI"

struct smtpcom_call {
    struct http_request *r;
    struct arena arena;
    struct content content;
    struct send send;
    char field[80]; /* of a refusal; empty: none */
    char why[300];
};

static int wrong(struct smtpcom_call *c, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int wrong(struct smtpcom_call *c, const char *field, const char *format, ...)
{
    va_list args;
    snprintf(c->field, sizeof c->field, "%s", field);
    va_start(args, format);
    vsnprintf(c->why, sizeof c->why, format, args);
    va_end(args);
    return ERR_SYNTAX;
}

/* --- addresses ------------------------------------------------------------------------------- */

static int take_address(struct smtpcom_call *c, struct json_object *o, const char *field,
                        struct mailbox *ret_box)
{
    struct span address;
    ret_box->name = SPAN("");
    if (!json_object_is_type(o, json_type_object) || member_text(o, "address", &address) <= 0 ||
        !address_split(address, &ret_box->local, &ret_box->domain))
        return wrong(c, field, "must be a valid address");
    if (member_text(o, "name", &ret_box->name) < 0)
        return wrong(c, field, "name must be a string");
    const char *why = address_check(ret_box);
    return why ? wrong(c, field, "is not a valid address: %s", why) : 0;
}

static int take_list(struct smtpcom_call *c, struct json_object *o, const char *name,
                     struct compose_list *ret_list)
{
    struct json_object *list = NULL;
    size_t count = 0;
    if (member_array(o, name, &list, &count) < 0)
        return wrong(c, name, "must be a list");
    if (count > SMTPCOM_RECIPIENTS_MAX)
        return wrong(c, name, "the number of recipients is limited to 1000");
    struct mailbox *all = arena_alloc(&c->arena, (count + 1) * sizeof *all);
    int rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_address(c, json_object_array_get_idx(list, i), name, &all[i]);
    *ret_list = (struct compose_list){all, count};
    return rc;
}

/* Each a group of its own. */
static int take_bulk(struct smtpcom_call *c, const struct compose_list *bulk)
{
    struct content_group *all = arena_zero(&c->arena, bulk->count * sizeof *all);
    if (!all)
        return -ENOMEM;
    for (size_t i = 0; i < bulk->count; i++)
        all[i].to = (struct compose_list){&bulk->at[i], 1};
    c->send.groups = all;
    c->send.group_count = bulk->count;
    return 0;
}

static int take_recipients(struct smtpcom_call *c, struct json_object *o)
{
    struct json_object *recipients = NULL;
    struct compose_list bulk = {NULL, 0};
    struct content_group *one = arena_zero(&c->arena, sizeof *one);
    if (!one)
        return -ENOMEM;
    if (member_object(o, "recipients", &recipients) <= 0)
        return wrong(c, "recipients", "could not be blank");
    int rc = take_list(c, recipients, "to", &one->to);
    if (rc == 0)
        rc = take_list(c, recipients, "cc", &one->cc);
    if (rc == 0)
        rc = take_list(c, recipients, "bcc", &one->bcc);
    if (rc == 0)
        rc = take_list(c, recipients, "bulk_list", &bulk);
    size_t count = one->to.count + one->cc.count + one->bcc.count;
    if (rc < 0)
        return rc;
    if (count && bulk.count)
        return wrong(c, "bulk_list", "can not be used with to, cc or bcc");
    if (count + bulk.count == 0)
        return wrong(c, "recipients", "at least one of to, cc, bcc or bulk_list is required");
    if (count > SMTPCOM_RECIPIENTS_MAX)
        return wrong(c, "recipients", "the number of recipients is limited to 1000");
    c->send.groups = one;
    c->send.group_count = 1;
    return bulk.count ? take_bulk(c, &bulk) : 0;
}

static int take_originator(struct smtpcom_call *c, struct json_object *o, bool required)
{
    struct compose_letter *letter = &c->content.letter;
    struct json_object *originator = NULL, *from = NULL, *reply_to = NULL;
    struct mailbox *boxes = arena_alloc(&c->arena, 2 * sizeof *boxes);
    int rc = boxes ? 0 : -ENOMEM;
    if (rc == 0 && member_object(o, "originator", &originator) < 0)
        return wrong(c, "originator", "must be an object");
    if (rc == 0 && !originator && required)
        return wrong(c, "originator", "could not be blank");
    if (rc < 0 || !originator)
        return rc;
    from = json_object_object_get(originator, "from");
    reply_to = json_object_object_get(originator, "reply_to");
    if (!from && !reply_to && required)
        return wrong(c, "originator", "at least one of from or reply_to is required");
    if (from)
        rc = take_address(c, from, "from", &boxes[0]);
    if (rc == 0 && reply_to)
        rc = take_address(c, reply_to, "reply_to", &boxes[1]);
    letter->reply_to = (struct compose_list){&boxes[1], reply_to ? 1 : 0};
    letter->from = (struct compose_list){from ? &boxes[0] : &boxes[1], 1};
    return rc;
}

/* --- content --------------------------------------------------------------------------------- */

/* encoding: how `content` is written; a part's text comes out in UTF-8. */
static int take_bytes(struct smtpcom_call *c, struct json_object *o, const char *field,
                      struct span *ret_bytes)
{
    struct span content = SPAN(""), encoding = SPAN("");
    AUTO_BUFFER out = BUFFER(SMTPCOM_BODY_MAX);
    if (member_text(o, "content", &content) <= 0 || member_text(o, "encoding", &encoding) < 0)
        return wrong(c, field, "content must be a string");
    int rc = 0;
    if (span_equal_nocase(encoding, SPAN("base64")))
        rc = base64_decode(&out, content);
    else
        rc = decode_transfer(encoding, content, &out);
    if (rc == ERR_SYNTAX)
        return wrong(c, field, "content is not base64");
    if (rc < 0)
        return rc;
    *ret_bytes = arena_copy(&c->arena, buffer_span(&out));
    return ret_bytes->at ? 0 : -ENOMEM;
}

static int take_part(struct smtpcom_call *c, struct json_object *o, struct compose_body *bodies)
{
    struct compose_letter *letter = &c->content.letter;
    struct span type = SPAN("text/plain"), charset = SPAN(""), bytes = SPAN(""), text;
    AUTO_BUFFER out = BUFFER(SMTPCOM_BODY_MAX);
    if (!json_object_is_type(o, json_type_object) || member_text(o, "type", &type) < 0 ||
        member_text(o, "charset", &charset) < 0)
        return wrong(c, "parts", "a part has type, charset, encoding and content");
    int rc = take_bytes(c, o, "parts", &bytes);
    if (rc == 0)
        rc = decode_charset(charset, bytes, &out);
    if (rc < 0)
        return rc;
    text = arena_copy(&c->arena, buffer_span(&out));
    if (!text.at)
        return -ENOMEM;
    if (span_starts_nocase(type, SPAN("message/rfc822")))
        return wrong(c, "parts", "content type message/rfc822 is prohibited");
    if (letter->text.len == 0 && span_starts_nocase(type, SPAN("text/plain")))
        letter->text = text;
    else if (letter->html.len == 0 && span_starts_nocase(type, SPAN("text/html")))
        letter->html = text;
    else
        bodies[letter->body_count++] = (struct compose_body){type, text};
    return 0;
}

static int take_attachment(struct smtpcom_call *c, struct json_object *o,
                           struct compose_attachment *a)
{
    struct span disposition = SPAN(""), content;
    AUTO_BUFFER out = BUFFER(SMTPCOM_BODY_MAX);
    *a = (struct compose_attachment){.name = SPAN(""), .type = SPAN(""), .content_id = SPAN("")};
    if (!json_object_is_type(o, json_type_object) || member_text(o, "type", &a->type) < 0 ||
        member_text(o, "filename", &a->name) < 0 || member_text(o, "cid", &a->content_id) < 0 ||
        member_text(o, "disposition", &disposition) < 0 || member_text(o, "content", &content) <= 0)
        return wrong(c, "attachments",
                     "an attachment has type, disposition, filename, cid and content");
    if (span_starts_nocase(a->type, SPAN("message/rfc822")))
        return wrong(c, "attachments", "content type message/rfc822 is prohibited");
    a->is_inline = span_equal_nocase(disposition, SPAN("inline"));
    int rc = base64_decode(&out, content);
    if (rc == ERR_SYNTAX)
        return wrong(c, "attachments", "content is not base64");
    a->bytes = arena_copy(&c->arena, buffer_span(&out));
    return rc < 0 ? rc : a->bytes.at ? 0 : -ENOMEM;
}

static int take_body(struct smtpcom_call *c, struct json_object *o)
{
    struct compose_letter *letter = &c->content.letter;
    struct json_object *body = NULL, *parts = NULL, *files = NULL;
    size_t part_count = 0, file_count = 0;
    if (member_object(o, "body", &body) <= 0)
        return wrong(c, "body", "could not be blank");
    if (member_array(body, "parts", &parts, &part_count) < 0 ||
        member_array(body, "attachments", &files, &file_count) < 0)
        return wrong(c, "body", "parts and attachments are lists");
    if (part_count + file_count == 0)
        return wrong(c, "body", "could not be blank");
    struct compose_body *bodies = arena_alloc(&c->arena, (part_count + 1) * sizeof *bodies);
    struct compose_attachment *attachments =
        arena_alloc(&c->arena, (file_count + 1) * sizeof *attachments);
    int rc = bodies && attachments ? 0 : -ENOMEM;
    letter->bodies = bodies;
    letter->attachments = attachments;
    for (size_t i = 0; rc == 0 && i < part_count; i++)
        rc = take_part(c, json_object_array_get_idx(parts, i), bodies);
    for (size_t i = 0; rc == 0 && i < file_count; i++)
        rc = take_attachment(c, json_object_array_get_idx(files, i),
                             &attachments[letter->attachment_count++]);
    letter->html_alone = letter->text.len == 0;
    return rc;
}

/* A value is a text, or a list of them. */
static int take_headers(struct smtpcom_call *c, struct json_object *o)
{
    struct compose_letter *letter = &c->content.letter;
    struct json_object *headers = NULL;
    if (member_object(o, "custom_headers", &headers) < 0)
        return wrong(c, "custom_headers", "must be an object");
    if (!headers)
        return 0;
    size_t count = 0;
    json_object_object_foreach(headers, name, value)
    {
        count += json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 1;
        (void)name;
    }
    struct compose_header *all = arena_alloc(&c->arena, (count + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    letter->headers = all;
    json_object_object_foreach(headers, key, values)
    {
        bool list = json_object_is_type(values, json_type_array);
        size_t own = list ? json_object_array_length(values) : 1;
        for (size_t i = 0; i < own; i++) {
            struct compose_header *header = &all[letter->header_count++];
            header->name = span_of(key);
            if (member_is_text(list ? json_object_array_get_idx(values, i) : values,
                               &header->value) <= 0)
                return wrong(c, "custom_headers", "values are strings, or lists of strings");
        }
    }
    return 0;
}

static int take_channel(struct smtpcom_call *c, struct json_object *o)
{
    if (member_text(o, "channel", &c->send.channel) <= 0 || c->send.channel.len == 0)
        return wrong(c, "channel", "could not be blank");
    struct json_object *meta = json_object_new_object();
    member_put_text(meta, "channel", c->send.channel);
    c->send.meta = member_print(meta, &c->arena);
    json_object_put(meta);
    return c->send.meta.at ? 0 : -ENOMEM;
}

/* --- the calls ------------------------------------------------------------------------------- */

static int read_message(struct smtpcom_call *c, struct json_object *o)
{
    struct compose_letter *letter = &c->content.letter;
    c->send.content = &c->content;
    int rc = take_channel(c, o);
    if (rc == 0)
        rc = take_recipients(c, o);
    if (rc == 0)
        rc = take_originator(c, o, true);
    if (rc == 0 && member_text(o, "subject", &letter->subject) < 0)
        rc = wrong(c, "subject", "must be a string");
    if (rc == 0 && letter->subject.len > SUBJECT_MAX)
        rc = wrong(c, "subject", "998 characters max");
    if (rc == 0)
        rc = take_headers(c, o);
    return rc < 0 ? rc : take_body(c, o);
}

/* Line ends are CRLF, whatever they were in JSON. */
static int read_mime(struct smtpcom_call *c, struct json_object *o)
{
    struct span given;
    struct edit_lines state = {0};
    if (member_text(o, "mime", &given) <= 0 || given.len == 0)
        return wrong(c, "mime", "could not be blank");
    AUTO_BUFFER out = BUFFER(2 * given.len + 2);
    int rc = take_channel(c, o);
    if (rc == 0)
        rc = take_recipients(c, o);
    if (rc == 0)
        rc = take_originator(c, o, false);
    if (rc == 0)
        rc = edit_lines(&state, given, &out);
    if (rc == 0)
        rc = edit_lines_end(&state);
    if (rc == ERR_SYNTAX && !c->field[0])
        return wrong(c, "mime", "holds a CR without LF, or a NUL");
    if (rc < 0)
        return rc;
    c->send.raw = arena_copy(&c->arena, buffer_span(&out));
    return c->send.raw.at ? 0 : -ENOMEM;
}

static int answer_problem(struct smtpcom_call *c, const struct send_result *result)
{
    static const struct {
        int status;
        const char *field;
    } known[] = {[SEND_NO_RECIPIENTS] = {400, "recipients"},
                 [SEND_TOO_MANY_RECIPIENTS] = {400, "recipients"},
                 [SEND_TOO_LARGE] = {400, "body"},
                 [SEND_BAD_ADDRESS] = {400, "recipients"},
                 [SEND_BAD_CONTENT] = {400, "body"},
                 [SEND_BAD_RAW] = {400, "mime"},
                 [SEND_BAD_TEMPLATE] = {400, "body"},
                 [SEND_NOT_ALLOWED] = {403, "api_key"},
                 [SEND_FOREIGN_FROM] = {400, "from"},
                 [SEND_OVER_QUOTA] = {400, "channel"},
                 [SEND_NO_CHANNEL] = {400, "channel"},
                 [SEND_KEY_REUSED] = {422, "Idempotency-Key"}};
    const char *field = known[result->problem].field;
    if (result->problem == SEND_BAD_CONTENT && result->fault.field == COMPOSE_HEADERS)
        field = "custom_headers";
    if (result->problem == SEND_BAD_CONTENT && result->fault.field == COMPOSE_SUBJECT)
        field = "subject";
    return smtpcom_fail(c->r, known[result->problem].status, field, "%s", result->text);
}

static bool is_too_large(const struct smtpcom_call *c)
{
    const struct compose_letter *letter = &c->content.letter;
    size_t octets = c->send.raw.len + letter->text.len + letter->html.len;
    for (size_t i = 0; i < letter->attachment_count; i++)
        octets += letter->attachments[i].bytes.len / 3 * 4;
    return octets > SMTPCOM_LETTER_MAX;
}

static int co_send(struct smtpcom_call *c)
{
    struct send_result result;
    char id[ID_TEXT];
    if (is_too_large(c))
        return smtpcom_fail(c->r, 400, "body", "the message cannot exceed 10Mb in size");
    int rc = submit_co_send(api_of(c->r)->door, &c->send, &result);
    if (rc < 0 && result.problem != SEND_OK)
        return answer_problem(c, &result);
    if (rc < 0)
        return rc;
    struct json_object *data = json_object_new_object();
    member_put(data, "msg_id", json_object_new_string(id_text(result.letter, id)));
    return smtpcom_done(c->r, data);
}

static int co_post(struct http_request *r,
                   int (*read)(struct smtpcom_call *c, struct json_object *o))
{
    struct identity who;
    struct json_object *o = NULL;
    int rc = smtpcom_co_enter(r, "mail.send", &who);
    if (rc < 0)
        return rc;
    struct smtpcom_call *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->r = r;
    c->arena = ARENA(MEMORY);
    c->send =
        (struct send){.who = &who, .source = "smtpcom", .key = http_field(r, "Idempotency-Key")};
    rc = http_co_body(r, SMTPCOM_BODY_MAX, &c->send.request);
    if (rc == 0)
        rc = json_co_body(r, SMTPCOM_BODY_MAX, &o);
    if (rc == 0)
        rc = json_object_is_type(o, json_type_object)
                 ? read(c, o)
                 : wrong(c, "request", "must be a JSON object");
    if (rc < 0 && c->field[0])
        rc = smtpcom_fail(r, 400, c->field, "%s", c->why);
    else if (rc == 0)
        rc = co_send(c);
    json_object_put(o);
    arena_free(&c->arena);
    free(c);
    return rc;
}

int smtpcom_messages_co_post(struct http_request *r)
{
    return co_post(r, read_message);
}

int smtpcom_mime_co_post(struct http_request *r)
{
    return co_post(r, read_mime);
}

/* --- SMTP ------------------------------------------------------------------------------------ */

/* The channel that logged in, if it was one. */
static int co_find_channel(const struct api *api, const struct identity *who, struct arena *arena,
                           struct span *ret_name)
{
    struct channel *list;
    struct span after = SPAN("");
    size_t count = 0;
    int rc;
    do {
        rc = directory_co_channels(api->directory, who->tenant, after, arena, &list, &count);
        for (size_t i = 0; rc == 0 && i < count; i++)
            if (list[i].id == who->key)
                *ret_name = list[i].name;
        after = rc == 0 && count ? list[count - 1].name : after;
    } while (rc == 0 && count == 256 && ret_name->len == 0);
    return rc;
}

/* {"unique_args": {…}} of X-SMTPAPI is kept; the field never leaves. What is no JSON is not kept:
 * the letter goes, as there. */
static int take_field(struct span letter, struct json_object *meta, struct arena *arena,
                      struct span *ret_raw)
{
    static const char *const names[] = {FIELD, NULL};
    AUTO_BUFFER out = BUFFER(letter.len + 1), text = BUFFER((size_t)256 * 1024);
    struct header_field field;
    struct json_object *said = NULL, *args = NULL;
    struct json_error error;
    size_t header = header_length(letter);
    if (header_find(span_first(letter, header), SPAN(FIELD), &field) &&
        decode_words(field.body, &text) == 0 && json_read(buffer_span(&text), &said, &error) == 0 &&
        json_object_is_type(said, json_type_object) &&
        member_object(said, "unique_args", &args) > 0)
        member_put(meta, "unique_args", json_object_get(args));
    json_object_put(said);
    int rc = edit_without(span_first(letter, header), names, &out);
    if (rc == 0)
        rc = buffer_append(&out, span_from(letter, header));
    if (rc < 0)
        return rc;
    *ret_raw = arena_copy(arena, buffer_span(&out));
    return ret_raw->at ? 0 : -ENOMEM;
}

void smtpcom_smtp_co_take_over(const struct api *api, const struct smtpd_handover *handover,
                               struct smtpd_verdict *ret_verdict)
{
    AUTO_ARENA arena = ARENA(MEMORY);
    struct send change = {.source = "smtpcom smtp"};
    struct send_result result = {.problem = SEND_OK};
    struct json_object *meta = json_object_new_object();
    int rc = co_find_channel(api, handover->who, &arena, &change.channel);
    if (rc == 0)
        rc = take_field(handover->letter, meta, &arena, &change.raw);
    if (rc == 0) {
        member_put_text(meta, "channel", change.channel);
        change.meta = member_print(meta, &arena);
        rc = change.meta.at ? submission_co_send_raw(api, handover, &change, &result) : -ENOMEM;
    }
    json_object_put(meta);
    submission_judge(rc, &result, ret_verdict);
}
