/* Names of mailboxes, as clients give them and as they are kept. */
#include "../expect.h"
#include "box/box.h"

static void test_names_are_folded(void **state)
{
    static const struct {
        const char *given, *name; /* NULL: refused */
    } names[] = {
        {"inbox", "INBOX"},
        {"Inbox/a", "INBOX/a"},
        {"inboxes", "inboxes"},
        {"a/b/", "a/b"},
        {"a b", "a b"},
        {"\xc3\x9c", "\xc3\x9c"},
        {"", NULL},
        {"/", NULL},
        {"/a", NULL},
        {"a//b", NULL},
        {"a//", NULL},
        {" a", NULL},
        {"a /b", NULL},
        {"a\tb", NULL},
        {"a\x7f", NULL},
        {"\xff", NULL},
        {"a/b", "a/b"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        AUTO_ARENA arena = ARENA(4096);
        struct span name;
        int rc = box_name_fold(span_of(names[i].given), &arena, &name);
        assert_int_equal(rc, names[i].name ? 0 : ERR_SYNTAX);
        if (names[i].name)
            assert_true(span_equal(name, span_of(names[i].name)));
    }
}

static void test_names_have_limits(void **state)
{
    AUTO_ARENA arena = ARENA(16384);
    char text[BOX_NAME_MAX + 2];
    struct span name;
    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(box_name_fold(span_make(text, BOX_NAME_MAX), &arena, &name), 0);
    assert_int_equal(box_name_fold(span_make(text, BOX_NAME_MAX + 1), &arena, &name), ERR_SYNTAX);
    for (int i = 1; i < BOX_NAME_MAX; i += 2)
        text[i] = '/';
    assert_int_equal(box_name_fold(span_make(text, 2 * BOX_DEPTH_MAX - 1), &arena, &name), 0);
    assert_int_equal(box_name_fold(span_make(text, 2 * BOX_DEPTH_MAX + 1), &arena, &name),
                     ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_folded),
        cmocka_unit_test(test_names_have_limits),
    };
    return cmocka_run_group_tests_name("box_names", tests, NULL, NULL);
}
