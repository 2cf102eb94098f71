/* Users: adding, finding, removing, new passwords; see directory.h. */
#include "directory/internal.h"

#include "base/id.h"

#include <sodium.h>
#include <stdio.h>

struct user_call {
    const struct directory *d;
    int64_t tenant, user;
    char address[ADDRESS_TEXT_MAX];
    struct span domain;
    struct password_keys keys;
};

static const struct db_statement insert_user = {
    .sql = "INSERT INTO users (tenant, id, domain, address, version, argon2, scram_iterations,"
           " scram_salt, scram_stored, scram_server, scram1_iterations, scram1_salt,"
           " scram1_stored, scram1_server) VALUES (:tenant, :id, :domain, :address, :version,"
           " :argon2, :iterations, :salt, :stored, :server, :iterations1, :salt1, :stored1,"
           " :server1)"};
static const struct db_statement change_password = {
    .sql = "UPDATE users SET version = :version, argon2 = :argon2, scram_iterations = :iterations,"
           " scram_salt = :salt, scram_stored = :stored, scram_server = :server,"
           " scram1_iterations = :iterations1, scram1_salt = :salt1, scram1_stored = :stored1,"
           " scram1_server = :server1"
           " WHERE tenant = :tenant AND id = :id"};
static const struct db_statement find_user = {
    .sql = "SELECT id FROM users WHERE tenant = :tenant AND address = :address"};
/* Also with a detail: what begins with "user+" and ends with "@domain". */
static const struct db_statement find_pointing_alias = {
    .sql = "SELECT 1 FROM alias_target WHERE tenant = :tenant AND (address = :address OR"
           " (substr(address, 1, length(:start)) = :start AND"
           " substr(address, length(address) - length(:domain) + 1) = :domain)) LIMIT 1"};
static const struct db_statement find_by_id = {
    .sql = "SELECT 1 FROM users WHERE tenant = :tenant AND id = :id"};
static const struct db_statement delete_user = {
    .sql = "DELETE FROM users WHERE tenant = :tenant AND id = :id"};

static void bind_keys(struct db_query *q, const struct password_keys *keys)
{
    db_bind_int(q, "version", id_next());
    db_bind_text(q, "argon2", span_of(keys->argon2));
    db_bind_int(q, "iterations", keys->sha256.iterations);
    db_bind_bytes(q, "salt", span_make(keys->sha256.salt, SCRAM_SALT));
    db_bind_bytes(q, "stored", span_make(keys->sha256.stored, SCRAM_KEY));
    db_bind_bytes(q, "server", span_make(keys->sha256.server, SCRAM_KEY));
    db_bind_int(q, "iterations1", keys->sha1.iterations);
    db_bind_bytes(q, "salt1", span_make(keys->sha1.salt, SCRAM_SALT));
    db_bind_bytes(q, "stored1", span_make(keys->sha1.stored, SCRAM_KEY_SHA1));
    db_bind_bytes(q, "server1", span_make(keys->sha1.server, SCRAM_KEY_SHA1));
}

static int add(struct db_tx *tx, void *arg)
{
    struct user_call *call = arg;
    struct db_query *q;
    int64_t tenant, domain;
    int rc = directory_find_domain(tx, call->domain, &tenant, &domain);
    if (rc < 0 || tenant != call->tenant)
        return rc < 0 ? rc : ERR_ABSENT;
    rc = directory_address_taken(tx, span_of(call->address));
    if (rc != 0)
        return rc < 0 ? rc : ERR_EXISTS;
    rc = db_prepare(tx, &insert_user, &q);
    if (rc < 0)
        return rc;
    call->user = id_next();
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", call->user);
    db_bind_int(q, "domain", domain);
    db_bind_text(q, "address", span_of(call->address));
    bind_keys(q, &call->keys);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static int find(struct db_tx *tx, void *arg)
{
    struct user_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_user, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "address", span_of(call->address));
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    call->user = db_column_int(q, 0);
    return 0;
}

static int set_password(struct db_tx *tx, void *arg)
{
    struct user_call *call = arg;
    struct db_query *q;
    int rc = find(tx, call);
    if (rc == 0)
        rc = db_prepare(tx, &change_password, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_int(q, "id", call->user);
    bind_keys(q, &call->keys);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

int directory_has_user(struct db_tx *tx, int64_t tenant, int64_t user)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_by_id, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", user);
    return db_step(q);
}

/* 1, 0, or an error. */
static int find_alias_to(struct db_tx *tx, const struct user_call *call)
{
    char start[ADDRESS_TEXT_MAX + 1];
    struct span address = span_of(call->address), end;
    ptrdiff_t at = span_find_last(address, '@');
    struct db_query *q;
    int rc = db_prepare(tx, &find_pointing_alias, &q);
    if (rc < 0)
        return rc;
    end = span_from(address, (size_t)at);
    int len = snprintf(start, sizeof start, "%.*s%c", (int)at, call->address, call->d->delimiter);
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "address", address);
    db_bind_text(q, "start", call->d->delimiter ? span_make(start, (size_t)len) : address);
    db_bind_text(q, "domain", end);
    return db_step(q);
}

/* An alias that points here would lead nowhere: it goes first. */
static int take_out(struct db_tx *tx, void *arg)
{
    struct user_call *call = arg;
    int rc = find(tx, call);
    if (rc == 0)
        rc = find_alias_to(tx, call);
    if (rc != 0)
        return rc < 0 ? rc : ERR_DENIED;
    rc = directory_run_on(tx, &delete_user, call->tenant, call->user);
    return rc < 0 ? rc : 0;
}

static int fold_user(struct span address, struct user_call *call)
{
    struct span local;
    int rc = directory_fold(address, call->address, &local, &call->domain);
    return rc == 0 && span_find(local, '+') >= 0 ? ERR_SYNTAX : rc;
}

int directory_co_user_add(struct directory *d, int64_t tenant, struct span address,
                          struct span password, int64_t *ret_user)
{
    struct user_call call = {.tenant = tenant};
    int rc = fold_user(address, &call);
    if (rc == 0)
        rc = password_co_make(d->passwords, password, &call.keys);
    if (rc == 0)
        rc = store_co_write(d->store, add, &call);
    sodium_memzero(&call.keys, sizeof call.keys);
    if (rc == 0)
        *ret_user = call.user;
    return rc;
}

int directory_co_user_passwd(struct directory *d, int64_t tenant, struct span address,
                             struct span password)
{
    struct user_call call = {.tenant = tenant};
    int rc = fold_user(address, &call);
    if (rc == 0)
        rc = password_co_make(d->passwords, password, &call.keys);
    if (rc == 0)
        rc = store_co_write(d->store, set_password, &call);
    sodium_memzero(&call.keys, sizeof call.keys);
    return rc;
}

int directory_co_user_find(struct directory *d, int64_t tenant, struct span address,
                           int64_t *ret_user)
{
    struct user_call call = {.tenant = tenant};
    int rc = fold_user(address, &call);
    if (rc == 0)
        rc = store_co_read(d->store, find, &call);
    if (rc == 0)
        *ret_user = call.user;
    return rc;
}

int directory_co_user_remove(struct directory *d, int64_t tenant, struct span address)
{
    struct user_call call = {.d = d, .tenant = tenant};
    int rc = fold_user(address, &call);
    return rc < 0 ? rc : store_co_write(d->store, take_out, &call);
}
