/* Many coroutines: a hundred thousand that come and go, forty thousand at once, clean refusal. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PASSERS = 100000, AT_ONCE = 1000, CROWD = UNDER_TSAN ? 2000 : 40000 };

static int passer_co_main(void *arg)
{
    int rc = co_pause();
    ++*(unsigned *)arg;
    return rc;
}

static int passers_co_main(void *arg)
{
    unsigned passed = 0;
    (void)arg;
    for (unsigned spawned = 0; spawned < PASSERS; spawned += AT_ONCE) {
        struct scope scope;
        scope_open(&scope, scope_current(), CO_FOREVER);
        for (int i = 0; i < AT_ONCE; i++)
            assert_int_equal(co_spawn(&scope, "passer", passer_co_main, &passed), 0);
        assert_int_equal(scope_co_wait(&scope), 0);
    }
    assert_int_equal(passed, PASSERS);
    return 0;
}

static void test_a_hundred_thousand_come_and_go(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", passers_co_main, NULL), 0);
    assert_int_equal(co_census().live, 0);
    assert_int_equal(co_census().stacks, 0);
}

static int stander_co_main(void *arg)
{
    char own[512];
    memset(own, 'x', sizeof own);
    int rc = co_park(CO_FOREVER);
    for (size_t i = 0; i < sizeof own; i++)
        assert_int_equal(own[i], 'x'); /* nobody else wrote here */
    ++*(unsigned *)arg;
    return rc == -ECANCELED ? 0 : rc;
}

/* As many as can be had, up to CROWD, all alive at once; returns how many. */
static int crowd_co_main(void *arg)
{
    unsigned ended = 0, alive = 0;
    struct scope scope, again;
    int rc = 0;
    scope_open(&scope, scope_current(), CO_FOREVER);
    while (alive < CROWD && (rc = co_spawn(&scope, "stander", stander_co_main, &ended)) == 0) {
        alive++;
        if (alive % 1000 == 0)
            assert_int_equal(co_pause(), 0);
    }
    assert_true(rc == 0 || rc == -ENOMEM);
    assert_int_equal(co_pause(), 0);
    assert_int_equal(co_census().live, alive + 1);
    scope_cancel(&scope);
    assert_int_equal(scope_co_wait(&scope), 0);
    assert_int_equal(ended, alive);
    ended = 0; /* after a refusal everything works again */
    scope_open(&again, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&again, "passer", passer_co_main, &ended), 0);
    assert_int_equal(scope_co_wait(&again), 0);
    assert_int_equal(ended, 1);
    *(unsigned *)arg = alive;
    return rc;
}

static void test_forty_thousand_at_once_or_a_clean_refusal(void **state)
{
    unsigned alive = 0;
    (void)state;
    stack_force_guard(-1);
    int rc = loop_run_main("main", crowd_co_main, &alive);
    print_message("%u coroutines alive at once%s\n", alive, rc < 0 ? ", then refused" : "");
    assert_true(rc == 0 ? alive == CROWD : alive > 1000);
    assert_int_equal(co_census().stacks, 0);
}

/* Where the kernel has no MADV_GUARD_INSTALL: each guard splits a mapping, and their number is
 * limited. A stack without a guard is never used. */
static void test_refusal_where_guards_run_out(void **state)
{
    unsigned alive = 0;
    (void)state;
    stack_force_guard(0);
    int rc = loop_run_main("main", crowd_co_main, &alive);
    stack_force_guard(-1);
    print_message("%u with mprotect%s\n", alive, rc < 0 ? ", then refused" : "");
    assert_true(rc == 0 ? alive == CROWD : alive > 1000);
    assert_int_equal(co_census().stacks, 0);
}

int crowd_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hundred_thousand_come_and_go),
        cmocka_unit_test(test_forty_thousand_at_once_or_a_clean_refusal),
        cmocka_unit_test(test_refusal_where_guards_run_out),
    };
    return cmocka_run_group_tests_name("many coroutines", tests, NULL, NULL);
}
