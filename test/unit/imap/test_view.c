/* Views against a plain list of UIDs, and sets as they are written. */
#include "../expect.h"

#include "base/random.h"
#include "imap/set.h"
#include "imap/view.h"

#include <string.h>

#define UIDS 400

struct model {
    bool there[UIDS];
};

static void compare(const struct view *v, const struct model *m)
{
    uint32_t number = 0;
    for (uint32_t uid = 1; uid < UIDS; uid++) {
        assert_int_equal(view_number(v, uid), m->there[uid] ? ++number : 0);
        if (m->there[uid])
            assert_int_equal(view_uid(v, number), uid);
    }
    assert_int_equal(v->messages, number);
    assert_int_equal(view_uid(v, number + 1), 0);
    assert_int_equal(view_uid(v, 0), 0);
}

static uint32_t rank(const struct model *m, uint32_t uid)
{
    uint32_t number = 0;
    for (uint32_t i = 1; i <= uid; i++)
        number += m->there[i];
    return number;
}

static void random_changes(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 50; round++) {
        struct view v = {0};
        struct model m = {0};
        uint32_t next = 1;
        for (unsigned step = 0; step < 300; step++) {
            uint32_t dice = random_below(10), uid = 1 + (uint32_t)random_below(UIDS - 1);
            if (dice < 5 && next < UIDS) {
                assert_int_equal(view_add(&v, next), 0);
                m.there[next] = true;
                next += 1 + (random_below(3) == 0);
            } else if (dice < 8 && uid < next) {
                uint32_t wanted = m.there[uid] ? rank(&m, uid) : 0;
                assert_int_equal(view_remove(&v, uid), wanted);
                m.there[uid] = false;
            } else if (uid < next) {
                assert_int_equal(view_insert(&v, uid), 0);
                m.there[uid] = true;
            }
        }
        compare(&v, &m);
        view_free(&v);
    }
}

static void a_mailbox_without_gaps_is_one_run(void **state)
{
    (void)state;
    struct view v = {0};
    for (uint32_t uid = 1; uid <= 100000; uid++)
        assert_int_equal(view_add(&v, uid), 0);
    assert_int_equal(v.count, 1);
    assert_int_equal(view_highest(&v), 100000);
    assert_int_equal(view_next(&v, 100001), 0);
    view_free(&v);
}

static void expect_set(const char *given, uint32_t highest, const char *wanted)
{
    AUTO_ARENA arena = ARENA(65536);
    AUTO_BUFFER out = BUFFER(65536);
    struct imap_parser p = {given, given + strlen(given), &arena};
    struct imap_set_writer w = {0};
    struct imap_set set;
    assert_int_equal(imap_parse_set(&p, highest, &set), 0);
    assert_true(imap_at_end(&p));
    for (uint32_t n = 1; n <= 50; n++)
        if (imap_set_has(&set, n))
            assert_int_equal(imap_set_add(&w, n, &out), 0);
    assert_int_equal(imap_set_end(&w, &out), 0);
    assert_string_equal(buffer_text(&out), wanted);
}

static void sets(void **state)
{
    (void)state;
    expect_set("1", 50, "1");
    expect_set("5:1", 50, "1:5");
    expect_set("3,1,2,9:7,8", 50, "1:3,7:9");
    expect_set("48:*", 50, "48:50");
    expect_set("*", 50, "50");
    expect_set("60:*", 50, "50");
    expect_set("2:4,3:6,10", 50, "2:6,10");
}

static void no_sets(void **state)
{
    static const char *const wrong[] = {"", "0", "1,", "1:", ":1", "a", "4294967296", "1,,2", "-1"};
    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        AUTO_ARENA arena = ARENA(65536);
        struct imap_parser p = {wrong[i], wrong[i] + strlen(wrong[i]), &arena};
        struct imap_set set;
        bool refused = imap_parse_set(&p, 50, &set) < 0 || !imap_at_end(&p);
        assert_true(refused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes),
        cmocka_unit_test(a_mailbox_without_gaps_is_one_run),
        cmocka_unit_test(sets),
        cmocka_unit_test(no_sets),
    };
    return cmocka_run_group_tests_name("imap", tests, NULL, NULL);
}
