/* Logins: what a password costs the first time, and not the times after. */
#include "../store/suite.h"
#include "directory/directory.h"
#include "run/lane.h"

#include <stdatomic.h>
#include <unistd.h>

struct town {
    struct store *store;
    struct lane *passwords; /* one thread */
    struct directory *directory;
    atomic_bool held, release;
    struct span login, password;
};

static const struct span bob = SPAN("bob@example.test");

static int hold_the_lane(void *arg)
{
    struct town *t = arg;
    atomic_store(&t->held, true);
    while (!atomic_load(&t->release))
        usleep(1000);
    return 0;
}

static int holder_co_main(void *arg)
{
    struct town *t = arg;
    return lane_co_run(t->passwords, hold_the_lane, t, CO_FOREVER);
}

static int login_co_main(void *arg)
{
    struct town *t = arg;
    struct identity who;
    return directory_co_authenticate(t->directory, t->login, t->password, &who);
}

/* A login that has to be quick. */
static void co_expect(struct town *t, struct span login, struct span password, int expected)
{
    struct scope scope;
    t->login = login;
    t->password = password;
    scope_open(&scope, scope_current(), 300);
    assert_int_equal(co_spawn(&scope, "login", login_co_main, t), 0);
    assert_int_equal(scope_co_wait(&scope), expected);
}

static int town_co_main(void *arg)
{
    struct town *t = arg;
    struct directory *d = t->directory;
    struct identity who;
    struct scope scope;
    int64_t user;
    assert_int_equal(directory_co_domain_add(d, TENANT_FIRST, SPAN("example.test")), 0);
    assert_int_equal(directory_co_user_add(d, TENANT_FIRST, bob, SPAN("first secret"), &user), 0);
    assert_int_equal(directory_co_authenticate(d, bob, SPAN("first secret"), &who), 0);
    scope_open(&scope, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&scope, "holder", holder_co_main, t), 0);
    while (!atomic_load(&t->held))
        assert_int_equal(co_pause(), 0);
    for (int i = 0; i < 1000; i++)
        co_expect(t, i % 2 ? bob : SPAN("Bob@Example.TEST"), SPAN("first secret"), 0);
    co_expect(t, bob, SPAN("first secret!"), ERR_FULL); /* it would cost a run */
    /* and so would everybody who does not exist (P8) */
    co_expect(t, SPAN("nobody@example.test"), SPAN("first secret"), ERR_FULL);
    co_expect(t, SPAN("bob@elsewhere.example"), SPAN("first secret"), ERR_FULL);
    co_expect(t, SPAN("bob@-.-@"), SPAN("first secret"), ERR_FULL);
    atomic_store(&t->release, true);
    assert_int_equal(scope_co_wait(&scope), 0);
    return 0;
}

static void test_a_verified_password_costs_no_second_run(void **state)
{
    static const struct db_schema *const rooms[] = {&directory_schema};
    static struct town t;
    struct place place;
    char reason[256] = "";
    (void)state;
    place_make(&place);
    assert_int_equal(store_open(&place.settings, rooms, 1, reason, sizeof reason, &t.store), 0);
    assert_int_equal(lane_create("password", 1, 10, &t.passwords), 0);
    assert_int_equal(directory_open(t.store, t.passwords, &t.directory), 0);
    assert_int_equal(loop_run_main("main", town_co_main, &t), 0);
    directory_close(t.directory);
    lane_destroy(t.passwords);
    store_close(t.store);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_verified_password_costs_no_second_run),
    };
    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
