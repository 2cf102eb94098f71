/* The body of a send, read; see native_read.h. */
#include "api/native_read.h"

#include "base/base64.h"
#include "template/template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define ATTACHMENTS_MAX 100
#define HEADERS_MAX     50

#define STRING_FIX "Give a string"
#define OBJECT_FIX "Give an object: {\"name\": value}"
#define LIST_FIX   "Give a list: […]"

/* A problem of a field whose name has places in it. */
static int refuse(struct native_send *m, const char *reason, const char *fix, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
static int refuse(struct native_send *m, const char *reason, const char *fix, const char *format,
                  ...)
{
    char field[NATIVE_FIELD_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(field, sizeof field, format, args);
    va_end(args);
    return native_problem(m->r, 400, field, reason, fix);
}

static int take_text(struct native_send *m, struct json_object *o, const char *name,
                     const char *prefix, struct span *ret_text)
{
    *ret_text = SPAN("");
    int rc = member_text(o, name, ret_text);
    return rc < 0 ? refuse(m, "is no string", STRING_FIX, "%s%s", prefix, name) : 0;
}

/* --- addresses ------------------------------------------------------------------------------- */

#define ADDRESS_FIX "Give \"anna@example.org\", or {\"email\": \"…\", \"name\": \"…\"}"

static int take_mailbox(struct native_send *m, struct json_object *value, const char *place,
                        struct mailbox *ret_box)
{
    static const char *const members[] = {"email", "name", NULL};
    char prefix[NATIVE_FIELD_MAX];
    struct span text;
    struct address_fault fault;
    if (member_is_text(value, &text) > 0) {
        int count = address_parse_given(text, &m->arena, ret_box, 1, &fault);
        if (count == 1)
            return 0;
        return count == -ENOMEM ? count : refuse(m, "is no address", ADDRESS_FIX, "%s", place);
    }
    if (!json_object_is_type(value, json_type_object) || member_text(value, "email", &text) <= 0)
        return refuse(m, "is no address", ADDRESS_FIX, "%s", place);
    snprintf(prefix, sizeof prefix, "%.100s.", place);
    int rc = native_check_members(m->r, value, members, prefix);
    ret_box->name = SPAN("");
    if (rc == 0)
        rc = take_text(m, value, "name", prefix, &ret_box->name);
    if (rc == 0 && !address_split(text, &ret_box->local, &ret_box->domain))
        rc = refuse(m, "is no address", ADDRESS_FIX, "%semail", prefix);
    return rc;
}

int native_take_mailboxes(struct native_send *m, struct json_object *o, const char *name,
                          const char *prefix, struct compose_list *ret_list)
{
    char place[NATIVE_FIELD_MAX];
    struct json_object *value = json_object_object_get(o, name);
    bool list = json_object_is_type(value, json_type_array);
    size_t count = list ? json_object_array_length(value) : value ? 1 : 0;
    if (count > SEND_RECIPIENTS_MAX)
        return refuse(m, "has more than 10000 addresses", "Divide the call into several", "%s%s",
                      prefix, name);
    struct mailbox *all = arena_alloc(&m->arena, (count + 1) * sizeof *all);
    int rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        snprintf(place, sizeof place, "%s%s[%zu]", prefix, name, i);
        rc = take_mailbox(m, list ? json_object_array_get_idx(value, i) : value, place, &all[i]);
    }
    *ret_list = (struct compose_list){all, count};
    return rc;
}

/* --- headers --------------------------------------------------------------------------------- */

static int take_headers(struct native_send *m, struct json_object *o, const char *prefix,
                        const struct compose_header **ret_headers, size_t *ret_count)
{
    struct json_object *value = NULL;
    *ret_count = 0;
    if (member_object(o, "headers", &value) < 0)
        return refuse(m, "is no object", OBJECT_FIX, "%sheaders", prefix);
    if (!value)
        return 0;
    size_t count = (size_t)json_object_object_length(value);
    if (count > HEADERS_MAX)
        return refuse(m, "has more than 50 fields", "Leave some out", "%sheaders", prefix);
    struct compose_header *all = arena_alloc(&m->arena, (count + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    json_object_object_foreach(value, name, one)
    {
        all[*ret_count].name = span_of(name);
        if (member_is_text(one, &all[*ret_count].value) <= 0)
            return refuse(m, "is no string", STRING_FIX, "%sheaders.%.60s", prefix, name);
        (*ret_count)++;
    }
    *ret_headers = all;
    return 0;
}

/* --- attachments ----------------------------------------------------------------------------- */

static int take_bytes(struct native_send *m, struct json_object *o, const char *prefix,
                      struct span *ret_bytes)
{
    struct span text;
    if (member_text(o, "content", &text) <= 0)
        return refuse(m, "is missing", "Give the file's bytes in base64", "%scontent", prefix);
    AUTO_BUFFER bytes = BUFFER(text.len + 16);
    int rc = base64_decode(&bytes, text);
    if (rc == ERR_SYNTAX)
        return refuse(m, "is no base64", "Give the file's bytes in base64", "%scontent", prefix);
    *ret_bytes = arena_copy(&m->arena, buffer_span(&bytes));
    return rc < 0 ? rc : ret_bytes->at ? 0 : -ENOMEM;
}

static int take_disposition(struct native_send *m, struct json_object *o, const char *prefix,
                            bool *ret_inline)
{
    struct span text = SPAN("");
    int rc = take_text(m, o, "disposition", prefix, &text);
    *ret_inline = span_equal(text, SPAN("inline"));
    if (rc == 0 && text.len && !*ret_inline && !span_equal(text, SPAN("attachment")))
        rc = refuse(m, "is neither inline nor attachment", "Give one of these", "%sdisposition",
                    prefix);
    return rc;
}

static int take_attachment(struct native_send *m, struct json_object *o, size_t i,
                           struct compose_attachment *one)
{
    static const char *const members[] = {"filename",    "type",    "content_id",
                                          "disposition", "content", NULL};
    char prefix[NATIVE_FIELD_MAX];
    if (!json_object_is_type(o, json_type_object))
        return refuse(m, "is no object", OBJECT_FIX, "attachments[%zu]", i);
    snprintf(prefix, sizeof prefix, "attachments[%zu].", i);
    int rc = native_check_members(m->r, o, members, prefix);
    if (rc == 0)
        rc = take_text(m, o, "filename", prefix, &one->name);
    if (rc == 0)
        rc = take_text(m, o, "type", prefix, &one->type);
    if (rc == 0)
        rc = take_text(m, o, "content_id", prefix, &one->content_id);
    if (rc == 0)
        rc = take_disposition(m, o, prefix, &one->is_inline);
    return rc == 0 ? take_bytes(m, o, prefix, &one->bytes) : rc;
}

static int take_attachments(struct native_send *m, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t count;
    if (member_array(o, "attachments", &list, &count) < 0)
        return refuse(m, "is no list", LIST_FIX, "attachments");
    if (count > ATTACHMENTS_MAX)
        return refuse(m, "has more than 100 files", "Put them into one archive", "attachments");
    struct compose_attachment *all = arena_zero(&m->arena, (count + 1) * sizeof *all);
    int rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_attachment(m, json_object_array_get_idx(list, i), i, &all[i]);
    m->content.letter.attachments = all;
    m->content.letter.attachment_count = count;
    return rc;
}

/* --- a stored template ----------------------------------------------------------------------- */

int native_co_take_version(struct native_send *m, int status, struct span name, struct span tag,
                           struct stored_version *ret_version)
{
    struct compose_letter *letter = &m->content.letter;
    int rc = templates_co_version_find(api_of(m->r)->store, m->send.who->tenant, SPAN(NATIVE_SPACE),
                                       name, tag, &m->arena, ret_version);
    if (rc == ERR_ABSENT || rc == ERR_SYNTAX)
        return native_problem(m->r, status, tag.len ? "version" : "template",
                              tag.len ? "does not exist in this template"
                                      : "does not exist, or has no active version",
                              "GET /api/v1/templates lists the templates");
    if (rc < 0)
        return rc;
    m->content.syntax = CONTENT_HANDLEBARS;
    if (letter->subject.len == 0)
        letter->subject = ret_version->subject;
    letter->text = ret_version->text;
    letter->html = ret_version->html;
    letter->amp = ret_version->amp;
    return 0;
}

static int native_co_take_template(struct native_send *m, struct json_object *o)
{
    const struct compose_letter *letter = &m->content.letter;
    struct stored_version version;
    struct span name, tag;
    int rc = take_text(m, o, "template", "", &name);
    if (rc == 0)
        rc = take_text(m, o, "version", "", &tag);
    if (rc != 0)
        return rc;
    if (name.len == 0 && tag.len)
        return refuse(m, "is of no template", "Name the template too", "version");
    if (name.len == 0)
        return 0;
    if (letter->text.len || letter->html.len || letter->amp.len)
        return refuse(m, "comes with the template", "Leave out either",
                      letter->text.len   ? "text"
                      : letter->html.len ? "html"
                                         : "amp");
    return native_co_take_version(m, 400, name, tag, &version);
}

/* --- the letter ------------------------------------------------------------------------------ */

static int take_bodies(struct native_send *m, struct json_object *o)
{
    struct compose_letter *letter = &m->content.letter;
    int rc = take_text(m, o, "subject", "", &letter->subject);
    if (rc == 0)
        rc = take_text(m, o, "text", "", &letter->text);
    if (rc == 0)
        rc = take_text(m, o, "html", "", &letter->html);
    if (rc == 0)
        rc = take_text(m, o, "amp", "", &letter->amp);
    if (rc == 0)
        rc = take_headers(m, o, "", &letter->headers, &letter->header_count);
    return rc == 0 ? take_attachments(m, o) : rc;
}

static int native_co_take_content(struct native_send *m, struct json_object *o)
{
    struct compose_letter *letter = &m->content.letter;
    int rc = native_take_mailboxes(m, o, "from", "", &letter->from);
    if (rc == 0 && letter->from.count == 0)
        rc = refuse(m, "is missing", ADDRESS_FIX, "from");
    if (rc == 0)
        rc = native_take_mailboxes(m, o, "reply_to", "", &letter->reply_to);
    if (rc == 0)
        rc = take_bodies(m, o);
    if (rc == 0)
        rc = native_bool(m->r, o, "strict", &m->content.strict);
    if (json_object_object_get(o, "data") || json_object_object_get(o, "recipients"))
        m->content.syntax = CONTENT_HANDLEBARS;
    m->content.helpers = TEMPLATE_SENDGRID;
    return rc == 0 ? native_co_take_template(m, o) : rc;
}

/* --- who gets it, and when ------------------------------------------------------------------- */

static int take_time(struct native_send *m, struct json_object *o, const char *prefix,
                     int64_t *ret_ms)
{
    struct json_object *value = json_object_object_get(o, "send_at");
    struct span text;
    *ret_ms = 0;
    if (!value)
        return 0;
    if (json_object_is_type(value, json_type_int))
        text = span_of(json_object_get_string(value));
    else if (member_is_text(value, &text) <= 0)
        text = SPAN("");
    if (!native_parse_time(text, ret_ms))
        return refuse(m, "is no time", "Give seconds since 1970, or \"2026-01-31T12:00:00Z\"",
                      "%ssend_at", prefix);
    return 0;
}

static int take_meta(struct native_send *m, struct json_object *o, const char *prefix,
                     struct span *ret_meta)
{
    struct json_object *value = NULL;
    if (member_object(o, "metadata", &value) < 0)
        return refuse(m, "is no object", OBJECT_FIX, "%smetadata", prefix);
    *ret_meta = value ? member_print(value, &m->arena) : SPAN("");
    return ret_meta->at ? 0 : -ENOMEM;
}

static int take_data(struct native_send *m, struct json_object *o, const char *prefix,
                     struct json_object **ret_data)
{
    if (member_object(o, "data", ret_data) < 0)
        return refuse(m, "is no object", OBJECT_FIX, "%sdata", prefix);
    return 0;
}

static int take_group(struct native_send *m, struct json_object *o, const char *prefix,
                      struct content_group *group)
{
    group->data = m->data;
    int rc = native_take_mailboxes(m, o, "to", prefix, &group->to);
    if (rc == 0)
        rc = native_take_mailboxes(m, o, "cc", prefix, &group->cc);
    if (rc == 0)
        rc = native_take_mailboxes(m, o, "bcc", prefix, &group->bcc);
    return rc == 0 ? take_data(m, o, prefix, &group->data) : rc;
}

static int take_listed(struct native_send *m, struct json_object *o, size_t i,
                       struct content_group *group)
{
    static const char *const members[] = {"to",      "cc",      "bcc",      "data", "subject",
                                          "headers", "send_at", "metadata", NULL};
    char prefix[40];
    if (!json_object_is_type(o, json_type_object))
        return refuse(m, "is no object", OBJECT_FIX, "recipients[%zu]", i);
    snprintf(prefix, sizeof prefix, "recipients[%zu].", i);
    int rc = native_check_members(m->r, o, members, prefix);
    if (rc == 0)
        rc = take_group(m, o, prefix, group);
    if (rc == 0)
        rc = take_text(m, o, "subject", prefix, &group->subject);
    if (rc == 0)
        rc = take_headers(m, o, prefix, &group->headers, &group->header_count);
    if (rc == 0)
        rc = take_time(m, o, prefix, &group->due_ms);
    return rc == 0 ? take_meta(m, o, prefix, &group->meta) : rc;
}

/* Either "recipients", or one group in the call itself. */
static int check_which(struct native_send *m, struct json_object *o)
{
    static const char *const alone[] = {"to", "cc", "bcc"};
    for (size_t i = 0; m->listed && i < 3; i++)
        if (json_object_object_get(o, alone[i]))
            return refuse(m, "stands beside recipients", "Put it into each of recipients", "%s",
                          alone[i]);
    return 0;
}

static int take_groups(struct native_send *m, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t count;
    int rc = take_data(m, o, "", &m->data);
    if (rc != 0)
        return rc;
    if (member_array(o, "recipients", &list, &count) < 0)
        return refuse(m, "is no list", LIST_FIX, "recipients");
    if (count > SEND_RECIPIENTS_MAX)
        return refuse(m, "has more than 10000 entries", "Divide the call into several",
                      "recipients");
    struct content_group *all = arena_zero(&m->arena, (count + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    m->listed = list != NULL;
    rc = check_which(m, o);
    if (rc == 0 && !list)
        rc = take_group(m, o, "", &all[0]);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_listed(m, json_object_array_get_idx(list, i), i, &all[i]);
    m->send.groups = all;
    m->send.group_count = list ? count : 1;
    return rc;
}

/* --- the call -------------------------------------------------------------------------------- */

/* A preview shows one of the recipients. */
static int take_recipient(struct native_send *m, struct json_object *o)
{
    int64_t number = 0;
    if (member_int(o, "recipient", &number) < 0 || number < 0 ||
        (number > 0 && (uint64_t)number >= m->send.group_count))
        return refuse(m, "is no place in recipients", "Give 0 for the first", "recipient");
    m->recipient = (size_t)number;
    return 0;
}

int native_co_read_send(struct native_send *m, struct json_object *o, bool preview)
{
    static const char *const members[] = {
        "from",   "to",         "cc",      "bcc",         "reply_to", "subject", "text",
        "html",   "amp",        "headers", "attachments", "template", "version", "data",
        "strict", "recipients", "send_at", "batch_id",    "metadata", "test",    NULL};
    static const char *const shown[] = {"from",        "to",       "cc",        "bcc",  "reply_to",
                                        "subject",     "text",     "html",      "amp",  "headers",
                                        "attachments", "template", "version",   "data", "strict",
                                        "recipients",  "send_at",  "recipient", NULL};
    int rc = native_check_members(m->r, o, preview ? shown : members, "");
    if (rc == 0)
        rc = native_co_take_content(m, o);
    if (rc == 0)
        rc = take_groups(m, o);
    if (rc == 0)
        rc = take_time(m, o, "", &m->send.due_ms);
    if (rc == 0 && preview)
        return take_recipient(m, o);
    if (rc == 0)
        rc = take_text(m, o, "batch_id", "", &m->send.batch);
    if (rc == 0)
        rc = take_meta(m, o, "", &m->send.meta);
    return rc == 0 ? native_bool(m->r, o, "test", &m->send.dry) : rc;
}

/* --- what the door refused ------------------------------------------------------------------- */

static const struct {
    int status;
    const char *field, *fix;
} known[] = {
    [SEND_NO_RECIPIENTS] = {400, "to", "Give at least one address in to, cc or bcc"},
    [SEND_TOO_MANY_RECIPIENTS] = {400, "recipients", "Divide the call into several"},
    [SEND_TOO_LARGE] = {413, "attachments", "Link to large files instead"},
    [SEND_BAD_ADDRESS] = {400, "to", "Correct the address, or leave it out"},
    [SEND_BAD_CONTENT] = {400, NULL, "Correct it, or leave it out"},
    [SEND_BAD_RAW] = {400, "body", "Send a letter as RFC 5322 describes it"},
    [SEND_BAD_TEMPLATE] = {400, "template", "Correct the template, or give the data it needs"},
    [SEND_NOT_ALLOWED] = {403, NULL, "Use a key with the scope mail.send"},
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

/* Of a group: "recipients[3].to[0]", or "to[0]". */
static const char *place_of(const struct native_send *m, const struct send_result *result,
                            char place[NATIVE_FIELD_MAX])
{
    bool address = result->problem == SEND_BAD_ADDRESS;
    const char *field = address ? result->list : known[result->problem].field;
    int len = 0;
    if (m->listed)
        len = snprintf(place, NATIVE_FIELD_MAX, "recipients[%zu].", result->group);
    if (address)
        snprintf(place + len, NATIVE_FIELD_MAX - (size_t)len, "%s[%zu]", field, result->index);
    else
        snprintf(place + len, NATIVE_FIELD_MAX - (size_t)len, "%s", field);
    return place;
}

int native_refusal(struct native_send *m, const struct send_result *result)
{
    char place[NATIVE_FIELD_MAX];
    const char *field = known[result->problem].field;
    if (result->problem == SEND_BAD_CONTENT)
        field = fields[result->fault.field];
    else if (result->problem == SEND_BAD_ADDRESS || result->problem == SEND_NO_RECIPIENTS)
        field = place_of(m, result, place);
    return native_problem(m->r, known[result->problem].status, field, result->text,
                          known[result->problem].fix);
}
