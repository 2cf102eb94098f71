/* Whose settings; see find.h. */
#include "autoconfig/find.h"

#include "api/api.h"
#include "http/form.h"

#include <errno.h>

int find_query(struct http_request *r, const char *name, struct span *ret_value)
{
    struct span rest = r->head.query;
    struct form_pair pair;
    int rc;
    while ((rc = form_next_pair(&rest, &r->arena, &pair)) > 0)
        if (span_equal_nocase(pair.name, span_of(name))) {
            *ret_value = span_trim(pair.value);
            return 0;
        }
    if (rc < 0)
        return rc == ERR_SYNTAX ? http_fail(r, 400, "the query is not well encoded") : rc;
    *ret_value = SPAN("");
    return 0;
}

int find_address(struct http_request *r, struct span *ret_address)
{
    struct span address = SPAN("");
    int rc = find_query(r, "emailaddress", &address);
    if (rc == 0 && address.len == 0)
        rc = find_query(r, "email", &address);
    if (rc == 0)
        *ret_address = address;
    return rc;
}

/* 0 when it is a domain of ours; ERR_ABSENT. */
static int co_look_up(struct http_request *r, struct span domain, struct settings *s)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    int64_t tenant;
    if (address_fold_domain(domain, folded) < 0)
        return ERR_ABSENT;
    int rc = directory_co_domain_owner(api_of(r)->directory, span_of(folded), &tenant);
    if (rc == 0)
        s->domain = arena_copy(&r->arena, span_of(folded));
    return rc == 0 && !s->domain.at ? -ENOMEM : rc;
}

static int co_by_address(struct http_request *r, struct span address, struct settings *s)
{
    char folded[ADDRESS_TEXT_MAX];
    struct span local, domain;
    if (!address_split(address, &local, &domain) || address_fold(local, domain, folded) < 0)
        return http_fail(r, 400, "that is no address of mail");
    s->address = arena_copy(&r->arena, span_of(folded));
    return s->address.at ? co_look_up(r, domain, s) : -ENOMEM;
}

static int co_by_host(struct http_request *r, struct settings *s)
{
    struct span host = r->head.host;
    ptrdiff_t colon = span_find(host, ':'), dot;
    if (colon >= 0)
        host = span_first(host, (size_t)colon);
    int rc = co_look_up(r, host, s);
    if (rc != ERR_ABSENT)
        return rc;
    dot = span_find(host, '.');
    if (dot > 0)
        rc = co_look_up(r, span_from(host, (size_t)dot + 1), s);
    if (rc == ERR_ABSENT && span_equal_nocase(host, s->hostname)) {
        s->domain = s->hostname;
        rc = 0;
    }
    return rc;
}

int find_co_settings(struct http_request *r, struct span address, struct settings *ret_settings)
{
    struct settings s = {.hostname = span_of(api_of(r)->hostname),
                         .port_offset = api_of(r)->port_offset,
                         .domain = SPAN(""),
                         .address = SPAN("")};
    int rc = address.len ? co_by_address(r, address, &s) : co_by_host(r, &s);
    if (rc == ERR_ABSENT)
        return http_fail(r, 404, "mail of that domain is not kept here");
    if (rc == 0)
        *ret_settings = s;
    return rc;
}
