/* Trace fields and dates. */
#include "suite.h"

#include "../expect.h"
#include "base/id.h"
#include "mail/date.h"
#include "mail/trace.h"

#include <stdio.h>

static void test_dates(void **state)
{
    static const struct {
        int64_t wall_ms;
        const char *text;
    } cases[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 +0000"},
        {1582934399999, "Fri, 28 Feb 2020 23:59:59 +0000"},
        {1582934400000, "Sat, 29 Feb 2020 00:00:00 +0000"},
        {4102444800000, "Fri, 01 Jan 2100 00:00:00 +0000"},
    };
    char text[DATE_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(date_format(cases[i].wall_ms, text), cases[i].text);
}

static void test_reading_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t wall_ms; /* -1: none */
    } cases[] = {
        {"Fri, 28 Feb 2020 23:59:59 +0000", 1582934399000},
        {"Fri, 14 Oct 2011 12:00:00 +0200", 1318586400000},
        {"fri,14 oct 2011 05:00 EST", 1318586400000},
        {" 14 Oct 2011 10:00:00 -0000 (UTC) ", 1318586400000},
        {"14 Oct 2011 10:00:00 utc", 1318586400000},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800000},
        {"Thu, 1 Jan 1970 00:00:00 Z", 0},
        {"Fri, 14 Oct 2011 12:00:00", -1},
        {"Fri, 14 Oct 2011 12:00:00 CET", -1},
        {"Fri, 14 Oct 2011 12:00:00 +9900", -1},
        {"Fri, 14 Oct 2011 12:00:00 +0000 x", -1},
        {"Fri, 14 Oct 2011 24:00:00 +0000", -1},
        {"Foo, 14 Oct 2011 12:00:00 +0000", -1},
        {"Fri 14 Oct 2011 12:00:00 +0000", -1},
        {"31 Feb 2011 12:00:00 +0000", -1},
        {"1 Jan 11 12:00:00 +0000", -1},
        {"2011-10-14T12:00:00Z", -1},
        {"1318586400", -1},
        {"tomorrow", -1},
        {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t wall_ms = -1;
        int rc = date_parse(span_of(cases[i].text), &wall_ms);
        if (wall_ms != cases[i].wall_ms || (rc < 0) != (cases[i].wall_ms < 0))
            fail_msg("\"%s\" became %lld", cases[i].text, (long long)wall_ms);
    }
}

static void test_received(void **state)
{
    char id[ID_TEXT], expected[500];
    struct trace_received received = {
        .hello = SPAN("client.example.net"),
        .peer = "192.0.2.1",
        .hostname = "mail.example.test",
        .protocol = "ESMTPS",
        .tls = "TLSv1.3",
        .cipher = "TLS_AES_128_GCM_SHA256",
        .letter = id_next(),
        .recipient = SPAN("anna@example.test"),
    };
    (void)state;
    AUTO_BUFFER out = BUFFER(10000);
    assert_int_equal(trace_received(&out, &received), 0);
    snprintf(expected, sizeof expected,
             "Received: from client.example.net ([192.0.2.1])\r\n"
             "\tby mail.example.test (Postamt) with ESMTPS id %s\r\n"
             "\t(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256)\r\n"
             "\tfor <anna@example.test>;\r\n"
             "\tThu, 01 Jan 1970 00:00:00 +0000\r\n",
             id_text(received.letter, id));
    expect_span(buffer_span(&out), expected);

    buffer_clear(&out);
    received = (struct trace_received){.hello = SPAN("[IPv6:2001:db8::1]"),
                                       .peer = "2001:db8::1",
                                       .hostname = "mail.example.test",
                                       .protocol = "SMTP",
                                       .letter = received.letter};
    assert_int_equal(trace_received(&out, &received), 0);
    snprintf(expected, sizeof expected,
             "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"
             "\tby mail.example.test (Postamt) with SMTP id %s;\r\n"
             "\tThu, 01 Jan 1970 00:00:00 +0000\r\n",
             id_text(received.letter, id));
    expect_span(buffer_span(&out), expected);
}

static void test_outside_text_makes_no_field_of_its_own(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(10000);
    assert_int_equal(trace_delivery(&out, SPAN("a\r\nBcc: b\0@x"), SPAN("c>\nd@y")), 0);
    expect_span(buffer_span(&out), "Return-Path: <a??Bcc:?b?@x>\r\nDelivered-To: c??d@y\r\n");
    struct trace_received received = {
        .hello = SPAN("a)\r\nX: y ("), .hostname = "mail.example.test", .protocol = "SMTP"};
    buffer_clear(&out);
    assert_int_equal(trace_received(&out, &received), 0);
    assert_true(span_starts(buffer_span(&out), SPAN("Received: from a???X:?y??\r\n\tby mail.")));
}

int trace_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_reading_dates),
        cmocka_unit_test(test_received),
        cmocka_unit_test(test_outside_text_makes_no_field_of_its_own),
    };
    return cmocka_run_group_tests_name("trace fields", tests, NULL, NULL);
}
