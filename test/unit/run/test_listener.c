/* Listeners: many visitors, too many, draining. */
#include "suite.h"

#include "run/crowd.h"
#include "run/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct door {
    struct listener *listener;
    struct sockaddr_in address;
    struct scope scope;
};

static void door_open(struct door *door, int (*co_serve)(struct stream *, void *), void *arg,
                      struct crowd *crowd)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof door->address;
    struct listener_settings settings = {.name = "serve",
                                         .co_serve = co_serve,
                                         .arg = arg,
                                         .refusal = SPAN("421 full\r\n"),
                                         .crowd = crowd};
    int fd;
    assert_int_equal(listener_bind((struct sockaddr *)&any, 1, &fd), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&door->address, &len), 0);
    scope_open(&door->scope, scope_current(), CO_FOREVER);
    assert_int_equal(listener_open(&door->scope, fd, &settings, &door->listener), 0);
}

static int greeter_co_serve(struct stream *st, void *arg)
{
    struct span line;
    unsigned *served = arg;
    int rc = stream_co_write(st, SPAN("220 hello\r\n"));
    stream_set_idle(st, true);
    if (rc == 0)
        rc = stream_co_read_line(st, 100, &line);
    stream_set_idle(st, false);
    if (rc == -ECANCELED)
        stream_farewell(st, SPAN("421 closing\r\n"));
    *served += rc == 0;
    return rc == ERR_CLOSED || rc == -ECANCELED ? 0 : rc;
}

static void co_expect(struct stream *st, const char *line)
{
    struct span got;
    assert_int_equal(stream_co_read_line(st, 1000, &got), 0);
    assert_int_equal(got.len, strlen(line));
    assert_memory_equal(got.at, line, got.len);
}

struct visit {
    struct door *door;
    const char *word;
};

static int visitor_co_main(void *arg)
{
    struct visit *visit = arg;
    struct stream *st;
    int rc = stream_co_connect((struct sockaddr *)&visit->door->address, 10000, &st);
    if (rc < 0)
        return rc;
    co_expect(st, "220 hello");
    rc = stream_co_write(st, SPAN("bye\r\n"));
    if (rc == 0)
        rc = stream_co_flush(st);
    stream_co_close(st);
    return rc;
}

enum { VISITORS = 300 };

static int many_co_main(void *arg)
{
    struct door door;
    struct scope scope;
    unsigned served = 0;
    struct visit visit = {.door = &door};
    (void)arg;
    door_open(&door, greeter_co_serve, &served, NULL);
    scope_open(&scope, scope_current(), CO_FOREVER);
    for (int i = 0; i < VISITORS; i++)
        assert_int_equal(co_spawn(&scope, "visitor", visitor_co_main, &visit), 0);
    assert_int_equal(scope_co_wait(&scope), 0);
    listener_co_close(door.listener);
    assert_int_equal(scope_co_wait(&door.scope), 0);
    assert_int_equal(served, VISITORS);
    return 0;
}

static void test_many_visitors(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", many_co_main, NULL), 0);
}

static int full_co_main(void *arg)
{
    struct door door;
    struct crowd *crowd;
    struct stream *in[2], *out;
    struct span rest;
    unsigned served = 0;
    (void)arg;
    assert_int_equal(crowd_create(2, 100, &crowd), 0);
    door_open(&door, greeter_co_serve, &served, crowd);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(stream_co_connect((struct sockaddr *)&door.address, 10000, &in[i]), 0);
        co_expect(in[i], "220 hello");
    }
    assert_int_equal(stream_co_connect((struct sockaddr *)&door.address, 10000, &out), 0);
    co_expect(out, "421 full");
    assert_int_equal(stream_co_peek(out, 1, &rest), ERR_CLOSED);
    stream_co_close(out);
    stream_co_close(in[0]);
    while (crowd_size(crowd) > 1)
        assert_int_equal(co_sleep(1), 0);
    assert_int_equal(stream_co_connect((struct sockaddr *)&door.address, 10000, &out), 0);
    co_expect(out, "220 hello"); /* who left made room */
    stream_co_close(out);
    stream_co_close(in[1]);
    listener_co_close(door.listener);
    assert_int_equal(scope_co_wait(&door.scope), 0);
    assert_int_equal(crowd_size(crowd), 0);
    crowd_free(crowd);
    return 0;
}

static void test_too_many_are_refused_cleanly(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", full_co_main, NULL), 0);
}

static int drain_co_main(void *arg)
{
    struct door door;
    struct stream *st;
    unsigned served = 0;
    (void)arg;
    door_open(&door, greeter_co_serve, &served, NULL);
    assert_int_equal(stream_co_connect((struct sockaddr *)&door.address, 10000, &st), 0);
    co_expect(st, "220 hello");
    listener_drain(door.listener);
    co_expect(st, "421 closing");
    listener_co_close(door.listener);
    assert_int_equal(scope_co_wait(&door.scope), 0);
    stream_co_close(st);
    assert_int_equal(stream_co_connect((struct sockaddr *)&door.address, 1000, &st), -ECONNREFUSED);
    return 0;
}

static void test_draining_ends_idle_sessions(void **state)
{
    (void)state;
    assert_int_equal(loop_run_main("main", drain_co_main, NULL), 0);
}

/* A second process on the same port learns that it is taken. */
static void test_an_occupied_port(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof any;
    int first, second, many[3];
    (void)state;
    assert_int_equal(listener_bind((struct sockaddr *)&any, 1, &first), 0);
    assert_int_equal(getsockname(first, (struct sockaddr *)&any, &len), 0);
    assert_int_equal(listen(first, 1), 0);
    assert_int_equal(listener_bind((struct sockaddr *)&any, 1, &second), -EADDRINUSE);
    assert_int_equal(listener_bind((struct sockaddr *)&any, 3, many), -EADDRINUSE);
    close(first);
    assert_int_equal(listener_bind((struct sockaddr *)&any, 3, many), 0);
    for (int i = 0; i < 3; i++)
        close(many[i]);
}

int listener_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_visitors),
        cmocka_unit_test(test_too_many_are_refused_cleanly),
        cmocka_unit_test(test_draining_ends_idle_sessions),
        cmocka_unit_test(test_an_occupied_port),
    };
    return cmocka_run_group_tests_name("listeners", tests, NULL, NULL);
}
