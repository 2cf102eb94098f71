/* The queue's rows on the engine under test, and its times. */
#include "../store/suite.h"
#include "base/clock.h"
#include "base/id.h"
#include "event/event.h"
#include "queue/queue.h"
#include "store/blob.h"

#include <stdio.h>

#define TENANT 1
#define MEMORY ((size_t)1024 * 1024)

/* --- times ----------------------------------------------------------------------------------- */

static void test_pauses_grow_and_then_stay(void **state)
{
    const struct queue_policy *p = &queue_policy_default;
    const int64_t minute = 60000, far = INT64_MAX;
    const int64_t pauses[] = {1, 5, 15, 30, 60, 60, 60};
    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        int64_t pause = pauses[i] * minute, low = far, high = 0;
        for (uint32_t dice = 0; dice < 5000; dice++) {
            int64_t due = queue_next_due(p, i + 1, 0, far, dice * 7919 * 131);
            low = due < low ? due : low;
            high = due > high ? due : high;
        }
        assert_true(low >= pause * 9 / 10 && low < pause * 92 / 100);
        assert_true(high <= pause * 11 / 10 && high > pause * 108 / 100);
    }
}

static void test_the_last_attempt_is_made_at_expiry(void **state)
{
    const struct queue_policy *p = &queue_policy_default;
    (void)state;
    assert_int_equal(queue_next_due(p, 9, 1000, 2000, 5), 2000);
    assert_true(queue_next_due(p, 9, 2000, 2000, 5) > 2000);
    assert_true(queue_next_due(p, 0, 0, INT64_MAX, 0) > 0);
}

static void test_times_count_from_the_first_due(void **state)
{
    const struct queue_policy *p = &queue_policy_default;
    struct queue_policy silent = *p;
    struct queue_letter letter = {.accepted_ms = 1000};
    const int64_t later = 1000 + 30 * p->expiry_ms;
    (void)state;
    silent.notice_ms = 0;
    assert_int_equal(queue_expiry(p, &letter), 1000 + p->expiry_ms);
    assert_false(queue_is_delayed(p, &letter, 1000 + p->notice_ms - 1));
    assert_true(queue_is_delayed(p, &letter, 1000 + p->notice_ms));
    letter.first_due_ms = later;
    assert_int_equal(queue_expiry(p, &letter), later + p->expiry_ms);
    assert_false(queue_is_delayed(p, &letter, later + p->notice_ms - 1));
    assert_true(queue_is_delayed(p, &letter, later + p->notice_ms));
    assert_false(queue_is_delayed(&silent, &letter, INT64_MAX));
    letter.expires_ms = later + 5; /* its own end, sooner than the policy's */
    assert_int_equal(queue_expiry(p, &letter), later + 5);
    letter.expires_ms = later + 2 * p->expiry_ms;
    assert_int_equal(queue_expiry(p, &letter), later + p->expiry_ms);
}

static void test_a_due_time_of_a_clock_that_was_ahead(void **state)
{
    const struct queue_policy *p = &queue_policy_default;
    const int64_t now = 1000000, hour = 3600 * 1000;
    (void)state;
    assert_int_equal(queue_near_due(p, now + 1000, now), now + 1000);
    assert_int_equal(queue_near_due(p, now - 1000, now), now - 1000);
    assert_int_equal(queue_near_due(p, now + 11 * hour / 10, now), now + 11 * hour / 10);
    assert_int_equal(queue_near_due(p, now + 800 * hour, now), now + 11 * hour / 10);
}

/* --- rows ------------------------------------------------------------------------------------ */

struct yard {
    struct store *store;
    struct arena arena;
    struct blob_writer *body;
    struct queue_letter letter;
    struct queue_recipient recipients[3];
    struct queue_result results[3];
    size_t count;
    struct queue_selector selector;
    int64_t now_ms;
};

static int put_letter(struct db_tx *tx, void *arg)
{
    struct yard *y = arg;
    int rc = blob_put(tx, y->body, TENANT, 1, &y->letter.blob);
    return rc < 0 ? rc : queue_put(tx, &y->letter, y->recipients, 3);
}

static void co_put_scheduled(struct yard *y, struct span batch, int64_t first_due_ms)
{
    static const struct span to[] = {SPAN("ann@one.test"), SPAN("bob@one.test"),
                                     SPAN("c@two.test")};
    y->now_ms = clock_wall_ms();
    y->letter = (struct queue_letter){.tenant = TENANT,
                                      .id = id_next(),
                                      .reverse_path = SPAN("carol@example.org"),
                                      .kind = QUEUE_BODY_RAW,
                                      .octets = 10,
                                      .eight_bit = true,
                                      .batch = batch,
                                      .accepted_ms = y->now_ms,
                                      .first_due_ms = first_due_ms,
                                      .expires_ms = y->now_ms + 1000000};
    for (int i = 0; i < 3; i++)
        y->recipients[i] =
            (struct queue_recipient){.id = id_next(),
                                     .forward_path = to[i],
                                     .domain = i < 2 ? SPAN("one.test") : SPAN("two.test"),
                                     .due_ms = first_due_ms ? first_due_ms : y->now_ms};
    assert_int_equal(blob_writer_open(y->store, 0, &y->body), 0);
    assert_int_equal(blob_co_append(y->body, SPAN("0123456789")), 0);
    assert_int_equal(blob_co_finish(y->body), 0);
    assert_int_equal(store_co_write(y->store, put_letter, y), 0);
    blob_writer_committed(y->body);
    blob_co_writer_free(y->body);
}

static void co_put(struct yard *y)
{
    co_put_scheduled(y, SPAN(""), 0);
}

/* How many of the three may be sent now. */
static size_t co_sendable(struct yard *y)
{
    int64_t ids[3];
    struct queue_letter letter;
    struct queue_recipient list[3];
    size_t count;
    for (int i = 0; i < 3; i++)
        ids[i] = y->recipients[i].id;
    int rc =
        queue_co_read(y->store, TENANT, y->letter.id, ids, 3, &y->arena, &letter, list, &count);
    if (rc == ERR_ABSENT)
        return 99;
    assert_int_equal(rc, 0);
    assert_true(span_equal(letter.reverse_path, y->letter.reverse_path) && letter.eight_bit);
    assert_true(letter.blob == y->letter.blob && letter.octets == 10);
    assert_true(span_equal(letter.batch, y->letter.batch));
    assert_int_equal(letter.first_due_ms, y->letter.first_due_ms);
    for (size_t i = 0; i < count; i++)
        assert_true(list[i].forward_path.len > 0 && list[i].held.len == 0);
    return count;
}

static int settle(struct db_tx *tx, void *arg)
{
    struct yard *y = arg;
    return queue_settle(tx, &y->letter, y->results, y->count);
}

static void co_settle(struct yard *y, int recipient, enum queue_end end, const char *reply)
{
    y->results[0] = (struct queue_result){.recipient = y->recipients[recipient].id,
                                          .forward_path = y->recipients[recipient].forward_path,
                                          .end = end,
                                          .reply = span_of(reply),
                                          .due_ms = y->now_ms + 500000};
    y->count = 1;
    assert_int_equal(store_co_write(y->store, settle, y), 0);
}

static void co_expect_events(struct yard *y, enum event_kind kind, size_t expected)
{
    struct event *events;
    size_t count, found = 0;
    struct event_filter filter = {.tenant = TENANT, .letter = y->letter.id, .limit = 100};
    assert_int_equal(event_co_list(y->store, &filter, &y->arena, &events, &count), 0);
    for (size_t i = 0; i < count; i++)
        found += events[i].kind == kind;
    assert_int_equal(found, expected);
}

static void ends_co_main(struct yard *y)
{
    AUTO_BUFFER body = BUFFER(1000);
    co_put(y);
    assert_int_equal(co_sendable(y), 3);
    co_settle(y, 0, QUEUE_DEFERRED, "450 4.2.0 later");
    assert_int_equal(co_sendable(y), 3);
    co_settle(y, 0, QUEUE_BOUNCED, "550 5.1.1 nobody");
    co_settle(y, 0, QUEUE_DELIVERED, "250 too late"); /* it has ended */
    co_settle(y, 1, QUEUE_DELIVERED, "250 2.0.0 Ok");
    assert_int_equal(co_sendable(y), 1);
    assert_int_equal(blob_co_read(y->store, TENANT, y->letter.blob, 0, 100, &body), 0);
    co_settle(y, 2, QUEUE_EXPIRED, "too long");
    assert_int_equal(co_sendable(y), 99);
    assert_int_equal(blob_co_read(y->store, TENANT, y->letter.blob, 0, 100, &body), ERR_ABSENT);
    co_expect_events(y, EVENT_DEFERRED, 1);
    co_expect_events(y, EVENT_BOUNCED, 1);
    co_expect_events(y, EVENT_DELIVERED, 1);
    co_expect_events(y, EVENT_EXPIRED, 1);
}

/* --- steering -------------------------------------------------------------------------------- */

static int hold(struct db_tx *tx, void *arg)
{
    struct yard *y = arg;
    return queue_hold(tx, &y->selector, SPAN("looks wrong"));
}

static int release(struct db_tx *tx, void *arg)
{
    struct yard *y = arg;
    return queue_release(tx, &y->selector, y->now_ms);
}

static int retry(struct db_tx *tx, void *arg)
{
    struct yard *y = arg;
    return queue_retry(tx, &y->selector, y->now_ms);
}

static size_t co_list(struct yard *y, struct queue_selector selector, struct queue_row **ret_rows)
{
    size_t count;
    assert_int_equal(queue_co_list(y->store, &selector, 0, 100, &y->arena, ret_rows, &count), 0);
    return count;
}

static void steering_co_main(struct yard *y)
{
    struct queue_row *rows;
    struct queue_selector all = {.tenant = TENANT};
    co_put(y);
    co_settle(y, 2, QUEUE_DEFERRED, "450 4.2.0 later");
    y->selector = (struct queue_selector){.tenant = TENANT, .domain = SPAN("one.test")};
    assert_int_equal(store_co_write(y->store, hold, y), 2);
    assert_int_equal(co_sendable(y), 1);
    assert_int_equal(co_list(y, y->selector, &rows), 2);
    assert_true(span_equal(rows[0].recipient.held, SPAN("looks wrong")));
    assert_true(span_equal(rows[0].recipient.forward_path, SPAN("ann@one.test")));
    assert_int_equal(rows[0].letter.id, y->letter.id);
    y->selector = (struct queue_selector){.tenant = TENANT, .recipient = y->recipients[1].id};
    assert_int_equal(store_co_write(y->store, release, y), 1);
    assert_int_equal(store_co_write(y->store, release, y), 0);
    assert_int_equal(co_sendable(y), 2);
    y->selector = (struct queue_selector){.tenant = TENANT, .sender = SPAN("carol@example.org")};
    assert_int_equal(store_co_write(y->store, retry, y), 3);
    assert_int_equal(co_sendable(y), 3);
    assert_int_equal(co_list(y, all, &rows), 3);
    assert_int_equal(rows[2].recipient.attempts, 1);
    assert_true(span_equal(rows[2].recipient.last_reply, SPAN("450 4.2.0 later")));
    all.sender = SPAN("dave@example.org");
    assert_int_equal(co_list(y, all, &rows), 0);
    all = (struct queue_selector){.tenant = TENANT + 1};
    assert_int_equal(co_list(y, all, &rows), 0);
}

static size_t co_held(struct yard *y, struct queue_selector selector)
{
    struct queue_row *rows;
    size_t count = co_list(y, selector, &rows), held = 0;
    for (size_t i = 0; i < count; i++)
        held += rows[i].recipient.held.len > 0;
    return held;
}

/* A batch of two letters beside another batch and a letter without one. */
static void batch_co_main(struct yard *y)
{
    struct queue_row *rows;
    struct queue_selector all = {.tenant = TENANT};
    struct queue_selector batch = {.tenant = TENANT, .batch = SPAN("spring")};
    int64_t first = clock_wall_ms() + 3600000;
    co_put(y);
    co_put_scheduled(y, SPAN("autumn"), first);
    co_put_scheduled(y, SPAN("spring"), first);
    co_put_scheduled(y, SPAN("spring"), 5);
    assert_int_equal(co_sendable(y), 3);
    assert_int_equal(co_list(y, all, &rows), 12);
    assert_true(rows[0].letter.batch.len == 0 && rows[0].letter.first_due_ms == 0);
    assert_int_equal(co_list(y, batch, &rows), 6);
    assert_true(span_equal(rows[0].letter.batch, SPAN("spring")) && rows[0].letter.id > 0);
    assert_int_equal(rows[0].letter.first_due_ms, first);
    assert_int_equal(rows[5].letter.first_due_ms, 5);
    y->selector = batch;
    assert_int_equal(store_co_write(y->store, hold, y), 6);
    assert_int_equal(co_held(y, batch), 6);
    assert_int_equal(co_held(y, all), 6);
    y->selector.domain = SPAN("two.test"); /* together with another selector */
    assert_int_equal(store_co_write(y->store, release, y), 2);
    y->selector = batch;
    assert_int_equal(store_co_write(y->store, release, y), 4);
    assert_int_equal(co_list(y, batch, &rows), 6);
    for (int i = 0; i < 6; i++) /* no sooner than they were to go */
        assert_int_equal(rows[i].recipient.due_ms, i < 3 ? first : y->now_ms);
    assert_int_equal(store_co_write(y->store, retry, y), 6);
    assert_int_equal(co_list(y, batch, &rows), 6);
    assert_int_equal(rows[0].recipient.due_ms, y->now_ms);
    batch.batch = SPAN("autumn");
    assert_int_equal(co_list(y, batch, &rows), 3);
    assert_int_equal(rows[0].recipient.due_ms, first);
    batch.tenant = TENANT + 1;
    assert_int_equal(co_list(y, batch, &rows), 0);
    y->selector = batch;
    assert_int_equal(store_co_write(y->store, hold, y), 0);
    assert_int_equal(co_held(y, all), 0);
}

static void walking_co_main(struct yard *y)
{
    struct queue_entry *entries;
    size_t count, total = 0;
    int64_t tenant = 0, recipient = 0;
    for (int i = 0; i < 100; i++)
        co_put(y);
    do {
        assert_int_equal(queue_co_walk(y->store, tenant, recipient, &y->arena, &entries, &count),
                         0);
        for (size_t i = 0; i < count; i++) {
            assert_true(entries[i].recipient > recipient && entries[i].domain.len == 8);
            tenant = entries[i].tenant;
            recipient = entries[i].recipient;
        }
        total += count;
    } while (count);
    assert_int_equal(total, 300);
}

/* --- running them ---------------------------------------------------------------------------- */

struct call {
    struct yard *yard;
    void (*co_fn)(struct yard *y);
};

static int call_co_main(void *arg)
{
    struct call *call = arg;
    call->co_fn(call->yard);
    return 0;
}

static void run(void (*co_fn)(struct yard *y))
{
    static const struct db_schema *const rooms[] = {&blob_schema, &event_schema, &queue_schema};
    static struct yard y;
    struct place place;
    struct call call = {&y, co_fn};
    char reason[256] = "";
    y = (struct yard){.arena = ARENA(MEMORY)};
    place_make(&place);
    assert_int_equal(store_open(&place.settings, rooms, 3, reason, sizeof reason, &y.store), 0);
    assert_int_equal(loop_run_main("main", call_co_main, &call), 0);
    store_close(y.store);
    arena_free(&y.arena);
    place_remove(&place);
}

static void test_each_recipient_ends_once(void **state)
{
    (void)state;
    run(ends_co_main);
}

static void test_hold_release_retry(void **state)
{
    (void)state;
    run(steering_co_main);
}

static void test_a_batch_is_steered_together(void **state)
{
    (void)state;
    run(batch_co_main);
}

static void test_a_walk_sees_every_row_once(void **state)
{
    (void)state;
    run(walking_co_main);
}

/* --- from version 1 -------------------------------------------------------------------------- */

static const struct db_statement insert_old = {
    .sql = "INSERT INTO queue_letter (tenant, id, reverse_path, kind, head, blob, octets,"
           " eight_bit, verp, may_notify, noticed, crashes, accepted_ms, expires_ms)"
           " VALUES (1, 7, 'carol@example.org', 1, :empty, 3, 10, 1, 0, 0, 0, 0, 1000, 0)"};

static int put_old(struct db_tx *tx, void *arg)
{
    struct db_query *q;
    (void)arg;
    int rc = db_prepare(tx, &insert_old, &q);
    if (rc < 0)
        return rc;
    db_bind_bytes(q, "empty", SPAN(""));
    return db_run(q);
}

static void old_letter_co_main(struct yard *y)
{
    struct queue_letter letter;
    size_t count;
    assert_int_equal(queue_co_read(y->store, TENANT, 7, NULL, 0, &y->arena, &letter, NULL, &count),
                     0);
    assert_true(letter.batch.len == 0 && letter.first_due_ms == 0 && letter.accepted_ms == 1000);
}

static void test_rows_of_the_first_version_stay(void **state)
{
    const struct db_schema first = {"queue", queue_schema.migrations, 1};
    struct yard y = {.arena = ARENA(MEMORY)};
    struct call call = {&y, old_letter_co_main};
    struct place place;
    (void)state;
    place_make(&place);
    y.store = place_open(&place, &first);
    assert_int_equal(store_write(y.store, put_old, NULL), 1);
    store_close(y.store);
    y.store = place_open(&place, &queue_schema);
    assert_int_equal(loop_run_main("main", call_co_main, &call), 0);
    store_close(y.store);
    arena_free(&y.arena);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses_grow_and_then_stay),
        cmocka_unit_test(test_the_last_attempt_is_made_at_expiry),
        cmocka_unit_test(test_times_count_from_the_first_due),
        cmocka_unit_test(test_a_due_time_of_a_clock_that_was_ahead),
        cmocka_unit_test(test_each_recipient_ends_once),
        cmocka_unit_test(test_hold_release_retry),
        cmocka_unit_test(test_a_batch_is_steered_together),
        cmocka_unit_test(test_rows_of_the_first_version_stay),
        cmocka_unit_test(test_a_walk_sees_every_row_once),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
