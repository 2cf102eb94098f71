/* Messages: putting in, and what is new or gone; see box.h. */
#include "box/internal.h"
#include "box/summary.h"
#include "box/watch.h"

#include "base/clock.h"
#include "base/id.h"

#include <errno.h>

/* --- putting in ------------------------------------------------------------------------------ */

static const struct db_statement take_uid = {
    .sql = "UPDATE mailbox SET uidnext = uidnext + 1, highestmodseq = highestmodseq + 1,"
           " messages = messages + 1, unseen = unseen + :unseen, deleted = deleted + :deleted,"
           " octets = octets + :octets, deleted_octets = deleted_octets + :deleted_octets"
           " WHERE tenant = :tenant AND id = :mailbox AND user_id <> 0"
           " RETURNING uidnext - 1, highestmodseq"};
static const struct db_statement insert_message = {
    .sql = "INSERT INTO message (tenant, mailbox, uid, blob, octets, received_ms, flags, head,"
           " modseq, saved_ms, origin, thread) VALUES (:tenant, :mailbox, :uid, :blob, :octets,"
           " :received, :flags, :head, :modseq, :saved, :origin, :thread)"};
static const struct db_statement insert_summary = {
    .sql = "INSERT INTO summary (tenant, mailbox, uid, envelope, structure, preview, ids)"
           " SELECT :tenant, :mailbox, :uid, :envelope, :structure, :preview, :ids WHERE EXISTS"
           " (SELECT 1 FROM message WHERE tenant = :tenant AND mailbox = :mailbox AND uid = :uid)"
           " ON CONFLICT (tenant, mailbox, uid) DO UPDATE SET preview = excluded.preview,"
           " ids = excluded.ids"};
static const struct db_statement set_thread = {
    .sql = "UPDATE message SET thread = :thread WHERE tenant = :tenant AND mailbox = :mailbox"
           " AND uid = :uid AND thread = 0"};

int message_prepare(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                    int64_t mailbox, int64_t uid, struct db_query **ret_query)
{
    int rc = db_prepare(tx, statement, ret_query);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_query, "tenant", tenant);
    db_bind_int(*ret_query, "mailbox", mailbox);
    db_bind_int(*ret_query, "uid", uid);
    return 0;
}

int message_prepare_range(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                          int64_t mailbox, int64_t first, int64_t last, struct db_query **ret_query)
{
    int rc = db_prepare(tx, statement, ret_query);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_query, "tenant", tenant);
    db_bind_int(*ret_query, "mailbox", mailbox);
    db_bind_int(*ret_query, "first", first);
    db_bind_int(*ret_query, "last", last);
    return 0;
}

static void bind_or_nothing(struct db_query *q, const char *name, struct span bytes)
{
    if (bytes.at)
        db_bind_bytes(q, name, bytes);
    else
        db_bind_null(q, name);
}

static int put_summary(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                       const struct box_message *message)
{
    struct db_query *q;
    int rc = message_prepare(tx, &insert_summary, tenant, mailbox, message->uid, &q);
    if (rc < 0)
        return rc;
    db_bind_bytes(q, "envelope", message->envelope);
    db_bind_bytes(q, "structure", message->structure);
    bind_or_nothing(q, "preview", message->preview);
    bind_or_nothing(q, "ids", message->ids);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

int box_summarise(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                  const struct box_message *message)
{
    struct db_query *q;
    int rc = put_summary(tx, tenant, mailbox, message);
    if (rc == 0)
        rc = message_prepare(tx, &set_thread, tenant, mailbox, message->uid, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "thread", message->thread);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

int message_insert(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                   const struct box_message *message)
{
    struct db_query *q;
    int rc = message_prepare(tx, &insert_message, tenant, mailbox, message->uid, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "blob", message->blob);
    db_bind_int(q, "octets", (int64_t)message->octets);
    db_bind_int(q, "received", message->received_ms);
    db_bind_int(q, "flags", (int64_t)message->flags);
    db_bind_bytes(q, "head", message->head);
    db_bind_int(q, "modseq", message->modseq);
    db_bind_int(q, "saved", message->saved_ms);
    db_bind_int(q, "origin", message->origin);
    db_bind_int(q, "thread", message->thread);
    rc = db_run(q);
    if (rc < 0 || message->envelope.len == 0)
        return rc < 0 ? rc : 0;
    return put_summary(tx, tenant, mailbox, message);
}

/* Counts the message in. ERR_ABSENT: there is no such mailbox. */
static int count_in(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                    const struct box_message *message, struct box_message *ret_message)
{
    struct mailbox_change change = {0};
    struct db_query *q;
    int rc = db_prepare(tx, &take_uid, &q);
    if (rc < 0)
        return rc;
    change_add(&change, message->flags, message->octets, 1);
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "mailbox", mailbox);
    db_bind_int(q, "unseen", change.unseen);
    db_bind_int(q, "deleted", change.deleted);
    db_bind_int(q, "octets", change.octets);
    db_bind_int(q, "deleted_octets", change.deleted_octets);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_message = *message;
    ret_message->uid = db_column_int(q, 0);
    ret_message->modseq = db_column_int(q, 1);
    ret_message->saved_ms = clock_wall_ms();
    if (ret_message->origin == 0)
        ret_message->origin = id_next();
    if (ret_message->thread == 0)
        ret_message->thread = summary_thread_alone(ret_message->origin);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

int box_append_to(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                  const struct box_message *message, int64_t *ret_uid)
{
    struct box_message taken;
    int rc = count_in(tx, tenant, mailbox, message, &taken);
    if (rc == 0 && taken.uid > BOX_UID_MAX)
        rc = ERR_FULL;
    if (rc == 0)
        rc = message_insert(tx, tenant, mailbox, &taken);
    if (rc == 0)
        rc = box_watch_announce(tx, mailbox);
    if (rc == 0)
        *ret_uid = taken.uid;
    return rc;
}

/* --- news ------------------------------------------------------------------------------------ */

#define NEWS_ROOM (2 * BOX_PAGE + 1) /* a job changes at most BOX_PAGE under one MODSEQ */

static const struct db_statement find_gone = {
    .sql = "SELECT uid, modseq FROM expunged WHERE tenant = :tenant AND mailbox = :mailbox"
           " AND modseq > :after ORDER BY modseq, uid LIMIT 513"};
static const struct db_statement find_changed = {
    .sql = MESSAGE_NUMBERS " FROM message m WHERE m.tenant = :tenant AND m.mailbox = :mailbox"
                           " AND m.modseq > :after ORDER BY m.modseq, m.uid LIMIT 513"};
static const struct db_statement find_counters = {
    .sql = "SELECT" MAILBOX_COLUMNS ", floor FROM mailbox WHERE tenant = :tenant AND id = :mailbox"
           " AND user_id <> 0"};

struct news {
    int64_t tenant, mailbox, after;
    struct box_news *out;
    int64_t *gone_modseqs;
};

static int start(struct db_tx *tx, const struct db_statement *statement, const struct news *news,
                 struct db_query **ret_query)
{
    int rc = db_prepare(tx, statement, ret_query);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_query, "tenant", news->tenant);
    db_bind_int(*ret_query, "mailbox", news->mailbox);
    if (statement != &find_counters)
        db_bind_int(*ret_query, "after", news->after);
    return 0;
}

static int read_gone(struct db_tx *tx, struct news *news)
{
    struct box_news *out = news->out;
    struct db_query *q;
    int rc = start(tx, &find_gone, news, &q);
    if (rc < 0)
        return rc;
    for (out->gone_count = 0; (rc = db_step(q)) == DB_ROW; out->gone_count++) {
        out->gone[out->gone_count] = db_column_int(q, 0);
        news->gone_modseqs[out->gone_count] = db_column_int(q, 1);
    }
    return rc;
}

static int read_changed(struct db_tx *tx, struct news *news)
{
    struct box_news *out = news->out;
    struct db_query *q;
    int rc = start(tx, &find_changed, news, &q);
    if (rc < 0)
        return rc;
    for (out->changed_count = 0; (rc = db_step(q)) == DB_ROW; out->changed_count++)
        message_read_numbers(q, &out->changed[out->changed_count]);
    return rc;
}

static int read_counters(struct db_tx *tx, struct news *news)
{
    struct db_query *q;
    int rc = start(tx, &find_counters, news, &q);
    if (rc < 0)
        return rc;
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    mailbox_read(q, &news->out->mailbox);
    news->out->is_inbox = span_equal(news->out->mailbox.name, SPAN(BOX_INBOX));
    news->out->complete = news->after >= db_column_int(q, MAILBOX_COLUMN_COUNT);
    news->out->mailbox.name = SPAN("");
    return 0;
}

/* A full list ends before the MODSEQ of its last row, which may go on. */
static void cut_page(struct news *news)
{
    struct box_news *out = news->out;
    out->modseq = out->mailbox.modseq;
    if (out->gone_count == NEWS_ROOM)
        out->modseq = news->gone_modseqs[NEWS_ROOM - 1] - 1;
    if (out->changed_count == NEWS_ROOM && out->changed[NEWS_ROOM - 1].modseq <= out->modseq)
        out->modseq = out->changed[NEWS_ROOM - 1].modseq - 1;
    while (out->gone_count && news->gone_modseqs[out->gone_count - 1] > out->modseq)
        out->gone_count--;
    while (out->changed_count && out->changed[out->changed_count - 1].modseq > out->modseq)
        out->changed_count--;
    out->more = out->modseq < out->mailbox.modseq;
}

static int read_news(struct db_tx *tx, void *arg)
{
    struct news *news = arg;
    int rc = read_counters(tx, news);
    if (rc == 0)
        rc = read_gone(tx, news);
    if (rc == 0)
        rc = read_changed(tx, news);
    if (rc == 0)
        cut_page(news);
    return rc;
}

int box_co_news(struct store *store, int64_t tenant, int64_t mailbox, int64_t after,
                struct arena *arena, struct box_news *ret_news)
{
    struct news news = {tenant, mailbox, after, ret_news,
                        arena_alloc(arena, NEWS_ROOM * sizeof *news.gone_modseqs)};
    ret_news->gone = arena_alloc(arena, NEWS_ROOM * sizeof *ret_news->gone);
    ret_news->changed = arena_alloc(arena, NEWS_ROOM * sizeof *ret_news->changed);
    if (!news.gone_modseqs || !ret_news->gone || !ret_news->changed)
        return -ENOMEM;
    return store_co_read(store, read_news, &news);
}

/* --- what is gone, for QRESYNC --------------------------------------------------------------- */

static const struct db_statement find_expunged = {
    .sql = "SELECT uid FROM expunged WHERE tenant = :tenant AND mailbox = :mailbox"
           " AND modseq > :after AND uid > :above AND uid <= :last ORDER BY uid LIMIT 256"};
static const struct db_statement find_floor = {
    .sql = "SELECT floor FROM mailbox WHERE tenant = :tenant AND id = :mailbox"};

struct expunged {
    int64_t tenant, mailbox, after, above, last;
    int64_t *uids;
    size_t count;
    bool complete;
};

static int read_expunged(struct db_tx *tx, void *arg)
{
    struct expunged *e = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_floor, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", e->tenant);
    db_bind_int(q, "mailbox", e->mailbox);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    e->complete = e->after >= db_column_int(q, 0);
    rc = db_prepare(tx, &find_expunged, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", e->tenant);
    db_bind_int(q, "mailbox", e->mailbox);
    db_bind_int(q, "after", e->after);
    db_bind_int(q, "above", e->above);
    db_bind_int(q, "last", e->last);
    for (e->count = 0; (rc = db_step(q)) == DB_ROW && e->count < BOX_PAGE; e->count++)
        e->uids[e->count] = db_column_int(q, 0);
    return rc < 0 ? rc : 0;
}

int box_co_expunged(struct store *store, int64_t tenant, int64_t mailbox, int64_t after,
                    int64_t above, int64_t last, struct arena *arena, int64_t **ret_uids,
                    size_t *ret_count, bool *ret_complete)
{
    struct expunged e = {tenant, mailbox, after,
                         above,  last,    arena_alloc(arena, BOX_PAGE * sizeof *e.uids),
                         0,      false};
    int rc = e.uids ? store_co_read(store, read_expunged, &e) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_uids = e.uids;
    *ret_count = e.count;
    *ret_complete = e.complete;
    return 0;
}
