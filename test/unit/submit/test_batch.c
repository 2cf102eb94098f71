/* Batches of scheduled sends on the engine under test. */
#include "../store/suite.h"
#include "base/clock.h"
#include "submit/batch.h"
#include "submit/schema.h"

#define TENANT 1
#define OTHER  2
#define MEMORY ((size_t)1024 * 1024)
#define THEN   INT64_C(1750000000000)
#define LATER  (THEN + 5000)

struct shelf {
    struct store *store;
    struct arena arena;
};

static struct span co_batch(struct shelf *s, int64_t tenant)
{
    struct span id;
    assert_int_equal(batch_co_make(s->store, tenant, &s->arena, &id), 0);
    assert_true(id.len >= 22 && id.len <= BATCH_ID_MAX);
    for (size_t i = 0; i < id.len; i++)
        assert_true(ascii_is_alpha(id.at[i]) || ascii_is_digit(id.at[i]) || id.at[i] == '-' ||
                    id.at[i] == '_');
    return id;
}

struct asking {
    int64_t tenant;
    struct span id;
    enum batch_state state;
};

static int ask(struct db_tx *tx, void *arg)
{
    struct asking *asking = arg;
    return batch_read(tx, asking->tenant, asking->id, &asking->state);
}

static int co_state(struct shelf *s, int64_t tenant, struct span id)
{
    struct asking asking = {tenant, id, BATCH_OPEN};
    struct batch batch;
    int rc = store_co_write(s->store, ask, &asking);
    assert_int_equal(batch_co_find(s->store, tenant, id, &s->arena, &batch), rc);
    if (rc < 0)
        return rc;
    assert_true(batch.state == asking.state && span_equal(batch.id, id));
    return (int)batch.state;
}

static void batches_co_main(struct shelf *s)
{
    struct batch *list;
    size_t count;
    clock_fake(THEN, 1000);
    struct span one = co_batch(s, TENANT), two = co_batch(s, TENANT), other = co_batch(s, OTHER);
    clock_fake(LATER, 2000);
    struct span three = co_batch(s, TENANT);
    clock_unfake();
    assert_false(span_equal(one, two));
    assert_int_equal(co_state(s, TENANT, one), BATCH_OPEN);
    assert_int_equal(co_state(s, OTHER, one), ERR_ABSENT);
    assert_int_equal(co_state(s, TENANT, other), ERR_ABSENT);
    assert_int_equal(co_state(s, TENANT, SPAN("")), ERR_ABSENT);
    assert_int_equal(co_state(s, TENANT, SPAN("\xff")), ERR_ABSENT);
    assert_int_equal(batch_co_set(s->store, OTHER, one, BATCH_CANCELLED), ERR_ABSENT);
    assert_int_equal(batch_co_set(s->store, TENANT, SPAN("nobody's"), BATCH_PAUSED), ERR_ABSENT);
    assert_int_equal(co_state(s, TENANT, one), BATCH_OPEN);
    assert_int_equal(batch_co_set(s->store, TENANT, one, BATCH_PAUSED), 0);
    assert_int_equal(batch_co_set(s->store, TENANT, three, BATCH_CANCELLED), 0);
    assert_int_equal(batch_co_set(s->store, OTHER, other, BATCH_PAUSED), 0);
    assert_int_equal(co_state(s, TENANT, one), BATCH_PAUSED);
    assert_int_equal(co_state(s, TENANT, three), BATCH_CANCELLED);
    assert_int_equal(co_state(s, TENANT, two), BATCH_OPEN);
    assert_int_equal(batch_co_list(s->store, TENANT, &s->arena, &list, &count), 0);
    assert_int_equal(count, 2);
    assert_true(span_equal(list[0].id, three) && list[0].state == BATCH_CANCELLED);
    assert_true(span_equal(list[1].id, one) && list[1].state == BATCH_PAUSED);
    assert_true(list[0].created_ms == LATER && list[1].created_ms == THEN);
    assert_int_equal(batch_co_set(s->store, TENANT, one, BATCH_OPEN), 0);
    assert_int_equal(batch_co_set(s->store, TENANT, three, BATCH_OPEN), 0);
    assert_int_equal(batch_co_list(s->store, TENANT, &s->arena, &list, &count), 0);
    assert_int_equal(count, 0);
}

static void many_batches_co_main(struct shelf *s)
{
    struct batch *list;
    size_t count;
    for (int i = 0; i < 260; i++)
        assert_int_equal(batch_co_set(s->store, TENANT, co_batch(s, TENANT), BATCH_PAUSED), 0);
    assert_int_equal(batch_co_list(s->store, TENANT, &s->arena, &list, &count), 0);
    assert_int_equal(count, 256);
}

/* --- running them ---------------------------------------------------------------------------- */

struct call {
    struct shelf *shelf;
    void (*co_fn)(struct shelf *s);
};

static int call_co_main(void *arg)
{
    struct call *call = arg;
    call->co_fn(call->shelf);
    return 0;
}

static void run(void (*co_fn)(struct shelf *s))
{
    struct shelf s = {.arena = ARENA(MEMORY)};
    struct place place;
    struct call call = {&s, co_fn};
    place_make(&place);
    s.store = place_open(&place, &submit_schema);
    assert_int_equal(loop_run_main("main", call_co_main, &call), 0);
    store_close(s.store);
    arena_free(&s.arena);
    place_remove(&place);
}

static void test_a_state_is_kept(void **state)
{
    (void)state;
    run(batches_co_main);
}

static void test_a_list_of_batches_has_256_at_most(void **state)
{
    (void)state;
    run(many_batches_co_main);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_state_is_kept),
        cmocka_unit_test(test_a_list_of_batches_has_256_at_most),
    };
    return cmocka_run_group_tests_name("batches", tests, NULL, NULL);
}
