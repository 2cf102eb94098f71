/* The queue's rows; see queue.h. */
#include "base/clock.h"
#include "event/event.h"
#include "queue/queue.h"
#include "store/blob.h"

#include <errno.h>
#include <string.h>

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE queue_letter (tenant {id} NOT NULL, id {id} NOT NULL,"
        " reverse_path {text} NOT NULL, kind {int} NOT NULL, head {bytes} NOT NULL,"
        " blob {id} NOT NULL,"
        " octets {int} NOT NULL, eight_bit {int} NOT NULL, verp {int} NOT NULL, may_notify {int} "
        "NOT NULL,"
        " noticed {int} NOT NULL, crashes {int} NOT NULL,"
        " accepted_ms {int} NOT NULL, expires_ms {int} NOT NULL,"
        " PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE TABLE queue_recipient (tenant {id} NOT NULL, id {id} NOT NULL,"
        " letter {id} NOT NULL, forward_path {text} NOT NULL, domain {text} NOT NULL,"
        " due_ms {int} NOT NULL, held {text} NOT NULL, attempts {int} NOT NULL,"
        " last_reply {text} NOT NULL, variables {bytes},"
        " PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE INDEX queue_recipient_letter ON queue_recipient (tenant, letter);\n"},
    {2, "ALTER TABLE queue_letter ADD COLUMN batch {text} NOT NULL DEFAULT '';\n"
        "ALTER TABLE queue_letter ADD COLUMN first_due_ms {int} NOT NULL DEFAULT 0;\n"
        "CREATE INDEX queue_letter_batch ON queue_letter (tenant, batch) WHERE batch <> '';\n"},
};
const struct db_schema queue_schema = {"queue", migrations, 2};

/* --- putting in ------------------------------------------------------------------------------ */

static const struct db_statement insert_letter = {
    .sql =
        "INSERT INTO queue_letter (tenant, id, reverse_path, kind, head, blob, octets, eight_bit,"
        " verp, may_notify, noticed, crashes, accepted_ms, expires_ms, batch, first_due_ms)"
        " VALUES (:tenant, :id, :reverse_path, :kind, :head, :blob, :octets, :eight_bit, :verp,"
        " :may_notify, 0, 0, :accepted, :expires, :batch, :first_due)"};
static const struct db_statement insert_recipient = {
    .sql = "INSERT INTO queue_recipient (tenant, id, letter, forward_path, domain, due_ms, held,"
           " attempts, last_reply, variables) VALUES (:tenant, :id, :letter, :forward_path,"
           " :domain, :due, :held, 0, '', :variables)"};

static int put_letter(struct db_tx *tx, const struct queue_letter *letter)
{
    struct db_query *q;
    int rc = db_prepare(tx, &insert_letter, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", letter->tenant);
    db_bind_int(q, "id", letter->id);
    db_bind_text(q, "reverse_path", letter->reverse_path);
    db_bind_int(q, "kind", letter->kind);
    db_bind_bytes(q, "head", letter->head.at ? letter->head : SPAN(""));
    db_bind_int(q, "blob", letter->blob);
    db_bind_int(q, "octets", (int64_t)letter->octets);
    db_bind_int(q, "eight_bit", letter->eight_bit);
    db_bind_int(q, "verp", letter->verp);
    db_bind_int(q, "may_notify", letter->may_notify);
    db_bind_int(q, "accepted", letter->accepted_ms);
    db_bind_int(q, "expires", letter->expires_ms);
    db_bind_text(q, "batch", letter->batch);
    db_bind_int(q, "first_due", letter->first_due_ms);
    return db_run(q);
}

static int put_recipient(struct db_tx *tx, const struct queue_letter *letter,
                         const struct queue_recipient *recipient)
{
    struct db_query *q;
    int rc = db_prepare(tx, &insert_recipient, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", letter->tenant);
    db_bind_int(q, "id", recipient->id);
    db_bind_int(q, "letter", letter->id);
    db_bind_text(q, "forward_path", recipient->forward_path);
    db_bind_text(q, "domain", recipient->domain);
    db_bind_int(q, "due", recipient->due_ms);
    db_bind_text(q, "held", recipient->held.len ? recipient->held : SPAN(""));
    if (letter->kind == QUEUE_BODY_TEMPLATE)
        db_bind_bytes(q, "variables", recipient->variables);
    else
        db_bind_null(q, "variables");
    return db_run(q);
}

int queue_put(struct db_tx *tx, const struct queue_letter *letter,
              const struct queue_recipient *recipients, size_t count)
{
    int rc = put_letter(tx, letter);
    for (size_t i = 0; rc >= 0 && i < count; i++)
        rc = put_recipient(tx, letter, &recipients[i]);
    return rc < 0 ? rc : 0;
}

static const struct db_statement set_noticed = {
    .sql = "UPDATE queue_letter SET noticed = 1 WHERE tenant = :tenant AND id = :id"};

int queue_set_noticed(struct db_tx *tx, const struct queue_letter *letter)
{
    struct db_query *q;
    int rc = db_prepare(tx, &set_noticed, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", letter->tenant);
    db_bind_int(q, "id", letter->id);
    return db_run(q);
}

static const struct db_statement count_crash = {
    .sql = "UPDATE queue_letter SET crashes = crashes + 1 WHERE tenant = :tenant AND id = :id"
           " RETURNING crashes"};

int queue_count_crash(struct db_tx *tx, int64_t tenant, int64_t letter)
{
    struct db_query *q;
    int rc = db_prepare(tx, &count_crash, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", letter);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    int crashes = (int)db_column_int(q, 0);
    rc = db_run(q);
    return rc < 0 ? rc : crashes;
}

/* --- what became of them --------------------------------------------------------------------- */

static const struct db_statement defer_recipient = {
    .sql = "UPDATE queue_recipient SET due_ms = :due, attempts = attempts + 1, last_reply = :reply"
           " WHERE tenant = :tenant AND id = :id"};
static const struct db_statement delete_recipient = {
    .sql = "DELETE FROM queue_recipient WHERE tenant = :tenant AND id = :id"};
static const struct db_statement delete_letter = {
    .sql = "DELETE FROM queue_letter WHERE tenant = :tenant AND id = :letter AND NOT EXISTS"
           " (SELECT 1 FROM queue_recipient WHERE tenant = :tenant AND letter = :letter)"};

/* Rows changed: 0 when the recipient is gone. */
static int settle_row(struct db_tx *tx, int64_t tenant, const struct queue_result *result)
{
    bool again = result->end == QUEUE_DEFERRED;
    struct db_query *q;
    int rc = db_prepare(tx, again ? &defer_recipient : &delete_recipient, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", result->recipient);
    if (again) {
        db_bind_int(q, "due", result->due_ms);
        db_bind_text(q, "reply", result->reply);
    }
    return db_run(q);
}

static int settle_one(struct db_tx *tx, const struct queue_letter *letter,
                      const struct queue_result *result, int64_t *sender_row)
{
    static const enum event_kind kinds[] = {[QUEUE_DEFERRED] = EVENT_DEFERRED,
                                            [QUEUE_DELIVERED] = EVENT_DELIVERED,
                                            [QUEUE_BOUNCED] = EVENT_BOUNCED,
                                            [QUEUE_EXPIRED] = EVENT_EXPIRED,
                                            [QUEUE_DROPPED] = EVENT_DROPPED};
    struct event event = {.tenant = letter->tenant,
                          .letter = letter->id,
                          .kind = kinds[result->end],
                          .sender = letter->reverse_path,
                          .sender_row = sender_row,
                          .recipient = result->forward_path,
                          .detail = result->reply,
                          .bytes = letter->octets};
    int rc = settle_row(tx, letter->tenant, result);
    return rc <= 0 ? rc : event_record(tx, &event);
}

/* The letter and its hold on the body go with the last recipient. */
static int forget_finished(struct db_tx *tx, const struct queue_letter *letter)
{
    struct db_query *q;
    int rc = db_prepare(tx, &delete_letter, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", letter->tenant);
    db_bind_int(q, "letter", letter->id);
    rc = db_run(q);
    return rc > 0 ? blob_reference(tx, letter->tenant, letter->blob, -1) : rc;
}

int queue_settle(struct db_tx *tx, const struct queue_letter *letter,
                 const struct queue_result *results, size_t count)
{
    int64_t sender_row = 0;
    bool ended = false;
    for (size_t i = 0; i < count; i++) {
        int rc = settle_one(tx, letter, &results[i], &sender_row);
        if (rc < 0)
            return rc;
        ended = ended || results[i].end != QUEUE_DEFERRED;
    }
    return ended ? forget_finished(tx, letter) : 0;
}
