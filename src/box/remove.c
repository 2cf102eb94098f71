/*
 * Removing mailboxes; see box.h.
 *
 * A mailbox goes in two steps: in one commit it loses its owner and its name, and the owner is no
 * longer charged with its messages; then they are taken out, some in each job, and its row last.
 * All of a user's go so, too. What a crash or an error leaves in between is found by the next sweep
 * (box_co_sweep: at the start, and every minute).
 */
#include "box/index.h"
#include "box/internal.h"
#include "box/watch.h"

#include "base/clock.h"

#define SOME 64

static const struct db_statement disown = {
    .sql = "UPDATE mailbox SET user_id = 0, name = 'removed ' || id, use = 0"
           " WHERE tenant = :tenant AND user_id = :user AND name = :name"
           " RETURNING id, messages, octets"};
static const struct db_statement disown_all = {
    .sql = "UPDATE mailbox SET user_id = 0, name = 'removed ' || id, use = 0"
           " WHERE tenant = :tenant AND user_id = :user RETURNING id"};
static const struct db_statement delete_subscriptions = {
    .sql = "DELETE FROM subscription WHERE tenant = :tenant AND user_id = :user"};
static const struct db_statement keep_uidvalidity = {
    .sql = "INSERT INTO box_user (tenant, user_id, uidvalidity) SELECT tenant, 0, uidvalidity"
           " FROM box_user WHERE tenant = :tenant AND user_id = :user"
           " ON CONFLICT (tenant, user_id) DO UPDATE SET uidvalidity ="
           " CASE WHEN excluded.uidvalidity > box_user.uidvalidity THEN excluded.uidvalidity"
           " ELSE box_user.uidvalidity END"};
static const struct db_statement delete_user = {
    .sql = "DELETE FROM box_user WHERE tenant = :tenant AND user_id = :user"};
static const struct db_statement find_dying = {
    .sql = "SELECT tenant, id FROM mailbox WHERE user_id = 0 LIMIT 1"};
static const struct db_statement list_some = {
    .sql = "SELECT uid FROM message WHERE tenant = :tenant AND mailbox = :mailbox"
           " ORDER BY uid LIMIT 64"};
static const struct db_statement delete_expunged = {
    .sql = "DELETE FROM expunged WHERE tenant = :tenant AND mailbox = :mailbox"};
static const struct db_statement delete_keywords = {
    .sql = "DELETE FROM keyword WHERE tenant = :tenant AND mailbox = :mailbox"};
static const struct db_statement delete_mailbox = {
    .sql = "DELETE FROM mailbox WHERE tenant = :tenant AND id = :mailbox"};

struct dying {
    int64_t tenant, user, mailbox;
    struct span name;
};

static int disown_mailbox(struct db_tx *tx, void *arg)
{
    struct dying *d = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &disown, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", d->tenant);
    db_bind_int(q, "user", d->user);
    db_bind_text(q, "name", d->name);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    struct mailbox_change change = {.messages = -db_column_int(q, 1),
                                    .octets = -db_column_int(q, 2)};
    d->mailbox = db_column_int(q, 0);
    rc = db_run(q);
    if (rc >= 0)
        rc = usage_change(tx, d->tenant, d->user, &change, NULL);
    return rc < 0 ? rc : box_watch_announce(tx, d->mailbox);
}

static int run(struct db_tx *tx, const struct db_statement *statement, const struct dying *d)
{
    struct db_query *q;
    int rc = db_prepare(tx, statement, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", d->tenant);
    db_bind_int(q, "mailbox", d->mailbox);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* 1 while there is more to take out, 0 when the mailbox's row has gone, too. */
static int empty_some(struct db_tx *tx, void *arg)
{
    const struct dying *d = arg;
    int64_t uids[SOME];
    size_t count = 0;
    struct db_query *q;
    int rc = db_prepare(tx, &list_some, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", d->tenant);
    db_bind_int(q, "mailbox", d->mailbox);
    while (count < SOME && (rc = db_step(q)) == DB_ROW)
        uids[count++] = db_column_int(q, 0);
    if (rc >= 0 && count)
        rc = box_expunge(tx, d->tenant, d->mailbox, uids, count);
    if (rc < 0 || count)
        return rc < 0 ? rc : 1;
    const struct db_statement *const last[] = {&delete_expunged, &delete_keywords, &delete_mailbox};
    rc = index_forget_all(tx, d->tenant, d->mailbox);
    for (unsigned i = 0; rc >= 0 && i < 3; i++)
        rc = run(tx, last[i], d);
    return rc < 0 ? rc : 0;
}

int box_co_delete(struct store *store, int64_t tenant, int64_t user, struct span name)
{
    struct dying d = {.tenant = tenant, .user = user, .name = name};
    if (span_equal(name, SPAN(BOX_INBOX)))
        return ERR_DENIED;
    int rc = store_co_write(store, disown_mailbox, &d);
    if (rc < 0)
        return rc;
    do {
        rc = store_co_write(store, empty_some, &d);
    } while (rc == 1);
    return 0; /* the next sweep takes out what could not be now */
}

/* --- a user's ------------------------------------------------------------------------------- */

static int find_next_dying(struct db_tx *tx, void *arg)
{
    struct dying *d = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_dying, &q);
    if (rc < 0)
        return rc;
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    d->tenant = db_column_int(q, 0);
    d->mailbox = db_column_int(q, 1);
    return 1;
}

static int box_co_empty_dying(struct store *store)
{
    struct dying d;
    int rc;
    while ((rc = store_co_read(store, find_next_dying, &d)) == 1) {
        do {
            rc = store_co_write(store, empty_some, &d);
        } while (rc == 1);
        if (rc < 0)
            break;
    }
    return rc;
}

static int disown_user(struct db_tx *tx, void *arg)
{
    const struct db_statement *const steps[] = {&disown_all, &delete_subscriptions,
                                                &keep_uidvalidity, &delete_user};
    const struct dying *d = arg;
    int rc = 0;
    for (unsigned i = 0; rc >= 0 && i < sizeof steps / sizeof *steps; i++) {
        struct db_query *q;
        if ((rc = db_prepare(tx, steps[i], &q)) < 0)
            break;
        db_bind_int(q, "tenant", d->tenant);
        db_bind_int(q, "user", d->user);
        while ((rc = db_step(q)) == DB_ROW) /* the mailboxes, of the first */
            if ((rc = box_watch_announce(tx, db_column_int(q, 0))) < 0)
                break;
    }
    return rc < 0 ? rc : 0;
}

int box_co_remove_user(struct store *store, int64_t tenant, int64_t user)
{
    struct dying d = {.tenant = tenant, .user = user};
    int rc = store_co_write(store, disown_user, &d);
    if (rc == 0)
        (void)!box_co_empty_dying(store); /* or the next sweep does */
    return rc;
}

/* --- what is remembered of messages that went ------------------------------------------------ */

#define REMEMBERED_MS ((int64_t)30 * 24 * 3600 * 1000)

static const struct db_statement find_old = {
    .sql = "SELECT tenant, mailbox, MAX(modseq) FROM (SELECT tenant, mailbox, modseq FROM expunged"
           " WHERE gone_ms < :then LIMIT 5000) AS old GROUP BY tenant, mailbox LIMIT 1"};
static const struct db_statement raise_floor = {
    .sql = "UPDATE mailbox SET floor = :modseq WHERE tenant = :tenant AND id = :mailbox"
           " AND floor < :modseq"};
static const struct db_statement forget = {
    .sql = "DELETE FROM expunged WHERE tenant = :tenant AND mailbox = :mailbox"
           " AND modseq <= :modseq"};

/* 1 while there may be more. The floor says how far back the memory reaches (RFC 7162 3.2.5.1). */
static int forget_some(struct db_tx *tx, void *arg)
{
    const struct db_statement *const steps[] = {&raise_floor, &forget};
    struct db_query *q;
    (void)arg;
    int rc = db_prepare(tx, &find_old, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "then", clock_wall_ms() - REMEMBERED_MS);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    int64_t tenant = db_column_int(q, 0), mailbox = db_column_int(q, 1),
            modseq = db_column_int(q, 2);
    rc = db_run(q);
    for (unsigned i = 0; rc >= 0 && i < 2; i++) {
        if ((rc = db_prepare(tx, steps[i], &q)) < 0)
            break;
        db_bind_int(q, "tenant", tenant);
        db_bind_int(q, "mailbox", mailbox);
        db_bind_int(q, "modseq", modseq);
        rc = db_run(q);
    }
    return rc < 0 ? rc : 1;
}

int box_co_sweep(struct store *store)
{
    int rc;
    do {
        rc = store_co_write(store, forget_some, NULL);
    } while (rc == 1);
    return rc < 0 ? rc : box_co_empty_dying(store);
}
