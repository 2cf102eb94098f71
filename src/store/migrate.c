/*
 * Migrations: every room's tables brought to the version this program knows, each step in a
 * transaction of its own together with its mark in schema_version.
 */
#include "base/buffer.h"
#include "base/log.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>

#define SCRIPT_MAX ((size_t)1024 * 1024)

static const struct db_statement find_version = {
    .sql = "SELECT version FROM schema_version WHERE room = :room"};
static const struct db_statement set_version = {
    .sql = "INSERT INTO schema_version (room, version) VALUES (:room, :version)"
           " ON CONFLICT (room) DO UPDATE SET version = excluded.version"};

/* Copies sql with {tokens} replaced by the engine's words. */
static int expand(const struct db_engine *engine, struct span sql, struct buffer *out)
{
    int rc = 0;
    while (rc == 0 && sql.len) {
        ptrdiff_t open = span_find(sql, '{');
        rc = buffer_append(out, open < 0 ? sql : span_first(sql, (size_t)open));
        sql = span_from(sql, open < 0 ? sql.len : (size_t)open + 1);
        if (rc < 0 || open < 0)
            continue;
        struct span name;
        const char *word = span_cut(&sql, '}', &name) ? engine->token(name) : NULL;
        rc = word ? buffer_append_text(out, word) : -EINVAL;
    }
    return rc;
}

static int read_version(struct db_tx *tx, const char *room, unsigned *ret_version)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_version, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "room", span_of(room));
    rc = db_step(q);
    *ret_version = rc == DB_ROW ? (unsigned)db_column_int(q, 0) : 0;
    db_cache_end_job(tx->cache);
    return rc < 0 ? rc : 0;
}

static int mark_version(struct db_tx *tx, const char *room, unsigned version)
{
    struct db_query *q;
    int rc = db_prepare(tx, &set_version, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "room", span_of(room));
    db_bind_int(q, "version", version);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static int apply_one(struct db_tx *tx, const char *room, const struct db_migration *migration,
                     char *reason, size_t size)
{
    AUTO_BUFFER script = BUFFER(SCRIPT_MAX);
    int rc = expand(tx->engine, span_of(migration->sql), &script);
    if (rc < 0 || !buffer_text(&script)) {
        snprintf(reason, size, "migration %s %u: unknown token", room, migration->version);
        return rc < 0 ? rc : -ENOMEM;
    }
    char why[200] = "";
    rc = tx->engine->begin(tx, true);
    if (rc == 0)
        rc = tx->engine->script(tx, buffer_text(&script), why, sizeof why);
    if (rc == 0)
        rc = mark_version(tx, room, migration->version);
    if (rc == 0)
        rc = tx->engine->commit(tx);
    if (rc < 0) {
        tx->engine->rollback(tx);
        snprintf(reason, size, "migration %s %u failed: %s", room, migration->version,
                 *why ? why : error_text(rc));
    }
    return rc;
}

static int migrate_room(struct db_tx *tx, const struct db_schema *schema, char *reason, size_t size)
{
    unsigned version = 0;
    int rc = read_version(tx, schema->room, &version);
    if (rc == 0 && version > schema->count) {
        snprintf(reason, size, "the store is of a newer program (%s is at version %u, we know %zu)",
                 schema->room, version, schema->count);
        return ERR_STORE;
    }
    for (size_t i = version; rc == 0 && i < schema->count; i++) {
        rc = apply_one(tx, schema->room, &schema->migrations[i], reason, size);
        if (rc == 0)
            log_debug("store.migrated", "room=%s version=%u", schema->room,
                      schema->migrations[i].version);
    }
    return rc;
}

static int migrate_rooms(struct db_tx *tx, const struct db_schema *const *schemas, size_t count,
                         char *reason, size_t size)
{
    int rc = tx->engine->script(tx,
                                "CREATE TABLE IF NOT EXISTS schema_version "
                                "(room TEXT PRIMARY KEY, version INTEGER NOT NULL)",
                                reason, size);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = migrate_room(tx, schemas[i], reason, size);
    return rc;
}

int store_migrate(struct store *store, struct db_tx *tx, const struct db_schema *const *schemas,
                  size_t count, char *reason, size_t reason_size)
{
    int (*migrating)(struct db_tx *, bool) = store->engine->migrating;
    int rc = migrating ? migrating(tx, true) : 0;
    if (rc < 0) {
        snprintf(reason, reason_size, "cannot lock the store for migrations: %s", error_text(rc));
        return rc;
    }
    rc = migrate_rooms(tx, schemas, count, reason, reason_size);
    int ended = migrating ? migrating(tx, false) : 0;
    if (rc == 0 && ended < 0)
        snprintf(reason, reason_size, "the store was lost after migrations");
    return rc == 0 ? ended : rc;
}
