/* Header fields, and the scan for the blank line. */
#include "suite.h"

#include "../expect.h"
#include "mail/header.h"

static void test_fields_one_after_another(void **state)
{
    struct span rest =
        SPAN("Subject: a\r\n b\r\n\tc \r\nTo:x@y\r\nOld : style\r\nEmpty:\r\n\r\nbody: no");
    struct header_field field;
    (void)state;
    assert_true(header_next(&rest, &field));
    expect_span(field.raw, "Subject: a\r\n b\r\n\tc \r\n");
    expect_span(field.name, "Subject");
    expect_span(field.body, "a\r\n b\r\n\tc");
    assert_true(header_next(&rest, &field));
    expect_span(field.name, "To");
    expect_span(field.body, "x@y");
    assert_true(header_next(&rest, &field));
    expect_span(field.name, "Old");
    assert_true(header_next(&rest, &field));
    expect_span(field.name, "Empty");
    expect_span(field.body, "");
    assert_false(header_next(&rest, &field));
    expect_span(rest, "\r\nbody: no");
}

static void test_what_is_no_field_ends_the_header(void **state)
{
    (void)state;
    assert_int_equal(header_length(SPAN("A: b\r\nno field\r\nC: d\r\n\r\n")), 6);
    assert_int_equal(header_length(SPAN("A: b\r\n: nameless\r\n")), 6);
    assert_int_equal(header_length(SPAN("A: b\r\nna me: x\r\n")), 6);
    assert_int_equal(header_length(SPAN("A: b\r\nn\303\274: x\r\n")), 6);
    assert_int_equal(header_length(SPAN("\r\nA: b\r\n")), 0);
    assert_int_equal(header_length(SPAN("")), 0);
    assert_int_equal(header_length(SPAN("A: cut off")), 10);
    assert_int_equal(header_length(SPAN("A: b\r\nB")), 6);
    assert_int_equal(header_length(SPAN("A: b\r\nB \r\n :x\r\n")), 6);
    assert_true(header_begins(SPAN("A \t: b\r\n")));
    assert_true(header_begins(SPAN("A:")));
    assert_false(header_begins(SPAN(" A: b\r\n")));
    assert_false(header_begins(SPAN("A\r\n")));
    assert_false(header_begins(SPAN("A\177: b\r\n")));
    assert_false(header_begins(SPAN(": b\r\n")));
    assert_false(header_begins(SPAN("")));
}

static void test_find_and_count(void **state)
{
    struct span header = SPAN("received: 1\r\nReceived: 2\r\nX: Received: 3\r\nRECEIVED:4\r\n");
    struct header_field field;
    (void)state;
    assert_int_equal(header_count(header, SPAN("Received")), 3);
    assert_true(header_find(header, SPAN("RECEIVED"), &field));
    expect_span(field.body, "1");
    assert_false(header_find(header, SPAN("Receive"), &field));
}

static void test_unfolding(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(1000);
    assert_int_equal(header_unfold(SPAN("a\r\n b\n\tc"), &out), 0);
    expect_span(buffer_span(&out), "a b\tc");
}

static ptrdiff_t scan_in_pieces(struct span text, size_t first, size_t second)
{
    struct header_scan scan = {0};
    const size_t cuts[] = {0, first, second, text.len};
    for (int i = 0; i < 3; i++) {
        struct span piece = exact_copy(span_first(span_from(text, cuts[i]), cuts[i + 1] - cuts[i]));
        ptrdiff_t at = header_scan(&scan, piece);
        test_free((void *)piece.at);
        if (at >= 0)
            return (ptrdiff_t)cuts[i] + at;
    }
    return -1;
}

static void test_the_blank_line_is_found_however_the_bytes_come(void **state)
{
    static const struct {
        const char *text;
        ptrdiff_t at;
    } cases[] = {
        {"A: b\r\n\r\nbody", 8}, {"\r\nbody", 2},
        {"A: b\r\n", -1},        {"A: b\n\n\r\n\r\n", 10},
        {"A\r\r\n\r\nbody", 6},  {"A\r\n\r\r\n\r\nb", 8},
        {"A\r\n\r", -1},         {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span text = span_of(cases[i].text);
        for (size_t first = 0; first <= text.len; first++)
            for (size_t second = first; second <= text.len; second++)
                if (scan_in_pieces(text, first, second) != cases[i].at)
                    fail_msg("\"%s\" cut at %zu and %zu", cases[i].text, first, second);
    }
}

int header_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_one_after_another),
        cmocka_unit_test(test_what_is_no_field_ends_the_header),
        cmocka_unit_test(test_find_and_count),
        cmocka_unit_test(test_unfolding),
        cmocka_unit_test(test_the_blank_line_is_found_however_the_bytes_come),
    };
    return cmocka_run_group_tests_name("header fields", tests, NULL, NULL);
}
