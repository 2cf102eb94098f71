/* The Mailgun dialect: its routes, its errors, who may; see mailgun.h. */
#include "api/mailgun.h"

#include "base/utf8.h"
#include "http/json.h"
#include "mail/date.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define QUOTE_MAX 255 /* a domain */

static bool is_about_domains(const struct http_request *r)
{
    return span_starts(r->head.path, SPAN("/v4/domains")) ||
           span_starts(r->head.path, SPAN("/v3/domains"));
}

/* What clients gave is in the words, and may be cut within a character. */
static int print_message(struct span words, struct buffer *out)
{
    struct json_object *o = json_object_new_object();
    size_t len;
    member_put_text(o, "message", utf8_head(words));
    const char *text = json_object_to_json_string_length(
        o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    int rc = text ? buffer_append(out, span_make(text, len)) : -ENOMEM;
    json_object_put(o);
    return rc;
}

static int shape(const struct http_request *r, int status, struct span words, struct buffer *out,
                 const char **ret_type)
{
    *ret_type = "application/json";
    if (status == 401 && !is_about_domains(r)) {
        *ret_type = "text/plain; charset=utf-8";
        return buffer_append_text(out, "Forbidden");
    }
    if (status == 401)
        words = SPAN("Invalid private key");
    if (status == 413 && !span_starts(words, SPAN("the form has more"))) /* … fields */
        words = SPAN("request size exceeds 52.4MiB limit");
    return print_message(words, out);
}

struct span mailgun_quote(struct span given)
{
    return utf8_head(span_first(given, QUOTE_MAX));
}

int mailgun_say(struct http_request *r, int status, const char *format, ...)
{
    char words[HTTP_WORDS_MAX];
    va_list args;
    AUTO_BUFFER body = BUFFER(8 * HTTP_WORDS_MAX);
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    int rc = print_message(span_of(words), &body);
    return rc < 0 ? rc : http_answer(r, status, "application/json", buffer_span(&body));
}

int mailgun_co_enter(struct http_request *r, const char *scope, struct mailgun_caller *ret_caller)
{
    const struct api *api = api_of(r);
    struct span domain = http_parameter(r, "domain");
    *ret_caller = (struct mailgun_caller){0};
    int rc = api_co_identify(r, KEY_MAILGUN, &ret_caller->who);
    if (rc == 0) {
        rc = directory_co_key_may(api->directory, &ret_caller->who, scope);
        rc = rc == 0 ? ERR_DENIED : rc;
    }
    if (rc == ERR_DENIED) {
        rc = http_add_field(r, "WWW-Authenticate", SPAN("Basic realm=\"MG API\""));
        return rc < 0 ? rc : HTTP_CODE(401);
    }
    if (rc < 0 || domain.len == 0)
        return rc < 0 ? rc : 0;
    rc = directory_co_domain_find(api->directory, &ret_caller->who, domain, ret_caller->domain,
                                  &ret_caller->domain_id);
    if (rc != ERR_ABSENT && rc != ERR_SYNTAX)
        return rc;
    if (is_about_domains(r))
        return http_fail(r, 404, "Domain not found");
    return http_fail(r, 404, "Domain not found: %.*s", SPAN_PRINT(mailgun_quote(domain)));
}

int mailgun_co_form(struct http_request *r, struct form *ret_form)
{
    *ret_form = (struct form){0};
    if (!http_has_type(r, "application/x-www-form-urlencoded") &&
        !http_has_type(r, "multipart/form-data"))
        return 0;
    return form_co_read(r, MAILGUN_REQUEST_MAX, ret_form);
}

struct span mailgun_field(const struct form *form, const char *name)
{
    const struct form_field *field = form_find(form, name);
    return field ? field->value : SPAN("");
}

bool mailgun_is_yes(struct span value)
{
    return span_equal_nocase(value, SPAN("yes")) || span_equal_nocase(value, SPAN("true"));
}

const char *mailgun_date(int64_t wall_ms, const char *zone, char text[MAILGUN_DATE])
{
    char date[DATE_TEXT];
    date_format(wall_ms, date);
    snprintf(text, MAILGUN_DATE, "%.26s%s", date, zone);
    return text;
}

int mailgun_url(const struct http_request *r, struct buffer *out)
{
    struct span host = http_field(r, "Host");
    if (host.len == 0)
        host = span_of(api_of(r)->hostname);
    return buffer_printf(out, "%s://%.*s", http_is_tls(r) ? "https" : "http", SPAN_PRINT(host));
}

#define VERSIONS "/v3/{domain}/templates/{name}/versions"
static const struct http_route routes[] = {
    {METHOD_POST, "/v3/{domain}/messages", mailgun_messages_co_post, MAILGUN_REQUEST_MAX},
    {METHOD_POST, "/v3/{domain}/messages.mime", mailgun_mime_co_post, MAILGUN_REQUEST_MAX},
    {METHOD_GET, "/v4/domains", mailgun_domains_co_get, 0},
    {METHOD_GET, "/v4/domains/{domain}", mailgun_domain_co_get, 0},
    {METHOD_PUT, "/v4/domains/{domain}/verify", mailgun_domain_co_verify, 0},
    {METHOD_GET, "/v3/domains", mailgun_domains_co_get, 0},
    {METHOD_GET, "/v3/domains/{domain}", mailgun_domain_co_get, 0},
    {METHOD_PUT, "/v3/domains/{domain}/verify", mailgun_domain_co_verify, 0},
    {METHOD_GET, "/v3/{domain}/templates", mailgun_templates_co_get, 0},
    {METHOD_POST, "/v3/{domain}/templates", mailgun_templates_co_post, 0},
    {METHOD_DELETE, "/v3/{domain}/templates", mailgun_templates_co_delete, 0},
    {METHOD_GET, "/v3/{domain}/templates/{name}", mailgun_template_co_get, 0},
    {METHOD_PUT, "/v3/{domain}/templates/{name}", mailgun_template_co_put, 0},
    {METHOD_DELETE, "/v3/{domain}/templates/{name}", mailgun_template_co_delete, 0},
    {METHOD_GET, VERSIONS, mailgun_versions_co_get, 0},
    {METHOD_POST, VERSIONS, mailgun_versions_co_post, 0},
    {METHOD_GET, VERSIONS "/{tag}", mailgun_version_co_get, 0},
    {METHOD_PUT, VERSIONS "/{tag}", mailgun_version_co_put, 0},
    {METHOD_DELETE, VERSIONS "/{tag}", mailgun_version_co_delete, 0},
    {METHOD_PUT, VERSIONS "/{tag}/copy/{new}", mailgun_version_co_copy, 0},
};
const struct http_table mailgun_table = {.name = "mailgun", HTTP_ROUTES(routes), .shape = shape};
