/* MAIL, RCPT, RSET: the envelope (RFC 5321 3.3). */
#include "smtpd/session.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

#define RECIPIENTS_MAX         1000
#define UNKNOWN_RECIPIENTS_MAX 20
#define TRACE_OCTETS           2048 /* about what we write in front of a letter */

void session_reset(struct smtp_session *s)
{
    arena_reset(&s->transaction);
    s->mail_given = s->utf8 = false;
    s->reverse_path = SPAN("");
    s->declared_size = 0;
    s->recipients = NULL;
    s->recipient_count = s->recipient_room = 0;
    s->returned_tenant = s->returned_letter = 0;
}

/* "local@domain" in the transaction's arena. */
static struct span session_keep_path(struct smtp_session *s, const struct smtp_path *path)
{
    if (path->domain.len == 0)
        return arena_copy(&s->transaction, path->local);
    char *at = arena_alloc(&s->transaction, path->local.len + path->domain.len + 2);
    if (!at)
        return (struct span){NULL, 0};
    memcpy(at, path->local.at, path->local.len);
    at[path->local.len] = '@';
    memcpy(at + path->local.len + 1, path->domain.at, path->domain.len);
    at[path->local.len + 1 + path->domain.len] = '\0';
    return span_make(at, path->local.len + 1 + path->domain.len);
}

/* 0, or the answer has been given (1), or the session's end. */
static int session_co_check_sender(struct smtp_session *s, const struct smtp_command *command)
{
    if (s->settings->role != SMTPD_SUBMISSION || command->path.null)
        return 0;
    int rc = directory_co_may_send(s->settings->directory, &s->who, command->path.local,
                                   command->path.domain);
    if (rc == 1)
        return 0;
    if (rc < 0)
        rc = session_co_say(s, SPAN("451 4.3.0 Cannot check the sender now, try later\r\n"));
    else
        rc = session_co_complain(s, 553, "5.7.1", "You do not own this sender address");
    return rc < 0 ? rc : 1;
}

static int session_co_want_utf8(struct smtp_session *s)
{
    return session_co_complain(s, 553, "5.6.7", "An address beyond ASCII needs SMTPUTF8");
}

int session_co_mail(struct smtp_session *s, const struct smtp_command *command)
{
    uint64_t max = session_message_max(s);
    if (s->hello[0] == '\0')
        return session_co_complain(s, 503, "5.5.1", "Say %s first",
                                   session_is_lmtp(s) ? "LHLO" : "EHLO or HELO");
    if (s->settings->role == SMTPD_SUBMISSION && !s->authenticated)
        return session_co_complain(s, 530, "5.7.0", "Authentication required");
    if (s->mail_given)
        return session_co_complain(s, 503, "5.5.1", "A transaction is open; RSET ends it");
    if (command->size > max)
        return session_co_complain(s, 552, "5.3.4", "At most %llu bytes are taken",
                                   (unsigned long long)max);
    if (command->smtputf8 && !session_offers_utf8(s))
        return session_co_complain(s, 555, "5.5.4", "SMTPUTF8 is not offered here");
    if (command->beyond_ascii && !command->smtputf8)
        return session_co_want_utf8(s);
    int rc = session_co_check_sender(s, command);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    session_reset(s);
    if (!command->path.null)
        s->reverse_path = session_keep_path(s, &command->path);
    if (!s->reverse_path.at)
        return session_co_say(s, SPAN("452 4.3.1 Out of memory\r\n"));
    s->declared_size = command->size;
    s->utf8 = command->smtputf8;
    s->mail_given = true;
    return session_co_say(s, SPAN("250 2.1.0 Ok\r\n"));
}

static struct letter_recipient *session_new_recipient(struct smtp_session *s)
{
    if (s->recipient_count == s->recipient_room) {
        size_t room = s->recipient_room ? s->recipient_room * 2 : 4;
        struct letter_recipient *grown = arena_alloc(&s->transaction, room * sizeof *grown);
        if (!grown)
            return NULL;
        if (s->recipient_count)
            memcpy(grown, s->recipients, s->recipient_count * sizeof *grown);
        s->recipients = grown;
        s->recipient_room = room;
    }
    struct letter_recipient *recipient = &s->recipients[s->recipient_count];
    *recipient = (struct letter_recipient){0};
    return recipient;
}

/* P8: the truth on port 25, but not for a dictionary. Who comes by LMTP asks for many others. */
static int session_co_refuse_recipient(struct smtp_session *s, int found,
                                       const struct smtp_path *path)
{
    atomic_fetch_add(&s->settings->counters->refused, 1);
    log_info("smtpd.recipient_refused", "peer=%s to=%s@%s why=%s", stream_peer_text(s->st),
             LOG_CLEAN(path->local), LOG_CLEAN(path->domain),
             found == DIRECTORY_FOREIGN ? "relay" : "unknown");
    if (session_is_lmtp(s))
        return session_co_say(s, SPAN("550 5.1.1 No such address here\r\n"));
    if (found == DIRECTORY_FOREIGN)
        return session_co_complain(s, 550, "5.7.1", "Not one of our domains; we do not relay");
    if (++s->unknown_recipients > UNKNOWN_RECIPIENTS_MAX)
        return session_co_end(s, SPAN("421 4.7.0 Too many unknown recipients\r\n"));
    return session_co_say(s, SPAN("550 5.1.1 No such address here\r\n"));
}

/* Our users may send anywhere: the address itself is the target. */
static int session_add_foreign(struct smtp_session *s, const struct smtp_path *path,
                               struct letter_recipient *recipient)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    if (address_fold_domain(path->domain, folded) < 0)
        return DIRECTORY_FOREIGN;
    recipient->targets = arena_alloc(&s->transaction, sizeof *recipient->targets);
    if (!recipient->targets)
        return -ENOMEM;
    *recipient->targets =
        (struct directory_target){.tenant = s->who.tenant, .address = session_keep_path(s, path)};
    recipient->count = 1;
    return recipient->targets->address.at ? DIRECTORY_LOCAL : -ENOMEM;
}

/* To the last byte a stranger would find out by asking how much room somebody has: what fits by its
 * order of magnitude is taken, and refused at its end if need be. */
static uint64_t asked_octets(const struct smtp_session *s)
{
    uint64_t octets = s->declared_size + TRACE_OCTETS;
    if (session_is_lmtp(s))
        return octets;
    while (octets & (octets - 1))
        octets &= octets - 1;
    return octets;
}

/* Servers ask on port 25 and by LMTP, and try again. A mail program would drop the whole letter for
 * one full mailbox: what our users submit is taken, and waits in the queue. */
static int session_co_is_full(const struct smtp_session *s,
                              const struct letter_recipient *recipient)
{
    if (s->settings->role == SMTPD_SUBMISSION)
        return 0;
    return submit_co_is_full(s->settings->door, recipient, asked_octets(s));
}

static int session_co_refuse_full(struct smtp_session *s, const struct smtp_path *path)
{
    struct smtpd_counters *counters = s->settings->counters;
    int code = submit_full_code(s->settings->door);
    atomic_fetch_add(code < 500 ? &counters->tempfailed : &counters->refused, 1);
    log_info("smtpd.recipient_refused", "peer=%s to=%s@%s why=full", stream_peer_text(s->st),
             LOG_CLEAN(path->local), LOG_CLEAN(path->domain));
    return session_co_reply(s, code, code < 500 ? "4.2.2" : "5.2.2", "%s", SUBMIT_FULL_TEXT);
}

static int session_co_add_recipient(struct smtp_session *s, const struct smtp_path *path)
{
    struct letter_recipient *recipient = session_new_recipient(s);
    if (!recipient)
        return session_co_say(s, SPAN("452 4.5.3 Too many recipients\r\n"));
    int found = directory_co_resolve(s->settings->directory, path->local, path->domain,
                                     &s->transaction, &recipient->targets, &recipient->count);
    if (found == DIRECTORY_FOREIGN && s->settings->role == SMTPD_SUBMISSION)
        found = session_add_foreign(s, path, recipient);
    if (found == DIRECTORY_UNKNOWN)
        found = session_co_find_return(s, path, recipient);
    if (found == DIRECTORY_FOREIGN || found == DIRECTORY_UNKNOWN)
        return session_co_refuse_recipient(s, found, path);
    if (found == DIRECTORY_LOCAL && s->utf8 && session_leads_outside(recipient))
        return session_co_say(s,
                              SPAN("550 5.6.7 This address leads to where SMTPUTF8 does not\r\n"));
    if (found == DIRECTORY_LOCAL)
        recipient->forward_path = session_keep_path(s, path);
    int full = found == DIRECTORY_LOCAL ? session_co_is_full(s, recipient) : 0;
    if (found < 0 || full < 0 || !recipient->forward_path.at)
        return session_co_say(s, SPAN("451 4.3.0 Cannot look up the address now, try later\r\n"));
    if (full)
        return session_co_refuse_full(s, path);
    s->recipient_count++;
    return session_co_say(s, SPAN("250 2.1.5 Ok\r\n"));
}

int session_co_rcpt(struct smtp_session *s, const struct smtp_command *command)
{
    uint32_t max = s->settings->recipients_max ? s->settings->recipients_max : RECIPIENTS_MAX;
    if (!s->mail_given)
        return session_co_complain(s, 503, "5.5.1", "MAIL comes first");
    if (s->recipient_count >= max)
        return session_co_say(s, SPAN("452 4.5.3 Too many recipients\r\n"));
    if (command->beyond_ascii && !s->utf8)
        return session_co_want_utf8(s);
    return session_co_add_recipient(s, &command->path);
}

int session_co_rset(struct smtp_session *s, const struct smtp_command *command)
{
    (void)command;
    session_reset(s);
    return session_co_say(s, SPAN("250 2.0.0 Ok\r\n"));
}
