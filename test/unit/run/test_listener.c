/* Listeners: many visitors, too many, draining. */
#include "suite.h"

#include "run/crowd.h"
#include "run/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
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

/* --- unix sockets ---------------------------------------------------------------------------- */

struct corner {
    char folder[100], path[300];
    struct listener_file file;
    struct listener *listener;
    struct scope scope;
    unsigned served;
};

static int local_co_serve(struct stream *st, void *arg)
{
    assert_true(stream_is_local(st) && stream_peer_is_loopback(st));
    assert_string_equal(stream_peer_text(st), "local");
    assert_int_equal(stream_peer(st)->sa_family, AF_UNIX);
    return greeter_co_serve(st, arg);
}

static int connect_local(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int corner_co_main(void *arg)
{
    struct corner *c = arg;
    struct listener_settings settings = {
        .name = "serve", .co_serve = local_co_serve, .arg = &c->served};
    char greeting[12] = "";
    int fds[2], other;
    assert_int_equal(listener_bind_local(c->path, 0620, 2, fds, &c->file), 0);
    close(fds[1]);
    scope_open(&c->scope, scope_current(), CO_FOREVER);
    assert_int_equal(listener_open(&c->scope, fds[0], &settings, &c->listener), 0);
    /* it is taken, and stays */
    static struct listener_file second;
    assert_int_equal(listener_bind_local(c->path, 0600, 1, &other, &second), -EADDRINUSE);
    int client = connect_local(c->path);
    while (recv(client, greeting, 11, MSG_DONTWAIT) < 0)
        assert_int_equal(co_sleep(1), 0);
    assert_string_equal(greeting, "220 hello\r\n");
    assert_int_equal(send(client, "bye\r\n", 5, 0), 5);
    while (c->served == 0)
        assert_int_equal(co_sleep(1), 0);
    close(client);
    listener_co_close(c->listener);
    return scope_co_wait(&c->scope);
}

static void test_unix_sockets(void **state)
{
    static struct corner c = {.folder = "/tmp/postamt-listener-XXXXXX"};
    static struct listener_file later;
    struct stat info;
    int fd;
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* as the server does: who only asks whether it lives goes at once */
    assert_non_null(mkdtemp(c.folder));
    snprintf(c.path, sizeof c.path, "%s/socket", c.folder);
    assert_int_equal(loop_run_main("main", corner_co_main, &c), 0);
    assert_int_equal(stat(c.path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0620);
    /* nobody listens any more, as after a kill: it gives way, and the old one's end spares it */
    assert_int_equal(listener_bind_local(c.path, 0660, 1, &fd, &later), 0);
    listener_unlink(&c.file);
    assert_int_equal(stat(c.path, &info), 0);
    close(fd);
    listener_unlink(&later);
    assert_int_equal(stat(c.path, &info), -1);
    /* what is no socket stays */
    assert_int_equal(mkdir(c.path, 0700), 0);
    assert_int_equal(listener_bind_local(c.path, 0660, 1, &fd, &later), -EEXIST);
    assert_int_equal(rmdir(c.path), 0);
    assert_int_equal(rmdir(c.folder), 0);
}

static void test_a_path_longer_than_a_socket_address(void **state)
{
    static struct corner c = {.folder = "/tmp/postamt-listener-XXXXXX"};
    char folder[260];
    int fd;
    (void)state;
    assert_non_null(mkdtemp(c.folder));
    snprintf(folder, sizeof folder, "%s/%0120d", c.folder, 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(c.path, sizeof c.path, "%s/socket", folder);
    for (int i = 0; i < 2; i++) { /* the second time it stands there already */
        assert_int_equal(listener_bind_local(c.path, 0660, 1, &fd, &c.file), 0);
        close(fd);
    }
    listener_unlink(&c.file);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rmdir(c.folder), 0);
    snprintf(c.path, sizeof c.path, "/tmp/%0200d", 0);
    assert_int_equal(listener_bind_local(c.path, 0660, 1, &fd, &c.file), -ENAMETOOLONG);
}

int listener_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_visitors),
        cmocka_unit_test(test_too_many_are_refused_cleanly),
        cmocka_unit_test(test_draining_ends_idle_sessions),
        cmocka_unit_test(test_an_occupied_port),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_a_path_longer_than_a_socket_address),
    };
    return cmocka_run_group_tests_name("listeners", tests, NULL, NULL);
}
