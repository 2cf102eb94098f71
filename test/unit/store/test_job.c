/* Jobs: groups, neighbours, the bounded queue, reads beside writes. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct fixture {
    struct place place;
    struct store *store;
};

static int open_with(void **state, unsigned queue_max)
{
    struct fixture *f = calloc(1, sizeof *f);
    place_make(&f->place);
    f->place.settings.queue_max = queue_max;
    f->store = place_open(&f->place, &item_schema);
    *state = f;
    return 0;
}

static int open_fixture(void **state)
{
    return open_with(state, 0);
}

enum { SMALL_QUEUE = 5 };
static int open_small(void **state)
{
    return open_with(state, SMALL_QUEUE);
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    place_remove(&f->place);
    free(f);
    return 0;
}

/* --- writers side by side -------------------------------------------------------------------- */

enum { WRITERS_MAX = 200 };
struct writing {
    struct store *store;
    db_job *job;
    int64_t id;
    int runs, result;
};
struct crowd {
    struct fixture *fixture;
    struct writing writers[WRITERS_MAX];
};

static int insert_counted(struct db_tx *tx, void *arg)
{
    struct writing *w = arg;
    w->runs++;
    return item_insert(tx, &w->id);
}

static int insert_and_fail(struct db_tx *tx, void *arg)
{
    int rc = insert_counted(tx, arg);
    return rc < 0 ? rc : -EDOM;
}

static int insert_twice(struct db_tx *tx, void *arg)
{
    int rc = insert_counted(tx, arg);
    return rc < 0 ? rc : insert_counted(tx, arg);
}

static int writing_co_main(void *arg)
{
    struct writing *w = arg;
    w->result = store_co_write(w->store, w->job, w);
    return 0;
}

static void crowd_spawn(struct crowd *crowd, struct scope *scope, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct writing *w = &crowd->writers[i];
        w->store = crowd->fixture->store;
        w->job = w->job ? w->job : insert_counted;
        w->id = i + 1;
        assert_int_equal(co_spawn(scope, "writer", writing_co_main, w), 0);
    }
}

/* All jobs in one group, behind a gate. */
static void crowd_co_write(struct crowd *crowd, unsigned count)
{
    struct gate gate = {0};
    struct scope scope;
    gate_co_close(&gate, crowd->fixture->store);
    scope_open(&scope, scope_current(), CO_FOREVER);
    crowd_spawn(crowd, &scope, count);
    gate_co_await(&gate, count);
    gate_co_open(&gate);
    assert_int_equal(scope_co_wait(&scope), 0);
}

static void run_crowd(void **state, int (*co_main)(void *), struct crowd *crowd)
{
    crowd->fixture = *state;
    assert_int_equal(loop_run_main("main", co_main, crowd), 0);
    free(crowd);
}

static int many_co_main(void *arg)
{
    struct crowd *crowd = arg;
    struct store *store = crowd->fixture->store;
    crowd_co_write(crowd, WRITERS_MAX);
    for (unsigned i = 0; i < WRITERS_MAX; i++) {
        assert_int_equal(crowd->writers[i].result, 1);
        assert_int_equal(crowd->writers[i].runs, 1);
    }
    struct store_counters counters = store_counters(store);
    assert_int_equal(counters.jobs, WRITERS_MAX + 1);
    assert_int_equal(counters.groups, 2); /* the gate's, and one for all others */
    assert_int_equal(counters.retried_groups, 0);
    assert_int_equal(counters.waiting, 0);
    expect_items(store, WRITERS_MAX);
    return 0;
}

static void test_many_jobs_in_one_commit(void **state)
{
    run_crowd(state, many_co_main, calloc(1, sizeof(struct crowd)));
}

enum { NEIGHBOURS = 10, BAD = 5 };

static void expect_one_refused(struct crowd *crowd, int code)
{
    struct store *store = crowd->fixture->store;
    for (int i = 0; i < NEIGHBOURS; i++) {
        struct writing *w = &crowd->writers[i];
        assert_int_equal(w->result, i == BAD ? code : 1);
        assert_int_equal(store_read(store, item_has, &w->id), i == BAD ? DB_DONE : DB_ROW);
    }
    expect_items(store, NEIGHBOURS - 1);
    assert_int_equal(crowd->writers[0].runs, 2); /* rolled back with the group, then alone */
    assert_int_equal(store_counters(store).retried_groups, 1);
}

static int failing_co_main(void *arg)
{
    struct crowd *crowd = arg;
    crowd->writers[BAD].job = insert_and_fail;
    crowd_co_write(crowd, NEIGHBOURS);
    expect_one_refused(crowd, -EDOM);
    return 0;
}

static void test_failing_job_leaves_no_trace(void **state)
{
    run_crowd(state, failing_co_main, calloc(1, sizeof(struct crowd)));
}

static int existing_co_main(void *arg)
{
    struct crowd *crowd = arg;
    crowd->writers[BAD].job = insert_twice;
    crowd_co_write(crowd, NEIGHBOURS);
    expect_one_refused(crowd, ERR_EXISTS);
    return 0;
}

static void test_existing_row_harms_no_neighbour(void **state)
{
    run_crowd(state, existing_co_main, calloc(1, sizeof(struct crowd)));
}

/* --- the queue ------------------------------------------------------------------------------- */

static int full_co_main(void *arg)
{
    struct crowd *crowd = arg;
    struct store *store = crowd->fixture->store;
    struct gate gate = {0};
    struct scope scope;
    struct writing late = {.store = store, .id = 1000};
    gate_co_close(&gate, store);
    scope_open(&scope, scope_current(), CO_FOREVER);
    crowd_spawn(crowd, &scope, SMALL_QUEUE);
    gate_co_await(&gate, SMALL_QUEUE);
    assert_int_equal(store_co_write(store, insert_counted, &late), ERR_FULL);
    assert_int_equal(late.runs, 0);
    gate_co_open(&gate);
    assert_int_equal(scope_co_wait(&scope), 0);
    for (int i = 0; i < SMALL_QUEUE; i++)
        assert_int_equal(crowd->writers[i].result, 1);
    assert_int_equal(store_co_write(store, insert_counted, &late), 1); /* there is room again */
    expect_items(store, SMALL_QUEUE + 1);
    return 0;
}

static void test_full_queue_refuses(void **state)
{
    run_crowd(state, full_co_main, calloc(1, sizeof(struct crowd)));
}

/* --- reading --------------------------------------------------------------------------------- */

static int seeing_co_main(void *arg)
{
    struct crowd *crowd = arg;
    struct store *store = crowd->fixture->store;
    struct gate gate = {.id = 77};
    int64_t id = 77, count = -1;
    gate_co_close(&gate, store); /* has inserted its row, has not committed */
    assert_int_equal(store_co_read(store, item_has, &id), DB_DONE);
    gate_co_open(&gate);
    assert_int_equal(store_co_read(store, item_has, &id), DB_ROW);
    for (id = 100; id < 150; id++) {
        assert_int_equal(store_co_write(store, item_insert, &id), 1);
        assert_int_equal(store_co_read(store, item_has, &id), DB_ROW);
        assert_int_equal(store_co_scan(store, item_count, &count), DB_ROW);
        assert_int_equal(count, id - 100 + 2);
    }
    return 0;
}

static void test_readers_see_what_is_committed(void **state)
{
    run_crowd(state, seeing_co_main, calloc(1, sizeof(struct crowd)));
}

/* Two reads of one job see one state, though a write came between. */
struct snapshot {
    struct store *store;
    int64_t before, after;
    atomic_bool counted, written;
};

static int count_around_a_write(struct db_tx *tx, void *arg)
{
    struct snapshot *s = arg;
    int rc = item_count(tx, &s->before);
    atomic_store(&s->counted, true);
    while (!atomic_load(&s->written))
        sched_yield();
    return rc < 0 ? rc : item_count(tx, &s->after);
}

static int snapshot_co_scan(void *arg)
{
    struct snapshot *s = arg;
    return store_co_scan(s->store, count_around_a_write, s);
}

static int snapshot_co_main(void *arg)
{
    struct crowd *crowd = arg;
    struct snapshot s = {.store = crowd->fixture->store, .before = -1, .after = -1};
    struct scope scope;
    int64_t id = 1;
    scope_open(&scope, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&scope, "scan", snapshot_co_scan, &s), 0);
    while (!atomic_load(&s.counted)) /* the loop turns while the scan runs in its lane */
        assert_int_equal(co_pause(), 0);
    assert_int_equal(store_co_write(s.store, item_insert, &id), 1);
    atomic_store(&s.written, true);
    assert_int_equal(scope_co_wait(&scope), 0);
    assert_int_equal(s.before, 0);
    assert_int_equal(s.after, 0);
    return 0;
}

static void test_scan_sees_one_state_in_its_lane(void **state)
{
    run_crowd(state, snapshot_co_main, calloc(1, sizeof(struct crowd)));
}

static int fail_reading(struct db_tx *tx, void *arg)
{
    int rc = item_has(tx, arg);
    return rc < 0 ? rc : -EDOM;
}

static void test_reads_fail_alone(void **state)
{
    struct fixture *f = *state;
    int64_t id = 1;
    for (int i = 0; i < 40; i++) /* more than there are connections */
        assert_int_equal(store_read(f->store, fail_reading, &id), -EDOM);
    expect_items(f->store, 0);
}

/* --- threads without a loop ------------------------------------------------------------------ */

enum { THREADS = 4, EACH = 50 };
struct thread {
    struct store *store;
    int64_t first;
    pthread_t id;
    int failures;
};

static void *write_and_read(void *arg)
{
    struct thread *t = arg;
    for (int64_t id = t->first; id < t->first + EACH; id++) {
        t->failures += store_write(t->store, item_insert, &id) != 1;
        t->failures += store_read(t->store, item_has, &id) != DB_ROW;
    }
    return NULL;
}

static void test_threads_write_and_read(void **state)
{
    struct fixture *f = *state;
    struct thread threads[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.store = f->store, .first = i * 1000};
        assert_int_equal(pthread_create(&threads[i].id, NULL, write_and_read, &threads[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i].id, NULL), 0);
        assert_int_equal(threads[i].failures, 0);
    }
    expect_items(f->store, THREADS * EACH);
    assert_int_equal(store_counters(f->store).jobs, THREADS * EACH);
}

static void test_rows_outlive_the_store(void **state)
{
    struct fixture *f = *state;
    int64_t id = 1;
    assert_int_equal(store_write(f->store, item_insert, &id), 1);
    store_close(f->store);
    f->store = place_open(&f->place, &item_schema);
    assert_int_equal(store_read(f->store, item_has, &id), DB_ROW);
}

int job_tests(void)
{
#define JOB_TEST(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        JOB_TEST(test_many_jobs_in_one_commit),
        JOB_TEST(test_failing_job_leaves_no_trace),
        JOB_TEST(test_existing_row_harms_no_neighbour),
        cmocka_unit_test_setup_teardown(test_full_queue_refuses, open_small, close_fixture),
        JOB_TEST(test_readers_see_what_is_committed),
        JOB_TEST(test_scan_sees_one_state_in_its_lane),
        JOB_TEST(test_reads_fail_alone),
        JOB_TEST(test_threads_write_and_read),
        JOB_TEST(test_rows_outlive_the_store),
    };
    return cmocka_run_group_tests_name("store: jobs", tests, NULL, NULL);
}
