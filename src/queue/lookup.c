/* Reading the queue: what to send, what is there; see queue.h. */
#include "queue/queue.h"

#include <errno.h>

#define ROWS_MAX 256

#define LETTER_COLUMNS                                                                             \
    "l.reverse_path, l.kind, l.blob, l.octets, l.eight_bit, l.may_notify, l.noticed, l.crashes, "  \
    "l.accepted_ms, l.expires_ms, l.head, l.verp, l.first_due_ms, l.batch"
#define RECIPIENT_SHOWN                                                                            \
    "r.id, r.forward_path, r.domain, r.due_ms, r.held, r.attempts, r.last_reply, "
#define RECIPIENT_COLUMNS RECIPIENT_SHOWN "r.variables"

/* --- columns --------------------------------------------------------------------------------- */

static bool keep(struct arena *arena, struct db_query *q, int column, struct span *ret_text)
{
    *ret_text = arena_copy(arena, db_column_bytes(q, column));
    return ret_text->at != NULL;
}

/* LETTER_COLUMNS from column `at` on. */
static int take_letter(struct db_query *q, int at, struct arena *arena, struct queue_letter *letter)
{
    letter->kind = (enum queue_body)db_column_int(q, at + 1);
    letter->blob = db_column_int(q, at + 2);
    letter->octets = (uint64_t)db_column_int(q, at + 3);
    letter->eight_bit = db_column_int(q, at + 4) != 0;
    letter->may_notify = db_column_int(q, at + 5) != 0;
    letter->noticed = db_column_int(q, at + 6) != 0;
    letter->crashes = (unsigned)db_column_int(q, at + 7);
    letter->accepted_ms = db_column_int(q, at + 8);
    letter->expires_ms = db_column_int(q, at + 9);
    letter->verp = db_column_int(q, at + 11) != 0;
    letter->first_due_ms = db_column_int(q, at + 12);
    bool ok = keep(arena, q, at, &letter->reverse_path) && keep(arena, q, at + 10, &letter->head) &&
              keep(arena, q, at + 13, &letter->batch);
    return ok ? 0 : -ENOMEM;
}

/* RECIPIENT_COLUMNS from column 0 on. */
static int take_recipient(struct db_query *q, struct arena *arena, struct queue_recipient *r)
{
    r->id = db_column_int(q, 0);
    r->due_ms = db_column_int(q, 3);
    r->attempts = (unsigned)db_column_int(q, 5);
    bool ok = keep(arena, q, 1, &r->forward_path) && keep(arena, q, 2, &r->domain) &&
              keep(arena, q, 4, &r->held) && keep(arena, q, 6, &r->last_reply) &&
              keep(arena, q, 7, &r->variables);
    return ok ? 0 : -ENOMEM;
}

/* --- before sending -------------------------------------------------------------------------- */

static const struct db_statement select_letter = {
    .sql = "SELECT " LETTER_COLUMNS " FROM queue_letter l WHERE l.tenant = :tenant AND l.id = :id"};
static const struct db_statement select_recipient = {
    .sql = "SELECT " RECIPIENT_COLUMNS " FROM queue_recipient r"
           " WHERE r.tenant = :tenant AND r.id = :id AND r.letter = :letter AND r.held = ''"};

struct reading {
    int64_t tenant, letter;
    const int64_t *ids;
    size_t wanted, count;
    struct arena *arena;
    struct queue_letter *ret_letter;
    struct queue_recipient *list;
};

static int read_recipient(struct db_tx *tx, struct reading *reading, int64_t id)
{
    struct db_query *q;
    int rc = db_prepare(tx, &select_recipient, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", reading->tenant);
    db_bind_int(q, "id", id);
    db_bind_int(q, "letter", reading->letter);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    return take_recipient(q, reading->arena, &reading->list[reading->count++]);
}

static int read_letter(struct db_tx *tx, void *arg)
{
    struct reading *reading = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &select_letter, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", reading->tenant);
    db_bind_int(q, "id", reading->letter);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *reading->ret_letter = (struct queue_letter){.tenant = reading->tenant, .id = reading->letter};
    rc = take_letter(q, 0, reading->arena, reading->ret_letter);
    reading->count = 0;
    for (size_t i = 0; rc == 0 && i < reading->wanted; i++)
        rc = read_recipient(tx, reading, reading->ids[i]);
    return rc;
}

int queue_co_read(struct store *store, int64_t tenant, int64_t letter, const int64_t *ids,
                  size_t count, struct arena *arena, struct queue_letter *ret_letter,
                  struct queue_recipient *ret_list, size_t *ret_count)
{
    struct reading reading = {tenant, letter, ids, count, 0, arena, ret_letter, ret_list};
    int rc = store_co_read(store, read_letter, &reading);
    *ret_count = rc == 0 ? reading.count : 0;
    return rc;
}

/* --- all of it, in order --------------------------------------------------------------------- */

static const struct db_statement walk_rows = {
    .sql = "SELECT tenant, id, letter, due_ms, held <> '', domain FROM queue_recipient"
           " WHERE (tenant, id) > (:tenant, :id) ORDER BY tenant, id LIMIT :limit"};

struct walk {
    int64_t tenant, recipient;
    struct arena *arena;
    struct queue_entry *entries;
    size_t count;
};

static int walk_on(struct db_tx *tx, void *arg)
{
    struct walk *walk = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &walk_rows, &q);
    if (rc < 0)
        return rc;
    walk->count = 0;
    db_bind_int(q, "tenant", walk->tenant);
    db_bind_int(q, "id", walk->recipient);
    db_bind_int(q, "limit", ROWS_MAX);
    while ((rc = db_step(q)) == DB_ROW) {
        struct queue_entry *entry = &walk->entries[walk->count++];
        *entry = (struct queue_entry){.tenant = db_column_int(q, 0),
                                      .recipient = db_column_int(q, 1),
                                      .letter = db_column_int(q, 2),
                                      .due_ms = db_column_int(q, 3),
                                      .held = db_column_int(q, 4) != 0};
        if (!keep(walk->arena, q, 5, &entry->domain))
            return -ENOMEM;
    }
    return rc;
}

int queue_co_walk(struct store *store, int64_t tenant, int64_t recipient, struct arena *arena,
                  struct queue_entry **ret_entries, size_t *ret_count)
{
    struct walk walk = {tenant, recipient, arena, NULL, 0};
    walk.entries = arena_alloc(arena, ROWS_MAX * sizeof *walk.entries);
    if (!walk.entries)
        return -ENOMEM;
    int rc = store_co_read(store, walk_on, &walk);
    *ret_entries = walk.entries;
    *ret_count = rc == 0 ? walk.count : 0;
    return rc;
}

/* --- for people ------------------------------------------------------------------------------ */

#define ROWS                                                                                       \
    "SELECT " RECIPIENT_SHOWN "''"                                                                 \
    ", " LETTER_COLUMNS ", l.id FROM queue_recipient r"                                            \
    " JOIN queue_letter l ON l.tenant = r.tenant AND l.id = r.letter"                              \
    " WHERE r.tenant = :tenant AND r.id > :after"                                                  \
    " AND (:recipient = 0 OR r.id = :recipient) AND (:domain = '' OR r.domain = :domain)"          \
    " AND (:sender = '' OR l.reverse_path = :sender)"                                              \
    " AND (:forward_path = '' OR r.forward_path = :forward_path)"                                  \
    " AND (:sender_domain = '' OR LOWER(SUBSTR(l.reverse_path, LENGTH(l.reverse_path) -"           \
    " LENGTH(:sender_domain))) = '@' || :sender_domain)"
static const struct db_statement list_rows = {.sql = ROWS " ORDER BY r.id LIMIT :limit"};
/* By the indices of letters and of batches: a page does not walk the whole queue. */
static const struct db_statement list_letter = {
    .sql = ROWS " AND r.letter = :letter AND (:batch = '' OR l.batch = :batch)"
                " ORDER BY r.id LIMIT :limit"};
static const struct db_statement list_batch = {
    .sql = ROWS " AND r.letter IN (SELECT b.id FROM queue_letter b WHERE b.tenant = :tenant AND"
                " b.batch <> '' AND b.batch = :batch) ORDER BY r.id LIMIT :limit"};

struct listing {
    const struct queue_selector *selector;
    int64_t after;
    unsigned limit;
    struct arena *arena;
    struct queue_row *rows;
    size_t count;
};

static int list_on(struct db_tx *tx, void *arg)
{
    struct listing *listing = arg;
    struct db_query *q;
    const struct queue_selector *selector = listing->selector;
    bool by_letter = selector->letter != 0, by_batch = selector->batch.len > 0;
    int rc = db_prepare(tx, by_letter ? &list_letter : by_batch ? &list_batch : &list_rows, &q);
    if (rc < 0)
        return rc;
    listing->count = 0;
    db_bind_int(q, "tenant", selector->tenant);
    db_bind_int(q, "after", listing->after);
    if (by_letter)
        db_bind_int(q, "letter", selector->letter);
    if (by_letter || by_batch)
        db_bind_text(q, "batch", selector->batch);
    db_bind_int(q, "recipient", selector->recipient);
    db_bind_text(q, "domain", selector->domain);
    db_bind_text(q, "sender", selector->sender);
    db_bind_text(q, "forward_path", selector->recipient_path);
    db_bind_text(q, "sender_domain", selector->sender_domain);
    db_bind_int(q, "limit", listing->limit);
    while ((rc = db_step(q)) == DB_ROW) {
        struct queue_row *row = &listing->rows[listing->count++];
        row->letter =
            (struct queue_letter){.tenant = listing->selector->tenant, .id = db_column_int(q, 22)};
        rc = take_recipient(q, listing->arena, &row->recipient);
        if (rc == 0)
            rc = take_letter(q, 8, listing->arena, &row->letter);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int queue_co_list(struct store *store, const struct queue_selector *selector, int64_t after,
                  unsigned limit, struct arena *arena, struct queue_row **ret_rows,
                  size_t *ret_count)
{
    struct listing listing = {selector, after, limit < ROWS_MAX ? limit : ROWS_MAX, arena, NULL, 0};
    listing.rows = arena_alloc(arena, ROWS_MAX * sizeof *listing.rows);
    if (!listing.rows)
        return -ENOMEM;
    int rc = store_co_scan(store, list_on, &listing);
    *ret_rows = listing.rows;
    *ret_count = rc == 0 ? listing.count : 0;
    return rc;
}
