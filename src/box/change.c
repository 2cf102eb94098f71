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

#define DELETE_MESSAGE                                                                             \
    "DELETE FROM message WHERE tenant = :tenant AND mailbox = :mailbox AND uid = :uid"
static const struct db_statement delete_message = {.sql = DELETE_MESSAGE
                                                   " RETURNING blob, flags, octets"};
static const struct db_statement delete_deleted = {.sql = DELETE_MESSAGE
                                                   " AND (flags & 8) <> 0"
                                                   " RETURNING blob, flags, octets"};
_Static_assert(BOX_DELETED == 8, "as in the statement");
static const struct db_statement delete_summary = {
    .sql = "DELETE FROM summary WHERE tenant = :tenant AND mailbox = :mailbox AND uid = :uid"};
static const struct db_statement insert_expunged = {
    .sql = "INSERT INTO expunged (tenant, mailbox, modseq, uid, gone_ms)"
           " VALUES (:tenant, :mailbox, :modseq, :uid, :now)"};

struct expunging {
    int64_t tenant, mailbox, modseq;
    struct mailbox_change *change;
};

static int remember_gone(struct db_tx *tx, int64_t tenant, int64_t mailbox, int64_t uid,
                         int64_t modseq)
{
    struct db_query *q;
    int rc = message_prepare(tx, &insert_expunged, tenant, mailbox, uid, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "modseq", modseq);
    db_bind_int(q, "now", clock_wall_ms());
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* Takes the rows of a message out, by one of the two statements above. 1, or 0: it was not there.
 * The blob's reference stays. */
static int take_rows(struct db_tx *tx, const struct db_statement *statement,
                     const struct expunging *e, int64_t uid, int64_t *ret_blob)
{
    const int64_t tenant = e->tenant, mailbox = e->mailbox;
    struct db_query *q;
    int rc = message_prepare(tx, statement, tenant, mailbox, uid, &q);
    if (rc == 0)
        rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    *ret_blob = db_column_int(q, 0);
    change_add(e->change, (uint64_t)db_column_int(q, 1), (uint64_t)db_column_int(q, 2), -1);
    rc = db_run(q);
    if (rc >= 0)
        rc = message_prepare(tx, &delete_summary, tenant, mailbox, uid, &q);
    if (rc >= 0)
        rc = db_run(q);
    if (rc >= 0)
        rc = remember_gone(tx, tenant, mailbox, uid, e->modseq);
    return rc < 0 ? rc : 1;
}

static int expunge(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                   int64_t mailbox, const int64_t *uids, size_t count)
{
    struct mailbox_change change = {0};
    struct expunging e = {.tenant = tenant, .mailbox = mailbox, .change = &change};
    int64_t blob;
    int gone = 0, rc = mailbox_next_modseq(tx, tenant, mailbox, &e.modseq);
    for (size_t i = 0; rc >= 0 && i < count; i++) {
        rc = take_rows(tx, statement, &e, uids[i], &blob);
        if (rc == 1) {
            gone++;
            rc = blob_reference(tx, tenant, blob, -1);
        }
    }
    if (rc >= 0)
        rc = index_forget(tx, tenant, mailbox, uids, count);
    if (rc >= 0)
        rc = mailbox_count(tx, tenant, mailbox, &change);
    return rc < 0 ? rc : gone;
}

int box_expunge(struct db_tx *tx, int64_t tenant, int64_t mailbox, const int64_t *uids,
                size_t count)
{
    return expunge(tx, &delete_message, tenant, mailbox, uids, count);
}

int box_expunge_deleted(struct db_tx *tx, int64_t tenant, int64_t mailbox, const int64_t *uids,
                        size_t count)
{
    return expunge(tx, &delete_deleted, tenant, mailbox, uids, count);
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
    int64_t now, next_uid, target_modseq, source_modseq;
    struct mailbox_change source, target;
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
    struct expunging taking = {c->tenant, c->mailbox, k->source_modseq, &k->source};
    struct db_query *q;
    int64_t blob;
    int rc = message_prepare(tx, &read_message, c->tenant, c->mailbox, c->uids[i], &q);
    c->target_uids[i] = 0;
    if (rc == 0)
        rc = db_step(q);
    if (rc == DB_ROW)
        rc = put_copy(tx, k, q, i);
    if (rc == 1 && c->moving)
        rc = take_rows(tx, &delete_message, &taking, c->uids[i], &blob);
    return rc < 0 ? rc : 0;
}

/* A move within a user's mailboxes leaves the user with what there was; what another one removed
 * meanwhile (its mailbox is dying) counts as new. */
static int count_copies(struct db_tx *tx, const struct copying *k)
{
    const struct box_copying *c = k->c;
    int64_t to, from = USER_NOBODY;
    int rc = mailbox_add(tx, c->tenant, c->target, &k->target, &to);
    if (rc == 0 && c->moving)
        rc = mailbox_add(tx, c->tenant, c->mailbox, &k->source, &from);
    if (rc == 0 && to != from)
        rc = usage_change(tx, c->tenant, to, &k->target, &c->quota);
    if (rc == 0 && to != from)
        rc = usage_change(tx, c->tenant, from, &k->source, NULL);
    return rc;
}

int box_copy(struct db_tx *tx, void *copying)
{
    struct copying k = {.c = copying, .now = clock_wall_ms()};
    struct box_copying *c = k.c;
    c->copied = 0;
    int rc = mailbox_next_modseq(tx, c->tenant, c->target, &k.target_modseq);
    if (rc == 0 && c->moving)
        rc = mailbox_next_modseq(tx, c->tenant, c->mailbox, &k.source_modseq);
    if (rc == 0)
        rc = reserve_uids(tx, c, &k.next_uid);
    for (size_t i = 0; rc == 0 && i < c->count; i++)
        rc = copy_one(tx, &k, i);
    if (rc == 0 && c->moving)
        rc = index_forget(tx, c->tenant, c->mailbox, c->uids, c->count);
    return rc < 0 ? rc : count_copies(tx, &k);
}
