/* Single coroutines: waiting, waking, deadlines, overflow. */
#include "suite.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- deadlines against readiness ------------------------------------------------------------- */

struct sleeper {
    struct co *co;
    int64_t timeout_ms;
    int result, wakes;
};

static int sleeper_co_main(void *arg)
{
    struct sleeper *s = arg;
    s->co = co_current();
    s->result = co_park(s->timeout_ms);
    s->wakes++;
    s->co = NULL;
    return 0;
}

static void busy_ms(int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    while (clock_mono_ms() < end)
        ;
}

/* The time passes and the event comes, both before the scheduler looks: the event was first. */
static int race_co_main(void *arg)
{
    struct sleeper s = {.timeout_ms = 5};
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&scope, "sleeper", sleeper_co_main, &s), 0);
    assert_int_equal(co_pause(), 0);
    assert_non_null(s.co);
    busy_ms(20);
    assert_true(co_wake(s.co, 7));
    assert_false(co_wake(s.co, 8)); /* once is enough */
    assert_int_equal(scope_co_wait(&scope), 0);
    assert_int_equal(s.result, 7);
    assert_int_equal(s.wakes, 1);
    return 0;
}

static void test_readiness_wins_over_a_deadline_that_is_seen_later(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", race_co_main, NULL), 0);
}

static int timeout_co_main(void *arg)
{
    struct sleeper s = {.timeout_ms = 5};
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&scope, "sleeper", sleeper_co_main, &s), 0);
    assert_int_equal(scope_co_wait(&scope), 0);
    assert_int_equal(s.result, -ETIMEDOUT);
    assert_int_equal(s.wakes, 1);
    return 0;
}

static void test_a_deadline_without_an_event(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", timeout_co_main, NULL), 0);
}

static int order_co_sleep(void *arg)
{
    static int64_t last;
    int64_t ms = *(int64_t *)arg;
    int rc = co_sleep(ms);
    assert_true(ms >= last);
    last = ms;
    return rc;
}

static int order_co_main(void *arg)
{
    static int64_t times[200];
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    for (int i = 0; i < 200; i++) {
        times[i] = (i * 37 % 200) / 10 * 10;
        assert_int_equal(co_spawn(&scope, "sleeper", order_co_sleep, &times[i]), 0);
    }
    clock_fake(clock_wall_ms(), clock_mono_ms()); /* all fall asleep at one instant */
    assert_int_equal(co_pause(), 0);
    clock_unfake();
    return scope_co_wait(&scope);
}

static void test_sleepers_wake_in_order(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", order_co_main, NULL), 0);
}

static int pausing_co_main(void *arg)
{
    int *turns = arg;
    for (int i = 0; i < 100; i++) {
        (*turns)++;
        int rc = co_pause();
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int fair_co_main(void *arg)
{
    int turns[3] = {0};
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    for (int i = 0; i < 3; i++)
        assert_int_equal(co_spawn(&scope, "pausing", pausing_co_main, &turns[i]), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(co_pause(), 0);
    for (int i = 0; i < 3; i++) /* each had its turns, none more than another */
        assert_in_range(turns[i], 48, 52);
    return scope_co_wait(&scope);
}

static void test_pausing_lets_everybody_run(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", fair_co_main, NULL), 0);
}

/* --- messages from other threads ------------------------------------------------------------- */

enum { POSTERS = 8, POSTS = 5000 };

struct post {
    struct loop_message message;
    struct poster *from;
    int number;
};
struct poster {
    struct loop *loop;
    struct co *waiter;
    struct post posts[POSTS];
    int seen;
};

static void post_arrived(struct loop_message *message)
{
    struct post *post = (struct post *)message;
    assert_int_equal(post->number, post->from->seen++); /* in the order of its sender */
    if (post->from->seen == POSTS)
        co_wake(post->from->waiter, 0);
}

static void *poster_thread(void *arg)
{
    struct poster *p = arg;
    for (int i = 0; i < POSTS; i++) {
        p->posts[i] = (struct post){.message.fn = post_arrived, .from = p, .number = i};
        loop_post(p->loop, &p->posts[i].message);
    }
    return NULL;
}

static int poster_co_wait(void *arg)
{
    struct poster *p = arg;
    pthread_t thread;
    p->loop = loop_current();
    p->waiter = co_current();
    assert_int_equal(pthread_create(&thread, NULL, poster_thread, p), 0);
    while (p->seen < POSTS)
        co_park_firmly();
    pthread_join(thread, NULL);
    return 0;
}

static int posts_co_main(void *arg)
{
    struct poster *posters = calloc(POSTERS, sizeof *posters);
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(co_spawn(&scope, "poster", poster_co_wait, &posters[i]), 0);
    int rc = scope_co_wait(&scope);
    free(posters);
    return rc;
}

static void test_messages_keep_their_senders_order(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", posts_co_main, NULL), 0);
}

/* --- overflow -------------------------------------------------------------------------------- */

static __attribute__((noinline)) int dig(int depth)
{
    volatile char hole[1024];
    memset((char *)hole, depth, sizeof hole);
    int deeper = depth < 1000000 ? dig(depth + 1) : 0;
    return deeper + hole[depth % 1024];
}

static int deep_co_main(void *arg)
{
    (void)arg;
    return dig(0);
}

int overflow_a_stack(void)
{
    return loop_run_main("deep digger", deep_co_main, NULL);
}

static void test_an_overflowing_stack_is_reported_by_name(void **state)
{
    char said[1000] = "";
    int out[2], status;
    size_t len = 0;
    ssize_t got;
    (void)state;
    assert_int_equal(pipe(out), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        /* a new process, since cmocka has handlers of its own in this one */
        dup2(out[1], STDERR_FILENO);
        execl("/proc/self/exe", "test_run", OVERFLOW_ARGUMENT, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    while (len < sizeof said - 1 && (got = read(out[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)got;
    close(out[0]);
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0); /* a sanitizer exits */
    if (!strstr(said, "coroutine \"deep digger\" overflowed its stack"))
        fail_msg("it said: %s", said);
}

int co_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readiness_wins_over_a_deadline_that_is_seen_later),
        cmocka_unit_test(test_a_deadline_without_an_event),
        cmocka_unit_test(test_sleepers_wake_in_order),
        cmocka_unit_test(test_pausing_lets_everybody_run),
        cmocka_unit_test(test_messages_keep_their_senders_order),
        cmocka_unit_test(test_an_overflowing_stack_is_reported_by_name),
    };
    return cmocka_run_group_tests_name("coroutines", tests, NULL, NULL);
}
