/* Cold mailboxes; see box.h. */
#include "box/internal.h"

static const struct db_statement touch_messages = {
    .sql = "SELECT COUNT(*) FROM message" MESSAGE_RANGE};
static const struct db_statement touch_summaries = {
    .sql = "SELECT COUNT(*) FROM summary" MESSAGE_RANGE};

struct warming {
    int64_t tenant, mailbox, first, last;
    bool summaries;
};

static int touch(struct db_tx *tx, const struct db_statement *statement, const struct warming *w)
{
    struct db_query *q;
    int rc = message_prepare_range(tx, statement, w->tenant, w->mailbox, w->first, w->last, &q);
    if (rc == 0)
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
    struct warming w = {tenant, mailbox, first, last, (want & SUMMARY_WANTS) != 0};
    return store_co_warm(store, warm, &w);
}
