/* Routes; see route.h. */
#include "deliver/route.h"

#include "base/buffer.h"
#include "run/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMTP_PORT   25
#define ANSWERS     ((size_t)256 * 1024)
#define GOOD_MIN_MS (60 * 1000)
#define GOOD_MAX_MS (3600 * 1000)
#define GOOD_FIXED  (24 * 3600 * 1000)
#define KEY_NAMES   400 /* longer lists of names stand in the key as a digest */

static int fail(struct route_failure *failure, bool permanent, const char *format, const char *name)
{
    failure->permanent = permanent;
    snprintf(failure->text, sizeof failure->text, format, name); /* NOLINT: literals of ours */
    return ERR_ABSENT;
}

static struct way *way_new(const struct route_table *table, unsigned host_count)
{
    struct way *way = calloc(1, sizeof *way + host_count * sizeof *way->hosts);
    if (!way)
        return NULL;
    way->port = table->port ? table->port : SMTP_PORT;
    way->host_count = host_count;
    return way;
}

/* --- static routes and literals -------------------------------------------------------------- */

static const struct route_static *find_static(const struct route_table *table, const char *domain)
{
    const struct route_static *other = NULL;
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->list[i].domain, domain) == 0)
            return &table->list[i];
        if (strcmp(table->list[i].domain, "*") == 0)
            other = &table->list[i];
    }
    return other;
}

static int take_static(const struct route_table *table, const struct route_static *route,
                       struct way **ret_way, char key[ROUTE_KEY])
{
    struct way *way = way_new(table, 1);
    if (!way)
        return -ENOMEM;
    way->port = route->port;
    way->implicit_tls = route->implicit_tls;
    way->tls = route->tls;
    memcpy(way->username, route->username, sizeof way->username);
    memcpy(way->password, route->password, sizeof way->password);
    memcpy(way->hosts[0].name, route->host, sizeof way->hosts[0].name);
    snprintf(key, ROUTE_KEY, "route %.230s:%u %.230s", route->host, route->port, route->username);
    *ret_way = way;
    return 0;
}

/* "[192.0.2.1]" or "[ipv6:2001:db8::1]" (RFC 5321 4.1.3), folded. */
static int take_literal(const struct route_table *table, const char *domain, struct way **ret_way,
                        char key[ROUTE_KEY], struct route_failure *failure)
{
    char text[ROUTE_TEXT];
    unsigned char address[16];
    struct span inside = span_make(domain + 1, strlen(domain) - 2);
    bool six = span_starts_nocase(inside, SPAN("ipv6:"));
    if (six)
        inside = span_from(inside, 5);
    if (!span_to_text(inside, text, sizeof text) ||
        inet_pton(six ? AF_INET6 : AF_INET, text, address) != 1)
        return fail(failure, true, "5.1.2 %.200s is no address literal we know", domain);
    struct way *way = way_new(table, 1);
    if (!way)
        return -ENOMEM;
    memcpy(way->hosts[0].name, text, sizeof text);
    snprintf(key, ROUTE_KEY, "literal %s", text);
    *ret_way = way;
    return 0;
}

/* --- MX -------------------------------------------------------------------------------------- */

static int compare_hosts(const void *a, const void *b)
{
    const struct way_host *x = a, *y = b;
    if (x->preference != y->preference)
        return x->preference < y->preference ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Domains with the same servers have the same key, whatever the preferences. */
static int write_key(const struct way *way, char key[ROUTE_KEY])
{
    const char *names[ROUTE_HOSTS];
    AUTO_BUFFER list = BUFFER(ROUTE_HOSTS * (ROUTE_TEXT + 1));
    int rc = 0;
    for (unsigned i = 0; i < way->host_count; i++)
        names[i] = way->hosts[i].name;
    qsort(names, way->host_count, sizeof *names, compare_names);
    for (unsigned i = 0; rc == 0 && i < way->host_count; i++)
        rc = buffer_printf(&list, "%s%s", i ? "," : "", names[i]);
    if (rc < 0)
        return rc;
    unsigned char digest[16];
    char hex[2 * sizeof digest + 1] = "";
    if (list.len > KEY_NAMES) {
        crypto_generichash(digest, sizeof digest, (const unsigned char *)list.at, list.len, NULL,
                           0);
        sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    }
    snprintf(key, ROUTE_KEY, "mx %.*s%s%s", (int)(list.len > KEY_NAMES ? 200 : list.len), list.at,
             hex[0] ? "... " : "", hex);
    return 0;
}

/* Count of hosts taken; names that are none are left out. *ret_null: a null MX (RFC 7505). */
static unsigned take_records(const struct dns_answer *answer, struct way_host *hosts,
                             bool *ret_null)
{
    unsigned count = 0;
    *ret_null = false;
    for (size_t i = 0; i < answer->count; i++) {
        struct span record = answer->records[i];
        char name[ROUTE_TEXT];
        if (record.len < 3 || dns_name_text(record, 2, name, sizeof name) < 0)
            continue;
        if (!name[0]) {
            *ret_null = answer->count == 1;
            continue;
        }
        hosts[count].preference =
            (unsigned)(unsigned char)record.at[0] << 8 | (unsigned char)record.at[1];
        memcpy(hosts[count++].name, name, sizeof name);
    }
    return count;
}

/* Ours, and those that are not preferred to ours, would bring the letter round in a circle. */
static unsigned leave_out_ours(struct way_host *hosts, unsigned count, const char *hostname)
{
    for (unsigned i = 0; hostname && i < count; i++) {
        if (strcasecmp(hosts[i].name, hostname) != 0)
            continue;
        while (i > 0 && hosts[i - 1].preference == hosts[i].preference)
            i--;
        return i;
    }
    return count;
}

static int take_mx(const struct route_table *table, const char *domain,
                   const struct dns_answer *answer, struct way_host *hosts, struct way **ret_way,
                   char key[ROUTE_KEY], struct route_failure *failure)
{
    bool null;
    unsigned count = take_records(answer, hosts, &null);
    if (null)
        return fail(failure, true, "5.1.10 %.200s takes no mail (null MX)", domain);
    if (count == 0)
        return fail(failure, true, "5.4.4 The MX records of %.200s name no host", domain);
    qsort(hosts, count, sizeof *hosts, compare_hosts);
    count = leave_out_ours(hosts, count, table->hostname);
    if (count == 0)
        return fail(failure, true,
                    "5.4.6 The MX records of %.200s lead to us, and it is no domain of ours",
                    domain);
    struct way *way = way_new(table, count < ROUTE_HOSTS ? count : ROUTE_HOSTS);
    if (!way)
        return -ENOMEM;
    memcpy(way->hosts, hosts, way->host_count * sizeof *hosts);
    *ret_way = way;
    return write_key(way, key);
}

/* The domain itself is the host (RFC 5321 5.1, "implicit MX"). */
static int take_implicit(const struct route_table *table, const char *domain, struct way **ret_way,
                         char key[ROUTE_KEY])
{
    struct way *way = way_new(table, 1);
    if (!way)
        return -ENOMEM;
    snprintf(way->hosts[0].name, sizeof way->hosts[0].name, "%s", domain);
    *ret_way = way;
    return write_key(way, key);
}

static int co_find_mx(const struct route_table *table, struct dns *dns, const char *domain,
                      struct way **ret_way, char key[ROUTE_KEY], int64_t *ret_good_ms,
                      struct route_failure *failure)
{
    AUTO_ARENA arena = ARENA(ANSWERS);
    struct dns_answer answer = {0};
    int rc = dns_co_ask(dns, domain, DNS_MX, &arena, &answer);
    if (rc == -ECANCELED || rc == -ENOMEM)
        return rc;
    if (rc == ERR_SYNTAX)
        return fail(failure, true, "5.1.2 %.200s is no domain name", domain);
    if (rc == ERR_ABSENT && !answer.name_exists)
        return fail(failure, true, "5.1.2 There is no domain %.200s", domain);
    if (rc == ERR_DNS)
        return fail(failure, false, "4.4.3 The name servers of %.200s do not answer", domain);
    int64_t good = (int64_t)answer.ttl * 1000;
    *ret_good_ms = good < GOOD_MIN_MS ? GOOD_MIN_MS : good > GOOD_MAX_MS ? GOOD_MAX_MS : good;
    if (rc == ERR_ABSENT)
        return take_implicit(table, domain, ret_way, key);
    struct way_host *hosts = arena_zero(&arena, answer.count * sizeof *hosts);
    return hosts ? take_mx(table, domain, &answer, hosts, ret_way, key, failure) : -ENOMEM;
}

int route_co_find(const struct route_table *table, struct dns *dns, const char *domain,
                  struct way **ret_way, char ret_key[ROUTE_KEY], int64_t *ret_good_ms,
                  struct route_failure *ret_failure)
{
    const struct route_static *route = find_static(table, domain);
    *ret_way = NULL;
    *ret_good_ms = GOOD_FIXED;
    if (route)
        return take_static(table, route, ret_way, ret_key);
    if (domain[0] == '[')
        return take_literal(table, domain, ret_way, ret_key, ret_failure);
    int rc = co_find_mx(table, dns, domain, ret_way, ret_key, ret_good_ms, ret_failure);
    if (rc < 0)
        free(*ret_way);
    return rc;
}

/* --- addresses ------------------------------------------------------------------------------- */

struct range {
    unsigned char bytes[16];
    unsigned bits;
};

static bool in_ranges(const unsigned char *address, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned bits = ranges[i].bits, whole = bits / 8, rest = bits % 8;
        if (memcmp(address, ranges[i].bytes, whole) == 0 &&
            (rest == 0 || ((address[whole] ^ ranges[i].bytes[whole]) >> (8 - rest)) == 0))
            return true;
    }
    return false;
}

static bool is_private4(const unsigned char *address)
{
    static const struct range ranges[] = {
        {{0}, 8},         {{10}, 8},       {{100, 64}, 10},      {{127}, 8},
        {{169, 254}, 16}, {{172, 16}, 12}, {{192, 0, 0}, 24},    {{192, 0, 2}, 24},
        {{192, 168}, 16}, {{198, 18}, 15}, {{198, 51, 100}, 24}, {{203, 0, 113}, 24},
        {{224}, 4},       {{240}, 4},
    };
    return in_ranges(address, ranges, sizeof ranges / sizeof *ranges);
}

static bool is_private6(const unsigned char *address)
{
    static const struct range ranges[] = {
        {{0}, 127}, /* unspecified and loopback */
        {{0x01, 0}, 64},    {{0x20, 0x01, 0x0d, 0xb8}, 32},
        {{0xfc}, 7},        {{0xfe, 0x80}, 10},
        {{0xfe, 0xc0}, 10}, {{0xff}, 8},
    };
    static const struct range mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
    static const struct range nat64 = {{0, 0x64, 0xff, 0x9b}, 96};
    if (in_ranges(address, &mapped, 1) || in_ranges(address, &nat64, 1))
        return is_private4(address + 12);
    if (address[0] == 0x20 && address[1] == 0x02) /* 6to4 */
        return is_private4(address + 2);
    return in_ranges(address, ranges, sizeof ranges / sizeof *ranges);
}

bool route_is_private(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_private4((const unsigned char *)&((const struct sockaddr_in *)address)->sin_addr);
    return is_private6((const unsigned char *)&((const struct sockaddr_in6 *)address)->sin6_addr);
}

struct finding {
    const struct route_table *table;
    unsigned port, count;
    struct sockaddr_storage *list;
    bool refused; /* some were, being private */
};

static void add_address(struct finding *f, int family, const void *bytes)
{
    struct sockaddr_storage address = {0};
    if (f->count == ROUTE_ADDRESSES)
        return;
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&address;
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)f->port);
        memcpy(&in->sin_addr, bytes, sizeof in->sin_addr);
    } else {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)&address;
        in->sin6_family = AF_INET6;
        in->sin6_port = htons((uint16_t)f->port);
        memcpy(&in->sin6_addr, bytes, sizeof in->sin6_addr);
    }
    if (!f->table->allow_private && route_is_private((struct sockaddr *)&address))
        f->refused = true;
    else
        f->list[f->count++] = address;
}

/* 0, ERR_ABSENT, or a temporary error. */
static int co_ask_addresses(struct finding *f, struct dns *dns, const char *name)
{
    static const struct {
        enum dns_type type;
        int family;
        size_t len;
    } kinds[] = {{DNS_A, AF_INET, 4}, {DNS_AAAA, AF_INET6, 16}};
    int worst = ERR_ABSENT;
    for (unsigned i = 0; i < 2; i++) {
        AUTO_ARENA arena = ARENA(ANSWERS);
        struct dns_answer answer = {0};
        int rc = dns_co_ask(dns, name, kinds[i].type, &arena, &answer);
        for (size_t k = 0; rc == 0 && k < answer.count; k++)
            if (answer.records[k].len == kinds[i].len)
                add_address(f, kinds[i].family, answer.records[k].at);
        if (rc < 0 && rc != ERR_ABSENT)
            worst = rc;
    }
    return f->count || f->refused ? 0 : worst;
}

int route_co_addresses(const struct route_table *table, struct dns *dns,
                       const struct way_host *host, unsigned port,
                       struct sockaddr_storage *ret_list, unsigned *ret_count,
                       struct route_failure *ret_failure)
{
    struct finding f = {.table = table, .port = port, .list = ret_list};
    unsigned char address[16];
    int rc = 0;
    if (inet_pton(AF_INET, host->name, address) == 1)
        add_address(&f, AF_INET, address);
    else if (inet_pton(AF_INET6, host->name, address) == 1)
        add_address(&f, AF_INET6, address);
    else
        rc = co_ask_addresses(&f, dns, host->name);
    *ret_count = f.count;
    if (rc == -ECANCELED)
        return rc;
    if (rc == ERR_ABSENT || rc == ERR_SYNTAX)
        return fail(ret_failure, true, "5.4.4 The host %.200s has no address", host->name);
    if (rc < 0)
        return fail(ret_failure, false, "4.4.3 The address of %.200s cannot be asked for",
                    host->name);
    if (f.count == 0)
        return fail(ret_failure, true,
                    "5.4.4 The host %.200s has only addresses that are not delivered to (loopback, "
                    "private or reserved; allow-private-destinations permits them)",
                    host->name);
    return 0;
}
