/* Who sends and who gets it: addresses, and personalizations, each a group (submit/content.h); see
 * sendgrid_mail.h. The words are SendGrid's own. */
#include "api/sendgrid_mail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXAMPLES                                                                                   \
    "{\"email\": \"example@example.com\"} or"                                                      \
    " {\"email\": \"example@example.com\", \"name\": \"Example Recipient\"}"
#define EMAIL_MAX   320
#define BAD_ADDRESS "Does not contain a valid address."
#define BAD_SEND_AT                                                                                \
    "The send_at parameter is expecting a Unix timestamp as an integer. We will send immediately"  \
    " if you include a send_at timestamp that is in the past."

/* --- addresses ------------------------------------------------------------------------------- */

/* Clients quote names, since SendGrid itself once did not. */
static int unquote(struct sendgrid_mail *m, struct span *name)
{
    if (name->len < 2 || name->at[0] != '"' || name->at[name->len - 1] != '"')
        return 0;
    AUTO_BUFFER out = BUFFER(name->len);
    int rc = 0;
    for (size_t i = 1; rc == 0 && i + 1 < name->len; i++) {
        if (name->at[i] == '\\' && i + 2 < name->len)
            i++;
        rc = buffer_append_byte(&out, name->at[i]);
    }
    *name = arena_copy(&m->arena, buffer_span(&out));
    return rc < 0 ? rc : name->at ? 0 : -ENOMEM;
}

/* what: "To", "From", …; wrong: what is said of an object that is none. path: the object's. */
static int take_email(struct sendgrid_mail *m, struct json_object *o, const char *what,
                      const char *wrong, const char *path, struct mailbox *ret_box)
{
    struct span email;
    ret_box->name = SPAN("");
    if (!json_object_is_type(o, json_type_object) || member_text(o, "email", &email) <= 0)
        return sendgrid_wrong(m, wrong, "%s", path);
    if (email.len > EMAIL_MAX)
        return sendgrid_wrong(
            m,
            sendgrid_words(m, "The %s email exceeds the maximum total length of 320 characters",
                           what),
            "%s.email", path);
    if (member_text(o, "name", &ret_box->name) < 0)
        return sendgrid_wrong(m, "The name must be a string.", "%s.name", path);
    bool split = address_split(email, &ret_box->local, &ret_box->domain);
    const char *why = split ? address_check(ret_box) : BAD_ADDRESS;
    if (why && split && strncmp(why, "the name", 8) == 0)
        return sendgrid_wrong(m, why, "%s.name", path);
    if (why)
        return sendgrid_wrong(m,
                              strcmp(what, "From") == 0
                                  ? "The from email does not contain a valid address."
                                  : BAD_ADDRESS,
                              "%s.email", path);
    return unquote(m, &ret_box->name);
}

int sendgrid_take_from(struct sendgrid_mail *m, struct json_object *o)
{
    struct json_object *from;
    struct mailbox *box = arena_alloc(&m->arena, sizeof *box);
    if (!box)
        return -ENOMEM;
    if (!json_object_object_get_ex(o, "from", &from))
        return sendgrid_wrong(m,
                              "The from object must be provided for every email send. It is an"
                              " object that requires the email parameter, but may also contain a"
                              " name parameter. e.g. " EXAMPLES,
                              "from");
    m->content.letter.from = (struct compose_list){box, 1};
    return take_email(m, from, "From",
                      "The from object must at least have an email parameter with a valid email"
                      " address and may also contain a name parameter. e.g. " EXAMPLES,
                      "from", box);
}

static int take_list(struct sendgrid_mail *m, struct json_object *list, const char *what,
                     const char *wrong, const char *path, struct compose_list *ret_list)
{
    size_t count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (!json_object_is_type(list, json_type_array) || count == 0)
        return sendgrid_wrong(m, wrong, "%s", path);
    if (count > SENDGRID_RECIPIENTS_MAX)
        return sendgrid_wrong(
            m, "There is a limit of 1000 total recipients (to + cc + bcc) per request.", "%s",
            path);
    struct mailbox *all = arena_alloc(&m->arena, count * sizeof *all);
    int rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char one[SENDGRID_FIELD_MAX];
        snprintf(one, sizeof one, "%s.%zu", path, i);
        rc = take_email(m, json_object_array_get_idx(list, i), what, wrong, one, &all[i]);
    }
    *ret_list = (struct compose_list){all, count};
    return rc;
}

int sendgrid_take_reply_to(struct sendgrid_mail *m, struct json_object *o)
{
    static const char wrong[] = "The reply_to object, when used, must at least have an email"
                                " parameter with a valid email address and it may also contain a"
                                " name parameter. e.g. " EXAMPLES;
    struct json_object *one = json_object_object_get(o, "reply_to"),
                       *list = json_object_object_get(o, "reply_to_list");
    struct mailbox *box = arena_alloc(&m->arena, sizeof *box);
    if (!box)
        return -ENOMEM;
    if (one && list)
        return sendgrid_wrong(m, "You can use either reply_to or reply_to_list, but not both.",
                              "reply_to_list");
    if (list)
        return take_list(m, list, "Reply-To", wrong, "reply_to_list", &m->content.letter.reply_to);
    if (!one)
        return 0;
    m->content.letter.reply_to = (struct compose_list){box, 1};
    return take_email(m, one, "Reply-To", wrong, "reply_to", box);
}

/* --- when ------------------------------------------------------------------------------------ */

int sendgrid_check_time(struct sendgrid_mail *m, int64_t seconds, const char *prefix,
                        int64_t *ret_ms)
{
    if (seconds > (m->now_ms + SENDGRID_AHEAD_MS) / 1000)
        return sendgrid_wrong(m, "Scheduling more than 72 hours in advance is forbidden.",
                              "%ssend_at", prefix);
    *ret_ms = seconds > m->now_ms / 1000 ? seconds * 1000 : m->now_ms;
    return 0;
}

/* 0: not said. A time that has passed is now. */
int sendgrid_take_time(struct sendgrid_mail *m, struct json_object *o, const char *prefix,
                       int64_t *ret_ms)
{
    int64_t seconds;
    int rc = member_int(o, "send_at", &seconds);
    *ret_ms = 0;
    if (rc < 0)
        return sendgrid_wrong(m, BAD_SEND_AT, "%ssend_at", prefix);
    return rc == 0 ? 0 : sendgrid_check_time(m, seconds, prefix, ret_ms);
}

/* --- one personalization --------------------------------------------------------------------- */

struct place {
    char path[40]; /* "personalizations.7" */
    char prefix[44];
};

static int take_recipients(struct sendgrid_mail *m, struct json_object *o,
                           const struct place *place, struct content_group *group)
{
    static const struct {
        const char *name, *what, *wrong;
    } lists[] = {
        {"to", "To",
         "The to array must at least have an email parameter with a valid email address and it may"
         " also contain a name parameter. e.g. " EXAMPLES},
        {"cc", "CC",
         "The cc array, when used, must at least have an email parameter with a valid email address"
         " and it may also contain a name parameter. e.g. " EXAMPLES},
        {"bcc", "BCC",
         "The bcc array, when used, must at least have an email parameter with a valid email"
         " address and it may also contain a name parameter. e.g. " EXAMPLES},
    };
    struct compose_list *const to[] = {&group->to, &group->cc, &group->bcc};
    for (int i = 0; i < 3; i++) {
        char path[SENDGRID_FIELD_MAX];
        struct json_object *list = json_object_object_get(o, lists[i].name);
        snprintf(path, sizeof path, "%s%s", place->prefix, lists[i].name);
        if (!list && i == 0)
            return sendgrid_wrong(m,
                                  "The to array is required for all personalization objects, and"
                                  " must have at least one email object with a valid email"
                                  " address.",
                                  "%s", path);
        bool empty =
            json_object_is_type(list, json_type_array) && json_object_array_length(list) == 0;
        if (!list || (empty && i > 0))
            continue;
        int rc = take_list(m, list, lists[i].what, lists[i].wrong, path, to[i]);
        if (rc < 0)
            return rc;
        m->recipients += to[i]->count;
    }
    return 0;
}

static bool same_address(const struct mailbox *a, const struct mailbox *b)
{
    return a->local.len == b->local.len && span_equal_nocase(a->local, b->local) &&
           span_equal_nocase(a->domain, b->domain);
}

/* An address may be there once, whichever list it is in. */
static int check_unique(struct sendgrid_mail *m, const struct place *place,
                        const struct content_group *group)
{
    static const char *const names[] = {"to", "cc", "bcc"};
    const struct compose_list *const lists[] = {&group->to, &group->cc, &group->bcc};
    for (int list = 0; list < 3; list++)
        for (size_t i = 0; i < lists[list]->count; i++)
            for (int other = 0; other <= list; other++) {
                size_t end = other == list ? i : lists[other]->count;
                const struct mailbox *one = &lists[list]->at[i];
                for (size_t k = 0; k < end; k++)
                    if (same_address(&lists[other]->at[k], one))
                        return sendgrid_wrong(
                            m,
                            sendgrid_words(m,
                                           "Each email address in the personalization block should"
                                           " be unique between to, cc, and bcc. We found the first"
                                           " duplicate instance of [%.*s@%.*s] in the %s%s field.",
                                           SPAN_PRINT(one->local), SPAN_PRINT(one->domain),
                                           place->prefix, names[list]),
                            "%s", place->path);
            }
    return 0;
}

static int take_from(struct sendgrid_mail *m, struct json_object *o, const struct place *place,
                     struct content_group *group)
{
    char path[SENDGRID_FIELD_MAX];
    struct json_object *from = json_object_object_get(o, "from");
    struct mailbox *box = arena_alloc(&m->arena, sizeof *box);
    if (!from)
        return 0;
    if (!box)
        return -ENOMEM;
    snprintf(path, sizeof path, "%sfrom", place->prefix);
    group->from = box;
    return take_email(m, from, "From",
                      "The from object must at least have an email parameter with a valid email"
                      " address and may also contain a name parameter. e.g. " EXAMPLES,
                      path, box);
}

static int take_subject(struct sendgrid_mail *m, struct json_object *o, const struct place *place,
                        struct content_group *group)
{
    int rc = member_text(o, "subject", &group->subject);
    if (rc < 0 || (rc > 0 && group->subject.len == 0))
        return sendgrid_wrong(
            m, "The subject of your email must be a string at least one character in length.",
            "%ssubject", place->prefix);
    if (!sendgrid_is_line(group->subject))
        return sendgrid_wrong(m, "The subject cannot contain CRLF characters.", "%ssubject",
                              place->prefix);
    return 0;
}

static int take_substitutions(struct sendgrid_mail *m, struct json_object *o,
                              const struct place *place, struct content_group *group)
{
    static const char wrong[] = "The substitution values must be an object of key/value pairs,"
                                " where the values are all strings.";
    struct json_object *all = NULL;
    if (member_object(o, "substitutions", &all) < 0)
        return sendgrid_wrong(m, wrong, "%ssubstitutions", place->prefix);
    if (!all || json_object_object_length(all) == 0)
        return 0;
    if (json_object_object_length(all) > 10000)
        return sendgrid_wrong(m, "You are limited to 10,000 substitutions.", "%ssubstitutions",
                              place->prefix);
    json_object_object_foreach(all, tag, value)
    {
        struct span text;
        if (member_is_text(value, &text) <= 0)
            return sendgrid_wrong(m, wrong, "%ssubstitutions.%.60s", place->prefix, tag);
    }
    if (m->content.syntax == CONTENT_HANDLEBARS)
        return sendgrid_wrong(m, "Substitutions may not be used with dynamic templating",
                              "%ssubstitutions", place->prefix);
    m->content.syntax = CONTENT_SUBSTITUTE;
    group->data = all;
    return 0;
}

static int take_data(struct sendgrid_mail *m, struct json_object *o, const struct place *place,
                     struct content_group *group)
{
    struct json_object *data = NULL;
    if (member_object(o, "dynamic_template_data", &data) < 0)
        return sendgrid_wrong(m, "The dynamic_template_data must be an object.",
                              "%sdynamic_template_data", place->prefix);
    if (m->content.syntax == CONTENT_HANDLEBARS)
        group->data = data;
    return take_substitutions(m, o, place, group);
}

/* What is of this personalization alone; of one alone it is the letter's. */
static int take_args(struct sendgrid_mail *m, struct json_object *o, const struct place *place,
                     bool alone, struct content_group *group)
{
    char path[SENDGRID_FIELD_MAX];
    struct json_object *args = json_object_object_get(o, "custom_args");
    if (!args)
        return 0;
    snprintf(path, sizeof path, "%scustom_args", place->prefix);
    int rc = sendgrid_check_args(m, args, path);
    if (rc < 0)
        return rc;
    if (alone && !m->args)
        member_put(m->meta, "custom_args", m->args = json_object_new_object());
    if (alone) {
        json_object_object_foreach(args, name, value)
            member_put(m->args, name, json_object_get(value));
        return 0;
    }
    struct json_object *own = json_object_new_object();
    member_put(own, "custom_args", json_object_get(args));
    group->meta = member_print(own, &m->arena);
    json_object_put(own);
    return group->meta.at ? 0 : -ENOMEM;
}

static int take_group(struct sendgrid_mail *m, struct json_object *o, size_t i, bool alone)
{
    struct place place;
    struct content_group *group = &m->groups[i];
    snprintf(place.path, sizeof place.path, "personalizations.%zu", i);
    snprintf(place.prefix, sizeof place.prefix, "%s.", place.path);
    if (!json_object_is_type(o, json_type_object))
        return sendgrid_wrong(m, "Each personalization must be an object.", "%s", place.path);
    int rc = take_recipients(m, o, &place, group);
    if (rc == 0)
        rc = check_unique(m, &place, group);
    if (rc == 0)
        rc = take_from(m, o, &place, group);
    if (rc == 0)
        rc = take_subject(m, o, &place, group);
    if (rc == 0)
        rc = sendgrid_take_headers(m, o, place.prefix, &group->headers, &group->header_count,
                                   &group->message_id);
    if (rc == 0)
        rc = take_data(m, o, &place, group);
    if (rc == 0)
        rc = take_args(m, o, &place, alone, group);
    return rc < 0 ? rc : sendgrid_take_time(m, o, place.prefix, &group->due_ms);
}

int sendgrid_take_groups(struct sendgrid_mail *m, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t count = 0;
    int rc = member_array(o, "personalizations", &list, &count);
    if (rc <= 0 || count == 0)
        return sendgrid_wrong(m,
                              "The personalizations field is required and must have at least one"
                              " personalization.",
                              "personalizations");
    if (count > SENDGRID_GROUPS_MAX)
        return sendgrid_wrong(
            m,
            sendgrid_words(m,
                           "The personalization block is limited to 1000 personalizations per API"
                           " request. You have provided %zu personalizations. Please consider"
                           " splitting this into multiple requests and resending your request.",
                           count),
            "personalizations");
    m->groups = arena_zero(&m->arena, count * sizeof *m->groups);
    rc = m->groups ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = take_group(m, json_object_array_get_idx(list, i), i, count == 1);
    if (rc == 0 && m->recipients > SENDGRID_RECIPIENTS_MAX)
        rc = sendgrid_wrong(
            m, "There is a limit of 1000 total recipients (to + cc + bcc) per request.",
            "personalizations");
    m->send.groups = m->groups;
    m->send.group_count = count;
    return rc;
}
