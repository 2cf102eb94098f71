/*
 * Reading commands: lines and the literals between them (RFC 9051 4.3, RFC 7888).
 *
 * A command is gathered whole into s->command, within its limits, before it is parsed. The message
 * of APPEND is not: reading stops in front of it. A literal that is too large is refused before it
 * is sent, or, where the client did not wait, read and thrown away.
 */
#include "imap/session.h"

#include "imap/append.h"

#include <errno.h>

#define LITERAL_MAX_BEFORE_LOGIN 1024
#define UNASKED_MAX              4096 /* LITERAL-: what a client may send without waiting */

static size_t limit(const struct imap_session *s)
{
    return s->who.user ? IMAP_COMMAND_MAX : IMAP_LINE_MAX_BEFORE_LOGIN;
}

/* Throws away the rest of a line that is too long or not one. */
static int imap_co_skip_line(struct imap_session *s)
{
    struct span bytes;
    int rc;
    while ((rc = stream_co_peek(s->st, 1, &bytes)) == 0) {
        ptrdiff_t lf = span_find(bytes, '\n');
        stream_consume(s->st, lf < 0 ? bytes.len : (size_t)lf + 1);
        if (lf >= 0)
            return 0;
    }
    return rc;
}

/* Appends the next line without its CRLF; IMAP_BAD: too long, or bare CR, LF or NUL in it. */
static int imap_co_gather_line(struct imap_session *s)
{
    struct buffer *c = &s->command;
    size_t start = c->len;
    for (;;) {
        struct span bytes;
        int rc = stream_co_peek(s->st, 1, &bytes);
        if (rc < 0)
            return rc;
        ptrdiff_t lf = span_find(bytes, '\n');
        struct span part = lf < 0 ? bytes : span_first(bytes, (size_t)lf + 1);
        if (c->len + part.len > limit(s) || (rc = buffer_append(c, part)) < 0)
            return (rc = imap_co_skip_line(s)) < 0 ? rc : IMAP_BAD;
        stream_consume(s->st, part.len);
        if (lf >= 0)
            break;
    }
    if (c->len - start < 2 || c->at[c->len - 2] != '\r')
        return IMAP_BAD;
    c->len -= 2;
    struct span line = span_from(buffer_span(c), start);
    return span_find(line, '\r') >= 0 || span_find(line, '\0') >= 0 ? IMAP_BAD : 0;
}

static int imap_co_skip(struct imap_session *s, uint64_t octets)
{
    while (octets) {
        struct span bytes;
        int rc = stream_co_peek(s->st, 1, &bytes);
        if (rc < 0)
            return rc;
        size_t count = bytes.len < octets ? bytes.len : (size_t)octets;
        stream_consume(s->st, count);
        octets -= count;
    }
    return 0;
}

/* A literal that may not come. The client that waits is told; the other has sent it already. */
static int imap_co_refuse_literal(struct imap_session *s, const struct imap_literal *literal)
{
    struct imap_parser p = {s->command.at, s->command.at + s->command.len, &s->arena};
    struct span tag;
    imap_keep_tag(s, imap_parse_tag(&p, &tag) < 0 ? SPAN("*") : tag);
    if (!literal->waits) {
        int rc = imap_co_skip(s, literal->octets);
        if (rc == 0)
            rc = imap_co_skip_line(s);
        if (rc < 0)
            return rc;
    }
    int rc = imap_co_printf(s, "%.*s NO [TOOBIG] That is larger than a command may be\r\n",
                            SPAN_PRINT(s->tag));
    return rc < 0 ? rc : IMAP_BAD;
}

static int imap_co_gather_literal(struct imap_session *s, const struct imap_literal *literal)
{
    struct buffer *c = &s->command;
    uint64_t most = s->who.user ? IMAP_COMMAND_MAX : LITERAL_MAX_BEFORE_LOGIN;
    if (literal->octets > most || c->len + 2 + literal->octets > limit(s) ||
        (!literal->waits && literal->octets > UNASKED_MAX))
        return imap_co_refuse_literal(s, literal);
    int rc = literal->waits ? imap_co_say(s, SPAN("+ Go on\r\n")) : 0;
    if (rc == 0)
        rc = buffer_append(c, SPAN("\r\n"));
    for (uint64_t left = literal->octets; rc == 0 && left;) {
        struct span bytes;
        rc = stream_co_peek(s->st, 1, &bytes);
        if (rc < 0)
            break;
        struct span part = span_first(bytes, left < bytes.len ? (size_t)left : bytes.len);
        rc = buffer_append(c, part);
        stream_consume(s->st, part.len);
        left -= part.len;
    }
    return rc;
}

int imap_co_read_on(struct imap_session *s)
{
    for (;;) {
        size_t start = s->command.len;
        struct imap_literal literal;
        int rc = imap_co_gather_line(s);
        if (rc < 0)
            return rc;
        struct span line = span_from(buffer_span(&s->command), start);
        if (!imap_find_literal(line, &literal) || imap_append_awaits(s, buffer_span(&s->command)))
            return 0;
        rc = imap_co_gather_literal(s, &literal);
        if (rc < 0)
            return rc;
    }
}

int imap_co_read_command(struct imap_session *s)
{
    s->command.cap = IMAP_COMMAND_MAX;
    buffer_clear(&s->command);
    int rc = imap_co_read_on(s);
    return rc == -ENOBUFS ? IMAP_BAD : rc;
}
