/* Aliases: an address that leads to one or several users; see directory.h. */
#include "directory/internal.h"

#include "base/id.h"

#include <errno.h>
#include <string.h>

struct alias_call {
    int64_t tenant;
    char address[ADDRESS_TEXT_MAX];
    struct span domain;
    char (*targets)[ADDRESS_TEXT_MAX];
    size_t count;
};

static const struct db_statement insert_alias = {
    .sql = "INSERT INTO alias (tenant, id, domain, address)"
           " VALUES (:tenant, :id, :domain, :address)"};
static const struct db_statement insert_target = {
    .sql = "INSERT INTO alias_target (tenant, alias, address) VALUES (:tenant, :alias, :address)"
           " ON CONFLICT (tenant, alias, address) DO NOTHING"};
static const struct db_statement find_alias = {
    .sql = "SELECT id FROM alias WHERE tenant = :tenant AND address = :address"};
static const struct db_statement find_own = {
    .sql = "SELECT 1 FROM users WHERE tenant = :tenant AND address = :address UNION ALL"
           " SELECT 1 FROM alias WHERE tenant = :tenant AND address = :address LIMIT 1"};
static const struct db_statement delete_targets = {
    .sql = "DELETE FROM alias_target WHERE tenant = :tenant AND alias = :id"};
static const struct db_statement delete_alias = {
    .sql = "DELETE FROM alias WHERE tenant = :tenant AND id = :id"};

/* 0: in a domain that is nobody's here. */
static int is_outside(struct db_tx *tx, struct span address)
{
    struct span local, domain;
    int64_t tenant, id;
    if (!address_split(address, &local, &domain))
        return ERR_SYNTAX;
    int rc = directory_find_domain(tx, domain, &tenant, &id);
    return rc == ERR_ABSENT ? 0 : rc < 0 ? rc : ERR_ABSENT;
}

static int add_target(struct db_tx *tx, int64_t tenant, int64_t alias, struct span address)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_own, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_text(q, "address", address);
    rc = db_step(q);
    if (rc == DB_DONE)
        rc = is_outside(tx, address);
    if (rc < 0)
        return rc;
    rc = db_prepare(tx, &insert_target, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "alias", alias);
    db_bind_text(q, "address", address);
    return db_run(q);
}

static int add(struct db_tx *tx, void *arg)
{
    const struct alias_call *call = arg;
    struct db_query *q;
    int64_t tenant, domain, id = id_next();
    int rc = directory_find_domain(tx, call->domain, &tenant, &domain);
    if (rc < 0 || tenant != call->tenant)
        return rc < 0 ? rc : ERR_ABSENT;
    rc = directory_address_taken(tx, span_of(call->address));
    if (rc != 0)
        return rc < 0 ? rc : ERR_EXISTS;
    rc = db_prepare(tx, &insert_alias, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", id);
    db_bind_int(q, "domain", domain);
    db_bind_text(q, "address", span_of(call->address));
    rc = db_run(q);
    for (size_t i = 0; rc >= 0 && i < call->count; i++)
        rc = add_target(tx, tenant, id, span_of(call->targets[i]));
    return rc < 0 ? rc : 0;
}

static int take_out(struct db_tx *tx, void *arg)
{
    const struct alias_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_alias, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "address", span_of(call->address));
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    int64_t id = db_column_int(q, 0);
    rc = directory_run_on(tx, &delete_targets, call->tenant, id);
    if (rc >= 0)
        rc = directory_run_on(tx, &delete_alias, call->tenant, id);
    return rc < 0 ? rc : 0;
}

/* "@domain" is the catch-all; an address with +tag is none of its own. */
static int fold_alias(struct span address, struct alias_call *call)
{
    struct span local;
    if (address.len && address.at[0] == '@') {
        call->address[0] = '@';
        int rc = address_fold_domain(span_from(address, 1), call->address + 1);
        call->domain = span_of(call->address + 1);
        return rc;
    }
    int rc = directory_fold(address, call->address, &local, &call->domain);
    return rc == 0 && span_find(local, '+') >= 0 ? ERR_SYNTAX : rc;
}

int directory_co_alias_add(struct directory *d, int64_t tenant, struct span address,
                           const struct span *targets, size_t count)
{
    AUTO_ARENA arena = ARENA((size_t)1024 * 1024);
    struct alias_call call = {.tenant = tenant, .count = count};
    call.targets = arena_alloc(&arena, (count + 1) * sizeof *call.targets);
    if (!call.targets)
        return -ENOMEM;
    int rc = count ? fold_alias(address, &call) : ERR_SYNTAX;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct span local, domain;
        rc = directory_fold(targets[i], call.targets[i], &local, &domain);
        if (rc == 0 && strcmp(call.targets[i], call.address) == 0)
            rc = ERR_SYNTAX;
    }
    return rc < 0 ? rc : store_co_write(d->store, add, &call);
}

int directory_co_alias_remove(struct directory *d, int64_t tenant, struct span address)
{
    struct alias_call call = {.tenant = tenant};
    int rc = fold_alias(address, &call);
    return rc < 0 ? rc : store_co_write(d->store, take_out, &call);
}
