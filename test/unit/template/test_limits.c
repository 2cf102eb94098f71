/* Strict mode, missing variables, budgets of steps, depth and output. */
#include "suite.h"

static void test_strict_names_what_is_missing(void **state)
{
    const struct template_options strict = {.strict = true};
    struct template *made = NULL;
    struct template_error error;
    AUTO_BUFFER out = BUFFER(1000);
    (void)state;
    expect_render_with("{{a}}{{b.c}}{{#if none}}{{/if}}{{#each l}}{{@index}}{{/each}}",
                       "{\"a\":null,\"b\":{\"c\":1},\"l\":[1]}", &strict, NULL, "10");
    expect_failure("Hi\n  {{user.name}}", "{\"user\":{}}", &strict, NULL, ERR_ABSENT,
                   "line 2, column 3: the variable \"user.name\" is not in the data");
    expect_failure("{{#if a.b}}{{/if}}", "{}", &strict, NULL, ERR_ABSENT, "\"a.b\"");
    expect_failure("{{#a}}{{/a}}", "{}", &strict, NULL, ERR_ABSENT, "\"a\"");
    expect_failure("{{@index}}", "{}", &strict, NULL, ERR_ABSENT, "\"@index\"");
    assert_int_equal(template_compile(SPAN("{{a.b}}"), &strict, &made, &error), 0);
    assert_int_equal(template_render(made, NULL, NULL, &out, &error), ERR_ABSENT);
    expect_span(error.variable, "a.b");
    template_free(made);
}

static void note(void *arg, struct span path, unsigned line, unsigned column)
{
    assert_int_equal(buffer_printf(arg, "%.*s:%u:%u ", SPAN_PRINT(path), line, column), 0);
}

static void test_missing_variables_are_told(void **state)
{
    AUTO_BUFFER told = BUFFER(1000);
    struct template_call call = {.missing = note, .arg = &told};
    (void)state;
    expect_render_with("{{a}}{{b}}\n {{c.d}}{{#if e}}{{/if}}{{#f}}{{/f}}", "{\"a\":null}", NULL,
                       &call, "\n ");
    expect_span(buffer_span(&told), "b:1:6 c.d:2:2 f:2:25 ");
}

static void test_budgets(void **state)
{
    static const char data[] = "{\"l\":[1,2,3,4,5,6,7,8,9,10]}";
    struct template_call few = {.operations = 300}, brief = {.output_max = 20};
    (void)state;
    expect_render_with("{{#each l}}{{#each ../l}}{{/each}}{{/each}}", data, NULL, &few, "");
    expect_failure("{{#each l}}{{#each ../l}}{{#each ../../l}}{{/each}}{{/each}}{{/each}}", data,
                   NULL, &few, ERR_FULL, "too many steps");
    expect_render_with("{{#each l}}{{#if @last}}{{else}}xx{{/if}}{{/each}}", data, NULL, &brief,
                       "xxxxxxxxxxxxxxxxxx");
    expect_failure("{{#each l}}xxx{{/each}}", data, NULL, &brief, ERR_FULL, "longer than allowed");
    expect_failure("{{l}}{{l}}", data, NULL, &brief, ERR_FULL, "longer than allowed");
}

static void test_partials_that_call_themselves(void **state)
{
    struct template_partial partials[] = {{SPAN("p"), compiled("{{#if n}}{{v}}{{> p n}}{{/if}}")},
                                          {SPAN("q"), compiled("{{> q}}")}};
    struct template_call call = {.partials = partials, .partial_count = 2};
    (void)state;
    expect_render_with("{{> p}}", "{\"v\":1,\"n\":{\"v\":2,\"n\":{\"v\":3}}}", NULL, &call, "12");
    expect_failure("{{> q}}", "{}", NULL, &call, ERR_FULL,
                   "does a partial call itself without end?");
    template_free((struct template *)partials[0].template);
    template_free((struct template *)partials[1].template);
}

/* `count` times head, then count times tail, around "x". */
static int compile_nested(const char *head, const char *tail, int count)
{
    AUTO_BUFFER source = BUFFER(1 << 20);
    struct template *made = NULL;
    struct template_error error;
    for (int i = 0; i < count; i++)
        assert_int_equal(buffer_append_text(&source, head), 0);
    assert_int_equal(buffer_append_text(&source, "x"), 0);
    for (int i = 0; i < count; i++)
        assert_int_equal(buffer_append_text(&source, tail), 0);
    int rc = template_compile(buffer_span(&source), NULL, &made, &error);
    template_free(made);
    return rc;
}

static void test_nesting(void **state)
{
    (void)state;
    assert_int_equal(compile_nested("{{#if a}}", "{{/if}}", TEMPLATE_NESTING_MAX - 1), 0);
    assert_int_equal(compile_nested("{{#if a}}", "{{/if}}", TEMPLATE_NESTING_MAX), ERR_FULL);
    assert_int_equal(compile_nested("{{#if a}}", "{{/if}}", 10000), ERR_FULL);
    assert_int_equal(compile_nested("{{a (b ", "", 10000), ERR_SYNTAX);
    assert_int_equal(compile_nested("{{#> a}}", "{{/a}}", 10000), ERR_FULL);
}

static void test_long_else_chains(void **state)
{
    AUTO_BUFFER source = BUFFER(1 << 20);
    (void)state;
    assert_int_equal(buffer_append_text(&source, "{{#if a}}"), 0);
    for (int i = 0; i < TEMPLATE_NESTING_MAX - 3; i++)
        assert_int_equal(buffer_append_text(&source, "{{else if b}}1"), 0);
    assert_int_equal(buffer_append_text(&source, "{{else}}last{{/if}}"), 0);
    expect_render_at(buffer_span(&source), "{}", NULL, NULL, "last", __FILE__, __LINE__);
}

int limit_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict_names_what_is_missing),
        cmocka_unit_test(test_missing_variables_are_told),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_partials_that_call_themselves),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_long_else_chains),
    };
    return cmocka_run_group_tests_name("template: limits", tests, NULL, NULL);
}
