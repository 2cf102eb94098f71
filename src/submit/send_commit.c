/*
 * The commit of a call: its letter, its recipients, what the application wants kept, its use of the
 * quota, and its Idempotency-Key, all or nothing (P1); see send_internal.h.
 */
#include "submit/batch.h"
#include "submit/send_internal.h"

#include "directory/channel.h"

#include "base/clock.h"
#include "event/event.h"
#include "store/blob.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define HOUR_MS     ((int64_t)3600 * 1000)
#define DAY_HOURS   24
#define KEY_KEEP_MS (24 * HOUR_MS)
#define KEYS_SWEPT  20 /* old ones that a new one takes away */

/* --- Idempotency-Key ------------------------------------------------------------------------- */

static const struct db_statement find_key = {.sql =
                                                 "SELECT letter, request, created_ms FROM send_key"
                                                 " WHERE tenant = :tenant AND name = :name"};
static const struct db_statement put_key = {
    .sql = "INSERT INTO send_key (tenant, name, request, letter, created_ms)"
           " VALUES (:tenant, :name, :request, :letter, :now)"
           " ON CONFLICT (tenant, name) DO UPDATE SET request = excluded.request,"
           " letter = excluded.letter, created_ms = excluded.created_ms"};
static const struct db_statement sweep_keys = {
    .sql = "DELETE FROM send_key WHERE tenant = :tenant AND name IN (SELECT name FROM send_key"
           " WHERE tenant = :tenant AND created_ms < :until ORDER BY created_ms LIMIT :limit)"};

static void hash_span(struct span bytes, unsigned char out[SEND_HASH])
{
    crypto_generichash(out, SEND_HASH, (const unsigned char *)bytes.at, bytes.len, NULL, 0);
}

/* earlier and reused are set each time, since jobs are repeated. */
static int look_for_key(struct db_tx *tx, void *arg)
{
    struct sending *s = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_key, &q);
    s->earlier = 0;
    s->reused = false;
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", s->send->who->tenant);
    db_bind_bytes(q, "name", span_make(s->key_hash, SEND_HASH));
    rc = db_step(q);
    if (rc != DB_ROW || db_column_int(q, 2) < s->now_ms - KEY_KEEP_MS)
        return rc < 0 ? rc : 0;
    s->earlier = db_column_int(q, 0);
    s->reused = !span_equal(db_column_bytes(q, 1), span_make(s->request_hash, SEND_HASH));
    return 0;
}

int sending_co_look_for_key(struct sending *s)
{
    if (s->send->key.len == 0)
        return 0;
    if (s->send->key.len > SEND_KEY_MAX)
        return sending_fail(s, SEND_KEY_REUSED, ERR_SYNTAX,
                            "An Idempotency-Key has at most %d bytes", SEND_KEY_MAX);
    hash_span(s->send->key, s->key_hash);
    hash_span(s->send->request, s->request_hash);
    return store_co_read(s->door->store, look_for_key, s);
}

static int keep_key(struct db_tx *tx, const struct sending *s)
{
    struct db_query *q;
    int rc = db_prepare(tx, &put_key, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", s->send->who->tenant);
    db_bind_bytes(q, "name", span_make(s->key_hash, SEND_HASH));
    db_bind_bytes(q, "request", span_make(s->request_hash, SEND_HASH));
    db_bind_int(q, "letter", s->letter);
    db_bind_int(q, "now", s->now_ms);
    rc = db_run(q);
    if (rc >= 0)
        rc = db_prepare(tx, &sweep_keys, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", s->send->who->tenant);
    db_bind_int(q, "until", s->now_ms - KEY_KEEP_MS);
    db_bind_int(q, "limit", KEYS_SWEPT);
    return db_run(q);
}

/* --- the quota ------------------------------------------------------------------------------- */

static const struct db_statement add_use = {
    .sql = "INSERT INTO send_use (tenant, hour, recipients) VALUES (:tenant, :hour, :recipients)"
           " ON CONFLICT (tenant, hour) DO UPDATE SET"
           " recipients = send_use.recipients + excluded.recipients"};
static const struct db_statement sum_use = {.sql =
                                                "SELECT COALESCE(SUM(recipients), 0) FROM send_use"
                                                " WHERE tenant = :tenant AND hour > :hour"};

struct asking {
    int64_t tenant, hour, sent;
};

static int read_use(struct db_tx *tx, void *arg)
{
    struct asking *asking = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &sum_use, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", asking->tenant);
    db_bind_int(q, "hour", asking->hour);
    rc = db_step(q);
    if (rc == DB_ROW)
        asking->sent = db_column_int(q, 0);
    return rc < 0 ? rc : 0;
}

/* In the commit: so that two calls at once do not both take the last of a quota. */
static int count_use(struct db_tx *tx, struct sending *s)
{
    struct db_query *q;
    struct asking asking = {.tenant = s->send->who->tenant,
                            .hour = s->now_ms / HOUR_MS - DAY_HOURS};
    int rc = db_prepare(tx, &add_use, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", s->send->who->tenant);
    db_bind_int(q, "hour", s->now_ms / HOUR_MS);
    db_bind_int(q, "recipients", (int64_t)s->result->recipients);
    rc = db_run(q);
    if (rc >= 0 && s->door->daily_limit)
        rc = read_use(tx, &asking);
    s->day_full = rc >= 0 && s->door->daily_limit && asking.sent > s->door->daily_limit;
    s->refused = s->day_full ? SEND_OVER_QUOTA : SEND_OK;
    return s->day_full ? ERR_DENIED : rc;
}

static int use_channel(struct db_tx *tx, struct sending *s)
{
    int rc = channel_use(tx, s->send->who->tenant, s->send->channel, s->result->recipients);
    s->refused = rc == ERR_FULL ? SEND_OVER_QUOTA : rc == ERR_ABSENT ? SEND_NO_CHANNEL : SEND_OK;
    return s->refused ? ERR_DENIED : rc;
}

int submit_co_quota(const struct submit_door *door, int64_t tenant, struct send_quota *ret_quota)
{
    struct asking asking = {.tenant = tenant, .hour = clock_wall_ms() / HOUR_MS - DAY_HOURS};
    int rc = store_co_read(door->store, read_use, &asking);
    *ret_quota = (struct send_quota){asking.sent, door->daily_limit};
    return rc;
}

/* --- what the application wants kept --------------------------------------------------------- */

static const struct db_statement put_message = {
    .sql = "INSERT INTO send_message (tenant, id, api_key, source, recipients, meta) VALUES"
           " (:tenant, :id, :key, :source, :recipients, :meta)"};

static int keep_message(struct db_tx *tx, const struct sending *s)
{
    struct db_query *q;
    int rc = db_prepare(tx, &put_message, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", s->send->who->tenant);
    db_bind_int(q, "id", s->letter);
    db_bind_int(q, "key", s->send->who->key);
    db_bind_text(q, "source", span_of(s->send->source));
    db_bind_int(q, "recipients", (int64_t)s->result->recipients);
    db_bind_text(q, "meta", s->send->meta.len ? s->send->meta : SPAN(""));
    return db_run(q);
}

static const struct db_statement find_message = {
    .sql = "SELECT api_key, source, meta, recipients FROM send_message"
           " WHERE tenant = :tenant AND id = :id"};

struct finding {
    int64_t tenant, letter;
    struct arena *arena;
    struct send_message *ret_message;
};

static int read_message(struct db_tx *tx, void *arg)
{
    const struct finding *f = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_message, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", f->tenant);
    db_bind_int(q, "id", f->letter);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *f->ret_message = (struct send_message){.key = db_column_int(q, 0),
                                            .source = arena_copy(f->arena, db_column_bytes(q, 1)),
                                            .meta = arena_copy(f->arena, db_column_bytes(q, 2)),
                                            .recipients = (size_t)db_column_int(q, 3)};
    return f->ret_message->source.at && f->ret_message->meta.at ? 0 : -ENOMEM;
}

int submit_co_message(const struct submit_door *door, int64_t tenant, int64_t letter,
                      struct arena *arena, struct send_message *ret_message)
{
    struct finding finding = {tenant, letter, arena, ret_message};
    return store_co_read(door->store, read_message, &finding);
}

/* --- what waits ------------------------------------------------------------------------------ */

/* Letters of a batch that is paused are held, of a cancelled one dropped as soon as they are there.
 */
static int judge_batch(struct db_tx *tx, struct sending *s, enum batch_state *ret_state)
{
    *ret_state = BATCH_OPEN;
    s->queued.batch = s->send->batch;
    if (s->send->batch.len == 0)
        return 0;
    int rc = batch_read(tx, s->queued.tenant, s->send->batch, ret_state);
    for (size_t i = 0; i < s->row_count; i++)
        s->rows[i].held = *ret_state == BATCH_PAUSED ? SPAN(BATCH_HELD) : SPAN("");
    return rc;
}

static int drop_rows(struct db_tx *tx, const struct sending *s)
{
    for (size_t i = 0; i < s->row_count; i++) {
        struct queue_result result = {.recipient = s->rows[i].id,
                                      .forward_path = s->rows[i].forward_path,
                                      .end = QUEUE_DROPPED,
                                      .reply = SPAN("its batch was cancelled")};
        int rc = queue_settle(tx, &s->queued, &result, 1);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int put_rows(struct db_tx *tx, struct sending *s)
{
    enum batch_state state;
    struct event event = {.tenant = s->queued.tenant,
                          .letter = s->letter,
                          .kind = EVENT_ACCEPTED,
                          .sender = s->reverse_path,
                          .detail = span_of(s->source[0] ? s->source : s->send->source),
                          .bytes = s->queued.octets};
    int rc = judge_batch(tx, s, &state);
    if (rc == 0)
        rc = blob_put(tx, s->blob, s->queued.tenant, 1, &s->queued.blob);
    if (rc == 0)
        rc = event_record(tx, &event);
    if (rc == 0)
        rc = queue_put(tx, &s->queued, s->rows, s->row_count);
    return rc == 0 && state == BATCH_CANCELLED ? drop_rows(tx, s) : rc;
}

/* --- who is left out ------------------------------------------------------------------------- */

/* If that is everybody, the letter was accepted all the same. */
static int tell_suppressed(struct db_tx *tx, const struct sending *s)
{
    struct event event = {.tenant = s->send->who->tenant,
                          .letter = s->letter,
                          .sender = s->reverse_path,
                          .bytes = s->body.len};
    int rc = 0;
    if (s->result->suppressed == s->result->recipients) {
        event.kind = EVENT_ACCEPTED;
        event.detail = span_of(s->send->source);
        rc = event_record(tx, &event);
    }
    event.kind = EVENT_DROPPED;
    event.detail = SPAN("the address is on the suppression list");
    for (size_t i = 0; rc == 0 && i < s->result->suppressed; i++) {
        event.recipient = s->suppressed[i];
        rc = event_record(tx, &event);
    }
    return rc;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int commit(struct db_tx *tx, void *arg)
{
    struct sending *s = arg;
    int rc = s->send->key.len ? look_for_key(tx, s) : 0;
    if (rc < 0 || s->earlier) /* another call with this key came first */
        return rc;
    if (s->send->key.len)
        rc = keep_key(tx, s);
    if (rc >= 0)
        rc = count_use(tx, s);
    if (rc >= 0 && s->send->channel.len)
        rc = use_channel(tx, s);
    if (rc >= 0)
        rc = keep_message(tx, s);
    if (rc >= 0 && s->result->suppressed)
        rc = tell_suppressed(tx, s);
    if (rc < 0 || s->result->suppressed == s->result->recipients)
        return rc < 0 ? rc : 0;
    return s->plan ? submit_apply(tx, s->plan) : put_rows(tx, s);
}

static int make_entries(struct sending *s)
{
    struct queue_entry *entries = arena_alloc(&s->arena, (s->row_count + 1) * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < s->row_count; i++)
        entries[i] = (struct queue_entry){.tenant = s->queued.tenant,
                                          .recipient = s->rows[i].id,
                                          .letter = s->letter,
                                          .due_ms = s->rows[i].due_ms,
                                          .held = s->rows[i].held.len > 0,
                                          .domain = s->rows[i].domain};
    s->entries = entries;
    return 0;
}

int sending_co_commit(struct sending *s)
{
    int rc = s->plan ? 0 : make_entries(s); /* memory is had before, not after */
    if (rc == 0)
        rc = store_co_write(s->door->store, commit, s);
    if (rc == ERR_DENIED && s->day_full)
        return sending_fail_day(s);
    if (rc == ERR_DENIED && s->refused)
        return sending_fail(s, s->refused, rc,
                            s->refused == SEND_NO_CHANNEL
                                ? "There is no channel \"%.*s\""
                                : "The quota of channel \"%.*s\" is used up",
                            SPAN_PRINT(span_first(s->send->channel, 100)));
    if (rc < 0 || s->earlier || s->result->suppressed == s->result->recipients)
        return rc < 0 ? rc : 0;
    if (s->plan) {
        submit_committed(s->door, s->plan);
        return 0;
    }
    blob_writer_committed(s->blob);
    for (size_t i = 0; i < s->row_count; i++)
        s->entries[i].held = s->rows[i].held.len > 0;
    if (s->door->announce && s->row_count)
        s->door->announce(s->door->arg, s->entries, s->row_count);
    return 0;
}
