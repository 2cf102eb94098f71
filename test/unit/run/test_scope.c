/* Scopes: ends, errors, deadlines, cancellation. */
#include "suite.h"

#include <errno.h>

struct waiter {
    struct scope *victim; /* cancelled when this one is */
    int first, second, cleaned;
};

static int waiter_co_main(void *arg)
{
    struct waiter *w = arg;
    w->first = co_sleep(60 * 1000);
    if (w->victim)
        scope_cancel(w->victim);
    w->second = co_sleep(60 * 1000); /* at once: the scope is still cancelled */
    w->cleaned++;
    return w->first;
}

static int in_wait_co_main(void *arg)
{
    struct waiter w = {0};
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&scope, "waiter", waiter_co_main, &w), 0);
    assert_int_equal(co_pause(), 0);
    scope_cancel(&scope);
    scope_cancel(&scope);
    assert_int_equal(co_spawn(&scope, "late", waiter_co_main, &w), -ECANCELED);
    assert_int_equal(scope_co_wait(&scope), -ECANCELED);
    assert_int_equal(w.first, -ECANCELED);
    assert_int_equal(w.second, -ECANCELED);
    assert_int_equal(w.cleaned, 1);
    return co_sleep(1); /* the outer scope is none the worse */
}

static void test_cancel_inside_a_wait(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", in_wait_co_main, NULL), 0);
}

/* Before its first turn a coroutine knows nothing yet: it runs, and its first wait tells it. */
static int before_start_co_main(void *arg)
{
    struct waiter w = {0};
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&scope, "waiter", waiter_co_main, &w), 0);
    scope_cancel(&scope);
    assert_int_equal(scope_co_wait(&scope), -ECANCELED);
    assert_int_equal(w.cleaned, 1);
    return 0;
}

static void test_cancel_before_the_first_turn(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", before_start_co_main, NULL), 0);
}

/* Two scopes, whose coroutines cancel each other's, and their own, while being cancelled. */
static int in_cancel_co_main(void *arg)
{
    struct scope a, b;
    struct waiter ones[10], twos[10];
    (void)arg;
    scope_open(&a, scope_current(), CO_FOREVER);
    scope_open(&b, scope_current(), CO_FOREVER);
    for (int i = 0; i < 10; i++) {
        ones[i] = (struct waiter){.victim = i % 2 ? &b : &a};
        twos[i] = (struct waiter){.victim = i % 2 ? &a : &b};
        assert_int_equal(co_spawn(&a, "one", waiter_co_main, &ones[i]), 0);
        assert_int_equal(co_spawn(&b, "two", waiter_co_main, &twos[i]), 0);
    }
    assert_int_equal(co_pause(), 0);
    scope_cancel(&a);
    assert_int_equal(scope_co_wait(&a), -ECANCELED);
    assert_int_equal(scope_co_wait(&b), -ECANCELED);
    for (int i = 0; i < 10; i++)
        assert_int_equal(ones[i].cleaned + twos[i].cleaned, 2);
    return 0;
}

static void test_cancel_inside_a_cancel(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", in_cancel_co_main, NULL), 0);
}

/* --- nesting --------------------------------------------------------------------------------- */

enum { DEPTH = 40 };

struct nest {
    int depth;
    int *ended; /* counts down from the innermost */
};

static int nest_co_main(void *arg)
{
    struct nest *n = arg, inner = {n->depth + 1, n->ended};
    struct scope scope;
    int rc;
    if (n->depth == DEPTH) {
        rc = co_sleep(60 * 1000);
    } else {
        scope_open(&scope, scope_current(), CO_FOREVER);
        rc = co_spawn(&scope, "nest", nest_co_main, &inner);
        int waited = scope_co_wait(&scope);
        rc = rc < 0 ? rc : waited;
    }
    assert_int_equal(n->depth, (*n->ended)--); /* inner ones end first */
    return rc;
}

static int nested_co_main(void *arg)
{
    int ended = DEPTH;
    struct nest outermost = {0, &ended};
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&scope, "nest", nest_co_main, &outermost), 0);
    for (int i = 0; i < DEPTH + 5; i++)
        assert_int_equal(co_pause(), 0);
    scope_cancel(&scope); /* reaches the innermost */
    assert_int_equal(scope_co_wait(&scope), -ECANCELED);
    assert_int_equal(ended, -1);
    return 0;
}

static void test_nested_scopes(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", nested_co_main, NULL), 0);
}

static int deadline_co_main(void *arg)
{
    struct waiter w = {0};
    struct scope outer, inner;
    (void)arg;
    scope_open(&outer, scope_current(), 10);
    scope_open(&inner, &outer, CO_FOREVER); /* bounded by the outer one */
    assert_int_equal(co_spawn(&inner, "waiter", waiter_co_main, &w), 0);
    assert_int_equal(scope_co_wait(&inner), -ETIMEDOUT);
    assert_int_equal(scope_co_wait(&outer), 0);
    assert_int_equal(w.first, -ETIMEDOUT);
    assert_int_equal(w.second, -ETIMEDOUT);
    return 0;
}

static void test_an_outer_deadline_bounds_inner_waits(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", deadline_co_main, NULL), 0);
}

/* --- errors ---------------------------------------------------------------------------------- */

static int fails_co_main(void *arg)
{
    int *ms = arg;
    int rc = co_sleep(*ms);
    return rc < 0 ? rc : -1000 - *ms;
}

static int first_error_co_main(void *arg)
{
    int times[] = {30, 1, 15};
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    for (int i = 0; i < 3; i++)
        assert_int_equal(co_spawn(&scope, "fails", fails_co_main, &times[i]), 0);
    assert_int_equal(scope_co_wait(&scope), -1001); /* and all have ended */
    return 0;
}

static void test_a_scope_tells_the_first_error(void **state)
{
    (void)state;
    struct co_census before = co_census();
    assert_int_equal(loop_run_main("main", first_error_co_main, NULL), 0);
    assert_int_equal(co_census().live, before.live);
}

static int empty_co_main(void *arg)
{
    struct scope scope;
    (void)arg;
    scope_open(&scope, scope_current(), CO_FOREVER);
    return scope_co_wait(&scope);
}

static void test_an_empty_scope_ends_at_once(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", empty_co_main, NULL), 0);
}

int scope_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_inside_a_wait),
        cmocka_unit_test(test_cancel_before_the_first_turn),
        cmocka_unit_test(test_cancel_inside_a_cancel),
        cmocka_unit_test(test_nested_scopes),
        cmocka_unit_test(test_an_outer_deadline_bounds_inner_waits),
        cmocka_unit_test(test_a_scope_tells_the_first_error),
        cmocka_unit_test(test_an_empty_scope_ends_at_once),
    };
    return cmocka_run_group_tests_name("scopes", tests, NULL, NULL);
}
