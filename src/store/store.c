/*
 * Opening and reading the store; see db.h. The writer is in writer.c, the engines behind engine.h.
 */
#include "store/store.h"

#include "base/id.h"
#include "base/log.h"
#include "run/lane.h"
#include "run/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCAN_THREADS    2
#define SCAN_QUEUE      1000
#define DISK_THREADS    4
#define DISK_QUEUE      1000
#define BLOB_MEMORY_MAX ((size_t)256 * 1024 * 1024)

/* --- readers --------------------------------------------------------------------------------- */

static int reader_take(struct store *store, struct db_tx **ret_tx)
{
    char reason[256] = "";
    struct db_tx *tx = NULL;
    pthread_mutex_lock(&store->readers_mutex);
    if (store->reader_count)
        tx = store->readers[--store->reader_count];
    pthread_mutex_unlock(&store->readers_mutex);
    int rc = tx ? 0 : store->engine->connect(store, false, reason, sizeof reason, &tx);
    if (rc < 0)
        log_error("store.reader", "why=\"%s\"", reason);
    else
        *ret_tx = tx;
    return rc;
}

static void reader_give(struct store *store, struct db_tx *tx)
{
    bool kept = false;
    pthread_mutex_lock(&store->readers_mutex);
    if (store->reader_count < READERS_MAX && tx->engine->usable(tx)) {
        store->readers[store->reader_count++] = tx;
        kept = true;
    }
    pthread_mutex_unlock(&store->readers_mutex);
    if (!kept)
        tx->engine->disconnect(tx);
}

int store_read(struct store *store, db_job *read, void *arg)
{
    struct db_tx *tx;
    int rc = reader_take(store, &tx);
    if (rc < 0)
        return rc;
    rc = tx->engine->begin(tx, false);
    if (rc == 0) {
        rc = read(tx, arg);
        int ended = tx->engine->commit(tx);
        if (rc >= 0 && ended < 0)
            rc = ended;
    }
    if (rc < 0)
        tx->engine->rollback(tx);
    reader_give(store, tx);
    return rc;
}

struct scan_call {
    struct store *store;
    db_job *job;
    void *arg;
};

static int scan_in_lane(void *arg)
{
    struct scan_call *call = arg;
    return store_read(call->store, call->job, call->arg);
}

int store_co_scan(struct store *store, db_job *scan, void *arg)
{
    struct scan_call call = {store, scan, arg};
    return lane_co_run(store->readers_lane, scan_in_lane, &call, CO_FOREVER);
}

/* A read by key from SQLite's page cache is shorter than two hops between threads. */
int store_co_read(struct store *store, db_job *read, void *arg)
{
    return store->settings.engine == STORE_SQLITE ? store_read(store, read, arg)
                                                  : store_co_scan(store, read, arg);
}

static int read_ahead(struct db_tx *tx, void *arg)
{
    const struct scan_call *call = arg;
    tx->engine->read_ahead(tx, true);
    int rc = call->job(tx, call->arg);
    tx->engine->read_ahead(tx, false);
    return rc;
}

static int warm_in_lane(void *arg)
{
    struct scan_call *call = arg;
    return store_read(call->store, read_ahead, call);
}

int store_co_warm(struct store *store, db_job *read, void *arg)
{
    struct scan_call call = {store, read, arg};
    if (!store->engine->read_ahead)
        return 0;
    return lane_co_run(store->disk_lane, warm_in_lane, &call, CO_FOREVER);
}

long store_disk_reads(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) < 0 ? 0 : usage.ru_inblock;
}

/* --- opening and closing --------------------------------------------------------------------- */

static const struct db_engine *engine_of(enum store_engine engine)
{
    return engine == STORE_SQLITE ? &sqlite_engine : &postgres_engine;
}

/* Once it is there. Without it nothing is read ahead. */
static void open_database(struct store *store)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/postamt.db", store->folder);
    store->database_fd = open(path, O_RDONLY | O_CLOEXEC);
}

static int store_start(struct store *store, const struct db_schema *const *schemas, size_t count,
                       char *reason, size_t size)
{
    struct db_tx *tx = NULL;
    int rc = store->engine->connect(store, true, reason, size, &tx);
    if (rc < 0)
        return rc;
    rc = store_migrate(store, tx, schemas, count, reason, size);
    if (rc == 0)
        rc = writer_open(store, tx, &store->writer);
    if (rc < 0)
        store->engine->disconnect(tx);
    if (rc == 0 && store->settings.engine == STORE_SQLITE)
        open_database(store);
    if (rc == 0)
        rc = lane_create("store-read", SCAN_THREADS, SCAN_QUEUE, &store->readers_lane);
    if (rc == 0)
        rc = lane_create("store-disk", DISK_THREADS, DISK_QUEUE, &store->disk_lane);
    return rc;
}

int store_open(const struct store_settings *settings, const struct db_schema *const *schemas,
               size_t schema_count, char *reason, size_t reason_size, struct store **ret_store)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return -ENOMEM;
    store->settings = *settings;
    store->opened_id = id_next();
    store->database_fd = -1;
    store->engine = engine_of(settings->engine);
    store->folder = strdup(settings->folder ? settings->folder : ".");
    store->conninfo = strdup(settings->postgres_conninfo ? settings->postgres_conninfo : "");
    if (store->settings.blob_memory_max == 0)
        store->settings.blob_memory_max = BLOB_MEMORY_MAX;
    pthread_mutex_init(&store->readers_mutex, NULL);
    int rc = -ENOMEM;
    if (store->folder && store->conninfo)
        rc = store_start(store, schemas, schema_count, reason, reason_size);
    else
        snprintf(reason, reason_size, "out of memory");
    if (rc < 0) {
        store_close(store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    lane_destroy(store->disk_lane);
    lane_destroy(store->readers_lane);
    while (store->reader_count) {
        struct db_tx *tx = store->readers[--store->reader_count];
        tx->engine->disconnect(tx);
    }
    writer_close(store->writer);
    if (store->database_fd >= 0)
        close(store->database_fd);
    pthread_mutex_destroy(&store->readers_mutex);
    free(store->folder);
    free(store->conninfo);
    free(store);
}

const char *store_folder(const struct store *store)
{
    return store->folder;
}

struct store_counters store_counters(struct store *store)
{
    return (struct store_counters){.jobs = atomic_load(&store->jobs),
                                   .groups = atomic_load(&store->groups),
                                   .retried_groups = atomic_load(&store->retried_groups),
                                   .commits_failed = atomic_load(&store->commits_failed),
                                   .checkpoints = atomic_load(&store->checkpoints),
                                   .waiting = writer_waiting(store->writer)};
}
