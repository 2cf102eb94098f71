/* Domains: adding and removing; see directory.h. */
#include "directory/internal.h"

#include "base/id.h"

struct domain_call {
    int64_t tenant;
    char name[ADDRESS_DOMAIN_MAX + 1];
};

static const struct db_statement insert_domain = {
    .sql = "INSERT INTO domain (tenant, id, name) VALUES (:tenant, :id, :name)"};
static const struct db_statement delete_domain = {
    .sql = "DELETE FROM domain WHERE tenant = :tenant AND id = :id"};
static const struct db_statement find_in_use = {
    .sql = "SELECT 1 FROM users WHERE tenant = :tenant AND domain = :id UNION ALL"
           " SELECT 1 FROM alias WHERE tenant = :tenant AND domain = :id UNION ALL"
           " SELECT 1 FROM api_key WHERE tenant = :tenant AND domain = :id LIMIT 1"};

static int add(struct db_tx *tx, void *arg)
{
    const struct domain_call *call = arg;
    struct db_query *q;
    int64_t tenant, id;
    int rc = directory_find_domain(tx, span_of(call->name), &tenant, &id);
    if (rc != ERR_ABSENT)
        return rc < 0 ? rc : ERR_EXISTS;
    rc = db_prepare(tx, &insert_domain, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_int(q, "id", id_next());
    db_bind_text(q, "name", span_of(call->name));
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static int is_in_use(struct db_tx *tx, int64_t tenant, int64_t id)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_in_use, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", id);
    return db_step(q);
}

static int take_out(struct db_tx *tx, void *arg)
{
    const struct domain_call *call = arg;
    int64_t tenant, id;
    int rc = directory_find_domain(tx, span_of(call->name), &tenant, &id);
    if (rc == 0 && tenant != call->tenant)
        rc = ERR_ABSENT;
    if (rc == 0)
        rc = is_in_use(tx, tenant, id);
    if (rc == 1)
        rc = ERR_DENIED;
    if (rc == 0)
        rc = dkim_delete_keys(tx, tenant, id);
    if (rc >= 0)
        rc = directory_run_on(tx, &delete_domain, tenant, id);
    return rc < 0 ? rc : 0;
}

/* A domain of ours has a name; an address literal is none. */
static int fold_name(struct span name, struct domain_call *call)
{
    int rc = address_fold_domain(name, call->name);
    return rc == 0 && call->name[0] == '[' ? ERR_SYNTAX : rc;
}

int directory_co_domain_add(struct directory *d, int64_t tenant, struct span name)
{
    struct domain_call call = {.tenant = tenant};
    int rc = fold_name(name, &call);
    if (rc == 0)
        rc = store_co_write(d->store, add, &call);
    return rc < 0 ? rc : directory_co_dkim_make(d, span_of(call.name));
}

int directory_co_domain_remove(struct directory *d, int64_t tenant, struct span name)
{
    struct domain_call call = {.tenant = tenant};
    int rc = fold_name(name, &call);
    if (rc == 0)
        rc = store_co_write(d->store, take_out, &call);
    if (rc == 0)
        directory_forget_dkim(d, call.name);
    return rc;
}

/* --- whose it is ----------------------------------------------------------------------------- */

struct domain_look {
    const struct identity *who;
    char *name;
    int64_t id;
};

static int look(struct db_tx *tx, void *arg)
{
    struct domain_look *look = arg;
    int64_t tenant;
    int rc = directory_find_domain(tx, span_of(look->name), &tenant, &look->id);
    if (rc < 0)
        return rc;
    bool of_key = look->who->key_domain == 0 || look->who->key_domain == look->id;
    return tenant == look->who->tenant && of_key ? 0 : ERR_ABSENT;
}

int directory_co_domain_find(struct directory *d, const struct identity *who, struct span name,
                             char ret_name[ADDRESS_DOMAIN_MAX + 1], int64_t *ret_id)
{
    struct domain_look looking = {.who = who, .name = ret_name};
    int rc = address_fold_domain(name, ret_name);
    if (rc == 0)
        rc = store_co_read(d->store, look, &looking);
    if (rc == 0)
        *ret_id = looking.id;
    return rc;
}
