/* Tildes, lines of tags alone, comments, raw blocks. */
#include "suite.h"

static void test_tildes(void **state)
{
    (void)state;
    expect_render("a \n {{~b~}} \n c", "{\"b\":1}", "a1c");
    expect_render(" {{~#if b~}} x {{~else~}} y {{~/if~}} ", "{\"b\":1}", "x");
    expect_render("{{#if b}}1 {{else~}} 2{{/if}}", "{\"b\":1}", "1 ");
    expect_render("{{#if b}}1 {{else~}} 2 {{/if}}", "{}", "2 ");
    expect_render("{{#if b}}1 {{~else}} 2 {{~/if}} 3", "{}", " 2 3");
    expect_render("a {{~! c ~}} b {{~{b}~}} c", "{\"b\":1}", "ab1c");
    expect_render("a\xc2\xa0{{~b}}", "{\"b\":1}", "a1"); /* as JavaScript knows white space */
}

static void test_tags_alone_on_their_lines(void **state)
{
    (void)state;
    expect_render("a\n  {{#if b}}  \n  x\n  {{else}}\n  y\n{{/if}}\nz", "{\"b\":1}", "a\n  x\nz");
    expect_render("a\r\n{{! c }}\r\nb", "{}", "a\r\nb");
    expect_render("{{#each l}}\n{{this}}\n{{/each}}\n", "{\"l\":[1,2]}", "1\n2\n");
    expect_render("a {{#if b}}\nx\n{{/if}} z", "{\"b\":1}", "a \nx\n z");
    expect_render("  {{b}}  \n", "{\"b\":1}", "  1  \n"); /* values stay where they are */
}

static void test_comments(void **state)
{
    (void)state;
    expect_render("a{{! x }}b{{!-- }} {{y}} --}}c{{!}}d{{!--}}e", "{}", "abcde");
    expect_failure("{{!-- }}", "{}", NULL, NULL, ERR_SYNTAX, "line 1, column 1");
}

static void test_raw_blocks(void **state)
{
    (void)state;
    expect_render("{{{{a}}}} {{b}} {{{{c}}}}x{{{{/c}}}} {{{{/a}}}}", "{\"a\":true}",
                  " {{b}} {{{{c}}}}x{{{{/c}}}} ");
    expect_failure("{{{{a}}}} x", "{}", NULL, NULL, ERR_SYNTAX, "line 1");
    expect_failure("{{{{a}}}} {{{{/b}}}}", "{}", NULL, NULL, ERR_SYNTAX,
                   "\"a\" of line 1 is not closed");
}

static void test_errors_name_their_place(void **state)
{
    (void)state;
    expect_failure(
        "\n\xc3\xa9 {{#if a}}\n{{/each}}", "{}", NULL, NULL, ERR_SYNTAX,
        "line 3, column 1: \"each\" is closed here, but the open block is \"if\" of line 2");
    expect_failure("{{#if a}}", "{}", NULL, NULL, ERR_SYNTAX,
                   "here is the end of the template, but the block \"if\" of line 1 is not closed");
    expect_failure("ab {{a", "{}", NULL, NULL, ERR_SYNTAX, "line 1, column 6: here is a character");
    expect_failure("{{a}}}", "{}", NULL, NULL, ERR_SYNTAX, "here is }}} where }} is expected");
    expect_failure("{{a.this}}", "{}", NULL, NULL, ERR_SYNTAX, "write [this] for a property");
    expect_failure("{{> a b c}}", "{}", NULL, NULL, ERR_SYNTAX, "takes one context");
    expect_failure("a\xff", "{}", NULL, NULL, ERR_SYNTAX, "not UTF-8");
    expect_failure("a\0b", "{}", NULL, NULL, ERR_SYNTAX, "holds a NUL");
}

int whitespace_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tildes),
        cmocka_unit_test(test_tags_alone_on_their_lines),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_raw_blocks),
        cmocka_unit_test(test_errors_name_their_place),
    };
    return cmocka_run_group_tests_name("template: white space", tests, NULL, NULL);
}
