/* Work lanes: results, bounds, cancellation before and during a job. */
#include "suite.h"

#include "run/lane.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

struct job {
    struct lane *lane;
    sem_t *started, *finish; /* posted by the job, waited for by the job; NULL: none */
    int64_t timeout_ms;
    int answer, result;
    atomic_int runs;
    bool ended;
};

static int job_run(void *arg)
{
    struct job *job = arg;
    atomic_fetch_add(&job->runs, 1);
    if (job->started)
        sem_post(job->started);
    if (job->finish)
        while (sem_wait(job->finish) < 0)
            ;
    return job->answer;
}

static int job_co_main(void *arg)
{
    struct job *job = arg;
    job->result =
        lane_co_run(job->lane, job_run, job, job->timeout_ms ? job->timeout_ms : CO_FOREVER);
    job->ended = true;
    return 0;
}

static int await_thread(void *arg)
{
    sem_t *started = arg;
    while (sem_wait(started) < 0)
        ;
    return 0;
}

/* Yields until the job runs on its thread: waits in a lane of its own. */
static void co_await (struct lane *other, sem_t *started)
{
    assert_int_equal(lane_co_run(other, await_thread, started, CO_FOREVER), 0);
}

static int cancel_co_main(void *arg)
{
    struct lane *lane, *other;
    struct scope scope;
    sem_t started, finish;
    (void)arg;
    sem_init(&started, 0, 0);
    sem_init(&finish, 0, 0);
    assert_int_equal(lane_create("one", 1, 10, &lane), 0);
    assert_int_equal(lane_create("other", 1, 10, &other), 0);
    struct job running = {.lane = lane, .started = &started, .finish = &finish, .answer = 42};
    struct job queued = {.lane = lane, .answer = 43};
    struct job impatient = {.lane = lane, .answer = 44, .timeout_ms = 5};
    scope_open(&scope, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&scope, "running", job_co_main, &running), 0);
    co_await (other, &started);
    assert_int_equal(co_spawn(&scope, "queued", job_co_main, &queued), 0);
    assert_int_equal(co_spawn(&scope, "impatient", job_co_main, &impatient), 0);
    while (!impatient.ended)
        assert_int_equal(co_sleep(1), 0);
    assert_int_equal(impatient.result, -ETIMEDOUT);
    assert_int_equal(lane_waiting(lane), 1);
    scope_cancel(&scope);
    while (!queued.ended)
        assert_int_equal(co_sleep(1), 0);
    assert_int_equal(queued.result, -ECANCELED); /* taken back */
    assert_false(running.ended);                 /* waited for: it uses its caller's memory */
    sem_post(&finish);
    assert_int_equal(scope_co_wait(&scope), 0);
    assert_int_equal(running.result, 42);
    assert_int_equal(atomic_load(&queued.runs) + atomic_load(&impatient.runs), 0);
    lane_destroy(lane);
    lane_destroy(other);
    return 0;
}

static void test_cancel_before_and_during_a_job(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", cancel_co_main, NULL), 0);
}

static int full_co_main(void *arg)
{
    struct lane *lane, *other;
    struct scope scope;
    sem_t started, finish;
    struct job jobs[8];
    int full = 0;
    (void)arg;
    sem_init(&started, 0, 0);
    sem_init(&finish, 0, 0);
    assert_int_equal(lane_create("small", 1, 3, &lane), 0);
    assert_int_equal(lane_create("other", 1, 10, &other), 0);
    scope_open(&scope, scope_current(), CO_FOREVER);
    for (int i = 0; i < 8; i++) {
        jobs[i] = (struct job){.lane = lane, .finish = &finish, .answer = i};
        jobs[i].started = i ? NULL : &started;
        assert_int_equal(co_spawn(&scope, "job", job_co_main, &jobs[i]), 0);
        if (i == 0)
            co_await (other, &started);
    }
    assert_int_equal(co_pause(), 0);
    assert_int_equal(lane_waiting(lane), 3);
    for (int i = 0; i < 8; i++)
        sem_post(&finish);
    assert_int_equal(scope_co_wait(&scope), 0);
    for (int i = 0; i < 8; i++) {
        full += jobs[i].result == ERR_FULL;
        assert_true(jobs[i].result == ERR_FULL || jobs[i].result == i);
    }
    assert_int_equal(full, 4); /* one ran, three waited */
    lane_destroy(lane);
    lane_destroy(other);
    return 0;
}

static void test_a_full_queue_refuses(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", full_co_main, NULL), 0);
}

/* --- several loops --------------------------------------------------------------------------- */

enum { LOOPS = 3, JOBS = 500 };

struct shared {
    struct lane *lane;
    atomic_int done;
};

static int add_one(void *arg)
{
    return atomic_fetch_add((atomic_int *)arg, 1) >= 0;
}

static int user_co_main(void *arg)
{
    struct shared *shared = arg;
    for (int i = 0; i < JOBS; i++) {
        int rc = lane_co_run(shared->lane, add_one, &shared->done, CO_FOREVER);
        if (rc != 1)
            return rc;
    }
    return 0;
}

static void *user_thread(void *arg)
{
    return loop_run_main("user", user_co_main, arg) == 0 ? arg : NULL;
}

static void test_loops_share_a_lane(void **state)
{
    struct shared shared = {0};
    pthread_t threads[LOOPS];
    void *result;
    (void)state;
    assert_int_equal(lane_create("shared", 2, 10, &shared.lane), 0);
    for (int i = 0; i < LOOPS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, user_thread, &shared), 0);
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, &shared);
    }
    assert_int_equal(atomic_load(&shared.done), LOOPS * JOBS);
    lane_destroy(shared.lane);
}

int lane_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_before_and_during_a_job),
        cmocka_unit_test(test_a_full_queue_refuses),
        cmocka_unit_test(test_loops_share_a_lane),
    };
    return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
