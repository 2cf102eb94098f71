/* What a user's mailboxes hold together; see box.h. One row for each user, changed in the commit
 * that changes what it counts: the row's lock is what keeps two letters from both taking the last
 * room. */
#include "box/internal.h"

static const struct db_statement add_usage = {
    .sql = "UPDATE box_user SET messages = messages + :messages, octets = octets + :octets"
           " WHERE tenant = :tenant AND user_id = :user AND messages + :messages <= :messages_max"
           " AND octets + :octets <= :octets_max"};
static const struct db_statement make_usage = {
    .sql = "INSERT INTO box_user (tenant, user_id, uidvalidity, messages, octets)"
           " VALUES (:tenant, :user, 0, 0, 0) ON CONFLICT (tenant, user_id) DO NOTHING"};
static const struct db_statement find_usage = {
    .sql = "SELECT messages, octets FROM box_user WHERE tenant = :tenant AND user_id = :user"};

static int prepare(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                   int64_t user, struct db_query **ret_q)
{
    int rc = db_prepare(tx, statement, ret_q);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_q, "tenant", tenant);
    db_bind_int(*ret_q, "user", user);
    return 0;
}

/* DB_ROW, or DB_DONE with nothing used. */
static int find(struct db_tx *tx, int64_t tenant, int64_t user, struct box_usage *ret_usage)
{
    struct db_query *q;
    int rc = prepare(tx, &find_usage, tenant, user, &q);
    *ret_usage = (struct box_usage){0};
    if (rc == 0)
        rc = db_step(q);
    if (rc == DB_ROW)
        *ret_usage =
            (struct box_usage){(uint64_t)db_column_int(q, 0), (uint64_t)db_column_int(q, 1)};
    return rc;
}

/* --- changing -------------------------------------------------------------------------------- */

static int64_t limit_of(int64_t limit)
{
    return limit > 0 ? limit : INT64_MAX;
}

/* 1, or 0: no room, or no row. */
static int add(struct db_tx *tx, int64_t tenant, int64_t user, const struct mailbox_change *change,
               const struct directory_quota *quota)
{
    struct db_query *q;
    int rc = prepare(tx, &add_usage, tenant, user, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "messages", change->messages);
    db_bind_int(q, "octets", change->octets);
    db_bind_int(q, "messages_max", quota ? limit_of(quota->messages) : INT64_MAX);
    db_bind_int(q, "octets_max", quota ? limit_of(quota->octets) : INT64_MAX);
    return db_run(q);
}

int usage_change(struct db_tx *tx, int64_t tenant, int64_t user,
                 const struct mailbox_change *change, const struct directory_quota *quota)
{
    struct box_usage usage;
    struct db_query *q;
    if (user == USER_NOBODY || (change->messages == 0 && change->octets == 0))
        return 0;
    int rc = add(tx, tenant, user, change, quota);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = find(tx, tenant, user, &usage);
    if (rc == DB_ROW)
        return ERR_QUOTA;
    if (rc == DB_DONE) /* the user's first letter, and no mailbox yet */
        rc = prepare(tx, &make_usage, tenant, user, &q);
    if (rc == 0)
        rc = db_run(q);
    if (rc >= 0)
        rc = add(tx, tenant, user, change, quota);
    return rc == 0 ? ERR_QUOTA : rc < 0 ? rc : 0;
}

int box_take_room(struct db_tx *tx, int64_t tenant, int64_t user, uint64_t messages,
                  uint64_t octets, const struct directory_quota *quota)
{
    const struct mailbox_change change = {.messages = (int64_t)messages, .octets = (int64_t)octets};
    return usage_change(tx, tenant, user, &change, quota);
}

/* --- asking ---------------------------------------------------------------------------------- */

bool box_has_limit(const struct directory_quota *quota)
{
    return quota->octets > 0 || quota->messages > 0;
}

bool box_has_room(const struct box_usage *usage, const struct directory_quota *quota,
                  uint64_t messages, uint64_t octets)
{
    uint64_t most_messages = (uint64_t)limit_of(quota->messages);
    uint64_t most_octets = (uint64_t)limit_of(quota->octets);
    return messages <= most_messages && usage->messages <= most_messages - messages &&
           octets <= most_octets && usage->octets <= most_octets - octets;
}

struct asking {
    int64_t tenant;
    const int64_t *users;
    size_t count;
    struct box_usage *usages;
};

static int read_usages(struct db_tx *tx, void *arg)
{
    const struct asking *a = arg;
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < a->count; i++)
        rc = find(tx, a->tenant, a->users[i], &a->usages[i]);
    return rc < 0 ? rc : 0;
}

int box_co_usages(struct store *store, int64_t tenant, const int64_t *users, size_t count,
                  struct box_usage *ret_usages)
{
    struct asking a = {tenant, users, count, ret_usages};
    return store_co_read(store, read_usages, &a);
}

int box_co_usage(struct store *store, int64_t tenant, int64_t user, struct box_usage *ret_usage)
{
    return box_co_usages(store, tenant, &user, 1, ret_usage);
}
