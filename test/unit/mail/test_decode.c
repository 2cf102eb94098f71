/* Letters read back: transfer encodings, charsets, encoded words, parameters. */
#include "suite.h"
#include <errno.h>

#include "../expect.h"
#include "mail/decode.h"

static void expect_transfer(const char *encoding, const char *bytes, const char *wanted)
{
    AUTO_BUFFER out = BUFFER(10000);
    assert_int_equal(decode_transfer(span_of(encoding), span_of(bytes), &out), 0);
    assert_string_equal(buffer_text(&out), wanted);
}

static void transfer_encodings(void **state)
{
    (void)state;
    expect_transfer("", "a=3D\r\n", "a=3D\r\n");
    expect_transfer("8bit", "\xc3\xa9", "\xc3\xa9");
    expect_transfer("x-unknown", "YQ==", "YQ==");
    expect_transfer("base64", "R3LDvMOf\r\nZQ==\r\n",
                    "Gr\xc3\xbc\xc3\x9f"
                    "e");
    expect_transfer(" BASE64 ", "R!3 L\tD-v", "Gr\xc3");
    expect_transfer("base64", "YWI", "ab");
    expect_transfer("base64", "YW\r\nJjZGVm\r\nZ2g=\r\n", "abcdefgh");
    expect_transfer("base64", "Y=W=J=j=ZGVmZ2hp", "abcdefghi");
    expect_transfer("base64", "YWJj\xe9ZGVm!", "abcdef");
    expect_transfer("base64", "", "");
    expect_transfer("quoted-printable", "Gr=C3=BC=c3=9Fe =\r\nzwei=  \r\n\r\n=\n=",
                    "Gr\xc3\xbc\xc3"
                    "\x9f"
                    "e zwei\r\n");
    expect_transfer("Quoted-Printable", "=4 =XY =4", "=4 =XY =4");
    expect_transfer("quoted-printable", "==3D=\r=\r\n=3", "===\r=3");
    assert_true(decode_is_encoded(SPAN(" Base64\r\n")));
    assert_true(decode_is_encoded(SPAN("quoted-printable")));
    assert_false(decode_is_encoded(SPAN("8bit")));
    assert_false(decode_is_encoded(SPAN("")));
}

static void expect_charset(const char *charset, const char *bytes, const char *wanted)
{
    AUTO_BUFFER out = BUFFER(20000);
    assert_int_equal(decode_charset(span_of(charset), span_of(bytes), &out), 0);
    assert_string_equal(buffer_text(&out), wanted);
}

static void charsets(void **state)
{
    (void)state;
    expect_charset("utf-8", "Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f");
    expect_charset("UTF-8",
                   "a\xff"
                   "b\xc3",
                   "a\xef\xbf\xbd"
                   "b\xef\xbf\xbd");
    expect_charset("iso-8859-1", "Gr\xfc\xdf", "Gr\xc3\xbc\xc3\x9f");
    expect_charset("windows-1251", "\xcf\xf0", "\xd0\x9f\xd1\x80");
    expect_charset("iso-2022-jp", "\x1b$B$\"\x1b(Ba",
                   "\xe3\x81\x82"
                   "a");
    expect_charset("", "Gr\xfc", "Gr\xc3\xbc");
    expect_charset("", "Gr\xc3\xbc", "Gr\xc3\xbc");
    expect_charset("us-ascii", "Gr\xc3\xbc", "Gr\xc3\xbc");
    expect_charset("no-such-charset", "Gr\xfc", "Gr\xc3\xbc");
    expect_charset("utf-8//IGNORE", "\xfc", "\xc3\xbc");
    expect_charset("shift_jis", "a\x81", "a\xef\xbf\xbd");
    static char many[9001], twice[18001];
    memset(many, '\xe4', 9000);
    many[9000] = '\0';
    for (int i = 0; i < 9000; i++)
        memcpy(twice + 2 * i, "\xc3\xa4", 3);
    expect_charset("iso-8859-1", many, twice);
}

/* Not at NULs, nor where ASCII may mean something else. */
static void what_needs_no_charset(void **state)
{
    static const struct {
        const char *charset;
        struct span bytes;
        bool plain;
    } cases[] = {
        {"", SPAN("a"), true},
        {"", SPAN(""), true},
        {"utf-8", SPAN("a\xc3\xa9"), true},
        {"us-ascii", SPAN("a\xc3\xa9"), true},
        {"ISO-8859-15", SPAN("a"), true},
        {"windows-1252", SPAN("a"), true},
        {"iso-8859-1", SPAN("a\xe9"), false},
        {"iso-8859-1", SPAN("12345678\xe9"), false},
        {"iso-8859-1", SPAN("a\0"), false},
        {"utf-8", SPAN("a\0"), false},
        {"utf-8", SPAN("\xe9"), false},
        {"utf-7", SPAN("+AOk-"), false},
        {"utf-16", SPAN("ab"), false},
        {"iso-2022-jp", SPAN("a"), false},
        {"ebcdic-de", SPAN("a"), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(decode_is_plain(span_of(cases[i].charset), cases[i].bytes),
                         cases[i].plain);
    expect_charset("utf-7", "+AOk-", "\xc3\xa9");
    AUTO_BUFFER out = BUFFER(100);
    assert_int_equal(decode_charset(SPAN("iso-8859-1"), SPAN("a\0b"), &out), 0);
    assert_string_equal(buffer_text(&out), "a\xef\xbf\xbd"
                                           "b");
}

static void a_cap_holds(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(3);
    assert_int_equal(decode_charset(SPAN("iso-8859-1"), SPAN("\xe4\xe4"), &out), -ENOBUFS);
    buffer_clear(&out);
    assert_int_equal(decode_transfer(SPAN("quoted-printable"), SPAN("abcd"), &out), -ENOBUFS);
}

static void expect_words(const char *body, const char *wanted)
{
    AUTO_BUFFER out = BUFFER(10000);
    assert_int_equal(decode_words(span_of(body), &out), 0);
    assert_string_equal(buffer_text(&out), wanted);
}

static void encoded_words(void **state)
{
    (void)state;
    expect_words("", "");
    expect_words("plain text", "plain text");
    expect_words("folded\r\n text", "folded text");
    expect_words("=?utf-8?Q?Gr=C3=BC=C3=9Fe_an?= alle", "Gr\xc3\xbc\xc3\x9f"
                                                        "e an alle");
    expect_words("=?ISO-8859-1?q?=FC?=x", "\xc3\xbcx");
    expect_words("=?utf-8*de?B?w7w=?=", "\xc3\xbc");
    /* a character cut in two; blanks between words; two charsets */
    expect_words("=?utf-8?B?ww==?=\r\n =?utf-8?B?vA==?=", "\xc3\xbc");
    expect_words("=?utf-8?Q?a?= =?iso-8859-1?Q?=FC?= b", "a\xc3\xbc b");
    /* what is none */
    expect_words("=?utf-8?X?a?= =?utf-8?Q?a", "=?utf-8?X?a?= =?utf-8?Q?a");
    expect_words("=?", "=?");
    expect_words("==?utf-8?q?a?==", "=a=");
    expect_words("a\tb\r\n\tc", "a b c");
    /* nothing hides in it */
    expect_words("=?utf-8?Q?a=0D=0ABcc:_x?=", "a  Bcc: x");
    expect_words("a\x01"
                 "b",
                 "a b");
    expect_words("Gr\xfc", "Gr\xc3\xbc");
}

static void expect_parameter(const char *parameters, const char *wanted)
{
    AUTO_BUFFER out = BUFFER(10000);
    int rc = decode_parameter(span_of(parameters), SPAN("filename"), &out);
    assert_int_equal(rc, wanted != NULL);
    assert_string_equal(buffer_text(&out), wanted ? wanted : "");
}

static void parameters(void **state)
{
    (void)state;
    expect_parameter("; other=x", NULL);
    expect_parameter("; filename=a.txt", "a.txt");
    expect_parameter("; filename=\"a \\\"b\\\".txt\"; x=y", "a \"b\".txt");
    expect_parameter("; filename*=utf-8'de'gr%C3%BC%c3%9f.txt", "gr\xc3\xbc\xc3\x9f.txt");
    expect_parameter("; filename*0=\"one \"; filename*1=two", "one two");
    expect_parameter("; filename*1*=%BC; filename*0*=utf-8''%C3; filename=ignored", "\xc3\xbc");
    expect_parameter("; filename*=iso-8859-1''%FC", "\xc3\xbc");
    expect_parameter("; filename=\"=?utf-8?B?w7w=?=\"", "\xc3\xbc");
    expect_parameter("; filename*=utf-8''a%0d%0ab%", "a  b%");
}

int decode_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfer_encodings), cmocka_unit_test(charsets),
        cmocka_unit_test(a_cap_holds),        cmocka_unit_test(encoded_words),
        cmocka_unit_test(parameters),         cmocka_unit_test(what_needs_no_charset),
    };
    return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
