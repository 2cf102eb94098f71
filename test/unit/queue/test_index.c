/* The index: who is next, turns, rests, and how much memory one recipient takes. */
#include "queue/index.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FAR INT64_MAX

static const struct queue_limits limits = {.sessions = 100, .routers = 100};

static void add(struct queue_index *index, int64_t tenant, int64_t letter, int64_t recipient,
                const char *domain, int64_t due_ms)
{
    struct queue_entry entry = {.tenant = tenant,
                                .recipient = recipient,
                                .letter = letter,
                                .due_ms = due_ms,
                                .domain = span_of(domain)};
    assert_int_equal(queue_index_add(index, &entry), 0);
}

/* Every domain that asks leads to the site "s-" and its name, or to one for all. */
static void route_all(struct queue_index *index, const char *key, unsigned sessions)
{
    struct queue_domain *domain;
    struct queue_site *site;
    while ((domain = queue_index_begin_route(index))) {
        char own[100];
        snprintf(own, sizeof own, "s-%s", queue_domain_name(domain));
        assert_int_equal(queue_domain_set_site(domain, key ? key : own, sessions, FAR, &site), 0);
        queue_domain_end_route(domain);
    }
}

static int64_t take_one(struct queue_site *site, struct queue_item **ret_item)
{
    assert_int_equal(queue_site_take(site, 1, ret_item), 1);
    return queue_item_recipient(*ret_item);
}

static void test_due_recipients_stand_in_line(void **state)
{
    struct queue_index *index;
    struct queue_item *items[10];
    struct queue_idle *idle;
    (void)state;
    assert_int_equal(queue_index_create(&limits, &index), 0);
    add(index, 1, 10, 100, "a.test", 5000);
    add(index, 1, 10, 101, "a.test", 5000);
    add(index, 1, 11, 102, "a.test", 4000);
    assert_int_equal(queue_index_next_ms(index), 4000);
    queue_index_advance(index, 3999);
    assert_null(queue_index_begin_route(index));
    queue_index_advance(index, 5000);
    assert_int_equal(queue_index_next_ms(index), FAR);
    route_all(index, NULL, 5);
    struct queue_site *site = queue_index_begin_session(index, &idle);
    assert_string_equal(queue_site_key(site), "s-a.test");
    assert_null(idle);
    assert_int_equal(take_one(site, &items[0]), 102);          /* due first */
    assert_int_equal(queue_site_take(site, 10, items + 1), 2); /* one letter's, together */
    assert_int_equal(queue_site_take(site, 10, items + 3), 0);
    queue_index_forget(index, items[0]);
    queue_index_wait(index, items[1], 9000);
    queue_index_forget(index, items[2]);
    assert_int_equal(queue_index_count(index), 1);
    queue_site_end_session(site);
    queue_index_advance(index, 9000); /* the way is known already */
    assert_null(queue_index_begin_route(index));
    assert_ptr_equal(queue_index_begin_session(index, &idle), site);
    queue_index_free(index);
}

static void test_tenants_take_turns(void **state)
{
    struct queue_index *index;
    struct queue_item *item;
    struct queue_idle *idle;
    (void)state;
    assert_int_equal(queue_index_create(&limits, &index), 0);
    for (int64_t i = 0; i < 1000; i++)
        add(index, 1, i + 1, i + 1, "a.test", 0);
    add(index, 2, 5001, 5001, "a.test", 1);
    add(index, 3, 5002, 5002, "a.test", 2);
    queue_index_advance(index, 10);
    route_all(index, NULL, 5);
    struct queue_site *site = queue_index_begin_session(index, &idle);
    bool second = false, third = false;
    for (int i = 0; i < 3; i++) {
        int64_t recipient = take_one(site, &item);
        second = second || recipient == 5001;
        third = third || recipient == 5002;
    }
    assert_true(second && third);
    queue_index_free(index);
}

static void test_sessions_are_counted(void **state)
{
    struct queue_index *index;
    struct queue_idle *idle, own;
    struct queue_item *item;
    (void)state;
    assert_int_equal(queue_index_create(&limits, &index), 0);
    for (int64_t i = 1; i <= 10; i++)
        add(index, 1, i, i, i <= 5 ? "a.test" : "b.test", 0);
    queue_index_advance(index, 1);
    route_all(index, "both", 3); /* two domains, one site */
    struct queue_site *site = queue_index_begin_session(index, &idle);
    assert_non_null(site);
    assert_null(queue_index_begin_session(index, &idle)); /* one until it has worked */
    queue_site_worked(site);
    assert_ptr_equal(queue_index_begin_session(index, &idle), site);
    assert_ptr_equal(queue_index_begin_session(index, &idle), site);
    assert_null(queue_index_begin_session(index, &idle));
    queue_site_idle(site, &own); /* has a connection and is waiting: the next to be used */
    assert_ptr_equal(queue_index_begin_session(index, &idle), site);
    assert_ptr_equal(idle, &own);
    assert_null(queue_index_begin_session(index, &idle));
    for (int i = 0; i < 10; i++) {
        take_one(site, &item);
        queue_index_forget(index, item);
    }
    for (int i = 0; i < 3; i++)
        queue_site_end_session(site);
    queue_index_free(index);
}

static void test_a_failed_site_rests(void **state)
{
    struct queue_index *index;
    struct queue_idle *idle;
    (void)state;
    assert_int_equal(queue_index_create(&limits, &index), 0);
    add(index, 1, 1, 1, "dead.test", 0);
    add(index, 1, 2, 2, "alive.test", 0);
    queue_index_advance(index, 1);
    route_all(index, NULL, 3);
    struct queue_site *one = queue_index_begin_session(index, &idle);
    struct queue_site *two = queue_index_begin_session(index, &idle);
    assert_true(one && two && one != two);
    queue_site_failed(one, 500);
    queue_site_end_session(one);
    queue_site_worked(two);
    assert_int_equal(queue_index_next_ms(index), 500);
    queue_index_advance(index, 499);
    assert_ptr_equal(queue_index_begin_session(index, &idle), two);
    assert_ptr_equal(queue_index_begin_session(index, &idle), two);
    assert_null(queue_index_begin_session(index, &idle));
    queue_index_advance(index, 500);
    assert_ptr_equal(queue_index_begin_session(index, &idle), one);
    assert_int_equal(queue_site_failures(one), 1);
    queue_index_free(index);
}

/* P2: what is released while a session still holds it is looked at again. */
/* A retry by hand of what is in flight counts, however that ends. */
static void test_what_is_added_while_taken_comes_again(void **state)
{
    struct queue_index *index;
    struct queue_item *items[2], *again[2];
    struct queue_idle *idle;
    (void)state;
    assert_int_equal(queue_index_create(&limits, &index), 0);
    add(index, 1, 10, 100, "a.test", 0);
    add(index, 1, 10, 101, "a.test", 0);
    queue_index_advance(index, 5);
    route_all(index, NULL, 5);
    struct queue_site *site = queue_index_begin_session(index, &idle);
    assert_int_equal(queue_site_take(site, 2, items), 2);
    add(index, 1, 10, 100, "a.test", 5);
    add(index, 1, 10, 101, "a.test", 5);
    queue_index_wait(index, items[0], 9000);
    queue_index_forget(index, items[1]);
    queue_index_advance(index, 6);
    assert_int_equal(queue_site_take(site, 2, again), 2);
    queue_index_wait(index, again[0], 9000); /* once */
    queue_index_forget(index, again[1]);
    assert_int_equal(queue_index_count(index), 1);
    assert_int_equal(queue_index_next_ms(index), 9000);
    queue_site_end_session(site);
    queue_index_free(index);
}

static void test_a_domain_without_a_way(void **state)
{
    struct queue_index *index;
    struct queue_item *items[4];
    (void)state;
    assert_int_equal(queue_index_create(&limits, &index), 0);
    add(index, 1, 1, 1, "nowhere.test", 0);
    add(index, 1, 2, 2, "nowhere.test", 0);
    queue_index_advance(index, 1);
    struct queue_domain *domain = queue_index_begin_route(index);
    assert_null(queue_index_begin_route(index)); /* asked once */
    add(index, 1, 3, 3, "nowhere.test", 0);
    queue_index_advance(index, 2);
    assert_int_equal(queue_domain_take(domain, 4, items), 3);
    assert_int_equal(queue_domain_take(domain, 4, items + 3), 0);
    for (int i = 0; i < 3; i++)
        queue_index_wait(index, items[i], 1000);
    queue_domain_end_route(domain);
    assert_null(queue_index_begin_route(index));
    queue_index_advance(index, 1000);
    assert_non_null(queue_index_begin_route(index));
    queue_index_free(index);
}

static void add_many(struct queue_index *index, const char *word, int64_t first, unsigned count)
{
    char domain[40];
    for (unsigned i = 0; i < count; i++) {
        snprintf(domain, sizeof domain, "%s%u.test", word, i);
        add(index, 1, first + i, first + i, domain, 0);
    }
    queue_index_advance(index, 1);
}

/* 100 places: dead sites never take them all, and less when they are known to be dead. */
static void test_dead_sites_leave_places(void **state)
{
    struct queue_index *index;
    static struct queue_site *sites[300];
    struct queue_site *alive;
    struct queue_idle *idle;
    struct queue_item *item;
    unsigned count = 0, again = 0;
    (void)state;
    assert_int_equal(queue_index_create(&limits, &index), 0);
    add_many(index, "alive", 1, 1);
    route_all(index, NULL, 20);
    alive = queue_index_begin_session(index, &idle);
    queue_site_worked(alive);
    take_one(alive, &item);
    add_many(index, "dead", 1000, 300);
    route_all(index, NULL, 20);
    while ((sites[count] = queue_index_begin_session(index, &idle)) != NULL && count < 299)
        count++;
    assert_int_equal(count, 75);
    add(index, 1, 2, 2, "alive0.test", 2);
    queue_index_advance(index, 2);
    assert_ptr_equal(queue_index_begin_session(index, &idle), alive);
    for (unsigned i = 0; i < count; i++) {
        queue_site_failed(sites[i], 10);
        queue_site_end_session(sites[i]);
    }
    queue_index_advance(index, 10); /* all have a line still, 75 have failed */
    unsigned fresh = 0;
    struct queue_site *site;
    while ((site = queue_index_begin_session(index, &idle)) != NULL) {
        again += queue_site_failures(site) > 0;
        fresh += queue_site_failures(site) == 0 && site != alive;
    }
    assert_int_equal(again + fresh, 75);
    assert_in_range(again, 1, 50);
    queue_index_free(index);
}

/* 10 routers: domains whose way was not found get half of them, and come last. */
static void test_lost_domains_leave_routers(void **state)
{
    const struct queue_limits few = {.sessions = 100, .routers = 10};
    struct queue_index *index;
    struct queue_domain *domains[10];
    struct queue_item *item;
    unsigned count = 0;
    (void)state;
    assert_int_equal(queue_index_create(&few, &index), 0);
    add_many(index, "lost", 1, 10);
    while (count < 10 && (domains[count] = queue_index_begin_route(index)) != NULL)
        count++;
    assert_int_equal(count, 10);
    assert_null(queue_index_begin_route(index));
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(queue_domain_take(domains[i], 1, &item), 1);
        queue_index_wait(index, item, 5);
        queue_domain_end_route(domains[i]);
    }
    queue_index_advance(index, 5);
    add(index, 1, 100, 100, "new.test", 6);
    queue_index_advance(index, 6);
    struct queue_domain *first = queue_index_begin_route(index);
    assert_string_equal(queue_domain_name(first), "new.test");
    for (count = 0; queue_index_begin_route(index); count++)
        ;
    assert_int_equal(count, 5);
    queue_index_free(index);
}

static void test_memory_of_a_recipient(void **state)
{
    const int64_t count = 200000;
    struct queue_index *index;
    (void)state;
    assert_int_equal(queue_index_create(&limits, &index), 0);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int64_t i = 1; i <= count; i++) {
        char domain[40];
        snprintf(domain, sizeof domain, "domain%lld.test", (long long)(i % 1000));
        add(index, 1, i, i, domain, i * 7919 % 100000);
    }
    size_t used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    print_message("index: %zu bytes a recipient\n", used / (size_t)count);
    if (used) /* under a sanitizer nobody counts */
        assert_true(used / (size_t)count <= 250);
    queue_index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_recipients_stand_in_line),
        cmocka_unit_test(test_tenants_take_turns),
        cmocka_unit_test(test_sessions_are_counted),
        cmocka_unit_test(test_a_failed_site_rests),
        cmocka_unit_test(test_what_is_added_while_taken_comes_again),
        cmocka_unit_test(test_a_domain_without_a_way),
        cmocka_unit_test(test_dead_sites_leave_places),
        cmocka_unit_test(test_lost_domains_leave_routers),
        cmocka_unit_test(test_memory_of_a_recipient),
    };
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
