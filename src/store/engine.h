/*
 * The seam between the store and its two engines.
 *
 * A connection belongs to one thread at a time. The writer owns one; readers have their own. A
 * transaction handle (struct db_tx) is a connection while a job runs on it.
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "store/db.h"

struct db_engine;

/* Who wants to know of the commit, see db_on_commit. */
struct db_notice {
    void (*tell)(int64_t value);
    int64_t value;
};

/* The first member of every engine's connection. */
struct db_tx {
    const struct db_engine *engine;
    struct db_cache *cache; /* prepared statements by address, see statement.c */
    struct store *store;
    bool conflict; /* this transaction failed because another node was in its way: run it again */
    struct db_notice *notices;
    size_t notice_count, notice_room;
};

/* The first member of every engine's prepared statement. */
struct db_query {
    const struct db_statement *statement;
    struct db_tx *tx;
    int failed; /* first error of db_bind_*, reported by db_step */
};

struct db_engine {
    /* Opens a connection; reason gets one line when it fails. */
    int (*connect)(struct store *store, bool for_writing, char *reason, size_t size,
                   struct db_tx **ret_tx);
    void (*disconnect)(struct db_tx *tx);
    int (*begin)(struct db_tx *tx, bool for_writing); /* clears tx->conflict */
    int (*commit)(struct db_tx *tx);
    void (*rollback)(struct db_tx *tx);
    /* False when the connection is of no more use: the owner opens a new one. */
    bool (*usable)(struct db_tx *tx);
    /* For a read that brings pages into memory, before and after. May be NULL: there is no such. */
    void (*read_ahead)(struct db_tx *tx, bool begins);
    /* Between groups of the writer: checkpoints and the like. */
    void (*tidy)(struct db_tx *tx);

    int (*prepare)(struct db_tx *tx, const struct db_statement *statement, struct db_query **ret);
    void (*finalize)(struct db_query *q);
    void (*reset)(struct db_query *q);
    void (*bind_int)(struct db_query *q, const char *name, int64_t value);
    void (*bind_text)(struct db_query *q, const char *name, struct span text);
    void (*bind_bytes)(struct db_query *q, const char *name, struct span bytes);
    void (*bind_null)(struct db_query *q, const char *name);
    int (*step)(struct db_query *q);
    int64_t (*changes)(struct db_query *q);
    int64_t (*column_int)(struct db_query *q, int column);
    struct span (*column_bytes)(struct db_query *q, int column);
    bool (*column_is_null)(struct db_query *q, int column);

    /* Before and after all migrations: holds off the migrations of other nodes. May be NULL. */
    int (*migrating)(struct db_tx *tx, bool begins);
    /* Runs a script of several statements with migration tokens already replaced. */
    int (*script)(struct db_tx *tx, const char *sql, char *reason, size_t size);
    /* What a migration token ("id", "bytes", …) means here; NULL for an unknown one. */
    const char *(*token)(struct span name);
};

extern const struct db_engine sqlite_engine, postgres_engine;

/* statement.c */
struct db_cache *db_cache_create(void);
void db_cache_free(struct db_cache *cache);
/* Resets all statements used since the last call: the end of a job. */
void db_cache_end_job(struct db_cache *cache);

#endif
