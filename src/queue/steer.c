/* Steering the queue: retry, hold, release; see queue.h. Dropping is a result like others. */
#include "queue/queue.h"

#define SELECTED                                                                                   \
    " WHERE tenant = :tenant AND (:letter = 0 OR letter = :letter)"                                \
    " AND (:recipient = 0 OR id = :recipient) AND (:domain = '' OR domain = :domain)"              \
    " AND (:sender = '' OR letter IN (SELECT l.id FROM queue_letter l"                             \
    " WHERE l.tenant = :tenant AND l.reverse_path = :sender))"                                     \
    " AND (:batch = '' OR letter IN (SELECT l.id FROM queue_letter l"                              \
    " WHERE l.tenant = :tenant AND l.batch <> '' AND l.batch = :batch))"

static const struct db_statement retry_rows = {
    .sql = "UPDATE queue_recipient SET due_ms = :now, held = ''" SELECTED};
static const struct db_statement hold_rows = {
    .sql = "UPDATE queue_recipient SET held = :reason" SELECTED};
static const struct db_statement release_rows = {
    .sql = "UPDATE queue_recipient SET held = '', due_ms = CASE WHEN attempts = 0 AND"
           " due_ms > :now THEN due_ms ELSE :now END" SELECTED " AND held <> ''"};

static int prepare(struct db_tx *tx, const struct db_statement *statement,
                   const struct queue_selector *selector, struct db_query **ret_query)
{
    int rc = db_prepare(tx, statement, ret_query);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_query, "tenant", selector->tenant);
    db_bind_int(*ret_query, "letter", selector->letter);
    db_bind_int(*ret_query, "recipient", selector->recipient);
    db_bind_text(*ret_query, "domain", selector->domain);
    db_bind_text(*ret_query, "sender", selector->sender);
    db_bind_text(*ret_query, "batch", selector->batch);
    return 0;
}

static int set_due(struct db_tx *tx, const struct db_statement *statement,
                   const struct queue_selector *selector, int64_t now_ms)
{
    struct db_query *q;
    int rc = prepare(tx, statement, selector, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "now", now_ms);
    return db_run(q);
}

int queue_retry(struct db_tx *tx, const struct queue_selector *selector, int64_t now_ms)
{
    return set_due(tx, &retry_rows, selector, now_ms);
}

int queue_release(struct db_tx *tx, const struct queue_selector *selector, int64_t now_ms)
{
    return set_due(tx, &release_rows, selector, now_ms);
}

int queue_hold(struct db_tx *tx, const struct queue_selector *selector, struct span reason)
{
    struct db_query *q;
    int rc = prepare(tx, &hold_rows, selector, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "reason", reason);
    return db_run(q);
}
