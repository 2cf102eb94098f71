/*
 * APPEND, with several messages in one command (RFC 9051 6.3.12, RFC 3502, RFC 7889).
 *
 * A message streams into a blob as it comes and is never in the command's memory. All messages of a
 * command are put into the mailbox in one commit, and the OK follows it (P1).
 *
 * Letters whose headers hold bytes above 127 are taken from everybody: old mail that is moved here
 * has them in all encodings. Only the form that promises UTF-8 wants it enabled (RFC 6855 4).
 */
#include "imap/append.h"

#include "box/summary.h"
#include "imap/server.h"
#include "mail/edit.h"

#include "base/clock.h"

#include <errno.h>

#define MESSAGES_MAX 256
#define PIECE        ((size_t)64 * 1024)

struct appended {
    struct blob_writer *writer;
    struct box_message message;
    struct summary summary;
    int64_t uid;
};

struct appending {
    struct imap_session *s;
    struct box_mailbox mailbox;
    int result; /* of looking for the mailbox: the messages are read all the same */
    struct directory_quota quota;
    struct box_usage usage; /* with the messages announced so far */
    struct appended *list;
    size_t count;
};

/* --- where the message begins ---------------------------------------------------------------- */

/* What stands in front of a message: flags, a date. */
static void skip_options(struct imap_parser *p)
{
    struct span flag;
    int64_t ms;
    if (imap_take(p, '(')) {
        while (imap_parse_flag(p, &flag) == 0 && imap_take(p, ' '))
            ;
        imap_take(p, ')');
        imap_take(p, ' ');
    }
    if (p->at < p->end && *p->at == '"' && imap_parse_date_time(p, &ms) == 0)
        imap_take(p, ' ');
}

bool imap_append_awaits(struct imap_session *s, struct span command)
{
    AUTO_ARENA arena = ARENA(IMAP_COMMAND_MAX);
    struct imap_parser p = {command.at, command.at + command.len, &arena};
    struct imap_literal literal;
    struct span word;
    if (s->appending)
        return true;
    if (!s->who.user || imap_parse_tag(&p, &word) < 0 || imap_parse_sp(&p) < 0 ||
        !imap_take_word(&p, "APPEND") || imap_parse_sp(&p) < 0 ||
        imap_parse_astring(&p, &word) < 0 || imap_parse_sp(&p) < 0)
        return false;
    skip_options(&p);
    imap_take(&p, '~');
    if (imap_take_word(&p, "UTF8"))
        (void)(imap_take(&p, ' ') && imap_take(&p, '(') && imap_take(&p, '~'));
    return imap_find_literal(command, &literal) && (size_t)(p.end - p.at) == literal.header &&
           p.at < p.end && *p.at == '{';
}

/* --- one message ----------------------------------------------------------------------------- */

static int imap_co_take_octets(struct imap_session *s, uint64_t octets, struct blob_writer *writer)
{
    struct edit_lines lines = {0};
    AUTO_BUFFER out = BUFFER(2 * PIECE);
    int wrong = writer ? 0 : ERR_FULL;
    while (octets) {
        struct span bytes;
        int rc = stream_co_peek(s->st, 1, &bytes);
        if (rc < 0)
            return rc;
        bytes = span_first(bytes, octets < bytes.len ? (size_t)octets : bytes.len);
        buffer_clear(&out);
        if (wrong == 0)
            wrong = edit_lines(&lines, bytes, &out);
        stream_consume(s->st, bytes.len);
        octets -= bytes.len;
        if (wrong == 0)
            wrong = blob_co_append(writer, buffer_span(&out));
    }
    return wrong < 0 ? wrong : edit_lines_end(&lines);
}

static int imap_co_summarise(struct appended *a)
{
    a->message.octets = blob_writer_size(a->writer);
    int rc = summary_co_make(a->writer, &a->summary);
    if (rc == 0)
        summary_show(&a->summary, &a->message);
    return rc;
}

/* An error of the connection, after which nothing can be said. */
static bool ends_session(int rc)
{
    return rc == ERR_CLOSED || rc == -ETIMEDOUT || rc == -ECANCELED || rc == ERR_TLS ||
           rc == ERR_DEFLATE || rc == IMAP_END;
}

static int imap_co_receive(struct appending *k, struct appended *a,
                           const struct imap_literal *literal)
{
    struct imap_session *s = k->s;
    int rc = imap_co_stop_flood(s, literal);
    s->announced = false;
    if (rc < 0)
        return rc;
    rc = k->result;
    if (rc == 0 && s->settings->message_max && literal->octets > s->settings->message_max)
        rc = -EMSGSIZE;
    if (rc == 0 && !box_has_room(&k->usage, &k->quota, 1, literal->octets))
        rc = ERR_QUOTA; /* the commit decides; but this one need not be sent */
    k->usage.messages++;
    k->usage.octets += literal->octets;
    if (rc == 0)
        rc = blob_writer_open(s->settings->store, literal->octets, &a->writer);
    if (rc < 0 && literal->waits)
        return rc; /* it need not be sent */
    if (literal->waits) {
        int said = imap_co_say(s, SPAN("+ Go on\r\n"));
        if (said < 0)
            return said;
    }
    int taken = imap_co_take_octets(s, literal->octets, a->writer);
    if (ends_session(taken))
        return taken;
    rc = rc < 0 ? rc : taken;
    if (rc == 0)
        rc = blob_co_finish(a->writer);
    return rc < 0 ? rc : imap_co_summarise(a);
}

/* --- the command ----------------------------------------------------------------------------- */

/* [flags SP] [date SP] literal: up to the message. */
static int imap_co_parse_options(struct appending *k, struct imap_parser *p, struct appended *a)
{
    struct imap_session *s = k->s;
    int rc = 0;
    a->message.received_ms = clock_wall_ms();
    if (p->at < p->end && *p->at == '(') {
        struct imap_parser rest = *p;
        if (k->result == 0)
            rc = imap_co_parse_flags(s, p, k->mailbox.id, &a->message.flags);
        else
            skip_options(&rest);
        if (k->result < 0)
            *p = rest;
        else if (rc == IMAP_BAD || imap_parse_sp(p) < 0)
            return IMAP_BAD;
    }
    if (p->at < p->end && *p->at == '"' &&
        (imap_parse_date_time(p, &a->message.received_ms) < 0 || imap_parse_sp(p) < 0))
        return IMAP_BAD;
    return rc == ERR_FULL ? 0 : rc; /* a keyword too many: the message is what counts */
}

/* All of them have room, or none is put in. */
static int put_in(struct db_tx *tx, void *arg)
{
    struct appending *k = arg;
    uint64_t octets = 0;
    for (size_t i = 0; i < k->count; i++)
        octets += k->list[i].message.octets;
    int rc = box_take_room(tx, k->s->who.tenant, k->s->who.user, k->count, octets, &k->quota);
    for (size_t i = 0; rc == 0 && i < k->count; i++) {
        struct appended *a = &k->list[i];
        rc = blob_put(tx, a->writer, k->s->who.tenant, 1, &a->message.blob);
        if (rc == 0)
            rc = box_append_to(tx, k->s->who.tenant, k->mailbox.id, &a->message, &a->uid);
    }
    return rc;
}

static int imap_co_refuse(struct imap_session *s, int rc)
{
    switch (rc) {
    case ERR_ABSENT:
        return imap_co_no(s, "[TRYCREATE] There is no such mailbox");
    case -EMSGSIZE:
        return imap_co_no(s, "[TOOBIG] The message is larger than we take");
    case -EPERM:
        return imap_co_no(s, "[CANNOT] ENABLE UTF8=ACCEPT comes before APPEND with UTF8");
    case -E2BIG:
        return imap_co_no(s, "[LIMIT] Too many messages in one command");
    case ERR_SYNTAX:
        return imap_co_no(s, "[CANNOT] The message holds a NUL, or a CR without LF");
    default:
        return imap_co_fail(s, rc);
    }
}

static int imap_co_finish(struct appending *k)
{
    struct imap_session *s = k->s;
    int rc = store_co_write(s->settings->store, put_in, k);
    if (rc < 0)
        return imap_co_refuse(s, rc);
    for (size_t i = 0; i < k->count; i++)
        blob_writer_committed(k->list[i].writer);
    atomic_fetch_add(&s->settings->counters->appended, k->count);
    rc = imap_co_sync(s, true);
    if (rc < 0)
        return rc;
    if (imap_hides(&s->hidden, "UIDPLUS"))
        return imap_co_printf(s, "%.*s OK Kept\r\n", SPAN_PRINT(s->tag));
    int64_t first = k->list[0].uid, last = k->list[k->count - 1].uid;
    if (first == last)
        return imap_co_printf(s, "%.*s OK [APPENDUID %lld %lld] Kept\r\n", SPAN_PRINT(s->tag),
                              (long long)k->mailbox.uidvalidity, (long long)first);
    return imap_co_printf(s, "%.*s OK [APPENDUID %lld %lld:%lld] Kept\r\n", SPAN_PRINT(s->tag),
                          (long long)k->mailbox.uidvalidity, (long long)first, (long long)last);
}

/* {n}, ~{n} or UTF8 (~{n}: nothing else stands in front of a message. */
static int parse_announcement(struct imap_parser *p, bool *ret_utf8,
                              struct imap_literal *ret_literal)
{
    bool utf8 = imap_take_word(p, "UTF8");
    if (utf8 && (imap_parse_sp(p) < 0 || !imap_take(p, '(')))
        return IMAP_BAD;
    imap_take(p, '~');
    struct span rest = span_make(p->at, (size_t)(p->end - p->at));
    if (!imap_find_literal(rest, ret_literal) || ret_literal->header != rest.len)
        return IMAP_BAD;
    *ret_utf8 = utf8;
    return 0;
}

/* Message by message; the parser stands in front of the first one's options. */
static int imap_co_take_all(struct appending *k, struct imap_parser *p)
{
    struct imap_session *s = k->s;
    struct imap_literal literal;
    bool more = true;
    int rc = 0;
    while (more) {
        struct appended spare = {0};
        struct appended *a = k->count < MESSAGES_MAX ? &k->list[k->count++] : &spare;
        if (a == &spare)
            k->result = -E2BIG;
        *a = (struct appended){0};
        rc = imap_co_parse_options(k, p, a);
        if (rc < 0)
            return rc;
        bool utf8 = false;
        if (parse_announcement(p, &utf8, &literal) < 0)
            return IMAP_BAD;
        if (utf8 && !s->utf8 && !s->rev2 && k->result == 0)
            k->result = -EPERM;
        size_t done = s->command.len;
        int received = imap_co_receive(k, a, &literal);
        if (ends_session(received))
            return received;
        if (received < 0 && literal.waits && !a->writer)
            return received; /* the client will not send it, nor anything behind */
        k->result = k->result < 0 ? k->result : received;
        s->appending = true;
        rc = imap_co_read_on(s);
        s->appending = false;
        if (rc < 0)
            return rc;
        *p = (struct imap_parser){s->command.at + done, s->command.at + s->command.len, p->arena};
        if (utf8 && !imap_take(p, ')'))
            return IMAP_BAD;
        more = imap_take(p, ' ');
    }
    return imap_at_end(p) ? k->result : IMAP_BAD;
}

static void imap_co_forget(struct appending *k)
{
    for (size_t i = 0; i < k->count; i++) {
        blob_co_writer_free(k->list[i].writer);
        summary_free(&k->list[i].summary);
    }
}

int imap_co_append(struct imap_session *s, struct imap_parser *p)
{
    struct appending k = {.s = s};
    struct span name;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = imap_parse_mailbox(s, p, &name);
    if (rc == IMAP_BAD || imap_parse_sp(p) < 0)
        return IMAP_BAD;
    k.list = arena_alloc(&s->arena, MESSAGES_MAX * sizeof *k.list);
    if (!k.list)
        return -ENOMEM;
    k.result = rc;
    if (rc == 0)
        k.result = box_co_open(s->settings->store, s->who.tenant, s->who.user, name, &k.mailbox);
    if (k.result == 0)
        k.result = imap_co_read_quota(s, &k.quota, &k.usage);
    rc = imap_co_take_all(&k, p);
    int skipped = s->announced ? imap_co_skip_message(s) : 0;
    rc = skipped < 0 ? skipped : rc;
    if (rc == 0)
        rc = imap_co_finish(&k);
    else if (rc != IMAP_BAD && !ends_session(rc))
        rc = imap_co_refuse(s, rc);
    imap_co_forget(&k);
    return rc;
}
