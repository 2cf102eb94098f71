/* Cold mailboxes; see box.h. */
#include "box/internal.h"

#define TOUCH(table)                                                                               \
    {                                                                                              \
        .sql = "SELECT COUNT(*) FROM " table " WHERE tenant = :tenant AND mailbox = :mailbox"      \
               " AND uid >= :first AND uid <= :last"                                               \
    }
static const struct db_statement touch_messages = TOUCH("message");
static const struct db_statement touch_summaries = TOUCH("summary");

struct warming {
    int64_t tenant, mailbox, first, last;
    bool summaries;
};

static int touch(struct db_tx *tx, const struct db_statement *statement, const struct warming *w)
{
    struct db_query *q;
    int rc = db_prepare(tx, statement, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", w->tenant);
    db_bind_int(q, "mailbox", w->mailbox);
    db_bind_int(q, "first", w->first);
    db_bind_int(q, "last", w->last);
    rc = db_step(q);
    return rc < 0 ? rc : 0;
}

static int warm(struct db_tx *tx, void *arg)
{
    const struct warming *w = arg;
    int rc = touch(tx, &touch_messages, w);
    return rc == 0 && w->summaries ? touch(tx, &touch_summaries, w) : rc;
}

int box_co_warm(struct store *store, int64_t tenant, int64_t mailbox, int64_t first, int64_t last,
                unsigned want)
{
    struct warming w = {tenant, mailbox, first, last,
                        (want & ~(unsigned)(BOX_WANT_HEAD | BOX_WANT_FEW)) != 0};
    return store_co_warm(store, warm, &w);
}
