/*
 * The floor under sending: what a letter costs on its way out when nothing else is done.
 *
 *   floor_out PORT CONNECTIONS LETTERS BYTES
 *
 * Sends LETTERS letters over CONNECTIONS kept connections to the SMTP server at PORT on loopback:
 * MAIL, RCPT and DATA in one write, the body in another. Replies are counted by their lines, not
 * read. One thread, epoll. Prints the milliseconds of CPU a letter took. ./do bench adds it up with
 * the floors of the other parts.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX  256
#define REPLY_BYTES 4096

static const char hello[] = "HELO floor\r\n";
static const char envelope[] = "MAIL FROM:<a@example.test>\r\nRCPT TO:<x@sink.test>\r\nDATA\r\n";

struct connection {
    int fd;
    unsigned awaited; /* reply lines before the next step */
    enum { GREETING, HELLO, ENVELOPE, BODY } step;
};

static char *body;
static size_t body_len;
static int left, open_count;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* A loopback socket takes it all sooner or later; blocking for that is fine. */
static void transmit(const struct connection *c, const char *text, size_t len)
{
    if (send(c->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
        die("send");
}

static void next_letter(struct connection *c)
{
    if (left == 0) {
        close(c->fd);
        open_count--;
        return;
    }
    left--;
    transmit(c, envelope, sizeof envelope - 1);
    c->step = ENVELOPE;
    c->awaited = 3;
}

static void take_replies(struct connection *c)
{
    static char replies[REPLY_BYTES];
    ssize_t got = recv(c->fd, replies, sizeof replies, MSG_DONTWAIT);
    if (got <= 0)
        die("recv");
    for (ssize_t i = 0; i < got; i++)
        c->awaited -= replies[i] == '\n';
    if (c->awaited)
        return;
    if (c->step == GREETING) {
        transmit(c, hello, sizeof hello - 1);
        c->step = HELLO;
        c->awaited = 1;
    } else if (c->step == ENVELOPE) {
        transmit(c, body, body_len);
        c->step = BODY;
        c->awaited = 1;
    } else {
        next_letter(c);
    }
}

static void open_connection(int poller, struct connection *c, in_port_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    c->awaited = 1;
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll_ctl");
}

static void make_body(size_t bytes)
{
    body_len = bytes + 5;
    body = calloc(1, body_len + 1);
    if (!body)
        die("memory");
    for (size_t i = 0; i < bytes; i++)
        body[i] = i % 80 == 78 ? '\r' : i % 80 == 79 ? '\n' : 'x';
    memcpy(body + bytes, "\r\n.\r\n", 5);
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS_MAX];
    struct rusage used;
    if (argc != 5) {
        fprintf(stderr, "usage: floor_out PORT CONNECTIONS LETTERS BYTES\n");
        return 2;
    }
    int count = atoi(argv[2]), letters = atoi(argv[3]), poller = epoll_create1(0);
    struct connection *all = calloc((size_t)count, sizeof *all);
    if (!all || poller < 0 || letters <= 0)
        die("floor_out");
    make_body((size_t)atoi(argv[4]));
    left = letters;
    open_count = count;
    for (int i = 0; i < count; i++)
        open_connection(poller, &all[i], htons((in_port_t)atoi(argv[1])));
    while (open_count > 0) {
        int ready = epoll_wait(poller, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++)
            take_replies(events[i].data.ptr);
    }
    getrusage(RUSAGE_SELF, &used);
    printf("%.4f\n", ((double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
                      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3) /
                         letters);
    return 0;
}
