/*
 * Reading messages: in pages for the loop, in long runs for jobs in a lane; see box.h.
 *
 * Numbers come from the message's row, what was made at delivery from the summary's. Both tables
 * lie in the same order, so that two statements walk side by side: a join would look up each row.
 */
#include "box/internal.h"

#include <errno.h>

#define RANGE MESSAGE_RANGE " ORDER BY uid LIMIT :limit"

static const struct db_statement numbers = {.sql = MESSAGE_NUMBERS " FROM message m" RANGE};
static const struct db_statement few_numbers = {
    .sql = "SELECT m.uid, m.octets, m.flags, m.modseq FROM message m" RANGE};
static const struct db_statement numbers_and_head = {.sql = MESSAGE_NUMBERS
                                                     ", m.head FROM message m" RANGE};

/* By what is wanted, a statement each: reading less is faster. The columns in the order of enum
 * box_want, without the head. */
#define SUMMARY_SPANS 4
#define ONE(columns)                                                                               \
    {                                                                                              \
        .sql = "SELECT m.uid" columns " FROM summary m" RANGE                                      \
    }
#define ENVELOPES(columns)  ONE(columns), ONE(", m.envelope" columns)
#define STRUCTURES(columns) ENVELOPES(columns), ENVELOPES(", m.structure" columns)
#define PREVIEWS(columns)   STRUCTURES(columns), STRUCTURES(", m.preview" columns)
static const struct db_statement summaries[1U << SUMMARY_SPANS] = {PREVIEWS(""),
                                                                   PREVIEWS(", m.ids")};

struct page {
    int64_t tenant, mailbox, first, last;
    unsigned want;
    struct arena *arena;
    struct box_message *messages;
    size_t count;
};

void message_read_numbers(struct db_query *q, struct box_message *ret_message)
{
    *ret_message = (struct box_message){.uid = db_column_int(q, 0),
                                        .blob = db_column_int(q, 1),
                                        .octets = (uint64_t)db_column_int(q, 2),
                                        .received_ms = db_column_int(q, 3),
                                        .flags = (uint64_t)db_column_int(q, 4),
                                        .modseq = db_column_int(q, 5),
                                        .saved_ms = db_column_int(q, 6),
                                        .origin = db_column_int(q, 7),
                                        .thread = db_column_int(q, 8)};
}

static void read_few(struct db_query *q, struct box_message *ret_message)
{
    *ret_message = (struct box_message){.uid = db_column_int(q, 0),
                                        .octets = (uint64_t)db_column_int(q, 1),
                                        .flags = (uint64_t)db_column_int(q, 2),
                                        .modseq = db_column_int(q, 3)};
}

/* --- walking --------------------------------------------------------------------------------- */

struct walk {
    struct db_query *messages, *summaries; /* the latter NULL: nothing of them is wanted */
    unsigned want;
    int64_t summary_uid; /* of the row where summaries stand; 0: before the first */
};

static int walk_prepare(struct db_tx *tx, const struct db_statement *statement,
                        const struct page *page, int64_t limit, struct db_query **ret_query)
{
    int rc = message_prepare_range(tx, statement, page->tenant, page->mailbox, page->first,
                                   page->last, ret_query);
    if (rc == 0)
        db_bind_int(*ret_query, "limit", limit);
    return rc;
}

static int walk_start(struct db_tx *tx, const struct page *page, int64_t limit,
                      struct walk *ret_walk)
{
    *ret_walk = (struct walk){.want = page->want};
    unsigned summary = page->want & SUMMARY_WANTS;
    int rc = walk_prepare(tx,
                          page->want & BOX_WANT_HEAD  ? &numbers_and_head
                          : page->want & BOX_WANT_FEW ? &few_numbers
                                                      : &numbers,
                          page, limit, &ret_walk->messages);
    if (rc == 0 && summary)
        rc = walk_prepare(tx, &summaries[summary >> 1], page, limit, &ret_walk->summaries);
    return rc;
}

/* Those spans point into the row. */
static void read_summary(struct walk *walk, struct box_message *message)
{
    struct span *const spans[SUMMARY_SPANS] = {&message->envelope, &message->structure,
                                               &message->preview, &message->ids};
    int column = 1;
    for (unsigned i = 0; i < SUMMARY_SPANS; i++) {
        if (!(walk->want & 2U << i))
            continue;
        if (!db_column_is_null(walk->summaries, column))
            *spans[i] = db_column_bytes(walk->summaries, column);
        column++;
    }
}

static int find_summary(struct walk *walk, struct box_message *message)
{
    while (walk->summary_uid < message->uid) {
        int rc = db_step(walk->summaries);
        if (rc < 0)
            return rc;
        walk->summary_uid = rc == DB_ROW ? db_column_int(walk->summaries, 0) : INT64_MAX;
    }
    if (walk->summary_uid == message->uid)
        read_summary(walk, message);
    return 0;
}

/* DB_ROW, DB_DONE. What is wanted points into the rows, until the next step. */
static int walk_step(struct walk *walk, struct box_message *ret_message)
{
    int rc = db_step(walk->messages);
    if (rc != DB_ROW)
        return rc;
    bool head = walk->want & BOX_WANT_HEAD;
    if (walk->want & BOX_WANT_FEW && !head)
        read_few(walk->messages, ret_message);
    else
        message_read_numbers(walk->messages, ret_message);
    if (head)
        ret_message->head = db_column_bytes(walk->messages, MESSAGE_NUMBERS_COUNT);
    rc = walk->summaries ? find_summary(walk, ret_message) : 0;
    return rc < 0 ? rc : DB_ROW;
}

/* --- a page ---------------------------------------------------------------------------------- */

static int copy_spans(struct box_message *message, struct arena *arena)
{
    struct span *const spans[] = {&message->head, &message->envelope, &message->structure,
                                  &message->preview, &message->ids};
    for (unsigned i = 0; i < sizeof spans / sizeof *spans; i++) {
        if (!spans[i]->at)
            continue;
        *spans[i] = arena_copy(arena, *spans[i]);
        if (!spans[i]->at)
            return -ENOMEM;
    }
    return 0;
}

static int read_page(struct db_tx *tx, void *arg)
{
    struct page *page = arg;
    struct walk walk;
    int rc = walk_start(tx, page, BOX_PAGE, &walk);
    if (rc < 0)
        return rc;
    for (page->count = 0; page->count < BOX_PAGE; page->count++) {
        struct box_message *message = &page->messages[page->count];
        rc = walk_step(&walk, message);
        if (rc != DB_ROW)
            return rc;
        rc = copy_spans(message, page->arena);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int box_read_page(struct db_tx *tx, int64_t tenant, int64_t mailbox, int64_t first, int64_t last,
                  unsigned want, struct arena *arena, struct box_message **ret_messages,
                  size_t *ret_count)
{
    int64_t room = last - first + 1 < BOX_PAGE ? last - first + 1 : BOX_PAGE;
    struct page page = {tenant, mailbox, first, last, want, arena, NULL, 0};
    page.messages = arena_alloc(arena, (size_t)(room > 0 ? room : 1) * sizeof *page.messages);
    int rc = page.messages ? read_page(tx, &page) : -ENOMEM;
    *ret_messages = page.messages;
    *ret_count = page.count;
    return rc;
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

/* --- many ------------------------------------------------------------------------------------ */

#define RUN_MAX 4096 /* messages that one query shows */

static size_t count_run(const uint32_t *uids, size_t count)
{
    size_t run = 1;
    while (run < count && run < RUN_MAX && uids[run] - uids[run - 1] <= GAP_MAX)
        run++;
    return run;
}

static int visit_run(struct db_tx *tx, const struct page *page, const uint32_t *uids, size_t count,
                     box_visit *visit, void *arg)
{
    struct walk walk;
    struct box_message message;
    int rc = walk_start(tx, page, page->last - page->first + 1, &walk);
    if (rc < 0)
        return rc;
    for (size_t i = 0; (rc = walk_step(&walk, &message)) == DB_ROW;) {
        while (i < count && uids[i] < message.uid)
            i++;
        if (i == count || uids[i] != message.uid)
            continue;
        if ((rc = visit(&message, arg)) < 0)
            return rc;
    }
    return rc;
}

int box_visit_all(struct db_tx *tx, int64_t tenant, int64_t mailbox, const uint32_t *uids,
                  size_t count, unsigned want, box_visit *visit, void *arg)
{
    int rc = 0;
    for (size_t at = 0, run; rc == 0 && at < count; at += run) {
        run = count_run(uids + at, count - at);
        struct page page = {.tenant = tenant,
                            .mailbox = mailbox,
                            .first = uids[at],
                            .last = uids[at + run - 1],
                            .want = want};
        rc = visit_run(tx, &page, uids + at, run, visit, arg);
    }
    return rc;
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
