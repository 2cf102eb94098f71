/*
 * The floor under every SMTP server: what durable acceptance costs when nothing else is done.
 *
 *   floor PORT [FILE]
 *
 * Reads the dialogue with no parsing to speak of, appends the letters of all connections that are
 * ready to FILE, syncs once for the group, and only then replies to its members. Without FILE the
 * letters are forgotten: the dialogue alone. One thread, epoll. ./do bench measures the server
 * against it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BACKLOG    4096
#define INPUT_MAX  (64 * 1024)
#define EVENTS_MAX 1024

struct client {
    int fd;
    bool in_data, waits, ends;
    size_t len;
    char input[INPUT_MAX];
    struct client *next; /* in the group */
};

static int poller, file = -1; /* -1: letters are forgotten */
static struct client *group;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void say(struct client *c, const char *reply)
{
    if (write(c->fd, reply, strlen(reply)) < 0)
        c->ends = true;
}

static void consume(struct client *c, size_t count)
{
    memmove(c->input, c->input + count, c->len - count);
    c->len -= count;
}

/* The body is complete: it joins the group. */
static void take_body(struct client *c)
{
    char *end = c->len >= 3 && memcmp(c->input, ".\r\n", 3) == 0
                    ? c->input
                    : memmem(c->input, c->len, "\r\n.\r\n", 5);
    if (!end)
        return;
    size_t body = (size_t)(end - c->input) + (*end == '.' ? 0 : 2);
    if (file >= 0 && write(file, c->input, body) != (ssize_t)body)
        die("write");
    consume(c, body + 3);
    c->in_data = false;
    c->waits = true;
    c->next = group;
    group = c;
}

static void take_line(struct client *c, size_t len)
{
    switch (c->input[0] & ~0x20) {
    case 'Q':
        say(c, "221 Bye\r\n");
        c->ends = true;
        break;
    case 'D':
        c->in_data = true;
        say(c, "354 Go\r\n");
        break;
    default:
        say(c, "250 Ok\r\n");
    }
    consume(c, len);
}

static void end(struct client *c)
{
    close(c->fd);
    free(c);
}

static void take_input(struct client *c)
{
    ssize_t got = read(c->fd, c->input + c->len, INPUT_MAX - c->len);
    if (got <= 0) {
        if (!c->waits)
            end(c);
        return;
    }
    c->len += (size_t)got;
    while (!c->waits && !c->ends && c->len) {
        char *lf = c->in_data ? NULL : memchr(c->input, '\n', c->len);
        size_t before = c->len;
        if (c->in_data)
            take_body(c);
        else if (lf)
            take_line(c, (size_t)(lf - c->input) + 1);
        if (c->len == before)
            break;
    }
    if (c->ends)
        end(c);
}

/* Durable, all of them, with one sync; then they are told. */
static void end_group(void)
{
    if (!group)
        return;
    if (file >= 0 && fdatasync(file) < 0)
        die("fdatasync");
    while (group) {
        struct client *c = group;
        group = c->next;
        c->waits = false;
        say(c, "250 Ok stored\r\n");
    }
}

static void take_connections(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct client *c = calloc(1, sizeof *c);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        say(c, "220 floor\r\n");
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
            die("epoll_ctl");
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    static struct epoll_event events[EVENTS_MAX];
    struct epoll_event own = {.events = EPOLLIN};
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: floor PORT [FILE]\n");
        return 2;
    }
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (argc == 3 && (file = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0)
        die("floor");
    poller = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, BACKLOG) < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &own) < 0)
        die("floor");
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                take_input(events[i].data.ptr);
            else
                take_connections(listener);
        }
        end_group();
    }
}
