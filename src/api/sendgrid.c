/* SendGrid's Web API: its routes, its errors, who may; see sendgrid.h. */
#include "api/sendgrid.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "http/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define JSON_TYPE   "application/json"
#define WORDS_MAX   1000
#define FREE_CALLS  1000000 /* what X-RateLimit-Limit says where there is no limit */
#define PERIOD_S    60
#define HOUR_S      3600
#define SUBUSER     "On-Behalf-Of"
#define BAD_UTF8    "Invalid UTF8 in request"
#define BAD_TYPE    "Content-Type should be application/json."
#define NOT_GRANTED "The provided authorization grant is invalid, expired, or revoked"

/* --- errors ---------------------------------------------------------------------------------- */

static const char *words_of(int status)
{
    switch (status) {
    case 401:
        return "authorization required";
    case 403:
        return "access forbidden";
    case 404:
        return "not found";
    case 405:
        return "method not allowed";
    case 413:
        return "content too large";
    case 429:
        return "too many requests";
    case 500:
        return "internal server error";
    default:
        return NULL;
    }
}

static int print_error(const char *field, struct span words, struct buffer *out)
{
    struct json_object *o = json_object_new_object(), *list = json_object_new_array(),
                       *one = json_object_new_object();
    size_t len;
    member_put_text(one, "message", words);
    member_put(one, "field", field ? json_object_new_string(field) : NULL);
    json_object_array_add(list, one);
    member_put(o, "errors", list);
    const char *text = json_object_to_json_string_length(
        o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    int rc = text ? buffer_append(out, span_make(text, len)) : -ENOMEM;
    json_object_put(o);
    return rc;
}

/* Errors of the server itself: no such path, a body that is no JSON, … */
static int shape(const struct http_request *r, int status, struct span words, struct buffer *out,
                 const char **ret_type)
{
    const char *own = r->words[0] ? NULL : words_of(status);
    *ret_type = JSON_TYPE;
    return print_error(NULL, own ? span_of(own) : words, out);
}

int sendgrid_fail(struct http_request *r, int status, const char *field, const char *format, ...)
{
    AUTO_BUFFER text = BUFFER((size_t)8 * WORDS_MAX);
    char words[WORDS_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    size_t len = span_of(words).len;
    while (len && !utf8_is_text(span_make(words, len))) /* cut within a character */
        len--;
    int rc = print_error(field, span_make(words, len), &text);
    return rc < 0 ? rc : http_answer(r, status, JSON_TYPE, buffer_span(&text));
}

int sendgrid_refuse(struct http_request *r, int status)
{
    return sendgrid_fail(r, status, NULL, "%s", words_of(status));
}

int sendgrid_done(struct http_request *r, int status)
{
    return http_answer(r, status, NULL, SPAN(""));
}

/* --- who may --------------------------------------------------------------------------------- */

static int add_number(struct http_request *r, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return http_add_field(r, name, span_of(text));
}

/* The limit is one of recipients in 24 hours, if the operator has set one; it is counted by hours.
 */
static int co_add_rate(struct http_request *r, const struct identity *who)
{
    const struct submit_door *door = api_of(r)->door;
    struct send_quota quota = {.sent = 0, .limit = FREE_CALLS};
    int64_t now = clock_wall_ms() / 1000, period = door->daily_limit ? HOUR_S : PERIOD_S;
    int rc = door->daily_limit ? submit_co_quota(door, who->tenant, &quota) : 0;
    int64_t left = quota.limit > quota.sent ? quota.limit - quota.sent : 0;
    if (rc == 0)
        rc = add_number(r, "X-RateLimit-Limit", quota.limit);
    if (rc == 0)
        rc = add_number(r, "X-RateLimit-Remaining", left);
    return rc < 0 ? rc : add_number(r, "X-RateLimit-Reset", (now / period + 1) * period);
}

int sendgrid_co_enter(struct http_request *r, const char *scope, struct identity *ret_who)
{
    int rc = api_co_identify(r, KEY_SENDGRID, ret_who);
    if (rc == ERR_DENIED)
        return http_fail(r, 401, "%s",
                         http_scheme(r) == HTTP_NO_SCHEME ? words_of(401) : NOT_GRANTED);
    if (rc == 0)
        rc = co_add_rate(r, ret_who);
    if (rc < 0)
        return rc;
    if (http_field(r, SUBUSER).len)
        return http_fail(r, 403, "there is no such subuser: leave " SUBUSER " out");
    rc = scope ? directory_co_key_may(api_of(r)->directory, ret_who, scope) : 1;
    return rc == 0 ? HTTP_CODE(403) : rc < 0 ? rc : 0;
}

/* --- bodies ---------------------------------------------------------------------------------- */

int sendgrid_co_body(struct http_request *r, size_t max, struct json_object **ret_o)
{
    struct json_object *o = NULL;
    struct span body;
    if (http_field(r, "Content-Type").len && !http_has_type(r, JSON_TYPE))
        return http_fail(r, 415, BAD_TYPE);
    int rc = http_co_body(r, max, &body);
    if (rc == 0)
        rc = json_co_body(r, max, &o);
    if (rc == HTTP_CODE(400) && !utf8_is_text(body))
        return http_fail(r, 415, BAD_UTF8);
    if (rc < 0)
        return rc;
    if (!json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        return http_fail(r, 400, "Bad Request: the body is no JSON object");
    }
    *ret_o = o;
    return 0;
}

struct span sendgrid_space(struct span template_id)
{
    return span_starts(template_id, SPAN("d-")) ? SENDGRID_DYNAMIC : SENDGRID_LEGACY;
}

/* --- routes ---------------------------------------------------------------------------------- */

#define SCHEDULED "/v3/user/scheduled_sends"
#define TEMPLATE  "/v3/templates/{template}"
#define VERSION   TEMPLATE "/versions/{version}"
#define KEY       "/v3/api_keys/{key}"

static const struct http_route routes[] = {
    {METHOD_POST, "/v3/mail/send", sendgrid_mail_send_co_post, SENDGRID_BODY_MAX},
    {METHOD_POST, "/v3/mail/batch", sendgrid_batch_co_post, SENDGRID_SMALL_MAX},
    {METHOD_GET, "/v3/mail/batch/{batch}", sendgrid_batch_co_get, SENDGRID_SMALL_MAX},
    {METHOD_POST, SCHEDULED, sendgrid_scheduled_co_post, SENDGRID_SMALL_MAX},
    {METHOD_GET, SCHEDULED, sendgrid_scheduled_co_list, SENDGRID_SMALL_MAX},
    {METHOD_GET, SCHEDULED "/{batch}", sendgrid_scheduled_co_get, SENDGRID_SMALL_MAX},
    {METHOD_PATCH, SCHEDULED "/{batch}", sendgrid_scheduled_co_patch, SENDGRID_SMALL_MAX},
    {METHOD_DELETE, SCHEDULED "/{batch}", sendgrid_scheduled_co_delete, SENDGRID_SMALL_MAX},
    {METHOD_POST, "/v3/templates", sendgrid_templates_co_post, SENDGRID_SMALL_MAX},
    {METHOD_GET, "/v3/templates", sendgrid_templates_co_list, SENDGRID_SMALL_MAX},
    {METHOD_GET, TEMPLATE, sendgrid_template_co_get, SENDGRID_SMALL_MAX},
    {METHOD_PATCH, TEMPLATE, sendgrid_template_co_patch, SENDGRID_SMALL_MAX},
    {METHOD_DELETE, TEMPLATE, sendgrid_template_co_delete, SENDGRID_SMALL_MAX},
    {METHOD_POST, TEMPLATE, sendgrid_template_co_duplicate, SENDGRID_SMALL_MAX},
    {METHOD_POST, TEMPLATE "/versions", sendgrid_versions_co_post, SENDGRID_SMALL_MAX},
    {METHOD_GET, VERSION, sendgrid_version_co_get, SENDGRID_SMALL_MAX},
    {METHOD_PATCH, VERSION, sendgrid_version_co_patch, SENDGRID_SMALL_MAX},
    {METHOD_DELETE, VERSION, sendgrid_version_co_delete, SENDGRID_SMALL_MAX},
    {METHOD_POST, VERSION "/activate", sendgrid_version_co_activate, SENDGRID_SMALL_MAX},
    {METHOD_POST, "/v3/api_keys", sendgrid_keys_co_post, SENDGRID_SMALL_MAX},
    {METHOD_GET, "/v3/api_keys", sendgrid_keys_co_list, SENDGRID_SMALL_MAX},
    {METHOD_GET, KEY, sendgrid_key_co_get, SENDGRID_SMALL_MAX},
    {METHOD_PATCH, KEY, sendgrid_key_co_patch, SENDGRID_SMALL_MAX},
    {METHOD_PUT, KEY, sendgrid_key_co_put, SENDGRID_SMALL_MAX},
    {METHOD_DELETE, KEY, sendgrid_key_co_delete, SENDGRID_SMALL_MAX},
    {METHOD_GET, "/v3/scopes", sendgrid_scopes_co_get, SENDGRID_SMALL_MAX},
};
const struct http_table sendgrid_table = {.name = "sendgrid", HTTP_ROUTES(routes), .shape = shape};
