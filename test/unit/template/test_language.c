/* Paths, values, blocks, helpers of Handlebars itself. */
#include "suite.h"

static void test_paths(void **state)
{
    static const char data[] =
        "{\"a\":{\"b\":{\"c\":1},\"x y\":2,\"0\":3},\"list\":[\"p\",{\"q\":4}],"
        "\"s\":\"h\xc3\xa9\",\"this\":5}";
    (void)state;
    expect_render("{{a.b.c}} {{a/b/c}} {{this.a.b.c}} {{./a.b.c}}", data, "1 1 1 1");
    expect_render("{{a.[x y]}} {{a.[0]}} {{[this]}}", data, "2 3 5");
    expect_render("{{list.[0]}} {{list.0}} {{list.1.q}} {{list.length}}", data, "p p 4 2");
    expect_render("{{s.length}} {{s.[1]}}", data, "2 \xc3\xa9");
    expect_render("[{{none}}{{a.none.c}}{{a.b.c.d}}{{list.[9]}}{{list.[01]}}]", data, "[]");
    expect_render("{{#with a}}{{#with b}}{{c}}{{../0}}{{../../s}}{{@root.s}}{{/with}}{{/with}}",
                  data, "13h\xc3\xa9h\xc3\xa9");
    expect_render("{{..}}{{../a}}", data, "");
}

static void test_only_own_properties(void **state)
{
    (void)state;
    expect_render("[{{__proto__}}{{constructor}}{{a.constructor.name}}{{toString}}{{list.map}}]",
                  "{\"a\":{},\"list\":[]}", "[]");
    expect_render("{{lookup a 'constructor'}}{{lookup a '__proto__'}}", "{\"a\":{}}", "");
    expect_render("{{__proto__}}", "{\"__proto__\":\"mine\"}", "mine");
}

static void test_values_as_javascript_writes_them(void **state)
{
    (void)state;
    expect_render(
        "{{a}} {{b}} {{c}} {{d}} {{e}} {{f}}",
        "{\"a\":1.0,\"b\":-0.0,\"c\":1e21,\"d\":1e-7,\"e\":0.1,\"f\":123456789012345680000}",
        "1 0 1e+21 1e-7 0.1 18446744073709552000");
    expect_render("{{a}} {{b}} {{c}}", "{\"a\":9007199254740993,\"b\":0.000001,\"c\":-1.5e300}",
                  "9007199254740992 0.000001 -1.5e+300");
    expect_render("{{a}}|{{b}}|{{c}}|{{d}}|{{e}}",
                  "{\"a\":true,\"b\":false,\"c\":null,\"d\":[1,null,[2,\"<\"],{}],\"e\":{}}",
                  "true|false||1,,2,&lt;,[object Object]|[object Object]");
}

static void test_escaping(void **state)
{
    static const char data[] = "{\"a\":\"<&>\\\"'`=x\"}";
    const struct template_options plain = {.plain = true};
    (void)state;
    expect_render("{{a}}", data, "&lt;&amp;&gt;&quot;&#x27;&#x60;&#x3D;x");
    expect_render("{{{a}}} {{&a}}", data, "<&>\"'`=x <&>\"'`=x");
    expect_render_with("{{a}}", data, &plain, NULL, "<&>\"'`=x");
    expect_render("\\{{a}} \\\\{{#if a}}x{{/if}} \\", data, "{{a}} \\x \\");
}

static void test_literals(void **state)
{
    (void)state;
    expect_render("{{lookup a \"x\\\"y\"}} {{lookup a 'it\\'s'}} {{lookup a 0}} {{lookup a true}}",
                  "{\"a\":{\"x\\\"y\":1,\"it's\":2,\"0\":3,\"true\":4}}", "1 2 3 4");
    expect_render(
        "{{#if null}}a{{/if}}{{#if undefined}}b{{/if}}{{#if 0}}c{{/if}}{{#if \"\"}}d{{/if}}"
        "{{#if -1}}e{{/if}}",
        "{}", "e");
    expect_render("{{12}} {{\"a b\"}} {{true}}", "{\"12\":1,\"a b\":2,\"true\":3}", "1 2 3");
}

static void test_if_and_unless(void **state)
{
    static const char data[] = "{\"yes\":1,\"zero\":0,\"none\":[],\"some\":[0],\"empty\":\"\"}";
    (void)state;
    expect_render("{{#if yes}}1{{else}}2{{/if}}{{#if zero}}1{{else}}2{{/if}}", data, "12");
    expect_render("{{#if none}}1{{^}}2{{/if}}{{#if some}}1{{/if}}{{#if empty}}1{{/if}}", data,
                  "21");
    expect_render("{{#if zero includeZero=true}}1{{/if}}{{#unless zero}}2{{/unless}}", data, "12");
    expect_render("{{#if no}}1{{else if zero}}2{{else unless yes}}3{{else}}4{{/if}}", data, "4");
    expect_render("{{^if yes}}1{{else}}2{{/if}}", data, "2");
    expect_render("{{#if yes}}{{../yes}}{{yes}}{{/if}}", data, "1"); /* no context of its own */
}

static void test_each(void **state)
{
    (void)state;
    expect_render("{{#each list}}{{@index}}{{@key}}{{@first}}{{@last}}={{this}};{{/each}}",
                  "{\"list\":[\"a\",\"b\"]}", "00truefalse=a;11falsetrue=b;");
    expect_render("{{#each o}}{{@index}}{{@key}}={{.}};{{/each}}",
                  "{\"o\":{\"b\":1,\"10\":2,\"2\":3,\"a\":4}}", "02=3;110=2;2b=1;3a=4;");
    expect_render("{{#each a}}{{else}}none{{/each}}{{#each b}}{{else}}none{{/each}}", "{\"a\":[]}",
                  "nonenone");
    expect_render(
        "{{#each a as |x i|}}{{#each x as |y|}}{{i}}{{y}}{{@../index}} {{/each}}{{/each}}",
        "{\"a\":[[1,2],[3]]}", "010 020 131 ");
    expect_render("{{#each a}}{{#each this}}{{@../key}}{{@key}} {{/each}}{{/each}}",
                  "{\"a\":{\"x\":{\"y\":1}}}", "xy ");
}

static void test_with_and_lookup(void **state)
{
    (void)state;
    expect_render("{{#with a as |x|}}{{x.b}}{{b}}{{else}}no{{/with}}", "{\"a\":{\"b\":1}}", "11");
    expect_render("{{#with a}}1{{else}}no{{/with}}", "{}", "no");
    expect_render("{{#each k}}{{lookup ../v this}}{{lookup (lookup ../m @index) 'n'}} {{/each}}",
                  "{\"k\":[\"x\",\"y\"],\"v\":{\"x\":1,\"y\":2},\"m\":[{\"n\":3},{\"n\":4}]}",
                  "13 24 ");
    expect_render("{{log a}}{{log}}", "{}", "");
}

static void test_blocks_named_by_values(void **state)
{
    (void)state;
    expect_render("{{#list}}{{@index}}{{n}}{{/list}}", "{\"list\":[{\"n\":1},{\"n\":2}]}", "0112");
    expect_render("{{#o}}{{n}}{{../m}}{{/o}}", "{\"o\":{\"n\":1},\"m\":2}", "12");
    expect_render("{{#t}}{{n}}{{/t}}{{#z}}[{{.}}]{{/z}}", "{\"t\":true,\"n\":1,\"z\":0}", "1[0]");
    expect_render("{{#f}}1{{else}}2{{/f}}{{^none}}3{{/none}}{{#l}}4{{^}}5{{/l}}",
                  "{\"f\":false,\"l\":[]}", "235");
}

static void test_helpers_that_do_not_exist(void **state)
{
    (void)state;
    expect_render("{{none x=1}}{{lookup (none) 'a'}}", "{}", "");
    expect_failure("\n {{none 1}}", "{}", NULL, NULL, -22,
                   "line 2, column 2: there is no helper \"none\"");
    expect_failure("a\n\n\303\251{{!\n}}\303\251 {{none 1}}", "{}", NULL, NULL, -22,
                   "line 4, column 5: there is no helper \"none\"");
    expect_failure("{{a 1}}", "{\"a\":1}", NULL, NULL, -22, "a variable, not a helper");
    expect_failure("{{#if}}{{/if}}", "{}", NULL, NULL, -22, "\"if\" takes 1 argument, here are 0");
    expect_failure("{{each a}}", "{\"a\":[1]}", NULL, NULL, -22, "is a block: write {{#each");
    expect_render("{{#if no}}{{none 1}}{{/if}}", "{}", ""); /* only where it is reached */
    expect_failure("{{helperMissing}}", "{}", NULL, NULL, -22, "");
}

static void test_block_parameters(void **state)
{
    (void)state;
    expect_render("{{#each a as |v|}}{{#with b as |v|}}{{v}}{{/with}}{{v}}{{./v}} {{/each}}",
                  "{\"a\":[{\"b\":1,\"v\":2}]}", "1[object Object]2 ");
    expect_failure("{{#if a as |x|}}{{x}}{{/if}}", "{\"a\":1}", NULL, NULL, -22, "gives none");
}

int language_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_only_own_properties),
        cmocka_unit_test(test_values_as_javascript_writes_them),
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_if_and_unless),
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_with_and_lookup),
        cmocka_unit_test(test_blocks_named_by_values),
        cmocka_unit_test(test_helpers_that_do_not_exist),
        cmocka_unit_test(test_block_parameters),
    };
    return cmocka_run_group_tests_name("template: language", tests, NULL, NULL);
}
