/* The helpers of SendGrid and Mailgun; the examples of SendGrid's documentation. */
#include "suite.h"

static const struct template_options sendgrid = {.helpers = TEMPLATE_SENDGRID},
                                     mailgun = {.helpers = TEMPLATE_MAILGUN};

#define expect_sendgrid(source, data, expected)                                                    \
    expect_render_with(source, data, &sendgrid, NULL, expected)

static void test_comparisons(void **state)
{
    (void)state;
    expect_sendgrid("{{#equals 3 \"3\"}}1{{/equals}}{{#equals a b}}2{{else}}3{{/equals}}",
                    "{\"a\":289199,\"b\":167320}", "13");
    expect_sendgrid(
        "{{#notEquals 3 \"3\"}}1{{else}}2{{/notEquals}}{{#notEquals a b}}3{{/notEquals}}",
        "{\"a\":1}", "23");
    expect_sendgrid(
        "{{#greaterThan a b}}1{{else}}2{{/greaterThan}}{{#greaterThan b a}}3{{/greaterThan}}",
        "{\"a\":100,\"b\":78}", "1");
    expect_sendgrid("{{#lessThan a b}}1{{/lessThan}}{{#lessThan \"9\" 10}}2{{/lessThan}}"
                    "{{#lessThan none 1}}3{{/lessThan}}{{#lessThan \"10\" \"9\"}}4{{/lessThan}}",
                    "{\"a\":1,\"b\":2}", "124");
    expect_sendgrid("{{#if (equals a 1)}}1{{/if}}{{equals a 2}}", "{\"a\":\"1\"}", "1false");
    expect_sendgrid("{{#each l}}{{#equals this ../x}}[{{this}}]{{/equals}}{{/each}}",
                    "{\"l\":[1,2],\"x\":2}", "[2]");
}

static void test_and_or_length(void **state)
{
    static const char data[] = "{\"food\":\"Pasta\",\"drink\":\"\",\"minus\":-1,\"zero\":0.0,"
                               "\"cart\":[1,2,3],\"word\":\"\xc3\xa9\xc3\xa9\"}";
    (void)state;
    expect_sendgrid("{{#and food drink}}1{{else}}2{{/and}}{{#or food drink}}3{{/or}}", data, "23");
    expect_sendgrid("{{#and food minus}}1{{/and}}{{#or zero drink}}2{{else}}3{{/or}}", data, "13");
    expect_sendgrid("{{length cart}} {{length word}} {{length minus}}", data, "3 2 0");
    expect_sendgrid("{{#greaterThan length cart 0}}1{{/greaterThan}}{{#greaterThan 0 length cart}}2"
                    "{{else}}3{{/greaterThan}}{{#greaterThan (length cart) 2}}4{{/greaterThan}}",
                    data, "134");
    expect_sendgrid("{{length}} {{insert}}", "{\"length\":\"12 cm\",\"insert\":\"coin\"}",
                    "12 cm coin");
}

static void test_insert(void **state)
{
    (void)state;
    expect_sendgrid(
        "Hello {{insert name \"default=Customer\"}}! About {{insert firm \"your business\"}}.",
        "{\"name\":\"Ben\",\"firm\":\"Twilio & Co\"}", "Hello Ben! About Twilio &amp; Co.");
    expect_sendgrid(
        "Hello {{insert name \"default=Customer\"}}! About {{insert firm \"your business\"}}.",
        "{\"firm\":\"\"}", "Hello Customer! About your business.");
}

static void test_dates(void **state)
{
    static const char data[] = "{\"iso\":\"2020-01-01T23:00:00.000Z\",\"s\":1577919600,"
                               "\"ms\":\"1577919600000\",\"f\":\"MMMM DD, YYYY h:mm:ssA\"}";
    (void)state;
    expect_sendgrid("{{formatDate iso f}}", data, "January 01, 2020 11:00:00PM");
    expect_sendgrid("{{formatDate iso f \"-0800\"}}", data, "January 01, 2020 3:00:00PM");
    expect_sendgrid("{{formatDate s f}} {{formatDate ms f -0800}}", data,
                    "January 01, 2020 11:00:00PM January 01, 2020 3:00:00PM");
    expect_sendgrid("{{formatDate iso \"YY MMM M D dddd ddd HH H hh m s ZZ Z [at] a\" \"+01:30\"}}",
                    data, "20 Jan 1 2 Thursday Thu 00 0 12 30 0 +0130 +01:30 at am");
    expect_sendgrid("{{formatDate iso}}|{{formatDate none f}}", data, "2020-01-01T23:00:00.000Z|");
    expect_sendgrid("{{formatDate \"2020-02-29T12:00:00-05:00\" \"YYYY-MM-DD HH\"}}", data,
                    "2020-02-29 17");
    expect_failure("{{formatDate f f}}", data, &sendgrid, NULL, -22, "ISO 8601");
    expect_failure("{{formatDate iso f \"x\"}}", data, &sendgrid, NULL, -22, "an offset like");
}

static void test_mailgun(void **state)
{
    (void)state;
    expect_render_with(
        "{{#equal nb \"1\"}}one{{else}}more{{/equal}}{{#equal b \"true\"}}t{{/equal}}",
        "{\"nb\":1,\"b\":true}", &mailgun, NULL, "onet");
    expect_failure("{{#equals 1 1}}{{/equals}}", "{}", &mailgun, NULL, -22, "no helper \"equals\"");
}

int dialect_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparisons), cmocka_unit_test(test_and_or_length),
        cmocka_unit_test(test_insert),      cmocka_unit_test(test_dates),
        cmocka_unit_test(test_mailgun),
    };
    return cmocka_run_group_tests_name("template: dialects", tests, NULL, NULL);
}
