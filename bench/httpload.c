/*
 * A load generator for the doors that speak HTTP: POSTs prepared bodies over kept connections.
 *
 *   httpload PORT CONNECTIONS REQUESTS PATH SECRET clear|tls FILE...
 *       each request holds one of the files, in turn, as application/json, with the bearer SECRET;
 *       prints the seconds it took
 *
 * Blocking sockets, a thread a connection, to 127.0.0.1. Any answer but 202 ends it with status 1.
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
#include <sys/socket.h>
#include <time.h>

#define ANSWER_MAX 1500
#define HEAD_MAX   1000

struct connection {
    int fd;
    SSL *ssl; /* NULL in the clear */
};
struct request {
    char *bytes; /* head and body, for one write */
    size_t len;
};

static SSL_CTX *context; /* NULL: in the clear */
static in_port_t port;
static atomic_int left;
static struct request *requests;
static int request_count;

static void die(const char *what, const char *got)
{
    fprintf(stderr, "httpload: %s: %s\n", what, got);
    exit(1);
}

/* --- a connection ---------------------------------------------------------------------------- */

/* It measures servers; looking for their issuers would only cost. */
static int trust_anybody(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 1;
}

static void open_connection(struct connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *c = (struct connection){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect", "refused");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!context)
        return;
    c->ssl = SSL_new(context);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
        die("TLS", "handshake failed");
}

static long transmit_some(struct connection *c, const char *bytes, size_t len)
{
    if (c->ssl)
        return SSL_write(c->ssl, bytes, (int)len);
    return send(c->fd, bytes, len, MSG_NOSIGNAL);
}

static void transmit(struct connection *c, const struct request *request)
{
    for (size_t sent = 0; sent < request->len;) {
        long some = transmit_some(c, request->bytes + sent, request->len - sent);
        if (some <= 0)
            die("connection lost", "while sending");
        sent += (size_t)some;
    }
}

/* How long the answer is: 0 while its head is not there. */
static size_t answer_length(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n"),
               *field = strcasestr(answer, "\r\nContent-Length:");
    if (!end)
        return 0;
    if (!field || field > end)
        die("an answer without Content-Length", answer);
    return (size_t)(end - answer) + 4 + strtoul(field + 17, NULL, 10);
}

static void expect_accepted(struct connection *c)
{
    char answer[ANSWER_MAX + 1];
    size_t len = 0, whole = 0;
    while (whole == 0 || len < whole) {
        int room = (int)(ANSWER_MAX - len);
        long got = c->ssl ? SSL_read(c->ssl, answer + len, room)
                          : recv(c->fd, answer + len, (size_t)room, 0);
        if (got <= 0)
            die("connection lost", "before an answer");
        len += (size_t)got;
        answer[len] = '\0';
        whole = answer_length(answer);
    }
    if (strncmp(answer, "HTTP/1.1 202 ", 13) != 0)
        die("not accepted", answer);
}

static void *keep_posting(void *arg)
{
    struct connection c;
    bool open = false;
    int number;
    while ((number = atomic_fetch_sub(&left, 1)) > 0) {
        if (!open)
            open_connection(&c);
        open = true;
        transmit(&c, &requests[number % request_count]);
        expect_accepted(&c);
    }
    if (!open)
        return arg;
    SSL_free(c.ssl);
    shutdown(c.fd, SHUT_RDWR);
    return arg;
}

/* --- requests -------------------------------------------------------------------------------- */

static void read_request(const char *name, const char *path, const char *secret,
                         struct request *request)
{
    FILE *file = fopen(name, "rb");
    if (!file || fseek(file, 0, SEEK_END) < 0)
        die("cannot read", name);
    long size = ftell(file);
    rewind(file);
    request->bytes = malloc(HEAD_MAX + (size_t)size);
    if (!request->bytes)
        die("memory", "none");
    int head = snprintf(request->bytes, HEAD_MAX,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %ld\r\n\r\n",
                        path, secret, size);
    if (head < 0 || head >= HEAD_MAX)
        die("too long", path);
    if (fread(request->bytes + head, 1, (size_t)size, file) != (size_t)size)
        die("cannot read", name);
    request->len = (size_t)head + (size_t)size;
    fclose(file);
}

static void make_context(void)
{
    context = SSL_CTX_new(TLS_client_method());
    if (!context)
        die("TLS", "no context");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_verify_callback(context, trust_anybody, NULL);
}

static void post_all(int connections)
{
    pthread_t *threads = calloc((size_t)connections, sizeof *threads);
    if (!threads)
        die("memory", "none");
    for (int i = 0; i < connections; i++)
        if (pthread_create(&threads[i], NULL, keep_posting, NULL) != 0)
            die("thread", "none");
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

int main(int argc, char **argv)
{
    struct timespec from, to;
    if (argc < 8) {
        fprintf(stderr,
                "usage: httpload PORT CONNECTIONS REQUESTS PATH SECRET clear|tls FILE...\n");
        return 2;
    }
    port = htons((uint16_t)atoi(argv[1]));
    atomic_store(&left, atoi(argv[3]));
    if (strcmp(argv[6], "tls") == 0)
        make_context();
    request_count = argc - 7;
    requests = calloc((size_t)request_count, sizeof *requests);
    if (!requests)
        die("memory", "none");
    for (int i = 0; i < request_count; i++)
        read_request(argv[7 + i], argv[4], argv[5], &requests[i]);
    clock_gettime(CLOCK_MONOTONIC, &from);
    post_all(atoi(argv[2]));
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.3f\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    return 0;
}
