/* One POP3 dialogue from greeting to farewell; see server.h, session.h. */
#include "pop3/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "pop3/lock.h"
#include "run/tls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MISTAKES_MAX     20
#define IDLE_TIMEOUT_MS  (10 * 60 * 1000)
#define LOGIN_TIMEOUT_MS (60 * 1000)
#define LOGIN_WITHIN_MS  (3 * 60 * 1000) /* however much is said meanwhile */

const struct span pop3_refusal = SPAN("-ERR [SYS/TEMP] Too many connections, try again later\r\n");

/* --- answers --------------------------------------------------------------------------------- */

int pop3_co_say(struct pop3_session *s, struct span lines)
{
    return stream_co_write(s->st, lines);
}

int pop3_co_printf(struct pop3_session *s, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof line)
        return -EMSGSIZE;
    return pop3_co_say(s, span_make(line, (size_t)len));
}

int pop3_co_mistake(struct pop3_session *s, struct span line)
{
    if (++s->mistakes <= MISTAKES_MAX)
        return pop3_co_say(s, line);
    int rc = pop3_co_say(s, SPAN("-ERR Too many errors\r\n"));
    return rc < 0 ? rc : POP3_END;
}

bool pop3_may_log_in(const struct pop3_session *s)
{
    return stream_is_private(s->st, s->settings->cleartext_login);
}

bool pop3_offers_tls(const struct pop3_session *s)
{
    if (stream_is_tls(s->st) || !s->settings->tls || s->who.user || s->utf8)
        return false;
    struct tls_context *context = s->settings->tls(s->settings->tls_arg);
    tls_context_release(context);
    return context != NULL;
}

/* --- commands of every state ----------------------------------------------------------------- */

static int pop3_list_policy(const struct pop3_session *s, struct buffer *list)
{
    const struct pop3_settings *settings = s->settings;
    int rc = settings->expire ? buffer_printf(list, "EXPIRE %u\r\n", settings->expire)
                              : buffer_append_text(list, "EXPIRE NEVER\r\n");
    if (rc == 0 && settings->login_delay)
        rc = buffer_printf(list, "LOGIN-DELAY %u\r\n", settings->login_delay);
    return rc;
}

static int pop3_list_logins(const struct pop3_session *s, struct buffer *list)
{
    int rc = buffer_append_text(list, "USER\r\nSASL");
    if (rc == 0)
        rc = sasl_list(&s->sasl, " ", list);
    return rc < 0 ? rc : buffer_append_text(list, "\r\n");
}

int pop3_co_capa(struct pop3_session *s, const struct pop3_command *command)
{
    (void)command;
    AUTO_BUFFER list = BUFFER(1024);
    int rc = buffer_append_text(&list, "+OK Capability list follows\r\nTOP\r\nUIDL\r\n"
                                       "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n"
                                       "UTF8\r\nLANG\r\n");
    if (rc == 0)
        rc = pop3_list_policy(s, &list);
    if (rc == 0 && s->who.user == 0 && pop3_may_log_in(s))
        rc = pop3_list_logins(s, &list);
    if (rc == 0 && pop3_offers_tls(s))
        rc = buffer_append_text(&list, "STLS\r\n");
    if (rc == 0)
        rc = buffer_append_text(&list, "IMPLEMENTATION Postamt\r\n.\r\n");
    return rc < 0 ? rc : pop3_co_say(s, buffer_span(&list));
}

/* Bytes behind the command came before TLS: somebody injected them (RFC 2595 4). */
int pop3_co_stls(struct pop3_session *s, const struct pop3_command *command)
{
    (void)command;
    if (!pop3_offers_tls(s))
        return pop3_co_say(s, SPAN("-ERR TLS is active already or not to be had\r\n"));
    if (stream_has_input(s->st)) {
        int rc = pop3_co_say(s, SPAN("-ERR Wait for the answer to STLS\r\n"));
        return rc < 0 ? rc : POP3_END;
    }
    struct tls_context *context = s->settings->tls(s->settings->tls_arg);
    if (!context)
        return pop3_co_say(s, SPAN("-ERR TLS not available now\r\n"));
    int rc = pop3_co_say(s, SPAN("+OK Begin TLS\r\n"));
    if (rc == 0)
        rc = stream_co_start_tls_server(s->st, context);
    tls_context_release(context);
    s->user[0] = '\0'; /* what was said in the clear is forgotten */
    if (rc < 0)
        log_info("pop3.tls_failed", "peer=%s why=\"%s\"", stream_peer_text(s->st), error_text(rc));
    return rc;
}

int pop3_co_noop(struct pop3_session *s, const struct pop3_command *command)
{
    (void)command;
    return pop3_co_say(s, SPAN("+OK\r\n"));
}

/* --- the command loop ------------------------------------------------------------------------ */

typedef int pop3_function(struct pop3_session *s, const struct pop3_command *command);
enum states { BEFORE_LOGIN = 1, AFTER_LOGIN = 2, ALWAYS = 3 };

static const struct {
    pop3_function *co_run;
    enum states states;
} functions[POP3_VERBS] = {
    [POP3_USER] = {pop3_co_user, BEFORE_LOGIN}, [POP3_PASS] = {pop3_co_pass, BEFORE_LOGIN},
    [POP3_AUTH] = {pop3_co_auth, BEFORE_LOGIN}, [POP3_STLS] = {pop3_co_stls, BEFORE_LOGIN},
    [POP3_CAPA] = {pop3_co_capa, ALWAYS},       [POP3_STAT] = {pop3_co_stat, AFTER_LOGIN},
    [POP3_LIST] = {pop3_co_list, AFTER_LOGIN},  [POP3_UIDL] = {pop3_co_uidl, AFTER_LOGIN},
    [POP3_RETR] = {pop3_co_retr, AFTER_LOGIN},  [POP3_TOP] = {pop3_co_top, AFTER_LOGIN},
    [POP3_DELE] = {pop3_co_dele, AFTER_LOGIN},  [POP3_RSET] = {pop3_co_rset, AFTER_LOGIN},
    [POP3_NOOP] = {pop3_co_noop, AFTER_LOGIN},  [POP3_UTF8] = {pop3_co_utf8, BEFORE_LOGIN},
    [POP3_LANG] = {pop3_co_lang, ALWAYS},       [POP3_QUIT] = {pop3_co_quit, ALWAYS},
};

static int pop3_co_next(struct pop3_session *s)
{
    struct span line = SPAN("");
    struct pop3_command command;
    int64_t idle = s->settings->idle_timeout_ms ? s->settings->idle_timeout_ms : IDLE_TIMEOUT_MS;
    int64_t left = s->opened_ms + LOGIN_WITHIN_MS - clock_mono_ms();
    int64_t limit =
        s->settings->login_timeout_ms ? s->settings->login_timeout_ms : LOGIN_TIMEOUT_MS;
    int64_t before_login = left < limit ? left : limit;
    stream_set_deadline(s->st, s->who.user ? idle : before_login);
    stream_set_idle(s->st, true);
    int rc = stream_co_rest(s->st);
    stream_set_idle(s->st, false);
    if (rc == 0)
        rc = stream_co_read_line(s->st, POP3_LINE_MAX, &line);
    if (rc == -EMSGSIZE || rc == ERR_SYNTAX)
        return pop3_co_mistake(s, SPAN("-ERR Lines end with CRLF and are short\r\n"));
    if (rc < 0)
        return rc;
    rc = pop3_parse_command(line, &command);
    if (rc == POP3_BAD_COMMAND)
        return pop3_co_mistake(s, SPAN("-ERR Unknown command\r\n"));
    if (rc < 0)
        return pop3_co_mistake(s, SPAN("-ERR Wrong arguments\r\n"));
    if (!(functions[command.verb].states & (s->who.user ? AFTER_LOGIN : BEFORE_LOGIN)))
        return pop3_co_mistake(s, s->who.user ? SPAN("-ERR You are logged in already\r\n")
                                              : SPAN("-ERR Log in first\r\n"));
    return functions[command.verb].co_run(s, &command);
}

static int pop3_co_greet(struct pop3_session *s)
{
    if (s->settings->implicit_tls) {
        struct tls_context *context = s->settings->tls(s->settings->tls_arg);
        if (!context)
            return ERR_TLS;
        stream_set_deadline(s->st, 60 * 1000);
        int rc = stream_co_start_tls_server(s->st, context);
        tls_context_release(context);
        if (rc < 0)
            return rc;
    }
    return pop3_co_printf(s, "+OK %.255s POP3 ready\r\n", s->settings->hostname);
}

int pop3_co_serve(struct stream *st, void *settings)
{
    struct pop3_session *s = calloc(1, sizeof *s);
    if (!s) {
        stream_farewell(st, pop3_refusal);
        return -ENOMEM;
    }
    s->st = st;
    s->opened_ms = clock_mono_ms();
    s->settings = settings;
    sasl_open(&s->sasl, s->settings->directory, st, true);
    stream_set_timeout(st, CO_FOREVER); /* the deadline of each command bounds it */
    atomic_fetch_add(&s->settings->counters->sessions, 1);
    int rc = pop3_co_greet(s);
    while (rc == 0)
        rc = pop3_co_next(s);
    if (rc == -ECANCELED)
        stream_farewell(st, SPAN("-ERR [SYS/TEMP] Shutting down\r\n"));
    else if (rc == -ETIMEDOUT)
        stream_farewell(st, SPAN("-ERR Timeout\r\n"));
    log_debug("pop3.end", "peer=%s why=\"%s\"", stream_peer_text(st),
              rc == POP3_END ? "said" : error_text(rc));
    if (s->who.user)
        pop3_lock_give(s->settings->locks, s->who.user);
    sasl_close(&s->sasl);
    free(s->messages);
    free(s);
    return rc;
}
