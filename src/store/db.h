/*
 * The one seam to persistent state: transactions, statements, rows. Two engines stand behind it,
 * SQLite (one file, one machine) and PostgreSQL (many nodes).
 *
 * Writing is a job: apply(tx, arg) runs to its end on the engine's thread, together with all jobs
 * that wait at that moment, in one transaction (group commit). store_co_write returns after the
 * commit that made it durable (P1). A job can be run more than once (when a neighbour fails, the
 * group is rolled back and run one by one), so it touches only its argument, sets all of its
 * outputs each time, and is short. A job that returns a negative code leaves no trace. After an
 * error from db_step the transaction is lost: the job returns it (to go on after a row that exists
 * already, write ON CONFLICT).
 *
 * Reading is a job too. It never holds a statement or snapshot across a yield. store_co_read is
 * for short reads by key (256 rows, or a few thousand numbers), on the loop with SQLite;
 * store_co_scan for lists and exports, in a lane.
 *
 * SQL is written once, in the folder that owns the table, in the dialect both engines share;
 * parameters are bound by name (":name" in the text, "name" in the call).
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/error.h"
#include "base/span.h"

struct store;
struct db_tx;
struct db_query;

/* A statement: define it static const; its address is its identity in the prepared cache. */
struct db_statement {
    const char *sql;
    const char *postgres; /* an engine's own text for a hot statement, or NULL */
};

/* A migration: forward only. Tokens: {id} 64-bit integer, {int} 64-bit integer, {text}, {bytes},
 * {rowid} makes a table with a composite primary key clustered (SQLite: WITHOUT ROWID).
 * Several statements are separated by ';' at a line's end. */
struct db_migration {
    unsigned version; /* 1, 2, 3 … within its room */
    const char *sql;
};
/* A room's tables. Versions are kept per room in table schema_version. */
struct db_schema {
    const char *room;
    const struct db_migration *migrations;
    size_t count;
};

enum store_engine { STORE_SQLITE, STORE_POSTGRES };
struct store_settings {
    enum store_engine engine;
    const char *folder;            /* of postamt.db and blobs/ */
    const char *postgres_conninfo; /* libpq's; hosts by address (hostaddr) */
    unsigned queue_max;            /* waiting write jobs; more is ERR_FULL. 0: 10,000 */
    size_t blob_memory_max;        /* budget for bodies in flight. 0: 256 MiB */
};

/* Opens (creating what is missing) and migrates. Blocks. reason gets one line for the operator. */
must_check int store_open(const struct store_settings *settings,
                          const struct db_schema *const *schemas, size_t schema_count, char *reason,
                          size_t reason_size, struct store **ret_store);
void store_close(struct store *store); /* after the last job; blocks */

typedef int db_job(struct db_tx *tx, void *arg);
/* Yields until the commit. The job's own result (>= 0), or its error, or ERR_FULL (queue),
 * -ENOSPC (disk), ERR_STORE (engine gone): the last three are temporary and nothing was kept; only
 * when the engine was lost during the commit itself (ERR_STORE, too) nobody knows: files that the
 * job's rows name must not be removed then. Not cancellable: once queued, it is waited for. */
must_check int store_co_write(struct store *store, db_job *apply, void *arg);
must_check int store_co_read(struct store *store, db_job *read, void *arg);
must_check int store_co_scan(struct store *store, db_job *scan, void *arg);
/* A read whose result nobody needs: it brings pages into memory that are about to be read, where it
 * may wait for the disk beside others of its kind. On PostgreSQL nothing happens. */
must_check int store_co_warm(struct store *store, db_job *read, void *arg);
/* Blocks that this thread has waited for at the disk; only differences mean something. */
long store_disk_reads(void);

/* For threads without a loop (start-up, tools, tests): the same, blocking. */
must_check int store_write(struct store *store, db_job *apply, void *arg);
must_check int store_read(struct store *store, db_job *read, void *arg);

/* Inside a job. The query is the engine's, valid until the next db_prepare of the same statement
 * or the job's end; failures of db_bind_* are kept and returned by db_step. */
must_check int db_prepare(struct db_tx *tx, const struct db_statement *statement,
                          struct db_query **ret_query);
void db_bind_int(struct db_query *q, const char *name, int64_t value);
/* Text is UTF-8 without NUL, else db_step returns ERR_SYNTAX; what may be anything is bytes. */
void db_bind_text(struct db_query *q, const char *name, struct span text);   /* must outlive the */
void db_bind_bytes(struct db_query *q, const char *name, struct span bytes); /* last db_step */
void db_bind_null(struct db_query *q, const char *name);
enum { DB_DONE = 0, DB_ROW = 1 };
/* DB_ROW, DB_DONE, ERR_EXISTS (unique or primary key), -ENOSPC, ERR_STORE. */
must_check int db_step(struct db_query *q);
/* Steps to the end, rows ignored: number of rows changed, or an error. */
must_check int db_run(struct db_query *q);
int64_t db_column_int(struct db_query *q, int column);
struct span db_column_bytes(struct db_query *q, int column); /* valid until the next db_step */
bool db_column_is_null(struct db_query *q, int column);
/* Calls tell(value) once the commit has returned, on the engine's thread: it only marks and wakes.
 * The same pair again within a group is told once where it comes directly after. */
must_check int db_on_commit(struct db_tx *tx, void (*tell)(int64_t value), int64_t value);

struct store_counters {
    uint64_t jobs, groups, retried_groups, commits_failed, checkpoints;
    uint32_t waiting;
};
struct store_counters store_counters(struct store *store);
const char *store_folder(const struct store *store);

#endif
