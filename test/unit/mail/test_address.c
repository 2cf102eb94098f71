/* Addresses: folding, splitting, lists (RFC 5322 3.4, 4.4). */
#include "suite.h"

#include "../expect.h"
#include "base/arena.h"
#include "mail/address.h"

#include <errno.h>

static void test_split_at_the_last_at(void **state)
{
    struct span local, domain;
    (void)state;
    assert_true(address_split(SPAN("\"a@b\"@example.test"), &local, &domain));
    expect_span(local, "\"a@b\"");
    expect_span(domain, "example.test");
    assert_false(address_split(SPAN("nobody"), &local, &domain));
    assert_false(address_split(SPAN("@example.test"), &local, &domain));
    assert_false(address_split(SPAN("a@"), &local, &domain));
    assert_false(address_split(SPAN(""), &local, &domain));
    char text[400];
    memset(text, 'a', sizeof text);
    text[64] = '@';
    assert_true(address_split(span_make(text, 65 + 255), &local, &domain));
    assert_false(address_split(span_make(text, 65 + 256), &local, &domain));
    text[64] = 'a';
    text[65] = '@';
    assert_false(address_split(span_make(text, 100), &local, &domain));
}

static void test_domains_fold_to_one_form(void **state)
{
    static const struct {
        const char *given, *folded; /* NULL: no domain */
    } cases[] = {
        {"Example.TEST", "example.test"},
        {"localhost", "localhost"},
        {"_dmarc.example.test", "_dmarc.example.test"},
        {"b\303\274cher.example", "xn--bcher-kva.example"},
        {"B\303\234CHER.example", "xn--bcher-kva.example"},
        {"stra\303\237e.example", "xn--strae-oqa.example"}, /* IDNA 2008, not "strasse" */
        {"[127.0.0.1]", "[127.0.0.1]"},
        {"[IPv6:::1]", "[ipv6:::1]"},
        {"", NULL},
        {".", NULL},
        {"a..b", NULL},
        {".a", NULL},
        {"a.", NULL},
        {"-a.test", NULL},
        {"a-.test", NULL},
        {"a-", NULL},
        {"a b", NULL},
        {"a\tb", NULL},
        {"a/b", NULL},
        {"\377\376.test", NULL},
        {"[\303\274]", NULL},
        {"[0.0.1a<@onem]", NULL},
        {"[]", NULL},
    };
    char text[ADDRESS_DOMAIN_MAX + 1], label[65];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int rc = address_fold_domain(span_of(cases[i].given), text);
        if ((rc == 0) != (cases[i].folded != NULL))
            fail_msg("\"%s\": %d", cases[i].given, rc);
        if (rc == 0)
            assert_string_equal(text, cases[i].folded);
    }
    memset(label, 'a', sizeof label);
    assert_int_equal(address_fold_domain(span_make(label, 63), text), 0);
    assert_int_equal(address_fold_domain(span_make(label, 64), text), ERR_SYNTAX);
}

static void test_addresses_fold_both_sides(void **state)
{
    char text[ADDRESS_TEXT_MAX];
    (void)state;
    assert_int_equal(address_fold(SPAN("Anna.Maria+Tag"), SPAN("EXAMPLE.test"), text), 0);
    assert_string_equal(text, "anna.maria+tag@example.test");
    assert_int_equal(address_fold(SPAN("a b"), SPAN("example.test"), text), ERR_SYNTAX);
    assert_int_equal(address_fold(SPAN("a\r\nb"), SPAN("example.test"), text), ERR_SYNTAX);
    assert_int_equal(address_fold(SPAN(""), SPAN("example.test"), text), ERR_SYNTAX);
    assert_int_equal(address_fold(SPAN("a"), SPAN("example..test"), text), ERR_SYNTAX);
}

/* "name|local|domain;" for each. */
static int print_list(const char *body, struct buffer *out)
{
    struct mailbox list[4];
    AUTO_ARENA arena = ARENA(100000);
    struct span copy = exact_copy(span_of(body));
    int count = address_parse_list(copy, &arena, list, 4);
    for (int i = 0; i < count; i++)
        assert_int_equal(buffer_printf(out, "%.*s|%.*s|%.*s;", SPAN_PRINT(list[i].name),
                                       SPAN_PRINT(list[i].local), SPAN_PRINT(list[i].domain)),
                         0);
    test_free((void *)copy.at);
    return count;
}

static void test_lists(void **state)
{
    static const struct {
        const char *body, *boxes; /* NULL: ERR_SYNTAX */
    } cases[] = {
        {"a@b.test", "|a|b.test;"},
        {" a@b.test ", "|a|b.test;"},
        {"<a@b.test>", "|a|b.test;"},
        {"Anna <a@b.test>", "Anna|a|b.test;"},
        {"Anna  Maria   Ott <a@b.test>", "Anna Maria Ott|a|b.test;"},
        {"\"Ott, Anna\" <a@b.test>", "Ott, Anna|a|b.test;"},
        {"\"say \\\"hi\\\"\" <a@b.test>", "say \"hi\"|a|b.test;"},
        {"Anna (from (the) office) <a@b.test> (x)", "Anna|a|b.test;"},
        {"(\\) comment) a@b.test", "|a|b.test;"},
        {"J. R. Ott <a@b.test>", "J. R. Ott|a|b.test;"},
        {"\"a b\"@c.test", "|a b|c.test;"},
        {"a@b.test, c@d.test", "|a|b.test;|c|d.test;"},
        {",, a@b.test,,c@d.test,", "|a|b.test;|c|d.test;"},
        {"Team: a@b.test, C <c@d.test>;", "|a|b.test;C|c|d.test;"},
        {"undisclosed-recipients:;", ""},
        {"Team: a@b.test;, c@d.test", "|a|b.test;|c|d.test;"},
        {"<@one.test,@two.test:a@b.test>", "|a|b.test;"},
        {"a@[127.0.0.1]", "|a|[127.0.0.1];"},
        {"Anna\r\n <a@b.test>,\r\n\tc@d.test", "Anna|a|b.test;|c|d.test;"},
        {"=?utf-8?q?=C3=BC?= <a@b.test>", "=?utf-8?q?=C3=BC?=|a|b.test;"},
        {"\303\234mit <a@b.test>", "\303\234mit|a|b.test;"},
        {"", ""},
        {"<>", ""},
        {"a", NULL},
        {"a@", NULL},
        {"<a@b.test", NULL},
        {"<a>", NULL},
        {"\"a@b.test", NULL},
        {"a@b.test c@d.test", NULL},
        {"a@b.test <c@d.test>", NULL},
        {"a@[127.0.0.1", NULL},
        {"(", ""},
        {"a@b(", "|a|b;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUFFER out = BUFFER(10000);
        int count = print_list(cases[i].body, &out);
        if ((count >= 0) != (cases[i].boxes != NULL))
            fail_msg("\"%s\": %d", cases[i].body, count);
        if (count >= 0)
            expect_span(buffer_span(&out), cases[i].boxes);
    }
}

static void test_lists_end_at_their_limits(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(10000), deep = BUFFER(1000000);
    assert_int_equal(print_list("a@b,c@d,e@f,g@h", &out), 4);
    assert_int_equal(print_list("a@b,c@d,e@f,g@h,i@j", &out), -E2BIG);
    for (int i = 0; i < 100000; i++) /* no recursion */
        assert_int_equal(buffer_append_byte(&deep, '('), 0);
    assert_int_equal(print_list(buffer_text(&deep), &out), 0);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buffer_append_byte(&deep, ')'), 0);
    assert_int_equal(buffer_append(&deep, SPAN("a@b")), 0);
    assert_int_equal(print_list(buffer_text(&deep), &out), 1);
}

int address_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_at_the_last_at),
        cmocka_unit_test(test_domains_fold_to_one_form),
        cmocka_unit_test(test_addresses_fold_both_sides),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lists_end_at_their_limits),
    };
    return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
