/*
 * Reading commands: lines and the literals between them (RFC 9051 4.3, RFC 7888).
 *
 * A command is gathered whole into s->command, within its limits, before it is parsed. The message
 * of APPEND is not: reading stops in front of it. A literal that is too large is refused before it
 * is sent, or, where the client did not wait, read and thrown away; so much of it that no message
 * may be that large ends the session (RFC 7888 4). Before login LOGIN alone takes literals: a
 * password may want one, and a stranger gets memory for nothing else.
 */
#include "imap/session.h"

#include "imap/append.h"

#include <errno.h>
#include <string.h>

#define LITERAL_MAX_BEFORE_LOGIN 1024
#define UNASKED_MAX              4096 /* LITERAL-: what a client may send without waiting */

#define SKIP_MAX ((uint64_t)64 * 1024 * 1024)

static size_t limit(const struct imap_session *s)
{
    return s->who.user ? IMAP_COMMAND_MAX : IMAP_LINE_MAX_BEFORE_LOGIN;
}

int imap_co_stop_flood(struct imap_session *s, const struct imap_literal *literal)
{
    uint64_t most = s->settings->message_max ? s->settings->message_max : SKIP_MAX;
    if (literal->waits || literal->octets <= most)
        return 0;
    stream_set_linger(s->st, true);
    int rc = imap_co_say(s, SPAN("* BYE [TOOBIG] Ask before you send so much\r\n"));
    return rc < 0 ? rc : IMAP_END;
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

/* The last bytes of a line that is thrown away: they may announce a literal. */
struct line_end {
    char at[32];
    size_t len;
};

static void keep_end(struct line_end *end, struct span bytes)
{
    for (size_t i = bytes.len > sizeof end->at ? bytes.len - sizeof end->at : 0; i < bytes.len;
         i++) {
        if (end->len == sizeof end->at)
            memmove(end->at, end->at + 1, --end->len);
        end->at[end->len++] = bytes.at[i];
    }
}

/* Throws away a line up to its LF. */
static int imap_co_skip_line(struct imap_session *s, struct line_end *end)
{
    struct span bytes;
    int rc;
    while ((rc = stream_co_peek(s->st, 1, &bytes)) == 0) {
        ptrdiff_t lf = span_find(bytes, '\n');
        struct span part = lf < 0 ? bytes : span_first(bytes, (size_t)lf + 1);
        keep_end(end, part);
        stream_consume(s->st, part.len);
        if (lf >= 0)
            return 0;
    }
    return rc;
}

/* Throws away what belongs to a refused command behind a line that ended so: literals that come
 * unasked, and the lines behind them. None of it may be taken for a command. */
static int imap_co_skip_unasked(struct imap_session *s, struct line_end *end)
{
    struct imap_literal literal;
    int rc = 0;
    while (rc == 0) {
        struct span line = span_make(end->at, end->len);
        while (line.len && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
            line.len--;
        if (!line.len || !imap_find_literal(line, &literal) || literal.waits)
            return 0;
        rc = imap_co_stop_flood(s, &literal);
        if (rc < 0)
            return rc;
        end->len = 0;
        rc = imap_co_skip(s, literal.octets);
        if (rc == 0)
            rc = imap_co_skip_line(s, end);
    }
    return rc;
}

int imap_co_skip_message(struct imap_session *s)
{
    struct line_end end = {0};
    keep_end(&end, buffer_span(&s->command));
    return imap_co_skip_unasked(s, &end);
}

/* A line that is none, gathered up to where that was seen; its LF was or was not. */
static int imap_co_refuse_line(struct imap_session *s, bool whole)
{
    struct imap_parser p = {s->command.at, s->command.at + s->command.len, &s->arena};
    struct line_end end = {0};
    struct span tag;
    imap_keep_tag(s, imap_parse_tag(&p, &tag) < 0 || tag.len > IMAP_TAG_MAX ? SPAN("*") : tag);
    if (whole)
        keep_end(&end, buffer_span(&s->command));
    int rc = whole ? 0 : imap_co_skip_line(s, &end);
    if (rc == 0)
        rc = imap_co_skip_unasked(s, &end);
    return rc < 0 ? rc : IMAP_BAD;
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
        if (c->len + part.len > limit(s)) {
            rc = buffer_append(c, span_first(part, limit(s) - c->len));
            return rc < 0 ? rc : imap_co_refuse_line(s, false);
        }
        if ((rc = buffer_append(c, part)) < 0)
            return rc;
        stream_consume(s->st, part.len);
        if (lf >= 0)
            break;
    }
    if (c->len - start < 2 || c->at[c->len - 2] != '\r')
        return imap_co_refuse_line(s, true);
    c->len -= 2;
    struct span line = span_from(buffer_span(c), start);
    bool wrong = span_find(line, '\r') >= 0 || span_find(line, '\0') >= 0;
    return wrong ? imap_co_refuse_line(s, true) : 0;
}

/* A literal that may not come. The client that waits is told; the other has sent it already. */
static int imap_co_refuse_literal(struct imap_session *s, const struct imap_literal *literal)
{
    struct imap_parser p = {s->command.at, s->command.at + s->command.len, &s->arena};
    struct span tag;
    imap_keep_tag(s, imap_parse_tag(&p, &tag) < 0 ? SPAN("*") : tag);
    int rc = literal->waits ? 0 : imap_co_skip_message(s);
    if (rc < 0)
        return rc;
    rc = imap_co_printf(s, "%.*s NO [TOOBIG] %s\r\n", SPAN_PRINT(s->tag),
                        s->who.user ? "That is larger than a command may be"
                                    : "Before login only LOGIN takes literals, and short ones");
    return rc < 0 ? rc : IMAP_REFUSED;
}

/* Octets that a literal of this command may have. */
static uint64_t literal_max(struct imap_session *s)
{
    struct imap_parser p = {s->command.at, s->command.at + s->command.len, &s->arena};
    struct span tag;
    if (s->who.user)
        return IMAP_COMMAND_MAX;
    bool login = imap_parse_tag(&p, &tag) == 0 && imap_parse_sp(&p) == 0 &&
                 imap_take_word(&p, "LOGIN") && imap_parse_sp(&p) == 0;
    return login ? LITERAL_MAX_BEFORE_LOGIN : 0;
}

static int imap_co_gather_literal(struct imap_session *s, const struct imap_literal *literal)
{
    struct buffer *c = &s->command;
    uint64_t most = literal_max(s);
    if (most == 0 || literal->octets > most || c->len + 2 + literal->octets > limit(s) ||
        (!literal->waits && literal->octets > UNASKED_MAX && !s->settings->literal_plus))
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
        s->announced =
            imap_find_literal(line, &literal) && imap_append_awaits(s, buffer_span(&s->command));
        if (s->announced || !imap_find_literal(line, &literal))
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
