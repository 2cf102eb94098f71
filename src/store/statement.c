/*
 * Statements inside a job: prepared once per connection, found again by their address, and who is
 * told of the commit; see db.h.
 */
#include "base/utf8.h"
#include "store/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

struct entry {
    const struct db_statement *statement;
    struct db_query *query;
    struct entry *next_used; /* since the job began */
    bool used;
    UT_hash_handle hh;
};

struct db_cache {
    struct entry *entries, *used;
};

struct db_cache *db_cache_create(void)
{
    return calloc(1, sizeof(struct db_cache));
}

void db_cache_free(struct db_cache *cache)
{
    struct entry *entry, *next;
    if (!cache)
        return;
    HASH_ITER (hh, cache->entries, entry, next) {
        HASH_DEL(cache->entries, entry); /* NOLINT: it loses track */
        entry->query->tx->engine->finalize(entry->query);
        free(entry);
    }
    free(cache);
}

void db_cache_end_job(struct db_cache *cache)
{
    while (cache->used) {
        struct entry *entry = cache->used;
        cache->used = entry->next_used;
        entry->used = false;
        entry->query->tx->engine->reset(entry->query);
    }
}

static struct entry *cache_add(struct db_tx *tx, const struct db_statement *statement, int *ret_rc)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry) {
        *ret_rc = -ENOMEM;
        return NULL;
    }
    *ret_rc = tx->engine->prepare(tx, statement, &entry->query);
    if (*ret_rc < 0) {
        free(entry);
        return NULL;
    }
    entry->statement = statement;
    entry->query->statement = statement;
    entry->query->tx = tx;
    HASH_ADD_PTR(tx->cache->entries, statement, entry);
    return entry;
}

int db_prepare(struct db_tx *tx, const struct db_statement *statement, struct db_query **ret_query)
{
    struct entry *entry;
    int rc = 0;
    HASH_FIND_PTR(tx->cache->entries, &statement, entry);
    if (!entry)
        entry = cache_add(tx, statement, &rc);
    if (!entry)
        return rc;
    if (entry->used) {
        tx->engine->reset(entry->query);
    } else {
        entry->used = true;
        entry->next_used = tx->cache->used;
        tx->cache->used = entry;
    }
    entry->query->failed = 0;
    *ret_query = entry->query;
    return 0;
}

void db_bind_int(struct db_query *q, const char *name, int64_t value)
{
    q->tx->engine->bind_int(q, name, value);
}

void db_bind_text(struct db_query *q, const char *name, struct span text)
{
    if (!utf8_is_text(text) && q->failed == 0)
        q->failed = ERR_SYNTAX;
    q->tx->engine->bind_text(q, name, text);
}

void db_bind_bytes(struct db_query *q, const char *name, struct span bytes)
{
    q->tx->engine->bind_bytes(q, name, bytes);
}

void db_bind_null(struct db_query *q, const char *name)
{
    q->tx->engine->bind_null(q, name);
}

int db_step(struct db_query *q)
{
    return q->failed ? q->failed : q->tx->engine->step(q);
}

int db_run(struct db_query *q)
{
    int rc;
    do {
        rc = db_step(q);
    } while (rc == DB_ROW);
    return rc < 0 ? rc : (int)q->tx->engine->changes(q);
}

int64_t db_column_int(struct db_query *q, int column)
{
    return q->tx->engine->column_int(q, column);
}

struct span db_column_bytes(struct db_query *q, int column)
{
    return q->tx->engine->column_bytes(q, column);
}

bool db_column_is_null(struct db_query *q, int column)
{
    return q->tx->engine->column_is_null(q, column);
}

int db_on_commit(struct db_tx *tx, void (*tell)(int64_t value), int64_t value)
{
    struct db_notice *last = tx->notice_count ? &tx->notices[tx->notice_count - 1] : NULL;
    if (last && last->tell == tell && last->value == value)
        return 0;
    if (!tx->notices || tx->notice_count == tx->notice_room) {
        size_t room = tx->notice_room ? tx->notice_room * 2 : 64;
        struct db_notice *grown = realloc(tx->notices, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        tx->notices = grown;
        tx->notice_room = room;
    }
    tx->notices[tx->notice_count++] = (struct db_notice){tell, value};
    return 0;
}
