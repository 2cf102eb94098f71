/* Connections and replies; see boxwire.h. */
#include "boxwire.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define FIRST_MAX (128 * 1024) /* of the beginning that is kept */
#define SILENCE_S 60

struct wire wire;

_Noreturn void die(const char *what, const char *got)
{
    fprintf(stderr, "boxload: %s: %s\n", what, got);
    exit(1);
}

void *room_of(size_t size)
{
    void *room = malloc(size);
    if (!room)
        die("memory", "none");
    return room;
}

/* --- bytes ----------------------------------------------------------------------------------- */

void transmit(struct connection *c, const char *at, size_t len)
{
    while (len) {
        long sent = c->ssl ? SSL_write(c->ssl, at, (int)len) : send(c->fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            die("cannot send", "connection lost");
        at += sent;
        len -= (size_t)sent;
    }
}

void say(struct connection *c, const char *text)
{
    transmit(c, text, strlen(text));
}

/* Does the reply end here? many: it may be of several lines; else of one (LMTP says so itself). */
static bool is_last(const struct connection *c, bool many)
{
    const char *tail = c->tail, *end = tail + c->tail_len, *line = end - 2;
    if (c->tail_len < 3 || end[-1] != '\n')
        return false;
    while (line > tail && line[-1] != '\n')
        line--;
    if (line == tail && c->bytes > c->tail_len)
        return false;
    if (wire.protocol == IMAP)
        return !many || strncmp(line, TAG, TAG_LEN) == 0;
    if (wire.protocol == LMTP)
        return end - line > 3 && line[3] == ' ';
    return many ? strcmp(line, ".\r\n") == 0 || strncmp(c->first, "-ERR", 4) == 0 : true;
}

static void keep(struct connection *c, const char *at, size_t len)
{
    size_t head = FIRST_MAX - c->first_len < len ? FIRST_MAX - c->first_len : len;
    memcpy(c->first + c->first_len, at, head);
    c->first_len += head;
    c->bytes += len;
    if (len >= TAIL_MAX) {
        memcpy(c->tail, at + len - TAIL_MAX, TAIL_MAX);
        c->tail_len = TAIL_MAX;
    } else {
        size_t stay = c->tail_len + len > TAIL_MAX ? TAIL_MAX - len : c->tail_len;
        memmove(c->tail, c->tail + c->tail_len - stay, stay);
        memcpy(c->tail + stay, at, len);
        c->tail_len = stay + len;
    }
    c->tail[c->tail_len] = '\0';
}

void listen_to(struct connection *c, bool many)
{
    c->first_len = c->tail_len = 0;
    c->bytes = 0;
    do {
        long got =
            c->ssl ? SSL_read(c->ssl, c->room, REPLY_ROOM) : recv(c->fd, c->room, REPLY_ROOM, 0);
        if (got <= 0)
            die("connection lost, or silence, after", c->bytes ? c->tail : "nothing");
        keep(c, c->room, (size_t)got);
    } while (!is_last(c, many));
}

void expect(struct connection *c, bool many, const char *ok)
{
    listen_to(c, many);
    const char *line = c->tail + c->tail_len - 2;
    while (line > c->tail && line[-1] != '\n')
        line--;
    if (wire.protocol == POP3)
        line = c->first;
    if (strncmp(line, ok, strlen(ok)) != 0)
        die(ok, line);
}

void ask(struct connection *c, const char *text, bool many, const char *ok)
{
    say(c, text);
    expect(c, many, ok);
}

/* --- connections ----------------------------------------------------------------------------- */

/* It measures servers; looking for their issuers would only cost. */
static int trust_anybody(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 1;
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        die("TLS", "no context");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_verify_callback(context, trust_anybody, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return context;
}

void wire_set(const char *protocol, const char *port, const char *way)
{
    wire.protocol = strcmp(protocol, "imap") == 0   ? IMAP
                    : strcmp(protocol, "pop3") == 0 ? POP3
                                                    : LMTP;
    wire.port = htons((uint16_t)atoi(port));
    wire.context = strcmp(way, "tls") == 0 ? make_context() : NULL;
}

void open_connection(struct connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = wire.port};
    struct timeval patience = {.tv_sec = SILENCE_S};
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->ssl = NULL;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect", "refused");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (wire.context) {
        c->ssl = SSL_new(wire.context);
        if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
            die("TLS", "handshake failed");
    }
    listen_to(c, false);
}

void make_room(struct connection *c)
{
    c->room = room_of(REPLY_ROOM);
    c->first = room_of(FIRST_MAX + 1);
}

void close_connection(struct connection *c)
{
    SSL_free(c->ssl);
    close(c->fd);
}
