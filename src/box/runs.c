/* Messages that are named by UID, in runs; see internal.h. */
#include "box/internal.h"

struct run {
    const struct runs *r;
    int64_t first, last; /* 0: none has begun */
};

static int end_run(struct run *run)
{
    int64_t first = run->first;
    run->first = 0;
    return first ? run->r->end(first, run->last, run->r->arg) : 0;
}

static int take(struct run *run, struct db_query *q, size_t at)
{
    int64_t uid = db_column_int(q, 0);
    int taken = run->r->uids[at] == uid ? run->r->take(q, at, run->r->arg) : 0;
    if (taken <= 0)
        return taken < 0 ? taken : end_run(run);
    run->first = run->first ? run->first : uid;
    run->last = uid;
    return 0;
}

/* Those from uids[at] to uids[end - 1], which lie near each other. */
static int walk_near(struct db_tx *tx, const struct db_statement *statement, const struct runs *r,
                     size_t at, size_t end)
{
    struct run run = {.r = r};
    struct db_query *q;
    int rc = message_prepare_range(tx, statement, r->tenant, r->mailbox, r->uids[at],
                                   r->uids[end - 1], &q);
    while (rc == 0 && (rc = db_step(q)) == DB_ROW) {
        while (r->uids[at] < db_column_int(q, 0))
            at++;
        rc = take(&run, q, at);
    }
    return rc < 0 ? rc : end_run(&run);
}

int runs_walk(struct db_tx *tx, const struct db_statement *statement, const struct runs *r)
{
    int rc = 0;
    for (size_t at = 0, end; rc == 0 && at < r->count; at = end) {
        for (end = at + 1; end < r->count && r->uids[end] - r->uids[end - 1] <= GAP_MAX;)
            end++;
        rc = walk_near(tx, statement, r, at, end);
    }
    return rc;
}
