/* What the files of the store share: the store itself. Nobody outside includes it. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/engine.h"

#include <pthread.h>
#include <stdatomic.h>

struct writer;
struct lane;

/* Reading connections that threads without a place of their own share: taken for one job. */
#define READERS_MAX 16

struct store {
    const struct db_engine *engine;
    struct store_settings settings;
    char *folder, *conninfo;
    int database_fd; /* SQLite: for reading ahead, see sqlite_ahead.h; else -1 */
    struct writer *writer;
    struct lane *readers_lane; /* scans; all reads on PostgreSQL */
    struct lane *disk_lane;    /* files of large blobs */
    int64_t opened_id;         /* blob files older than this are not in flight */
    bool swept;                /* orphans have been looked for */
    pthread_mutex_t readers_mutex;
    struct db_tx *readers[READERS_MAX]; /* idle */
    unsigned reader_count;
    atomic_size_t blob_memory; /* bytes of bodies in flight */
    atomic_uint_fast64_t jobs, groups, retried_groups, commits_failed, checkpoints;
};

must_check int store_migrate(struct store *store, struct db_tx *tx,
                             const struct db_schema *const *schemas, size_t count, char *reason,
                             size_t reason_size);

/* writer.c */
must_check int writer_open(struct store *store, struct db_tx *tx, struct writer **ret_writer);
void writer_close(struct writer *writer);
unsigned writer_waiting(struct writer *writer);

#endif
