/*
 * The part of postamt.conf about letters that leave: routes, destinations, name servers.
 *
 *     route "example.net" { host = "192.0.2.1"  port = 2525 }      a domain's server, fixed
 *     route "*" { host = "smarthost.example.org"  port = 587  username = "…"  password = "…" }
 *     destination "*" { expiry-seconds = 172800 }                  how all are treated
 *     destination "example.com" { connections = 5 }                and one of them
 */
#include "ctl/config_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX (400L * 86400)
#define INHERITED   (-1)

static char none[] = "{}";

cfg_opt_t config_route_options[] = {
    CFG_STR("host", "", CFGF_NONE),
    CFG_INT("port", 25, CFGF_NONE),
    CFG_STR("tls", "opportunistic", CFGF_NONE),
    CFG_BOOL("implicit-tls", cfg_false, CFGF_NONE),
    CFG_STR("username", "", CFGF_NONE),
    CFG_STR("password", "", CFGF_NONE),
    CFG_END(),
};

cfg_opt_t config_destination_options[] = {
    CFG_INT_LIST("retry-seconds", none, CFGF_NONE),
    CFG_INT("retry-then-seconds", INHERITED, CFGF_NONE),
    CFG_INT("retry-jitter-percent", INHERITED, CFGF_NONE),
    CFG_INT("delay-notice-seconds", INHERITED, CFGF_NONE),
    CFG_INT("expiry-seconds", INHERITED, CFGF_NONE),
    CFG_INT("connections", INHERITED, CFGF_NONE),
    CFG_INT("letters-per-connection", INHERITED, CFGF_NONE),
    CFG_END(),
};

/* "*" stays; domains and literals are folded. */
static bool fold_title(const char *title, char domain[ADDRESS_DOMAIN_MAX + 1])
{
    if (strcmp(title, "*") == 0) {
        snprintf(domain, ADDRESS_DOMAIN_MAX + 1, "*");
        return true;
    }
    return address_fold_domain(span_of(title), domain) == 0;
}

/* --- routes ---------------------------------------------------------------------------------- */

static const char *take_host(const char *host, struct route_static *route)
{
    unsigned char address[16];
    char folded[ADDRESS_DOMAIN_MAX + 1];
    bool ip = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    if (!ip && (address_fold_domain(span_of(host), folded) < 0 || folded[0] == '['))
        return "a route wants host = \"NAME\" or an IP address";
    snprintf(route->host, sizeof route->host, "%s", ip ? host : folded);
    return NULL;
}

static const char *take_tls(const char *text, struct route_static *route)
{
    static const char *const names[] = {[ROUTE_TLS_MAY] = "opportunistic",
                                        [ROUTE_TLS_MUST] = "required",
                                        [ROUTE_TLS_VERIFIED] = "verified"};
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            route->tls = (enum route_tls)i;
            return NULL;
        }
    return "a route's tls is \"opportunistic\", \"required\" or \"verified\"";
}

static const char *take_route(cfg_t *section, struct route_static *route)
{
    long port = cfg_getint(section, "port");
    const char *wrong = NULL;
    if (!fold_title(cfg_title(section), route->domain))
        return "route wants a domain, e.g. route \"example.net\" { … }, or \"*\"";
    wrong = take_host(cfg_getstr(section, "host"), route);
    wrong = wrong ? wrong : take_tls(cfg_getstr(section, "tls"), route);
    if (!wrong && (port < 1 || port > 65535))
        wrong = "a route's port is 1 to 65535";
    if (!wrong && (!span_to_text(span_of(cfg_getstr(section, "username")), route->username,
                                 sizeof route->username) ||
                   !span_to_text(span_of(cfg_getstr(section, "password")), route->password,
                                 sizeof route->password)))
        wrong = "a route's username and password have at most 255 bytes";
    route->port = (unsigned)port;
    route->implicit_tls = cfg_getbool(section, "implicit-tls");
    if (!wrong && route->username[0] && !route->implicit_tls && route->tls == ROUTE_TLS_MAY)
        route->tls = ROUTE_TLS_MUST; /* a password never goes in the clear */
    return wrong;
}

static const char *take_routes(cfg_t *cfg, struct config *c)
{
    unsigned count = cfg_size(cfg, "route");
    const char *wrong = NULL;
    c->routes = calloc(count + 1, sizeof *c->routes);
    if (!c->routes)
        return "out of memory";
    for (unsigned i = 0; !wrong && i < count; i++)
        wrong = take_route(cfg_getnsec(cfg, "route", i), &c->routes[i]);
    c->route_count = count;
    return wrong;
}

/* --- destinations ---------------------------------------------------------------------------- */

static bool take_seconds(cfg_t *section, const char *option, long least, int64_t *ms)
{
    long seconds = cfg_getint(section, option);
    if (seconds == INHERITED)
        return true;
    *ms = (int64_t)seconds * 1000;
    return seconds >= least && seconds <= SECONDS_MAX;
}

static bool take_count(cfg_t *section, const char *option, long least, long most, unsigned *count)
{
    long number = cfg_getint(section, option);
    if (number == INHERITED)
        return true;
    *count = (unsigned)number;
    return number >= least && number <= most;
}

static const char *take_retries(cfg_t *section, struct queue_policy *queue)
{
    unsigned count = cfg_size(section, "retry-seconds");
    if (count > QUEUE_RETRIES_MAX)
        return "retry-seconds has at most 16 pauses";
    for (unsigned i = 0; i < count; i++) {
        long seconds = cfg_getnint(section, "retry-seconds", i);
        if (seconds < 1 || seconds > SECONDS_MAX)
            return "retry-seconds are 1 to 34560000 each, e.g. {60, 300, 900, 1800}";
        queue->retry_ms[i] = (int64_t)seconds * 1000;
    }
    if (count)
        queue->retry_count = count;
    return NULL;
}

static const char *take_destination(cfg_t *section, struct deliver_policy *policy)
{
    const char *wrong = take_retries(section, &policy->queue);
    if (wrong)
        return wrong;
    if (!take_seconds(section, "retry-then-seconds", 1, &policy->queue.retry_then_ms))
        return "retry-then-seconds is 1 to 34560000";
    if (!take_seconds(section, "delay-notice-seconds", 0, &policy->queue.notice_ms))
        return "delay-notice-seconds is 0 (none) to 34560000";
    if (!take_seconds(section, "expiry-seconds", 1, &policy->queue.expiry_ms))
        return "expiry-seconds is 1 to 34560000";
    if (!take_count(section, "retry-jitter-percent", 0, 90, &policy->queue.jitter_percent))
        return "retry-jitter-percent is 0 to 90";
    if (!take_count(section, "connections", 1, 1000, &policy->sessions_max))
        return "connections is 1 to 1000";
    if (!take_count(section, "letters-per-connection", 1, 100000, &policy->letters_max))
        return "letters-per-connection is 1 to 100000";
    return NULL;
}

/* "*" first: the others begin with what it says. */
static const char *take_destinations(cfg_t *cfg, struct config *c)
{
    unsigned count = cfg_size(cfg, "destination");
    const char *wrong = NULL;
    c->policies = calloc(count + 1, sizeof *c->policies);
    if (!c->policies)
        return "out of memory";
    c->policies[0] = (struct deliver_policy){.queue = queue_policy_default,
                                             .sessions_max = DELIVER_SESSIONS_PER_SITE,
                                             .letters_max = DELIVER_LETTERS};
    c->policy_count = 1;
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; !wrong && i < count; i++) {
            cfg_t *section = cfg_getnsec(cfg, "destination", i);
            char domain[ADDRESS_DOMAIN_MAX + 1];
            if (!fold_title(cfg_title(section), domain))
                return "destination wants a domain, e.g. destination \"example.net\" { … }, or "
                       "\"*\"";
            bool all = strcmp(domain, "*") == 0;
            if (all != (pass == 0))
                continue;
            struct deliver_policy *policy = &c->policies[all ? 0 : c->policy_count++];
            if (!all) {
                *policy = c->policies[0];
                memcpy(policy->domain, domain, sizeof policy->domain);
            }
            wrong = take_destination(section, policy);
        }
    return wrong;
}

/* --- name servers ---------------------------------------------------------------------------- */

/* "192.0.2.1", "127.0.0.1@5353" */
static bool is_server(const char *text)
{
    char address[64];
    unsigned char bytes[16];
    uint64_t port;
    struct span rest = span_of(text), host;
    if (!span_cut(&rest, '@', &host) || !span_to_text(host, address, sizeof address))
        return false;
    if (host.len < strlen(text) && (!span_to_uint(rest, 65535, &port) || port == 0))
        return false;
    return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1;
}

static const char *take_dns(cfg_t *cfg, struct config *c)
{
    unsigned servers = cfg_size(cfg, "dns-servers"), zones = cfg_size(cfg, "transparent-zones");
    if (servers > DNS_SERVERS_MAX || zones > DNS_SERVERS_MAX)
        return "dns-servers and transparent-zones have at most 8 entries";
    for (unsigned i = 0; i < servers; i++)
        if (!is_server(cfg_getnstr(cfg, "dns-servers", i)) ||
            !span_to_text(span_of(cfg_getnstr(cfg, "dns-servers", i)), c->dns_servers[i],
                          sizeof c->dns_servers[i]))
            return "dns-servers wants IP addresses, e.g. dns-servers = {\"127.0.0.1@5353\"}";
    for (unsigned i = 0; i < zones; i++)
        if (address_fold_domain(span_of(cfg_getnstr(cfg, "transparent-zones", i)),
                                c->transparent_zones[i]) < 0)
            return "transparent-zones wants domains, e.g. transparent-zones = {\"test\"}";
    if (!span_to_text(span_of(cfg_getstr(cfg, "dns-trust-anchor")), c->dns_trust_anchor,
                      sizeof c->dns_trust_anchor) ||
        !config_is_file_name(c->dns_trust_anchor))
        return "dns-trust-anchor is the name of a file, without quotes, \\ and $";
    if (!take_count(cfg, "dns-timeout-seconds", 1, 120, &c->dns_timeout))
        return "dns-timeout-seconds is 1 to 120";
    c->dns_server_count = servers;
    c->transparent_zone_count = zones;
    return NULL;
}

const char *config_check_delivery(cfg_t *cfg, struct config *c)
{
    long port = cfg_getint(cfg, "delivery-port");
    const char *wrong = take_routes(cfg, c);
    wrong = wrong ? wrong : take_destinations(cfg, c);
    wrong = wrong ? wrong : take_dns(cfg, c);
    if (!wrong && (port < 1 || port > 65535))
        wrong = "delivery-port is 1 to 65535";
    c->delivery_port = (unsigned)port;
    return wrong;
}

/* --- writing --------------------------------------------------------------------------------- */

static int print_route(struct buffer *out, const struct route_static *r)
{
    static const char *const tls[] = {"opportunistic", "required", "verified"};
    int rc =
        buffer_printf(out, "route \"%s\" { host = \"%s\" port = %u tls = \"%s\"%s", r->domain,
                      r->host, r->port, tls[r->tls], r->implicit_tls ? " implicit-tls = true" : "");
    if (rc == 0 && r->username[0])
        rc = buffer_append_text(out, " username = \"…\" password = \"…\"");
    return rc < 0 ? rc : buffer_append_text(out, " }\n");
}

static int print_destination(struct buffer *out, const struct deliver_policy *p)
{
    int rc = buffer_printf(out, "destination \"%s\" { retry-seconds = {",
                           p->domain[0] ? p->domain : "*");
    for (unsigned i = 0; rc == 0 && i < p->queue.retry_count; i++)
        rc = buffer_printf(out, "%s%lld", i ? ", " : "", (long long)p->queue.retry_ms[i] / 1000);
    if (rc == 0)
        rc = buffer_printf(out,
                           "} retry-then-seconds = %lld retry-jitter-percent = %u"
                           " delay-notice-seconds = %lld expiry-seconds = %lld connections = %u"
                           " letters-per-connection = %u }\n",
                           (long long)p->queue.retry_then_ms / 1000, p->queue.jitter_percent,
                           (long long)p->queue.notice_ms / 1000,
                           (long long)p->queue.expiry_ms / 1000, p->sessions_max, p->letters_max);
    return rc;
}

int config_print_delivery(struct buffer *out, const struct config *c)
{
    int rc = buffer_printf(out, "delivery-port = %u\ndns-timeout-seconds = %u\ndns-servers = {",
                           c->delivery_port, c->dns_timeout);
    for (unsigned i = 0; rc == 0 && i < c->dns_server_count; i++)
        rc = buffer_printf(out, "%s\"%s\"", i ? ", " : "", c->dns_servers[i]);
    if (rc == 0)
        rc = buffer_printf(out, "}\ndns-trust-anchor = \"%s\"\ntransparent-zones = {",
                           c->dns_trust_anchor);
    for (unsigned i = 0; rc == 0 && i < c->transparent_zone_count; i++)
        rc = buffer_printf(out, "%s\"%s\"", i ? ", " : "", c->transparent_zones[i]);
    if (rc == 0)
        rc = buffer_append_text(out, "}\n");
    for (size_t i = 0; rc == 0 && i < c->route_count; i++)
        rc = print_route(out, &c->routes[i]);
    for (size_t i = 0; rc == 0 && i < c->policy_count; i++)
        rc = print_destination(out, &c->policies[i]);
    return rc;
}
