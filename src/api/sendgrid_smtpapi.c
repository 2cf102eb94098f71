/*
 * SendGrid by SMTP: the X-SMTPAPI field of a letter, JSON, says what a mail/send says in its
 * members. It never leaves with the letter.
 *
 * A letter that is the same for all goes as it came. With recipients ("to"), tags ("sub",
 * "section"), a template or a footer it is read into its parts and made anew for each of them, as
 * mail/send does it: what the field says is put into the members of a mail/send and read there.
 * Where SendGrid takes a letter with a broken field and bounces it later, the reply to its data
 * refuses it. See sendgrid_mail.h.
 */
#include "api/letter.h"
#include "api/sendgrid_mail.h"
#include "api/submission.h"

#include "base/clock.h"
#include "http/json.h"
#include "mail/edit.h"
#include "mail/header.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MEMORY         ((size_t)160 * 1024 * 1024)
#define RECIPIENTS_MAX 10000
#define TAGS_MAX       200000 /* of all recipients: each has each tag of "sub" */
#define FIELD          "X-SMTPAPI"

static const char *const own_fields[] = {FIELD, NULL};
/* Of a letter that is made anew: the trace stays behind, dates and ids are made. */
static const char *const left_out[] = {FIELD, "Received", "Date", "Return-Path", NULL};

struct smtpapi {
    struct sendgrid_mail mail;
    const struct smtpd_handover *handover;
    struct json_object *said; /* the field's value */
    struct json_object *call; /* members of a mail/send, made of it */
};

/* --- what the field says, as members of a mail/send ------------------------------------------- */

static void hand_on(struct smtpapi *s, const char *name, const char *as)
{
    struct json_object *value = json_object_object_get(s->said, name);
    if (value)
        json_object_object_add(s->call, as, json_object_get(value));
}

/* The object of that name within o, made when it is missing. */
static struct json_object *within(struct json_object *o, const char *name)
{
    struct json_object *found = json_object_object_get(o, name);
    if (!found)
        json_object_object_add(o, name, found = json_object_new_object());
    return found;
}

/* Switches are 0 and 1 here, there they are booleans. */
static struct json_object *setting_of(struct json_object *settings)
{
    struct json_object *one = json_object_new_object();
    json_object_object_foreach(settings, name, value)
    {
        bool is_switch = strcmp(name, "enable") == 0 || strcmp(name, "enable_text") == 0;
        json_object_object_add(one, name,
                               is_switch ? json_object_new_boolean(json_object_get_int(value) != 0)
                                         : json_object_get(value));
    }
    return one;
}

static void rename_member(struct json_object *o, const char *name, const char *as)
{
    struct json_object *value = json_object_object_get(o, name);
    if (!value)
        return;
    json_object_object_add(o, as, json_object_get(value));
    json_object_object_del(o, name);
}

static void take_filter(struct smtpapi *s, const char *name, struct json_object *settings)
{
    static const struct {
        const char *filter, *group, *as;
    } known[] = {
        {"clicktrack", "tracking_settings", "click_tracking"},
        {"opentrack", "tracking_settings", "open_tracking"},
        {"ganalytics", "tracking_settings", "ganalytics"},
        {"subscriptiontrack", "tracking_settings", "subscription_tracking"},
        {"bypass_list_management", "mail_settings", "bypass_list_management"},
        {"bypass_spam_management", "mail_settings", "bypass_spam_management"},
        {"bypass_bounce_management", "mail_settings", "bypass_bounce_management"},
        {"bypass_unsubscribe_management", "mail_settings", "bypass_unsubscribe_management"},
        {"footer", "mail_settings", "footer"}};
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].filter) != 0)
            continue;
        struct json_object *one = setting_of(settings);
        rename_member(one, "text/html", "html");
        rename_member(one, "text/plain", "text");
        rename_member(one, "replace", "substitution_tag");
        json_object_object_add(within(s->call, known[i].group), known[i].as, one);
    }
    if (strcmp(name, "templates") == 0 &&
        json_object_get_int(json_object_object_get(settings, "enable")) != 0)
        json_object_object_add(s->call, "template_id",
                               json_object_get(json_object_object_get(settings, "template_id")));
    json_object_object_add(within(s->mail.meta, "filters"), name, json_object_get(settings));
}

static int take_filters(struct smtpapi *s)
{
    struct json_object *filters = NULL, *settings = NULL;
    if (member_object(s->said, "filters", &filters) < 0)
        return sendgrid_wrong(&s->mail, "The filters must be an object.", "filters");
    if (!filters)
        return 0;
    json_object_object_foreach(filters, name, filter)
    {
        if (!json_object_is_type(filter, json_type_object) ||
            member_object(filter, "settings", &settings) <= 0)
            return sendgrid_wrong(&s->mail, "A filter must have an object of settings.",
                                  "filters.%.60s", name);
        take_filter(s, name, settings);
    }
    return 0;
}

/* A value as text; null is empty. */
static struct json_object *text_of(struct json_object *value)
{
    return json_object_new_string(value ? json_object_get_string(value) : "");
}

/* Values of unique_args may be numbers; custom_args are strings. */
static void take_args(struct smtpapi *s)
{
    struct json_object *args = json_object_object_get(s->said, "unique_args"), *texts;
    if (!json_object_is_type(args, json_type_object)) {
        hand_on(s, "unique_args", "custom_args");
        return;
    }
    texts = within(s->call, "custom_args");
    json_object_object_foreach(args, name, value)
        json_object_object_add(texts, name, text_of(value));
}

static void take_group(struct smtpapi *s)
{
    struct json_object *group = json_object_object_get(s->said, "asm_group_id"),
                       *shown = json_object_object_get(s->said, "asm_groups_to_display");
    if (!group)
        return;
    struct json_object *asm_object = within(s->call, "asm");
    json_object_object_add(asm_object, "group_id", json_object_get(group));
    if (shown)
        json_object_object_add(asm_object, "groups_to_display", json_object_get(shown));
}

static int make_call(struct smtpapi *s)
{
    struct json_object *category = json_object_object_get(s->said, "category");
    if (json_object_is_type(category, json_type_string)) {
        struct json_object *list = json_object_new_array();
        json_object_array_add(list, json_object_get(category));
        json_object_object_add(s->call, "categories", list);
    } else {
        hand_on(s, "category", "categories");
    }
    take_args(s);
    take_group(s);
    hand_on(s, "ip_pool", "ip_pool_name");
    hand_on(s, "send_at", "send_at");
    return take_filters(s);
}

/* --- recipients ------------------------------------------------------------------------------ */

/* The members of a list, or the one that stands for a list; -1: of another type. */
static int list_of(struct json_object *o, const char *name, struct json_object **ret_list)
{
    *ret_list = json_object_object_get(o, name);
    if (!*ret_list)
        return 0;
    return json_object_is_type(*ret_list, json_type_array)
               ? (int)json_object_array_length(*ret_list)
               : -1;
}

/* The tags of the i-th recipient. Values may be numbers. */
static int take_tags(struct smtpapi *s, size_t i, struct content_group *group)
{
    struct json_object *sub = NULL, *values, *tags;
    if (member_object(s->said, "sub", &sub) < 0)
        return sendgrid_wrong(&s->mail, "The sub must be an object of lists.", "sub");
    if (!sub)
        return 0;
    tags = json_object_new_object();
    char key[20];
    snprintf(key, sizeof key, "%zu", i);
    json_object_object_add(within(s->call, "tags of"), key, tags); /* lives as long as the call */
    json_object_object_foreach(sub, tag, list)
    {
        (void)list;
        int count = list_of(sub, tag, &values);
        if (count < 0)
            return sendgrid_wrong(&s->mail, "The values of a tag must be a list.", "sub.%.60s",
                                  tag);
        struct json_object *value = i < (size_t)count ? json_object_array_get_idx(values, i) : NULL;
        json_object_object_add(tags, tag, text_of(value));
    }
    group->data = tags;
    s->mail.content.syntax = CONTENT_SUBSTITUTE;
    return 0;
}

static int take_due(struct smtpapi *s, size_t i, struct content_group *group)
{
    struct json_object *times;
    int count = list_of(s->said, "send_each_at", &times);
    if (count == 0)
        return 0;
    struct json_object *time =
        count > 0 && i < (size_t)count ? json_object_array_get_idx(times, i) : NULL;
    if (!json_object_is_type(time, json_type_int))
        return sendgrid_wrong(&s->mail, "Each recipient needs a Unix timestamp of its own.",
                              "send_each_at.%zu", i);
    return sendgrid_check_time(&s->mail, json_object_get_int64(time), "", &group->due_ms);
}

static int take_recipient(struct smtpapi *s, struct json_object *to, size_t i)
{
    struct content_group *group = &s->mail.groups[i];
    struct mailbox *box = arena_alloc(&s->mail.arena, sizeof *box);
    struct address_fault fault;
    struct span text;
    if (!box)
        return -ENOMEM;
    if (member_is_text(to, &text) <= 0 ||
        address_parse_given(text, &s->mail.arena, box, 1, &fault) != 1)
        return sendgrid_wrong(&s->mail, "Does not contain a valid address.", "to.%zu", i);
    group->to = (struct compose_list){box, 1};
    int rc = take_tags(s, i, group);
    return rc < 0 ? rc : take_due(s, i, group);
}

/* Without "to": those of the envelope get one letter, and its fields stay. */
static int take_envelope(struct smtpapi *s)
{
    const struct smtpd_handover *h = s->handover;
    struct content_group *group = s->mail.groups;
    struct mailbox *to = arena_zero(&s->mail.arena, (h->recipient_count + 1) * sizeof *to);
    struct content_shown *shown = arena_alloc(&s->mail.arena, sizeof *shown);
    if (!to || !shown)
        return -ENOMEM;
    for (size_t i = 0; i < h->recipient_count; i++)
        if (!address_split(h->recipients[i].forward_path, &to[i].local, &to[i].domain))
            return ERR_SYNTAX;
    *shown = (struct content_shown){s->mail.content.letter.to, s->mail.content.letter.cc};
    group->to = (struct compose_list){to, h->recipient_count};
    group->shown = shown;
    int rc = take_tags(s, 0, group);
    return rc < 0 ? rc : take_due(s, 0, group);
}

/* A short field may ask for much: a thousand tags for each of a thousand recipients. */
static int check_tags(struct smtpapi *s, size_t groups)
{
    struct json_object *sub = json_object_object_get(s->said, "sub");
    if (json_object_is_type(sub, json_type_object) &&
        (size_t)json_object_object_length(sub) > TAGS_MAX / groups)
        return sendgrid_wrong(&s->mail, "There are more than 200,000 tags for all recipients.",
                              "sub");
    return 0;
}

static int take_groups(struct smtpapi *s)
{
    struct json_object *to;
    int count = list_of(s->said, "to", &to), rc = 0;
    if (count < 0 || count > RECIPIENTS_MAX)
        return sendgrid_wrong(&s->mail, "It must be a list of at most 10,000 addresses.", "to");
    size_t groups = count ? (size_t)count : 1;
    s->mail.groups = arena_zero(&s->mail.arena, groups * sizeof *s->mail.groups);
    s->mail.send.groups = s->mail.groups;
    s->mail.send.group_count = groups;
    if (!s->mail.groups)
        return -ENOMEM;
    rc = check_tags(s, groups);
    for (size_t i = 0; rc == 0 && count && i < groups; i++)
        rc = take_recipient(s, json_object_array_get_idx(to, i), i);
    return rc < 0 || count ? rc : take_envelope(s);
}

/* --- the letter ------------------------------------------------------------------------------ */

static bool is_made_anew(const struct smtpapi *s)
{
    static const char *const members[] = {"to", "sub", "section"};
    for (unsigned i = 0; i < 3; i++)
        if (json_object_object_get(s->said, members[i]))
            return true;
    return s->mail.template_id.len || s->mail.footer_text.len || s->mail.footer_html.len;
}

static int take_template(struct smtpapi *s)
{
    struct sendgrid_mail *m = &s->mail;
    if (member_text(s->call, "template_id", &m->template_id) < 0)
        return sendgrid_wrong(m, "The template ID must be a string.", "filters.templates");
    return 0; /* also a dynamic template gets its data as tags: there is no other here */
}

static int co_read_anew(struct smtpapi *s)
{
    struct sendgrid_mail *m = &s->mail;
    int rc = letter_read(s->handover->letter, left_out, &m->arena, &m->content.letter);
    if (rc == -E2BIG)
        return sendgrid_wrong(m, "It has too many parts, fields or addresses.", "letter");
    if (rc == 0)
        rc = sendgrid_take_sections(m, json_object_object_get(s->said, "section"));
    if (rc == 0)
        rc = take_groups(s);
    m->send.content = &m->content;
    return rc < 0 ? rc : sendgrid_co_apply(m);
}

static int take_raw(struct smtpapi *s)
{
    struct span letter = s->handover->letter;
    AUTO_BUFFER out = BUFFER(letter.len + 1);
    size_t header = header_length(letter);
    int rc = edit_without(span_first(letter, header), own_fields, &out);
    if (rc == 0)
        rc = buffer_append(&out, span_from(letter, header));
    if (rc < 0)
        return rc;
    s->mail.send.raw = arena_copy(&s->mail.arena, buffer_span(&out));
    return s->mail.send.raw.at ? 0 : -ENOMEM;
}

static int co_read_batch(struct smtpapi *s)
{
    if (member_text(s->said, "batch_id", &s->mail.send.batch) < 0)
        return sendgrid_wrong(&s->mail, "The batch_id must be a string.", "batch_id");
    return sendgrid_co_check_batch(&s->mail);
}

static int read_said(struct smtpapi *s)
{
    struct json_error error = {0};
    struct span text = SPAN("");
    int rc = letter_field(s->handover->letter, FIELD, &s->mail.arena, &text);
    if (rc == 0 && text.len == 0)
        text = SPAN("{}");
    if (rc == 0)
        rc = json_read(text, &s->said, &error);
    if (rc == ERR_SYNTAX || rc == -E2BIG)
        return sendgrid_wrong(
            &s->mail,
            sendgrid_words(&s->mail, "Invalid JSON: %s at byte %zu", error.what, error.offset),
            FIELD);
    if (rc == 0 && !json_object_is_type(s->said, json_type_object))
        return sendgrid_wrong(&s->mail, "Invalid JSON: it must be an object", FIELD);
    return rc;
}

static int co_read(struct smtpapi *s)
{
    struct sendgrid_mail *m = &s->mail;
    int rc = read_said(s);
    if (rc == 0)
        rc = make_call(s);
    if (rc == 0)
        rc = sendgrid_take_settings(m, s->call);
    if (rc == 0)
        rc = take_template(s);
    if (rc == 0)
        rc = sendgrid_take_time(m, s->call, "", &m->send.due_ms);
    if (rc == 0)
        rc = co_read_batch(s);
    if (rc == 0)
        rc = is_made_anew(s) ? co_read_anew(s) : take_raw(s);
    if (rc < 0)
        return rc;
    m->send.meta = member_print(m->meta, &m->arena);
    return m->send.meta.at ? 0 : -ENOMEM;
}

/* --- sending --------------------------------------------------------------------------------- */

static void say(struct smtpd_verdict *verdict, int code, const char *enhanced, const char *text)
{
    verdict->code = code;
    snprintf(verdict->enhanced, sizeof verdict->enhanced, "%s", enhanced);
    snprintf(verdict->text, sizeof verdict->text, "%s", text);
}

static void judge(int rc, const struct send_result *result, struct smtpd_verdict *ret_verdict)
{
    char text[100], id[ID_TEXT];
    submission_judge(rc, result, ret_verdict);
    if (rc == 0) {
        snprintf(text, sizeof text, "Ok: queued as %s", id_text(result->letter, id));
        say(ret_verdict, 250, "", text);
    } else if (result->problem == SEND_FOREIGN_FROM) {
        say(ret_verdict, 550, "",
            "The from address does not match a verified Sender Identity. Mail cannot be sent until"
            " this error is resolved.");
    } else if (result->problem == SEND_OVER_QUOTA) {
        say(ret_verdict, 451, "", "Authentication failed: Maximum credits exceeded");
    }
}

static void co_send(struct smtpapi *s, struct smtpd_verdict *ret_verdict)
{
    struct sendgrid_mail *m = &s->mail;
    struct send_result result = {.problem = SEND_OK};
    char text[300];
    int rc = m->meta && s->call ? co_read(s) : -ENOMEM;
    if (rc == ERR_SYNTAX && m->why) {
        snprintf(text, sizeof text, FIELD " %s%s%s", m->field, m->field[0] ? ": " : "", m->why);
        say(ret_verdict, 550, "5.6.0", text);
        return;
    }
    if (rc == 0 && m->send.content)
        rc = submit_co_send(m->api->door, &m->send, &result);
    else if (rc == 0)
        rc = submission_co_send_raw(m->api, s->handover, &m->send, &result);
    judge(rc, &result, ret_verdict);
}

void sendgrid_smtp_co_take_over(const struct api *api, const struct smtpd_handover *handover,
                                struct smtpd_verdict *ret_verdict)
{
    struct smtpapi s = {.handover = handover,
                        .mail = {.api = api, .arena = ARENA(MEMORY), .now_ms = clock_wall_ms()}};
    s.mail.send = (struct send){.who = handover->who,
                                .source = "sendgrid smtp",
                                .reverse_path = handover->reverse_path,
                                .null_path = handover->reverse_path.len == 0};
    s.mail.meta = json_object_new_object();
    s.call = json_object_new_object();
    co_send(&s, ret_verdict);
    json_object_put(s.mail.meta);
    json_object_put(s.call);
    json_object_put(s.said);
    arena_free(&s.mail.arena);
}
