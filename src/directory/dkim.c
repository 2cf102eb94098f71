/*
 * The signing keys of domains: made with the domain, kept encrypted with the node's secret, and for
 * a minute in memory as they are used; see directory.h.
 */
#include "directory/internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#define KEEP_MS    (60 * 1000)
#define CACHED_MAX 10000

#define PURPOSE "postamt dkim"

/* --- making ---------------------------------------------------------------------------------- */

static const struct db_statement insert_key = {
    .sql = "INSERT INTO dkim_key (tenant, id, domain, selector, algorithm, secret)"
           " VALUES (:tenant, :id, :domain, :selector, :algorithm, :secret)"};
static const struct db_statement any_key = {
    .sql = "SELECT id FROM dkim_key WHERE tenant = :tenant AND domain = :id LIMIT 1"};
static const struct db_statement delete_keys = {
    .sql = "DELETE FROM dkim_key WHERE tenant = :tenant AND domain = :id"};

int dkim_delete_keys(struct db_tx *tx, int64_t tenant, int64_t domain)
{
    return directory_run_on(tx, &delete_keys, tenant, domain);
}

struct making {
    struct span domain;
    struct buffer sealed[2]; /* RSA, Ed25519 */
    char selectors[2][DKIM_SELECTOR];
};

static int put_key(struct db_tx *tx, const struct making *making, int64_t tenant, int64_t domain,
                   unsigned i)
{
    struct db_query *q;
    int rc = db_prepare(tx, &insert_key, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", id_next());
    db_bind_int(q, "domain", domain);
    db_bind_text(q, "selector", span_of(making->selectors[i]));
    db_bind_int(q, "algorithm", i == 0 ? DKIM_RSA : DKIM_ED25519);
    db_bind_bytes(q, "secret", buffer_span(&making->sealed[i]));
    return db_run(q);
}

/* Nothing is changed when there are keys already. */
static int put_keys(struct db_tx *tx, void *arg)
{
    const struct making *making = arg;
    int64_t tenant, domain;
    struct db_query *q = NULL;
    int rc = directory_find_domain(tx, making->domain, &tenant, &domain);
    if (rc == 0)
        rc = db_prepare(tx, &any_key, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", domain);
    rc = db_step(q);
    if (rc != DB_DONE)
        return rc < 0 ? rc : 0;
    for (unsigned i = 0; rc >= 0 && i < 2; i++)
        rc = put_key(tx, making, tenant, domain, i);
    return rc < 0 ? rc : 0;
}

struct making_job {
    const struct directory *d;
    struct making *making;
};

static int make_keys(void *arg)
{
    struct making_job *job = arg;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < 2; i++) {
        struct dkim_key *key;
        AUTO_BUFFER der = BUFFER(DKIM_SECRET_MAX);
        rc = dkim_key_make(i == 0 ? DKIM_RSA : DKIM_ED25519, &key);
        if (rc < 0)
            return rc;
        rc = dkim_key_save(key, &der);
        dkim_key_free(key);
        if (rc == 0)
            rc = directory_seal(job->d, PURPOSE, buffer_span(&der), &job->making->sealed[i]);
        if (der.at)
            sodium_memzero(der.at, der.size);
    }
    return rc;
}

int directory_co_dkim_make(struct directory *d, struct span domain)
{
    struct making making = {.domain = domain,
                            .sealed = {BUFFER(2 * DKIM_SECRET_MAX), BUFFER(2 * DKIM_SECRET_MAX)}};
    struct making_job job = {d, &making};
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(making.selectors[0], DKIM_SELECTOR, "r%Y%m%d", &tm);
    strftime(making.selectors[1], DKIM_SELECTOR, "e%Y%m%d", &tm);
    int rc = lane_co_run(d->passwords, make_keys, &job, CO_FOREVER);
    if (rc == 0)
        rc = store_co_write(d->store, put_keys, &making);
    buffer_free(&making.sealed[0]);
    buffer_free(&making.sealed[1]);
    return rc;
}

/* --- using ----------------------------------------------------------------------------------- */

struct dkim_cached {
    char domain[ADDRESS_DOMAIN_MAX + 1];
    struct dkim_keys *keys;
    int64_t until_ms;
    UT_hash_handle hh;
};

void dkim_keys_release(struct dkim_keys *keys)
{
    if (!keys || atomic_fetch_sub(&keys->references, 1) > 1)
        return;
    for (unsigned i = 0; i < keys->count; i++)
        dkim_key_free(keys->list[i].key);
    free(keys);
}

static struct dkim_keys *find_cached(struct directory *d, const char *domain)
{
    struct dkim_cached *entry;
    struct dkim_keys *keys = NULL;
    pthread_mutex_lock(&d->dkim_mutex);
    HASH_FIND_STR(d->dkim_cache, domain, entry);
    if (entry && entry->until_ms > clock_mono_ms()) {
        keys = entry->keys;
        atomic_fetch_add(&keys->references, 1);
    }
    pthread_mutex_unlock(&d->dkim_mutex);
    return keys;
}

static void drop_cached(struct directory *d, struct dkim_cached *entry)
{
    HASH_DEL(d->dkim_cache, entry); /* NOLINT: clang-tidy loses track in uthash */
    dkim_keys_release(entry->keys);
    free(entry);
}

static void keep_cached(struct directory *d, const char *domain, struct dkim_keys *keys)
{
    struct dkim_cached *entry;
    pthread_mutex_lock(&d->dkim_mutex);
    HASH_FIND_STR(d->dkim_cache, domain, entry);
    if (entry)
        drop_cached(d, entry);
    if (HASH_COUNT(d->dkim_cache) >= CACHED_MAX)
        drop_cached(d, d->dkim_cache); /* the oldest */
    entry = calloc(1, sizeof *entry);
    if (entry) {
        snprintf(entry->domain, sizeof entry->domain, "%s", domain);
        entry->keys = keys;
        atomic_fetch_add(&keys->references, 1);
        entry->until_ms = clock_mono_ms() + KEEP_MS;
        HASH_ADD_STR(d->dkim_cache, domain, entry);
    }
    pthread_mutex_unlock(&d->dkim_mutex);
}

void dkim_cache_free(struct directory *d)
{
    while (d->dkim_cache)
        drop_cached(d, d->dkim_cache);
}

static const struct db_statement list_keys = {
    .sql =
        "SELECT k.selector, k.algorithm, k.secret FROM dkim_key k JOIN domain d"
        " ON d.tenant = k.tenant AND d.id = k.domain WHERE d.name = :name ORDER BY k.id LIMIT 4"};

struct reading {
    const struct directory *d;
    struct span domain;
    struct dkim_keys *keys;
};

static int take_key(struct reading *reading, struct db_query *q)
{
    struct dkim_keys *keys = reading->keys;
    AUTO_BUFFER der = BUFFER(2 * DKIM_SECRET_MAX);
    int rc = directory_unseal(reading->d, PURPOSE, db_column_bytes(q, 2), &der);
    if (rc == 0)
        rc = dkim_key_load((enum dkim_algorithm)db_column_int(q, 1), buffer_span(&der),
                           &keys->list[keys->count].key);
    if (der.at)
        sodium_memzero(der.at, der.size);
    if (rc < 0)
        return rc;
    (void)!span_to_text(db_column_bytes(q, 0), keys->list[keys->count].selector, DKIM_SELECTOR);
    keys->count++;
    return 0;
}

static int read_keys(struct db_tx *tx, void *arg)
{
    struct reading *reading = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &list_keys, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "name", reading->domain);
    while ((rc = db_step(q)) == DB_ROW && reading->keys->count < DKIM_KEYS_MAX) {
        int taken = take_key(reading, q);
        if (taken < 0) {
            log_error("directory.dkim_key", "domain=%s why=\"%s\"", LOG_CLEAN(reading->domain),
                      taken == ERR_CORRUPT ? "sealed with another secret.key" : error_text(taken));
            return taken;
        }
    }
    return rc < 0 ? rc : 0;
}

int directory_co_dkim_keys(struct directory *d, const char *domain, struct dkim_keys **ret_keys)
{
    struct dkim_keys *keys = find_cached(d, domain);
    if (keys) {
        *ret_keys = keys;
        return 0;
    }
    keys = calloc(1, sizeof *keys);
    if (!keys)
        return -ENOMEM;
    atomic_init(&keys->references, 1);
    struct reading reading = {d, span_of(domain), keys};
    int rc = store_co_read(d->store, read_keys, &reading);
    if (rc < 0) {
        dkim_keys_release(keys);
        return rc;
    }
    keep_cached(d, domain, keys);
    *ret_keys = keys;
    return 0;
}

void directory_forget_dkim(struct directory *d, const char *domain)
{
    struct dkim_cached *entry;
    pthread_mutex_lock(&d->dkim_mutex);
    HASH_FIND_STR(d->dkim_cache, domain, entry);
    if (entry)
        drop_cached(d, entry);
    pthread_mutex_unlock(&d->dkim_mutex);
}
