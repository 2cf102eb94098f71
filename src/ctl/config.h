/*
 * postamt.conf: what the node must know before it can open its state (libconfuse).
 *
 * Everything else lives in the store and is changed without a restart.
 */
#ifndef CTL_CONFIG_H
#define CTL_CONFIG_H

#include "base/buffer.h"
#include "base/network.h"
#include "deliver/deliver.h"
#include "run/dns.h"

#define CONFIG_NAME       "postamt.conf"
#define CONFIG_LISTEN_MAX 32
#define CONFIG_TEXT       256

struct config {
    char hostname[CONFIG_TEXT];
    char listen[CONFIG_LISTEN_MAX][64]; /* IPv4 or IPv6 addresses */
    unsigned listen_count;
    unsigned port_offset;
    bool postgres;                                               /* store = "postgres" */
    char conninfo[1024];                                         /* postgres = "…", libpq's */
    char certificate[CONFIG_TEXT], certificate_key[CONFIG_TEXT]; /* relative to the data folder */
    bool allow_private_destinations;
    bool cleartext_login; /* without TLS, from loopback alone */
    unsigned loops;       /* 0: one a core */
    uint64_t message_max; /* bytes */
    uint32_t recipients_max;
    uint64_t daily_limit; /* recipients of a tenant's API calls in 24 hours; 0: none */
    uint32_t connections_max, connections_per_address_max;
    uint32_t imap_sessions_per_user;          /* at once */
    bool refuse_full;                         /* a full mailbox is told as 552, not 452 */
    bool literal_plus;                        /* IMAP: literals of any size unasked (RFC 7888) */
    uint32_t pop3_login_delay, pop3_expire;   /* seconds, days; 0: none, never */
    char metrics_from[CONFIG_LISTEN_MAX][64]; /* who may read /metrics beside loopback */
    unsigned metrics_from_count;
    char lmtp_listen[CONFIG_LISTEN_MAX][64]; /* addresses, or "loopback": the one of each listen */
    unsigned lmtp_listen_count;
    struct network lmtp_from[CONFIG_LISTEN_MAX]; /* who may come, beside loopback */
    unsigned lmtp_from_count;
    char lmtp_socket[CONFIG_TEXT]; /* relative to the data folder; empty: none */
    unsigned lmtp_socket_mode;
    char lmtp_socket_group[64]; /* empty: the data folder's */
    char recipient_delimiter;   /* '\0': none */
    bool debug;
    char dns_servers[DNS_SERVERS_MAX][64];                          /* "127.0.0.1@5353" */
    unsigned dns_server_count, transparent_zone_count, dns_timeout; /* seconds */
    char dns_trust_anchor[CONFIG_TEXT];
    char transparent_zones[DNS_SERVERS_MAX][ADDRESS_DOMAIN_MAX + 1];
    unsigned delivery_port; /* of servers that the DNS names */
    struct route_static *routes;
    size_t route_count;
    struct deliver_policy *policies; /* the first is for all domains without one */
    size_t policy_count;
};
/* What config_parse gave. Copies of the struct share it. */
void config_free(struct config *config);

/* ERR_SYNTAX with one line in reason: where, what, and what to do. Missing options have their
 * defaults. */
must_check int config_parse(struct span text, const char *name, struct config *ret_config,
                            char *reason, size_t size);
/* FOLDER/postamt.conf; also when it cannot be read, reason says what to do. */
must_check int config_load(const char *folder, struct config *ret_config, char *reason,
                           size_t size);
/* The file that init writes. */
must_check int config_write_default(struct buffer *out, const char *hostname, const char *listen,
                                    unsigned port_offset);
/* All options as they are in effect, in the file's own form. */
must_check int config_print(struct buffer *out, const struct config *config);

#endif
