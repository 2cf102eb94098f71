/* Message-IDs, and the ids of the letters that a letter answers. */
#include "suite.h"

#include "../expect.h"
#include "mail/message_id.h"

#include <stdio.h>

static void expect_ids(const char *header, const char *expected)
{
    AUTO_BUFFER out = BUFFER(MESSAGE_IDS_MAX);
    assert_int_equal(message_ids_write(span_of(header), &out), 0);
    expect_span(buffer_span(&out), expected);
}

static void test_ids_have_one_form(void **state)
{
    static const struct {
        const char *body, *ids;
    } bodies[] = {
        {"<a@b>", "a@b"},
        {" (c) <a@b> (c)", "a@b"},
        {"<\"a\"@b>", "a@b"},
        {"<\"a\\\"b c\"@d>", "a\"bc@d"},
        {"<a\r\n @b>", "a@b"},
        {"<A@b> <a@b>", "A@b|a@b"},
        {"<a@b><c@d>,<e@f>", "a@b|c@d|e@f"},
        {"Your letter of <today> <a@b>", "a@b"},
        {"<a <b@c>", "b@c"},
        {"<a@b", ""},
        {"a@b", ""},
        {"<>", ""},
        {"<@b> <a@> <a@b@> <@>", ""},
        {"<\"a@b\"> <c@d>", "c@d"},
        {"<\"a@b>", ""},
        {"<\x01\x7f\xc3\xa9@b>", "\xc3\xa9@b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        AUTO_BUFFER out = BUFFER(1000);
        struct span rest = span_of(bodies[i].body);
        int rc;
        while ((rc = message_id_next(&rest, &out)) > 0)
            assert_int_equal(buffer_append_byte(&out, '|'), 0);
        assert_int_equal(rc, 0);
        expect_span(span_first(buffer_span(&out), out.len ? out.len - 1 : 0), bodies[i].ids);
    }
}

static void test_the_ids_of_a_letter(void **state)
{
    (void)state;
    expect_ids("", "\n");
    expect_ids("Message-ID: <a@b>\r\n", "a@b\n");
    expect_ids("References: <1@b>\r\n <2@b>\r\nmessage-id: <a@b>\r\nIn-Reply-To: <3@b>\r\n",
               "a@b\n1@b\n2@b\n");
    expect_ids("References: none\r\nIn-Reply-To: yours <3@b> <4@b>\r\n", "\n3@b\n");
    expect_span(message_ids_root(SPAN("a@b\n1@b\n2@b\n")), "1@b");
    expect_span(message_ids_root(SPAN("a@b\n")), "a@b");
    expect_span(message_ids_root(SPAN("\n")), "");
}

/* The first stays, and the newest, in their order. */
static void test_long_lists_are_cut(void **state)
{
    AUTO_BUFFER header = BUFFER((size_t)4 * 1024 * 1024);
    AUTO_BUFFER out = BUFFER(MESSAGE_IDS_MAX);
    struct span ids, id;
    unsigned count = 0;
    char expected[32];
    (void)state;
    assert_int_equal(buffer_append_text(&header, "Message-ID: <own@b>\r\nReferences:"), 0);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(buffer_printf(&header, "\r\n <%u@b>", i), 0);
    assert_int_equal(buffer_append_text(&header, "\r\n"), 0);
    assert_int_equal(message_ids_write(buffer_span(&header), &out), 0);
    ids = buffer_span(&out);
    assert_true(message_ids_next(&ids, &id));
    for (; message_ids_next(&ids, &id); count++) {
        snprintf(expected, sizeof expected, "%u@b", count ? 10000 - MESSAGE_IDS_REFS + count : 0);
        expect_span(id, expected);
    }
    assert_int_equal(count, MESSAGE_IDS_REFS);
}

static void test_long_ids_are_cut(void **state)
{
    AUTO_BUFFER header = BUFFER((size_t)4 * 1024 * 1024);
    AUTO_BUFFER out = BUFFER(MESSAGE_IDS_MAX);
    struct span ids, id, last = SPAN("");
    unsigned count = 0;
    (void)state;
    assert_int_equal(buffer_append_text(&header, "References:"), 0);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(buffer_printf(&header, "\r\n <%0*u@b>", i % 2 ? 998 : 999, i), 0);
    assert_int_equal(message_ids_write(buffer_span(&header), &out), 0);
    ids = buffer_span(&out);
    for (; message_ids_next(&ids, &id); count++) {
        assert_true(count == 0 || id.len == MESSAGE_ID_MAX);
        last = id;
    }
    assert_true(count > 10 && count < 20);
    expect_span(span_from(last, last.len - 5), "199@b");
}

int message_id_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_have_one_form),
        cmocka_unit_test(test_the_ids_of_a_letter),
        cmocka_unit_test(test_long_lists_are_cut),
        cmocka_unit_test(test_long_ids_are_cut),
    };
    return cmocka_run_group_tests_name("message_id", tests, NULL, NULL);
}
