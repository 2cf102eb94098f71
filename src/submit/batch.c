/* Batches of scheduled sends; see batch.h. */
#include "submit/batch.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/utf8.h"

#include <errno.h>

#define ID_LETTERS 32 /* of 6 bits */
#define ROWS_MAX   256

static const struct db_statement insert_batch = {
    .sql = "INSERT INTO submit_batch (tenant, id, state, created_ms)"
           " VALUES (:tenant, :id, :state, :created)"};
static const struct db_statement find_batch = {
    .sql = "SELECT state, created_ms FROM submit_batch WHERE tenant = :tenant AND id = :id"};
static const struct db_statement set_state = {
    .sql = "UPDATE submit_batch SET state = :state WHERE tenant = :tenant AND id = :id"};
static const struct db_statement list_batches = {
    .sql = "SELECT state, created_ms, id FROM submit_batch WHERE tenant = :tenant AND"
           " state IN (:paused, :cancelled) ORDER BY created_ms DESC, id LIMIT :limit"};

struct batch_call {
    int64_t tenant;
    struct batch batch;
};

/* What nobody can have made: then the store is not asked, and its text need not be text. */
static bool may_be_id(struct span id)
{
    return id.len > 0 && id.len <= BATCH_ID_MAX && utf8_is_text(id);
}

/* --- making ---------------------------------------------------------------------------------- */

static struct span new_id(struct arena *arena)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[ID_LETTERS];
    char text[ID_LETTERS];
    random_bytes(bytes, sizeof bytes);
    for (unsigned i = 0; i < ID_LETTERS; i++)
        text[i] = letters[bytes[i] & 63];
    return arena_copy(arena, span_make(text, sizeof text));
}

static int make(struct db_tx *tx, void *arg)
{
    const struct batch_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &insert_batch, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "id", call->batch.id);
    db_bind_int(q, "state", call->batch.state);
    db_bind_int(q, "created", call->batch.created_ms);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

int batch_co_make(struct store *store, int64_t tenant, struct arena *arena, struct span *ret_id)
{
    struct batch_call call = {
        tenant, {.id = new_id(arena), .state = BATCH_OPEN, .created_ms = clock_wall_ms()}};
    int rc = call.batch.id.at ? store_co_write(store, make, &call) : -ENOMEM;
    if (rc == 0)
        *ret_id = call.batch.id;
    return rc;
}

/* --- finding --------------------------------------------------------------------------------- */

/* The row of call->batch.id. */
static int find(struct db_tx *tx, void *arg)
{
    struct batch_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_batch, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "id", call->batch.id);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    call->batch.state = (enum batch_state)db_column_int(q, 0);
    call->batch.created_ms = db_column_int(q, 1);
    return 0;
}

int batch_read(struct db_tx *tx, int64_t tenant, struct span id, enum batch_state *ret_state)
{
    struct batch_call call = {tenant, {.id = id}};
    int rc = may_be_id(id) ? find(tx, &call) : ERR_ABSENT;
    if (rc == 0)
        *ret_state = call.batch.state;
    return rc;
}

int batch_co_find(struct store *store, int64_t tenant, struct span id, struct arena *arena,
                  struct batch *ret_batch)
{
    struct batch_call call = {tenant, {.id = id}};
    int rc = may_be_id(id) ? store_co_read(store, find, &call) : ERR_ABSENT;
    if (rc < 0)
        return rc;
    call.batch.id = arena_copy(arena, id);
    if (!call.batch.id.at)
        return -ENOMEM;
    *ret_batch = call.batch;
    return 0;
}

/* --- changing -------------------------------------------------------------------------------- */

static int set(struct db_tx *tx, void *arg)
{
    const struct batch_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &set_state, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "id", call->batch.id);
    db_bind_int(q, "state", call->batch.state);
    rc = db_run(q);
    return rc < 0 ? rc : rc > 0 ? 0 : ERR_ABSENT;
}

int batch_co_set(struct store *store, int64_t tenant, struct span id, enum batch_state state)
{
    struct batch_call call = {tenant, {.id = id, .state = state}};
    return may_be_id(id) ? store_co_write(store, set, &call) : ERR_ABSENT;
}

/* --- the list -------------------------------------------------------------------------------- */

struct batch_listing {
    int64_t tenant;
    struct arena *arena;
    struct batch *list;
    size_t count;
};

static int list_on(struct db_tx *tx, void *arg)
{
    struct batch_listing *l = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &list_batches, &q);
    if (rc < 0)
        return rc;
    l->count = 0;
    db_bind_int(q, "tenant", l->tenant);
    db_bind_int(q, "paused", BATCH_PAUSED);
    db_bind_int(q, "cancelled", BATCH_CANCELLED);
    db_bind_int(q, "limit", ROWS_MAX);
    while ((rc = db_step(q)) == DB_ROW) {
        struct batch *batch = &l->list[l->count++];
        *batch = (struct batch){.id = arena_copy(l->arena, db_column_bytes(q, 2)),
                                .state = (enum batch_state)db_column_int(q, 0),
                                .created_ms = db_column_int(q, 1)};
        if (!batch->id.at)
            return -ENOMEM;
    }
    return rc;
}

int batch_co_list(struct store *store, int64_t tenant, struct arena *arena, struct batch **ret_list,
                  size_t *ret_count)
{
    struct batch_listing l = {tenant, arena, NULL, 0};
    l.list = arena_alloc(arena, ROWS_MAX * sizeof *l.list);
    int rc = l.list ? store_co_scan(store, list_on, &l) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_list = l.list;
    *ret_count = l.count;
    return 0;
}
