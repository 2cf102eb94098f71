/*
 * Changes of messages: copies, removal; see box.h.
 *
 * A job takes the mailbox's next MODSEQ first, which holds its row against others, and ends by
 * counting what changed, which tells the watchers.
 */
#include "box/index.h"
#include "box/internal.h"
#include "box/keyword.h"
#include "box/watch.h"

#include "base/clock.h"

/* --- MODSEQ and counters --------------------------------------------------------------------- */

static const struct db_statement next_modseq = {
    .sql = "UPDATE mailbox SET highestmodseq = highestmodseq + 1 WHERE tenant = :tenant"
           " AND id = :mailbox RETURNING highestmodseq"};
static const struct db_statement count_change = {
    .sql = "UPDATE mailbox SET messages = messages + :messages, unseen = unseen + :unseen,"
           " deleted = deleted + :deleted, octets = octets + :octets,"
           " deleted_octets = deleted_octets + :deleted_octets"
           " WHERE tenant = :tenant AND id = :mailbox RETURNING user_id"};

int mailbox_next_modseq(struct db_tx *tx, int64_t tenant, int64_t mailbox, int64_t *ret_modseq)
{
    struct db_query *q;
    int rc = db_prepare(tx, &next_modseq, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "mailbox", mailbox);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_modseq = db_column_int(q, 0);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

void change_add(struct mailbox_change *change, uint64_t flags, uint64_t octets, int sign)
{
    change->messages += sign;
    change->unseen += flags & BOX_SEEN ? 0 : sign;
    change->deleted += flags & BOX_DELETED ? sign : 0;
    change->octets += sign * (int64_t)octets;
    change->deleted_octets += flags & BOX_DELETED ? sign * (int64_t)octets : 0;
}

int mailbox_add(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                const struct mailbox_change *change, int64_t *ret_user)
{
    struct db_query *q;
    int rc = db_prepare(tx, &count_change, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "mailbox", mailbox);
    db_bind_int(q, "messages", change->messages);
    db_bind_int(q, "unseen", change->unseen);
    db_bind_int(q, "deleted", change->deleted);
    db_bind_int(q, "octets", change->octets);
    db_bind_int(q, "deleted_octets", change->deleted_octets);
    rc = db_step(q);
    *ret_user = rc == DB_ROW ? db_column_int(q, 0) : USER_NOBODY;
    if (rc == DB_ROW)
        rc = db_run(q);
    return rc < 0 ? rc : box_watch_announce(tx, mailbox);
}

int mailbox_count(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                  const struct mailbox_change *change)
{
    int64_t user;
    int rc = mailbox_add(tx, tenant, mailbox, change, &user);
    return rc < 0 ? rc : usage_change(tx, tenant, user, change, NULL);
}

/* --- taking out ------------------------------------------------------------------------------ */

static const struct db_statement read_going = {
    .sql = "SELECT uid, blob, flags, octets FROM message" MESSAGE_RANGE " ORDER BY uid"};
static const struct db_statement delete_messages = {.sql = "DELETE FROM message" MESSAGE_RANGE};
static const struct db_statement delete_summaries = {.sql = "DELETE FROM summary" MESSAGE_RANGE};
static const struct db_statement insert_expunged = {
    .sql = "INSERT INTO expunged (tenant, mailbox, modseq, uid, gone_ms)"
           " VALUES (:tenant, :mailbox, :modseq, :uid, :now)"};

struct expunging {
    struct db_tx *tx;
    int64_t tenant, mailbox, modseq;
    bool deleted; /* of those that are flagged so alone */
    bool moved;   /* the blobs' references stay */
    struct mailbox_change change;
    int gone;
};

static int remember_gone(const struct expunging *e, int64_t uid)
{
    struct db_query *q;
    int rc = message_prepare(e->tx, &insert_expunged, e->tenant, e->mailbox, uid, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "modseq", e->modseq);
    db_bind_int(q, "now", clock_wall_ms());
    return db_run(q);
}

static int take_out(struct db_query *q, size_t at, void *arg)
{
    struct expunging *e = arg;
    int64_t uid = db_column_int(q, 0), blob = db_column_int(q, 1);
    uint64_t flags = (uint64_t)db_column_int(q, 2);
    (void)at;
    if (e->deleted && !(flags & BOX_DELETED))
        return 0;
    change_add(&e->change, flags, (uint64_t)db_column_int(q, 3), -1);
    e->gone++;
    int rc = remember_gone(e, uid);
    if (rc >= 0 && !e->moved)
        rc = blob_reference(e->tx, e->tenant, blob, -1);
    return rc < 0 ? rc : 1;
}

static int delete_run(const struct expunging *e, const struct db_statement *statement,
                      int64_t first, int64_t last)
{
    struct db_query *q;
    int rc = message_prepare_range(e->tx, statement, e->tenant, e->mailbox, first, last, &q);
    return rc < 0 ? rc : db_run(q);
}

static int delete_rows(int64_t first, int64_t last, void *arg)
{
    const struct expunging *e = arg;
    int rc = delete_run(e, &delete_messages, first, last);
    if (rc >= 0)
        rc = delete_run(e, &delete_summaries, first, last);
    return rc < 0 ? rc : 0;
}

/* How many went is in e->gone, what that changes in e->change. */
static int expunge(struct expunging *e, const int64_t *uids, size_t count)
{
    const struct runs runs = {e->tenant, e->mailbox, uids, count, take_out, delete_rows, e};
    int rc = runs_walk(e->tx, &read_going, &runs);
    return rc < 0 ? rc : index_forget(e->tx, e->tenant, e->mailbox, uids, count);
}

static int expunge_and_count(struct expunging *e, const int64_t *uids, size_t count)
{
    int rc = mailbox_next_modseq(e->tx, e->tenant, e->mailbox, &e->modseq);
    if (rc == 0)
        rc = expunge(e, uids, count);
    if (rc >= 0)
        rc = mailbox_count(e->tx, e->tenant, e->mailbox, &e->change);
    return rc < 0 ? rc : e->gone;
}

int box_expunge(struct db_tx *tx, int64_t tenant, int64_t mailbox, const int64_t *uids,
                size_t count)
{
    struct expunging e = {.tx = tx, .tenant = tenant, .mailbox = mailbox};
    return expunge_and_count(&e, uids, count);
}

int box_expunge_deleted(struct db_tx *tx, int64_t tenant, int64_t mailbox, const int64_t *uids,
                        size_t count)
{
    struct expunging e = {.tx = tx, .tenant = tenant, .mailbox = mailbox, .deleted = true};
    return expunge_and_count(&e, uids, count);
}

/* --- copying and moving ---------------------------------------------------------------------- */

static const struct db_statement read_message = {
    .sql = "SELECT m.blob, m.octets, m.received_ms, m.flags, m.origin, m.head, s.envelope,"
           " s.structure, m.thread, s.preview, s.ids FROM message m LEFT JOIN summary s ON "
           "s.tenant = m.tenant"
           " AND s.mailbox = m.mailbox AND s.uid = m.uid WHERE m.tenant = :tenant"
           " AND m.mailbox = :mailbox AND m.uid = :uid"};
static const struct db_statement take_uids = {
    .sql = "UPDATE mailbox SET uidnext = uidnext + :count WHERE tenant = :tenant AND id = :mailbox"
           " AND user_id <> 0 RETURNING uidnext - :count"};

static int reserve_uids(struct db_tx *tx, const struct box_copying *c, int64_t *ret_first)
{
    struct db_query *q;
    int rc = db_prepare(tx, &take_uids, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", c->tenant);
    db_bind_int(q, "mailbox", c->target);
    db_bind_int(q, "count", (int64_t)c->count);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_first = db_column_int(q, 0);
    rc = db_run(q);
    if (rc >= 0 && *ret_first + (int64_t)c->count > (int64_t)BOX_UID_MAX)
        return ERR_FULL;
    return rc < 0 ? rc : 0;
}

/* The state of a copying job: what stays the same for all its messages. */
struct copying {
    struct box_copying *c;
    int64_t now, next_uid, target_modseq;
    struct mailbox_change target;
};

/* .at NULL where there was nothing, not even nothing to show. */
static struct span column_or_nothing(struct db_query *q, int column)
{
    return db_column_is_null(q, column) ? (struct span){NULL, 0} : db_column_bytes(q, column);
}

/* Puts the message that q shows into the target. */
static int put_copy(struct db_tx *tx, struct copying *k, struct db_query *q, size_t i)
{
    struct box_copying *c = k->c;
    struct box_message copy = {.uid = k->next_uid,
                               .blob = db_column_int(q, 0),
                               .octets = (uint64_t)db_column_int(q, 1),
                               .received_ms = db_column_int(q, 2),
                               .flags = (uint64_t)db_column_int(q, 3),
                               .origin = db_column_int(q, 4),
                               .head = db_column_bytes(q, 5),
                               .envelope = db_column_bytes(q, 6),
                               .structure = db_column_bytes(q, 7),
                               .thread = db_column_int(q, 8),
                               .preview = column_or_nothing(q, 9),
                               .ids = column_or_nothing(q, 10),
                               .modseq = k->target_modseq,
                               .saved_ms = k->now};
    int rc = keyword_translate(tx, c->tenant, c->mailbox, c->target, copy.flags, &copy.flags);
    if (rc == 0)
        rc = message_insert(tx, c->tenant, c->target, &copy);
    if (rc == 0 && !c->moving)
        rc = blob_reference(tx, c->tenant, copy.blob, 1);
    if (rc < 0)
        return rc;
    change_add(&k->target, copy.flags, copy.octets, 1);
    c->target_uids[i] = k->next_uid++;
    c->copied++;
    return 1;
}

static int copy_one(struct db_tx *tx, struct copying *k, size_t i)
{
    struct box_copying *c = k->c;
    struct db_query *q;
    int rc = message_prepare(tx, &read_message, c->tenant, c->mailbox, c->uids[i], &q);
    c->target_uids[i] = 0;
    if (rc == 0)
        rc = db_step(q);
    if (rc == DB_ROW)
        rc = put_copy(tx, k, q, i);
    return rc < 0 ? rc : 0;
}

/* A move within a user's mailboxes leaves the user with what there was; what another one removed
 * meanwhile (its mailbox is dying) counts as new. */
static int count_copies(struct db_tx *tx, const struct copying *k, const struct expunging *going)
{
    const struct box_copying *c = k->c;
    int64_t to, from = USER_NOBODY;
    int rc = mailbox_add(tx, c->tenant, c->target, &k->target, &to);
    if (rc == 0 && c->moving)
        rc = mailbox_add(tx, c->tenant, c->mailbox, &going->change, &from);
    if (rc == 0 && to != from)
        rc = usage_change(tx, c->tenant, to, &k->target, &c->quota);
    if (rc == 0 && to != from)
        rc = usage_change(tx, c->tenant, from, &going->change, NULL);
    return rc;
}

int box_copy(struct db_tx *tx, void *copying)
{
    struct copying k = {.c = copying, .now = clock_wall_ms()};
    struct box_copying *c = k.c;
    struct expunging going = {.tx = tx, .tenant = c->tenant, .mailbox = c->mailbox, .moved = true};
    c->copied = 0;
    int rc = mailbox_next_modseq(tx, c->tenant, c->target, &k.target_modseq);
    if (rc == 0 && c->moving)
        rc = mailbox_next_modseq(tx, c->tenant, c->mailbox, &going.modseq);
    if (rc == 0)
        rc = reserve_uids(tx, c, &k.next_uid);
    for (size_t i = 0; rc == 0 && i < c->count; i++)
        rc = copy_one(tx, &k, i);
    if (rc == 0 && c->moving)
        rc = expunge(&going, c->uids, c->count);
    return rc < 0 ? rc : count_copies(tx, &k, &going);
}
