/* Messages: putting in, and reading in pages; see box.h. */
#include "box/internal.h"
#include "box/watch.h"

#include "base/clock.h"
#include "base/id.h"

#include <errno.h>

/* --- putting in ------------------------------------------------------------------------------ */

#define TAKE_UID                                                                                   \
    "UPDATE mailbox SET uidnext = uidnext + 1, highestmodseq = highestmodseq + 1,"                 \
    " messages = messages + 1, unseen = unseen + :unseen, deleted = deleted + :deleted,"           \
    " octets = octets + :octets, deleted_octets = deleted_octets + :deleted_octets"                \
    " WHERE tenant = :tenant"
#define TAKEN " RETURNING id, uidnext - 1, highestmodseq"

static const struct db_statement take_uid_by_name = {.sql = TAKE_UID
                                                     " AND user_id = :user AND name = :name" TAKEN};
static const struct db_statement take_uid_by_id = {.sql = TAKE_UID
                                                   " AND id = :mailbox AND user_id <> 0" TAKEN};
static const struct db_statement insert_message = {
    .sql = "INSERT INTO message (tenant, mailbox, uid, blob, octets, received_ms, flags, head,"
           " modseq, saved_ms, origin) VALUES (:tenant, :mailbox, :uid, :blob, :octets, :received,"
           " :flags, :head, :modseq, :saved, :origin)"};
static const struct db_statement insert_summary = {
    .sql = "INSERT INTO summary (tenant, mailbox, uid, envelope, structure)"
           " SELECT :tenant, :mailbox, :uid, :envelope, :structure WHERE EXISTS (SELECT 1"
           " FROM message WHERE tenant = :tenant AND mailbox = :mailbox AND uid = :uid)"
           " ON CONFLICT (tenant, mailbox, uid) DO NOTHING"};

int box_summarise(struct db_tx *tx, int64_t tenant, int64_t mailbox, int64_t uid,
                  struct span envelope, struct span structure)
{
    struct db_query *q;
    int rc = db_prepare(tx, &insert_summary, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "mailbox", mailbox);
    db_bind_int(q, "uid", uid);
    db_bind_bytes(q, "envelope", envelope);
    db_bind_bytes(q, "structure", structure);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

int message_insert(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                   const struct box_message *message)
{
    struct db_query *q;
    int rc = db_prepare(tx, &insert_message, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "mailbox", mailbox);
    db_bind_int(q, "uid", message->uid);
    db_bind_int(q, "blob", message->blob);
    db_bind_int(q, "octets", (int64_t)message->octets);
    db_bind_int(q, "received", message->received_ms);
    db_bind_int(q, "flags", (int64_t)message->flags);
    db_bind_bytes(q, "head", message->head);
    db_bind_int(q, "modseq", message->modseq);
    db_bind_int(q, "saved", message->saved_ms);
    db_bind_int(q, "origin", message->origin);
    rc = db_run(q);
    if (rc < 0 || message->envelope.len == 0)
        return rc < 0 ? rc : 0;
    return box_summarise(tx, tenant, mailbox, message->uid, message->envelope, message->structure);
}

/* Counts the message in; q waits for what names the mailbox. ERR_ABSENT: there is none. */
static int take_uid(struct db_query *q, int64_t tenant, const struct box_message *message,
                    int64_t *ret_mailbox, struct box_message *ret_message)
{
    struct mailbox_change change = {0};
    change_add(&change, message->flags, message->octets, 1);
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "unseen", change.unseen);
    db_bind_int(q, "deleted", change.deleted);
    db_bind_int(q, "octets", change.octets);
    db_bind_int(q, "deleted_octets", change.deleted_octets);
    int rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_mailbox = db_column_int(q, 0);
    *ret_message = *message;
    ret_message->uid = db_column_int(q, 1);
    ret_message->modseq = db_column_int(q, 2);
    ret_message->saved_ms = clock_wall_ms();
    if (ret_message->origin == 0)
        ret_message->origin = id_next();
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static int put_in(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                  const struct box_message *message, int64_t *ret_uid)
{
    if (message->uid > BOX_UID_MAX)
        return ERR_FULL;
    int rc = message_insert(tx, tenant, mailbox, message);
    if (rc == 0)
        rc = box_watch_announce(tx, mailbox);
    *ret_uid = message->uid;
    return rc;
}

static int take_uid_by(struct db_tx *tx, int64_t tenant, int64_t user, struct span name,
                       const struct box_message *message, int64_t *ret_mailbox,
                       struct box_message *ret_message)
{
    struct db_query *q;
    int rc = db_prepare(tx, &take_uid_by_name, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "user", user);
    db_bind_text(q, "name", name);
    return take_uid(q, tenant, message, ret_mailbox, ret_message);
}

int box_append(struct db_tx *tx, int64_t tenant, int64_t user, const char *mailbox,
               const struct box_message *message, int64_t *ret_uid)
{
    struct box_message taken;
    struct span name = span_of(mailbox);
    int64_t id = 0;
    int rc = take_uid_by(tx, tenant, user, name, message, &id, &taken);
    if (rc == ERR_ABSENT) {
        rc = box_make(tx, tenant, user, name, BOX_USE_NONE);
        if (rc == 0)
            rc = take_uid_by(tx, tenant, user, name, message, &id, &taken);
    }
    return rc < 0 ? rc : put_in(tx, tenant, id, &taken, ret_uid);
}

int box_append_to(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                  const struct box_message *message, int64_t *ret_uid)
{
    struct box_message taken;
    struct db_query *q;
    int64_t id;
    int rc = db_prepare(tx, &take_uid_by_id, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "mailbox", mailbox);
    rc = take_uid(q, tenant, message, &id, &taken);
    return rc < 0 ? rc : put_in(tx, tenant, mailbox, &taken, ret_uid);
}

/* --- reading --------------------------------------------------------------------------------- */

#define NUMBERS                                                                                    \
    "SELECT m.uid, m.blob, m.octets, m.received_ms, m.flags, m.modseq, m.saved_ms, m.origin"
#define PAGE                                                                                       \
    " WHERE m.tenant = :tenant AND m.mailbox = :mailbox AND m.uid >= :first AND m.uid <= :last"    \
    " ORDER BY m.uid LIMIT 256"
#define WITH_SUMMARY                                                                               \
    " FROM message m LEFT JOIN summary s ON s.tenant = m.tenant AND s.mailbox = m.mailbox"         \
    " AND s.uid = m.uid"

/* By what is wanted: reading less is faster. */
static const struct db_statement pages[] = {
    [0] = {.sql = NUMBERS " FROM message m" PAGE},
    [BOX_WANT_HEAD] = {.sql = NUMBERS ", m.head FROM message m" PAGE},
    [BOX_WANT_ENVELOPE] = {.sql = NUMBERS ", s.envelope" WITH_SUMMARY PAGE},
    [BOX_WANT_HEAD | BOX_WANT_ENVELOPE] = {.sql = NUMBERS ", m.head, s.envelope" WITH_SUMMARY PAGE},
    [BOX_WANT_STRUCTURE] = {.sql = NUMBERS ", s.structure" WITH_SUMMARY PAGE},
    [BOX_WANT_HEAD |
        BOX_WANT_STRUCTURE] = {.sql = NUMBERS ", m.head, s.structure" WITH_SUMMARY PAGE},
    [BOX_WANT_ENVELOPE |
        BOX_WANT_STRUCTURE] = {.sql = NUMBERS ", s.envelope, s.structure" WITH_SUMMARY PAGE},
    [BOX_WANT_HEAD | BOX_WANT_ENVELOPE |
        BOX_WANT_STRUCTURE] = {.sql =
                                   NUMBERS ", m.head, s.envelope, s.structure" WITH_SUMMARY PAGE},
};

struct page {
    int64_t tenant, mailbox, first, last;
    unsigned want;
    struct arena *arena;
    struct box_message *messages;
    size_t count;
};

/* A row of NUMBERS. */
static void read_numbers(struct db_query *q, struct box_message *ret_message)
{
    *ret_message = (struct box_message){.uid = db_column_int(q, 0),
                                        .blob = db_column_int(q, 1),
                                        .octets = (uint64_t)db_column_int(q, 2),
                                        .received_ms = db_column_int(q, 3),
                                        .flags = (uint64_t)db_column_int(q, 4),
                                        .modseq = db_column_int(q, 5),
                                        .saved_ms = db_column_int(q, 6),
                                        .origin = db_column_int(q, 7)};
}

static int copy_row(struct db_query *q, const struct page *page, struct box_message *ret_message)
{
    struct span *const wanted[] = {&ret_message->head, &ret_message->envelope,
                                   &ret_message->structure};
    int column = 8;
    read_numbers(q, ret_message);
    for (unsigned i = 0; i < 3; i++) {
        if (!(page->want & 1U << i))
            continue;
        *wanted[i] = arena_copy(page->arena, db_column_bytes(q, column++));
        if (!wanted[i]->at)
            return -ENOMEM;
    }
    return 0;
}

static int read_page(struct db_tx *tx, void *arg)
{
    struct page *page = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &pages[page->want], &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", page->tenant);
    db_bind_int(q, "mailbox", page->mailbox);
    db_bind_int(q, "first", page->first);
    db_bind_int(q, "last", page->last);
    for (page->count = 0; (rc = db_step(q)) == DB_ROW && page->count < BOX_PAGE; page->count++)
        if ((rc = copy_row(q, page, &page->messages[page->count])) < 0)
            return rc;
    return rc < 0 ? rc : 0;
}

int box_co_page(struct store *store, int64_t tenant, int64_t mailbox, int64_t first, int64_t last,
                unsigned want, struct arena *arena, struct box_message **ret_messages,
                size_t *ret_count)
{
    int64_t room = last - first + 1 < BOX_PAGE ? last - first + 1 : BOX_PAGE;
    struct page page = {tenant, mailbox, first, last, want, arena, NULL, 0};
    page.messages = arena_alloc(arena, (size_t)(room > 0 ? room : 1) * sizeof *page.messages);
    int rc = page.messages ? store_co_read(store, read_page, &page) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_messages = page.messages;
    *ret_count = page.count;
    return 0;
}

static const struct db_statement list_uids = {
    .sql = "SELECT uid FROM message WHERE tenant = :tenant AND mailbox = :mailbox AND uid > :after"
           " AND uid <= :last ORDER BY uid LIMIT 4096"};

struct uids {
    int64_t tenant, mailbox, after, last;
    uint32_t *list;
    size_t count;
};

static int read_uids(struct db_tx *tx, void *arg)
{
    struct uids *uids = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &list_uids, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", uids->tenant);
    db_bind_int(q, "mailbox", uids->mailbox);
    db_bind_int(q, "after", uids->after);
    db_bind_int(q, "last", uids->last);
    for (uids->count = 0; (rc = db_step(q)) == DB_ROW && uids->count < BOX_UIDS_PAGE; uids->count++)
        uids->list[uids->count] = (uint32_t)db_column_int(q, 0);
    return rc < 0 ? rc : 0;
}

int box_co_uids(struct store *store, int64_t tenant, int64_t mailbox, int64_t after, int64_t last,
                struct arena *arena, uint32_t **ret_uids, size_t *ret_count)
{
    struct uids uids = {
        tenant, mailbox, after, last, arena_alloc(arena, BOX_UIDS_PAGE * sizeof *uids.list), 0};
    int rc = uids.list ? store_co_read(store, read_uids, &uids) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_uids = uids.list;
    *ret_count = uids.count;
    return 0;
}

int box_co_list(struct store *store, int64_t tenant, int64_t mailbox, int64_t after,
                struct arena *arena, struct box_message **ret_messages, size_t *ret_count)
{
    return box_co_page(store, tenant, mailbox, after + 1, BOX_UID_MAX, BOX_WANT_HEAD, arena,
                       ret_messages, ret_count);
}

int box_co_message(struct store *store, int64_t tenant, int64_t mailbox, int64_t uid,
                   struct arena *arena, struct box_message *ret_message)
{
    struct box_message *found;
    size_t count;
    int rc = box_co_page(store, tenant, mailbox, uid, uid, BOX_WANT_HEAD, arena, &found, &count);
    if (rc == 0 && count == 0)
        rc = ERR_ABSENT;
    if (rc == 0)
        *ret_message = *found;
    return rc;
}

/* --- news ------------------------------------------------------------------------------------ */

#define NEWS_ROOM (2 * BOX_PAGE + 1) /* a job changes at most BOX_PAGE under one MODSEQ */

static const struct db_statement find_gone = {
    .sql = "SELECT uid, modseq FROM expunged WHERE tenant = :tenant AND mailbox = :mailbox"
           " AND modseq > :after ORDER BY modseq, uid LIMIT 513"};
static const struct db_statement find_changed = {
    .sql = NUMBERS " FROM message m WHERE m.tenant = :tenant AND m.mailbox = :mailbox"
                   " AND m.modseq > :after ORDER BY m.modseq, m.uid LIMIT 513"};
static const struct db_statement find_counters = {
    .sql = "SELECT" MAILBOX_COLUMNS " FROM mailbox WHERE tenant = :tenant AND id = :mailbox"
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
        read_numbers(q, &out->changed[out->changed_count]);
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
