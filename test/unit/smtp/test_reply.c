/* SMTP replies (RFC 5321 4.2). */
#include "suite.h"

#include "../expect.h"
#include "smtp/reply.h"

#include <errno.h>

static void test_lines(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(1000);
    assert_int_equal(smtp_reply_format(&out, 250, "2.0.0", SPAN("Ok")), 0);
    expect_span(buffer_span(&out), "250 2.0.0 Ok\r\n");
    buffer_clear(&out);
    assert_int_equal(smtp_reply_format(&out, 250, NULL, SPAN("one\ntwo\nthree")), 0);
    expect_span(buffer_span(&out), "250-one\r\n250-two\r\n250 three\r\n");
    buffer_clear(&out);
    assert_int_equal(smtp_reply_format(&out, 220, NULL, SPAN("")), 0);
    expect_span(buffer_span(&out), "220 \r\n");
}

static void test_foreign_bytes_end_no_line(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(1000);
    assert_int_equal(smtp_reply_format(&out, 501, "5.5.4", SPAN("a\rb\tc\0d\303\274")), 0);
    expect_span(buffer_span(&out), "501 5.5.4 a?b?c?d??\r\n");
}

static void test_a_line_has_at_most_512_bytes(void **state)
{
    char text[1500];
    (void)state;
    AUTO_BUFFER out = BUFFER(10000), small = BUFFER(10);
    memset(text, 'x', sizeof text);
    assert_int_equal(smtp_reply_format(&out, 250, "2.0.0", span_make(text, sizeof text)), 0);
    assert_true(out.len <= 512 && out.len > 400);
    assert_int_equal(smtp_reply_format(&small, 250, "2.0.0", SPAN("too long")), -ENOBUFS);
}

int reply_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_foreign_bytes_end_no_line),
        cmocka_unit_test(test_a_line_has_at_most_512_bytes),
    };
    return cmocka_run_group_tests_name("SMTP replies", tests, NULL, NULL);
}
