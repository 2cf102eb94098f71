/* SMTP.com's channels; see smtpcom.h, directory/channel.h. */
#include "api/smtpcom.h"

#include "directory/channel.h"

#include <errno.h>

static struct json_object *channel_json(const struct channel *channel)
{
    struct json_object *o = json_object_new_object();
    member_put(o, "status", json_object_new_string(channel->cancelled ? "canceled" : "active"));
    member_put(o, "quota", json_object_new_int64(channel->quota));
    member_put_text(o, "name", channel->name);
    member_put_text(o, "label", channel->name);
    member_put(o, "usage", json_object_new_int64(channel->used));
    member_put(o, "date_created", json_object_new_int64(channel->created_ms / 1000));
    member_put_text(o, "smtp_username", channel->username);
    return o;
}

/* --- listing --------------------------------------------------------------------------------- */

int smtpcom_channels_co_get(struct http_request *r)
{
    struct identity who;
    struct span after = SPAN("");
    struct channel *list;
    size_t count = 0;
    int rc = smtpcom_co_enter(r, "channels.read", &who);
    if (rc < 0)
        return rc;
    struct json_object *items = json_object_new_array(), *data = json_object_new_object();
    const struct channel first = {.name = SPAN(CHANNEL_DEFAULT), .username = SPAN("")};
    json_object_array_add(items, channel_json(&first));
    member_put(data, "items", items);
    do {
        rc = directory_co_channels(api_of(r)->directory, who.tenant, after, &r->arena, &list,
                                   &count);
        for (size_t i = 0; rc == 0 && i < count; i++)
            if (!list[i].cancelled)
                json_object_array_add(items, channel_json(&list[i]));
        after = rc == 0 && count ? list[count - 1].name : after;
    } while (rc == 0 && count == 256);
    if (rc == 0)
        return smtpcom_done(r, data);
    json_object_put(data);
    return rc;
}

static int co_answer(struct http_request *r, const struct identity *who, struct span name)
{
    struct channel channel;
    int rc =
        directory_co_channel_find(api_of(r)->directory, who->tenant, name, &r->arena, &channel);
    if (rc == ERR_ABSENT)
        return smtpcom_fail(r, 404, "name", "channel not found");
    return rc < 0 ? rc : smtpcom_done(r, channel_json(&channel));
}

int smtpcom_channel_co_get(struct http_request *r)
{
    struct identity who;
    int rc = smtpcom_co_enter(r, "channels.read", &who);
    return rc < 0 ? rc : co_answer(r, &who, http_parameter(r, "name"));
}

/* --- changing -------------------------------------------------------------------------------- */

/* Whoever logs in as a channel sends as all of the tenant's domains: nobody gives himself that who
 * has less. */
static int co_enter_change(struct http_request *r, const char *scope, bool login,
                           struct identity *ret_who)
{
    int rc = smtpcom_co_enter(r, scope, ret_who);
    if (rc == 0 && login)
        rc = smtpcom_co_enter(r, "mail.send", ret_who);
    if (rc == 0 && (ret_who->key_domain || ret_who->has_addresses))
        return http_fail(r, 403, "a channel is for all domains, this key is not");
    return rc;
}

struct call {
    struct json_object *values;
    struct channel channel;
    struct span password;
};

/* 1, 0: not there, or the answer has been given. A number may come as text, as the query has it. */
static int take_quota(struct http_request *r, struct call *c)
{
    struct json_object *value = json_object_object_get(c->values, "quota");
    struct span text;
    uint64_t quota = 0;
    if (!value)
        return 0;
    bool fine = member_is_text(value, &text) > 0 && span_to_uint(text, INT32_MAX, &quota);
    if (json_object_is_type(value, json_type_int)) {
        int64_t given = json_object_get_int64(value);
        fine = given > 0 && given <= INT32_MAX;
        quota = fine ? (uint64_t)given : 0;
    }
    c->channel.quota = (int64_t)quota;
    if (fine && quota)
        return 1;
    int rc = smtpcom_fail(r, 400, "quota", "must be a number greater than 0");
    return rc < 0 ? rc : -EALREADY;
}

static int take_text(struct http_request *r, struct call *c, const char *name, struct span *text)
{
    *text = SPAN("");
    if (member_text(c->values, name, text) >= 0)
        return 0;
    int rc = smtpcom_fail(r, 400, name, "must be a string");
    return rc < 0 ? rc : -EALREADY;
}

static int co_read_call(struct http_request *r, struct call *c)
{
    int rc = smtpcom_co_values(r, &c->values);
    if (rc == 0)
        rc = take_text(r, c, "name", &c->channel.name);
    if (rc == 0)
        rc = take_text(r, c, "smtp_username", &c->channel.username);
    if (rc == 0)
        rc = take_text(r, c, "smtp_password", &c->password);
    return rc < 0 ? rc : take_quota(r, c);
}

static int answer_error(struct http_request *r, int rc)
{
    switch (rc) {
    case -EALREADY: /* answered */
        return 0;
    case ERR_EXISTS:
        return smtpcom_fail(r, 400, "name", "the name or the username is taken");
    case ERR_SYNTAX:
        return smtpcom_fail(r, 400, "name", "names have 1 to 128 characters without blanks");
    case -EINVAL:
        return smtpcom_fail(r, 400, "smtp_password", "must have 8 to 1000 characters");
    case ERR_ABSENT:
        return smtpcom_fail(r, 404, "name", "channel not found");
    default:
        return rc;
    }
}

static int check_whole(struct http_request *r, const struct call *c)
{
    const struct {
        const char *name;
        bool there;
    } wanted[] = {{"name", c->channel.name.len > 0},
                  {"smtp_username", c->channel.username.len > 0},
                  {"smtp_password", c->password.len > 0},
                  {"quota", c->channel.quota > 0}};
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (wanted[i].there)
            continue;
        int rc = smtpcom_fail(r, 400, wanted[i].name, "could not be blank");
        return rc < 0 ? rc : -EALREADY;
    }
    return 0;
}

int smtpcom_channels_co_post(struct http_request *r)
{
    struct identity who;
    struct call c = {0};
    struct directory *d = api_of(r)->directory;
    int rc = co_enter_change(r, "channels.create", true, &who);
    if (rc < 0)
        return rc;
    rc = co_read_call(r, &c);
    if (rc >= 0)
        rc = check_whole(r, &c);
    if (rc == 0)
        rc = directory_co_channel_add(d, who.tenant, &c.channel, c.password);
    rc = rc < 0 ? answer_error(r, rc) : co_answer(r, &who, c.channel.name);
    json_object_put(c.values);
    return rc;
}

int smtpcom_channel_co_patch(struct http_request *r)
{
    struct identity who;
    struct call c = {0};
    int rc = co_enter_change(r, "channels.update", true, &who);
    if (rc < 0)
        return rc;
    rc = co_read_call(r, &c);
    c.channel.name = http_parameter(r, "name");
    if (rc >= 0)
        rc = directory_co_channel_change(api_of(r)->directory, who.tenant, &c.channel, c.password);
    rc = rc < 0 ? answer_error(r, rc) : co_answer(r, &who, c.channel.name);
    json_object_put(c.values);
    return rc;
}

int smtpcom_channel_co_delete(struct http_request *r)
{
    struct identity who;
    struct span name = http_parameter(r, "name");
    int rc = co_enter_change(r, "channels.delete", false, &who);
    if (rc < 0)
        return rc;
    rc = directory_co_channel_cancel(api_of(r)->directory, who.tenant, name);
    return rc < 0 ? answer_error(r, rc) : co_answer(r, &who, name);
}
