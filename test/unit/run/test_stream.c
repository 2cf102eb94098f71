/* Streams over real loopback sockets: lines, pipelining, both directions of TLS and of DEFLATE. */
#include "base/buffer.h"
#include "run/loop.h"
#include "run/stream.h"
#include "run/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

struct office {
    struct listener *listener;
    struct sockaddr_in address;
    struct scope scope;
};

static void office_open(struct office *office, int (*co_serve)(struct stream *, void *), void *arg)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof office->address;
    int fd;
    assert_int_equal(listener_bind((struct sockaddr *)&any, 1, &fd), 0);
    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&office->address, &len), 0);
    scope_open(&office->scope, scope_current(), CO_FOREVER);
    struct listener_settings settings = {
        .name = "serve", .co_serve = co_serve, .arg = arg, .refusal = SPAN("421 full\r\n")};
    assert_int_equal(listener_open(&office->scope, fd, &settings, &office->listener), 0);
}

static void office_co_close(struct office *office)
{
    listener_co_close(office->listener);
    assert_int_equal(scope_co_wait(&office->scope), 0);
}

static struct stream *office_co_visit(struct office *office)
{
    struct stream *st;
    assert_int_equal(stream_co_connect((struct sockaddr *)&office->address, 5000, &st), 0);
    return st;
}

/* Answers every line with "<line>" until QUIT; "secret" turns to TLS. */
static int echo_co_serve(struct stream *st, void *arg)
{
    struct span line;
    int rc;
    while ((rc = stream_co_read_line(st, 100, &line)) != ERR_CLOSED) {
        if (rc == 0 && span_equal(line, SPAN("QUIT")))
            return 0;
        if (rc == 0 && span_equal(line, SPAN("secret"))) {
            rc = stream_co_write(st, SPAN("go\r\n"));
            if (rc == 0)
                rc = stream_co_start_tls_server(st, arg);
            if (rc < 0)
                return rc;
            continue;
        }
        if (rc == 0 && span_equal(line, SPAN("deflate"))) {
            rc = stream_co_write(st, SPAN("go\r\n"));
            if (rc == 0)
                rc = stream_co_start_deflate(st);
            if (rc < 0)
                return rc;
            continue;
        }
        if (rc == -EMSGSIZE)
            line = SPAN("too long");
        else if (rc == ERR_SYNTAX)
            line = SPAN("syntax");
        else if (rc < 0)
            return rc;
        AUTO_BUFFER reply = BUFFER(200);
        rc = buffer_printf(&reply, "<%.*s>\r\n", SPAN_PRINT(line));
        if (rc == 0)
            rc = stream_co_write(st, buffer_span(&reply));
        if (rc < 0)
            return rc;
    }
    return rc;
}

static void co_say(struct stream *st, struct span bytes)
{
    assert_int_equal(stream_co_write(st, bytes), 0);
}

static void co_expect(struct stream *st, const char *line)
{
    struct span got;
    assert_int_equal(stream_co_read_line(st, 1000, &got), 0);
    assert_int_equal(got.len, strlen(line));
    assert_memory_equal(got.at, line, got.len);
}

static int lines_co_main(void *arg)
{
    (void)arg;
    struct office office;
    office_open(&office, echo_co_serve, NULL);
    struct stream *st = office_co_visit(&office);
    co_say(st, SPAN("one\r\ntwo\r\nbare\nfour\r\n"));
    co_expect(st, "<one>");
    co_expect(st, "<two>");
    co_expect(st, "<syntax>");
    co_expect(st, "<four>");
    for (int i = 0; i < 20000; i++)
        co_say(st, SPAN("x"));
    co_say(st, SPAN("\r\nafter\r\nQUIT\r\n"));
    co_expect(st, "<too long>");
    co_expect(st, "<after>");
    struct span rest;
    assert_int_equal(stream_co_peek(st, 1, &rest), ERR_CLOSED);
    stream_co_close(st);
    office_co_close(&office);
    return 0;
}

static void test_lines_and_their_limits(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", lines_co_main, NULL), 0);
}

static int tls_co_main(void *arg)
{
    (void)arg;
    AUTO_BUFFER chain = BUFFER(10000), key = BUFFER(10000);
    char reason[100];
    struct tls_context *server, *client;
    assert_int_equal(tls_self_signed("mail.example.test", NULL, &chain, &key), 0);
    assert_int_equal(
        tls_server_context(buffer_span(&chain), buffer_span(&key), reason, sizeof reason, &server),
        0);
    assert_int_equal(tls_client_context(false, NULL, &client), 0);
    struct office office;
    office_open(&office, echo_co_serve, server);
    struct stream *st = office_co_visit(&office);
    co_say(st, SPAN("secret\r\n"));
    co_expect(st, "go");
    assert_int_equal(stream_co_start_tls_client(st, client, "mail.example.test"), 0);
    assert_string_equal(stream_tls_version(st), "TLSv1.3");
    for (int i = 0; i < 1000; i++)
        co_say(st, SPAN("hello under the seal of the king, whoever he may be\r\n"));
    for (int i = 0; i < 1000; i++)
        co_expect(st, "<hello under the seal of the king, whoever he may be>");
    co_say(st, SPAN("QUIT\r\n"));
    struct span rest;
    assert_int_equal(stream_co_peek(st, 1, &rest), ERR_CLOSED);
    stream_co_close(st);
    office_co_close(&office);
    tls_context_release(server);
    tls_context_release(client);
    return 0;
}

static void test_tls_both_ways(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", tls_co_main, NULL), 0);
}

/* Compressed both ways: lines that repeat, noise, a client that waits in between. */
static void co_talk_deflated(struct stream *st)
{
    co_say(st, SPAN("deflate\r\n"));
    co_expect(st, "go");
    assert_int_equal(stream_co_start_deflate(st), 0);
    assert_true(stream_is_deflated(st));
    for (int i = 0; i < 3000; i++)
        co_say(st, SPAN("hello under the seal of the king, whoever he may be\r\n"));
    for (int i = 0; i < 3000; i++)
        co_expect(st, "<hello under the seal of the king, whoever he may be>");
    for (int i = 0; i < 50; i++) {
        char line[50], answer[50];
        snprintf(line, sizeof line, "line %d\r\n", i * 7919);
        snprintf(answer, sizeof answer, "<line %d>", i * 7919);
        co_say(st, span_of(line));
        assert_int_equal(stream_co_end_reply(st), 0);
        co_expect(st, answer);
        assert_false(stream_has_input(st));
        assert_int_equal(stream_co_await_input(st, 1), 0);
    }
    for (int i = 0; i < 20000; i++)
        co_say(st, SPAN("x"));
    co_say(st, SPAN("\r\nQUIT\r\n"));
    co_expect(st, "<too long>");
    struct span rest;
    assert_int_equal(stream_co_peek(st, 1, &rest), ERR_CLOSED);
    stream_co_close(st);
}

static int deflate_co_main(void *arg)
{
    (void)arg;
    AUTO_BUFFER chain = BUFFER(10000), key = BUFFER(10000);
    char reason[100];
    struct tls_context *server, *client;
    assert_int_equal(tls_self_signed("mail.example.test", NULL, &chain, &key), 0);
    assert_int_equal(
        tls_server_context(buffer_span(&chain), buffer_span(&key), reason, sizeof reason, &server),
        0);
    assert_int_equal(tls_client_context(false, NULL, &client), 0);
    struct office office;
    office_open(&office, echo_co_serve, server);
    co_talk_deflated(office_co_visit(&office));
    struct stream *st = office_co_visit(&office);
    co_say(st, SPAN("secret\r\n"));
    co_expect(st, "go");
    assert_int_equal(stream_co_start_tls_client(st, client, "mail.example.test"), 0);
    co_talk_deflated(st);
    st = office_co_visit(&office);
    co_say(st, SPAN("deflate\r\n"));
    co_expect(st, "go");
    co_say(st, SPAN("in the clear\r\n"));
    struct span rest;
    assert_int_equal(stream_co_peek(st, 1, &rest), ERR_CLOSED);
    stream_co_close(st);
    office_co_close(&office);
    tls_context_release(server);
    tls_context_release(client);
    return 0;
}

static void test_deflate_both_ways(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", deflate_co_main, NULL), 0);
}

/* Says more than the sockets hold, to somebody who does not listen; arg is told how it ended. */
static int talker_co_serve(struct stream *st, void *arg)
{
    int rc = 0;
    stream_set_timeout(st, 200);
    for (int i = 0; rc == 0 && i < 1000 * 1000; i++)
        rc = stream_co_write(st,
                             SPAN("a hundred bytes, or nearly as many, that nobody wants to\r\n"));
    *(int *)arg = rc;
    return rc;
}

static int deaf_co_main(void *arg)
{
    (void)arg;
    struct office office;
    int ended = 0;
    office_open(&office, talker_co_serve, &ended);
    struct stream *st = office_co_visit(&office);
    office_co_close(&office);
    assert_int_equal(ended, -ETIMEDOUT);
    stream_co_close(st);
    return 0;
}

static void test_who_does_not_read_is_given_up(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", deaf_co_main, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_and_their_limits),
        cmocka_unit_test(test_tls_both_ways),
        cmocka_unit_test(test_deflate_both_ways),
        cmocka_unit_test(test_who_does_not_read_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
