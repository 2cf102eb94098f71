/*
 * IDLE (RFC 2177): news as they come, until the client says DONE.
 *
 * The next line may have been sent already, together with IDLE, and need not be DONE: phones send a
 * new command instead. What is not DONE ends IDLE and is run as the command it is.
 */
#include "imap/session.h"

#define KEEP_ALIVE_MS ((int64_t)2 * 60 * 1000)

static int imap_co_wait_for_client(struct imap_session *s)
{
    int64_t pause = s->settings->keep_alive_ms ? s->settings->keep_alive_ms : KEEP_ALIVE_MS;
    int rc = 0;
    while (rc == 0) {
        rc = imap_co_sync(s, true);
        if (rc < 0)
            break;
        co_trim_stack(); /* telling of news went deep */
        rc = stream_co_await_input(s->st, pause);
        if (rc == 0)
            rc = imap_co_say(s, SPAN("* OK Still here\r\n"));
        else if (rc == STREAM_INTERRUPTED)
            rc = 0;
    }
    return rc;
}

/* 1: it said DONE. */
static int imap_co_take_done(struct imap_session *s)
{
    struct span bytes;
    int rc = stream_co_peek(s->st, 1, &bytes);
    while (rc == 0 && bytes.len < 6 && span_starts_nocase(SPAN("DONE\r\n"), bytes))
        rc = stream_co_peek(s->st, bytes.len + 1, &bytes);
    if (rc < 0 || !span_starts_nocase(bytes, SPAN("DONE\r\n")))
        return rc;
    stream_consume(s->st, 6);
    return 1;
}

int imap_co_idle(struct imap_session *s, struct imap_parser *p)
{
    int64_t limit = s->settings->idle_timeout_ms;
    if (imap_parse_end(p) < 0)
        return IMAP_BAD;
    arena_free(&s->arena); /* an idle session is small; the tag stays */
    stream_set_deadline(s->st, limit ? limit : (int64_t)30 * 60 * 1000);
    stream_set_idle(s->st, true);
    if (s->selected)
        box_watch_arm(s->selected->watch, true);
    int rc = imap_co_say(s, SPAN("+ Waiting\r\n"));
    if (rc == 0)
        rc = imap_co_wait_for_client(s);
    if (s->selected)
        box_watch_arm(s->selected->watch, false);
    if (rc == 1)
        rc = imap_co_take_done(s);
    stream_set_idle(s->st, false);
    stream_set_deadline(s->st, 60 * 1000);
    return rc < 0 ? rc : imap_co_ok(s, "Done");
}
