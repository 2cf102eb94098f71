/* Aliases: an address that leads to one or several users; see directory.h. */
#include "directory/internal.h"

#include "base/id.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct alias_call {
    const struct directory *d;
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

/* A user's or an alias's of this tenant? 1, 0, or an error. */
static int is_own(struct db_tx *tx, int64_t tenant, struct span address)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_own, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_text(q, "address", address);
    return db_step(q);
}

/* The same without its detail. */
static int is_own_with_detail(struct db_tx *tx, const struct alias_call *call, struct span address)
{
    char text[ADDRESS_TEXT_MAX + 1];
    struct span local, domain, base, detail;
    if (!address_split(address, &local, &domain) ||
        !directory_cut_detail(call->d, local, &base, &detail))
        return 0;
    int len = snprintf(text, sizeof text, "%.*s@%.*s", SPAN_PRINT(base), SPAN_PRINT(domain));
    return is_own(tx, call->tenant, span_make(text, (size_t)len));
}

static int add_target(struct db_tx *tx, const struct alias_call *call, int64_t alias,
                      struct span address)
{
    struct db_query *q;
    int rc = is_own(tx, call->tenant, address);
    if (rc == 0)
        rc = is_own_with_detail(tx, call, address);
    if (rc == 0)
        rc = is_outside(tx, address);
    if (rc < 0)
        return rc;
    rc = db_prepare(tx, &insert_target, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
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
        rc = add_target(tx, call, id, span_of(call->targets[i]));
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

/* "@domain" is the catch-all. "user+detail" may be an alias, which goes before the user's folder.
 */
static int fold_alias(struct span address, struct alias_call *call)
{
    struct span local;
    if (address.len && address.at[0] == '@') {
        call->address[0] = '@';
        int rc = address_fold_domain(span_from(address, 1), call->address + 1);
        call->domain = span_of(call->address + 1);
        return rc;
    }
    return directory_fold(address, call->address, &local, &call->domain);
}

int directory_co_alias_add(struct directory *d, int64_t tenant, struct span address,
                           const struct span *targets, size_t count)
{
    AUTO_ARENA arena = ARENA((size_t)1024 * 1024);
    struct alias_call call = {.d = d, .tenant = tenant, .count = count};
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
