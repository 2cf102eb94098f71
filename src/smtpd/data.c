/*
 * DATA (RFC 5321 4.1.1.4): the letter comes, is made durable, and only then gets its 250 (P1). By
 * LMTP each recipient gets an answer of its own, in the order in which they were given (RFC 2033
 * 4.2); the letter is still one commit.
 */
#include "smtpd/incoming.h"

#include "base/id.h"
#include "base/log.h"
#include "smtp/dot.h"

#include <errno.h>
#include <stdio.h>

#define DATA_TIMEOUT_MS  (3 * 60 * 1000)
#define DATA_DEADLINE_MS (10 * 60 * 1000)
#define SLOWEST_RATE     1000 /* bytes a second that a body may come at, at least */

/* Reads through the true end of data; what is wrong with the letter is kept for the reply. */
static int session_co_read_data(struct smtp_session *s, struct incoming *in)
{
    struct dot_reader dots = DOT_READER;
    bool end = false;
    while (!end) {
        struct span bytes, input, clean;
        int rc = stream_co_peek(s->st, 1, &bytes);
        if (rc < 0)
            return rc;
        for (input = bytes; input.len && !end;) {
            end = dot_read(&dots, &input, &clean);
            if (clean.len)
                incoming_co_take(in, clean);
        }
        stream_consume(s->st, bytes.len - input.len);
    }
    if (dots.bad)
        incoming_refuse(in, 550, "5.6.0", "Lines end with CRLF only, and hold no NUL");
    else if (dots.longest > INCOMING_LINE_MAX)
        incoming_refuse(in, 550, "5.6.0", "A line is too long");
    return 0;
}

/* Temporary, nearly all of it: nothing was kept, and the client tries again (P4). */
static void refuse_for(struct incoming *in, int rc)
{
    int full = submit_full_code(in->session->settings->door);
    if (rc == ERR_ABSENT) { /* between RCPT and here the user was removed */
        incoming_refuse(in, 550, "5.1.1", "No such address here");
        return;
    }
    if (rc == ERR_QUOTA) {
        incoming_refuse(in, full, full >= 500 ? "5.2.2" : "4.2.2", SUBMIT_FULL_TEXT);
        return;
    }
    if (rc == -ENOSPC || rc == ERR_FULL)
        incoming_refuse(in, 452, "4.3.1", "No room now, try again later");
    else
        incoming_refuse(in, 451, "4.3.0", "Cannot store the letter now, try again later");
    log_error("smtpd.not_stored", "peer=%s why=\"%s\"", stream_peer_text(in->session->st),
              error_text(rc));
}

static void session_co_store(struct smtp_session *s, struct incoming *in)
{
    char source[400];
    bool submission = s->settings->role == SMTPD_SUBMISSION;
    struct letter_return returned;
    snprintf(source, sizeof source, "%s %s", session_protocol(s), stream_peer_text(s->st));
    struct letter letter = {.id = in->letter,
                            .reverse_path = s->reverse_path,
                            .recipients = s->recipients,
                            .recipient_count = s->recipient_count,
                            .body = in->blob,
                            .head = buffer_span(&in->signatures),
                            .eight_bit = in->eight_bit,
                            .leaving_path = session_forward_path(s),
                            .apart = session_is_lmtp(s),
                            .may_notify = submission,
                            .full_waits = submission,
                            .source = span_of(source)};
    int rc = 0;
    if (s->returned_letter) {
        rc = incoming_read_report(in, &s->transaction, &returned);
        letter.returned = &returned;
    }
    if (rc == 0)
        rc = submit_co_receive(s->settings->door, &letter);
    if (rc < 0)
        refuse_for(in, rc);
}

/* For one of several recipients. */
static int session_co_answer_one(struct smtp_session *s, const struct incoming *in,
                                 const struct letter_recipient *recipient)
{
    char id[ID_TEXT];
    struct smtpd_counters *counters = s->settings->counters;
    bool full = recipient->refused == ERR_QUOTA;
    int code = full ? submit_full_code(s->settings->door) : 550;
    if (in->refusal.code)
        return session_co_reply(s, in->refusal.code, in->refusal.enhanced, "%s", in->refusal.text);
    if (recipient->refused == 0)
        return session_co_reply(s, 250, "2.1.5", "Ok: stored as %s", id_text(in->letter, id));
    atomic_fetch_add(code < 500 ? &counters->tempfailed : &counters->refused, 1);
    log_info("smtpd.recipient_refused", "peer=%s to=%s why=%s", stream_peer_text(s->st),
             LOG_CLEAN(recipient->forward_path), full ? "full" : "gone");
    if (!full)
        return session_co_say(s, SPAN("550 5.1.1 No such address here\r\n"));
    return session_co_reply(s, code, code < 500 ? "4.2.2" : "5.2.2", "%s", SUBMIT_FULL_TEXT);
}

static int session_co_answer_each(struct smtp_session *s, const struct incoming *in)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->recipient_count; i++)
        rc = session_co_answer_one(s, in, &s->recipients[i]);
    return rc;
}

static void session_note_letter(struct smtp_session *s, const struct incoming *in)
{
    char id[ID_TEXT];
    struct smtpd_counters *counters = s->settings->counters;
    const struct refusal *refusal = &in->refusal;
    if (refusal->code) {
        atomic_fetch_add(refusal->code < 500 ? &counters->tempfailed : &counters->refused, 1);
        log_info("smtpd.letter_refused", "peer=%s from=%s code=%d why=\"%s\"",
                 stream_peer_text(s->st), LOG_CLEAN(s->reverse_path), refusal->code, refusal->text);
        return;
    }
    s->letters++;
    atomic_fetch_add(&counters->accepted, 1);
    atomic_fetch_add(&counters->accepted_bytes, in->size);
    log_debug("smtpd.accepted", "letter=%s peer=%s bytes=%llu recipients=%zu",
              id_text(in->letter, id), stream_peer_text(s->st), (unsigned long long)in->size,
              s->recipient_count);
}

static int session_co_answer_data(struct smtp_session *s, const struct incoming *in)
{
    char id[ID_TEXT];
    const struct refusal *refusal = &in->refusal;
    session_note_letter(s, in);
    if (session_is_lmtp(s))
        return session_co_answer_each(s, in);
    if (refusal->code)
        return session_co_reply(s, refusal->code, refusal->enhanced, "%s", refusal->text);
    if (in->verdict.code)
        return session_co_reply(s, in->verdict.code, in->verdict.enhanced, "%s", in->verdict.text);
    return session_co_reply(s, 250, "2.0.0", "Ok: stored as %s", id_text(in->letter, id));
}

static int session_co_receive(struct smtp_session *s, struct incoming *in)
{
    const struct smtpd_settings *settings = s->settings;
    uint64_t max = session_message_max(s);
    int64_t pause = settings->data_timeout_ms ? settings->data_timeout_ms : DATA_TIMEOUT_MS;
    stream_set_timeout(s->st, pause);
    stream_set_deadline(s->st, DATA_DEADLINE_MS + (int64_t)(max / SLOWEST_RATE) * 1000);
    int rc = session_co_say(s, SPAN("354 End data with <CR><LF>.<CR><LF>\r\n"));
    if (rc == 0)
        rc = session_co_read_data(s, in);
    stream_set_timeout(s->st, CO_FOREVER); /* the deadline of each command bounds it */
    if (rc < 0)
        return rc;
    if (incoming_co_finish(in) == 0) {
        if (submission_hands_over(s))
            submission_co_hand_over(in);
        else
            session_co_store(s, in);
    }
    return session_co_answer_data(s, in);
}

int session_co_data(struct smtp_session *s, const struct smtp_command *command)
{
    struct incoming in;
    (void)command;
    if (!s->mail_given)
        return session_co_complain(s, 503, "5.5.1", "MAIL comes first");
    if (s->recipient_count == 0 && session_is_lmtp(s)) /* RFC 2033 4.2 */
        return session_co_complain(s, 503, "5.5.1", "No valid recipients");
    if (s->recipient_count == 0)
        return session_co_complain(s, 554, "5.5.1", "No valid recipients");
    int rc = session_co_forbid_pipelining(s);
    if (rc < 0)
        return rc;
    if (incoming_open(&in, s) < 0) {
        atomic_fetch_add(&s->settings->counters->tempfailed, 1);
        rc = session_co_say(s, SPAN("452 4.3.1 No room now, try again later\r\n"));
    } else {
        rc = session_co_receive(s, &in);
        incoming_co_close(&in);
    }
    session_reset(s);
    return rc;
}
