/* ENVELOPE: the RFC's example, lists, groups, strings, broken fields. */
#include "suite.h"

#include "../expect.h"
#include "mail/envelope.h"
#include "mail/nstring.h"

#define NOBODY "NIL NIL NIL NIL NIL NIL"

static void expect_envelope_at(struct span header, const char *expected, int line)
{
    AUTO_BUFFER out = BUFFER(ENVELOPE_MAX);
    struct span copy = exact_copy(header);
    assert_int_equal(envelope_write(copy, &out), 0);
    test_free((void *)copy.at);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
}
#define expect_envelope(header, expected)                                                          \
    expect_envelope_at(span_of(header), "(" expected ")", __LINE__)

/* The To list alone. */
static void expect_to_at(const char *to, const char *expected, int line)
{
    AUTO_BUFFER header = BUFFER(10000), answer = BUFFER(10000);
    assert_int_equal(buffer_printf(&header, "To: %s\r\n\r\n", to), 0);
    assert_int_equal(buffer_printf(&answer, "(NIL NIL NIL NIL NIL %s NIL NIL NIL NIL)", expected),
                     0);
    const char *text = buffer_text(&answer);
    assert_non_null(text);
    expect_envelope_at(buffer_span(&header), text, line);
}
#define expect_to(to, expected) expect_to_at(to, expected, __LINE__)

/* RFC 3501 8. */
static void test_the_example_of_the_standard(void **state)
{
    (void)state;
    expect_envelope(
        "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
        "From: Terry Gray <gray@cac.washington.edu>\r\n"
        "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
        "To: imap@cac.washington.edu\r\n"
        "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        "Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n",
        "\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
        "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
        "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
        "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
        "((NIL NIL \"imap\" \"cac.washington.edu\")) "
        "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
        "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
        "\"<B27397-0100000@cac.washington.edu>\"");
}

static void test_absent_and_empty_fields(void **state)
{
    (void)state;
    expect_envelope("", "NIL NIL " NOBODY " NIL NIL");
    expect_envelope("Date:\r\nSubject: \r\nTo:\r\nIn-Reply-To:\r\nMessage-ID:\r\n\r\n",
                    "\"\" \"\" " NOBODY " \"\" \"\"");
    expect_envelope("From: a@b\r\nSender: c@d\r\nReply-To: \r\n e@f\r\n",
                    "NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) "
                    "((NIL NIL \"e\" \"f\")) NIL NIL NIL NIL NIL");
    expect_envelope("From: a@b\r\nSender:\r\nReply-To: ,\r\n",
                    "NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) "
                    "((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL");
}

static void test_repeated_fields(void **state)
{
    (void)state;
    expect_envelope("Subject: one\r\nTo: a@b\r\nSubject: two\r\nTO: c@d\r\nFrom: e@f\r\n"
                    "From: g@h\r\n",
                    "NIL \"one\" ((NIL NIL \"e\" \"f\")) ((NIL NIL \"e\" \"f\")) "
                    "((NIL NIL \"e\" \"f\")) ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) "
                    "NIL NIL NIL NIL");
}

static void test_strings(void **state)
{
    (void)state;
    expect_envelope("Subject: a \"b\" c\\d\r\n", "NIL \"a \\\"b\\\" c\\\\d\" " NOBODY " NIL NIL");
    expect_envelope("Subject: one\r\n two\r\n\tthree\r\n",
                    "NIL \"one two three\" " NOBODY " NIL NIL");
    expect_envelope("Subject: gr\xc3\xbc\xc3\x9f\r\n e\r\n",
                    "NIL {8}\r\ngr\xc3\xbc\xc3\x9f e " NOBODY " NIL NIL");
    expect_envelope("Subject: \xff\r\n", "NIL {1}\r\n\xff " NOBODY " NIL NIL");
    expect_envelope("Subject: =?utf-8?q?gr=C3=BC?=\r\n",
                    "NIL \"=?utf-8?q?gr=C3=BC?=\" " NOBODY " NIL NIL");
    expect_envelope("Subject: a\rb\r\n", "NIL \"ab\" " NOBODY " NIL NIL");
    expect_envelope_at(SPAN("Subject: a\0b\xe9\0\r\n"), "(NIL {3}\r\nab\xe9 " NOBODY " NIL NIL)",
                       __LINE__);
}

static const struct {
    const char *to, *list;
} lists[] = {
    {"a@b, c@d", "((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
    {"A <a@b>,B B<c@d>", "((\"A\" NIL \"a\" \"b\")(\"B B\" NIL \"c\" \"d\"))"},
    {"\"B, A\" <a@b>", "((\"B, A\" NIL \"a\" \"b\"))"},
    {"\"q \\\" \\\\\" <a@b>", "((\"q \\\" \\\\\" NIL \"a\" \"b\"))"},
    {"J. R. Smith <a@b>", "((\"J. R. Smith\" NIL \"a\" \"b\"))"},
    {"=?utf-8?q?=C3=A9?= <a@b>", "((\"=?utf-8?q?=C3=A9?=\" NIL \"a\" \"b\"))"},
    {"gr\xc3\xbc <a@b>", "(({4}\r\ngr\xc3\xbc NIL \"a\" \"b\"))"},
    {"\"two words\"@b, \"x\".y@b", "((NIL NIL \"two words\" \"b\")(NIL NIL \"x.y\" \"b\"))"},
    {"a . b @ c . d", "((NIL NIL \"a.b\" \"c.d\"))"},
    {"a@[127.0.0.1], <a@[IPv6:::1]>",
     "((NIL NIL \"a\" \"[127.0.0.1]\")(NIL NIL \"a\" \"[IPv6:::1]\"))"},
    {"<@x.test,@y.test:a@b>", "((NIL \"@x.test,@y.test\" \"a\" \"b\"))"},
    /* comments */
    {"a@b (Anna \\(x\\))", "((\"Anna (x)\" NIL \"a\" \"b\"))"},
    {"A (x) <a@b> (y), (z) c@d", "((\"A\" NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
    {"a(x)@(y)b", "((\"y\" NIL \"a\" \"b\"))"},
    /* groups */
    {"undisclosed-recipients:;", "((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL))"},
    {"x@y, A B: a@b, C <c@d>; , e@f",
     "((NIL NIL \"x\" \"y\")(NIL NIL \"A B\" NIL)(NIL NIL \"a\" \"b\")(\"C\" NIL \"c\" \"d\")"
     "(NIL NIL NIL NIL)(NIL NIL \"e\" \"f\"))"},
    {"g: a@b", "((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL))"},
    {"g: a@b; h:;", "((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)"
                    "(NIL NIL \"h\" NIL)(NIL NIL NIL NIL))"},
    /* broken */
    {"anna", "((NIL NIL \"anna\" \"MISSING_DOMAIN\"))"},
    {"Anna Bell", "((\"Anna Bell\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\"))"},
    {"A <>", "((\"A\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\"))"},
    {"<a@>, <@b>, @c", "((NIL NIL \"a\" \"MISSING_DOMAIN\")(NIL NIL \"MISSING_MAILBOX\" \"b\")"
                       "(NIL NIL \"MISSING_MAILBOX\" \"c\"))"},
    {"a@b <a@b>, c@d", "((\"a@b\" NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
    {"A a@b", "((\"A\" NIL \"a\" \"b\"))"},
    {"[list] A <a@b>", "((\"[list] A\" NIL \"a\" \"b\"))"},
    {"<a@b> <c@d>", "((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
    {"A <a@b> junk, c@d", "((\"A\" NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
    {"A <a@b, c@d", "((\"A\" NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
    {"a@b; c@d;", "((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
    {"\"A <a@b>, c@d", "((\"A\" NIL \"a\" \"b\")(NIL NIL \"c\" \"d\"))"},
    {"a@b@c, d@e", "((NIL NIL \"a\" \"b\")(NIL NIL \"d\" \"e\"))"},
    {">>, ))), :", "NIL"},
    {",,;;", "NIL"},
    {"(only a comment)", "NIL"},
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        expect_to_at(lists[i].to, lists[i].list, (int)i);
}

static void test_folded_lists(void **state)
{
    (void)state;
    expect_to("a@b,\r\n \"x\r\n y\" <c@d>", "((NIL NIL \"a\" \"b\")(\"x y\" NIL \"c\" \"d\"))");
}

/* Any of these, repeated for a megabyte, takes no longer than its length, and the answer stays
 * within its bound. */
static void test_hostile_lists(void **state)
{
    static const char *const pieces[] = {"\"\\", "\"\\\"", "(", "a@b ", "<", "<a@b", "a,", "x:",
                                         "a@",   "\xff,",  "[", "@,:",  ";", "a.\"", "<@a"};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        AUTO_BUFFER header = BUFFER((size_t)1 << 22), out = BUFFER(ENVELOPE_MAX);
        for (int field = 0; field < 6; field++) {
            static const char *const names[] = {"From:", "Sender:", "To:", "Cc:", "Bcc:", "Date:"};
            size_t start = header.len;
            assert_int_equal(buffer_append_text(&header, names[field]), 0);
            while (header.len - start < (size_t)1 << 19)
                assert_int_equal(buffer_append_text(&header, pieces[i]), 0);
            assert_int_equal(buffer_append_text(&header, "\r\n"), 0);
        }
        assert_int_equal(envelope_write(buffer_span(&header), &out), 0);
    }
}

static void test_upper_case(void **state)
{
    AUTO_BUFFER out = BUFFER(100);
    (void)state;
    assert_int_equal(nstring_write_upper(SPAN("a\"z{\r\n\xe9"), &out), 0);
    expect_span(buffer_span(&out), "{5}\r\nA\"Z{\xe9");
    buffer_clear(&out);
    assert_int_equal(nstring_write_upper(SPAN("base64"), &out), 0);
    expect_span(buffer_span(&out), "\"BASE64\"");
}

int envelope_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_of_the_standard),
        cmocka_unit_test(test_absent_and_empty_fields),
        cmocka_unit_test(test_repeated_fields),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_folded_lists),
        cmocka_unit_test(test_hostile_lists),
        cmocka_unit_test(test_upper_case),
    };
    return cmocka_run_group_tests_name("envelopes", tests, NULL, NULL);
}
