/*
 * The keys that SCRAM checks with; see internal.h.
 *
 * A stranger who begins a dialogue learns a salt. So every name has one, and always the same: that
 * of somebody who does not exist is a keyed hash of the name (P8). The work is the same for both.
 */
#include "directory/internal.h"

#include <string.h>

static const struct db_statement find_sha256 = {
    .sql = "SELECT tenant, id, version, scram_iterations, scram_salt, scram_stored, scram_server"
           " FROM users WHERE address = :name"};
static const struct db_statement find_sha1 = {
    .sql = "SELECT tenant, id, version, scram1_iterations, scram1_salt, scram1_stored,"
           " scram1_server FROM users WHERE address = :name"};
static const struct db_statement keep_sha1 = {
    .sql = "UPDATE users SET scram1_iterations = :iterations, scram1_salt = :salt,"
           " scram1_stored = :stored, scram1_server = :server"
           " WHERE tenant = :tenant AND id = :id AND version = :version"};

struct scram_call {
    enum scram_hash hash;
    struct span name;
    struct scram_found *found;
};

static size_t key_size(enum scram_hash hash)
{
    return hash == SCRAM_SHA_1 ? SCRAM_KEY_SHA1 : SCRAM_KEY;
}

static bool take_bytes(struct db_query *q, int column, size_t size, unsigned char *at)
{
    struct span bytes = db_column_bytes(q, column);
    if (bytes.len != size)
        return false;
    memcpy(at, bytes.at, size);
    return true;
}

static int read_keys(struct db_tx *tx, void *arg)
{
    struct scram_call *call = arg;
    struct scram_found found = *call->found;
    struct db_query *q;
    int rc = db_prepare(tx, call->hash == SCRAM_SHA_1 ? &find_sha1 : &find_sha256, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "name", call->name);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    if (db_column_int(q, 3) == 0)
        return ERR_ABSENT;
    found.who.tenant = db_column_int(q, 0);
    found.who.user = db_column_int(q, 1);
    found.version = db_column_int(q, 2);
    found.keys.iterations = db_column_int(q, 3);
    size_t size = key_size(call->hash);
    if (!take_bytes(q, 4, SCRAM_SALT, found.keys.salt) ||
        !take_bytes(q, 5, size, found.keys.stored) || !take_bytes(q, 6, size, found.keys.server))
        return ERR_CORRUPT;
    found.known = true;
    *call->found = found;
    return 0;
}

static void make_up_part(const struct directory *d, const char *purpose, enum scram_hash hash,
                         struct span name, unsigned char *at, size_t size)
{
    crypto_generichash_state state;
    unsigned char which = (unsigned char)hash;
    crypto_generichash_init(&state, d->secret, sizeof d->secret, size);
    crypto_generichash_update(&state, (const unsigned char *)purpose, strlen(purpose) + 1);
    crypto_generichash_update(&state, &which, 1);
    crypto_generichash_update(&state, (const unsigned char *)name.at, name.len);
    crypto_generichash_final(&state, at, size);
    sodium_memzero(&state, sizeof state);
}

static void make_up(const struct directory *d, enum scram_hash hash, struct span name,
                    struct scram_keys *keys)
{
    keys->iterations = SCRAM_ITERATIONS;
    make_up_part(d, "scram salt", hash, name, keys->salt, SCRAM_SALT);
    make_up_part(d, "scram stored", hash, name, keys->stored, SCRAM_KEY);
    make_up_part(d, "scram server", hash, name, keys->server, SCRAM_KEY);
}

int scram_co_find(struct directory *d, enum scram_hash hash, struct span name,
                  struct scram_found *ret_found)
{
    struct scram_found found = {0};
    char folded[ADDRESS_TEXT_MAX];
    struct span local, domain;
    bool address = directory_fold(name, folded, &local, &domain) == 0;
    struct scram_call call = {hash, address ? span_of(folded) : SPAN(""), &found};
    make_up(d, hash, address ? call.name : name, &found.keys);
    int rc = store_co_read(d->store, read_keys, &call);
    if (rc < 0 && rc != ERR_ABSENT)
        return rc;
    if (found.known)
        memcpy(found.who.login, folded, strlen(folded) + 1);
    *ret_found = found;
    return 0;
}

struct keep_call {
    const struct identity *who;
    int64_t version;
    const struct scram_keys *keys;
};

static int keep(struct db_tx *tx, void *arg)
{
    const struct keep_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &keep_sha1, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "iterations", call->keys->iterations);
    db_bind_bytes(q, "salt", span_make(call->keys->salt, SCRAM_SALT));
    db_bind_bytes(q, "stored", span_make(call->keys->stored, SCRAM_KEY_SHA1));
    db_bind_bytes(q, "server", span_make(call->keys->server, SCRAM_KEY_SHA1));
    db_bind_int(q, "tenant", call->who->tenant);
    db_bind_int(q, "id", call->who->user);
    db_bind_int(q, "version", call->version);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

int scram_co_keep_sha1(struct directory *d, const struct identity *who, int64_t version,
                       const struct scram_keys *keys)
{
    struct keep_call call = {who, version, keys};
    return store_co_write(d->store, keep, &call);
}
