/*
 * Connections of boxload.c to a server on 127.0.0.1, and whole replies of its protocol.
 *
 * Blocking sockets. What goes wrong is told in one line and ends the program with status 1.
 */
#ifndef BENCH_BOXWIRE_H
#define BENCH_BOXWIRE_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#define REPLY_ROOM (256 * 1024) /* what is read at once */
#define TAIL_MAX   1000         /* the line that ends a reply is within */
#define TAG        "boxload."   /* of every IMAP command */
#define TAG_LEN    (sizeof TAG - 1)

enum protocol { IMAP, POP3, LMTP };

/* Where all connections lead; set before the first. */
struct wire {
    enum protocol protocol;
    in_port_t port;   /* in network order */
    SSL_CTX *context; /* NULL: in the clear */
};
extern struct wire wire;

struct connection {
    int fd;
    SSL *ssl;           /* NULL in the clear */
    char *room, *first; /* REPLY_ROOM bytes; the beginning of the last reply, with a NUL */
    size_t first_len;
    char tail[TAIL_MAX + 1]; /* its end, likewise */
    size_t tail_len;
    unsigned long long bytes; /* of it */
};

_Noreturn void die(const char *what, const char *got);
void *room_of(size_t size);

/* way: clear or tls. */
void wire_set(const char *protocol, const char *port, const char *way);
void make_room(struct connection *c);
/* Connects, with a TLS handshake where asked for, and hears the greeting. */
void open_connection(struct connection *c);
void close_connection(struct connection *c);

void transmit(struct connection *c, const char *at, size_t len);
void say(struct connection *c, const char *text);
/* A whole reply. many: it may have more lines than one, up to the tagged one or the dot; replies of
 * LMTP say so themselves. */
void listen_to(struct connection *c, bool many);
/* And what its last line, or that of POP3 its first, begins with. */
void expect(struct connection *c, bool many, const char *ok);
void ask(struct connection *c, const char *text, bool many, const char *ok);

#endif
