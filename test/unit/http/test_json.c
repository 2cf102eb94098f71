/* JSON: what the strict scan takes, and what it refuses, and where. */
#include "../expect.h"
#include "http/json.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>

/* The value as json-c prints it, or "line:column what". */
static void expect_json_at(struct span text, const char *expected, int line)
{
    AUTO_BUFFER out = BUFFER(100000);
    struct json_object *value = NULL;
    struct json_error error = {0};
    struct span copy = exact_copy(text);
    int rc = json_read(copy, &value, &error);
    if (rc < 0)
        rc = buffer_printf(&out, "%zu:%zu %s", error.line, error.column, error.what);
    else
        rc = buffer_append_text(
            &out, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(value);
    assert_int_equal(rc, 0);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
    test_free((void *)copy.at);
}
#define expect_json(text, expected) expect_json_at(SPAN(text), expected, __LINE__)

static void test_values(void **state)
{
    (void)state;
    expect_json("{}", "{}");
    expect_json(" [ ] \r\n\t", "[]");
    expect_json("{\"a\":[1,-2.5e3,true,false,null,\"x\"],\"b\":{\"a\":{}}}",
                "{\"a\":[1,-2.5e3,true,false,null,\"x\"],\"b\":{\"a\":{}}}");
    expect_json("12", "12");
    expect_json("0", "0");
    expect_json("-0.5", "-0.5");
    expect_json("\"\\u00fc\\n\\/\\ud83d\\ude00\"", "\"\303\274\\n/\360\237\230\200\"");
    expect_json("null", "null");
    expect_json("{\"A\":1,\"a\":2,\"\":3}", "{\"A\":1,\"a\":2,\"\":3}");
    expect_json("[{\"a\":1},{\"a\":2}]", "[{\"a\":1},{\"a\":2}]");
}

/* Behind any number of plain characters. */
static void test_what_ends_or_spoils_a_string(void **state)
{
    static const char plain[] = "aaaaaaaaaaaaaaaaaaaa";
    (void)state;
    for (int before = 0; before < 20; before++) {
        char text[60], expected[60];
        snprintf(text, sizeof text, "[\"%.*s\",\"b\"]", before, plain);
        expect_json_at(span_of(text), text, __LINE__);
        snprintf(text, sizeof text, "[\"%.*s\\n\303\251\\\"aaaaaa\"]", before, plain);
        expect_json_at(span_of(text), text, __LINE__);
        snprintf(text, sizeof text, "[\"%.*s\037aaaaaa\"]", before, plain);
        snprintf(expected, sizeof expected, "1:%d a string holds a raw control character",
                 before + 3);
        expect_json_at(span_of(text), expected, __LINE__);
        snprintf(text, sizeof text, "\"%.*s", before, plain);
        snprintf(expected, sizeof expected, "1:%d a string does not end", before + 2);
        expect_json_at(span_of(text), expected, __LINE__);
    }
}

static void test_names_stand_once(void **state)
{
    (void)state;
    expect_json("{\"to\":1,\n \"to\":2}", "2:2 a member stands twice in its object");
    expect_json("{\"a\":1,\"\\u0061\":2}", "1:8 a member stands twice in its object");
    expect_json("{\"\\u00fc\":1,\"\303\274\":2}", "1:13 a member stands twice in its object");
    expect_json("{\"\\ud83d\\ude00\":1,\"\360\237\230\200\":2}",
                "1:19 a member stands twice in its object");
    expect_json("{\"b\":{\"b\":{}},\"b\":0}", "1:15 a member stands twice in its object");
}

static void test_what_json_c_would_take(void **state)
{
    (void)state;
    expect_json("{'a':1}", "1:2 a member's name in double quotes is missing");
    expect_json("['a']", "1:2 strings stand in double quotes");
    expect_json("[\"a\nb\"]", "1:4 a string holds a raw control character");
    expect_json("[\"\\u0000\"]", "1:5 a string holds NUL");
    expect_json("[1]//", "1:4 something stands behind the value");
    expect_json("/*x*/[1]", "1:1 no value begins so");
    expect_json("NaN", "1:1 no value begins so");
    expect_json("-Infinity", "1:2 no number is written like that");
    expect_json("Infinity", "1:1 no value begins so");
    expect_json("TRUE", "1:1 no value begins so");
    expect_json("[1e999]", "1:7 a number is too large");
    expect_json("[01]", "1:4 no number is written like that");
    expect_json("[.5]", "1:2 no value begins so");
    expect_json("[1.]", "1:4 a number's point wants digits behind it");
    expect_json("[1e]", "1:4 a number's exponent wants digits");
    expect_json("[+1]", "1:2 no value begins so");
    expect_json("[1,]", "1:4 no value begins so");
    expect_json("{\"a\":1,}", "1:8 a member's name in double quotes is missing");
    expect_json("{\"a\" 1}", "1:6 a colon is missing behind a member's name");
    expect_json("{a:1}", "1:2 a member's name in double quotes is missing");
    expect_json("[1 2]", "1:4 a comma or ] is missing");
    expect_json("[1}", "1:3 a comma or ] is missing");
    expect_json("{\"a\":1]", "1:7 a comma or } is missing");
    expect_json("[1", "1:3 a comma or ] is missing");
    expect_json("[", "1:2 a value is missing at the end");
    expect_json("", "1:1 a value is missing at the end");
    expect_json("{}{}", "1:3 something stands behind the value");
    expect_json("\"a", "1:3 a string does not end");
    expect_json("\"\\x\"", "1:3 an unknown escape in a string");
    expect_json("\"\\u12g4\"", "1:4 \\u wants four hexadecimal digits");
    expect_json("\"\\ud800\"", "1:4 a lone surrogate");
    expect_json("\"\\ud800\\u0041\"", "1:4 a lone surrogate");
    expect_json("\"\\udc00\"", "1:4 a lone surrogate");
    expect_json("tru", "1:1 no value begins so");
    expect_json("\357\273\277{}", "1:1 no value begins so");
    expect_json("{\"a\":\n\"\377\"}", "2:2 it is not UTF-8 without NUL");
    expect_json("\"\355\240\200\"", "1:2 it is not UTF-8 without NUL");
    expect_json("[1\0]", "1:3 it is not UTF-8 without NUL");
}

static void test_depth(void **state)
{
    (void)state;
    AUTO_BUFFER text = BUFFER(1000);
    int rc = 0;
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        rc |= buffer_append_byte(&text, '[');
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        rc |= buffer_append_byte(&text, ']');
    expect_json_at(buffer_span(&text), buffer_text(&text), __LINE__);
    buffer_clear(&text);
    for (int i = 0; i <= JSON_DEPTH_MAX; i++)
        rc |= buffer_append_byte(&text, '[');
    assert_int_equal(rc, 0);
    expect_json_at(buffer_span(&text), "1:33 nested too deep", __LINE__);
}

static void test_many_names(void **state)
{
    (void)state;
    AUTO_BUFFER text = BUFFER(10 << 20);
    struct json_error error;
    int rc = buffer_append_byte(&text, '{');
    for (int i = 0; i < 100000; i++)
        rc |= buffer_printf(&text, "\"name%d\":0,", i);
    size_t len = text.len;
    rc |= buffer_append_text(&text, "\"last\":0}");
    assert_int_equal(json_scan(buffer_span(&text), &error), 0);
    text.len = len;
    rc |= buffer_append_text(&text, "\"name54321\":0}");
    assert_int_equal(json_scan(buffer_span(&text), &error), ERR_SYNTAX);
    assert_int_equal(error.offset, len);
    assert_int_equal(rc, 0);
}

int json_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_what_ends_or_spoils_a_string),
        cmocka_unit_test(test_names_stand_once),
        cmocka_unit_test(test_what_json_c_would_take),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many_names),
    };
    return cmocka_run_group_tests_name("JSON", tests, NULL, NULL);
}
