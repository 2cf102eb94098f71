/* Amazon SES's pure parts: signatures, forms and XML, X-SES fields, template data. */
#include "../expect.h"
#include "api/ses.h"
#include "api/sigv4.h"

#include <errno.h>
#include <stdio.h>

#define ID     "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define DATE   "20150830T123600Z"
#define NOW_MS INT64_C(1440938160000)

/* --- signatures: the examples that Amazon publishes ------------------------------------------ */

struct example {
    const char *path, *query, *scope, *names, *signature;
    struct http_field more; /* name empty: none */
    const char *host;
};

static int check_at(const struct example *e, int64_t now_ms, struct span body, const char **ret_why)
{
    char authorization[512];
    AUTO_ARENA arena = ARENA(100000);
    struct sigv4 signature;
    snprintf(authorization, sizeof authorization,
             "AWS4-HMAC-SHA256 Credential=" ID "/%s, SignedHeaders=%s, Signature=%s", e->scope,
             e->names, e->signature);
    const struct http_field fields[] = {
        {SPAN("Host"), span_of(e->host ? e->host : "example.amazonaws.com")},
        {SPAN("X-Amz-Date"), SPAN(DATE)},
        {SPAN("Authorization"), span_of(authorization)},
        e->more};
    const struct sigv4_request request = {.method = SPAN("GET"),
                                          .path = span_of(e->path),
                                          .query = span_of(e->query),
                                          .fields = fields,
                                          .field_count = e->more.name.len ? 4 : 3,
                                          .body = body};
    int rc = sigv4_read(&request, &arena, &signature, ret_why);
    return rc < 0 ? rc : sigv4_check(&request, &signature, SPAN(SECRET), now_ms, &arena, ret_why);
}

static const struct example vanilla = {
    "/",
    "",
    "20150830/us-east-1/service/aws4_request",
    "host;x-amz-date",
    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    {{0}, {0}},
    NULL};

static void test_published_signatures(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"/",
         "Param2=value2&Param1=value1",
         "20150830/us-east-1/service/aws4_request",
         "host;x-amz-date",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
         {{0}, {0}},
         NULL},
        {"/",
         "Action=ListUsers&Version=2010-05-08",
         "20150830/us-east-1/iam/aws4_request",
         "content-type;host;x-amz-date",
         "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
         {SPAN("Content-Type"), SPAN("application/x-www-form-urlencoded; charset=utf-8")},
         "iam.amazonaws.com"}};
    const char *why = "";
    assert_int_equal(check_at(&vanilla, NOW_MS, SPAN(""), &why), 0);
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        assert_int_equal(check_at(&examples[i], NOW_MS, SPAN(""), &why), 0);
}

static void test_the_time_of_a_signature(void **state)
{
    (void)state;
    const char *why = "";
    assert_int_equal(check_at(&vanilla, NOW_MS + SIGV4_SKEW_MS, SPAN(""), &why), 0);
    assert_int_equal(check_at(&vanilla, NOW_MS - SIGV4_SKEW_MS, SPAN(""), &why), 0);
    assert_int_equal(check_at(&vanilla, NOW_MS + SIGV4_SKEW_MS + 1, SPAN(""), &why), ERR_DENIED);
    expect_span(span_first(span_of(why), 17), "Signature expired");
    assert_int_equal(check_at(&vanilla, NOW_MS - SIGV4_SKEW_MS - 1, SPAN(""), &why), ERR_DENIED);
    expect_span(span_first(span_of(why), 25), "Signature not yet current");
}

static void test_wrong_signatures(void **state)
{
    (void)state;
    const char *why = "";
    struct example other = vanilla;
    assert_int_equal(check_at(&vanilla, NOW_MS, SPAN("a body"), &why), ERR_DENIED);
    other.path = "/x";
    assert_int_equal(check_at(&other, NOW_MS, SPAN(""), &why), ERR_DENIED);
    other = vanilla;
    other.names = "host;x-absent;x-amz-date";
    assert_int_equal(check_at(&other, NOW_MS, SPAN(""), &why), ERR_DENIED);
    other.names = "x-amz-date";
    assert_int_equal(check_at(&other, NOW_MS, SPAN(""), &why), ERR_SYNTAX);
    other.names = "host";
    assert_int_equal(check_at(&other, NOW_MS, SPAN(""), &why), ERR_SYNTAX);
    other = vanilla;
    static const char *const scopes[] = {"",
                                         "20150830",
                                         "20150830/a/b/c",
                                         "20150831/us-east-1/service/aws4_request",
                                         "20150830//service/aws4_request",
                                         "20150830/us-east-1/service/aws4_request/x"};
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
        other.scope = scopes[i];
        assert_int_equal(check_at(&other, NOW_MS, SPAN(""), &why), ERR_SYNTAX);
    }
}

static void expect_canonical(const char *path, const char *query, const char *expected)
{
    AUTO_ARENA arena = ARENA(100000);
    AUTO_BUFFER out = BUFFER(100000);
    const struct http_field fields[] = {{SPAN("X-A"), SPAN("b  c")}, {SPAN("x-a"), SPAN(" d\t ")}};
    const struct sigv4_request request = {.method = SPAN("GET"),
                                          .path = span_of(path),
                                          .query = span_of(query),
                                          .fields = fields,
                                          .field_count = 2};
    const struct sigv4 signature = {.signed_headers = SPAN("x-a")};
    assert_int_equal(sigv4_canonical(&request, &signature, SPAN("hash"), &arena, &out), 0);
    struct span text = buffer_span(&out), line, end = SPAN("x-a:b c,d\n\nx-a\nhash");
    assert_true(span_cut(&text, '\n', &line));
    expect_span(line, "GET");
    assert_true(text.len > end.len);
    assert_true(span_equal(span_from(text, text.len - end.len), end));
    expect_span(span_first(text, text.len - end.len - 1), expected);
}

static void test_canonical_requests(void **state)
{
    (void)state;
    expect_canonical("/", "", "/\n");
    expect_canonical("/a/../b/./c//d/", "", "/b/c/d/\n");
    expect_canonical("/../../a", "", "/a\n");
    expect_canonical("/a%20b", "", "/a%2520b\n");
    expect_canonical("/a+b:c", "", "/a%2Bb%3Ac\n");
    expect_canonical("/", "b=2&b=10&a&c=%7e+%2B", "/\na=&b=10&b=2&c=~%20%2B");
    expect_canonical("/", "a=1&X-Amz-Signature=00&X-Amz-Date=1", "/\nX-Amz-Date=1&a=1");
}

/* --- forms and XML --------------------------------------------------------------------------- */

static void expect_tree(const char *form, const char *expected)
{
    struct json_object *tree = NULL;
    struct span copy = exact_copy(span_of(form));
    int rc = ses_query_read(copy, &tree);
    expect_span(span_of(rc == ERR_SYNTAX ? "bad"
                        : rc == -E2BIG   ? "many"
                        : rc < 0         ? "?"
                                 : json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN)),
                expected);
    json_object_put(tree);
    test_free((void *)copy.at);
}

static void test_forms(void **state)
{
    (void)state;
    expect_tree("", "{}");
    expect_tree("A=b&C.D=e+f&C.G=%26", "{\"A\":\"b\",\"C\":{\"D\":\"e f\",\"G\":\"&\"}}");
    expect_tree("L.member.2.X=2&L.member.1.X=1", "{\"L\":[{\"X\":\"1\"},{\"X\":\"2\"}]}");
    expect_tree("L.member.1=a&L.member.3=c", "{\"L\":[\"a\",null,\"c\"]}");
    expect_tree("A=1&A=2", "bad");
    expect_tree("A=1&A.B=2", "bad");
    expect_tree("A.B=2&A=1", "bad");
    expect_tree("A.member.1=2&A.B=1", "bad");
    expect_tree("A.member=2", "bad");
    expect_tree("A.member.0=2", "bad");
    expect_tree("A.member.201=2", "bad");
    expect_tree("A.member.x=2", "bad");
    expect_tree(".A=2", "bad");
    expect_tree("A=%", "bad");
    expect_tree("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o=1", "many");
}

static void test_xml(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(1000);
    struct json_object *tree = json_tokener_parse(
        "{\"A\":\"<&>\\u0001\\r\",\"B\":[1,true],\"C\":{\"entry\":[{\"key\":\"k\"},{}]}}");
    assert_int_equal(ses_query_print(tree, &out), 0);
    expect_span(buffer_span(&out), "<A>&lt;&amp;&gt; &#13;</A><B><member>1</member>"
                                   "<member>true</member></B>"
                                   "<C><entry><key>k</key></entry><entry></entry></C>");
    json_object_put(tree);
}

/* --- fields and data ------------------------------------------------------------------------- */

static void test_fields(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(1000);
    struct json_object *meta = json_object_new_object();
    struct span header = SPAN("A: 1\r\nx-ses-message-tags: a=b,\r\n c = d,none\r\n"
                              "X-SES-CONFIGURATION-SET: mine\r\nX-SES-FROM-ARN: x\r\n"
                              "X-SES-OTHER: stays\r\nB: 2\r\n\r\n");
    assert_int_equal(ses_headers_strip(header, meta, &out), 0);
    expect_span(buffer_span(&out), "A: 1\r\nX-SES-OTHER: stays\r\nB: 2\r\n\r\n");
    expect_span(span_of(json_object_to_json_string_ext(meta, JSON_C_TO_STRING_PLAIN)),
                "{\"tags\":[{\"Name\":\"a\",\"Value\":\"b\"},{\"Name\":\"c\",\"Value\":\"d\"}],"
                "\"configuration_set\":\"mine\"}");
    buffer_clear(&out); /* what the call says stands */
    assert_int_equal(ses_headers_strip(SPAN("X-SES-CONFIGURATION-SET: b\r\n"), meta, &out), 0);
    expect_span(span_of(json_object_get_string(json_object_object_get(meta, "configuration_set"))),
                "mine");
    json_object_put(meta);
}

static void test_data_merges(void **state)
{
    (void)state;
    struct json_object *both = NULL;
    struct json_object *base = json_tokener_parse("{\"a\":{\"b\":1,\"c\":[1,2]},\"d\":1}");
    struct json_object *over = json_tokener_parse("{\"a\":{\"c\":[3]},\"d\":{\"e\":null}}");
    assert_int_equal(ses_merge_data(base, over, &both), 0);
    expect_span(span_of(json_object_to_json_string_ext(both, JSON_C_TO_STRING_PLAIN)),
                "{\"a\":{\"b\":1,\"c\":[3]},\"d\":{\"e\":null}}");
    expect_span(span_of(json_object_to_json_string_ext(base, JSON_C_TO_STRING_PLAIN)),
                "{\"a\":{\"b\":1,\"c\":[1,2]},\"d\":1}");
    json_object_put(both);
    json_object_put(over);
    json_object_put(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_signatures),
        cmocka_unit_test(test_the_time_of_a_signature),
        cmocka_unit_test(test_wrong_signatures),
        cmocka_unit_test(test_canonical_requests),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_xml),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_data_merges),
    };
    return cmocka_run_group_tests_name("ses", tests, NULL, NULL);
}
