/*
 * The suppression list of a tenant: addresses that applications' letters do not go to any more,
 * since one came back for good, or somebody said so.
 *
 * The door for applications leaves them out, with an event that says why (submit/send.h). People's
 * own letters are not held back by it. Addresses are folded.
 */
#ifndef REPUTATION_SUPPRESSION_H
#define REPUTATION_SUPPRESSION_H

#include "base/arena.h"
#include "store/db.h"

extern const struct db_schema reputation_schema;

#define SUPPRESSION_BATCH 256 /* addresses looked up at once */

enum suppression_reason {
    SUPPRESSION_BOUNCED = 1, /* a server said that it does not exist */
    SUPPRESSION_BY_HAND,
};
const char *suppression_reason_text(enum suppression_reason reason); /* "bounced", "by hand" */

struct suppression {
    struct span address;
    enum suppression_reason reason;
    struct span detail; /* the server's words, or the operator's */
    int64_t created_ms;
};

/* In a write job. An address that is there keeps its first reason. ERR_SYNTAX: it is none. */
must_check int suppression_add(struct db_tx *tx, int64_t tenant, const struct suppression *one);
/* Does a permanent refusal with this status ("5.1.1") say that the address is dead? Pure. */
bool suppression_is_final(const char *status);

/* Which of the addresses ("local@domain") are on the list; at most SUPPRESSION_BATCH. The mailbox
 * simulator's suppressionlist@ (with any +label) is on everybody's. Yields. */
#define SUPPRESSION_SIMULATOR "simulator.amazonses.com"
must_check int suppression_co_check(struct store *store, int64_t tenant,
                                    const struct span *addresses, size_t count,
                                    bool *ret_suppressed);
must_check int suppression_co_add(struct store *store, int64_t tenant,
                                  const struct suppression *one);
/* ERR_ABSENT. Yields. */
must_check int suppression_co_remove(struct store *store, int64_t tenant, struct span address);
/* In order of address behind `after`; at most 256. Yields. */
must_check int suppression_co_list(struct store *store, int64_t tenant, struct span after,
                                   unsigned limit, struct arena *arena,
                                   struct suppression **ret_list, size_t *ret_count);

#endif
