/* Heads: the strict scan, and what llhttp and we make of them. */
#include "../expect.h"
#include "http/code.h"
#include "http/head.h"
#include "suite.h"

/* The whole head in one piece and byte by byte; status, or 0 when it is good to its last byte. */
static int scan_status(struct span head)
{
    struct http_scan whole = {0}, pieces = {0};
    size_t taken = 0, last = 0;
    struct span copy = exact_copy(head);
    int rc = http_scan_head(&whole, copy, &taken), one = 0;
    for (size_t i = 0; i < copy.len && one == 0; i++)
        one = http_scan_head(&pieces, span_make(copy.at + i, 1), &last);
    assert_int_equal(rc, one);
    if (rc < 0)
        assert_non_null(whole.why);
    test_free((void *)copy.at);
    assert_false(rc == 1 && taken != head.len);
    return rc < 0 ? HTTP_STATUS(rc) : rc == 1 ? 0 : -1; /* -1: more is wanted */
}

/* "GET /path?query length flags host", or the status. */
static void expect_head_at(struct span bytes, const char *expected, int line)
{
    static struct http_head head;
    AUTO_BUFFER out = BUFFER(1000);
    const char *why = "";
    int status = scan_status(bytes), rc = 0;
    struct span copy = exact_copy(bytes);
    if (status == 0) {
        rc = http_parse_head(copy, &head, &why);
        status = rc < 0 ? HTTP_STATUS(rc) : 0;
    }
    if (status)
        rc = buffer_printf(&out, "%d", status);
    else
        rc = buffer_printf(&out, "%s %.*s?%.*s %llu%s%s%s%s %.*s", http_method_name(head.method),
                           SPAN_PRINT(head.path), SPAN_PRINT(head.query),
                           (unsigned long long)head.length, head.chunked ? " chunked" : "",
                           head.keep_alive ? "" : " close", head.old ? " old" : "",
                           head.expects_continue ? " expects" : "", SPAN_PRINT(head.host));
    assert_int_equal(rc, 0);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
    test_free((void *)copy.at);
}
#define expect_head(bytes, expected) expect_head_at(SPAN(bytes), expected, __LINE__)
#define H                            "Host: h\r\n"

static void test_good_heads(void **state)
{
    (void)state;
    expect_head("GET / HTTP/1.1\r\n" H "\r\n", "GET /? 0 h");
    expect_head("GET /a/b?c=d?e HTTP/1.1\r\nhost:h.example:80\r\n\r\n",
                "GET /a/b?c=d?e 0 h.example:80");
    expect_head("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET /? 0 h");
    expect_head("POST /x HTTP/1.1\r\n" H "Content-Length: 12\r\n\r\n", "POST /x? 12 h");
    expect_head("PUT /x HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n",
                "PUT /x? 0 chunked h");
    expect_head("PUT /x HTTP/1.1\r\n" H "Transfer-Encoding:Chunked\r\n\r\n", "PUT /x? 0 chunked h");
    expect_head("GET / HTTP/1.0\r\n\r\n", "GET /? 0 close old ");
    expect_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /? 0 old ");
    expect_head("GET / HTTP/1.1\r\n" H "Connection: x, close\r\n\r\n", "GET /? 0 close h");
    expect_head("GET http://other/p HTTP/1.1\r\n" H "\r\n", "GET /p? 0 h");
    expect_head("OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS *? 0 h");
    expect_head("PATCH / HTTP/1.1\r\n" H "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\n",
                "PATCH /? 1 expects h");
    expect_head("GET / HTTP/1.1\r\n" H "X-Text: \303\274 \377 \t z\r\nEmpty:\r\nBlank: \r\n\r\n",
                "GET /? 0 h");
    expect_head("GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
                "GET /? 0 h");
}

static void test_what_is_ambiguous_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct span bytes;
        const char *status;
    } heads[] = {
        /* lines */
        {SPAN("GET / HTTP/1.1\n" H "\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r" H "\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\nHost: h\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\nHost: h\r\rX: y\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n X: a\r\n" H "\r\n"), "400"},
        {SPAN("\n\nGET / HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), "400"},
        /* the request line */
        {SPAN("GET  / HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET /  HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET / HTTP/1.1 \r\n" H "\r\n"), "400"},
        {SPAN("GET /a b HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET /\t HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET /\303\274 HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET /\0 HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET /a#b HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET a HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET * HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET http://x HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET /\r\n\r\n"), "400"},
        {SPAN(" GET / HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("G@T / HTTP/1.1\r\n" H "\r\n"), "400"},
        {SPAN("get / HTTP/1.1\r\n" H "\r\n"), "501"},
        {SPAN("BREW / HTTP/1.1\r\n" H "\r\n"), "501"},
        {SPAN("CONNECT h:1 HTTP/1.1\r\n" H "\r\n"), "501"},
        {SPAN("TRACE / HTTP/1.1\r\n" H "\r\n"), "501"},
        {SPAN("GET / HTTP/1.2\r\n" H "\r\n"), "505"},
        {SPAN("GET / HTTP/2.0\r\n" H "\r\n"), "505"},
        {SPAN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505"},
        {SPAN("GET / http/1.1\r\n" H "\r\n"), "400"},
        {SPAN("GET / HTTP/1.10\r\n" H "\r\n"), "400"},
        /* names */
        {SPAN("GET / HTTP/1.1\r\nHost : h\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "X\t: h\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H ": h\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "X\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "X\303\274: h\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "X(y): h\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "X\0: h\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H "X: a\177b\r\n\r\n"), "400"},
        /* Host */
        {SPAN("GET / HTTP/1.1\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\n" H H "\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "400"},
        {SPAN("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), "400"},
        /* lengths */
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: 1 2\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775807\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
         "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
         "400"},
        {SPAN("POST / HTTP/1.1\r\n" H
              "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
         "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"),
         "400"},
        {SPAN("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n"), "501"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"), "501"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"), "501"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n"), "501"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\tchunked\r\n\r\n"), "501"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked \r\n\r\n"), "501"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding:  chunked\r\n\r\n"), "501"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n"), "501"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n"), "501"},
        {SPAN("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n , x\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Authorization: a\r\nAuthorization: b\r\n\r\n"), "400"},
        {SPAN("POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n"), "417"},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        expect_head_at(heads[i].bytes, heads[i].status, (int)i);
}

static void test_limits_of_a_head(void **state)
{
    (void)state;
    AUTO_BUFFER head = BUFFER(200000);
    int rc = buffer_append_text(&head, "GET /");
    for (int i = 0; rc == 0 && i < 8192 - 5 - 11; i++)
        rc = buffer_append_byte(&head, 'a');
    struct buffer longest = {0};
    longest.cap = 200000;
    assert_int_equal(rc | buffer_append(&longest, buffer_span(&head)), 0);
    rc = buffer_append_text(&longest, " HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(scan_status(buffer_span(&longest)), 0);
    rc |= buffer_append_text(&head, "aaaa HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(scan_status(buffer_span(&head)), 414);
    buffer_free(&longest);

    buffer_clear(&head);
    rc |= buffer_append_text(&head, "GET / HTTP/1.1\r\n" H);
    for (int i = 1; i < 100; i++)
        rc |= buffer_printf(&head, "X%d: y\r\n", i);
    size_t len = head.len;
    rc |= buffer_append_text(&head, "\r\n");
    assert_int_equal(scan_status(buffer_span(&head)), 0);
    head.len = len;
    rc |= buffer_append_text(&head, "X: y\r\n\r\n");
    assert_int_equal(scan_status(buffer_span(&head)), 431);

    buffer_clear(&head);
    rc |= buffer_append_text(&head, "GET / HTTP/1.1\r\n" H "X: ");
    for (int i = 0; i < 64 * 1024; i++)
        rc |= buffer_append_byte(&head, 'a');
    assert_int_equal(scan_status(buffer_span(&head)), 431);
    assert_int_equal(rc, 0);
}

int head_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_heads),
        cmocka_unit_test(test_what_is_ambiguous_is_refused),
        cmocka_unit_test(test_limits_of_a_head),
    };
    return cmocka_run_group_tests_name("HTTP heads", tests, NULL, NULL);
}
