/* Changes of flags; see box.h. */
#include "box/internal.h"

/* Messages that follow one another are read and changed as a run, with a statement each: one walk
 * instead of a search for every row. */
static const struct db_statement read_flags = {
    .sql = "SELECT uid, flags, modseq, octets FROM message WHERE tenant = :tenant"
           " AND mailbox = :mailbox AND uid >= :uid AND uid <= :last ORDER BY uid"};
/* By the primary key, not by MODSEQ: hence the plus. */
static const struct db_statement write_flags = {
    .sql = "UPDATE message SET flags = (flags & :keep) | :set, modseq = :modseq"
           " WHERE tenant = :tenant AND mailbox = :mailbox AND uid >= :uid AND uid <= :last"
           " AND +modseq <= :unchanged AND (flags & :keep) | :set <> flags"};

struct flagging {
    struct db_tx *tx;
    struct box_flagging *f;
    int64_t modseq;
    struct mailbox_change change;
    int64_t first, last; /* UIDs that are named and follow one another; 0: none */
    bool changes;        /* one of them */
};

static int write_run(struct flagging *k)
{
    const struct box_flagging *f = k->f;
    struct db_query *q;
    int rc = 0;
    if (k->changes) {
        rc = message_prepare(k->tx, &write_flags, f->tenant, f->mailbox, k->first, &q);
        if (rc < 0)
            return rc;
        db_bind_int(q, "last", k->last);
        db_bind_int(q, "keep", (int64_t)~f->clear);
        db_bind_int(q, "set", (int64_t)f->set);
        db_bind_int(q, "modseq", k->modseq);
        db_bind_int(q, "unchanged", f->unchanged);
        rc = db_run(q);
    }
    k->first = 0;
    k->changes = false;
    return rc < 0 ? rc : 0;
}

/* What becomes of the message that q shows. */
static void decide(struct flagging *k, struct db_query *q, size_t i)
{
    struct box_flagging *f = k->f;
    uint64_t before = (uint64_t)db_column_int(q, 1), after = (before & ~f->clear) | f->set;
    uint64_t octets = (uint64_t)db_column_int(q, 3);
    f->flags[i] = before;
    f->modseq[i] = db_column_int(q, 2);
    f->outcome[i] = f->modseq[i] > f->unchanged ? BOX_MODIFIED : BOX_SAME;
    if (f->outcome[i] == BOX_MODIFIED || after == before)
        return;
    f->flags[i] = after;
    f->modseq[i] = k->modseq;
    f->outcome[i] = BOX_CHANGED;
    change_add(&k->change, before, octets, -1);
    change_add(&k->change, after, octets, 1);
    k->changes = true;
}

/* Those from *at on that lie near each other; *at moves behind them. */
static int flag_near(struct flagging *k, size_t *at)
{
    struct box_flagging *f = k->f;
    size_t end = *at + 1;
    struct db_query *q;
    while (end < f->count && f->uids[end] - f->uids[end - 1] <= GAP_MAX)
        end++;
    int rc = message_prepare(k->tx, &read_flags, f->tenant, f->mailbox, f->uids[*at], &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "last", f->uids[end - 1]);
    while (rc == 0 && (rc = db_step(q)) == DB_ROW) {
        int64_t uid = db_column_int(q, 0);
        while (f->uids[*at] < uid)
            (*at)++;
        rc = f->uids[*at] == uid ? 0 : write_run(k); /* a stranger ends the run */
        if (rc < 0 || f->uids[*at] != uid)
            continue;
        k->first = k->first ? k->first : uid;
        k->last = uid;
        decide(k, q, *at);
    }
    *at = end;
    return rc < 0 ? rc : write_run(k);
}

int box_set_flags(struct db_tx *tx, void *flagging)
{
    struct flagging k = {.tx = tx, .f = flagging};
    struct box_flagging *f = k.f;
    int rc = mailbox_next_modseq(tx, f->tenant, f->mailbox, &k.modseq);
    for (size_t i = 0; i < f->count; i++)
        f->outcome[i] = BOX_GONE;
    for (size_t at = 0; rc == 0 && at < f->count;)
        rc = flag_near(&k, &at);
    return rc < 0 ? rc : mailbox_count(tx, f->tenant, f->mailbox, &k.change);
}
