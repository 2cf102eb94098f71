/* One connection, request after request; see server.h. */
#include "http/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/tls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_TIMEOUT_MS  (75 * 1000)
#define HEAD_TIMEOUT_MS  (30 * 1000)
#define WRITE_TIMEOUT_MS (60 * 1000)
#define ANSWER_HEAD_MAX  ((size_t)32 * 1024)
#define HTTP_END         (-4600) /* the session is over, all is said */

const struct span http_refusal =
    SPAN("HTTP/1.1 503 Service Unavailable\r\nServer: Postamt\r\nRetry-After: 10\r\n"
         "Content-Length: 0\r\nConnection: close\r\n\r\n");

static int64_t or_default(int64_t setting, int64_t otherwise)
{
    return setting ? setting : otherwise;
}

/* --- the head -------------------------------------------------------------------------------- */

/* Until the first byte of a request is here. HTTP_END: none comes. */
static int session_co_await(struct http_session *s)
{
    const struct http_settings *settings = s->settings;
    stream_set_deadline(s->st, s->first ? or_default(settings->head_timeout_ms, HEAD_TIMEOUT_MS)
                                        : or_default(settings->idle_timeout_ms, IDLE_TIMEOUT_MS));
    stream_set_idle(s->st, true);
    int rc = stream_co_rest(s->st);
    stream_set_idle(s->st, false);
    if (!s->first) /* the first head has its time from the start */
        stream_set_deadline(s->st, or_default(settings->head_timeout_ms, HEAD_TIMEOUT_MS));
    s->first = false;
    return rc == -ETIMEDOUT || rc == -ECANCELED ? HTTP_END : rc;
}

static int session_co_read_head(struct http_session *s, struct http_request *r)
{
    struct http_scan scan = {0};
    const char *why = NULL;
    struct span bytes;
    int done = 0, rc = 0;
    s->head.cap = HTTP_HEAD_MAX;
    while (rc == 0 && !done) {
        size_t taken;
        rc = stream_co_peek(s->st, 1, &bytes);
        if (rc < 0)
            return rc == -ETIMEDOUT ? HTTP_CODE(408) : rc;
        done = http_scan_head(&scan, bytes, &taken);
        if (done < 0)
            return http_fail(r, HTTP_STATUS(done), "%s", scan.why);
        rc = buffer_append(&s->head, span_first(bytes, taken));
        stream_consume(s->st, taken);
        atomic_fetch_add(&s->settings->counters->bytes_in, taken);
    }
    stream_set_deadline(s->st, CO_FOREVER);
    if (rc == 0) {
        rc = http_parse_head(buffer_span(&s->head), &r->head, &why);
        if (rc < 0)
            return http_fail(r, HTTP_STATUS(rc), "%s", why);
    }
    return rc;
}

/* --- the answer ------------------------------------------------------------------------------ */

static int answer_options(struct http_request *r, unsigned allowed)
{
    AUTO_BUFFER text = BUFFER(200);
    int rc = http_print_allowed(&text, allowed);
    if (rc == 0)
        rc = http_add_field(r, "Allow", buffer_span(&text));
    return rc < 0 ? rc : http_answer(r, 204, NULL, SPAN(""));
}

static int find_route(struct http_request *r)
{
    struct span segments[HTTP_SEGMENTS_MAX];
    unsigned count;
    int rc = http_split_path(r->head.path, &r->arena, segments, &count);
    if (rc == ERR_SYNTAX)
        return http_fail(r, 400, "the path is not well encoded");
    if (rc < 0)
        return rc == -E2BIG ? HTTP_CODE(404) : rc;
    http_match(r->table, r->head.method, segments, count, &r->match);
    if (!r->match.allowed)
        return HTTP_CODE(404);
    if (!r->match.route && r->head.method == METHOD_OPTIONS)
        return 0;
    r->route = r->match.route;
    return r->route ? 0 : HTTP_CODE(405);
}

static int request_co_answer(struct http_session *s, struct http_request *r)
{
    int rc = http_body_open(s, &r->head);
    int chosen = s->settings->co_choose(r, &r->table);
    if (rc < 0 || chosen < 0)
        return rc < 0 ? rc : chosen;
    if (span_equal(r->head.path, SPAN("*")))
        return answer_options(r, (1u << METHODS) - 1);
    rc = r->table ? find_route(r) : HTTP_CODE(404);
    if (rc < 0)
        return rc;
    if (!r->route)
        return answer_options(r, r->match.allowed);
    if (r->route->body_max)
        s->body.max = r->route->body_max;
    if (!s->body.gzip && r->head.length > s->body.max)
        return HTTP_CODE(413);
    rc = r->route->co_answer(r);
    return rc == 0 && r->status == 0 ? http_fail(r, 500, "%s", "nobody answered") : rc;
}

static void count_answer(struct http_session *s, const struct http_request *r, size_t bytes)
{
    struct http_counters *counters = s->settings->counters;
    unsigned class = (unsigned)r->status / 100;
    s->sent = bytes;
    atomic_fetch_add(&counters->bytes_out, bytes);
    atomic_fetch_add(&counters->answers[class < 6 ? class : 0], 1);
}

/* lost: the stream has ended with a deadline or a cancellation and takes last words only. */
static int session_co_write_answer(struct http_session *s, struct http_request *r, bool lost)
{
    AUTO_BUFFER head = BUFFER(ANSWER_HEAD_MAX);
    int rc = http_print_head(r, s->close, &head);
    struct span body = r->head.method == METHOD_HEAD ? SPAN("") : buffer_span(&r->answer);
    if (rc < 0)
        return rc;
    count_answer(s, r, head.len + body.len);
    if (lost) {
        stream_farewell(s->st, buffer_span(&head));
        stream_farewell(s->st, body);
        return HTTP_END;
    }
    stream_set_timeout(s->st, or_default(s->settings->write_timeout_ms, WRITE_TIMEOUT_MS));
    rc = stream_co_write(s->st, buffer_span(&head));
    if (rc == 0)
        rc = stream_co_write(s->st, body);
    if (rc == 0 && !stream_has_input(s->st)) /* else it travels with the next answer */
        rc = stream_co_flush(s->st);
    stream_set_timeout(s->st, CO_FOREVER);
    return rc;
}

static void log_answer(const struct http_session *s, const struct http_request *r, int64_t began)
{
    log_debug("http.request", "peer=%s method=%s path=%s status=%d bytes=%" PRIu64 " ms=%" PRId64,
              stream_peer_text(s->st), r->head.path.len ? http_method_name(r->head.method) : "-",
              LOG_CLEAN(r->head.path), r->status, s->sent, clock_mono_ms() - began);
}

/* --- one exchange ---------------------------------------------------------------------------- */

static bool ends_the_stream(int rc)
{
    return rc == -ETIMEDOUT || rc == -ECANCELED || rc == HTTP_CODE(408);
}

static int request_co_run(struct http_session *s, struct http_request *r)
{
    int64_t began = clock_mono_ms();
    s->close = true; /* until the head is understood */
    int rc = session_co_read_head(s, r);
    if (rc == ERR_CLOSED || rc == ERR_TLS)
        return rc;
    atomic_fetch_add(&s->settings->counters->requests, 1);
    if (rc == 0) {
        s->close = !r->head.keep_alive;
        rc = request_co_answer(s, r);
    } else {
        r->head.count = 0; /* half of it may be there */
    }
    int lost = s->body.error ? s->body.error : r->head.path.len ? 0 : rc;
    if (lost == ERR_CLOSED || lost == ERR_TLS)
        return lost;
    bool cancelled = scope_is_cancelled(scope_current());
    if (rc < 0)
        http_answer_code(r, cancelled ? -ECANCELED : rc);
    bool skip = !s->close && !s->body.ended && http_body_is_short(s);
    s->close = s->close || cancelled || stream_is_draining(s->st) || !http_body_is_short(s);
    http_body_release(s);
    stream_set_linger(s->st, !s->body.ended);
    rc = session_co_write_answer(s, r, cancelled || ends_the_stream(lost));
    log_answer(s, r, began);
    if (rc == 0 && s->close)
        return HTTP_END;
    return rc == 0 && skip ? http_body_co_skip(s) : rc;
}

static int session_co_next(struct http_session *s)
{
    int rc = session_co_await(s);
    if (rc < 0)
        return rc;
    struct http_request *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->session = s;
    r->arg = s->settings->arg;
    r->arena = ARENA(HTTP_MEMORY_MAX);
    s->body = (struct http_body){.ended = true};
    rc = request_co_run(s, r);
    http_body_close(s);
    if (s->head.at)
        explicit_bzero(s->head.at, s->head.len); /* it may hold a password */
    buffer_free(&s->head);
    buffer_free(&r->fields);
    buffer_free(&r->answer);
    arena_free(&r->arena);
    free(r);
    return rc;
}

static int session_co_start_tls(struct http_session *s)
{
    struct tls_context *context = s->settings->tls(s->settings->tls_arg);
    if (!context)
        return ERR_TLS;
    stream_set_deadline(s->st, or_default(s->settings->head_timeout_ms, HEAD_TIMEOUT_MS));
    int rc = stream_co_start_tls_server(s->st, context);
    tls_context_release(context);
    return rc;
}

int http_co_serve(struct stream *st, void *settings)
{
    struct http_session *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->st = st;
    s->settings = settings;
    s->first = true;
    stream_set_timeout(st, CO_FOREVER); /* deadlines bound every wait */
    atomic_fetch_add(&s->settings->counters->connections, 1);
    int rc = s->settings->implicit_tls ? session_co_start_tls(s) : 0;
    while (rc == 0)
        rc = session_co_next(s);
    log_debug("http.end", "peer=%s why=\"%s\"", stream_peer_text(st),
              rc == HTTP_END ? "said" : error_text(rc));
    free(s);
    return rc;
}
