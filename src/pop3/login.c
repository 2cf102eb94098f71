/* USER, PASS (RFC 1939 7), AUTH (RFC 5034), the lock, and the list of messages taken at login. */
#include "pop3/session.h"

#include "base/log.h"
#include "pop3/lock.h"

#include <errno.h>
#include <stdlib.h>

#define MESSAGES_MAX ((size_t)1000 * 1000)

/* --- the list of messages -------------------------------------------------------------------- */

static int pop3_keep(struct pop3_session *s, const struct box_message *message)
{
    if (s->count == MESSAGES_MAX)
        return -E2BIG;
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 64;
        struct pop3_message *grown = realloc(s->messages, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        s->messages = grown;
        s->room = room;
    }
    s->messages[s->count++] = (struct pop3_message){message->uid, message->octets, false};
    return 0;
}

static int pop3_co_take_list(struct pop3_session *s)
{
    int64_t uidvalidity, after = 0;
    size_t count;
    int rc = box_co_find(s->settings->store, s->who.tenant, s->who.user, BOX_INBOX, &s->mailbox,
                         &uidvalidity);
    if (rc < 0)
        return rc == ERR_ABSENT ? 0 : rc;
    do {
        AUTO_ARENA arena = ARENA((size_t)4 * 1024 * 1024);
        struct box_message *messages;
        rc = box_co_list(s->settings->store, s->who.tenant, s->mailbox, after, &arena, &messages,
                         &count);
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = pop3_keep(s, &messages[i]);
        if (rc == 0 && count)
            after = messages[count - 1].uid;
    } while (rc == 0 && count);
    return rc == -E2BIG ? 0 : rc; /* the oldest first; the others after these are deleted */
}

/* --- letting in ------------------------------------------------------------------------------ */

/* What keeps somebody out whose password was right. */
static int pop3_co_keep_out(struct pop3_session *s, int why)
{
    log_info("pop3.kept_out", "peer=%s user=%s why=\"%s\"", stream_peer_text(s->st),
             LOG_CLEAN(sasl_name(&s->sasl)), error_text(why));
    if (why == -EBUSY)
        return pop3_co_say(s, SPAN("-ERR [IN-USE] Another POP3 session reads this mailbox\r\n"));
    if (why == -EAGAIN)
        return pop3_co_say(s, SPAN("-ERR [LOGIN-DELAY] Too soon after the last login\r\n"));
    return pop3_co_say(s, SPAN("-ERR [SYS/TEMP] Mailbox not available now\r\n"));
}

static int pop3_co_enter(struct pop3_session *s, const struct identity *who)
{
    int rc = pop3_lock_take(s->settings->locks, who->user, s->settings->login_delay);
    if (rc < 0)
        return pop3_co_keep_out(s, rc);
    s->who = *who;
    rc = pop3_co_take_list(s);
    if (rc < 0) {
        pop3_lock_undo(s->settings->locks, who->user);
        s->who.user = 0;
        s->count = 0;
        return rc == -ECANCELED ? rc : pop3_co_keep_out(s, rc);
    }
    atomic_fetch_add(&s->settings->counters->logins, 1);
    log_info("pop3.login", "peer=%s user=%s messages=%zu", stream_peer_text(s->st), who->login,
             s->count);
    return pop3_co_printf(s, "+OK %zu messages\r\n", s->count);
}

static int pop3_co_send_away(struct pop3_session *s, int why)
{
    log_info("pop3.login_failed", "peer=%s user=%s why=\"%s\"", stream_peer_text(s->st),
             LOG_CLEAN(sasl_name(&s->sasl)), error_text(why));
    if (why != ERR_DENIED)
        return pop3_co_say(s, SPAN("-ERR [SYS/TEMP] Cannot check passwords now\r\n"));
    int rc = pop3_co_say(s, SPAN("-ERR [AUTH] User name or password is wrong\r\n"));
    return rc == 0 && sasl_is_exhausted(&s->sasl) ? POP3_END : rc;
}

/* rc: what the SASL dialogue gave. */
static int pop3_co_conclude(struct pop3_session *s, int rc, const struct identity *who)
{
    switch (rc) {
    case SASL_DONE:
        return pop3_co_enter(s, who);
    case -ENOTSUP:
        return pop3_co_mistake(s, SPAN("-ERR CAPA lists the mechanisms that are offered\r\n"));
    case ERR_SYNTAX:
        return pop3_co_mistake(s, SPAN("-ERR Not base64, or not what the mechanism sends\r\n"));
    case ERR_ABSENT:
        return pop3_co_mistake(s, SPAN("-ERR Login given up\r\n"));
    case -ECANCELED:
    case -ETIMEDOUT:
    case ERR_CLOSED:
    case ERR_TLS:
        return rc;
    default:
        return pop3_co_send_away(s, rc);
    }
}

int pop3_co_user(struct pop3_session *s, const struct pop3_command *command)
{
    if (!pop3_may_log_in(s))
        return pop3_co_say(s, SPAN("-ERR [AUTH] Start TLS first (STLS)\r\n"));
    if (!span_to_text(span_trim(command->argument), s->user, sizeof s->user))
        return pop3_co_say(s, SPAN("-ERR [AUTH] That name is too long\r\n"));
    return pop3_co_say(s, SPAN("+OK Password, please\r\n")); /* for everybody: P8 */
}

int pop3_co_pass(struct pop3_session *s, const struct pop3_command *command)
{
    struct identity who;
    if (!s->user[0])
        return pop3_co_say(s, SPAN("-ERR USER comes first\r\n"));
    int rc = sasl_co_login(&s->sasl, span_of(s->user), command->argument, &who);
    rc = pop3_co_conclude(s, rc, &who);
    sasl_close(&s->sasl);
    return rc;
}

static int pop3_co_list_mechanisms(struct pop3_session *s)
{
    AUTO_BUFFER lines = BUFFER(512);
    int rc = buffer_append_text(&lines, "+OK Mechanisms follow");
    if (rc == 0)
        rc = sasl_list(&s->sasl, "\r\n", &lines);
    if (rc == 0)
        rc = buffer_append_text(&lines, "\r\n.\r\n");
    return rc < 0 ? rc : pop3_co_say(s, buffer_span(&lines));
}

int pop3_co_auth(struct pop3_session *s, const struct pop3_command *command)
{
    struct span rest = command->argument, mechanism = SPAN("");
    struct identity who;
    if (!pop3_may_log_in(s))
        return pop3_co_say(s, SPAN("-ERR [AUTH] Start TLS first (STLS)\r\n"));
    if (!span_cut(&rest, ' ', &mechanism))
        return pop3_co_list_mechanisms(s);
    int rc = sasl_co_run(&s->sasl, mechanism, span_trim(rest), SPAN("+ "), &who);
    rc = pop3_co_conclude(s, rc, &who);
    sasl_close(&s->sasl);
    return rc;
}
