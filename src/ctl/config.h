/*
 * postamt.conf: what the node must know before it can open its state (libconfuse).
 *
 * Everything else lives in the store and is changed without a restart.
 */
#ifndef CTL_CONFIG_H
#define CTL_CONFIG_H

#include "base/buffer.h"

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
    unsigned loops;       /* 0: one a core */
    uint64_t message_max; /* bytes */
    uint32_t recipients_max;
    uint32_t connections_max, connections_per_address_max;
    bool debug;
};

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
