/*
 * What people open: the page with the QR code, and Apple's profile that it leads to. Errors are
 * pages too.
 */
#include "autoconfig/autoconfig.h"
#include "autoconfig/find.h"

#define PAGE_TYPE    "text/html; charset=utf-8"
#define PROFILE_TYPE "application/x-apple-aspen-config"
#define PAGE_MAX     ((size_t)256 * 1024)

/* No scripts, nothing from elsewhere; the address in the URL stays with us. */
static int add_page_fields(struct http_request *r)
{
    int rc = http_add_field(r, "Content-Security-Policy",
                            SPAN("default-src 'none'; style-src 'unsafe-inline'; form-action "
                                 "'self'; base-uri 'none'; frame-ancestors 'none'"));
    if (rc == 0)
        rc = http_add_field(r, "Referrer-Policy", SPAN("no-referrer"));
    return rc < 0 ? rc : http_add_field(r, "Cache-Control", SPAN("no-store"));
}

static int page_co_get(struct http_request *r)
{
    AUTO_BUFFER page = BUFFER(PAGE_MAX);
    struct settings s;
    struct span address;
    int rc = find_address(r, &address);
    if (rc == 0 && address.len)
        rc = find_co_settings(r, address, &s);
    if (rc == 0)
        rc = address.len ? page_write(&s, &page) : page_write_form(&page);
    if (rc == 0)
        rc = add_page_fields(r);
    return rc < 0 ? rc : http_answer(r, 200, PAGE_TYPE, buffer_span(&page));
}

static int profile_co_get(struct http_request *r)
{
    AUTO_BUFFER profile = BUFFER(PAGE_MAX);
    struct settings s;
    struct span address;
    int rc = find_address(r, &address);
    if (rc == 0 && address.len == 0)
        return http_fail(r, 400, "say whose: apple.mobileconfig?emailaddress=YOU@DOMAIN");
    if (rc == 0)
        rc = find_co_settings(r, address, &s);
    if (rc == 0)
        rc = apple_write(&s, &profile);
    if (rc == 0)
        rc = http_add_field(r, "Content-Disposition",
                            SPAN("attachment; filename=\"mail.mobileconfig\""));
    if (rc == 0)
        rc = http_add_field(r, "Cache-Control", SPAN("no-store"));
    return rc < 0 ? rc : http_answer(r, 200, PROFILE_TYPE, buffer_span(&profile));
}

static int write_shape(const struct http_request *r, int status, struct span words,
                       struct buffer *out, const char **ret_type)
{
    (void)r;
    *ret_type = PAGE_TYPE;
    return page_write_error(status, words, out);
}

static const struct http_route routes[] = {
    {METHOD_GET, "/mail/setup", page_co_get, 0},
    {METHOD_GET, "/mail/apple.mobileconfig", profile_co_get, 0},
};
const struct http_table people_table = {
    .name = "people", HTTP_ROUTES(routes), .shape = write_shape};
