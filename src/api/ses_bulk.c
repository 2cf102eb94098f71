/*
 * SendBulkEmail: one template to many destinations, each with data of its own; see ses.h.
 *
 * Every entry has its own result. All that are good go in one commit: an entry that the door
 * refuses is left out, and the rest is tried again.
 */
#include "api/ses.h"

#include <errno.h>
#include <string.h>

#define ENTRIES_MAX 50
#define SUCCESS     "SUCCESS"

struct entry {
    struct json_object *in;
    struct json_object *data, *meta;
    const char *status; /* NULL: it goes */
    char words[400];
    size_t group; /* its place among those that go */
};
struct bulk {
    struct ses_call *c;
    struct ses_letter l;
    struct json_object *data; /* the default */
    struct entry entries[ENTRIES_MAX];
    size_t count;
    struct content_group groups[ENTRIES_MAX];
};

/* --- one entry -------------------------------------------------------------------------------- */

static const char *status_of(enum ses_problem problem)
{
    switch (problem) {
    case SES_REJECTED:
        return "MESSAGE_REJECTED";
    case SES_THROTTLED:
        return "ACCOUNT_DAILY_QUOTA_EXCEEDED";
    default:
        return "INVALID_PARAMETER";
    }
}

/* What was refused is this entry's affair alone. */
static void fail(struct bulk *b, struct entry *entry)
{
    entry->status = status_of(b->c->problem);
    memcpy(entry->words, b->c->words, sizeof entry->words);
    b->c->problem = SES_OK;
}

static int take_data(struct bulk *b, struct entry *entry)
{
    struct json_object *content, *replacement = NULL, *own = NULL;
    struct span text = SPAN("");
    int rc = ses_object(b->c, entry->in, "ReplacementEmailContent", &content);
    if (rc == 0 && content)
        rc = ses_object(b->c, content, "ReplacementTemplate", &replacement);
    if (rc == 0 && replacement)
        rc = ses_text(b->c, replacement, "ReplacementTemplateData", &text);
    if (rc == 0)
        rc = ses_read_data(b->c, text, &own);
    if (rc < 0)
        return rc;
    rc = ses_merge_data(b->data, own, &entry->data);
    json_object_put(own);
    return rc == -E2BIG ? ses_refuse(b->c, SES_BAD_DATA, "Template data is nested too deeply.")
                        : rc;
}

/* An entry's tags stand in for the default ones. */
static int take_meta(struct bulk *b, struct entry *entry, struct content_group *group)
{
    if (!json_object_object_get(entry->in, "ReplacementTags"))
        return 0;
    entry->meta = json_object_new_object();
    int rc = entry->meta ? ses_take_tags(b->c, entry->in, "ReplacementTags", entry->meta) : -ENOMEM;
    if (rc < 0)
        return rc;
    group->meta = member_print(entry->meta, &b->c->arena);
    return group->meta.at ? 0 : -ENOMEM;
}

static int take_entry(struct bulk *b, struct entry *entry, struct content_group *group)
{
    struct json_object *destination;
    *group = (struct content_group){0};
    if (!json_object_is_type(entry->in, json_type_object))
        return ses_refuse_member(b->c, "BulkEmailEntries", "a list of objects");
    int rc = ses_need_object(b->c, entry->in, "Destination", &destination);
    if (rc == 0)
        rc = ses_take_destination(b->c, destination, group);
    if (rc == 0)
        rc = take_data(b, entry);
    if (rc == 0)
        rc = take_meta(b, entry, group);
    if (rc == 0)
        rc = ses_take_headers(b->c, entry->in, "ReplacementHeaders", &group->headers,
                              &group->header_count);
    group->data = entry->data;
    return rc;
}

/* Those without a status become groups, in their order. */
static int make_groups(struct bulk *b)
{
    size_t groups = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct entry *entry = &b->entries[i];
        if (entry->status)
            continue;
        json_object_put(entry->data);
        json_object_put(entry->meta);
        entry->data = entry->meta = NULL;
        int rc = take_entry(b, entry, &b->groups[groups]);
        if (rc == ERR_DENIED)
            fail(b, entry);
        else if (rc < 0)
            return rc;
        else
            entry->group = groups++;
    }
    b->l.send.groups = b->groups;
    b->l.send.group_count = groups;
    return 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool is_of_one(enum send_problem problem)
{
    return problem == SEND_BAD_TEMPLATE || problem == SEND_BAD_ADDRESS ||
           problem == SEND_BAD_CONTENT || problem == SEND_NO_RECIPIENTS;
}

static void fail_group(struct bulk *b, const struct send_result *result)
{
    for (size_t i = 0; i < b->count; i++) {
        struct entry *entry = &b->entries[i];
        if (entry->status || (is_of_one(result->problem) && entry->group != result->group))
            continue;
        (void)ses_refuse_send(b->c, &b->l, result);
        fail(b, entry);
    }
}

/* The same call again by its Idempotency-Key: who was left out the first time is so again. */
static int co_leave_out(struct bulk *b)
{
    AUTO_BUFFER letter = BUFFER(2 * (size_t)SEND_OCTETS_MAX);
    struct send one = b->l.send;
    one.group_count = 1;
    for (size_t i = 0; i < b->count; i++) {
        struct send_result result;
        if (b->entries[i].status)
            continue;
        one.groups = &b->groups[b->entries[i].group];
        buffer_clear(&letter);
        int rc = submit_co_preview(api_of(b->c->r)->door, &one, &letter, &result);
        if (rc < 0 && result.problem == SEND_OK)
            return rc;
        if (rc < 0) {
            (void)ses_refuse_send(b->c, &b->l, &result);
            fail(b, &b->entries[i]);
        }
    }
    return make_groups(b);
}

/* Ends when all that are left have gone: each round leaves out one entry at least. */
static int co_send(struct bulk *b, struct send_result *ret_result)
{
    int rc = make_groups(b);
    while (rc == 0 && b->l.send.group_count) {
        rc = submit_co_send(api_of(b->c->r)->door, &b->l.send, ret_result);
        if (rc == 0)
            return ret_result->replayed ? co_leave_out(b) : 0;
        if (ret_result->problem == SEND_OK)
            return rc;
        if (ret_result->problem == SEND_NOT_ALLOWED || ret_result->problem == SEND_FOREIGN_FROM ||
            ret_result->problem == SEND_KEY_REUSED)
            return ses_refuse_send(b->c, &b->l, ret_result);
        fail_group(b, ret_result);
        rc = make_groups(b);
    }
    return rc;
}

/* "<id-3@example.org>" without what is around the id. */
static struct json_object *message_id(const struct bulk *b, const struct send_result *result,
                                      size_t group)
{
    char text[SEND_MESSAGE_ID];
    send_message_id(result->letter, group, b->l.send.group_count > 1, result->domain, text);
    struct span id = span_from(span_of(text), 1);
    return member_from_text(span_first(id, (size_t)span_find(id, '@')));
}

static void answer(const struct bulk *b, const struct send_result *result, struct json_object *out)
{
    struct json_object *list = json_object_new_array();
    member_put(out, "BulkEmailEntryResults", list);
    for (size_t i = 0; i < b->count; i++) {
        const struct entry *entry = &b->entries[i];
        struct json_object *one = json_object_new_object();
        json_object_array_add(list, one);
        member_put(one, "Status", json_object_new_string(entry->status ? entry->status : SUCCESS));
        if (entry->status)
            member_put(one, "Error", json_object_new_string(entry->words));
        else
            member_put(one, "MessageId", message_id(b, result, entry->group));
    }
}

/* --- the call --------------------------------------------------------------------------------- */

static int take_entries(struct bulk *b, struct json_object *in)
{
    struct json_object *list;
    size_t count;
    int rc = ses_array(b->c, in, "BulkEmailEntries", &list, &count);
    if (rc < 0)
        return rc;
    if (count == 0)
        return ses_refuse_member(b->c, "BulkEmailEntries", NULL);
    if (count > ENTRIES_MAX)
        return ses_refuse(b->c, SES_BAD_REQUEST, "Too many destinations: at most %d in one call.",
                          ENTRIES_MAX);
    for (; b->count < count; b->count++)
        b->entries[b->count].in = json_object_array_get_idx(list, b->count);
    return 0;
}

static __attribute__((noinline)) int co_take_call(struct bulk *b, struct json_object *in)
{
    struct ses_call *c = b->c;
    struct json_object *content = NULL, *template = NULL;
    struct span data = SPAN("");
    int rc = ses_co_take_envelope(c, in, &b->l);
    if (rc == 0 && b->l.content.letter.from.count == 0)
        rc = ses_refuse_member(c, "FromEmailAddress", NULL);
    if (rc == 0)
        rc = ses_take_tags(c, in, "DefaultEmailTags", b->l.meta);
    if (rc == 0)
        rc = take_entries(b, in);
    if (rc == 0)
        rc = ses_need_object(c, in, "DefaultContent", &content);
    if (rc == 0)
        rc = ses_need_object(c, content, "Template", &template);
    if (rc == 0)
        rc = ses_co_take_template(c, template, &b->l);
    if (rc == 0)
        rc = ses_take_extras(c, template, &b->l);
    if (rc == 0)
        rc = ses_text(c, template, "TemplateData", &data);
    return rc < 0 ? rc : ses_read_data(c, data, &b->data);
}

static int co_run(struct bulk *b, struct json_object *in, struct json_object *out)
{
    struct send_result result = {.letter = 0};
    int rc = co_take_call(b, in);
    if (rc < 0)
        return rc;
    b->l.send.content = &b->l.content;
    b->l.send.meta = member_print(b->l.meta, &b->c->arena);
    rc = b->l.send.meta.at ? co_send(b, &result) : -ENOMEM;
    if (rc == 0)
        answer(b, &result, out);
    return rc;
}

int ses_send_co_bulk(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct bulk *b = arena_zero(&c->arena, sizeof *b);
    if (!b)
        return -ENOMEM;
    b->c = c;
    b->l.meta = json_object_new_object();
    int rc = b->l.meta ? co_run(b, in, out) : -ENOMEM;
    for (size_t i = 0; i < b->count; i++) {
        json_object_put(b->entries[i].data);
        json_object_put(b->entries[i].meta);
    }
    json_object_put(b->data);
    json_object_put(b->l.meta);
    return rc;
}
