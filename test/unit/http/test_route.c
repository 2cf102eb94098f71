/* Paths and routes. */
#include "../expect.h"
#include "http/route.h"
#include "suite.h"

#include <errno.h>

/* "a|b|" or what is wrong. */
static void expect_path_at(struct span path, const char *expected, int line)
{
    AUTO_ARENA arena = ARENA(10000);
    AUTO_BUFFER out = BUFFER(1000);
    struct span segments[HTTP_SEGMENTS_MAX], copy = exact_copy(path);
    unsigned count = 0;
    int rc = http_split_path(copy, &arena, segments, &count);
    if (rc < 0)
        rc = buffer_append_text(&out, rc == ERR_SYNTAX ? "bad" : rc == -E2BIG ? "many" : "?");
    for (unsigned i = 0; i < count; i++)
        rc |= buffer_printf(&out, "%.*s|", SPAN_PRINT(segments[i]));
    assert_int_equal(rc, 0);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
    test_free((void *)copy.at);
}
#define expect_path(path, expected) expect_path_at(SPAN(path), expected, __LINE__)

static void test_paths(void **state)
{
    (void)state;
    expect_path("/", "|");
    expect_path("/v3/mail/send", "v3|mail|send|");
    expect_path("/a/", "a||");
    expect_path("//a", "|a|");
    expect_path("/%61%2Fb/c%40d.example", "a/b|c@d.example|");
    expect_path("/a+b", "a+b|");
    expect_path("/%c3%bc", "\303\274|");
    expect_path("/%", "bad");
    expect_path("/%4", "bad");
    expect_path("/%4g", "bad");
    expect_path("/%00", "bad");
    expect_path("/%0d%0a", "bad");
    expect_path("/%7f", "bad");
    expect_path("/%ff", "bad");
    expect_path("/%c0%af", "bad");
    expect_path("/%ed%a0%80", "bad");
    expect_path("/a/../b", "bad");
    expect_path("/a/%2e%2E/b", "bad");
    expect_path("/./b", "bad");
    expect_path("/a/..", "bad");
    expect_path("/...", "...|");
    expect_path("a", "bad");
    expect_path("", "bad");
    expect_path("/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5", "many");
}

static int co_nothing(struct http_request *r)
{
    (void)r;
    return 0;
}

static const struct http_route routes[] = {
    {METHOD_GET, "/", co_nothing, 0},
    {METHOD_GET, "/v3/{first}/{second}", co_nothing, 0},
    {METHOD_POST, "/v3/{domain}/messages", co_nothing, 0},
    {METHOD_GET, "/v3/templates/{id}", co_nothing, 0},
    {METHOD_GET, "/v3/templates/search", co_nothing, 0},
    {METHOD_DELETE, "/v3/templates/{id}", co_nothing, 0},
    {METHOD_OPTIONS, "/own/options", co_nothing, 0},
    {METHOD_GET, "/slash/", co_nothing, 0},
};
static const struct http_table table = {.name = "test", HTTP_ROUTES(routes)};

/* "pattern name=value …" or "none: allowed". */
static void expect_route_at(enum http_method method, struct span path, const char *expected,
                            int line)
{
    AUTO_ARENA arena = ARENA(10000);
    AUTO_BUFFER out = BUFFER(1000);
    struct span segments[HTTP_SEGMENTS_MAX];
    struct http_match match;
    unsigned count = 0;
    int rc = http_split_path(path, &arena, segments, &count);
    http_match(&table, method, segments, count, &match);
    rc |= buffer_append_text(&out, match.route ? match.route->pattern : "none: ");
    if (!match.route)
        rc |= http_print_allowed(&out, match.allowed);
    for (unsigned i = 0; match.route && i < match.count; i++)
        rc |= buffer_printf(&out, " %.*s=%.*s", SPAN_PRINT(match.parameters[i].name),
                            SPAN_PRINT(match.parameters[i].value));
    assert_int_equal(rc, 0);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
}
#define expect_route(method, path, expected) expect_route_at(method, SPAN(path), expected, __LINE__)

static void test_routes(void **state)
{
    (void)state;
    expect_route(METHOD_GET, "/", "/");
    expect_route(METHOD_HEAD, "/", "/");
    expect_route(METHOD_GET, "/v3/a/b", "/v3/{first}/{second} first=a second=b");
    expect_route(METHOD_GET, "/v3/a%2Fb/c", "/v3/{first}/{second} first=a/b second=c");
    expect_route(METHOD_POST, "/v3/x.example/messages", "/v3/{domain}/messages domain=x.example");
    expect_route(METHOD_GET, "/v3/x.example/messages",
                 "/v3/{first}/{second} first=x.example second=messages");
    expect_route(METHOD_GET, "/v3/templates/7", "/v3/templates/{id} id=7");
    expect_route(METHOD_GET, "/v3/templates/search", "/v3/templates/search");
    expect_route(METHOD_DELETE, "/v3/templates/search", "/v3/templates/{id} id=search");
    expect_route(METHOD_PUT, "/v3/templates/7", "none: GET, HEAD, DELETE, OPTIONS");
    expect_route(METHOD_OPTIONS, "/v3/templates/7", "none: GET, HEAD, DELETE, OPTIONS");
    expect_route(METHOD_OPTIONS, "/own/options", "/own/options");
    expect_route(METHOD_GET, "/own/options", "none: OPTIONS");
    expect_route(METHOD_GET, "/v3/a", "none: ");
    expect_route(METHOD_GET, "/v3/a/b/c", "none: ");
    expect_route(METHOD_GET, "/v3//b", "none: ");
    expect_route(METHOD_GET, "/v3/a/", "none: ");
    expect_route(METHOD_GET, "/V3/a/b", "none: ");
    expect_route(METHOD_GET, "/slash/", "/slash/");
    expect_route(METHOD_GET, "/slash", "none: ");
}

/* A table whose literals may be written in any case; what a {name} takes stays as it was. */
static void test_any_case(void **state)
{
    (void)state;
    struct http_table loose = table;
    struct http_match match;
    const struct span segments[] = {SPAN("V3"), SPAN("X.Example"), SPAN("MESSages")};
    loose.any_case = true;
    http_match(&loose, METHOD_POST, segments, 3, &match);
    assert_non_null(match.route);
    expect_span(match.parameters[0].value, "X.Example");
    http_match(&table, METHOD_POST, segments, 3, &match);
    assert_null(match.route);
}

static void test_percent_encode(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(200);
    assert_int_equal(http_percent_encode(SPAN("aZ09-._~ @&+%/?\303\274\0\"<"), &out), 0);
    expect_span(buffer_span(&out), "aZ09-._~%20%40%26%2B%25%2F%3F%C3%BC%00%22%3C");
}

int route_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_any_case),
        cmocka_unit_test(test_percent_encode),
    };
    return cmocka_run_group_tests_name("HTTP routes", tests, NULL, NULL);
}
