/*
 * Routes: where the letters of a domain go (RFC 5321 5.1, 7505), and what is asked of the servers.
 *
 * Static routes come first, then address literals, then MX records, then the domain's own address.
 * Found ways are kept with their site; addresses are asked for when a connection is opened.
 */
#ifndef DELIVER_ROUTE_H
#define DELIVER_ROUTE_H

#include "base/error.h"
#include "mail/address.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ROUTE_TEXT      256
#define ROUTE_KEY       512
#define ROUTE_HOSTS     20 /* of one domain; others are left out, the least preferred first */
#define ROUTE_ADDRESSES 8  /* of one host */

enum route_tls {
    ROUTE_TLS_MAY,      /* when offered, any certificate; in the clear when it fails */
    ROUTE_TLS_MUST,     /* any certificate */
    ROUTE_TLS_VERIFIED, /* of the host's name, from a known authority */
};

struct route_static {
    char domain[ADDRESS_DOMAIN_MAX + 1]; /* folded; "*": all that have none of their own */
    char host[ROUTE_TEXT];               /* a name, or an IP address */
    unsigned port;
    bool implicit_tls; /* TLS from the first byte (465) */
    enum route_tls tls;
    char username[ROUTE_TEXT], password[ROUTE_TEXT]; /* for AUTH; empty: none */
};
struct route_table {
    struct route_static *list;
    size_t count;
    bool allow_private;   /* loopback and private addresses too */
    unsigned port;        /* of servers that the DNS names; 0: 25 */
    const char *hostname; /* ours: MX records that name us are not followed */
};
struct dns;

struct way_host {
    char name[ROUTE_TEXT]; /* a name, or an IP address */
    unsigned preference;
};
/* One block of memory, for free(). */
struct way {
    bool local; /* a domain of ours: no server is asked */
    unsigned port;
    bool implicit_tls;
    enum route_tls tls;
    char username[ROUTE_TEXT], password[ROUTE_TEXT];
    unsigned host_count;
    struct way_host hosts[]; /* the most preferred first */
};

/* Why there is no way, or no address: permanent or not, and in words with an enhanced code. */
struct route_failure {
    bool permanent;
    char text[400];
};

/* domain: folded, or an address literal. key names the site: the same for all domains with the same
 * servers. good_ms: how long from now this holds. ERR_ABSENT with the reason in ret_failure.
 * Yields.
 */
must_check int route_co_find(const struct route_table *table, struct dns *dns, const char *domain,
                             struct way **ret_way, char ret_key[ROUTE_KEY], int64_t *ret_good_ms,
                             struct route_failure *ret_failure);
/* The addresses of one host of a way, those that may be used; ERR_ABSENT with the reason. Yields.
 */
must_check int route_co_addresses(const struct route_table *table, struct dns *dns,
                                  const struct way_host *host, unsigned port,
                                  struct sockaddr_storage *ret_list, unsigned *ret_count,
                                  struct route_failure *ret_failure);
/* Is it an address that letters from the world must not be sent to: loopback, private, link-local,
 * multicast, unspecified and other reserved ranges (RFC 6890). Pure. */
bool route_is_private(const struct sockaddr *address);

#endif
