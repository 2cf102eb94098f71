/* Partials: by name, dynamic, as blocks, inline, indented. */
#include "suite.h"

#define WITH(...)                                                                                  \
    struct template_partial partials[] = {__VA_ARGS__};                                            \
    struct template_call call = {.partials = partials,                                             \
                                 .partial_count = sizeof partials / sizeof *partials}

static void end(struct template_partial *partials, size_t count)
{
    for (size_t i = 0; i < count; i++)
        template_free((struct template *)partials[i].template);
}

static void test_context_and_pairs(void **state)
{
    WITH({SPAN("p"), compiled("[{{a}}{{b}}{{../a}}{{@root.a}}]")});
    (void)state;
    expect_render_with("{{> p}}{{> p o}}{{> p o b=3}}{{> p b=a}}",
                       "{\"a\":1,\"o\":{\"a\":2,\"b\":0}}", NULL, &call, "[11][201][231][111]");
    expect_render_with("{{> p b=4 a=3}}{{> p a=undefined b=5}}", "{\"a\":1}", NULL, &call,
                       "[341][151]");
    expect_render_with("{{> (lookup . 'name')}}", "{\"name\":\"p\",\"a\":1}", NULL, &call, "[11]");
    expect_failure("x\n{{> q}}", "{}", NULL, &call, ERR_ABSENT,
                   "line 2, column 1: the partial \"q\"");
    end(partials, 1);
}

static void test_blocks(void **state)
{
    WITH({SPAN("p"), compiled("<{{> @partial-block}}>")},
         {SPAN("q"), compiled("{{#each list}}{{> @partial-block}}{{/each}}")},
         {SPAN("layout"), compiled("{{> head}}|{{> @partial-block}}|{{> foot}}")});
    (void)state;
    expect_render_with("{{#> p}}{{a}}{{/p}}{{#> none}}else{{/none}}", "{\"a\":1}", NULL, &call,
                       "<1>else");
    expect_render_with("{{#> q}}{{@index}}{{this}}{{../a}} {{/q}}", "{\"a\":1,\"list\":[5,6]}",
                       NULL, &call, "051 161 ");
    expect_render_with("{{#> p}}{{#> p}}{{a}}{{/p}}{{/p}}", "{\"a\":1}", NULL, &call, "<<1>>");
    expect_render_with("{{#> layout}}{{#*inline \"head\"}}H{{/inline}}{{#*inline \"foot\"}}F{{a}}"
                       "{{/inline}}body{{/layout}}",
                       "{\"a\":1}", NULL, &call, "H|body|F1");
    expect_failure("{{> p}}", "{}", NULL, &call, ERR_ABSENT,
                   "in the partial \"p\": @partial-block is only there");
    end(partials, 3);
}

static void test_inline(void **state)
{
    (void)state;
    expect_render("{{> x a=2}}{{#*inline \"x\"}}{{a}}{{/inline}}{{> x}}", "{\"a\":1}", "21");
    expect_render("{{#each l}}{{#*inline \"x\"}}{{.}}{{/inline}}{{> x}}{{/each}}", "{\"l\":[1,2]}",
                  "12");
    expect_render(
        "{{#*inline \"x\"}}1{{/inline}}{{#if a}}{{#*inline \"x\"}}2{{/inline}}{{> x}}{{/if}}"
        "{{> x}}",
        "{\"a\":1}", "21");
    expect_failure("{{#if a}}{{#*inline \"x\"}}{{/inline}}{{/if}}{{> x}}", "{\"a\":1}", NULL, NULL,
                   ERR_ABSENT, "\"x\" does not exist");
}

static void test_indent(void **state)
{
    WITH({SPAN("p"), compiled("a\n{{x}}\n")}, {SPAN("outer"), compiled("o\n  {{> p}}\nz")},
         {SPAN("none"), compiled("")});
    (void)state;
    expect_render_with("<\n  {{> p}}\n>", "{\"x\":\"1\\n2\"}", NULL, &call, "<\n  a\n  1\n  2\n>");
    expect_render_with("  {{> p}} .", "{}", NULL, &call, "  a\n\n ."); /* not alone on its line */
    expect_render_with("\t{{> outer}}\n", "{\"x\":1}", NULL, &call, "\to\n\t  a\n\t  1\n\tz");
    expect_render_with("  {{> none}}\nx", "{}", NULL, &call, "x");
    end(partials, 3);
}

int partial_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context_and_pairs),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_indent),
    };
    return cmocka_run_group_tests_name("template: partials", tests, NULL, NULL);
}
