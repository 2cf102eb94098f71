/*
 * Streams: bytes in and out of one connection; see stream.h, and stream_tls.c for TLS.
 *
 * libuv reads into the raw block whenever the kernel has bytes, also while the session does
 * something else, until the block is full. Writing tries the socket at once and lets libuv finish
 * what it did not take.
 */
#include "run/stream.h"

#include "base/clock.h"
#include "run/stream_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS (5 * 60 * 1000)
#define FAREWELL_MS        1000
#define REST_MS            1000
#define WRITE_TIMEOUT_MS   (5 * 60 * 1000)

/* --- the socket's callbacks: they only mark and wake ----------------------------------------- */

void block_compact(struct block *block)
{
    if (block->at == 0)
        return;
    memmove(block->bytes, block->bytes + block->at, block->end - block->at);
    block->end -= block->at;
    block->at = 0;
}

static void wake(struct stream *st)
{
    if (st->sleeper)
        co_wake(st->sleeper, 0);
}

static void give_space(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_space)
{
    (void)suggested;
    struct stream *st = handle->data;
    if (!st->raw)
        st->raw = block_take();
    struct block *raw = st->raw;
    *ret_space = raw ? uv_buf_init(raw->bytes + raw->end, (unsigned)(BLOCK_SIZE - raw->end))
                     : uv_buf_init(NULL, 0);
}

static void stop_reading(struct stream *st)
{
    uv_read_stop(&st->io.stream);
    st->reading = false;
}

static void bytes_arrived(uv_stream_t *handle, ssize_t count, const uv_buf_t *space)
{
    (void)space;
    struct stream *st = handle->data;
    if (count > 0) {
        st->raw->end += (uint32_t)count;
        if (st->raw->end == BLOCK_SIZE)
            stop_reading(st);
    } else if (count < 0) {
        st->eof = true;
        stop_reading(st);
    }
    if (count != 0)
        wake(st);
}

static void start_reading(struct stream *st)
{
    if (st->reading || st->eof)
        return;
    if (uv_read_start(&st->io.stream, give_space, bytes_arrived) < 0)
        st->eof = true;
    else
        st->reading = true;
}

/* --- reading --------------------------------------------------------------------------------- */

/* A wait of so long, cut by the stream's deadline. */
static int64_t bounded(const struct stream *st, int64_t timeout_ms)
{
    if (st->deadline_ms == CO_FOREVER)
        return timeout_ms;
    int64_t left = st->deadline_ms - clock_mono_ms();
    return left < timeout_ms ? left : timeout_ms;
}

static int stream_co_sleep(struct stream *st, int64_t timeout_ms)
{
    if (st->idle && st->draining)
        return -ECANCELED;
    st->sleeper = co_current();
    int rc = co_park(bounded(st, timeout_ms));
    st->sleeper = NULL;
    return rc;
}

int stream_co_fill_raw(struct stream *st)
{
    if (st->error)
        return st->error;
    if (st->raw)
        block_compact(st->raw);
    uint32_t had = st->raw ? st->raw->end : 0;
    if (st->raw && had == BLOCK_SIZE)
        return -EMSGSIZE;
    if (st->raw && had == 0)
        block_give(&st->raw);
    while (!st->raw || st->raw->end == had) {
        if (st->eof)
            return st->error = ERR_CLOSED;
        start_reading(st);
        int rc = st->eof ? 0 : stream_co_sleep(st, st->timeout_ms);
        if (rc < 0)
            return st->error = rc;
    }
    return 0;
}

int stream_make_room(struct stream *st, struct block **block)
{
    if (!*block)
        *block = block_take();
    if (!*block)
        return st->error = -ENOMEM;
    block_compact(*block);
    return (*block)->end == BLOCK_SIZE ? -EMSGSIZE : 0;
}

struct block *stream_received(struct stream *st)
{
    return st->ssl ? st->plain : st->raw;
}

int stream_co_receive(struct stream *st)
{
    return st->ssl ? stream_tls_co_fill(st) : stream_co_fill_raw(st);
}

bool stream_has_received(struct stream *st)
{
    struct block *in = stream_received(st);
    return (in && in->end > in->at) || (st->ssl && stream_tls_has_input(st));
}

/* The block the session reads from. */
static struct block *stream_input(struct stream *st)
{
    return st->deflate ? st->deflate->block : stream_received(st);
}

static int stream_co_fill(struct stream *st)
{
    int rc = stream_co_flush(st);
    if (rc < 0)
        return rc;
    return st->deflate ? stream_deflate_co_fill(st) : stream_co_receive(st);
}

int stream_co_peek(struct stream *st, size_t need, struct span *ret_bytes)
{
    assert(need > 0 && need <= BLOCK_SIZE / 2);
    struct block *in = stream_input(st);
    while (!in || in->end - in->at < need) {
        int rc = stream_co_fill(st);
        if (rc < 0)
            return rc;
        in = stream_input(st);
    }
    *ret_bytes = span_make(in->bytes + in->at, in->end - in->at);
    return 0;
}

void stream_consume(struct stream *st, size_t count)
{
    struct block *in = stream_input(st);
    assert(count == 0 || (in && count <= in->end - in->at));
    if (count)
        in->at += (uint32_t)count;
}

/* Takes a line that is too long, through its LF. */
static int stream_co_swallow_line(struct stream *st)
{
    struct span bytes;
    int rc;
    while ((rc = stream_co_peek(st, 1, &bytes)) == 0) {
        ptrdiff_t lf = span_find(bytes, '\n');
        stream_consume(st, lf < 0 ? bytes.len : (size_t)lf + 1);
        if (lf >= 0)
            return -EMSGSIZE;
    }
    return rc;
}

static int line_check(struct span line, size_t limit, struct span *ret_line)
{
    if (line.len > limit)
        return -EMSGSIZE;
    if (line.len < 2 || line.at[line.len - 2] != '\r')
        return ERR_SYNTAX;
    line.len -= 2;
    if (span_find(line, '\r') >= 0 || span_find(line, '\0') >= 0)
        return ERR_SYNTAX;
    *ret_line = line;
    return 0;
}

void stream_refuse_long_lines(struct stream *st)
{
    st->refuse_long_lines = true;
}

int stream_co_read_line(struct stream *st, size_t limit, struct span *ret_line)
{
    struct span bytes;
    size_t seen = 0;
    assert(limit < BLOCK_SIZE / 2);
    for (;;) {
        int rc = stream_co_peek(st, seen + 1, &bytes);
        if (rc < 0)
            return rc;
        ptrdiff_t lf = span_find(span_from(bytes, seen), '\n');
        if (lf >= 0) {
            struct span line = span_first(bytes, seen + (size_t)lf + 1);
            stream_consume(st, line.len);
            return line_check(line, limit, ret_line);
        }
        seen = bytes.len;
        if (seen >= limit)
            return st->refuse_long_lines ? -EMSGSIZE : stream_co_swallow_line(st);
    }
}

bool stream_has_input(struct stream *st)
{
    return st->deflate ? stream_deflate_has_input(st) : stream_has_received(st);
}

/* Whoever waits for long holds no empty blocks. */
static void give_back_empty(struct stream *st)
{
    if (st->raw && st->raw->at == st->raw->end)
        block_give(&st->raw);
    if (st->plain && st->plain->at == st->plain->end)
        block_give(&st->plain);
}

int stream_co_await_input(struct stream *st, int64_t timeout_ms)
{
    int64_t due = clock_mono_ms() + timeout_ms;
    int rc = stream_co_flush(st);
    while (rc == 0 && !stream_has_input(st)) {
        if (st->interrupted) {
            st->interrupted = false;
            return STREAM_INTERRUPTED;
        }
        if (st->eof)
            return st->error = ERR_CLOSED;
        give_back_empty(st);
        start_reading(st);
        rc = st->eof ? 0 : stream_co_sleep(st, due - clock_mono_ms());
    }
    if (rc == -ETIMEDOUT && (stream_has_input(st) || bounded(st, 1) > 0))
        return stream_has_input(st);
    return rc < 0 ? (st->error = rc) : 1;
}

int stream_co_rest(struct stream *st)
{
    struct span bytes;
    int rc = stream_co_await_input(st, REST_MS);
    if (rc == 0 || rc == STREAM_INTERRUPTED) {
        co_trim_stack();
        rc = stream_co_peek(st, 1, &bytes);
    }
    return rc < 0 ? rc : 0;
}

void stream_interrupt(struct stream *st)
{
    st->interrupted = true;
    wake(st);
}

/* --- writing --------------------------------------------------------------------------------- */

struct write_wait {
    uv_write_t request;
    struct co *co;
    bool done;
    int result;
};

static void write_done(uv_write_t *request, int status)
{
    struct write_wait *wait = request->data;
    wait->done = true;
    wait->result = status;
    co_wake(wait->co, 0);
}

static void handle_closed(uv_handle_t *handle)
{
    struct stream *st = handle->data;
    st->closed = true;
    wake(st);
}

static void begin_close(struct stream *st)
{
    if (!st->closing) {
        st->closing = true;
        uv_close((uv_handle_t *)&st->io, handle_closed);
    }
}

/* Sleeps until the write is done, the time is over, or, whatever that is, nothing of it has been
 * taken for WRITE_TIMEOUT_MS. */
static int stream_co_await_write(struct stream *st)
{
    size_t left = uv_stream_get_write_queue_size(&st->io.stream);
    bool patient = st->timeout_ms > WRITE_TIMEOUT_MS;
    int rc = co_park(bounded(st, patient ? WRITE_TIMEOUT_MS : st->timeout_ms));
    bool goes_on = uv_stream_get_write_queue_size(&st->io.stream) < left;
    return rc == -ETIMEDOUT && patient && goes_on && bounded(st, 1) > 0 ? 0 : rc;
}

/* libuv owns the bytes until its callback: a wait that fails closes the handle, which brings it. */
static int stream_co_send_rest(struct stream *st, struct span bytes)
{
    struct write_wait wait = {.co = co_current()};
    uv_buf_t piece = uv_buf_init((char *)bytes.at, (unsigned)bytes.len);
    wait.request.data = &wait;
    int rc = uv_write(&wait.request, &st->io.stream, &piece, 1, write_done);
    if (rc < 0)
        return st->error = ERR_CLOSED;
    rc = 0;
    while (!wait.done && rc == 0)
        rc = stream_co_await_write(st);
    if (!wait.done)
        begin_close(st);
    while (!wait.done)
        co_park_firmly();
    if (rc == 0 && wait.result < 0)
        rc = ERR_CLOSED;
    return rc < 0 ? (st->error = rc) : 0;
}

int stream_co_send(struct stream *st, struct span bytes)
{
    while (bytes.len && !st->error) {
        uv_buf_t piece = uv_buf_init((char *)bytes.at, (unsigned)bytes.len);
        int sent = uv_try_write(&st->io.stream, &piece, 1);
        if (sent == UV_EAGAIN || (sent > 0 && (size_t)sent < bytes.len))
            return stream_co_send_rest(st, span_from(bytes, sent > 0 ? (size_t)sent : 0));
        if (sent < 0)
            return st->error = ERR_CLOSED;
        bytes = span_from(bytes, (size_t)sent);
    }
    return st->error;
}

struct buffer *stream_outbox(struct stream *st)
{
    return st->deflate ? &st->deflate->packed : &st->out;
}

int stream_co_flush(struct stream *st)
{
    int rc = st->error == 0 && st->deflate ? stream_deflate_pack(st) : st->error;
    struct buffer *out = stream_outbox(st);
    if (rc < 0 || out->len == 0)
        return rc;
    bool much = out->len > OUT_FLUSH / 4;
    rc = st->ssl ? stream_tls_co_send(st, buffer_span(out)) : stream_co_send(st, buffer_span(out));
    if (out->size > 1024)
        buffer_free(out);
    else
        buffer_clear(out);
    if (much && st->deflate)
        (void)co_pause(); /* packing took about a millisecond */
    return rc;
}

int stream_co_end_reply(struct stream *st)
{
    if (!st->deflate || st->error)
        return st->error;
    int rc = stream_deflate_pack(st);
    return rc == 0 && st->deflate->packed.len >= OUT_FLUSH ? stream_co_flush(st) : rc;
}

/* Many bytes need not be gathered. */
static int stream_co_write_through(struct stream *st, struct span bytes)
{
    int rc = stream_co_flush(st);
    if (!st->ssl)
        return rc < 0 ? rc : stream_co_send(st, bytes);
    while (rc == 0 && bytes.len) {
        struct span piece = span_first(bytes, OUT_FLUSH);
        rc = stream_tls_co_send(st, piece);
        bytes = span_from(bytes, piece.len);
    }
    return rc;
}

int stream_co_write(struct stream *st, struct span bytes)
{
    if (!st->deflate && bytes.len >= OUT_FLUSH)
        return stream_co_write_through(st, bytes);
    while (bytes.len && !st->error) {
        struct span piece = span_first(bytes, OUT_FLUSH - st->out.len);
        int rc = buffer_append(&st->out, piece);
        if (rc < 0)
            return st->error = rc;
        bytes = span_from(bytes, piece.len);
        if (st->out.len >= OUT_FLUSH)
            rc = stream_co_flush(st);
        if (rc < 0)
            return rc;
    }
    return st->error;
}

/* --- making, connecting, closing ------------------------------------------------------------- */

struct stream *stream_create(struct loop *loop, bool local)
{
    struct stream *st = calloc(1, sizeof *st);
    if (!st)
        return NULL;
    if ((local ? uv_pipe_init(loop_uv(loop), &st->io.pipe, 0)
               : uv_tcp_init(loop_uv(loop), &st->io.tcp)) < 0) {
        free(st);
        return NULL;
    }
    st->local = local;
    st->io.stream.data = st;
    st->out.cap = OUT_FLUSH;
    st->records.cap = 4 * OUT_FLUSH;
    st->timeout_ms = TIMEOUT_DEFAULT_MS;
    st->deadline_ms = CO_FOREVER;
    return st;
}

static void address_to_text(const union stream_address *a, char *text, size_t size)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const unsigned char *v6 = a->v6.sin6_addr.s6_addr;
    if (a->any.sa_family == AF_INET)
        inet_ntop(AF_INET, &a->v4.sin_addr, text, (socklen_t)size);
    else if (memcmp(v6, mapped, sizeof mapped) == 0)
        inet_ntop(AF_INET, v6 + 12, text, (socklen_t)size);
    else
        inet_ntop(AF_INET6, v6, text, (socklen_t)size);
}

void stream_ready(struct stream *st)
{
    int len = sizeof st->peer;
    if (st->local) {
        st->peer.any.sa_family = st->own.any.sa_family = AF_UNIX;
        snprintf(st->peer_text, sizeof st->peer_text, "local");
        return;
    }
    if (uv_tcp_getpeername(&st->io.tcp, &st->peer.any, &len) < 0)
        st->eof = true;
    uv_tcp_nodelay(&st->io.tcp, 1);
    address_to_text(&st->peer, st->peer_text, sizeof st->peer_text);
}

static void stream_free(struct stream *st)
{
    stream_tls_free(st);
    stream_deflate_free(st);
    block_give(&st->raw);
    block_give(&st->plain);
    buffer_free(&st->out);
    buffer_free(&st->records);
    free(st);
}

static void dropped(uv_handle_t *handle)
{
    stream_free(handle->data);
}

void stream_drop(struct stream *st)
{
    uv_close((uv_handle_t *)&st->io, dropped);
}

/* What the other side still sends is read and thrown away for a moment: closing a socket with
 * unread input sends a reset, which can overtake our last reply. */
static void stream_co_linger(struct stream *st)
{
    uv_os_fd_t fd;
    if (st->eof || uv_fileno((uv_handle_t *)&st->io, &fd) < 0)
        return;
    shutdown(fd, SHUT_WR);
    struct scope *scope = scope_current();
    for (int rounds = 0; !st->eof && rounds < 64 && !scope_is_cancelled(scope); rounds++) {
        block_give(&st->raw);
        start_reading(st);
        if (!st->eof && stream_co_sleep(st, FAREWELL_MS) < 0)
            return;
    }
}

void stream_farewell(struct stream *st, struct span bytes)
{
    if (st->error != 0 && st->error != -ETIMEDOUT && st->error != -ECANCELED)
        return;
    if (st->closing || buffer_append(&st->out, bytes) < 0)
        return;
    st->error = 0; /* stream_co_close sends it */
}

void stream_co_close(struct stream *st)
{
    bool unread = st->raw && st->raw->end > st->raw->at;
    st->timeout_ms = FAREWELL_MS;
    st->deadline_ms = CO_FOREVER;
    st->idle = false;
    if (st->deflate && !st->error)
        st->error = stream_deflate_pack(st);
    if (st->ssl && !st->error)
        stream_tls_goodbye(st);
    if (st->error == 0 && stream_co_flush(st) == 0 && st->records.len)
        st->error = stream_co_send(st, buffer_span(&st->records));
    if (st->error == 0 && (unread || st->linger))
        stream_co_linger(st);
    begin_close(st);
    st->sleeper = co_current();
    while (!st->closed)
        co_park_firmly();
    stream_free(st);
}

struct connect_wait {
    uv_connect_t request;
    struct co *co;
    bool done;
    int result;
};

static void connect_done(uv_connect_t *request, int status)
{
    struct connect_wait *wait = request->data;
    wait->done = true;
    wait->result = status;
    co_wake(wait->co, 0);
}

int stream_co_connect(const struct sockaddr *address, int64_t timeout_ms,
                      struct stream **ret_stream)
{
    struct stream *st = stream_create(loop_current(), false);
    if (!st)
        return -ENOMEM;
    struct connect_wait wait = {.co = co_current()};
    wait.request.data = &wait;
    int rc = uv_tcp_connect(&wait.request, &st->io.tcp, address, connect_done);
    if (rc < 0) {
        stream_drop(st);
        return rc;
    }
    while (!wait.done && rc == 0)
        rc = co_park(timeout_ms);
    if (wait.done)
        rc = wait.result;
    if (rc < 0) {
        begin_close(st);
        st->sleeper = co_current();
        while (!wait.done || !st->closed)
            co_park_firmly();
        stream_free(st);
        return rc;
    }
    stream_ready(st);
    *ret_stream = st;
    return 0;
}

void stream_set_timeout(struct stream *st, int64_t timeout_ms)
{
    st->timeout_ms = timeout_ms;
}

void stream_set_deadline(struct stream *st, int64_t from_now_ms)
{
    st->deadline_ms = from_now_ms == CO_FOREVER ? CO_FOREVER : clock_mono_ms() + from_now_ms;
}

void stream_set_idle(struct stream *st, bool idle)
{
    st->idle = idle;
}

bool stream_is_draining(const struct stream *st)
{
    return st->draining;
}

void stream_set_linger(struct stream *st, bool linger)
{
    st->linger = linger;
}

const struct sockaddr *stream_peer(const struct stream *st)
{
    return &st->peer.any;
}

const struct sockaddr *stream_local(const struct stream *st)
{
    struct stream *mutable = (struct stream *)st;
    int len = sizeof st->own;
    if (st->own.any.sa_family == 0)
        uv_tcp_getsockname(&st->io.tcp, &mutable->own.any, &len);
    return &st->own.any;
}

const char *stream_peer_text(const struct stream *st)
{
    return st->peer_text;
}

bool stream_is_local(const struct stream *st)
{
    return st->local;
}

bool stream_peer_is_loopback(const struct stream *st)
{
    return st->local || strncmp(st->peer_text, "127.", 4) == 0 || strcmp(st->peer_text, "::1") == 0;
}

bool stream_is_private(const struct stream *st, bool loopback_is_enough)
{
    return stream_is_tls(st) || (loopback_is_enough && stream_peer_is_loopback(st));
}
