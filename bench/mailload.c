/*
 * A load generator for what smtp-source does not do.
 *
 *   mailload starttls PORT SESSIONS LETTERS BYTES SENDER RECIPIENT
 *       one letter per connection, each with its own TLS handshake: what mail between servers
 *       looks like (MAIL, RCPT and DATA in one write where that is offered, as MTAs do);
 *       prints the seconds it took
 *   mailload keep PORT SESSIONS LETTERS BYTES SENDER RECIPIENT clear|tls [USER PASSWORD]
 *       the same over kept connections, as applications send; tls is STARTTLS, then AUTH PLAIN
 *   mailload idle PORT CONNECTIONS [tls]
 *       opens connections, says EHLO (tls: STARTTLS, EHLO), prints "open", and holds them until its
 *       standard input ends
 *
 * Blocking sockets, a thread a session, to 127.0.0.1. Any unexpected reply ends it with status 1.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MAX      1500
#define GREETING_S     5
#define GREETING_TRIES 20

struct connection {
    int fd;
    SSL *ssl;       /* NULL in the clear */
    bool pipelines; /* the server takes commands in advance (RFC 2920) */
};

static SSL_CTX *context;
static in_port_t port;
static atomic_int left;
static char *body, *mail, *rcpt, *envelope, *login;
static bool with_tls;

static void die(const char *what, const char *got)
{
    fprintf(stderr, "mailload: %s: %s\n", what, got);
    exit(1);
}

static int receive(struct connection *c, char *at, int room)
{
    return c->ssl ? SSL_read(c->ssl, at, room) : (int)recv(c->fd, at, (size_t)room, 0);
}

static void transmit(struct connection *c, const char *text)
{
    size_t len = strlen(text);
    long sent = c->ssl ? SSL_write(c->ssl, text, (int)len) : send(c->fd, text, len, MSG_NOSIGNAL);
    if (sent != (long)len)
        die("cannot send", text);
}

/* Replies up to the one that begins with code; those to pipelined commands before it are 250. */
static void expect(struct connection *c, const char *code)
{
    char reply[REPLY_MAX + 1];
    int len = 0;
    for (;;) {
        int got = receive(c, reply + len, REPLY_MAX - len);
        if (got <= 0)
            die("connection lost before", code);
        len += got;
        reply[len] = '\0';
        if (len < 2 || reply[len - 1] != '\n')
            continue;
        char *last = reply; /* of its lines */
        for (char *lf = reply; (lf = strchr(lf, '\n')) && lf[1]; lf++)
            last = lf + 1;
        if (last[3] != ' ')
            continue;
        c->pipelines = c->pipelines || strstr(reply, "PIPELINING");
        if (strncmp(last, code, 3) == 0)
            return;
        if (strncmp(last, "250", 3) != 0)
            die(code, reply);
    }
}

static void say(struct connection *c, const char *line, const char *code)
{
    transmit(c, line);
    expect(c, code);
}

/* It measures servers; looking for their issuers would only cost. */
static int trust_anybody(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 1;
}

/* A listener whose backlog is full may forget a connection that we think is open: who is not
 * greeted tries again, as MTAs do. */
static int connect_greeted(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
    struct timeval patience = {.tv_sec = GREETING_S}, forever = {0};
    int one = 1;
    char first;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < GREETING_TRIES; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
            die("connect", "refused");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (recv(fd, &first, 1, MSG_PEEK) == 1) {
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof forever);
            return fd;
        }
        close(fd);
    }
    die("no greeting", "in many tries");
    return -1;
}

static void open_connection(struct connection *c, bool tls)
{
    c->ssl = NULL;
    c->pipelines = false;
    c->fd = connect_greeted();
    expect(c, "220");
    say(c, "EHLO client.example.net\r\n", "250");
    if (!tls)
        return;
    say(c, "STARTTLS\r\n", "220");
    SSL *ssl = SSL_new(context);
    if (!ssl || SSL_set_fd(ssl, c->fd) != 1 || SSL_connect(ssl) != 1)
        die("TLS", "handshake failed");
    c->ssl = ssl;
    say(c, "EHLO client.example.net\r\n", "250");
}

/* In one write, or line by line where that is not offered. */
static void send_letter(struct connection *c)
{
    if (c->pipelines) {
        say(c, envelope, "354");
    } else {
        say(c, mail, "250");
        say(c, rcpt, "250");
        say(c, "DATA\r\n", "354");
    }
    say(c, body, "250");
}

static void close_connection(struct connection *c)
{
    SSL_free(c->ssl);
    close(c->fd);
}

static void *keep_sending(void *arg)
{
    struct connection c;
    bool open = false;
    while (atomic_fetch_sub(&left, 1) > 0) {
        if (!open)
            open_connection(&c, with_tls);
        if (!open && login)
            say(&c, login, "235");
        open = true;
        send_letter(&c);
    }
    if (open) {
        say(&c, "QUIT\r\n", "221");
        close_connection(&c);
    }
    return arg;
}

static void *send_letters(void *arg)
{
    struct connection c;
    while (atomic_fetch_sub(&left, 1) > 0) {
        open_connection(&c, true);
        send_letter(&c);
        say(&c, "QUIT\r\n", "221");
        close_connection(&c);
    }
    return arg;
}

static char *text(const char *before, const char *middle, const char *after)
{
    size_t size = strlen(before) + strlen(middle) + strlen(after) + 1;
    char *out = malloc(size);
    if (!out)
        die("memory", "none");
    snprintf(out, size, "%s%s%s", before, middle, after);
    return out;
}

/* AUTH PLAIN of user and password, as a line. */
static char *login_line(const char *user, const char *password)
{
    char plain[600], encoded[900] = "AUTH PLAIN ";
    int len = snprintf(plain, sizeof plain, "%c%s%c%s", 0, user, 0, password);
    EVP_EncodeBlock((unsigned char *)encoded + strlen(encoded), (unsigned char *)plain, len);
    return text(encoded, "\r\n", "");
}

static int run_letters(char **argv, void *(*send_some)(void *))
{
    int sessions = atoi(argv[3]), bytes = atoi(argv[5]);
    struct timespec from, to;
    pthread_t *threads = calloc((size_t)sessions, sizeof *threads);
    char *filler = calloc(1, (size_t)bytes + 1);
    if (!threads || !filler)
        die("memory", "none");
    for (int i = 0; i < bytes; i++)
        filler[i] = i % 80 == 78 ? '\r' : i % 80 == 79 ? '\n' : 'x';
    body = text("From: ", argv[6], "\r\nTo: ");
    body = text(body, argv[7], "\r\nSubject: load\r\n\r\n");
    body = text(body, filler, "\r\n.\r\n");
    mail = text("MAIL FROM:<", argv[6], ">\r\n");
    rcpt = text("RCPT TO:<", argv[7], ">\r\n");
    envelope = text(mail, rcpt, "DATA\r\n");
    atomic_store(&left, atoi(argv[4]));
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < sessions; i++)
        if (pthread_create(&threads[i], NULL, send_some, NULL) != 0)
            die("thread", "none");
    for (int i = 0; i < sessions; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.3f\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    return 0;
}

static int run_idle(int count, bool tls)
{
    struct connection *all = calloc((size_t)count, sizeof *all);
    struct rlimit limit;
    if (!all || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("memory", "none");
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < count; i++)
        open_connection(&all[i], tls);
    printf("open\n");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    for (int i = 0; i < count; i++)
        close_connection(&all[i]);
    return 0;
}

int main(int argc, char **argv)
{
    bool load = argc == 8 && strcmp(argv[1], "starttls") == 0;
    bool keep = (argc == 9 || argc == 11) && strcmp(argv[1], "keep") == 0;
    bool idle = (argc == 4 || argc == 5) && strcmp(argv[1], "idle") == 0;
    if (!load && !keep && !idle) {
        fprintf(stderr, "usage: mailload starttls PORT SESSIONS LETTERS BYTES SENDER RECIPIENT\n"
                        "       mailload keep PORT SESSIONS LETTERS BYTES SENDER RECIPIENT"
                        " clear|tls [USER PASSWORD]\n"
                        "       mailload idle PORT CONNECTIONS [tls]\n");
        return 2;
    }
    port = htons((uint16_t)atoi(argv[2]));
    context = SSL_CTX_new(TLS_client_method());
    if (!context)
        die("TLS", "no context");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_verify_callback(context, trust_anybody, NULL);
    with_tls = keep && strcmp(argv[8], "tls") == 0;
    login = keep && argc == 11 ? login_line(argv[9], argv[10]) : NULL;
    if (load || keep)
        return run_letters(argv, keep ? keep_sending : send_letters);
    return run_idle(atoi(argv[3]), argc == 5);
}
