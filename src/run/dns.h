/*
 * Names: questions to the DNS (libunbound), one resolver a loop, with a small cache before it.
 *
 * An answer is positive, or says that there is nothing (ERR_ABSENT), or there is none (ERR_DNS: no
 * server answers, the servers are broken, or DNSSEC found a lie); the last is always temporary. A
 * question ends after 20 seconds. Use on the loop's thread.
 */
#ifndef RUN_DNS_H
#define RUN_DNS_H

#include "base/arena.h"

enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_TLSA = 52,
};

#define DNS_SERVERS_MAX 8
struct dns_settings {
    const char *servers[DNS_SERVERS_MAX]; /* "192.0.2.1", "127.0.0.1@5353"; none: those of the
                                             machine (/etc/resolv.conf) */
    unsigned server_count;
    const char *trust_anchor; /* file of root keys (RFC 4035); empty: no validation */
    const char *open_zones[DNS_SERVERS_MAX]; /* reserved zones that are asked for like others:
                                                "test", "127.in-addr.arpa" */
    unsigned open_zone_count;
    int64_t deadline_ms; /* 0: 20 seconds */
};

struct dns;
must_check int dns_open(const struct dns_settings *settings, struct dns **ret_dns);
void dns_co_close(struct dns *dns); /* when nobody asks any more */

struct dns_answer {
    bool secure;      /* validated (RFC 4035) */
    bool name_exists; /* with ERR_ABSENT: the name is there, the type is not */
    bool aliased;     /* CNAMEs were followed */
    uint32_t ttl;     /* seconds, at most a day */
    size_t count;
    struct span *records; /* rdata as on the wire; names uncompressed */
};
/* name: a host name, without or with the last dot. The answer lives in arena. 0, ERR_ABSENT,
 * ERR_DNS, ERR_SYNTAX (no name), -ECANCELED. Yields. */
must_check int dns_co_ask(struct dns *dns, const char *name, enum dns_type type,
                          struct arena *arena, struct dns_answer *ret_answer);

/* A name of rdata from offset on, as text without the last dot, in lower case: octets that no host
 * name holds make ERR_SYNTAX. The root is "". Pure. */
must_check int dns_name_text(struct span rdata, size_t offset, char *ret_text, size_t size);

#endif
