/* ENVELOPEs read back, and the dates in them. */
#include "suite.h"

#include "../expect.h"
#include "mail/date.h"
#include "mail/envelope.h"
#include "mail/envelope_read.h"

#include <errno.h>

static void expect_text(struct span string, const char *expected)
{
    AUTO_BUFFER out = BUFFER(4096), scratch = BUFFER(4096);
    struct span text;
    assert_int_equal(envelope_string(string, &out), 0);
    expect_span(buffer_span(&out), expected);
    assert_int_equal(envelope_text(string, &scratch, &text), 0);
    expect_span(text, expected);
}

static void expect_address(struct span list, const char *name, const char *mailbox,
                           const char *host)
{
    struct envelope_address address;
    assert_true(envelope_first_address(list, &address));
    expect_text(address.name, name);
    expect_text(address.mailbox, mailbox);
    expect_text(address.host, host);
}

static void test_what_was_written_is_read(void **state)
{
    static const char header[] = "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
                                 "Subject: a \"quoted\" \\ word\r\n"
                                 "From: \"Anna \\\"A\\\" B\" <anna@a.test>, b@b.test\r\n"
                                 "To: Team: c@c.test;\r\nCc: Gr\xc3\xbc\xc3\x9f"
                                 "e <d@d.test>\r\n"
                                 "In-Reply-To: <1@x>\r\nMessage-ID: <2@x>\r\n\r\n";
    AUTO_BUFFER out = BUFFER(ENVELOPE_MAX);
    struct envelope e;
    (void)state;
    assert_int_equal(envelope_write(span_of(header), &out), 0);
    assert_int_equal(envelope_read(buffer_span(&out), &e), 0);
    expect_text(e.date, "Mon, 23 Nov 2026 10:00:00 +0000");
    expect_text(e.subject, "a \"quoted\" \\ word");
    expect_address(e.from, "Anna \"A\" B", "anna", "a.test");
    expect_address(e.sender, "Anna \"A\" B", "anna", "a.test");
    expect_address(e.to, "", "Team", "");
    expect_address(e.cc,
                   "Gr\xc3\xbc\xc3\x9f"
                   "e",
                   "d", "d.test");
    assert_true(envelope_is_nil(e.bcc));
    expect_text(e.in_reply_to, "<1@x>");
    expect_text(e.message_id, "<2@x>");
}

static void test_strings_as_they_stand(void **state)
{
    AUTO_BUFFER scratch = BUFFER(5);
    struct span text;
    (void)state;
    expect_text(SPAN("\"\""), "");
    expect_text(SPAN("NIL"), "");
    expect_text(SPAN("\"a\\\\b\\\"\""), "a\\b\"");
    expect_text(SPAN("{3}\r\na\\b"), "a\\b"); /* in a literal it is a byte as any other */
    assert_int_equal(envelope_text(SPAN("\"abcdef\""), &scratch, &text), -ENOBUFS);
    assert_int_equal(envelope_text(SPAN("\"abcd\\\\\""), &scratch, &text), -ENOBUFS);
    assert_int_equal(envelope_text(SPAN("\"abcde\""), &scratch, &text), 0);
    assert_int_equal(envelope_text(SPAN("\""), &scratch, &text), ERR_CORRUPT);
}

static void test_the_front_alone(void **state)
{
    struct envelope e;
    (void)state;
    assert_int_equal(envelope_read_front(SPAN("(\"d\" {2}\r\n() NIL and so on"), &e), 0);
    expect_text(e.date, "d");
    expect_text(e.subject, "()");
    assert_int_equal(envelope_read_front(SPAN("(NIL NIL)"), &e), ERR_CORRUPT);
    assert_int_equal(envelope_read_front(SPAN("(NIL"), &e), ERR_CORRUPT);
    assert_int_equal(envelope_read_front(SPAN(""), &e), ERR_CORRUPT);
}

static void test_nothing_is_read_from_what_is_none(void **state)
{
    static const char *const broken[] = {
        "",
        "NIL",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL",
        "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ",
        "(\"a NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(\"a\\",
        "({5}\r\nabc",
        "({99999999999}\r\na NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "({1}a NIL NIL NIL NIL NIL NIL NIL NIL NIL)",
        "(NIL NIL ((NIL NIL NIL)) NIL NIL NIL NIL NIL NIL NIL)",
        "(NIL NIL ( NIL NIL NIL NIL NIL NIL NIL)",
    };
    struct envelope e;
    AUTO_BUFFER out = BUFFER(100);
    (void)state;
    assert_int_equal(envelope_read(SPAN(ENVELOPE_EMPTY), &e), 0);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(envelope_read(span_of(broken[i]), &e), ERR_CORRUPT);
    assert_int_equal(envelope_string(SPAN("\"a"), &out), ERR_CORRUPT);
    assert_int_equal(envelope_string(SPAN("\""), &out), ERR_CORRUPT);
    assert_int_equal(envelope_string((struct span){NULL, 0}, &out), ERR_CORRUPT);
}

static void test_sent_dates(void **state)
{
    static const struct {
        const char *text, *date; /* NULL: there is none */
    } dates[] = {
        {"Mon, 23 Nov 2026 10:00:00 +0100", "Mon, 23 Nov 2026 09:00:00 +0000"},
        {"23 Nov 2026 9:00:00 -0000", "Mon, 23 Nov 2026 09:00:00 +0000"},
        {"23 Nov 2026 10:00", "Mon, 23 Nov 2026 10:00:00 +0000"},
        {"23 Nov 2026 10:00:00 MESZ", "Mon, 23 Nov 2026 10:00:00 +0000"},
        {"23 Nov 2026 at noon", "Mon, 23 Nov 2026 00:00:00 +0000"},
        {"23 Nov 2026 25:00:00 +0100", "Mon, 23 Nov 2026 00:00:00 +0000"},
        {"23 Nov 2026", "Mon, 23 Nov 2026 00:00:00 +0000"},
        {"1 Jan 99 10:00:00 EST", "Fri, 01 Jan 1999 15:00:00 +0000"},
        {"1 Jan 26 10:00:00 GMT", "Thu, 01 Jan 2026 10:00:00 +0000"},
        {"31 Dec 2016 23:59:60 +0000", "Sun, 01 Jan 2017 00:00:00 +0000"},
        {"31 Feb 2026 10:00:00 +0000", NULL},
        {"23 Nov 20261 10:00:00 +0000", NULL},
        {"123 Nov 2026 10:00:00 +0000", NULL},
        {"23 Novem 2026 10:00:00 +0000", NULL},
        {"2026-11-23", NULL},
        {"yesterday", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        char text[DATE_TEXT];
        int64_t ms;
        int rc = date_parse_sent(span_of(dates[i].text), &ms);
        assert_int_equal(rc, dates[i].date ? 0 : ERR_SYNTAX);
        if (rc == 0)
            expect_span(span_of(date_format(ms, text)), dates[i].date);
    }
}

int envelope_read_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_strings_as_they_stand),
        cmocka_unit_test(test_the_front_alone),
        cmocka_unit_test(test_nothing_is_read_from_what_is_none),
        cmocka_unit_test(test_sent_dates),
    };
    return cmocka_run_group_tests_name("envelopes read", tests, NULL, NULL);
}
