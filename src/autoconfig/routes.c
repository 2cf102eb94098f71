/* Which table answers, and Thunderbird's; see autoconfig.h. */
#include "autoconfig/autoconfig.h"
#include "autoconfig/find.h"

#define DOCUMENT_MAX ((size_t)32 * 1024)
#define CONFIG       "/mail/config-v1.1.xml"
#define WELL_KNOWN   "/.well-known/autoconfig"

static int thunderbird_co_get(struct http_request *r)
{
    AUTO_BUFFER text = BUFFER(DOCUMENT_MAX);
    struct settings s;
    struct span address;
    int rc = find_address(r, &address);
    if (rc == 0)
        rc = find_co_settings(r, address, &s);
    if (rc == 0)
        rc = thunderbird_write(&s, &text);
    return rc < 0 ? rc : http_answer(r, 200, "text/xml; charset=utf-8", buffer_span(&text));
}

static const struct http_route routes[] = {
    {METHOD_GET, CONFIG, thunderbird_co_get, 0},
    {METHOD_GET, WELL_KNOWN CONFIG, thunderbird_co_get, 0},
};
const struct http_table thunderbird_table = {.name = "thunderbird", HTTP_ROUTES(routes)};

const struct http_table *autoconfig_choose(const struct http_request *r)
{
    struct span path = r->head.path;
    if (span_starts_nocase(path, SPAN("/autodiscover/autodiscover.json")))
        return &outlook_json_table;
    if (span_starts_nocase(path, SPAN("/autodiscover/")))
        return &outlook_table;
    if (span_starts(path, SPAN(WELL_KNOWN "/")) || span_equal(path, SPAN(CONFIG)))
        return &thunderbird_table;
    return span_starts(path, SPAN("/mail/")) ? &people_table : NULL;
}
