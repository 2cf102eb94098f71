/* The event log; see event.h. */
#include "event/event.h"

#include "base/id.h"

#include <errno.h>

#define LIST_MAX 1000

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE event_address (tenant {id} NOT NULL, id {id} NOT NULL,"
        " address {text} NOT NULL, PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE UNIQUE INDEX event_address_text ON event_address (tenant, address);\n"
        "CREATE TABLE event (tenant {id} NOT NULL, id {id} NOT NULL, letter {id} NOT NULL,"
        " kind {int} NOT NULL, sender {id}, recipient {id}, size {int} NOT NULL,"
        " detail {text} NOT NULL, PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE INDEX event_letter ON event (tenant, letter);\n"
        "CREATE INDEX event_recipient ON event (tenant, recipient, id)"
        " WHERE recipient IS NOT NULL;\n"},
};
const struct db_schema event_schema = {"event", migrations, 1};

const char *event_kind_text(enum event_kind kind)
{
    static const char *const names[] = {"?",       "accepted", "delivered", "deferred",  "bounced",
                                        "expired", "dropped",  "returned",  "complained"};
    return kind < sizeof names / sizeof *names ? names[kind] : "?";
}

/* --- writing --------------------------------------------------------------------------------- */

static const struct db_statement find_address = {
    .sql = "SELECT id FROM event_address WHERE tenant = :tenant AND address = :address"};
static const struct db_statement insert_address = {
    .sql = "INSERT INTO event_address (tenant, id, address) VALUES (:tenant, :id, :address)"
           " ON CONFLICT (tenant, address) DO UPDATE SET address = excluded.address RETURNING id"};

/* The row of an address, made when it is new; two nodes may make it at once. */
static int event_address(struct db_tx *tx, int64_t tenant, struct span address, int64_t *ret_id)
{
    const struct db_statement *const tries[] = {&find_address, &insert_address};
    for (unsigned i = 0; i < 2; i++) {
        struct db_query *q;
        int rc = db_prepare(tx, tries[i], &q);
        if (rc < 0)
            return rc;
        db_bind_int(q, "tenant", tenant);
        db_bind_text(q, "address", address);
        if (i == 1)
            db_bind_int(q, "id", id_next());
        rc = db_step(q);
        if (rc < 0)
            return rc;
        if (rc == DB_ROW) {
            *ret_id = db_column_int(q, 0);
            return i == 0 ? 0 : db_run(q);
        }
    }
    return ERR_STORE;
}

/* keep: 0, or the row as an event before it found it; may be NULL. */
static int bind_address(struct db_tx *tx, struct db_query *q, const char *name, int64_t tenant,
                        struct span address, int64_t *keep)
{
    int64_t id = keep ? *keep : 0;
    if (address.len == 0) {
        db_bind_null(q, name);
        return 0;
    }
    int rc = id ? 0 : event_address(tx, tenant, address, &id);
    if (rc >= 0)
        db_bind_int(q, name, id);
    if (rc >= 0 && keep)
        *keep = id;
    return rc;
}

static const struct db_statement insert_event = {
    .sql = "INSERT INTO event (tenant, id, letter, kind, sender, recipient, size, detail)"
           " VALUES (:tenant, :id, :letter, :kind, :sender, :recipient, :size, :detail)"};

int event_record(struct db_tx *tx, const struct event *event)
{
    struct db_query *q;
    int rc = db_prepare(tx, &insert_event, &q);
    if (rc >= 0)
        rc = bind_address(tx, q, "sender", event->tenant, event->sender, event->sender_row);
    if (rc >= 0)
        rc = bind_address(tx, q, "recipient", event->tenant, event->recipient, NULL);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", event->tenant);
    db_bind_int(q, "id", event->id ? event->id : id_next());
    db_bind_int(q, "letter", event->letter);
    db_bind_int(q, "kind", event->kind);
    db_bind_int(q, "size", (int64_t)event->bytes);
    db_bind_text(q, "detail", event->detail);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* --- listing --------------------------------------------------------------------------------- */

#define COLUMNS                                                                                    \
    "SELECT e.id, e.letter, e.kind, s.address, r.address, e.size, e.detail FROM event e"           \
    " LEFT JOIN event_address s ON s.tenant = e.tenant AND s.id = e.sender"                        \
    " LEFT JOIN event_address r ON r.tenant = e.tenant AND r.id = e.recipient"                     \
    " WHERE e.tenant = :tenant AND e.id > :after AND e.id < :before"                               \
    " AND (:from_domain = '' OR LOWER(SUBSTR(s.address, LENGTH(s.address) -"                       \
    " LENGTH(:from_domain))) = '@' || :from_domain) "
#define NEWEST " ORDER BY e.id DESC LIMIT :limit"

static const struct db_statement list_all = {.sql = COLUMNS NEWEST};
static const struct db_statement list_letter = {.sql = COLUMNS "AND e.letter = :letter" NEWEST};
/* What happened to a recipient, and that the letters were accepted which went there. */
#define TO                                                                                         \
    "AND (e.recipient = (SELECT id FROM event_address WHERE tenant = :tenant AND address = :to)"   \
    " OR (e.recipient IS NULL AND e.letter IN (SELECT letter FROM event x WHERE"                   \
    " x.tenant = :tenant AND x.recipient ="                                                        \
    " (SELECT id FROM event_address WHERE tenant = :tenant AND address = :to))))"
static const struct db_statement list_to = {.sql = COLUMNS TO NEWEST};
static const struct db_statement list_from = {
    .sql = COLUMNS "AND e.sender = (SELECT id FROM event_address WHERE tenant = :tenant"
                   " AND address = :from)" NEWEST};
static const struct db_statement list_from_to = {
    .sql = COLUMNS
    "AND e.sender = (SELECT id FROM event_address WHERE tenant = :tenant AND address = :from) " TO
        NEWEST};

struct event_listing {
    const struct event_filter *filter;
    struct arena *arena;
    struct event *events;
    size_t count, max;
};

static const struct db_statement *choose_listing(const struct event_filter *filter)
{
    if (filter->letter)
        return &list_letter;
    if (filter->to.len && filter->from.len)
        return &list_from_to;
    if (filter->to.len)
        return &list_to;
    return filter->from.len ? &list_from : &list_all;
}

/* An id made at this moment would be larger than what is older. */
static int64_t first_id_since(const struct event_filter *filter)
{
    int64_t since = filter->since_ms ? id_at(filter->since_ms) - 1 : 0;
    return since > filter->after ? since : filter->after;
}

static int copy_event(struct event_listing *l, struct db_query *q)
{
    struct event *event = &l->events[l->count];
    *event = (struct event){.tenant = l->filter->tenant,
                            .id = db_column_int(q, 0),
                            .letter = db_column_int(q, 1),
                            .kind = (enum event_kind)db_column_int(q, 2),
                            .sender = arena_copy(l->arena, db_column_bytes(q, 3)),
                            .recipient = arena_copy(l->arena, db_column_bytes(q, 4)),
                            .bytes = (uint64_t)db_column_int(q, 5),
                            .detail = arena_copy(l->arena, db_column_bytes(q, 6))};
    l->count++;
    return event->sender.at && event->recipient.at && event->detail.at ? 0 : -ENOMEM;
}

static int read_events(struct db_tx *tx, void *arg)
{
    struct event_listing *l = arg;
    const struct event_filter *filter = l->filter;
    const struct db_statement *statement = choose_listing(filter);
    struct db_query *q;
    int rc = db_prepare(tx, statement, &q);
    if (rc < 0)
        return rc;
    l->count = 0;
    db_bind_int(q, "tenant", filter->tenant);
    db_bind_int(q, "after", first_id_since(filter));
    db_bind_int(q, "before", filter->before ? filter->before : INT64_MAX);
    db_bind_int(q, "limit", (int64_t)l->max);
    db_bind_text(q, "from_domain", filter->from_domain);
    if (statement == &list_letter)
        db_bind_int(q, "letter", filter->letter);
    if (statement == &list_to || statement == &list_from_to)
        db_bind_text(q, "to", filter->to);
    if (statement == &list_from || statement == &list_from_to)
        db_bind_text(q, "from", filter->from);
    while ((rc = db_step(q)) == DB_ROW && l->count < l->max)
        if ((rc = copy_event(l, q)) < 0)
            break;
    return rc < 0 ? rc : 0;
}

int event_co_list(struct store *store, const struct event_filter *filter, struct arena *arena,
                  struct event **ret_events, size_t *ret_count)
{
    struct event_listing l = {.filter = filter, .arena = arena};
    l.max = filter->limit && filter->limit < LIST_MAX ? filter->limit : LIST_MAX;
    l.events = arena_alloc(arena, l.max * sizeof *l.events);
    int rc = l.events ? store_co_scan(store, read_events, &l) : -ENOMEM;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < l.count / 2; i++) { /* oldest first */
        struct event other = l.events[i];
        l.events[i] = l.events[l.count - 1 - i];
        l.events[l.count - 1 - i] = other;
    }
    *ret_events = l.events;
    *ret_count = l.count;
    return 0;
}
