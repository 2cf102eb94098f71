/*
 * Outlook's Autodiscover in XML: /autodiscover/autodiscover.xml in any case of letters.
 *
 * POST is the request that MS-OXDSCLI describes. GET answers the same for what the query or the
 * host says; but a GET without an address on the plain door is Outlook looking for a redirection to
 * TLS, and gets one, to the name that the certificate is for.
 */
#include "autoconfig/autoconfig.h"
#include "autoconfig/find.h"
#include "autoconfig/outlook_request.h"

#include "base/clock.h"

#define TYPE         "text/xml; charset=utf-8"
#define DOCUMENT_MAX ((size_t)32 * 1024)
#define URL_MAX      ((size_t)1024)
#define SCHEMA       "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006"

enum outlook_error { OUTLOOK_NO_DOMAIN = 500, OUTLOOK_BAD_REQUEST = 600, OUTLOOK_NO_SCHEMA = 601 };

static int answer_settings(struct http_request *r, const struct settings *s)
{
    AUTO_BUFFER text = BUFFER(DOCUMENT_MAX);
    int rc = outlook_write(s, &text);
    return rc < 0 ? rc : http_answer(r, 200, TYPE, buffer_span(&text));
}

static int answer_redirection(struct http_request *r, const struct settings *s)
{
    AUTO_BUFFER url = BUFFER(URL_MAX);
    int rc = settings_print_origin(s, &url);
    if (rc == 0)
        rc = buffer_append_text(&url, "/autodiscover/autodiscover.xml");
    if (rc == 0)
        rc = http_add_field(r, "Location", buffer_span(&url));
    return rc < 0 ? rc : http_answer(r, 302, NULL, SPAN(""));
}

static int outlook_co_get(struct http_request *r)
{
    struct settings s;
    struct span address;
    int rc = find_address(r, &address);
    if (rc == 0)
        rc = find_co_settings(r, address, &s);
    if (rc < 0)
        return rc;
    return address.len || http_is_tls(r) ? answer_settings(r, &s) : answer_redirection(r, &s);
}

/* Phones ask for ActiveSync's: that answer is an error with status 200, as the protocol wants. */
static int refuse_schema(struct http_request *r)
{
    AUTO_BUFFER text = BUFFER(DOCUMENT_MAX);
    int rc = outlook_write_error(OUTLOOK_NO_SCHEMA, SPAN("The schema asked for is not served."),
                                 clock_wall_ms(), &text);
    return rc < 0 ? rc : http_answer(r, 200, TYPE, buffer_span(&text));
}

static int outlook_co_post(struct http_request *r)
{
    struct settings s;
    struct outlook_request request;
    struct span body;
    int rc = http_co_body(r, OUTLOOK_REQUEST_MAX, &body);
    if (rc < 0)
        return rc;
    rc = outlook_parse_request(body, &r->arena, &request);
    if (rc == ERR_SYNTAX)
        return http_fail(r, 400, "the body is no Autodiscover request with an EMailAddress");
    if (rc == 0)
        rc = find_co_settings(r, request.address, &s);
    if (rc < 0)
        return rc;
    return request.schema.len && !span_starts_nocase(request.schema, SPAN(SCHEMA))
               ? refuse_schema(r)
               : answer_settings(r, &s);
}

static int write_shape(const struct http_request *r, int status, struct span words,
                       struct buffer *out, const char **ret_type)
{
    (void)r;
    *ret_type = TYPE;
    return outlook_write_error(status == 404 ? OUTLOOK_NO_DOMAIN : OUTLOOK_BAD_REQUEST, words,
                               clock_wall_ms(), out);
}

static const struct http_route routes[] = {
    {METHOD_GET, "/autodiscover/autodiscover.xml", outlook_co_get, 0},
    {METHOD_POST, "/autodiscover/autodiscover.xml", outlook_co_post, OUTLOOK_REQUEST_MAX},
};
const struct http_table outlook_table = {
    .name = "outlook", HTTP_ROUTES(routes), .any_case = true, .shape = write_shape};
