/*
 * The SQLite engine: one database file in WAL mode, every commit synced.
 *
 * The write-ahead log is copied into the database beside the writer (sqlite_checkpoint.h), by size.
 * It is never truncated while we run: overwriting it is faster than growing it.
 */
#include "base/log.h"
#include "store/sqlite_ahead.h"
#include "store/sqlite_checkpoint.h"
#include "store/sqlite_log.h"
#include "store/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_MS   10000
#define PAGE_SIZE 8192 /* see ARCHITECTURE.md */
#define CACHE_KIB 16384

struct sqlite_tx {
    struct db_tx base;
    sqlite3 *db;
    struct checkpointer *checkpointer; /* the writer's */
    int log_pages;
    bool writing, broken;
};

struct sqlite_query {
    struct db_query base;
    sqlite3_stmt *stmt;
    int next;            /* who binds goes by the statement's order, mostly */
    int count;           /* of parameters */
    const char *names[]; /* without the colon */
};

static struct sqlite_tx *sqlite_of(struct db_tx *tx)
{
    return (struct sqlite_tx *)tx;
}

static sqlite3_stmt *stmt_of(struct db_query *q)
{
    return ((struct sqlite_query *)q)->stmt;
}

/* Our code for SQLite's; logs what an operator has to know. */
static int sqlite_error(struct sqlite_tx *t, int code, const char *what)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return ERR_EXISTS;
    case SQLITE_FULL:
        log_error("store.full", "what=%s", what);
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        log_error("store.corrupt", "what=%s why=\"%s\"", what, sqlite3_errmsg(t->db));
        t->broken = true;
        return ERR_STORE;
    case SQLITE_IOERR:
        t->broken = true;
        log_error("store.io", "what=%s code=%d why=\"%s\"", what, code, sqlite3_errmsg(t->db));
        return sqlite3_system_errno(t->db) == ENOSPC ? -ENOSPC : ERR_STORE;
    default:
        log_error("store.failed", "what=%s code=%d why=\"%s\"", what, code, sqlite3_errmsg(t->db));
        return ERR_STORE;
    }
}

/* --- connections ----------------------------------------------------------------------------- */

static int count_log_pages(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct sqlite_tx *)arg)->log_pages = pages;
    return SQLITE_OK;
}

static int sqlite_configure(struct sqlite_tx *t)
{
    char sql[512];
    sqlite3_extended_result_codes(t->db, 1);
    sqlite3_busy_timeout(t->db, BUSY_MS);
    snprintf(sql, sizeof sql,
             "PRAGMA page_size=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
             "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY;"
             "PRAGMA foreign_keys=OFF; PRAGMA mmap_size=0; PRAGMA trusted_schema=OFF;",
             PAGE_SIZE, CACHE_KIB / (t->writing ? 1 : 4));
    int code = sqlite3_exec(t->db, sql, NULL, NULL, NULL); /* who connects says what is wrong */
    if (t->writing)
        sqlite3_wal_hook(t->db, count_log_pages, t);
    return code == SQLITE_OK ? 0 : ERR_STORE;
}

static void sqlite_disconnect(struct db_tx *tx)
{
    struct sqlite_tx *t = sqlite_of(tx);
    checkpointer_stop(t->checkpointer);
    db_cache_free(t->base.cache);
    free(t->base.notices);
    sqlite3_close(t->db);
    free(t);
}

static int sqlite_connect(struct store *store, bool for_writing, char *reason, size_t size,
                          struct db_tx **ret_tx)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/postamt.db", store->folder);
    struct sqlite_tx *t = calloc(1, sizeof *t);
    if (!t || !(t->base.cache = db_cache_create())) {
        free(t);
        return -ENOMEM;
    }
    t->base.engine = &sqlite_engine;
    t->base.store = store;
    t->writing = for_writing;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int code = sqlite3_open_v2(path, &t->db, flags | (for_writing ? SQLITE_OPEN_CREATE : 0),
                               for_writing ? sqlite_log_vfs() : NULL);
    int rc = code == SQLITE_OK ? sqlite_configure(t) : sqlite_error(t, code, "open");
    if (rc == 0 && for_writing)
        rc = checkpointer_start(path, &t->checkpointer);
    if (rc < 0) {
        snprintf(reason, size, "%s: %s", path, t->db ? sqlite3_errmsg(t->db) : "out of memory");
        sqlite_disconnect(&t->base);
        return rc;
    }
    *ret_tx = &t->base;
    return 0;
}

static bool sqlite_usable(struct db_tx *tx)
{
    return !sqlite_of(tx)->broken;
}

static void sqlite_read_ahead(struct db_tx *tx, bool begins)
{
    if (begins)
        sqlite_ahead_begin(sqlite_of(tx)->db, tx->store->database_fd);
    else
        sqlite_ahead_end(sqlite_of(tx)->db);
}

/* --- transactions ---------------------------------------------------------------------------- */

static const struct db_statement begin_write = {.sql = "BEGIN IMMEDIATE"};
static const struct db_statement begin_read = {.sql = "BEGIN"};
static const struct db_statement commit = {.sql = "COMMIT"};
static const struct db_statement rollback = {.sql = "ROLLBACK"};

static int run_plain(struct db_tx *tx, const struct db_statement *statement)
{
    struct db_query *q;
    int rc = db_prepare(tx, statement, &q);
    return rc < 0 ? rc : db_step(q);
}

static int sqlite_begin(struct db_tx *tx, bool for_writing)
{
    return run_plain(tx, for_writing ? &begin_write : &begin_read);
}

static int sqlite_commit(struct db_tx *tx)
{
    db_cache_end_job(tx->cache);
    int rc = run_plain(tx, &commit);
    db_cache_end_job(tx->cache);
    return rc;
}

static void sqlite_rollback(struct db_tx *tx)
{
    db_cache_end_job(tx->cache);
    if (!sqlite3_get_autocommit(sqlite_of(tx)->db) && run_plain(tx, &rollback) < 0)
        sqlite_of(tx)->broken = true;
    db_cache_end_job(tx->cache);
}

static void sqlite_tidy(struct db_tx *tx)
{
    struct sqlite_tx *t = sqlite_of(tx);
    int in_log = t->log_pages, copied = 0;
    if (!checkpointer_see(t->checkpointer, t->log_pages))
        return;
    int code = sqlite3_wal_checkpoint_v2(t->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
    atomic_fetch_add(&tx->store->checkpoints, 1);
    if (code != SQLITE_OK && code != SQLITE_BUSY)
        sqlite_error(t, code, "checkpoint");
    checkpointer_done(t->checkpointer, in_log, copied > 0 ? copied : 0);
}

/* --- statements ------------------------------------------------------------------------------ */

/* Names are copied: SQLite's own move when it prepares the statement anew. */
static struct sqlite_query *query_of(sqlite3_stmt *stmt)
{
    int count = sqlite3_bind_parameter_count(stmt);
    size_t size = sizeof(struct sqlite_query) + (size_t)count * sizeof(char *);
    size_t names = 0;
    for (int i = 1; i <= count; i++)
        names += strlen(sqlite3_bind_parameter_name(stmt, i));
    struct sqlite_query *q = calloc(1, size + names);
    if (!q)
        return NULL;
    char *at = (char *)q + size;
    q->stmt = stmt;
    q->count = count;
    for (int i = 0; i < count; i++) {
        const char *name = sqlite3_bind_parameter_name(stmt, i + 1) + 1;
        size_t len = strlen(name) + 1;
        q->names[i] = memcpy(at, name, len);
        at += len;
    }
    return q;
}

static int sqlite_prepare(struct db_tx *tx, const struct db_statement *statement,
                          struct db_query **ret)
{
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v3(sqlite_of(tx)->db, statement->sql, -1, SQLITE_PREPARE_PERSISTENT,
                                  &stmt, NULL);
    if (code != SQLITE_OK)
        return sqlite_error(sqlite_of(tx), code, statement->sql);
    struct sqlite_query *q = query_of(stmt);
    if (!q) {
        sqlite3_finalize(stmt);
        return -ENOMEM;
    }
    *ret = &q->base;
    return 0;
}

static void sqlite_finalize(struct db_query *q)
{
    sqlite3_finalize(stmt_of(q));
    free(q);
}

static void sqlite_reset(struct db_query *q)
{
    sqlite3_reset(stmt_of(q));
    sqlite3_clear_bindings(stmt_of(q));
}

/* Its place, from 1 on, or 0. */
static int parameter(struct db_query *q, const char *name)
{
    struct sqlite_query *own = (struct sqlite_query *)q;
    for (int i = 0; i < own->count; i++) {
        int place = own->next;
        own->next = place + 1 < own->count ? place + 1 : 0;
        if (strcmp(own->names[place], name) == 0)
            return place + 1;
    }
    log_error("store.parameter", "name=%s sql=\"%s\"", name, q->statement->sql);
    q->failed = ERR_STORE;
    return 0;
}

static void keep_failure(struct db_query *q, int code)
{
    if (code != SQLITE_OK && q->failed == 0)
        q->failed = sqlite_error(sqlite_of(q->tx), code, "bind");
}

static void sqlite_bind_int64(struct db_query *q, const char *name, int64_t value)
{
    int place = parameter(q, name);
    if (place)
        keep_failure(q, sqlite3_bind_int64(stmt_of(q), place, value));
}

static void sqlite_bind_span(struct db_query *q, const char *name, struct span text)
{
    int place = parameter(q, name);
    if (place)
        keep_failure(q, sqlite3_bind_text64(stmt_of(q), place, text.at ? text.at : "", text.len,
                                            SQLITE_STATIC, SQLITE_UTF8));
}

static void sqlite_bind_blob(struct db_query *q, const char *name, struct span bytes)
{
    int place = parameter(q, name);
    if (place)
        keep_failure(q, sqlite3_bind_blob64(stmt_of(q), place, bytes.at ? bytes.at : "", bytes.len,
                                            SQLITE_STATIC));
}

static void sqlite_bind_nothing(struct db_query *q, const char *name)
{
    int place = parameter(q, name);
    if (place)
        keep_failure(q, sqlite3_bind_null(stmt_of(q), place));
}

static int sqlite_step(struct db_query *q)
{
    int code = sqlite3_step(stmt_of(q));
    if (code == SQLITE_ROW)
        return DB_ROW;
    if (code == SQLITE_DONE)
        return DB_DONE;
    return sqlite_error(sqlite_of(q->tx), code, q->statement->sql);
}

static int64_t sqlite_changes(struct db_query *q)
{
    return sqlite3_changes64(sqlite_of(q->tx)->db);
}

static int64_t sqlite_column_int(struct db_query *q, int column)
{
    return sqlite3_column_int64(stmt_of(q), column);
}

static struct span sqlite_column_bytes(struct db_query *q, int column)
{
    const void *at = sqlite3_column_blob(stmt_of(q), column);
    int len = sqlite3_column_bytes(stmt_of(q), column);
    return span_make(at ? at : "", at ? (size_t)len : 0);
}

static bool sqlite_column_is_null(struct db_query *q, int column)
{
    return sqlite3_column_type(stmt_of(q), column) == SQLITE_NULL;
}

/* --- migrations ------------------------------------------------------------------------------ */

static int sqlite_script(struct db_tx *tx, const char *sql, char *reason, size_t size)
{
    struct sqlite_tx *t = sqlite_of(tx);
    char *why = NULL;
    int code = sqlite3_exec(t->db, sql, NULL, NULL, &why);
    if (code == SQLITE_OK)
        return 0;
    snprintf(reason, size, "%s", why ? why : sqlite3_errstr(code));
    sqlite3_free(why);
    return sqlite_error(t, code, "migration");
}

static const char *sqlite_token(struct span name)
{
    if (span_equal(name, SPAN("id")) || span_equal(name, SPAN("int")))
        return "INTEGER";
    if (span_equal(name, SPAN("text")))
        return "TEXT";
    if (span_equal(name, SPAN("bytes")))
        return "BLOB";
    if (span_equal(name, SPAN("rowid")))
        return "WITHOUT ROWID";
    return NULL;
}

const struct db_engine sqlite_engine = {
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .usable = sqlite_usable,
    .read_ahead = sqlite_read_ahead,
    .tidy = sqlite_tidy,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .reset = sqlite_reset,
    .bind_int = sqlite_bind_int64,
    .bind_text = sqlite_bind_span,
    .bind_bytes = sqlite_bind_blob,
    .bind_null = sqlite_bind_nothing,
    .step = sqlite_step,
    .changes = sqlite_changes,
    .column_int = sqlite_column_int,
    .column_bytes = sqlite_column_bytes,
    .column_is_null = sqlite_column_is_null,
    .script = sqlite_script,
    .token = sqlite_token,
};
