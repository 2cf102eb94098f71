/*
 * Sweeping blobs: files whose last reference went, and orphans that a crash left between a file
 * and its row; see blob.h. Runs in the disk lane.
 */
#include "base/log.h"
#include "run/lane.h"
#include "store/blob.h"
#include "store/blob_file.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

#define BATCH 256

static const struct db_statement list_garbage = {
    .sql = "SELECT tenant, id FROM blob_garbage ORDER BY tenant, id LIMIT 256"};
static const struct db_statement delete_garbage = {
    .sql = "DELETE FROM blob_garbage WHERE tenant = :tenant AND id = :id"};
static const struct db_statement find_blob = {
    .sql = "SELECT 1 FROM blob WHERE id = :id AND bytes IS NULL UNION ALL"
           " SELECT 1 FROM blob_garbage WHERE id = :id LIMIT 1"};

struct garbage {
    unsigned count;
    int64_t tenant[BATCH], id[BATCH];
};

static int read_garbage(struct db_tx *tx, void *arg)
{
    struct garbage *g = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &list_garbage, &q);
    g->count = 0;
    while (rc >= 0 && (rc = db_step(q)) == DB_ROW && g->count < BATCH) {
        g->tenant[g->count] = db_column_int(q, 0);
        g->id[g->count++] = db_column_int(q, 1);
    }
    return rc < 0 ? rc : 0;
}

static int forget_garbage(struct db_tx *tx, void *arg)
{
    struct garbage *g = arg;
    int rc = 0;
    for (unsigned i = 0; rc >= 0 && i < g->count; i++) {
        struct db_query *q;
        rc = db_prepare(tx, &delete_garbage, &q);
        if (rc < 0)
            return rc;
        db_bind_int(q, "tenant", g->tenant[i]);
        db_bind_int(q, "id", g->id[i]);
        rc = db_run(q);
    }
    return rc < 0 ? rc : 0;
}

/* Files first, then the rows that name them: a crash between repeats the unlink. */
static int sweep_garbage(struct store *store)
{
    struct garbage *g = calloc(1, sizeof *g);
    int rc = g ? 0 : -ENOMEM;
    while (rc == 0) {
        rc = store_read(store, read_garbage, g);
        if (rc < 0 || g->count == 0)
            break;
        for (unsigned i = 0; i < g->count; i++)
            blob_file_remove(store->folder, g->id[i]);
        rc = store_write(store, forget_garbage, g);
    }
    free(g);
    return rc;
}

struct orphan {
    struct store *store;
    int64_t id;
    bool found;
    uint64_t removed;
};

static int find_row(struct db_tx *tx, void *arg)
{
    struct orphan *orphan = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_blob, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", orphan->id);
    rc = db_step(q);
    orphan->found = rc == DB_ROW;
    return rc < 0 ? rc : 0;
}

static int check_file(int64_t id, void *arg)
{
    struct orphan *orphan = arg;
    orphan->id = id;
    int rc = store_read(orphan->store, find_row, orphan);
    if (rc == 0 && !orphan->found) {
        blob_file_remove(orphan->store->folder, id);
        orphan->removed++;
    }
    return rc;
}

static int sweep(void *arg)
{
    struct store *store = arg;
    struct orphan orphan = {.store = store};
    int rc = sweep_garbage(store);
    if (rc == 0 && !store->swept) {
        rc = blob_file_each(store->folder, store->opened_id, check_file, &orphan);
        store->swept = rc == 0;
        if (orphan.removed)
            log_info("store.swept", "orphans=%llu", (unsigned long long)orphan.removed);
    }
    return rc;
}

int blob_co_sweep(struct store *store)
{
    return lane_co_run(store->disk_lane, sweep, store, CO_FOREVER);
}
