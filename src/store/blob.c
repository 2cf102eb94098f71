/*
 * Blobs: bodies on their way in, in the database or in files; see blob.h.
 *
 * A file's name is its blob's id, below one of 256 folders. It is written under that name before
 * the row exists; a crash in between leaves an orphan, which blob_co_sweep removes at the next
 * start. Files are written and removed in the disk lane; the links of a body that is there already
 * are made in the write job, and blob_read reads in its caller's lane.
 */
#include "store/blob.h"

#include "base/id.h"
#include "base/log.h"
#include "run/lane.h"
#include "store/blob_file.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TENANTS_MAX 64 /* of one letter */
#define TRACE_ROOM  ((size_t)1024)
#define FIRST_ROOM  ((size_t)12 * 1024)

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE blob (tenant {id} NOT NULL, id {id} NOT NULL, refs {int} NOT NULL,"
        " size {int} NOT NULL, bytes {bytes}, PRIMARY KEY (tenant, id));\n"
        "CREATE TABLE blob_garbage (tenant {id} NOT NULL, id {id} NOT NULL,"
        " PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE INDEX blob_in_file ON blob (id) WHERE bytes IS NULL;\n"},
    {2, "CREATE TABLE blob_shared (tenant {id} NOT NULL, id {id} NOT NULL, refs {int} NOT NULL,"
        " PRIMARY KEY (tenant, id)) {rowid};\n"},
};
const struct db_schema blob_schema = {"blob", migrations, sizeof migrations / sizeof *migrations};

struct blob_writer {
    struct store *store;
    struct buffer bytes; /* all of a small blob; of a large one what is not yet in the file */
    uint64_t size;
    size_t charged;                                 /* of the budget */
    int fd;                                         /* -1 while small */
    int64_t file;                                   /* the file's id, 0 while small */
    int64_t ids[TENANTS_MAX], tenants[TENANTS_MAX]; /* rows made; stable when a job runs again */
    unsigned id_count;
    bool committed; /* a job put it: the file is not ours to remove unless it has no row */
};

/* --- on the way in --------------------------------------------------------------------------- */

/* The budget follows what the buffer has really taken. */
static int blob_reserve(struct blob_writer *w, size_t more)
{
    int rc = buffer_reserve(&w->bytes, more);
    if (rc < 0)
        return rc;
    size_t grown = w->bytes.size - w->charged;
    w->charged = w->bytes.size;
    if (atomic_fetch_add(&w->store->blob_memory, grown) + grown >
        w->store->settings.blob_memory_max)
        return ERR_FULL;
    return 0;
}

int blob_writer_open(struct store *store, uint64_t expected, struct blob_writer **ret_writer)
{
    if (atomic_load(&store->blob_memory) >= store->settings.blob_memory_max)
        return ERR_FULL;
    struct blob_writer *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->store = store;
    w->fd = -1;
    w->bytes = BUFFER(2 * BLOB_INLINE_MAX);
    bool said = expected > 0 && expected < BLOB_INLINE_MAX;
    size_t room = said ? (size_t)expected + TRACE_ROOM : FIRST_ROOM;
    int rc = blob_reserve(w, room);
    if (rc < 0) {
        atomic_fetch_sub(&store->blob_memory, w->charged);
        buffer_free(&w->bytes);
        free(w);
        return rc;
    }
    *ret_writer = w;
    return 0;
}

static int write_gathered(void *arg)
{
    struct blob_writer *w = arg;
    if (w->fd < 0) {
        w->file = id_next();
        w->fd = blob_file_create(w->store->folder, w->file);
        if (w->fd < 0)
            return w->fd;
    }
    return blob_file_write(w->fd, buffer_span(&w->bytes));
}

static int blob_co_spill(struct blob_writer *w)
{
    int rc = lane_co_run(w->store->disk_lane, write_gathered, w, CO_FOREVER);
    buffer_clear(&w->bytes);
    return rc;
}

int blob_co_append(struct blob_writer *w, struct span bytes)
{
    int rc = 0;
    while (rc == 0 && bytes.len) {
        size_t room = 2 * BLOB_INLINE_MAX - w->bytes.len;
        struct span part = span_first(bytes, room);
        rc = blob_reserve(w, part.len);
        if (rc == 0)
            rc = buffer_append(&w->bytes, part);
        bytes = span_from(bytes, part.len);
        w->size += part.len;
        if (rc == 0 && w->bytes.len == 2 * BLOB_INLINE_MAX)
            rc = blob_co_spill(w);
    }
    return rc;
}

static int sync_file(void *arg)
{
    struct blob_writer *w = arg;
    int rc = write_gathered(w);
    if (rc == 0)
        rc = blob_file_sync(w->store->folder, w->file, w->fd);
    return rc;
}

int blob_co_finish(struct blob_writer *w)
{
    if (w->file == 0 && w->bytes.len <= BLOB_INLINE_MAX)
        return 0;
    int rc = lane_co_run(w->store->disk_lane, sync_file, w, CO_FOREVER);
    buffer_clear(&w->bytes);
    return rc;
}

uint64_t blob_writer_size(const struct blob_writer *w)
{
    return w->size;
}

static int remove_file(void *arg)
{
    struct blob_writer *w = arg;
    for (unsigned i = 0; i < w->id_count; i++)
        blob_file_remove(w->store->folder, w->ids[i]);
    blob_file_remove(w->store->folder, w->file);
    return 0;
}

void blob_co_writer_free(struct blob_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0) {
        close(w->fd);
        if (!w->committed && lane_co_run(w->store->disk_lane, remove_file, w, CO_FOREVER) < 0)
            log_info("store.orphan", "blob=%s", id_text(w->file, (char[ID_TEXT]){0}));
    }
    atomic_fetch_sub(&w->store->blob_memory, w->charged);
    buffer_free(&w->bytes);
    free(w);
}

void blob_writer_committed(struct blob_writer *w)
{
    w->committed = true;
}

/* --- in write jobs --------------------------------------------------------------------------- */

/* The same id each time the job runs; the first tenant's is the file's own. */
static int blob_id_for(struct blob_writer *w, int64_t tenant, int64_t *ret_id)
{
    for (unsigned i = 0; i < w->id_count; i++)
        if (w->tenants[i] == tenant) {
            *ret_id = w->ids[i];
            return 0;
        }
    if (w->id_count == TENANTS_MAX)
        return -E2BIG;
    int64_t id = w->file && w->id_count == 0 ? w->file : id_next();
    w->tenants[w->id_count] = tenant;
    w->ids[w->id_count++] = id;
    *ret_id = id;
    return id == w->file || w->file == 0 ? 0 : blob_file_link(w->store->folder, w->file, id);
}

static const struct db_statement insert_blob = {
    .sql = "INSERT INTO blob (tenant, id, refs, size, bytes)"
           " VALUES (:tenant, :id, :refs, :size, :bytes)"};

int blob_put(struct db_tx *tx, struct blob_writer *w, int64_t tenant, uint32_t references,
             int64_t *ret_blob)
{
    struct db_query *q = NULL;
    int64_t id = 0;
    int rc = blob_id_for(w, tenant, &id);
    if (rc == 0)
        rc = db_prepare(tx, &insert_blob, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", id);
    db_bind_int(q, "refs", references);
    db_bind_int(q, "size", (int64_t)w->size);
    if (w->file)
        db_bind_null(q, "bytes");
    else
        db_bind_bytes(q, "bytes", buffer_span(&w->bytes));
    rc = db_run(q);
    *ret_blob = id;
    return rc < 0 ? rc : 0;
}

/* In SQLite a change would write the row's page, with the bytes that stand in it: what the count
 * has become stands beside, in blob_shared, if it ever changed. PostgreSQL keeps long bytes beside
 * itself, and its row is what holds back another who takes the last reference away. */
static const struct db_statement change_references = {
    .sql = "INSERT INTO blob_shared (tenant, id, refs) SELECT tenant, id, refs + :change FROM blob"
           " WHERE tenant = :tenant AND id = :id ON CONFLICT (tenant, id) DO UPDATE"
           " SET refs = blob_shared.refs + :change",
    .postgres = "UPDATE blob SET refs = refs + :change WHERE tenant = :tenant AND id = :id"};
static const struct db_statement take_some = {
    .sql = "UPDATE blob_shared SET refs = refs + :change WHERE tenant = :tenant AND id = :id"
           " AND refs + :change > 0",
    .postgres = "UPDATE blob SET refs = refs + :change WHERE tenant = :tenant AND id = :id"
                " AND refs + :change > 0"};
static const struct db_statement delete_last = {
    .sql = "DELETE FROM blob WHERE tenant = :tenant AND id = :id AND COALESCE((SELECT s.refs"
           " FROM blob_shared s WHERE s.tenant = :tenant AND s.id = :id), refs) + :change <= 0"
           " RETURNING bytes IS NULL",
    .postgres = "DELETE FROM blob WHERE tenant = :tenant AND id = :id AND refs + :change <= 0"
                " RETURNING bytes IS NULL"};
static const struct db_statement delete_shared = {
    .sql = "DELETE FROM blob_shared WHERE tenant = :tenant AND id = :id"};
static const struct db_statement insert_garbage = {
    .sql = "INSERT INTO blob_garbage (tenant, id) VALUES (:tenant, :id)"};

static int prepare_on_blob(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                           int64_t blob, struct db_query **ret_query)
{
    int rc = db_prepare(tx, statement, ret_query);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_query, "tenant", tenant);
    db_bind_int(*ret_query, "id", blob);
    return 0;
}

/* The number of rows changed. */
static int run_change(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                      int64_t blob, int32_t change)
{
    struct db_query *q;
    int rc = prepare_on_blob(tx, statement, tenant, blob, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "change", change);
    return db_run(q);
}

static int run_on_blob(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                       int64_t blob)
{
    struct db_query *q;
    int rc = prepare_on_blob(tx, statement, tenant, blob, &q);
    return rc < 0 ? rc : db_run(q);
}

/* 1: the row is gone; 0: others refer to it still. */
static int drop_last(struct db_tx *tx, int64_t tenant, int64_t blob, int32_t change)
{
    struct db_query *q;
    int rc = prepare_on_blob(tx, &delete_last, tenant, blob, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "change", change);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    bool in_file = db_column_int(q, 0) != 0;
    rc = db_run(q);
    if (rc >= 0)
        rc = run_on_blob(tx, &delete_shared, tenant, blob);
    if (rc >= 0 && in_file)
        rc = run_on_blob(tx, &insert_garbage, tenant, blob);
    return rc < 0 ? rc : 1;
}

int blob_reference(struct db_tx *tx, int64_t tenant, int64_t blob, int32_t change)
{
    int rc = change < 0 ? run_change(tx, &take_some, tenant, blob, change) : 0;
    if (rc == 0 && change < 0)
        rc = drop_last(tx, tenant, blob, change);
    if (rc == 0)
        rc = run_change(tx, &change_references, tenant, blob, change);
    return rc < 0 ? rc : rc ? 0 : ERR_ABSENT;
}

/* --- reading --------------------------------------------------------------------------------- */

static const struct db_statement select_blob = {
    .sql = "SELECT size, bytes FROM blob WHERE tenant = :tenant AND id = :id"};

struct blob_read {
    struct store *store;
    int64_t tenant, blob;
    uint64_t offset;
    size_t max;
    struct buffer *out;
    bool in_file;
    uint64_t size; /* of the blob */
};

static int read_row(struct db_tx *tx, void *arg)
{
    struct blob_read *read = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &select_blob, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", read->tenant);
    db_bind_int(q, "id", read->blob);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    read->size = (uint64_t)db_column_int(q, 0);
    read->in_file = db_column_is_null(q, 1);
    if (read->in_file)
        return 0;
    struct span bytes = db_column_bytes(q, 1);
    if (read->offset >= bytes.len)
        return 0;
    return buffer_append(read->out, span_first(span_from(bytes, read->offset), read->max));
}

static int read_file(void *arg)
{
    struct blob_read *read = arg;
    return blob_file_read(read->store->folder, read->blob, read->offset, read->max, read->out);
}

int blob_co_writer_read(struct blob_writer *w, struct buffer *out)
{
    struct blob_read read = {w->store, 0, w->file, 0, w->size, out, true, 0};
    if (w->file == 0)
        return buffer_append(out, buffer_span(&w->bytes));
    return lane_co_run(w->store->disk_lane, read_file, &read, CO_FOREVER);
}

int blob_read(struct db_tx *tx, int64_t tenant, int64_t blob, uint64_t offset, size_t max,
              struct buffer *out)
{
    struct blob_read read = {tx->store, tenant, blob, offset, max, out, false};
    int rc = read_row(tx, &read);
    return rc == 0 && read.in_file ? read_file(&read) : rc;
}

int blob_co_read(struct store *store, int64_t tenant, int64_t blob, uint64_t offset, size_t max,
                 struct buffer *out)
{
    struct blob_read read = {store, tenant, blob, offset, max, out, false, 0};
    int rc = store_co_read(store, read_row, &read);
    if (rc == 0 && read.in_file)
        rc = lane_co_run(store->disk_lane, read_file, &read, CO_FOREVER);
    return rc;
}

/* --- all bytes at once ----------------------------------------------------------------------- */

struct blob_using {
    struct blob_read read;
    blob_use *use;
    void *arg;
};

/* Read, not mapped: a disk that fails is then an error, not a signal. */
static int use_file(void *arg)
{
    struct blob_using *u = arg;
    AUTO_BUFFER bytes = BUFFER(u->read.size);
    u->read.out = &bytes;
    u->read.max = u->read.size;
    int rc = read_file(&u->read);
    if (rc == 0 && bytes.len != u->read.size)
        rc = ERR_CORRUPT;
    return rc < 0 ? rc : u->use(buffer_span(&bytes), u->arg);
}

int blob_co_writer_use(struct blob_writer *w, blob_use *use, void *arg)
{
    struct blob_using u = {{.store = w->store, .blob = w->file, .size = w->size}, use, arg};
    if (w->file == 0)
        return use(buffer_span(&w->bytes), arg);
    return lane_co_run(w->store->disk_lane, use_file, &u, CO_FOREVER);
}

int blob_co_use(struct store *store, int64_t tenant, int64_t blob, size_t max, blob_use *use,
                void *arg)
{
    AUTO_BUFFER bytes = BUFFER(BLOB_INLINE_MAX);
    struct blob_using u = {
        {.store = store, .tenant = tenant, .blob = blob, .max = max, .out = &bytes}, use, arg};
    int rc = store_co_read(store, read_row, &u.read);
    if (rc == 0 && u.read.size > max)
        rc = -EFBIG;
    if (rc < 0)
        return rc;
    return u.read.in_file ? lane_co_run(store->disk_lane, use_file, &u, CO_FOREVER)
                          : use(buffer_span(&bytes), arg);
}

/* --- rows at once ---------------------------------------------------------------------------- */

struct rows_read {
    int64_t tenant;
    struct blob_row *rows;
    size_t count, start; /* start: of out, where it begins again when the job is repeated */
    struct buffer *out;
};

static int read_rows(struct db_tx *tx, void *arg)
{
    struct rows_read *read = arg;
    struct db_query *q;
    read->out->len = read->start;
    for (size_t i = 0; i < read->count; i++) {
        struct blob_row *row = &read->rows[i];
        int rc = prepare_on_blob(tx, &select_blob, read->tenant, row->blob, &q);
        if (rc == 0)
            rc = db_step(q);
        row->in_row = rc == DB_ROW && !db_column_is_null(q, 1);
        row->begin = read->out->len;
        if (row->in_row)
            rc = buffer_append(read->out, db_column_bytes(q, 1));
        if (rc < 0)
            return rc;
        row->end = read->out->len;
    }
    return 0;
}

int blob_co_read_rows(struct store *store, int64_t tenant, struct blob_row *rows, size_t count,
                      struct buffer *out)
{
    struct rows_read read = {tenant, rows, count, out->len, out};
    return store_co_read(store, read_rows, &read);
}
