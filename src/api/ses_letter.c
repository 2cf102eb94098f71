/* What all sends of SES read: addresses, fields, attachments, tags, templates; see ses.h. */
#include "api/ses.h"

#include "base/base64.h"
#include "http/json.h"
#include "mail/decode.h"

#include <errno.h>
#include <string.h>

#define HEADERS_MAX       15
#define HEADER_NAME_MAX   126
#define HEADER_VALUE_MAX  995
#define ATTACHMENTS_MAX   100
#define FILE_NAME_MAX     255
#define TYPE_MAX          78
#define TAGS_MAX          50
#define TAG_MAX           256
#define CONFIGURATION_MAX 64
#define NAME_DECODED_MAX  ((size_t)4096)

/* --- addresses -------------------------------------------------------------------------------- */

/* Names beyond ASCII are to be given as encoded words, says SES. */
static int decode(struct ses_call *c, struct span *text)
{
    AUTO_BUFFER decoded = BUFFER(NAME_DECODED_MAX);
    if (span_find_span(*text, SPAN("=?")) < 0 || span_find(*text, '\r') >= 0 ||
        span_find(*text, '\n') >= 0)
        return 0; /* of several lines: composing refuses it */
    int rc = decode_words(*text, &decoded);
    if (rc == -ENOBUFS)
        return 0; /* it stays as it is */
    *text = arena_copy(&c->arena, buffer_span(&decoded));
    return rc < 0 ? rc : text->at ? 0 : -ENOMEM;
}

int ses_take_mailbox(struct ses_call *c, struct span text, struct mailbox *ret_box)
{
    struct address_fault fault;
    if (span_find(text, '@') < 0)
        return ses_refuse(c, SES_BAD_REQUEST, "Missing final '@domain'");
    int count = address_parse_given(text, &c->arena, ret_box, 1, &fault);
    if (count == -ENOMEM)
        return count;
    if (count != 1)
        return ses_refuse(c, SES_BAD_REQUEST, "Illegal address: %s",
                          count < 0 ? fault.why : "it is empty");
    return decode(c, &ret_box->name);
}

static int take_list(struct ses_call *c, struct json_object *o, const char *name,
                     struct compose_list *ret_list)
{
    struct json_object *list;
    size_t count;
    int rc = ses_array(c, o, name, &list, &count);
    if (rc < 0)
        return rc;
    if (count > SES_RECIPIENTS_MAX)
        return ses_refuse(c, SES_BAD_REQUEST, "Recipient count exceeds %d.", SES_RECIPIENTS_MAX);
    struct mailbox *all = arena_zero(&c->arena, (count + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct span text;
        if (member_is_text(json_object_array_get_idx(list, i), &text) <= 0)
            return ses_refuse_member(c, name, "a list of strings");
        rc = ses_take_mailbox(c, text, &all[i]);
        if (rc < 0)
            return rc;
    }
    *ret_list = (struct compose_list){all, count};
    return 0;
}

int ses_take_destination(struct ses_call *c, struct json_object *destination,
                         struct content_group *group)
{
    int rc = take_list(c, destination, "ToAddresses", &group->to);
    if (rc == 0)
        rc = take_list(c, destination, "CcAddresses", &group->cc);
    if (rc == 0)
        rc = take_list(c, destination, "BccAddresses", &group->bcc);
    if (rc < 0)
        return rc;
    size_t count = group->to.count + group->cc.count + group->bcc.count;
    if (count > SES_RECIPIENTS_MAX)
        return ses_refuse(c, SES_BAD_REQUEST, "Recipient count exceeds %d.", SES_RECIPIENTS_MAX);
    if (count == 0)
        return ses_refuse(c, SES_BAD_REQUEST, "Missing required header 'To'.");
    return 0;
}

/* --- who writes ------------------------------------------------------------------------------- */

static int refuse_identity(struct ses_call *c, const struct mailbox *box)
{
    return ses_refuse(c, SES_REJECTED,
                      "Email address is not verified. The following identities failed the check in"
                      " region %.30s: %.*s@%.*s",
                      c->region, SPAN_PRINT(span_first(box->local, 64)),
                      SPAN_PRINT(span_first(box->domain, 200)));
}

/* An address that must be of ours: who writes, or where bounces go. */
static int co_take_own(struct ses_call *c, struct span text, struct mailbox *ret_box)
{
    int rc = ses_take_mailbox(c, text, ret_box);
    if (rc == 0)
        rc = directory_co_may_send(api_of(c->r)->directory, &c->who, ret_box->local,
                                   ret_box->domain);
    else
        return rc;
    return rc == 0 || rc == ERR_SYNTAX ? refuse_identity(c, ret_box) : rc < 0 ? rc : 0;
}

static int co_take_return_path(struct ses_call *c, struct span text, struct ses_letter *l)
{
    AUTO_BUFFER path = BUFFER(ADDRESS_TEXT_MAX * 2);
    struct mailbox box = {0};
    int rc = co_take_own(c, text, &box);
    if (rc == 0)
        rc = address_write(&box, &path);
    if (rc < 0)
        return rc;
    l->send.reverse_path = arena_copy(&c->arena, buffer_span(&path));
    return l->send.reverse_path.at ? 0 : -ENOMEM;
}

static int co_take_from(struct ses_call *c, struct json_object *in, struct ses_letter *l)
{
    struct mailbox *from = arena_zero(&c->arena, sizeof *from);
    struct span text;
    int rc = from ? ses_text(c, in, "FromEmailAddress", &text) : -ENOMEM;
    if (rc < 0 || text.len == 0)
        return rc;
    rc = co_take_own(c, text, from);
    l->content.letter.from = (struct compose_list){from, 1};
    return rc;
}

/* --- what is kept with the letter ------------------------------------------------------------- */

static bool is_tag(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!ascii_is_alpha(text.at[i]) && !ascii_is_digit(text.at[i]) &&
            !strchr("_-.@", text.at[i]))
            return false;
    return text.len && text.len <= TAG_MAX && span_find(text, '\0') < 0;
}

int ses_take_tags(struct ses_call *c, struct json_object *o, const char *name,
                  struct json_object *meta)
{
    struct json_object *list;
    size_t count;
    int rc = ses_array(c, o, name, &list, &count);
    if (rc < 0 || count == 0)
        return rc;
    if (count > TAGS_MAX)
        return ses_refuse(c, SES_BAD_REQUEST, "Too many tags: at most %d.", TAGS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct json_object *tag = json_object_array_get_idx(list, i);
        struct span key, value;
        if (!json_object_is_type(tag, json_type_object) || member_text(tag, "Name", &key) <= 0 ||
            member_text(tag, "Value", &value) <= 0)
            return ses_refuse_member(c, name, "a list of Name and Value");
        if (!is_tag(key) || !is_tag(value))
            return ses_refuse(c, SES_BAD_REQUEST,
                              "Invalid tag '%.*s': names and values have 1 to %d of the letters"
                              " A-Z, a-z, 0-9, '_', '-', '.' and '@'.",
                              SPAN_PRINT(span_first(key, 100)), TAG_MAX);
    }
    member_put(meta, "tags", json_object_get(list));
    return 0;
}

static int take_configuration(struct ses_call *c, struct json_object *in, struct ses_letter *l)
{
    struct json_object *options;
    struct span name;
    int rc = ses_text(c, in, "ConfigurationSetName", &name);
    if (rc == 0 && name.len > CONFIGURATION_MAX)
        rc = ses_refuse(c, SES_BAD_REQUEST, "Configuration set name is too long.");
    if (rc == 0 && name.len)
        member_put_text(l->meta, "configuration_set", name);
    if (rc == 0)
        rc = ses_object(c, in, "ListManagementOptions", &options);
    if (rc == 0 && options)
        member_put(l->meta, "list_management", json_object_get(options));
    return rc;
}

int ses_co_take_envelope(struct ses_call *c, struct json_object *in, struct ses_letter *l)
{
    struct span path;
    l->send.who = &c->who;
    l->send.source = "ses";
    l->send.key = http_field(c->r, "Idempotency-Key");
    l->send.request = c->body;
    int rc = co_take_from(c, in, l);
    if (rc == 0)
        rc = take_list(c, in, "ReplyToAddresses", &l->content.letter.reply_to);
    if (rc == 0)
        rc = ses_text(c, in, "FeedbackForwardingEmailAddress", &path);
    if (rc == 0 && path.len)
        rc = co_take_return_path(c, path, l);
    return rc < 0 ? rc : take_configuration(c, in, l);
}

/* --- fields ----------------------------------------------------------------------------------- */

int ses_take_headers(struct ses_call *c, struct json_object *o, const char *name,
                     const struct compose_header **ret_headers, size_t *ret_count)
{
    struct json_object *list;
    size_t count;
    int rc = ses_array(c, o, name, &list, &count);
    if (rc < 0)
        return rc;
    if (count > HEADERS_MAX)
        return ses_refuse(c, SES_BAD_REQUEST, "'%s' has more than %d members.", name, HEADERS_MAX);
    struct compose_header *all = arena_alloc(&c->arena, (count + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        if (!json_object_is_type(one, json_type_object) ||
            member_text(one, "Name", &all[i].name) <= 0 ||
            member_text(one, "Value", &all[i].value) <= 0)
            return ses_refuse_member(c, name, "a list of Name and Value");
        if (all[i].name.len > HEADER_NAME_MAX || all[i].value.len > HEADER_VALUE_MAX)
            return ses_refuse(c, SES_BAD_REQUEST, "'%s' has a name or a value that is too long.",
                              name);
    }
    *ret_headers = all;
    *ret_count = count;
    return 0;
}

/* --- attachments ------------------------------------------------------------------------------ */

static int take_bytes(struct ses_call *c, struct json_object *o, struct span *ret_bytes)
{
    struct span text;
    int rc = ses_need_text(c, o, "RawContent", &text);
    if (rc < 0)
        return rc;
    AUTO_BUFFER bytes = BUFFER(text.len + 16);
    rc = base64_decode(&bytes, text);
    if (rc == ERR_SYNTAX)
        return ses_refuse(c, SES_BAD_REQUEST, "'RawContent' is no base64.");
    *ret_bytes = arena_copy(&c->arena, buffer_span(&bytes));
    return rc < 0 ? rc : ret_bytes->at ? 0 : -ENOMEM;
}

static int take_attachment(struct ses_call *c, struct json_object *o,
                           struct compose_attachment *one)
{
    struct span disposition = SPAN("");
    if (!json_object_is_type(o, json_type_object))
        return ses_refuse_member(c, "Attachments", "a list of objects");
    int rc = ses_need_text(c, o, "FileName", &one->name);
    if (rc == 0)
        rc = ses_text(c, o, "ContentType", &one->type);
    if (rc == 0)
        rc = ses_text(c, o, "ContentId", &one->content_id);
    if (rc == 0)
        rc = ses_text(c, o, "ContentDisposition", &disposition);
    if (rc < 0)
        return rc;
    if (one->name.len > FILE_NAME_MAX || one->type.len > TYPE_MAX || one->content_id.len > TYPE_MAX)
        return ses_refuse(c, SES_BAD_REQUEST,
                          "An attachment's FileName, ContentType or ContentId is too long.");
    one->is_inline = span_equal(disposition, SPAN("INLINE"));
    if (disposition.len && !one->is_inline && !span_equal(disposition, SPAN("ATTACHMENT")))
        return ses_refuse(c, SES_BAD_REQUEST, "'ContentDisposition' is ATTACHMENT or INLINE.");
    return take_bytes(c, o, &one->bytes);
}

int ses_take_extras(struct ses_call *c, struct json_object *o, struct ses_letter *l)
{
    struct compose_letter *letter = &l->content.letter;
    struct json_object *list = NULL;
    size_t count = 0;
    int rc = ses_take_headers(c, o, "Headers", &letter->headers, &letter->header_count);
    if (rc == 0)
        rc = ses_array(c, o, "Attachments", &list, &count);
    if (rc < 0)
        return rc;
    if (count > ATTACHMENTS_MAX)
        return ses_refuse(c, SES_BAD_REQUEST, "More than %d attachments.", ATTACHMENTS_MAX);
    struct compose_attachment *all = arena_zero(&c->arena, (count + 1) * sizeof *all);
    rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_attachment(c, json_object_array_get_idx(list, i), &all[i]);
    letter->attachments = all;
    letter->attachment_count = count;
    return rc;
}

/* A subject in encoded words is taken as what it says. */
int ses_take_subject(struct ses_call *c, struct span text, struct ses_letter *l)
{
    l->content.letter.subject = text;
    return decode(c, &l->content.letter.subject);
}
