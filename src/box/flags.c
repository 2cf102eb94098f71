/* Changes of flags; see box.h. */
#include "box/internal.h"

static const struct db_statement read_flags = {
    .sql = "SELECT uid, flags, modseq, octets FROM message" MESSAGE_RANGE " ORDER BY uid"};
/* By the primary key, not by MODSEQ: hence the plus. */
static const struct db_statement write_flags = {
    .sql = "UPDATE message SET flags = (flags & :keep) | :set, modseq = :modseq" MESSAGE_RANGE
           " AND +modseq <= :unchanged AND (flags & :keep) | :set <> flags"};

struct flagging {
    struct db_tx *tx;
    struct box_flagging *f;
    int64_t modseq;
    struct mailbox_change change;
    bool changes; /* one of the run */
};

/* What becomes of the message that q shows. */
static int decide(struct db_query *q, size_t i, void *arg)
{
    struct flagging *k = arg;
    struct box_flagging *f = k->f;
    uint64_t before = (uint64_t)db_column_int(q, 1), after = (before & ~f->clear) | f->set;
    uint64_t octets = (uint64_t)db_column_int(q, 3);
    f->flags[i] = before;
    f->modseq[i] = db_column_int(q, 2);
    f->outcome[i] = f->modseq[i] > f->unchanged ? BOX_MODIFIED : BOX_SAME;
    if (f->outcome[i] == BOX_MODIFIED || after == before)
        return 1; /* the statement leaves it as it is */
    f->flags[i] = after;
    f->modseq[i] = k->modseq;
    f->outcome[i] = BOX_CHANGED;
    change_add(&k->change, before, octets, -1);
    change_add(&k->change, after, octets, 1);
    k->changes = true;
    return 1;
}

static int write_run(int64_t first, int64_t last, void *arg)
{
    struct flagging *k = arg;
    const struct box_flagging *f = k->f;
    struct db_query *q;
    if (!k->changes)
        return 0;
    k->changes = false;
    int rc = message_prepare_range(k->tx, &write_flags, f->tenant, f->mailbox, first, last, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "keep", (int64_t)~f->clear);
    db_bind_int(q, "set", (int64_t)f->set);
    db_bind_int(q, "modseq", k->modseq);
    db_bind_int(q, "unchanged", f->unchanged);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

int box_set_flags(struct db_tx *tx, void *flagging)
{
    struct box_flagging *f = flagging;
    struct flagging k = {.tx = tx, .f = f};
    const struct runs runs = {f->tenant, f->mailbox, f->uids, f->count, decide, write_run, &k};
    int rc = mailbox_next_modseq(tx, f->tenant, f->mailbox, &k.modseq);
    for (size_t i = 0; i < f->count; i++)
        f->outcome[i] = BOX_GONE;
    if (rc == 0)
        rc = runs_walk(tx, &read_flags, &runs);
    return rc < 0 ? rc : mailbox_count(tx, f->tenant, f->mailbox, &k.change);
}
