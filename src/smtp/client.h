/*
 * The SMTP client: one connection to a server, as the sender's side of RFC 5321 sees it.
 *
 * Replies are bounded; each step has the time that RFC 5321 4.5.3.2 gives it. Functions return 0,
 * SMTP_REFUSED (the server's words are in `response`), or the stream's error; after an error of the
 * stream only closing is left.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include "base/buffer.h"
#include "run/stream.h"
#include "smtp/response.h"

enum { SMTP_REFUSED = -3201 };

struct smtp_client {
    struct stream *st;
    const char *hostname;          /* ours, for EHLO */
    struct smtp_response response; /* the last complete one */
    const char *step;              /* what we were at, for people: "greeting", "MAIL", … */
    bool pipelining, eight_bit, starttls, auth_plain, auth_login;
    uint64_t size_max;        /* SIZE; 0: unsaid */
    unsigned timeout_divisor; /* tests: each step's time is so much shorter; 0: as the RFC says */
};

/* Waits for the greeting and says EHLO, or HELO where that is not understood. The stream stays the
 * caller's. Yields. */
must_check int smtp_client_co_open(struct smtp_client *c, struct stream *st, const char *hostname);
/* STARTTLS, handshake, EHLO. Yields. */
must_check int smtp_client_co_start_tls(struct smtp_client *c, struct tls_context *context,
                                        const char *server_name);

/* AUTH PLAIN, or LOGIN (RFC 4954), under TLS only. ERR_ABSENT: neither is offered, or there is no
 * TLS. Yields. */
must_check int smtp_client_co_auth(struct smtp_client *c, struct span username,
                                   struct span password);

struct smtp_outgoing {
    struct span reverse_path; /* local@domain, unquoted; empty for the null path */
    const struct span *forward_paths;
    size_t count; /* of recipients, at least 1 */
    uint64_t octets;
    bool eight_bit;
    /* Gives the next piece of the letter, CRLF line ends only; empty at its end. Yields. */
    int (*co_read)(void *arg, struct buffer *out);
    void *arg;
};
/* One transaction. verdicts[i] becomes the reply that decides about recipient i (code 0: there was
 * none, try again). 0 also when all were refused: the connection may be used on. Yields. */
must_check int smtp_client_co_send(struct smtp_client *c, const struct smtp_outgoing *letter,
                                   struct smtp_response *verdicts);
/* Says QUIT and does not wait long for the answer. Yields. */
void smtp_client_co_quit(struct smtp_client *c);

/* "<local@domain>" with the quotes that local needs; ERR_SYNTAX: bytes no path can hold. Pure. */
must_check int smtp_write_path(struct buffer *out, struct span path);

#endif
