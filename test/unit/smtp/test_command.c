/* SMTP command lines (RFC 5321 4.1). */
#include "suite.h"

#include "../expect.h"
#include "smtp/command.h"

#include <stdio.h>

/* The line's outcome as text: "MAIL local@domain", "500", "501", "555". */
static void expect_command_at(struct span line, const char *expected, int at)
{
    static const char *const names[] = {
        [SMTP_HELO] = "HELO", [SMTP_EHLO] = "EHLO", [SMTP_LHLO] = "LHLO",
        [SMTP_MAIL] = "MAIL", [SMTP_RCPT] = "RCPT", [SMTP_DATA] = "DATA",
        [SMTP_BDAT] = "BDAT", [SMTP_RSET] = "RSET", [SMTP_NOOP] = "NOOP",
        [SMTP_QUIT] = "QUIT", [SMTP_VRFY] = "VRFY", [SMTP_EXPN] = "EXPN",
        [SMTP_HELP] = "HELP", [SMTP_AUTH] = "AUTH", [SMTP_STARTTLS] = "STARTTLS",
    };
    static const char *const bodies[] = {"", " 7BIT", " 8BITMIME"};
    AUTO_BUFFER out = BUFFER(10000);
    struct smtp_command c;
    struct span copy = exact_copy(line);
    int bad = smtp_parse_command(copy, &c), rc;
    if (bad < 0)
        rc = buffer_printf(&out, "%d",
                           bad == SMTP_BAD_COMMAND    ? 500
                           : bad == SMTP_BAD_ARGUMENT ? 501
                                                      : 555);
    else if (c.verb != SMTP_MAIL && c.verb != SMTP_RCPT)
        rc = buffer_printf(&out, "%s %.*s", names[c.verb], SPAN_PRINT(c.argument));
    else if (c.path.null)
        rc = buffer_printf(&out, "%s null", names[c.verb]);
    else
        rc = buffer_printf(&out, "%s %.*s@%.*s", names[c.verb], SPAN_PRINT(c.path.local),
                           SPAN_PRINT(c.path.domain));
    if (rc == 0 && bad == 0 && c.size)
        rc = buffer_printf(&out, " %llu", (unsigned long long)c.size);
    if (rc == 0 && bad == 0)
        rc = buffer_append_text(&out, bodies[c.body]);
    if (rc == 0 && bad == 0 && c.smtputf8)
        rc = buffer_append_text(&out, " SMTPUTF8");
    if (rc == 0 && bad == 0 && c.beyond_ascii)
        rc = buffer_append_text(&out, " (beyond ASCII)");
    assert_int_equal(rc, 0);
    test_free((void *)copy.at);
    expect_span_at(buffer_span(&out), expected, __FILE__, at);
}
#define expect_command(line, expected) expect_command_at(SPAN(line), expected, __LINE__)

static void test_verbs(void **state)
{
    (void)state;
    expect_command("NOOP", "NOOP ");
    expect_command("noop anything goes", "NOOP anything goes");
    expect_command("QuIt", "QUIT ");
    expect_command("QUIT ", "QUIT ");
    expect_command("QUIT now", "501");
    expect_command("DATA x", "501");
    expect_command("RSET", "RSET ");
    expect_command("STARTTLS", "STARTTLS ");
    expect_command("STARTTLS x", "501");
    expect_command("HELP MAIL", "HELP MAIL");
    expect_command("VRFY anna", "VRFY anna");
    expect_command("AUTH PLAIN AGEAYg==", "AUTH PLAIN AGEAYg==");
    expect_command("AUTH", "501");
    expect_command("BDAT 10 LAST", "BDAT 10 LAST");
    expect_command("", "500");
    expect_command(" NOOP", "500");
    expect_command("NOOPX", "500");
    expect_command("GET / HTTP/1.1", "500");
    expect_command("NOOP \303\274", "501");
    expect_command("NOOP \r", "NOOP ");
    expect_command("NOOP \0", "501");
    expect_command("MAIL\tFROM:<a@b>", "500");
}

static void test_hello(void **state)
{
    (void)state;
    expect_command("EHLO client.example.net", "EHLO client.example.net");
    expect_command("HELO localhost", "HELO localhost");
    expect_command("EHLO [127.0.0.1]", "EHLO [127.0.0.1]");
    expect_command("EHLO [IPv6:::1]", "EHLO [IPv6:::1]");
    expect_command("EHLO my_host", "EHLO my_host");
    expect_command("EHLO", "501");
    expect_command("EHLO two words", "501");
    expect_command("EHLO -a", "501");
    expect_command("EHLO a..b", "501");
    expect_command("EHLO [300.0.0.1]", "501");
    expect_command("EHLO [127.0.0.1", "501");
    expect_command("EHLO []", "501");
    expect_command("EHLO (x)", "501");
}

static void test_paths(void **state)
{
    (void)state;
    expect_command("MAIL FROM:<a@b.test>", "MAIL a@b.test");
    expect_command("mail from:<A@B.Test>", "MAIL A@B.Test");
    expect_command("MAIL FROM: <a@b.test>", "MAIL a@b.test");
    expect_command("MAIL FROM:<a@b.test>  ", "MAIL a@b.test");
    expect_command("MAIL FROM:<>", "MAIL null");
    expect_command("RCPT TO:<>", "501");
    expect_command("RCPT TO:<postmaster>", "RCPT postmaster@");
    expect_command("RCPT TO:<anna>", "501");
    expect_command("MAIL FROM:<postmaster>", "501");
    expect_command("RCPT TO:<@one.test,@two.test:a@b.test>", "RCPT a@b.test");
    expect_command("RCPT TO:<@one.test;a@b.test>", "501");
    expect_command("RCPT TO:<\"a b\"@c.test>", "RCPT a b@c.test");
    expect_command("RCPT TO:<\"a\\\"b\\\\\"@c.test>", "RCPT a\"b\\@c.test");
    expect_command("RCPT TO:<\"a@b>\"@c.test>", "RCPT a@b>@c.test");
    expect_command("RCPT TO:<\"\"@c.test>", "501");
    expect_command("RCPT TO:<\"a@c.test>", "501");
    expect_command("RCPT TO:<\"a\\", "501");
    expect_command("RCPT TO:<a@[127.0.0.1]>", "RCPT a@[127.0.0.1]");
    expect_command("RCPT TO:<a@[IPv6:::1]>", "RCPT a@[IPv6:::1]");
    expect_command("RCPT TO:<a@[x]>", "501");
    expect_command("RCPT TO:<a.b+c=d/e!f#g@h.test>", "RCPT a.b+c=d/e!f#g@h.test");
    expect_command("RCPT TO:a@b.test", "501");
    expect_command("RCPT TO:<a@b.test", "501");
    expect_command("RCPT TO:<a@b.test>x", "501");
    expect_command("RCPT TO:<a b@c.test>", "501");
    expect_command("RCPT TO:<.a@c.test>", "501");
    expect_command("RCPT TO:<a.@c.test>", "501");
    expect_command("RCPT TO:<a..b@c.test>", "501");
    expect_command("RCPT TO:<a@c..test>", "501");
    expect_command("RCPT TO:<a@.test>", "501");
    expect_command("RCPT TO:<a@>", "501");
    expect_command("RCPT TO:<@b.test>", "501");
    expect_command("RCPT TO:<a@b@c.test>", "501");
    expect_command("RCPT TO:<\303\274@c.test>", "RCPT \303\274@c.test (beyond ASCII)");
    expect_command("RCPT TO:<a@\303\274.test>", "RCPT a@\303\274.test (beyond ASCII)");
    expect_command("RCPT TO:<\"a \303\274\"@c.test>", "RCPT a \303\274@c.test (beyond ASCII)");
    expect_command("RCPT TO:<\374@c.test>", "501");
    expect_command("RCPT TO:<\303@c.test>", "501");
    expect_command("RCPT TO:<\"\177\"@c.test>", "501");
    expect_command("MAIL FROM:<\355\240\200@c.test>", "501");
    expect_command("EHLO \303\274.test", "501");
    expect_command("RCPT TO:", "501");
    expect_command("RCPT TO:<", "501");
    expect_command("RCPT FROM:<a@b.test>", "501");
    expect_command("MAIL", "501");
}

static void test_lengths(void **state)
{
    char line[700], a[300];
    (void)state;
    memset(a, 'a', sizeof a);
    for (int extra = 0; extra < 2; extra++) {
        int len = snprintf(line, sizeof line, "RCPT TO:<%.*s@b.test>", 64 + extra, a);
        struct smtp_command c;
        assert_int_equal(smtp_parse_command(span_make(line, (size_t)len), &c),
                         extra ? SMTP_BAD_ARGUMENT : 0);
        len = snprintf(line, sizeof line, "RCPT TO:<a@%.*s.test>", 63 + extra, a);
        assert_int_equal(smtp_parse_command(span_make(line, (size_t)len), &c),
                         extra ? SMTP_BAD_ARGUMENT : 0);
    }
}

static void test_parameters(void **state)
{
    (void)state;
    expect_command("MAIL FROM:<a@b> SIZE=1000", "MAIL a@b 1000");
    expect_command("MAIL FROM:<a@b> size=1000 body=8bitmime", "MAIL a@b 1000 8BITMIME");
    expect_command("MAIL FROM:<a@b> BODY=7BIT", "MAIL a@b 7BIT");
    expect_command("MAIL FROM:<a@b> AUTH=<>", "MAIL a@b");
    expect_command("MAIL FROM:<a@b> SIZE=18446744073709551615", "MAIL a@b 18446744073709551615");
    expect_command("MAIL FROM:<a@b> SIZE=18446744073709551616", "501");
    expect_command("MAIL FROM:<a@b> SIZE=", "501");
    expect_command("MAIL FROM:<a@b> SIZE=-1", "501");
    expect_command("MAIL FROM:<a@b> SIZE", "501");
    expect_command("MAIL FROM:<a@b> BODY=BINARYMIME", "501");
    expect_command("MAIL FROM:<a@b> SMTPUTF8", "MAIL a@b SMTPUTF8");
    expect_command("MAIL FROM:<\303\274@b> smtputf8 SIZE=1",
                   "MAIL \303\274@b 1 SMTPUTF8 (beyond ASCII)");
    expect_command("MAIL FROM:<a@b> SMTPUTF8=1", "501");
    expect_command("MAIL FROM:<a@b> AUTH=\303\274", "501");
    expect_command("RCPT TO:<a@b> SMTPUTF8", "555");
    expect_command("MAIL FROM:<a@b> AUTH=", "501");
    expect_command("MAIL FROM:<a@b> XYZ=1", "555");
    expect_command("MAIL FROM:<a@b>SIZE=1", "501");
    expect_command("RCPT TO:<a@b> SIZE=1", "555");
    expect_command("RCPT TO:<a@b> X", "555");
}

int command_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verbs),      cmocka_unit_test(test_hello),
        cmocka_unit_test(test_paths),      cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests_name("SMTP commands", tests, NULL, NULL);
}
