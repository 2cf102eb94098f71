/* Modified UTF-7: the RFC's examples, one spelling for each name, what is refused. */
#include "suite.h"

#include "../expect.h"
#include "base/utf8.h"
#include "mail/modified_utf7.h"

static const struct {
    const char *utf7, *utf8;
} names[] = {
    {"", ""},
    {"INBOX", "INBOX"},
    /* RFC 3501 5.1.3 */
    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e"},
    {"&Jjo-!", "\u263a!"},
    {"&U,BTF2XlZyyKng-", "\u53f0\u5317\u65e5\u672c\u8a9e"},
    {"Tom &- Jerry", "Tom & Jerry"},
    {"&-&-", "&&"},
    {"&AOk-&-&AOk-", "\u00e9&\u00e9"},
    {"Entw&APw-rfe", "Entw\u00fcrfe"},
    {"&2D3eAA-", "\U0001f600"},
    {"x&2D3eANg93gE-", "x\U0001f600\U0001f601"},
    {"&AAk-", "\t"},
    {"a/b~\\", "a/b~\\"},
    {"&AH8-", "\x7f"},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        AUTO_BUFFER out = BUFFER(100);
        assert_int_equal(modified_utf7_decode(span_of(names[i].utf7), &out), 0);
        expect_span(buffer_span(&out), names[i].utf8);
        buffer_clear(&out);
        assert_int_equal(modified_utf7_encode(span_of(names[i].utf8), &out), 0);
        expect_span(buffer_span(&out), names[i].utf7);
    }
}

static void test_refused_names(void **state)
{
    static const char *const refused[] = {
        "&",
        "&Jjo",
        "&Jjo!",              /* without an end (RFC 3501 5.1.3) */
        "&U,BTFw-&ZeVnLIqe-", /* a shift that is not needed */
        "&AGE-",
        "&AOkAYQ-",
        "&ACY-", /* what stands for itself */
        "&AOl-",
        "&AOkA-",
        "&A-",
        "&AO-", /* spare bits, half units */
        "&2D0-",
        "&3gA-",
        "&2D0A6Q-",
        "&3gDYPQ-", /* half characters */
        "&AAA-",
        "&AOk=-",
        "&AO/-",
        "&U/BTFw-",
        "\x01",
        "a\r\nb",
        "\xc3\xa9",
        "a\tb",
        "\x7f",
    };
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        AUTO_BUFFER out = BUFFER(100);
        struct span copy = exact_copy(span_of(refused[i]));
        if (modified_utf7_decode(copy, &out) != ERR_SYNTAX)
            print_error("taken: %s\n", refused[i]);
        buffer_clear(&out);
        assert_int_equal(modified_utf7_decode(copy, &out), ERR_SYNTAX);
        test_free((void *)copy.at);
    }
    AUTO_BUFFER out = BUFFER(100);
    assert_int_equal(modified_utf7_decode(SPAN("a\0b"), &out), ERR_SYNTAX);
    assert_int_equal(modified_utf7_encode(SPAN("a\0b"), &out), ERR_SYNTAX);
    assert_int_equal(modified_utf7_encode(SPAN("\xff"), &out), ERR_SYNTAX);
    assert_int_equal(modified_utf7_encode(SPAN("\xed\xa0\x80"), &out), ERR_SYNTAX);
}

static void test_every_character_comes_back(void **state)
{
    AUTO_BUFFER utf7 = BUFFER(100), utf8 = BUFFER(100);
    (void)state;
    for (uint32_t c = 1; c < 0x110000; c += c < 0x3000 ? 1 : 37) {
        char bytes[5] = {'a'};
        if (c >= 0xd800 && c < 0xe000)
            continue;
        struct span name = span_make(bytes, 1 + utf8_encode(c, bytes + 1));
        buffer_clear(&utf7);
        buffer_clear(&utf8);
        assert_int_equal(modified_utf7_encode(name, &utf7), 0);
        assert_true(utf8_is_ascii(buffer_span(&utf7)));
        assert_int_equal(modified_utf7_decode(buffer_span(&utf7), &utf8), 0);
        assert_true(span_equal(buffer_span(&utf8), name));
    }
}

int modified_utf7_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_refused_names),
        cmocka_unit_test(test_every_character_comes_back),
    };
    return cmocka_run_group_tests_name("modified UTF-7", tests, NULL, NULL);
}
