/*
 * Outlook's Autodiscover "version 2": JSON that says where the XML is.
 *
 *     GET /autodiscover/autodiscover.json?Email=A&Protocol=AutodiscoverV1
 *     GET /autodiscover/autodiscover.json/v1.0/A?Protocol=AutodiscoverV1
 *
 * Other protocols (ActiveSync, EWS, REST) are not spoken here, and refused as Exchange does.
 */
#include "autoconfig/autoconfig.h"
#include "autoconfig/find.h"

#include "api/member.h"

#include <errno.h>

#define TYPE     "application/json"
#define URL_MAX  ((size_t)1024)
#define PROTOCOL "AutodiscoverV1"
#define XML_PATH "/autodiscover/autodiscover.xml"

/* {"first":…,"second":…}; .at NULL: no memory. */
static struct span print_pair(struct arena *arena, const char *first, struct span value,
                              const char *second, struct span other)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, first, value);
    member_put_text(o, second, other);
    struct span text = member_print(o, arena);
    json_object_put(o);
    return text;
}

static int answer_error(struct http_request *r, int status, const char *code, const char *words)
{
    struct span text =
        print_pair(&r->arena, "ErrorCode", span_of(code), "ErrorMessage", span_of(words));
    return text.at ? http_answer(r, status, TYPE, text) : -ENOMEM;
}

static int answer_url(struct http_request *r, const struct settings *s)
{
    AUTO_BUFFER url = BUFFER(URL_MAX);
    int rc = settings_print_origin(s, &url);
    if (rc == 0)
        rc = buffer_append_text(&url, XML_PATH);
    if (rc < 0)
        return rc;
    struct span text = print_pair(&r->arena, "Protocol", SPAN(PROTOCOL), "Url", buffer_span(&url));
    return text.at ? http_answer(r, 200, TYPE, text) : -ENOMEM;
}

static int outlook_json_co_get(struct http_request *r)
{
    struct settings s;
    struct span protocol, address = http_parameter(r, "address");
    int rc = find_query(r, "Protocol", &protocol);
    if (rc == 0 && address.len == 0)
        rc = find_address(r, &address);
    if (rc == 0)
        rc = find_co_settings(r, address, &s);
    if (rc < 0)
        return rc;
    if (protocol.len == 0)
        return answer_error(r, 400, "MandatoryParameterMissing",
                            "A valid value must be given for the query parameter 'Protocol'.");
    if (!span_equal_nocase(protocol, SPAN(PROTOCOL)))
        return answer_error(r, 400, "InvalidProtocol",
                            "That protocol is not served. Supported values are '" PROTOCOL "'.");
    return answer_url(r, &s);
}

/* Only the domain decides about 404, whatever Exchange's word for it. */
static int write_shape(const struct http_request *r, int status, struct span words,
                       struct buffer *out, const char **ret_type)
{
    const char *code = status == 400   ? "InvalidRequest"
                       : status == 404 ? "ResourceNotFound"
                       : status < 500  ? "RequestRefused"
                                       : "ServiceUnavailable";
    AUTO_ARENA arena = ARENA(16 * 1024);
    struct span text = print_pair(&arena, "ErrorCode", span_of(code), "ErrorMessage", words);
    (void)r;
    *ret_type = TYPE;
    return text.at ? buffer_append(out, text) : -ENOMEM;
}

static const struct http_route routes[] = {
    {METHOD_GET, "/autodiscover/autodiscover.json", outlook_json_co_get, 0},
    {METHOD_GET, "/autodiscover/autodiscover.json/v1.0/{address}", outlook_json_co_get, 0},
};
const struct http_table outlook_json_table = {
    .name = "outlook", HTTP_ROUTES(routes), .any_case = true, .shape = write_shape};
