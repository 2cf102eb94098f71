/*
 * Channels: senders of a tenant with a name, an SMTP login and a monthly quota, as SMTP.com has
 * them. Whoever logs in with a channel's name for SMTP sends for all of the tenant's domains.
 *
 * "default", and a channel named like a domain of the tenant, are there without being made; they
 * have neither login nor quota.
 */
#ifndef DIRECTORY_CHANNEL_H
#define DIRECTORY_CHANNEL_H

#include "directory/directory.h"

#define CHANNEL_DEFAULT  "default"
#define CHANNEL_NAME_MAX 128

struct channel {
    int64_t id;
    struct span name, username;
    int64_t quota, used; /* recipients: in a month of UTC, and in this one; quota 0: none */
    int64_t created_ms;
    bool cancelled; /* sends nothing, and its name stays taken */
};

/* ERR_EXISTS: the name or the username is taken; ERR_SYNTAX: a name that is none; -EINVAL: a
 * password that is not taken. Yields. */
must_check int directory_co_channel_add(struct directory *d, int64_t tenant,
                                        const struct channel *channel, struct span password);
/* In the arena. ERR_ABSENT. Yields. */
must_check int directory_co_channel_find(struct directory *d, int64_t tenant, struct span name,
                                         struct arena *arena, struct channel *ret_channel);
/* Those that were made, behind the name `after`; at most 256. Yields. */
must_check int directory_co_channels(struct directory *d, int64_t tenant, struct span after,
                                     struct arena *arena, struct channel **ret_list,
                                     size_t *ret_count);
/* username empty, password empty, quota 0: stays. ERR_ABSENT, ERR_EXISTS, -EINVAL. Yields. */
must_check int directory_co_channel_change(struct directory *d, int64_t tenant,
                                           const struct channel *channel, struct span password);
must_check int directory_co_channel_cancel(struct directory *d, int64_t tenant, struct span name);

/* In a write job: counts what is sent. ERR_ABSENT: no such channel, or it is cancelled; ERR_FULL:
 * past its quota. */
must_check int channel_use(struct db_tx *tx, int64_t tenant, struct span name, size_t recipients);

#endif
