/* Packages; see package.h. Mailboxes stand as [name, local, domain]. */
#include "submit/package.h"

#include "base/base64.h"

#include <errno.h>
#include <json-c/json.h>

#define VERSION   1
#define ITEMS_MAX 10000
#define DEPTH_MAX 40 /* data may have 32 */

/* --- writing --------------------------------------------------------------------------------- */

static struct json_object *text_json(struct span text)
{
    return json_object_new_string_len(text.at ? text.at : "", (int)text.len);
}

static void put(struct json_object *o, const char *name, struct json_object *value)
{
    json_object_object_add_ex(o, name, value, JSON_C_OBJECT_ADD_KEY_IS_NEW);
}

static void put_text(struct json_object *o, const char *name, struct span text)
{
    if (text.len)
        put(o, name, text_json(text));
}

static struct json_object *mailbox_json(const struct mailbox *box)
{
    struct json_object *list = json_object_new_array_ext(3);
    json_object_array_add(list, text_json(box->name));
    json_object_array_add(list, text_json(box->local));
    json_object_array_add(list, text_json(box->domain));
    return list;
}

static void put_list(struct json_object *o, const char *name, const struct compose_list *list)
{
    if (list->count == 0)
        return;
    struct json_object *all = json_object_new_array_ext((int)list->count);
    for (size_t i = 0; i < list->count; i++)
        json_object_array_add(all, mailbox_json(&list->at[i]));
    put(o, name, all);
}

static struct json_object *pair_json(struct span first, struct span second)
{
    struct json_object *pair = json_object_new_array_ext(2);
    json_object_array_add(pair, text_json(first));
    json_object_array_add(pair, text_json(second));
    return pair;
}

static void put_headers(struct json_object *o, const struct compose_header *headers, size_t count)
{
    if (count == 0)
        return;
    struct json_object *all = json_object_new_array_ext((int)count);
    for (size_t i = 0; i < count; i++)
        json_object_array_add(all, pair_json(headers[i].name, headers[i].value));
    put(o, "headers", all);
}

static void put_bodies(struct json_object *o, const struct compose_letter *letter)
{
    struct json_object *all = json_object_new_array();
    for (size_t i = 0; i < letter->body_count; i++)
        json_object_array_add(all, pair_json(letter->bodies[i].type, letter->bodies[i].text));
    put(o, "bodies", all);
}

static int put_attachments(struct json_object *o, const struct compose_letter *letter)
{
    struct json_object *all = json_object_new_array();
    put(o, "attachments", all);
    for (size_t i = 0; i < letter->attachment_count; i++) {
        const struct compose_attachment *one = &letter->attachments[i];
        AUTO_BUFFER encoded = BUFFER(one->bytes.len * 2 + 16);
        int rc = base64_encode(&encoded, one->bytes);
        if (rc < 0)
            return rc;
        struct json_object *entry = json_object_new_object();
        json_object_array_add(all, entry);
        put_text(entry, "name", one->name);
        put_text(entry, "type", one->type);
        put_text(entry, "id", one->content_id);
        put(entry, "inline", json_object_new_boolean(one->is_inline));
        put_text(entry, "bytes", buffer_span(&encoded));
    }
    return 0;
}

static void put_partials(struct json_object *o, const struct content *content)
{
    struct json_object *all = json_object_new_array();
    for (size_t i = 0; i < content->partial_count; i++)
        json_object_array_add(all,
                              pair_json(content->partials[i].name, content->partials[i].source));
    put(o, "partials", all);
}

static int print(struct json_object *o, struct buffer *out)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    return text ? buffer_append(out, span_make(text, len)) : -ENOMEM;
}

int package_write(const struct content *content, struct buffer *out)
{
    const struct compose_letter *letter = &content->letter;
    struct json_object *o = json_object_new_object();
    if (!o)
        return -ENOMEM;
    put(o, "version", json_object_new_int(VERSION));
    put(o, "syntax", json_object_new_int((int)content->syntax));
    put_text(o, "data", content->data);
    put(o, "helpers", json_object_new_int((int)content->helpers));
    put(o, "plain_html", json_object_new_boolean(content->plain_html));
    put(o, "strict", json_object_new_boolean(content->strict));
    put(o, "html_alone", json_object_new_boolean(letter->html_alone));
    put_partials(o, content);
    put_list(o, "from", &letter->from);
    put_list(o, "sender", &letter->sender);
    put_list(o, "reply_to", &letter->reply_to);
    put_text(o, "message_id", letter->message_id);
    put_text(o, "subject", letter->subject);
    put_headers(o, letter->headers, letter->header_count);
    put_text(o, "text", letter->text);
    put_text(o, "amp", letter->amp);
    put_text(o, "html", letter->html);
    put_bodies(o, letter);
    int rc = put_attachments(o, letter);
    if (rc == 0)
        rc = print(o, out);
    json_object_put(o);
    return rc;
}

/* The recipient alone, without a name: need not be said. */
static bool is_plain_to(const struct content_group *group, struct span recipient)
{
    if (group->to.count != 1 || group->to.at[0].name.len)
        return false;
    const struct mailbox *box = &group->to.at[0];
    return recipient.len == box->local.len + 1 + box->domain.len &&
           span_starts(recipient, box->local) && recipient.at[box->local.len] == '@' &&
           span_equal(span_from(recipient, box->local.len + 1), box->domain);
}

int package_write_group(const struct content_group *group, size_t number, struct span recipient,
                        struct buffer *out)
{
    struct json_object *o = json_object_new_object();
    if (!o)
        return -ENOMEM;
    if (number)
        put(o, "n", json_object_new_int64((int64_t)number));
    if (!is_plain_to(group, recipient))
        put_list(o, "to", &group->to);
    put_list(o, "cc", &group->cc);
    if (group->shown) {
        put(o, "shown", json_object_new_boolean(true));
        put_list(o, "shown_to", &group->shown->to);
        put_list(o, "shown_cc", &group->shown->cc);
    }
    if (group->from)
        put(o, "from", mailbox_json(group->from));
    put_text(o, "subject", group->subject);
    put_text(o, "message_id", group->message_id);
    put_headers(o, group->headers, group->header_count);
    put_text(o, "meta", group->meta);
    if (group->data)
        put(o, "data", json_object_get(group->data));
    int rc = print(o, out);
    json_object_put(o);
    return rc;
}

/* --- reading --------------------------------------------------------------------------------- */

struct reader {
    struct arena *arena;
    int rc; /* the first failure */
};

static void *take_room(struct reader *r, size_t count, size_t size)
{
    void *room = r->rc == 0 ? arena_zero(r->arena, (count + 1) * size) : NULL;
    if (!room && r->rc == 0)
        r->rc = -ENOMEM;
    return room;
}

static struct span take_string(struct reader *r, struct json_object *value)
{
    if (!value)
        return SPAN("");
    if (!json_object_is_type(value, json_type_string)) {
        r->rc = r->rc ? r->rc : ERR_CORRUPT;
        return SPAN("");
    }
    struct span copy = arena_copy(r->arena, span_make(json_object_get_string(value),
                                                      (size_t)json_object_get_string_len(value)));
    if (!copy.at)
        r->rc = r->rc ? r->rc : -ENOMEM;
    return copy.at ? copy : SPAN("");
}

static struct span take_text(struct reader *r, struct json_object *o, const char *name)
{
    return take_string(r, json_object_object_get(o, name));
}

static bool take_bool(struct json_object *o, const char *name)
{
    return json_object_get_boolean(json_object_object_get(o, name));
}

static size_t list_length(struct reader *r, struct json_object *list)
{
    if (!list)
        return 0;
    size_t count =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : ITEMS_MAX + 1;
    if (count <= ITEMS_MAX)
        return count;
    r->rc = r->rc ? r->rc : ERR_CORRUPT;
    return 0;
}

static struct span item_text(struct reader *r, struct json_object *list, size_t i)
{
    bool there = json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
    return take_string(r, there ? json_object_array_get_idx(list, i) : NULL);
}

static struct mailbox take_mailbox(struct reader *r, struct json_object *box)
{
    return (struct mailbox){item_text(r, box, 0), item_text(r, box, 1), item_text(r, box, 2)};
}

static struct compose_list take_list(struct reader *r, struct json_object *o, const char *name)
{
    struct json_object *list = json_object_object_get(o, name);
    size_t count = list_length(r, list);
    struct mailbox *all = take_room(r, count, sizeof *all);
    for (size_t i = 0; all && i < count; i++)
        all[i] = take_mailbox(r, json_object_array_get_idx(list, i));
    return (struct compose_list){all, all ? count : 0};
}

static const struct compose_header *take_headers(struct reader *r, struct json_object *o,
                                                 size_t *ret_count)
{
    struct json_object *list = json_object_object_get(o, "headers");
    size_t count = list_length(r, list);
    struct compose_header *all = take_room(r, count, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        struct json_object *pair = json_object_array_get_idx(list, i);
        all[i] = (struct compose_header){item_text(r, pair, 0), item_text(r, pair, 1)};
    }
    *ret_count = all ? count : 0;
    return all;
}

static void take_bodies(struct reader *r, struct json_object *o, struct compose_letter *letter)
{
    struct json_object *list = json_object_object_get(o, "bodies");
    size_t count = list_length(r, list);
    struct compose_body *all = take_room(r, count, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        struct json_object *pair = json_object_array_get_idx(list, i);
        all[i] = (struct compose_body){item_text(r, pair, 0), item_text(r, pair, 1)};
    }
    letter->bodies = all;
    letter->body_count = all ? count : 0;
}

static struct span take_bytes(struct reader *r, struct json_object *entry)
{
    struct span encoded = take_text(r, entry, "bytes");
    AUTO_BUFFER bytes = BUFFER(encoded.len + 16);
    int rc = r->rc ? r->rc : base64_decode(&bytes, encoded);
    if (rc < 0) {
        r->rc = rc == ERR_SYNTAX ? ERR_CORRUPT : rc;
        return SPAN("");
    }
    struct span copy = arena_copy(r->arena, buffer_span(&bytes));
    if (!copy.at)
        r->rc = -ENOMEM;
    return copy.at ? copy : SPAN("");
}

static void take_attachments(struct reader *r, struct json_object *o, struct compose_letter *letter)
{
    struct json_object *list = json_object_object_get(o, "attachments");
    size_t count = list_length(r, list);
    struct compose_attachment *all = take_room(r, count, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        all[i] = (struct compose_attachment){.name = take_text(r, entry, "name"),
                                             .type = take_text(r, entry, "type"),
                                             .content_id = take_text(r, entry, "id"),
                                             .bytes = take_bytes(r, entry),
                                             .is_inline = take_bool(entry, "inline")};
    }
    letter->attachments = all;
    letter->attachment_count = all ? count : 0;
}

static void take_partials(struct reader *r, struct json_object *o, struct content *content)
{
    struct json_object *list = json_object_object_get(o, "partials");
    size_t count = list_length(r, list);
    struct content_partial *all = take_room(r, count, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        struct json_object *pair = json_object_array_get_idx(list, i);
        all[i] = (struct content_partial){item_text(r, pair, 0), item_text(r, pair, 1)};
    }
    content->partials = all;
    content->partial_count = all ? count : 0;
}

static struct json_object *parse(struct span bytes)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *o =
        tokener ? json_tokener_parse_ex(tokener, bytes.at, (int)bytes.len) : NULL;
    if (tokener)
        json_tokener_free(tokener);
    if (o && !json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        o = NULL;
    }
    return o;
}

static void take_content(struct reader *r, struct json_object *o, struct content *content)
{
    struct compose_letter *letter = &content->letter;
    content->syntax = (enum content_syntax)json_object_get_int(json_object_object_get(o, "syntax"));
    content->data = take_text(r, o, "data");
    content->helpers = (unsigned)json_object_get_int(json_object_object_get(o, "helpers"));
    content->plain_html = take_bool(o, "plain_html");
    content->strict = take_bool(o, "strict");
    letter->html_alone = take_bool(o, "html_alone");
    take_partials(r, o, content);
    letter->from = take_list(r, o, "from");
    letter->sender = take_list(r, o, "sender");
    letter->reply_to = take_list(r, o, "reply_to");
    letter->message_id = take_text(r, o, "message_id");
    letter->subject = take_text(r, o, "subject");
    letter->headers = take_headers(r, o, &letter->header_count);
    letter->text = take_text(r, o, "text");
    letter->amp = take_text(r, o, "amp");
    letter->html = take_text(r, o, "html");
    take_bodies(r, o, letter);
    take_attachments(r, o, letter);
}

int package_read(struct span bytes, struct arena *arena, struct content *ret_content)
{
    struct reader r = {.arena = arena};
    struct json_object *o = parse(bytes);
    if (!o || json_object_get_int(json_object_object_get(o, "version")) != VERSION) {
        json_object_put(o);
        return ERR_CORRUPT;
    }
    *ret_content = (struct content){0};
    take_content(&r, o, ret_content);
    json_object_put(o);
    return r.rc;
}

/* "local@domain", the recipient's own. */
static struct compose_list own_list(struct reader *r, struct span recipient)
{
    struct mailbox *own = take_room(r, 1, sizeof *own);
    if (own && !address_split(recipient, &own->local, &own->domain))
        r->rc = ERR_CORRUPT;
    return (struct compose_list){own, own ? 1 : 0};
}

int package_read_group(struct span bytes, struct span recipient, struct arena *arena,
                       struct content_group *ret_group, size_t *ret_number)
{
    struct reader r = {.arena = arena};
    struct json_object *o = parse(bytes), *from;
    if (!o)
        return ERR_CORRUPT;
    *ret_number = (size_t)json_object_get_int64(json_object_object_get(o, "n"));
    *ret_group = (struct content_group){.to = take_list(&r, o, "to"),
                                        .cc = take_list(&r, o, "cc"),
                                        .subject = take_text(&r, o, "subject"),
                                        .message_id = take_text(&r, o, "message_id"),
                                        .meta = take_text(&r, o, "meta")};
    if (ret_group->to.count == 0)
        ret_group->to = own_list(&r, recipient);
    ret_group->headers = take_headers(&r, o, &ret_group->header_count);
    if (take_bool(o, "shown")) {
        struct content_shown *shown = take_room(&r, 1, sizeof *shown);
        if (shown)
            *shown =
                (struct content_shown){take_list(&r, o, "shown_to"), take_list(&r, o, "shown_cc")};
        ret_group->shown = shown;
    }
    if ((from = json_object_object_get(o, "from"))) {
        struct mailbox *box = take_room(&r, 1, sizeof *box);
        if (box)
            *box = take_mailbox(&r, from);
        ret_group->from = box;
    }
    ret_group->data = json_object_get(json_object_object_get(o, "data"));
    json_object_put(o);
    if (r.rc < 0)
        package_release_group(ret_group);
    return r.rc;
}

void package_release_group(struct content_group *group)
{
    json_object_put(group->data);
    group->data = NULL;
}
