/* The suppression list; see suppression.h. */
#include "reputation/suppression.h"

#include "base/clock.h"
#include "mail/address.h"

#include <errno.h>
#include <string.h>

#define ROWS_MAX 256

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE suppression (tenant {id} NOT NULL, address {text} NOT NULL,"
        " reason {int} NOT NULL, detail {text} NOT NULL, created_ms {int} NOT NULL,"
        " PRIMARY KEY (tenant, address)) {rowid};\n"},
};
const struct db_schema reputation_schema = {"reputation", migrations, 1};

const char *suppression_reason_text(enum suppression_reason reason)
{
    return reason == SUPPRESSION_BOUNCED ? "bounced" : "by hand";
}

/* RFC 3463: no such mailbox, no such host, bad syntax, moved for good, null MX; disabled. */
bool suppression_is_final(const char *status)
{
    static const char *const final[] = {"5.1.0", "5.1.1", "5.1.2",  "5.1.3",
                                        "5.1.6", "5.1.9", "5.1.10", "5.2.1"};
    for (size_t i = 0; i < sizeof final / sizeof *final; i++)
        if (strcmp(status, final[i]) == 0)
            return true;
    return false;
}

static int fold(struct span address, char ret_text[ADDRESS_TEXT_MAX])
{
    struct span local, domain;
    return address_split(address, &local, &domain) ? address_fold(local, domain, ret_text)
                                                   : ERR_SYNTAX;
}

/* --- changing -------------------------------------------------------------------------------- */

static const struct db_statement insert_one = {
    .sql = "INSERT INTO suppression (tenant, address, reason, detail, created_ms) VALUES"
           " (:tenant, :address, :reason, :detail, :now) ON CONFLICT (tenant, address) DO NOTHING"};
static const struct db_statement delete_one = {
    .sql = "DELETE FROM suppression WHERE tenant = :tenant AND address = :address"};

int suppression_add(struct db_tx *tx, int64_t tenant, const struct suppression *one)
{
    char folded[ADDRESS_TEXT_MAX];
    struct db_query *q = NULL;
    int rc = fold(one->address, folded);
    if (rc == 0)
        rc = db_prepare(tx, &insert_one, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_text(q, "address", span_of(folded));
    db_bind_int(q, "reason", one->reason);
    db_bind_text(q, "detail", one->detail.len ? one->detail : SPAN(""));
    db_bind_int(q, "now", one->created_ms ? one->created_ms : clock_wall_ms());
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

struct change {
    int64_t tenant;
    const struct suppression *one;
    struct span address;
};

static int add(struct db_tx *tx, void *arg)
{
    const struct change *change = arg;
    return suppression_add(tx, change->tenant, change->one);
}

int suppression_co_add(struct store *store, int64_t tenant, const struct suppression *one)
{
    struct change change = {.tenant = tenant, .one = one};
    return store_co_write(store, add, &change);
}

static int take_out(struct db_tx *tx, void *arg)
{
    const struct change *change = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &delete_one, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", change->tenant);
    db_bind_text(q, "address", change->address);
    rc = db_run(q);
    if (rc < 0)
        return rc;
    return rc ? 0 : ERR_ABSENT;
}

int suppression_co_remove(struct store *store, int64_t tenant, struct span address)
{
    char folded[ADDRESS_TEXT_MAX];
    struct change change = {.tenant = tenant};
    if (fold(address, folded) < 0)
        return ERR_ABSENT;
    change.address = span_of(folded);
    return store_co_write(store, take_out, &change);
}

/* --- asking ---------------------------------------------------------------------------------- */

static const struct db_statement find_one = {
    .sql = "SELECT 1 FROM suppression WHERE tenant = :tenant AND address = :address"};

struct checking {
    int64_t tenant;
    const struct span *addresses;
    size_t count;
    bool *suppressed;
};

static int check(struct db_tx *tx, void *arg)
{
    const struct checking *c = arg;
    for (size_t i = 0; i < c->count; i++) {
        char folded[ADDRESS_TEXT_MAX];
        struct db_query *q;
        c->suppressed[i] = false;
        if (fold(c->addresses[i], folded) < 0)
            continue;
        int rc = db_prepare(tx, &find_one, &q);
        if (rc < 0)
            return rc;
        db_bind_int(q, "tenant", c->tenant);
        db_bind_text(q, "address", span_of(folded));
        rc = db_step(q);
        if (rc < 0)
            return rc;
        c->suppressed[i] = rc == DB_ROW;
    }
    return 0;
}

static bool is_simulated(struct span address)
{
    struct span local, domain;
    if (!address_split(address, &local, &domain))
        return false;
    ptrdiff_t plus = span_find(local, '+');
    return span_equal_nocase(domain, SPAN(SUPPRESSION_SIMULATOR)) &&
           span_equal_nocase(plus < 0 ? local : span_first(local, (size_t)plus),
                             SPAN("suppressionlist"));
}

int suppression_co_check(struct store *store, int64_t tenant, const struct span *addresses,
                         size_t count, bool *ret_suppressed)
{
    struct checking checking = {tenant, addresses, count, ret_suppressed};
    int rc = count > SUPPRESSION_BATCH ? -E2BIG : store_co_read(store, check, &checking);
    for (size_t i = 0; rc == 0 && i < count; i++)
        ret_suppressed[i] = ret_suppressed[i] || is_simulated(addresses[i]);
    return rc;
}

static const struct db_statement list_rows = {
    .sql = "SELECT address, reason, detail, created_ms FROM suppression WHERE tenant = :tenant"
           " AND address > :after ORDER BY address LIMIT :limit"};

struct listing {
    int64_t tenant;
    struct span after;
    unsigned limit;
    struct arena *arena;
    struct suppression *rows;
    size_t count;
};

static int list(struct db_tx *tx, void *arg)
{
    struct listing *l = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &list_rows, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", l->tenant);
    db_bind_text(q, "after", l->after);
    db_bind_int(q, "limit", l->limit);
    for (l->count = 0; (rc = db_step(q)) == DB_ROW; l->count++) {
        struct suppression *row = &l->rows[l->count];
        row->address = arena_copy(l->arena, db_column_bytes(q, 0));
        row->reason = (enum suppression_reason)db_column_int(q, 1);
        row->detail = arena_copy(l->arena, db_column_bytes(q, 2));
        row->created_ms = db_column_int(q, 3);
        if (!row->address.at || !row->detail.at)
            return -ENOMEM;
    }
    return rc;
}

int suppression_co_list(struct store *store, int64_t tenant, struct span after, unsigned limit,
                        struct arena *arena, struct suppression **ret_list, size_t *ret_count)
{
    struct listing l = {
        tenant, after.len ? after : SPAN(""), limit < ROWS_MAX ? limit : ROWS_MAX, arena, NULL, 0};
    l.rows = arena_alloc(arena, ROWS_MAX * sizeof *l.rows);
    int rc = l.rows ? store_co_read(store, list, &l) : -ENOMEM;
    *ret_list = l.rows;
    *ret_count = rc == 0 ? l.count : 0;
    return rc;
}
