/* Locks on maildrops. */
#include "../expect.h"
#include "pop3/lock.h"

#include <errno.h>

static void test_one_at_a_time(void **state)
{
    struct pop3_locks *locks;
    (void)state;
    assert_int_equal(pop3_locks_create(&locks), 0);
    for (int64_t user = 1; user <= 1000; user++)
        assert_int_equal(pop3_lock_take(locks, user, 0), 0);
    assert_int_equal(pop3_lock_take(locks, 500, 0), -EBUSY);
    pop3_lock_give(locks, 500);
    assert_int_equal(pop3_lock_take(locks, 500, 0), 0);
    pop3_locks_free(locks); /* with some held */
}

static void test_not_too_often(void **state)
{
    struct pop3_locks *locks;
    (void)state;
    assert_int_equal(pop3_locks_create(&locks), 0);
    assert_int_equal(pop3_lock_take(locks, 1, 3600), 0);
    assert_int_equal(pop3_lock_take(locks, 1, 3600), -EBUSY);
    pop3_lock_give(locks, 1);
    assert_int_equal(pop3_lock_take(locks, 1, 3600), -EAGAIN);
    assert_int_equal(pop3_lock_take(locks, 2, 3600), 0);
    pop3_lock_undo(locks, 2);
    assert_int_equal(pop3_lock_take(locks, 2, 3600), 0);
    pop3_locks_free(locks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_not_too_often),
    };
    return cmocka_run_group_tests_name("locks", tests, NULL, NULL);
}
