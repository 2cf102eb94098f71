/* RETR and TOP (RFC 1939 5, 7): the letter's exact bytes, dots stuffed, a piece at a time. */
#include "pop3/session.h"

#include "base/log.h"
#include "mail/header.h"
#include "smtp/dot.h"

#include <string.h>

/* No line of POP3 holds a NUL (RFC 1939 3); a letter could, put in by another protocol. */
#define NUL_SHOWN '\x80'
#define PIECE     ((size_t)64 * 1024)

/* How much of the body TOP still wants. */
struct top {
    bool whole; /* RETR */
    bool in_body, in_line;
    uint32_t lines;
    struct header_scan scan;
};

/* The part of the piece that is wanted; shorter than the piece when it is the last. */
static struct span top_take(struct top *top, struct span piece)
{
    size_t len = 0;
    if (top->whole)
        return piece;
    if (!top->in_body) {
        ptrdiff_t end = header_scan(&top->scan, piece);
        top->in_line = piece.len ? piece.at[piece.len - 1] != '\n' : top->in_line;
        if (end < 0)
            return piece;
        top->in_body = true;
        len = (size_t)end;
    }
    while (top->lines && len < piece.len) {
        ptrdiff_t lf = span_find(span_from(piece, len), '\n');
        if (lf < 0)
            return piece;
        len += (size_t)lf + 1;
        top->lines--;
    }
    return span_first(piece, len);
}

static int pop3_co_send(struct pop3_session *s, struct dot_writer *dots, struct span bytes)
{
    AUTO_BUFFER out = BUFFER(4 * PIECE);
    int rc = dot_write(dots, bytes, &out);
    char *at = out.at, *end = out.at + out.len;
    while (rc == 0 && at && (at = memchr(at, '\0', (size_t)(end - at))))
        *at = NUL_SHOWN;
    return rc < 0 ? rc : pop3_co_say(s, buffer_span(&out));
}

static int pop3_co_send_letter(struct pop3_session *s, const struct box_message *message,
                               struct top *top)
{
    struct dot_writer dots = DOT_WRITER;
    AUTO_BUFFER piece = BUFFER(2 * PIECE), tail = BUFFER(64);
    uint64_t offset = 0;
    int rc = pop3_co_send(s, &dots, message->head);
    for (bool more = true; rc == 0 && more;) {
        buffer_clear(&piece);
        rc = blob_co_read(s->settings->store, s->who.tenant, message->blob, offset, PIECE, &piece);
        struct span wanted = top_take(top, buffer_span(&piece));
        more = piece.len == PIECE && wanted.len == piece.len;
        offset += piece.len;
        if (rc == 0)
            rc = pop3_co_send(s, &dots, wanted);
        stream_set_deadline(s->st, 10 * 60 * 1000); /* a slow reader has ten minutes a piece */
    }
    if (rc == 0 && !top->whole && !top->in_body) /* TOP ends the header where the letter does not */
        rc = pop3_co_send(s, &dots, top->in_line ? SPAN("\r\n\r\n") : SPAN("\r\n"));
    if (rc == 0)
        rc = dot_finish(&dots, &tail);
    return rc < 0 ? rc : pop3_co_say(s, buffer_span(&tail));
}

static int pop3_co_retrieve(struct pop3_session *s, const struct pop3_command *command,
                            struct top *top)
{
    AUTO_ARENA arena = ARENA((size_t)64 * 1024);
    AUTO_BUFFER probe = BUFFER(64);
    struct box_message found;
    int rc;
    struct pop3_message *message = pop3_co_message(s, command->number, &rc);
    if (!message)
        return rc;
    rc =
        box_co_message(s->settings->store, s->who.tenant, s->mailbox, message->uid, &arena, &found);
    if (rc == 0)
        rc = blob_co_read(s->settings->store, s->who.tenant, found.blob, 0, 1, &probe);
    if (rc == ERR_ABSENT)
        return pop3_co_say(s, SPAN("-ERR Another session has removed this message\r\n"));
    if (rc < 0) {
        log_error("pop3.not_read", "user=%s why=\"%s\"", s->who.login, error_text(rc));
        return pop3_co_say(s, SPAN("-ERR [SYS/TEMP] Cannot read the message now\r\n"));
    }
    atomic_fetch_add(&s->settings->counters->retrieved, 1);
    rc = pop3_co_printf(s, "+OK %llu octets\r\n", (unsigned long long)found.octets);
    return rc < 0 ? rc : pop3_co_send_letter(s, &found, top);
}

int pop3_co_retr(struct pop3_session *s, const struct pop3_command *command)
{
    struct top top = {.whole = true};
    return pop3_co_retrieve(s, command, &top);
}

int pop3_co_top(struct pop3_session *s, const struct pop3_command *command)
{
    struct top top = {.lines = command->lines};
    return pop3_co_retrieve(s, command, &top);
}
