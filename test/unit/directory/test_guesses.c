/* Counts of wrong passwords, by a clock that stands still unless told. */
#include "directory/guesses.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE ((int64_t)60 * 1000)

static int64_t now;

static void pass(int64_t ms)
{
    now += ms;
    clock_fake(now, now);
}

static struct sockaddr_storage at(const char *text)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    address.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
    void *bytes = address.ss_family == AF_INET6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr;
    assert_int_equal(inet_pton(address.ss_family, text, bytes), 1);
    return address;
}

static enum guess begin(struct guesses *g, const char *from, const char *login)
{
    struct sockaddr_storage address = at(from);
    return guesses_begin(g, (struct sockaddr *)&address, span_of(login));
}

static bool end(struct guesses *g, const char *from, const char *login, enum guess_end end)
{
    struct sockaddr_storage address = at(from);
    return guesses_end(g, (struct sockaddr *)&address, span_of(login), end);
}

static bool may(struct guesses *g, const char *from, const char *login)
{
    enum guess guess = begin(g, from, login);
    assert_int_not_equal(guess, GUESS_SOON);
    if (guess == GUESS_NOW)
        end(g, from, login, GUESS_UNDECIDED);
    return guess == GUESS_NOW;
}

/* How many wrong ones until the next must wait. */
static int exhaust(struct guesses *g, const char *from, const char *login)
{
    int count = 0;
    while (begin(g, from, login) == GUESS_NOW && count < 100) {
        end(g, from, login, GUESS_WRONG);
        count++;
    }
    return count;
}

static void right(struct guesses *g, const char *from, const char *login)
{
    if (begin(g, from, login) == GUESS_NOW)
        end(g, from, login, GUESS_RIGHT);
}

static struct guesses *fresh(void)
{
    struct guesses *g;
    assert_int_equal(guesses_create(&g), 0);
    pass(1000 * MINUTE);
    return g;
}

static void test_one_address_and_one_login(void **state)
{
    (void)state;
    struct guesses *g = fresh();
    assert_int_equal(exhaust(g, "192.0.2.1", "bob@x"), 6);
    assert_false(may(g, "192.0.2.1", "BOB@X"));
    assert_true(may(g, "192.0.2.2", "bob@x"));
    assert_true(may(g, "192.0.2.1", "ann@x"));
    pass(MINUTE);
    assert_int_equal(exhaust(g, "192.0.2.1", "bob@x"), 1);
    pass(10 * MINUTE);
    assert_int_equal(exhaust(g, "192.0.2.1", "bob@x"), 6);
    guesses_free(g);
}

static void test_an_address_has_its_share(void **state)
{
    (void)state;
    struct guesses *g = fresh();
    int count = 0;
    for (char login[] = "a@x"; login[0] <= 'z'; login[0]++)
        count += exhaust(g, "2001:db8::1", login);
    assert_int_equal(count, 20);
    assert_false(may(g, "2001:db8::ffff", "owner@x")); /* of the same /64 */
    assert_true(may(g, "2001:db8:0:1::1", "owner@x"));
    assert_true(may(g, "192.0.2.1", "owner@x"));
    pass(MINUTE);
    assert_true(may(g, "2001:db8::1", "owner@x"));
    guesses_free(g);
}

static void test_the_owner_gets_in(void **state)
{
    (void)state;
    struct guesses *g = fresh();
    right(g, "192.0.2.200", "bob@x");
    for (int i = 1; i < 100; i++) {
        char from[20];
        snprintf(from, sizeof from, "192.0.2.%d", i);
        int count = exhaust(g, from, "bob@x");
        assert_int_equal(count, i <= 5 ? 6 : 1); /* thirty, and from then on one for each */
        assert_true(may(g, "192.0.2.200", "bob@x"));
        assert_true(may(g, "192.0.2.201", "bob@x"));
    }
    assert_int_equal(exhaust(g, "192.0.2.200", "bob@x"), 12);
    pass(MINUTE);
    right(g, "192.0.2.200", "bob@x");
    assert_true(may(g, "192.0.2.200", "bob@x"));
    pass(60 * MINUTE);
    assert_int_equal(exhaust(g, "192.0.2.50", "bob@x"), 6); /* it is over some day */
    guesses_free(g);
}

/* Others guess from where he is known: his own count is not theirs. */
static void test_an_owner_behind_the_same_address(void **state)
{
    (void)state;
    struct guesses *g = fresh();
    right(g, "192.0.2.1", "bob@x");
    for (char login[] = "a@x"; login[0] <= 'z'; login[0]++)
        exhaust(g, "192.0.2.1", login);
    assert_false(may(g, "192.0.2.1", "ann@x"));
    assert_true(may(g, "192.0.2.1", "bob@x"));
    guesses_free(g);
}

/* All that are checked at once are as many as one after the other, whoever ends first. */
static void test_many_at_once(void **state)
{
    (void)state;
    struct guesses *g = fresh();
    for (int i = 0; i < 6; i++)
        assert_int_equal(begin(g, "192.0.2.1", "bob@x"), GUESS_NOW);
    assert_int_equal(begin(g, "192.0.2.1", "bob@x"), GUESS_SOON);
    end(g, "192.0.2.1", "bob@x", GUESS_UNDECIDED);
    assert_int_equal(begin(g, "192.0.2.1", "bob@x"), GUESS_NOW);
    for (int i = 0; i < 5; i++)
        assert_true(end(g, "192.0.2.1", "bob@x", GUESS_WRONG));
    assert_int_equal(begin(g, "192.0.2.1", "bob@x"), GUESS_SOON);
    assert_false(end(g, "192.0.2.1", "bob@x", GUESS_WRONG));
    assert_int_equal(begin(g, "192.0.2.1", "bob@x"), GUESS_LATER);
    guesses_free(g);
}

/* A phone opens ten connections at its first start. */
static void test_many_right_ones_at_once(void **state)
{
    (void)state;
    struct guesses *g = fresh();
    int begun = 0, right = 0;
    while (right < 10) {
        while (begun < 10 && begin(g, "192.0.2.1", "bob@x") == GUESS_NOW)
            begun++;
        assert_true(begun > right);
        end(g, "192.0.2.1", "bob@x", GUESS_RIGHT);
        right++;
    }
    assert_int_equal(exhaust(g, "192.0.2.1", "bob@x"), 12);
    guesses_free(g);
}

/* Who has many networks has a few tries for one login, not one for each. */
static void test_wide_networks(void **state)
{
    (void)state;
    struct guesses *g = fresh();
    int of_site = 0, of_region = 0;
    char from[40];
    for (int i = 1; i <= 5; i++) {
        snprintf(from, sizeof from, "198.51.100.%d", i);
        assert_int_equal(exhaust(g, from, "bob@x"), 6);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(from, sizeof from, "2001:db8:0:%x::1", i);
        of_site += exhaust(g, from, "bob@x");
    }
    assert_int_equal(of_site, 4);
    for (int i = 0; i < 100; i++) {
        snprintf(from, sizeof from, "2001:db8:%x::1", i);
        of_region += exhaust(g, from, "bob@x");
    }
    assert_int_equal(of_site + of_region, 16);
    assert_true(may(g, "2001:db9::1", "bob@x"));
    int spread = 0;
    for (int i = 0; i < 200; i++) { /* one password, many logins */
        char login[16];
        snprintf(from, sizeof from, "2001:dba:0:%x::1", i);
        snprintf(login, sizeof login, "u%d@x", i);
        spread += exhaust(g, from, login) > 0;
    }
    assert_in_range(spread, 80 / 6, 80 / 6 + 1);
    guesses_free(g);
}

static void test_loopback_is_not_counted(void **state)
{
    (void)state;
    struct guesses *g = fresh();
    assert_int_equal(exhaust(g, "127.0.0.1", "bob@x"), 100);
    assert_int_equal(exhaust(g, "::1", "bob@x"), 100);
    assert_int_equal(exhaust(g, "::ffff:127.0.0.2", "bob@x"), 100);
    assert_int_equal(exhaust(g, "::ffff:192.0.2.1", "bob@x"), 6);
    assert_false(may(g, "192.0.2.1", "bob@x")); /* the same address, written otherwise */
    guesses_free(g);
}

static void test_a_flood_of_names_forgets_no_address(void **state)
{
    (void)state;
    struct guesses *g = fresh();
    exhaust(g, "192.0.2.9", "bob@x");
    for (int i = 0; i < 100 * 1000; i++) {
        char login[30];
        snprintf(login, sizeof login, "user%d@x", i);
        end(g, "192.0.2.1", login, GUESS_WRONG);
    }
    assert_false(may(g, "192.0.2.1", "owner@x"));
    guesses_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_address_and_one_login),
        cmocka_unit_test(test_an_address_has_its_share),
        cmocka_unit_test(test_the_owner_gets_in),
        cmocka_unit_test(test_an_owner_behind_the_same_address),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_many_right_ones_at_once),
        cmocka_unit_test(test_wide_networks),
        cmocka_unit_test(test_loopback_is_not_counted),
        cmocka_unit_test(test_a_flood_of_names_forgets_no_address),
    };
    int failed = cmocka_run_group_tests_name("guesses", tests, NULL, NULL);
    clock_unfake();
    return failed;
}
