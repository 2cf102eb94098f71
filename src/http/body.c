/*
 * Bodies of requests: framing, 100-continue, gzip, limits; see request.h.
 *
 * A piece lies in the stream's own block until the next read. Time is counted while we wait for the
 * client, not while the handler works: each BODY_STEP bytes have body_timeout_ms.
 */
#include "http/internal.h"

#include "base/clock.h"

#include <errno.h>

#define BODY_STEP       ((size_t)8 * 1024)
#define BODY_TIMEOUT_MS (30 * 1000)
#define PAUSE_EVERY     16 /* pieces of 16 KiB that gzip makes */
#define SKIP_MAX        ((uint64_t)64 * 1024)

int http_body_open(struct http_session *s, const struct http_head *head)
{
    struct span encoding = http_head_field(head, SPAN("Content-Encoding"));
    s->body = (struct http_body){.chunked = head->chunked,
                                 .left = head->length,
                                 .ended = !head->chunked && head->length == 0,
                                 .expects = head->expects_continue,
                                 .max = HTTP_BODY_MAX};
    if (encoding.len == 0 || span_equal_nocase(encoding, SPAN("identity")))
        return 0;
    if (!span_equal_nocase(encoding, SPAN("gzip")) && !span_equal_nocase(encoding, SPAN("x-gzip")))
        return HTTP_CODE(415);
    return s->body.ended ? 0 : gzip_open(&s->body.gzip);
}

void http_body_close(struct http_session *s)
{
    struct http_body *b = &s->body;
    atomic_fetch_sub(&s->settings->budget->used, b->charged);
    buffer_free(&b->bytes);
    gzip_close(b->gzip);
    *b = (struct http_body){.ended = true};
}

/* --- from the wire --------------------------------------------------------------------------- */

static int body_co_continue(struct http_session *s)
{
    s->body.expects = false;
    if (stream_has_input(s->st)) /* it did not wait */
        return 0;
    int rc = stream_co_write(s->st, SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
    return rc < 0 ? rc : stream_co_flush(s->st);
}

static int body_co_peek(struct http_session *s, struct span *ret_bytes)
{
    struct http_body *b = &s->body;
    int64_t limit = s->settings->body_timeout_ms ? s->settings->body_timeout_ms : BODY_TIMEOUT_MS;
    if (b->progress >= BODY_STEP) {
        b->progress = 0;
        b->waited_ms = 0;
    }
    int64_t began = clock_mono_ms();
    stream_set_deadline(s->st, limit - b->waited_ms);
    int rc = b->expects ? body_co_continue(s) : 0;
    if (rc == 0)
        rc = stream_co_peek(s->st, 1, ret_bytes);
    stream_set_deadline(s->st, CO_FOREVER);
    b->waited_ms += clock_mono_ms() - began;
    return rc == -ETIMEDOUT ? HTTP_CODE(408) : rc;
}

void http_body_release(struct http_session *s)
{
    stream_consume(s->st, s->body.held);
    atomic_fetch_add(&s->settings->counters->bytes_in, s->body.held);
    s->body.progress += s->body.held;
    s->body.held = 0;
}

static int body_read_chunk(struct http_body *b, struct span input, struct span *ret_piece)
{
    size_t had = input.len;
    int rc = chunk_read(&b->chunks, &input, ret_piece);
    b->held = had - input.len;
    if (rc == CHUNK_END)
        b->ended = true;
    if (rc < 0)
        return rc == -EMSGSIZE ? HTTP_CODE(413) : HTTP_CODE(400);
    return rc == CHUNK_DATA;
}

/* 1: a piece without its framing; 0: the end. */
static int body_co_wire(struct http_session *s, struct span *ret_piece)
{
    struct http_body *b = &s->body;
    struct span input = SPAN("");
    for (;;) {
        http_body_release(s);
        if (b->ended)
            return 0;
        int rc = body_co_peek(s, &input);
        if (rc < 0)
            return rc;
        if (!b->chunked) {
            *ret_piece = span_first(input, b->left < input.len ? (size_t)b->left : input.len);
            b->held = ret_piece->len;
            b->left -= b->held;
            b->ended = b->left == 0;
            return 1;
        }
        rc = body_read_chunk(b, input, ret_piece);
        if (rc != 0)
            return rc;
    }
}

static int body_co_unpack(struct http_session *s, struct span *ret_piece)
{
    struct http_body *b = &s->body;
    for (;;) {
        int rc = ++b->pieces % PAUSE_EVERY == 0 ? co_pause() : 0;
        if (rc < 0)
            return rc;
        rc = gzip_read(b->gzip, &b->packed, ret_piece);
        if (rc != 0)
            return rc < 0 ? HTTP_CODE(400) : rc;
        rc = body_co_wire(s, &b->packed);
        if (rc < 0)
            return rc;
        if (rc == 0)
            return gzip_is_complete(b->gzip) ? 0 : HTTP_CODE(400);
    }
}

/* --- for handlers ---------------------------------------------------------------------------- */

static int body_broken(struct http_request *r, int rc)
{
    struct http_session *s = r->session;
    s->close = true;
    s->body.error = rc;
    if (rc == HTTP_CODE(400))
        return http_fail(r, 400, "the body is not %s",
                         s->body.gzip ? "well-formed gzip" : "well-formed chunks");
    return rc;
}

int http_co_read(struct http_request *r, struct span *ret_piece)
{
    struct http_body *b = &r->session->body;
    if (b->error)
        return b->error;
    int rc = b->gzip ? body_co_unpack(r->session, ret_piece) : body_co_wire(r->session, ret_piece);
    if (rc > 0) {
        b->size += ret_piece->len;
        if (b->size > b->max)
            rc = HTTP_CODE(413);
    }
    return rc < 0 ? body_broken(r, rc) : rc;
}

static int body_keep(struct http_request *r, struct span piece, size_t max)
{
    struct http_body *b = &r->session->body;
    struct http_budget *budget = r->session->settings->budget;
    if (piece.len > max - b->bytes.len)
        return HTTP_CODE(413);
    int rc = buffer_reserve(&b->bytes, piece.len + 1);
    if (rc < 0)
        return rc;
    size_t grown = b->bytes.size - b->charged;
    b->charged = b->bytes.size;
    if (grown && atomic_fetch_add(&budget->used, grown) + grown > budget->max)
        return http_fail(r, 503, "too much is being received now, try again later");
    return buffer_append(&b->bytes, piece);
}

int http_co_body(struct http_request *r, size_t max, struct span *ret_body)
{
    struct http_body *b = &r->session->body;
    struct span piece = SPAN("");
    b->bytes.cap = max + 1;
    if (!b->gzip && r->head.length > max)
        return body_broken(r, HTTP_CODE(413));
    int rc = body_keep(r, SPAN(""), max);
    while (rc == 0 && (rc = http_co_read(r, &piece)) > 0)
        rc = body_keep(r, piece, max);
    if (rc < 0)
        return b->error ? rc : body_broken(r, rc);
    b->bytes.at[b->bytes.len] = '\0';
    *ret_body = buffer_span(&b->bytes);
    return 0;
}

/* --- what nobody read ------------------------------------------------------------------------ */

bool http_body_is_short(const struct http_session *s)
{
    const struct http_body *b = &s->body;
    return b->ended || (!b->error && !b->expects && !b->chunked && b->left <= SKIP_MAX);
}

int http_body_co_skip(struct http_session *s)
{
    struct span piece;
    int rc;
    do
        rc = body_co_wire(s, &piece);
    while (rc > 0);
    return rc;
}
