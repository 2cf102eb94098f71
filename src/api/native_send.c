/*
 * POST /api/v1/messages: one letter, or one for each of "recipients" with data of its own.
 *
 *   from, to, cc, bcc, reply_to   "Anna <a@b.example>", or {"email", "name"}; lists of these
 *   subject, text, html, amp, headers {name: value}, attachments [{filename, type, content, …}]
 *   template, version, data, strict   a stored template instead of subject, text and html
 *   recipients [{to, cc, bcc, data, subject, headers, send_at, metadata}]
 *   send_at (seconds, or RFC 3339), batch_id, metadata, test
 */
#include "api/native.h"

#include "base/base64.h"
#include "http/json.h"
#include "submit/templates.h"
#include "template/template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define MEMORY          ((size_t)128 * 1024 * 1024)
#define FIELD_MAX       128
#define ATTACHMENTS_MAX 100
#define HEADERS_MAX     50

struct reading {
    struct http_request *r;
    struct arena arena;
    struct content content;
    struct send send;
    struct json_object *data; /* of the letter */
    char field[FIELD_MAX];    /* at fault */
    const char *why;
    struct template_options options;
};

static int refuse(struct reading *m, const char *why, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int refuse(struct reading *m, const char *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(m->field, sizeof m->field, format, args);
    va_end(args);
    m->why = why;
    return ERR_SYNTAX;
}

static int text_of(struct reading *m, struct json_object *o, const char *name,
                   struct span *ret_text)
{
    *ret_text = SPAN("");
    int rc = member_text(o, name, ret_text);
    return rc < 0 ? refuse(m, "is no string", "%s", name) : 0;
}

/* --- addresses ------------------------------------------------------------------------------- */

static int take_mailbox(struct reading *m, struct json_object *value, const char *name, size_t i,
                        struct mailbox *ret_box)
{
    struct span text;
    struct address_fault fault;
    if (member_is_text(value, &text) > 0) {
        int count = address_parse_given(text, &m->arena, ret_box, 1, &fault);
        if (count == 1)
            return 0;
        return count == -ENOMEM ? count : refuse(m, "is no address", "%s[%zu]", name, i);
    }
    if (!json_object_is_type(value, json_type_object) || member_text(value, "email", &text) <= 0)
        return refuse(m, "is neither an address nor {\"email\", \"name\"}", "%s[%zu]", name, i);
    ret_box->name = SPAN("");
    if (member_text(value, "name", &ret_box->name) < 0)
        return refuse(m, "is no string", "%s[%zu].name", name, i);
    if (!address_split(text, &ret_box->local, &ret_box->domain))
        return refuse(m, "is no address", "%s[%zu].email", name, i);
    return 0;
}

static int take_list(struct reading *m, struct json_object *o, const char *name,
                     struct compose_list *ret_list)
{
    struct json_object *value = json_object_object_get(o, name);
    bool list = json_object_is_type(value, json_type_array);
    size_t count = list ? json_object_array_length(value) : value ? 1 : 0;
    struct mailbox *all = arena_alloc(&m->arena, (count + 1) * sizeof *all);
    if (count > SEND_RECIPIENTS_MAX)
        return refuse(m, "has too many addresses", "%s", name);
    if (!all)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int rc =
            take_mailbox(m, list ? json_object_array_get_idx(value, i) : value, name, i, &all[i]);
        if (rc < 0)
            return rc;
    }
    *ret_list = (struct compose_list){all, count};
    return 0;
}

/* --- the letter ------------------------------------------------------------------------------ */

static int take_headers(struct reading *m, struct json_object *o,
                        const struct compose_header **ret_headers, size_t *ret_count)
{
    struct json_object *value = NULL;
    *ret_count = 0;
    if (member_object(o, "headers", &value) < 0)
        return refuse(m, "is no object", "headers");
    if (!value)
        return 0;
    struct compose_header *all =
        arena_alloc(&m->arena, ((size_t)json_object_object_length(value) + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    json_object_object_foreach(value, name, one)
    {
        if (*ret_count == HEADERS_MAX)
            return refuse(m, "has more than 50 fields", "headers");
        all[*ret_count].name = span_of(name);
        if (member_is_text(one, &all[*ret_count].value) <= 0)
            return refuse(m, "is no string", "headers.%.60s", name);
        (*ret_count)++;
    }
    *ret_headers = all;
    return 0;
}

static int take_bytes(struct reading *m, struct json_object *o, size_t i, struct span *ret_bytes)
{
    struct span text;
    if (member_text(o, "content", &text) <= 0)
        return refuse(m, "is missing: the file in base64", "attachments[%zu].content", i);
    AUTO_BUFFER bytes = BUFFER(text.len + 16);
    int rc = base64_decode(&bytes, text);
    if (rc == ERR_SYNTAX)
        return refuse(m, "is no base64", "attachments[%zu].content", i);
    *ret_bytes = arena_copy(&m->arena, buffer_span(&bytes));
    return rc < 0 ? rc : ret_bytes->at ? 0 : -ENOMEM;
}

static int take_attachment(struct reading *m, struct json_object *o, size_t i,
                           struct compose_attachment *one)
{
    struct span disposition = SPAN("");
    if (!json_object_is_type(o, json_type_object))
        return refuse(m, "is no object", "attachments[%zu]", i);
    int rc = text_of(m, o, "filename", &one->name);
    if (rc == 0)
        rc = text_of(m, o, "type", &one->type);
    if (rc == 0)
        rc = text_of(m, o, "content_id", &one->content_id);
    if (rc == 0)
        rc = text_of(m, o, "disposition", &disposition);
    one->is_inline = span_equal(disposition, SPAN("inline"));
    return rc < 0 ? rc : take_bytes(m, o, i, &one->bytes);
}

static int take_attachments(struct reading *m, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t count;
    if (member_array(o, "attachments", &list, &count) < 0)
        return refuse(m, "is no list", "attachments");
    if (count > ATTACHMENTS_MAX)
        return refuse(m, "has more than 100 files", "attachments");
    struct compose_attachment *all = arena_zero(&m->arena, (count + 1) * sizeof *all);
    int rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_attachment(m, json_object_array_get_idx(list, i), i, &all[i]);
    m->content.letter.attachments = all;
    m->content.letter.attachment_count = count;
    return rc;
}

/* A stored template's parts stand in for those of the call. */
static int co_take_template(struct reading *m, struct json_object *o)
{
    struct compose_letter *letter = &m->content.letter;
    struct span name, tag;
    struct stored_version version;
    int rc = text_of(m, o, "template", &name);
    if (rc == 0)
        rc = text_of(m, o, "version", &tag);
    if (rc < 0 || name.len == 0)
        return rc;
    rc = templates_co_version_find(api_of(m->r)->store, m->send.who->tenant, SPAN("native"), name,
                                   tag, &m->arena, &version);
    if (rc == ERR_ABSENT)
        return refuse(m, "there is no such template, or it has no such version", "template");
    if (rc < 0)
        return rc;
    m->content.syntax = CONTENT_HANDLEBARS;
    if (letter->subject.len == 0)
        letter->subject = version.subject;
    letter->text = version.text;
    letter->html = version.html;
    letter->amp = version.amp;
    return 0;
}

static int co_take_content(struct reading *m, struct json_object *o)
{
    struct compose_letter *letter = &m->content.letter;
    int rc = take_list(m, o, "from", &letter->from);
    if (rc == 0 && letter->from.count == 0)
        rc = refuse(m, "is missing", "from");
    if (rc == 0)
        rc = take_list(m, o, "reply_to", &letter->reply_to);
    if (rc == 0)
        rc = text_of(m, o, "subject", &letter->subject);
    if (rc == 0)
        rc = text_of(m, o, "text", &letter->text);
    if (rc == 0)
        rc = text_of(m, o, "html", &letter->html);
    if (rc == 0)
        rc = text_of(m, o, "amp", &letter->amp);
    if (rc == 0)
        rc = take_headers(m, o, &letter->headers, &letter->header_count);
    if (rc == 0)
        rc = take_attachments(m, o);
    if (rc == 0 && member_bool(o, "strict", &m->content.strict) < 0)
        rc = refuse(m, "is neither true nor false", "strict");
    if (json_object_object_get(o, "data") || json_object_object_get(o, "recipients"))
        m->content.syntax = CONTENT_HANDLEBARS;
    m->content.helpers = TEMPLATE_SENDGRID;
    return rc < 0 ? rc : co_take_template(m, o);
}

/* --- who gets it, and when ------------------------------------------------------------------- */

static int take_time(struct reading *m, struct json_object *o, int64_t *ret_ms)
{
    struct json_object *value = json_object_object_get(o, "send_at");
    struct span text;
    struct tm tm = {0};
    char copy[40];
    *ret_ms = 0;
    if (!value)
        return 0;
    if (json_object_is_type(value, json_type_int)) {
        *ret_ms = json_object_get_int64(value) * 1000;
        return 0;
    }
    const char *end = NULL;
    if (member_is_text(value, &text) > 0 && span_to_text(text, copy, sizeof copy))
        end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end)
        return refuse(m, "is neither seconds since 1970 nor 2026-01-31T12:00:00Z", "send_at");
    *ret_ms = (int64_t)timegm(&tm) * 1000;
    return 0;
}

static int take_meta(struct reading *m, struct json_object *o, struct span *ret_meta)
{
    struct json_object *value = NULL;
    if (member_object(o, "metadata", &value) < 0)
        return refuse(m, "is no object", "metadata");
    *ret_meta = value ? member_print(value, &m->arena) : SPAN("");
    return ret_meta->at ? 0 : -ENOMEM;
}

static int take_data(struct reading *m, struct json_object *o, struct json_object **ret_data)
{
    return member_object(o, "data", ret_data) < 0 ? refuse(m, "is no object", "data") : 0;
}

static int take_group(struct reading *m, struct json_object *o, struct content_group *group)
{
    group->data = m->data;
    int rc = take_list(m, o, "to", &group->to);
    if (rc == 0)
        rc = take_list(m, o, "cc", &group->cc);
    if (rc == 0)
        rc = take_list(m, o, "bcc", &group->bcc);
    if (rc == 0)
        rc = take_data(m, o, &group->data);
    return rc;
}

static int take_own(struct reading *m, struct json_object *o, struct content_group *group)
{
    int rc = take_group(m, o, group);
    if (rc == 0)
        rc = text_of(m, o, "subject", &group->subject);
    if (rc == 0)
        rc = take_headers(m, o, &group->headers, &group->header_count);
    if (rc == 0)
        rc = take_time(m, o, &group->due_ms);
    return rc < 0 ? rc : take_meta(m, o, &group->meta);
}

static int take_groups(struct reading *m, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t count;
    int rc = take_data(m, o, &m->data);
    if (rc < 0)
        return rc;
    if (member_array(o, "recipients", &list, &count) < 0)
        return refuse(m, "is no list", "recipients");
    if (count > SEND_RECIPIENTS_MAX)
        return refuse(m, "has more than 10000 entries", "recipients");
    struct content_group *all = arena_zero(&m->arena, (count + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    if (!list)
        rc = take_group(m, o, &all[0]);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        if (!json_object_is_type(one, json_type_object))
            return refuse(m, "is no object", "recipients[%zu]", i);
        rc = take_own(m, one, &all[i]);
    }
    m->send.groups = all;
    m->send.group_count = list ? count : 1;
    return rc;
}

/* --- the answer ------------------------------------------------------------------------------ */

static int answer_problem(struct reading *m, const struct send_result *result)
{
    static const struct {
        int status;
        const char *field, *fix;
    } known[] = {
        [SEND_NO_RECIPIENTS] = {400, "to", "Give at least one address in to, cc or bcc"},
        [SEND_TOO_MANY_RECIPIENTS] = {400, "recipients", "Divide the call into several"},
        [SEND_TOO_LARGE] = {413, "attachments", "Link to large files instead"},
        [SEND_BAD_ADDRESS] = {400, "to", "Correct the address, or leave it out"},
        [SEND_BAD_CONTENT] = {400, NULL, NULL},
        [SEND_BAD_RAW] = {400, "raw", NULL},
        [SEND_BAD_TEMPLATE] = {400, "template", "Correct the template, or give the data it needs"},
        [SEND_NOT_ALLOWED] = {403, NULL, "Make a key with the scope mail.send"},
        [SEND_FOREIGN_FROM] = {403, "from", "Add the domain with \"postamt domain add\""},
        [SEND_OVER_QUOTA] = {429, NULL, "Try again later"},
        [SEND_KEY_REUSED] = {422, "Idempotency-Key", "Use a new key for a new request"},
    };
    static const char *const fields[] = {[COMPOSE_FROM] = "from",
                                         [COMPOSE_SENDER] = "from",
                                         [COMPOSE_REPLY_TO] = "reply_to",
                                         [COMPOSE_TO] = "to",
                                         [COMPOSE_CC] = "cc",
                                         [COMPOSE_SUBJECT] = "subject",
                                         [COMPOSE_MESSAGE_ID] = "headers",
                                         [COMPOSE_HEADERS] = "headers",
                                         [COMPOSE_TEXT] = "text",
                                         [COMPOSE_AMP] = "amp",
                                         [COMPOSE_HTML] = "html",
                                         [COMPOSE_BODIES] = "text",
                                         [COMPOSE_ATTACHMENTS] = "attachments"};
    char place[FIELD_MAX];
    const char *field = known[result->problem].field;
    if (result->problem == SEND_BAD_CONTENT)
        field = fields[result->fault.field];
    if (result->problem == SEND_BAD_ADDRESS) {
        if (m->send.group_count > 1)
            snprintf(place, sizeof place, "recipients[%zu].%s[%zu]", result->group, result->list,
                     result->index);
        else
            snprintf(place, sizeof place, "%s[%zu]", result->list, result->index);
        field = place;
    }
    return native_problem(m->r, known[result->problem].status, field, result->text,
                          known[result->problem].fix);
}

static int answer_sent(struct reading *m, const struct send_result *result)
{
    char id[ID_TEXT], message_id[SEND_MESSAGE_ID];
    bool several = m->send.group_count > 1;
    struct json_object *o = json_object_new_object();
    member_put(o, "id", json_object_new_string(id_text(result->letter, id)));
    member_put(o, "message_id",
               json_object_new_string(
                   send_message_id(result->letter, 0, several, result->domain, message_id)));
    member_put(o, "recipients", json_object_new_int64((int64_t)result->recipients));
    if (m->send.dry)
        member_put(o, "test", json_object_new_boolean(true));
    return json_answer(m->r, m->send.dry ? 200 : 202, o);
}

static __attribute__((noinline)) int co_send(struct reading *m)
{
    struct send_result result;
    int rc = submit_co_send(api_of(m->r)->door, &m->send, &result);
    if (rc < 0 && result.problem != SEND_OK)
        return answer_problem(m, &result);
    return rc < 0 ? rc : answer_sent(m, &result);
}

static int co_read_call(struct reading *m, struct json_object *o)
{
    if (!json_object_is_type(o, json_type_object))
        return refuse(m, "is no object", "body");
    int rc = co_take_content(m, o);
    if (rc == 0)
        rc = take_groups(m, o);
    if (rc == 0)
        rc = take_time(m, o, &m->send.due_ms);
    if (rc == 0)
        rc = text_of(m, o, "batch_id", &m->send.batch);
    if (rc == 0)
        rc = take_meta(m, o, &m->send.meta);
    if (rc == 0 && member_bool(o, "test", &m->send.dry) < 0)
        rc = refuse(m, "is neither true nor false", "test");
    return rc;
}

int native_messages_co_post(struct http_request *r)
{
    struct identity who;
    struct json_object *o = NULL;
    int rc = native_co_enter(r, "mail.send", &who);
    if (rc < 0)
        return rc;
    struct reading m = {.r = r, .arena = ARENA(MEMORY)};
    m.send = (struct send){.who = &who,
                           .source = "api",
                           .content = &m.content,
                           .key = http_field(r, "Idempotency-Key")};
    rc = http_co_body(r, NATIVE_BODY_MAX, &m.send.request);
    if (rc == 0)
        rc = json_co_body(r, NATIVE_BODY_MAX, &o);
    if (rc == 0)
        rc = co_read_call(&m, o);
    if (rc == 0)
        rc = co_send(&m);
    else if (m.why)
        rc = native_problem(r, 400, m.field, m.why, NULL);
    json_object_put(o);
    arena_free(&m.arena);
    return rc;
}
