/* SMTP.com: routes, the envelope of answers, who may; see smtpcom.h. */
#include "api/smtpcom.h"

#include "http/json.h"
#include "http/uri.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define VALUES_MAX (64 * 1024)

static struct json_object *envelope(const char *status, struct json_object *data)
{
    struct json_object *o = json_object_new_object();
    member_put(o, "status", json_object_new_string(status));
    member_put(o, "data", data);
    return o;
}

static struct json_object *failure(const char *field, struct span words)
{
    struct json_object *errors = json_object_new_object(), *data = json_object_new_object();
    member_put_text(errors, field, words);
    member_put(data, "errors", errors);
    return envelope("fail", data);
}

/* {"errors": [{"api_key": "invalid"}]}: a list here alone. */
static struct json_object *unauthorized(void)
{
    struct json_object *one = json_object_new_object(), *list = json_object_new_array(),
                       *data = json_object_new_object();
    member_put_text(one, "api_key", SPAN("invalid"));
    json_object_array_add(list, one);
    member_put(data, "errors", list);
    return envelope("fail", data);
}

static int shape(const struct http_request *r, int status, struct span words, struct buffer *out,
                 const char **ret_type)
{
    (void)r;
    struct json_object *o = status == 401 ? unauthorized() : failure("request", words);
    size_t len;
    const char *text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &len);
    int rc = text ? buffer_append(out, span_make(text, len)) : -ENOMEM;
    *ret_type = "application/json";
    json_object_put(o);
    return rc;
}

int smtpcom_fail(struct http_request *r, int status, const char *field, const char *format, ...)
{
    char words[HTTP_WORDS_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    return json_answer(r, status, failure(field, span_of(words)));
}

int smtpcom_done(struct http_request *r, struct json_object *data)
{
    return json_answer(r, 200, envelope("success", data));
}

int smtpcom_co_enter(struct http_request *r, const char *scope, struct identity *ret_who)
{
    int rc = api_co_identify(r, KEY_SMTPCOM, ret_who);
    if (rc == ERR_DENIED)
        return HTTP_CODE(401);
    if (rc == 0)
        rc = directory_co_key_may(api_of(r)->directory, ret_who, scope);
    if (rc == 0)
        return http_fail(r, 403, "this key may not do that");
    return rc < 0 ? rc : 0;
}

/* --- values ---------------------------------------------------------------------------------- */

static int take_query(struct http_request *r, struct json_object *values)
{
    static const char *const names[] = {"name", "smtp_username", "smtp_password", "quota"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        struct span value;
        int rc = http_query(r, names[i], &value);
        if (rc < 0)
            return rc;
        if (value.len)
            member_put_text(values, names[i], value);
    }
    return 0;
}

int smtpcom_co_values(struct http_request *r, struct json_object **ret_values)
{
    struct span text = SPAN("");
    struct json_object *body = NULL, *values = json_object_new_object();
    *ret_values = values;
    int rc = values ? take_query(r, values) : -ENOMEM;
    if (rc == 0)
        rc = http_co_body(r, VALUES_MAX, &text);
    if (rc < 0 || text.len == 0)
        return rc;
    rc = json_co_body(r, VALUES_MAX, &body);
    if (rc == 0 && json_object_is_type(body, json_type_object)) {
        json_object_object_foreach(body, name, value)
            json_object_object_add(values, name, json_object_get(value));
    }
    json_object_put(body);
    return rc;
}

#define CHANNEL "/v4/channels/{name}"
static const struct http_route routes[] = {
    {METHOD_POST, "/v4/messages", smtpcom_messages_co_post, SMTPCOM_BODY_MAX},
    {METHOD_POST, "/v4/messages/", smtpcom_messages_co_post, SMTPCOM_BODY_MAX},
    {METHOD_POST, "/v4/messages/mime", smtpcom_mime_co_post, SMTPCOM_BODY_MAX},
    {METHOD_POST, "/v4/messages/mime/", smtpcom_mime_co_post, SMTPCOM_BODY_MAX},
    {METHOD_GET, "/v4/channels", smtpcom_channels_co_get, 0},
    {METHOD_GET, "/v4/channels/", smtpcom_channels_co_get, 0},
    {METHOD_POST, "/v4/channels", smtpcom_channels_co_post, VALUES_MAX},
    {METHOD_POST, "/v4/channels/", smtpcom_channels_co_post, VALUES_MAX},
    {METHOD_GET, CHANNEL, smtpcom_channel_co_get, 0},
    {METHOD_GET, CHANNEL "/", smtpcom_channel_co_get, 0},
    {METHOD_PATCH, CHANNEL, smtpcom_channel_co_patch, VALUES_MAX},
    {METHOD_PATCH, CHANNEL "/", smtpcom_channel_co_patch, VALUES_MAX},
    {METHOD_DELETE, CHANNEL, smtpcom_channel_co_delete, VALUES_MAX},
    {METHOD_DELETE, CHANNEL "/", smtpcom_channel_co_delete, VALUES_MAX},
};
const struct http_table smtpcom_table = {.name = "smtpcom", HTTP_ROUTES(routes), .shape = shape};
