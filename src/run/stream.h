/*
 * A stream: one connection by TCP or a unix socket, in the clear or under TLS, perhaps compressed,
 * as a session reads and writes it.
 *
 * Output is gathered and leaves in one write when the session next waits for input, when 64 KiB
 * have gathered, or at stream_co_flush: so the replies of pipelined commands travel together.
 * Input blocks are borrowed from a pool and go back while the session idles. One coroutine uses a
 * stream at a time. Errors are sticky: ERR_CLOSED (orderly end or reset), -ETIMEDOUT, -ECANCELED,
 * ERR_TLS, ERR_DEFLATE; after one of them only stream_co_close is left.
 */
#ifndef RUN_STREAM_H
#define RUN_STREAM_H

#include "base/span.h"
#include "run/co.h"

#include <sys/socket.h>

struct stream;
struct tls_context;
struct loop;

/* Every wait of this stream ends after so long (default 5 minutes); however long, whoever takes
 * nothing for 5 minutes of what we send is given up. */
void stream_set_timeout(struct stream *st, int64_t timeout_ms);
/* And all waits together end so long from now, until the next call; CO_FOREVER: no such end. Bounds
 * a command or a body that comes a byte at a time. */
void stream_set_deadline(struct stream *st, int64_t from_now_ms);
/* While idle, a session waits for nothing but its next command: listener_drain ends such a wait
 * (-ECANCELED), and lets a session that is busy come to its next idle wait first. */
void stream_set_idle(struct stream *st, bool idle);
/* listener_drain has been called: this should be the session's last exchange. */
bool stream_is_draining(const struct stream *st);
/* The other side is still sending what nobody will read: closing first ends our side and waits for
 * its end a moment, so that a reset does not overtake our last reply. */
void stream_set_linger(struct stream *st, bool linger);

/* The next line without its CRLF; valid until the next read. limit counts the CRLF (RFC 5321
 * 4.5.3.1). -EMSGSIZE: longer than limit, and the line up to its LF has been swallowed.
 * ERR_SYNTAX: it held a bare CR, a bare LF or a NUL (P5), likewise swallowed. */
must_check int stream_co_read_line(struct stream *st, size_t limit, struct span *ret_line);
/* From now on -EMSGSIZE comes at once, the rest of the line is not waited for; then only closing is
 * left. For clients, whom a server could keep with an endless line. */
void stream_refuse_long_lines(struct stream *st);
/* Waits for at least one unread byte and shows all that are here, without taking them; more than
 * the last time when stream_consume was not called and the session asks with need > what it saw.
 * need at most 8,192; 1 is usual. */
must_check int stream_co_peek(struct stream *st, size_t need, struct span *ret_bytes);
void stream_consume(struct stream *st, size_t count);
/* Is there unread input here already (pipelining, early talkers)? Does not wait. */
bool stream_has_input(struct stream *st);
/* Waits until input is there, the other side closes, the time passes, or somebody interrupts: 1,
 * ERR_CLOSED, 0, STREAM_INTERRUPTED. -ETIMEDOUT: the deadline has passed. */
enum { STREAM_INTERRUPTED = 2 };
must_check int stream_co_await_input(struct stream *st, int64_t timeout_ms);
/* Waits for input as long as the deadline lets it. Who rests for a second gives back what memory of
 * its stack it does not use. */
must_check int stream_co_rest(struct stream *st);
/* The session has other news: its wait for input, or the next one, ends. On the stream's loop, also
 * outside a coroutine. */
void stream_interrupt(struct stream *st);

must_check int stream_co_write(struct stream *st, struct span bytes);
must_check int stream_co_flush(struct stream *st);
/* Last words after a read that ended with -ETIMEDOUT or -ECANCELED: what the socket takes at once.
 */
void stream_farewell(struct stream *st, struct span bytes);

/* Handshakes. Unread cleartext input before it is the caller's to refuse (CVE-2011-0411); what is
 * there when it starts is thrown away by the server side's caller, never read as TLS plaintext. */
must_check int stream_co_start_tls_server(struct stream *st, struct tls_context *context);
must_check int stream_co_start_tls_client(struct stream *st, struct tls_context *context,
                                          const char *server_name);
bool stream_is_tls(const struct stream *st);
const char *stream_tls_version(const struct stream *st); /* "TLSv1.3", NULL in the clear */
const char *stream_tls_cipher(const struct stream *st);
/* What both ends of this connection know and nobody between them (RFC 9266, tls-exporter). ERR_TLS
 * in the clear and below TLS 1.3, where two connections may share it. */
#define STREAM_EXPORTER 32
must_check int stream_tls_exporter(const struct stream *st, unsigned char ret[STREAM_EXPORTER]);

/* From here on both sides send DEFLATE (RFC 1951), below TLS if there is TLS. Input that is unread
 * is taken as such: whoever wants none asks before the word that starts it. Each flush is a piece
 * that refers to nothing before it. */
must_check int stream_co_start_deflate(struct stream *st);
bool stream_is_deflated(const struct stream *st);
/* What is written next has nothing to do with what was written before, and is not compressed
 * together with it: what a stranger chose and what is secret must not shorten each other (CRIME).
 */
must_check int stream_co_end_reply(struct stream *st);

/* Opens a connection. 0, -ECONNREFUSED, -ETIMEDOUT, … */
must_check int stream_co_connect(const struct sockaddr *address, int64_t timeout_ms,
                                 struct stream **ret_stream);
/* Flushes for at most a second (TLS: says goodbye), closes, frees. Works in a cancelled scope. */
void stream_co_close(struct stream *st);

const struct sockaddr *stream_peer(const struct stream *st);
const struct sockaddr *stream_local(const struct stream *st);
/* "192.0.2.1" or "2001:db8::1", as the peer's address stands in logs; "local" on a unix socket. */
const char *stream_peer_text(const struct stream *st);
bool stream_peer_is_loopback(const struct stream *st); /* a unix socket's is, too */
bool stream_is_local(const struct stream *st);         /* on a unix socket: family AF_UNIX */
/* May a password travel here: under TLS, or within this machine where that is enough. */
bool stream_is_private(const struct stream *st, bool loopback_is_enough);

/*
 * A listener takes connections on a listening socket for one loop. For each it starts a coroutine
 * that runs serve(stream, arg); the stream is closed when serve returns. When no coroutine can be
 * had, refusal is sent as it is and the connection closed.
 */
struct listener;
struct listener_settings {
    const char *name; /* names its coroutines; a literal */
    int (*co_serve)(struct stream *st, void *arg);
    void *arg;
    struct span refusal; /* e.g. "421 4.3.2 …\r\n" */
    struct crowd *crowd; /* limits on connections, see crowd.h; NULL: none */
};
/* fd: bound, not yet listening (backlog 4,096 is set here); owned by the listener on success. */
must_check int listener_open(struct scope *scope, int fd, const struct listener_settings *settings,
                             struct listener **ret_listener);
/* No new connections; running sessions go on (drain them before). Yields until the handle is
 * closed; the listener must not be used any more. */
void listener_co_close(struct listener *listener);
/* Its sessions end at their next idle wait, or now when they are in one; see stream_set_idle. */
void listener_drain(struct listener *listener);
/* Binds count TCP sockets to one address, one a loop: first without SO_REUSEPORT, to learn that the
 * port is free, then with. 0 or a negative errno. Any thread. */
must_check int listener_bind(const struct sockaddr *address, unsigned count, int *ret_fds);

/* The file of a unix socket. */
struct listener_file {
    char path[1024];
    int held; /* its inode, whose number so is not given to another file; 0: none */
};
/* Binds a unix socket at path, with these permissions from its first moment, and gives count
 * descriptors of it, one a loop. What a dead program left there is taken away first. -EADDRINUSE:
 * somebody listens there; -EEXIST: a file that is no socket stands there. No other thread makes
 * files meanwhile (umask). */
must_check int listener_bind_local(const char *path, unsigned mode, unsigned count, int *ret_fds,
                                   struct listener_file *ret_file);
/* Takes the file away, if it is still the same one. */
void listener_unlink(struct listener_file *file);

#endif
