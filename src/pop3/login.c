/* USER, PASS, AUTH PLAIN (RFC 1939 7, RFC 5034), and the list of messages taken at login. */
#include "pop3/session.h"

#include "base/base64.h"
#include "base/log.h"
#include "directory/sasl.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define FAILURES_MAX 3
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

static int pop3_co_enter(struct pop3_session *s, const struct identity *who)
{
    s->who = *who;
    int rc = pop3_co_take_list(s);
    if (rc < 0) {
        s->who.user = 0;
        log_error("pop3.no_list", "user=%s why=\"%s\"", who->login, error_text(rc));
        return pop3_co_say(s, SPAN("-ERR [SYS/TEMP] Mailbox not available now\r\n"));
    }
    atomic_fetch_add(&s->settings->counters->logins, 1);
    log_info("pop3.login", "peer=%s user=%s messages=%zu", stream_peer_text(s->st), who->login,
             s->count);
    return pop3_co_printf(s, "+OK %zu messages\r\n", s->count);
}

static int pop3_co_verify(struct pop3_session *s, struct span login, struct span password)
{
    struct identity who;
    int rc = directory_co_authenticate(s->settings->directory, login, password, &who);
    if (rc == 0 && who.user == 0) /* a key sends; it has no mailbox */
        rc = ERR_DENIED;
    if (rc == 0)
        return pop3_co_enter(s, &who);
    if (rc == -ECANCELED)
        return rc;
    log_info("pop3.login_failed", "peer=%s user=%s why=\"%s\"", stream_peer_text(s->st),
             LOG_CLEAN(login), error_text(rc));
    if (rc != ERR_DENIED)
        return pop3_co_say(s, SPAN("-ERR [SYS/TEMP] Cannot check passwords now\r\n"));
    rc = pop3_co_say(s, SPAN("-ERR [AUTH] User name or password is wrong\r\n"));
    return rc == 0 && ++s->failures >= FAILURES_MAX ? POP3_END : rc;
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
    if (!s->user[0])
        return pop3_co_say(s, SPAN("-ERR USER comes first\r\n"));
    return pop3_co_verify(s, span_of(s->user), command->argument);
}

static void buffer_wipe(struct buffer *b)
{
    if (b->at)
        sodium_memzero(b->at, b->size);
    buffer_free(b);
}

/* The message of PLAIN, on the command's line or after "+ ". ERR_ABSENT: the client gave up. */
static int pop3_co_read_plain(struct pop3_session *s, struct span initial, struct buffer *out)
{
    struct span line = initial;
    if (initial.len == 0) {
        int rc = pop3_co_say(s, SPAN("+ \r\n"));
        if (rc == 0)
            rc = stream_co_read_line(s->st, POP3_LINE_MAX, &line);
        if (rc < 0)
            return rc == -EMSGSIZE ? ERR_SYNTAX : rc;
        if (span_equal(line, SPAN("*")))
            return ERR_ABSENT;
    }
    return base64_decode(out, span_trim(line));
}

int pop3_co_auth(struct pop3_session *s, const struct pop3_command *command)
{
    __attribute__((cleanup(buffer_wipe))) struct buffer message = BUFFER(POP3_LINE_MAX);
    struct span rest = command->argument, mechanism = SPAN("");
    struct span authorization = SPAN(""), login = SPAN(""), password = SPAN("");
    if (!pop3_may_log_in(s))
        return pop3_co_say(s, SPAN("-ERR [AUTH] Start TLS first (STLS)\r\n"));
    if (!span_cut(&rest, ' ', &mechanism))
        return pop3_co_say(s, SPAN("+OK Mechanisms follow\r\nPLAIN\r\n.\r\n"));
    if (!span_equal_nocase(mechanism, SPAN("PLAIN")))
        return pop3_co_say(s, SPAN("-ERR Only PLAIN is offered\r\n"));
    int rc = pop3_co_read_plain(s, span_trim(rest), &message);
    if (rc == 0)
        rc = sasl_parse_plain(buffer_span(&message), &authorization, &login, &password);
    if (rc == ERR_SYNTAX || rc == -ENOBUFS || rc == ERR_ABSENT)
        return pop3_co_say(s, SPAN("-ERR Not what PLAIN sends, or given up\r\n"));
    if (rc < 0)
        return rc;
    if (authorization.len && !span_equal_nocase(authorization, login))
        return pop3_co_verify(s, authorization, SPAN("")); /* for somebody else: never */
    return pop3_co_verify(s, login, password);
}
