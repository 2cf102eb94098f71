/*
 * What stream.c (bytes), stream_tls.c (records) and listener.c share; nobody else includes it.
 *
 * Input comes in blocks of 16 KiB, borrowed from the loop thread's pool when bytes arrive and given
 * back when the session waits with nothing unread. `raw` is what the socket gave; under TLS `plain`
 * is what it decrypts to. The session's spans point into the block it reads from; blocks are moved
 * or given back only inside the next read call, never by a callback.
 */
#ifndef RUN_STREAM_INTERNAL_H
#define RUN_STREAM_INTERNAL_H

#include "base/buffer.h"
#include "run/block.h"
#include "run/loop.h"
#include "run/stream.h"

#include <netinet/in.h>
#include <openssl/ssl.h>

/* Output that makes stream_co_write flush. */
#define OUT_FLUSH ((size_t)64 * 1024)

union stream_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct stream {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe; /* of a unix socket */
    } io;
    struct co *sleeper; /* the session, while it waits for this stream */
    struct block *raw, *plain;
    struct buffer out, records; /* gathered output; under TLS what it encrypts to */
    SSL *ssl;
    int64_t timeout_ms, deadline_ms;
    int error; /* sticky */
    bool eof, reading, closing, closed;
    bool idle, draining, linger, refuse_long_lines, interrupted;
    struct stream *next, *previous; /* of one listener */
    union stream_address peer, own;
    char peer_text[INET6_ADDRSTRLEN];
    bool local; /* on a unix socket */
};

struct stream *stream_create(struct loop *loop, bool local);
/* After connect or accept: addresses, TCP_NODELAY. */
void stream_ready(struct stream *st);
/* Closes a stream that no coroutine owns; frees it from the close callback. */
void stream_drop(struct stream *st);

/* Waits until raw holds more than it does, or a sticky error. */
must_check int stream_co_fill_raw(struct stream *st);
/* Writes all bytes to the socket. */
must_check int stream_co_send(struct stream *st, struct span bytes);

/* stream_tls.c */
must_check int stream_tls_co_fill(struct stream *st); /* plain gets more */
must_check int stream_tls_co_flush(struct stream *st);
bool stream_tls_has_input(struct stream *st);
void stream_tls_goodbye(struct stream *st); /* close_notify into records, no I/O */
void stream_tls_free(struct stream *st);

#endif
