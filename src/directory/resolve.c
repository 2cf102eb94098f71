/*
 * Where an address leads; see directory_co_resolve.
 *
 * Look-ups go by exact keys: the address as it is, without its detail, the names that always exist
 * (RFC 5321 4.5.1, RFC 2142), the domain's catch-all. The first that finds somebody decides. A
 * target of an alias may have a detail of its own, which counts then.
 */
#include "directory/internal.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX   8 /* aliases of aliases */
#define TARGETS_MAX 256

static const struct db_statement find_user = {
    .sql = "SELECT u.tenant, u.id, " DIRECTORY_QUOTA_COLUMNS " FROM users u JOIN domain d"
           " ON d.tenant = u.tenant AND d.id = u.domain WHERE u.address = :address"};
static const struct db_statement find_targets = {
    .sql = "SELECT t.address, a.tenant FROM alias a JOIN alias_target t ON t.tenant = a.tenant"
           " AND t.alias = a.id WHERE a.address = :address LIMIT 256"};
static const struct db_statement first_user = {
    .sql = "SELECT address FROM users WHERE tenant = :tenant AND domain = :id ORDER BY id LIMIT 1"};
static const struct db_statement first_user_of_tenant = {
    .sql = "SELECT address FROM users WHERE tenant = :tenant AND :id = :id ORDER BY id LIMIT 1"};
static const struct db_statement first_domain = {
    .sql = "SELECT name FROM domain WHERE tenant = :tenant ORDER BY id LIMIT 1"};

struct resolving {
    const struct directory *d;
    struct db_tx *tx;
    struct arena *arena;
    struct span detail; /* of whom is found next */
    struct directory_target *targets;
    size_t count;
};

static int add_target(struct resolving *r, int64_t tenant, int64_t user, struct span address,
                      struct directory_quota quota)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->targets[i].user == user &&
            span_equal(user ? r->targets[i].detail : r->targets[i].address,
                       user ? r->detail : address))
            return 0;
    if (r->count == TARGETS_MAX)
        return -E2BIG;
    if (!r->targets && !(r->targets = arena_alloc(r->arena, sizeof *r->targets)))
        return -ENOMEM;
    if (r->count == 1) { /* few addresses lead to many */
        struct directory_target *many = arena_alloc(r->arena, TARGETS_MAX * sizeof *many);
        if (!many)
            return -ENOMEM;
        many[0] = r->targets[0];
        r->targets = many;
    }
    struct directory_target *target = &r->targets[r->count];
    *target = (struct directory_target){tenant, user, arena_copy(r->arena, address),
                                        user ? r->detail : SPAN(""), quota};
    r->count += target->address.at != NULL;
    return target->address.at ? 0 : -ENOMEM;
}

static int add_user(struct resolving *r, struct span address)
{
    struct db_query *q;
    int rc = db_prepare(r->tx, &find_user, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "address", address);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    struct directory_quota quota = {db_column_int(q, 2), db_column_int(q, 3)};
    rc = add_target(r, db_column_int(q, 0), db_column_int(q, 1), address, quota);
    return rc < 0 ? rc : 1;
}

static int read_alias_targets(struct resolving *r, struct span address, struct span **ret_targets,
                              size_t *ret_count, int64_t *ret_tenant)
{
    struct span *targets = NULL;
    size_t count = 0;
    struct db_query *q;
    int rc = db_prepare(r->tx, &find_targets, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "address", address);
    while ((rc = db_step(q)) == DB_ROW && count < TARGETS_MAX) {
        if (!targets && !(targets = arena_alloc(r->arena, TARGETS_MAX * sizeof *targets)))
            return -ENOMEM;
        targets[count] = arena_copy(r->arena, db_column_bytes(q, 0));
        *ret_tenant = db_column_int(q, 1);
        if (!targets[count++].at)
            return -ENOMEM;
    }
    *ret_targets = targets;
    *ret_count = count;
    return rc < 0 ? rc : 0;
}

/* A target of an alias that is in nobody's domain here. */
static int add_outside(struct resolving *r, int64_t tenant, struct span address)
{
    struct span local, domain;
    int64_t owner, id;
    if (!address_split(address, &local, &domain))
        return 0;
    int rc = directory_find_domain(r->tx, domain, &owner, &id);
    return rc == ERR_ABSENT ? add_target(r, tenant, 0, address, (struct directory_quota){0}) : rc;
}

static int add_exact(struct resolving *r, struct span address, unsigned depth);
static int add_joined(struct resolving *r, struct span local, struct span domain, unsigned depth);

/* The same without the detail it has: 1, 0. */
static int add_with_detail(struct resolving *r, struct span address, unsigned depth)
{
    struct span local, domain, base, before = r->detail;
    if (!address_split(address, &local, &domain) ||
        !directory_cut_detail(r->d, local, &base, &r->detail))
        return 0;
    int rc = add_joined(r, base, domain, depth);
    r->detail = before;
    return rc;
}

/* The users that exactly this address leads to: 1 when it exists, 0 when not. */
static int add_exact(struct resolving *r, struct span address, unsigned depth)
{
    struct span *targets;
    size_t count;
    int64_t tenant = 0;
    int rc = add_user(r, address);
    if (rc != 0)
        return rc;
    rc = read_alias_targets(r, address, &targets, &count, &tenant);
    if (rc < 0 || count == 0)
        return rc;
    for (size_t i = 0; rc >= 0 && i < count && depth < DEPTH_MAX; i++) {
        rc = add_exact(r, targets[i], depth + 1);
        if (rc == 0)
            rc = add_with_detail(r, targets[i], depth + 1);
        if (rc == 0)
            rc = add_outside(r, tenant, targets[i]);
    }
    return rc < 0 ? rc : 1;
}

static int add_joined(struct resolving *r, struct span local, struct span domain, unsigned depth)
{
    char address[ADDRESS_TEXT_MAX + 1];
    if (local.len > ADDRESS_LOCAL_MAX || domain.len > ADDRESS_DOMAIN_MAX)
        return 0;
    memcpy(address, local.at, local.len);
    address[local.len] = '@';
    memcpy(address + local.len + 1, domain.at, domain.len);
    return add_exact(r, span_make(address, local.len + 1 + domain.len), depth);
}

static int add_first_user(struct resolving *r, int64_t tenant, int64_t domain)
{
    const struct db_statement *const tries[] = {&first_user, &first_user_of_tenant};
    for (unsigned i = 0; i < 2; i++) {
        struct db_query *q;
        int rc = db_prepare(r->tx, tries[i], &q);
        if (rc < 0)
            return rc;
        db_bind_int(q, "tenant", tenant);
        db_bind_int(q, "id", domain);
        rc = db_step(q);
        if (rc < 0)
            return rc;
        if (rc == DB_ROW) {
            struct span address = arena_copy(r->arena, db_column_bytes(q, 0));
            return address.at ? add_user(r, address) : -ENOMEM;
        }
    }
    return 0;
}

static bool always_exists(struct span local)
{
    return span_equal(local, SPAN("postmaster")) || span_equal(local, SPAN("abuse"));
}

/* "<Postmaster>" without a domain is the first tenant's first domain's. */
static int find_first_domain(struct db_tx *tx, struct arena *arena, struct span *ret_name)
{
    struct db_query *q;
    int rc = db_prepare(tx, &first_domain, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", TENANT_FIRST);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_name = arena_copy(arena, db_column_bytes(q, 0));
    return ret_name->at ? 0 : -ENOMEM;
}

/* "user+" has an empty one. */
bool directory_cut_detail(const struct directory *d, struct span local, struct span *ret_base,
                          struct span *ret_detail)
{
    ptrdiff_t at = d->delimiter ? span_find(local, d->delimiter) : -1;
    if (at <= 0)
        return false;
    *ret_base = span_first(local, (size_t)at);
    *ret_detail = span_from(local, (size_t)at + 1);
    return true;
}

/* An address, folded: whole, and in two. */
struct resolve_call {
    const struct directory *d;
    struct span local;  /* empty: has bytes that no address of ours has, but its detail may */
    struct span base;   /* empty: it has no detail */
    struct span detail; /* as given */
    struct span domain;
    struct arena *arena;
    struct directory_target *targets;
    size_t count;
};

/* The first of the ways that finds somebody: 1, 0, or an error. */
static int find_somebody(struct resolving *r, const struct resolve_call *call, struct span domain,
                         int64_t tenant, int64_t domain_id)
{
    int rc = call->local.len ? add_joined(r, call->local, domain, 0) : 0;
    if (rc == 0 && call->base.len) {
        r->detail = call->detail;
        rc = add_joined(r, call->base, domain, 0);
        r->detail = SPAN("");
    }
    if (rc == 0 && always_exists(call->local))
        rc = add_first_user(r, tenant, domain_id);
    if (rc == 0)
        rc = add_joined(r, SPAN(""), domain, 0);
    return rc;
}

static int read_resolve(struct db_tx *tx, void *arg)
{
    struct resolve_call *call = arg;
    struct resolving r = {.d = call->d, .tx = tx, .arena = call->arena, .detail = SPAN("")};
    struct span domain = call->domain;
    int64_t tenant, domain_id;
    int rc = domain.len ? 0 : find_first_domain(tx, call->arena, &domain);
    if (rc == 0)
        rc = directory_find_domain(tx, domain, &tenant, &domain_id);
    if (rc < 0)
        return rc == ERR_ABSENT ? DIRECTORY_FOREIGN : rc;
    rc = find_somebody(&r, call, domain, tenant, domain_id);
    call->targets = r.targets;
    call->count = r.count;
    if (rc < 0)
        return rc;
    return r.count ? DIRECTORY_LOCAL : DIRECTORY_UNKNOWN;
}

/* "local@domain" folded; an empty domain stays empty. */
static int fold_part(struct span local, struct span domain, char folded[ADDRESS_TEXT_MAX],
                     struct span *ret_local, struct span *ret_domain)
{
    int rc = address_fold(local, domain.len ? domain : SPAN("x"), folded);
    if (rc < 0 || !address_split(span_of(folded), ret_local, ret_domain))
        return ERR_SYNTAX;
    if (domain.len == 0)
        *ret_domain = SPAN("");
    return 0;
}

/* Folds both parts into folded. A detail lives in call->arena. */
static int fold_both(struct span local, struct span domain, char folded[ADDRESS_TEXT_MAX],
                     struct resolve_call *call)
{
    struct span base, detail;
    bool tagged = directory_cut_detail(call->d, local, &base, &detail);
    call->local = call->base = call->detail = SPAN("");
    int rc = fold_part(local, domain, folded, &call->local, &call->domain);
    if (rc < 0 && tagged)
        rc = fold_part(base, domain, folded, &call->base, &call->domain);
    else if (rc == 0 && tagged)
        call->base = span_first(call->local, base.len);
    if (rc == 0 && tagged && !(call->detail = arena_copy(call->arena, detail)).at)
        rc = -ENOMEM;
    return rc;
}

int directory_co_resolve(struct directory *d, struct span local, struct span domain,
                         struct arena *arena, struct directory_target **ret_targets,
                         size_t *ret_count)
{
    char folded[ADDRESS_TEXT_MAX];
    struct resolve_call call = {.d = d, .arena = arena};
    int rc = fold_both(local, domain, folded, &call);
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0)
        return address_fold_domain(domain, folded) < 0 ? DIRECTORY_FOREIGN : DIRECTORY_UNKNOWN;
    int found = store_co_read(d->store, read_resolve, &call);
    *ret_targets = call.targets;
    *ret_count = call.count;
    return found;
}

/* --- may they send as this? ------------------------------------------------------------------ */

struct sender_check {
    const struct identity *who;
    struct span folded;
    struct resolve_call address;
};

static const struct db_statement select_addresses = {
    .sql = "SELECT addresses FROM api_key WHERE tenant = :tenant AND id = :id"};

/* "local@domain" itself, or "@domain". */
static int read_key_addresses(struct db_tx *tx, const struct sender_check *check)
{
    struct db_query *q;
    ptrdiff_t at = span_find_last(check->folded, '@');
    int rc = db_prepare(tx, &select_addresses, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", check->who->tenant);
    db_bind_int(q, "id", check->who->key);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    struct span list = db_column_bytes(q, 0);
    return span_has_word(list, check->folded) ||
           span_has_word(list, span_from(check->folded, at < 0 ? 0 : (size_t)at));
}

static int read_key_domain(struct db_tx *tx, const struct sender_check *check)
{
    int64_t tenant, domain;
    int rc = directory_find_domain(tx, check->address.domain, &tenant, &domain);
    if (rc < 0)
        return rc == ERR_ABSENT ? 0 : rc;
    if (tenant != check->who->tenant ||
        (check->who->key_domain != 0 && check->who->key_domain != domain))
        return 0;
    return check->who->has_addresses ? read_key_addresses(tx, check) : 1;
}

static int read_sender(struct db_tx *tx, void *arg)
{
    struct sender_check *check = arg;
    struct resolve_call *address = &check->address;
    if (check->who->key)
        return read_key_domain(tx, check);
    int rc = read_resolve(tx, address);
    for (size_t i = 0; rc == DIRECTORY_LOCAL && i < address->count; i++)
        if (address->targets[i].tenant == check->who->tenant &&
            address->targets[i].user == check->who->user)
            return 1;
    return rc < 0 ? rc : 0;
}

int directory_co_may_send(struct directory *d, const struct identity *who, struct span local,
                          struct span domain)
{
    char folded[ADDRESS_TEXT_MAX];
    AUTO_ARENA arena = ARENA((size_t)256 * 1024);
    struct sender_check check = {.who = who, .address = {.d = d, .arena = &arena}};
    if (domain.len == 0 || fold_both(local, domain, folded, &check.address) < 0 ||
        check.address.local.len == 0)
        return 0;
    check.folded = span_of(folded);
    return store_co_read(d->store, read_sender, &check);
}
