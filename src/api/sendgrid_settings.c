/*
 * What a mail/send says beside the letter and its recipients: categories, custom arguments,
 * unsubscribe group, pool, mail and tracking settings. All of it is kept with the letter (its meta)
 * for whoever acts on it; the footer and the sandbox act here. See sendgrid_mail.h.
 */
#include "api/sendgrid_mail.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>

#define GROUPS_SHOWN_MAX 25
#define POOL_MIN         2
#define POOL_MAX         64

void sendgrid_keep(struct sendgrid_mail *m, struct json_object *o, const char *name)
{
    struct json_object *value;
    if (json_object_object_get_ex(o, name, &value) && value)
        member_put(m->meta, name, json_object_get(value));
}

/* --- categories and arguments ---------------------------------------------------------------- */

static bool has_category(struct json_object *list, size_t end, struct span text)
{
    for (size_t i = 0; i < end; i++) {
        struct span other;
        if (member_is_text(json_object_array_get_idx(list, i), &other) > 0 &&
            span_equal(other, text))
            return true;
    }
    return false;
}

static int check_category(struct sendgrid_mail *m, struct json_object *list, size_t i)
{
    struct span text;
    if (member_is_text(json_object_array_get_idx(list, i), &text) <= 0)
        return sendgrid_wrong(m, "Categories must be an array of strings.", "categories");
    if (text.len > SENDGRID_CATEGORY_MAX)
        return sendgrid_wrong(m,
                              sendgrid_words(m,
                                             "Each category must not be longer than 255 characters."
                                             " %.*s exceeds this limit",
                                             SPAN_PRINT(text)),
                              "categories.%zu", i);
    if (!utf8_is_ascii(text) || !sendgrid_is_line(text))
        return sendgrid_wrong(m, "Categories can not contain non-ASCII characters.",
                              "categories.%zu", i);
    if (has_category(list, i, text))
        return sendgrid_wrong(m,
                              sendgrid_words(m,
                                             "The categories must be a unique list, and you have"
                                             " included %.*s more than once.",
                                             SPAN_PRINT(text)),
                              "categories");
    return 0;
}

static int take_categories(struct sendgrid_mail *m, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t count;
    int rc = member_array(o, "categories", &list, &count);
    if (rc < 0)
        return sendgrid_wrong(m, "Categories must be an array of strings.", "categories");
    if (count > SENDGRID_CATEGORIES_MAX)
        return sendgrid_wrong(m,
                              sendgrid_words(m,
                                             "There is a limit of 10 categories for each email that"
                                             " is sent. You provided %zu categories.",
                                             count),
                              "categories");
    rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = check_category(m, list, i);
    sendgrid_keep(m, o, "categories");
    return rc;
}

/* How many bytes the arguments take that all of them and these have together. */
static size_t count_args(const struct sendgrid_mail *m, struct json_object *args)
{
    size_t bytes = 0, len;
    json_object_to_json_string_length(args, JSON_C_TO_STRING_PLAIN, &len);
    bytes = len;
    if (m->args) {
        json_object_to_json_string_length(m->args, JSON_C_TO_STRING_PLAIN, &len);
        bytes += len;
    }
    return bytes;
}

int sendgrid_check_args(struct sendgrid_mail *m, struct json_object *args, const char *path)
{
    static const char wrong[] = "All values of custom arguments object must be strings";
    if (!json_object_is_type(args, json_type_object))
        return sendgrid_wrong(m, wrong, "%s", path);
    json_object_object_foreach(args, name, value)
    {
        struct span text;
        if (member_is_text(value, &text) <= 0)
            return sendgrid_wrong(m, wrong, "%s.%.60s", path, name);
    }
    if (count_args(m, args) > SENDGRID_ARGS_MAX)
        return sendgrid_wrong(m,
                              "The combined size of both global and personalization custom"
                              " arguments may not exceed 10,000 bytes per personalization.",
                              "%s", path);
    return 0;
}

static int take_args(struct sendgrid_mail *m, struct json_object *o)
{
    struct json_object *args = json_object_object_get(o, "custom_args");
    int rc = args ? sendgrid_check_args(m, args, "custom_args") : 0;
    if (rc < 0 || !args)
        return rc;
    m->args = json_object_new_object(); /* a copy: a single personalization's go into it */
    json_object_object_foreach(args, name, value) member_put(m->args, name, json_object_get(value));
    member_put(m->meta, "custom_args", m->args);
    return 0;
}

/* --- unsubscribe group, pool ----------------------------------------------------------------- */

static int take_asm(struct sendgrid_mail *m, struct json_object *o)
{
    struct json_object *asm_object = NULL, *list = NULL;
    int64_t group;
    size_t count = 0;
    int rc = member_object(o, "asm", &asm_object);
    if (rc == 0)
        return 0;
    if (rc < 0 || member_int(asm_object, "group_id", &group) <= 0)
        return sendgrid_wrong(m, "The ASM group ID must be an integer.", "asm.group_id");
    rc = member_array(asm_object, "groups_to_display", &list, &count);
    for (size_t i = 0; rc > 0 && i < count; i++)
        if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_int))
            rc = ERR_SYNTAX;
    if (rc < 0)
        return sendgrid_wrong(m, "The ASM Group IDs to display must be an array of integers.",
                              "asm.groups_to_display");
    if (count > GROUPS_SHOWN_MAX)
        return sendgrid_wrong(m,
                              "There is a limit of 25 unsubscribe groups that can be displayed to a"
                              " user at a time.",
                              "asm.groups_to_display");
    sendgrid_keep(m, o, "asm");
    return 0;
}

static int take_pool(struct sendgrid_mail *m, struct json_object *o)
{
    struct span pool;
    int rc = member_text(o, "ip_pool_name", &pool);
    if (rc < 0)
        return sendgrid_wrong(m, "The name of your IP pool must be a string.", "ip_pool_name");
    if (rc > 0 && (pool.len < POOL_MIN || pool.len > POOL_MAX))
        return sendgrid_wrong(m, "The name of your IP pool must have 2 to 64 characters.",
                              "ip_pool_name");
    sendgrid_keep(m, o, "ip_pool_name");
    return 0;
}

/* --- settings -------------------------------------------------------------------------------- */

static const struct setting {
    const char *group, *name, *member;
    enum json_type type;
    const char *wrong;
} settings[] = {
    {"mail_settings", "bypass_list_management", "enable", json_type_boolean,
     "The bypass list management enable param should be a boolean value."},
    {"mail_settings", "bypass_spam_management", "enable", json_type_boolean,
     "The bypass spam management enable param should be a boolean value."},
    {"mail_settings", "bypass_bounce_management", "enable", json_type_boolean,
     "The bypass bounce management enable param should be a boolean value."},
    {"mail_settings", "bypass_unsubscribe_management", "enable", json_type_boolean,
     "The bypass unsubscribe management enable param should be a boolean value."},
    {"mail_settings", "footer", "enable", json_type_boolean,
     "The footer enable param should be a boolean value."},
    {"mail_settings", "footer", "html", json_type_string,
     "The text/html version of your footer should be a string."},
    {"mail_settings", "footer", "text", json_type_string,
     "The text/plain version of your footer should be a string."},
    {"mail_settings", "sandbox_mode", "enable", json_type_boolean,
     "The sandbox mode enable param should be a boolean value."},
    {"tracking_settings", "click_tracking", "enable", json_type_boolean,
     "The click tracking enable param should be a boolean value."},
    {"tracking_settings", "click_tracking", "enable_text", json_type_boolean,
     "The click tracking enable text must be a boolean value."},
    {"tracking_settings", "ganalytics", "enable", json_type_boolean,
     "The Google Analytics enable param must be a boolean value."},
    {"tracking_settings", "ganalytics", "utm_campaign", json_type_string,
     "The Google Analytics utm_campaign must be a string value."},
    {"tracking_settings", "ganalytics", "utm_content", json_type_string,
     "The Google Analytics utm_content must be a string value."},
    {"tracking_settings", "ganalytics", "utm_medium", json_type_string,
     "The Google Analytics utm_medium must be a string value."},
    {"tracking_settings", "ganalytics", "utm_source", json_type_string,
     "The Google Analytics utm_source must be a string value."},
    {"tracking_settings", "ganalytics", "utm_term", json_type_string,
     "The Google Analytics utm_term must be a string value."},
    {"tracking_settings", "open_tracking", "enable", json_type_boolean,
     "The open tracking enable param should be a boolean value."},
    {"tracking_settings", "open_tracking", "substitution_tag", json_type_string,
     "The open tracking substitution tag must be a string."},
    {"tracking_settings", "subscription_tracking", "enable", json_type_boolean,
     "The subscription tracking enable param should be a boolean value."},
    {"tracking_settings", "subscription_tracking", "html", json_type_string,
     "The subscription tracking unsubscribe content for text/html messages must be a string."},
    {"tracking_settings", "subscription_tracking", "substitution_tag", json_type_string,
     "The subscription tracking substitution tag must be a string value."},
    {"tracking_settings", "subscription_tracking", "text", json_type_string,
     "The subscription tracking unsubscribe content for text/plain messages must be a string."},
};

static int check_setting(struct sendgrid_mail *m, struct json_object *o, const struct setting *s)
{
    struct json_object *group = NULL, *one = NULL, *value;
    if (member_object(o, s->group, &group) < 0)
        return sendgrid_wrong(m, "The settings must be an object.", "%s", s->group);
    if (group && member_object(group, s->name, &one) < 0)
        return sendgrid_wrong(m, "The setting must be an object.", "%s.%s", s->group, s->name);
    if (!one || !json_object_object_get_ex(one, s->member, &value) || !value)
        return 0;
    return json_object_is_type(value, s->type)
               ? 0
               : sendgrid_wrong(m, s->wrong, "%s.%s.%s", s->group, s->name, s->member);
}

/* A setting's object if it is enabled. Its types have been checked. */
static struct json_object *enabled(struct json_object *settings_object, const char *name)
{
    struct json_object *one = NULL;
    bool enable = false;
    if (member_object(settings_object, name, &one) <= 0 || member_bool(one, "enable", &enable) <= 0)
        return NULL;
    return enable ? one : NULL;
}

static int take_mail_settings(struct sendgrid_mail *m, struct json_object *o)
{
    struct json_object *mail = NULL, *footer;
    if (member_object(o, "mail_settings", &mail) <= 0)
        return 0;
    if (enabled(mail, "bypass_list_management") &&
        (enabled(mail, "bypass_spam_management") || enabled(mail, "bypass_bounce_management") ||
         enabled(mail, "bypass_unsubscribe_management")))
        return sendgrid_wrong(m,
                              "bypass_list_management cannot be combined with any other bypass"
                              " filters.",
                              "mail_settings.bypass_list_management");
    m->send.dry = enabled(mail, "sandbox_mode") != NULL;
    m->send.to_suppressed = enabled(mail, "bypass_list_management") != NULL ||
                            enabled(mail, "bypass_bounce_management") != NULL;
    footer = enabled(mail, "footer");
    int rc = footer ? member_text(footer, "text", &m->footer_text) : 0;
    if (rc >= 0 && footer)
        rc = member_text(footer, "html", &m->footer_html);
    return rc < 0 ? rc : 0;
}

int sendgrid_take_settings(struct sendgrid_mail *m, struct json_object *o)
{
    int rc = take_categories(m, o);
    if (rc == 0)
        rc = take_args(m, o);
    if (rc == 0)
        rc = take_asm(m, o);
    if (rc == 0)
        rc = take_pool(m, o);
    for (size_t i = 0; rc == 0 && i < sizeof settings / sizeof *settings; i++)
        rc = check_setting(m, o, &settings[i]);
    if (rc == 0)
        rc = take_mail_settings(m, o);
    if (rc < 0)
        return rc;
    sendgrid_keep(m, o, "mail_settings");
    sendgrid_keep(m, o, "tracking_settings");
    sendgrid_keep(m, o, "template_id");
    return 0;
}
