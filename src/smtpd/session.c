/*
 * One SMTP dialogue from greeting to farewell; see server.h, session.h.
 */
#include "smtpd/session.h"

#include "base/log.h"
#include "run/loop.h"
#include "run/tls.h"
#include "smtp/reply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MISTAKES_MAX       20
#define COMMAND_TIMEOUT_MS (5 * 60 * 1000)
#define TRANSACTION_MEMORY ((size_t)1024 * 1024)
#define REPLY_MAX          ((size_t)4096)
#define MESSAGE_MAX        ((uint64_t)25 * 1024 * 1024)

const struct span smtpd_refusal =
    SPAN("421 4.3.2 Too many connections here now, try again later\r\n");

/* --- replies --------------------------------------------------------------------------------- */

int session_co_say(struct smtp_session *s, struct span lines)
{
    return stream_co_write(s->st, lines);
}

static int session_co_reply_list(struct smtp_session *s, int code, const char *enhanced,
                                 const char *format, va_list args)
{
    char text[1024];
    AUTO_BUFFER reply = BUFFER(REPLY_MAX);
    vsnprintf(text, sizeof text, format, args);
    int rc = smtp_reply_format(&reply, code, *enhanced ? enhanced : NULL, span_of(text));
    return rc < 0 ? rc : session_co_say(s, buffer_span(&reply));
}

int session_co_reply(struct smtp_session *s, int code, const char *enhanced, const char *format,
                     ...)
{
    va_list args;
    va_start(args, format);
    int rc = session_co_reply_list(s, code, enhanced, format, args);
    va_end(args);
    return rc;
}

int session_co_complain(struct smtp_session *s, int code, const char *enhanced, const char *format,
                        ...)
{
    if (++s->mistakes > MISTAKES_MAX)
        return session_co_end(s, SPAN("421 4.7.0 Too many errors\r\n"));
    va_list args;
    va_start(args, format);
    int rc = session_co_reply_list(s, code, enhanced, format, args);
    va_end(args);
    return rc;
}

int session_co_end(struct smtp_session *s, struct span lines)
{
    int rc = session_co_say(s, lines);
    return rc < 0 ? rc : SESSION_END;
}

int session_co_forbid_pipelining(struct smtp_session *s)
{
    if (!stream_has_input(s->st))
        return 0;
    log_info("smtpd.pipelining", "peer=%s", stream_peer_text(s->st));
    return session_co_end(s, SPAN("503 5.5.0 Improper use of command pipelining\r\n"));
}

bool session_is_lmtp(const struct smtp_session *s)
{
    return s->settings->role == SMTPD_LMTP;
}

bool session_offers_utf8(const struct smtp_session *s)
{
    return s->settings->role != SMTPD_SUBMISSION;
}

const char *session_protocol(const struct smtp_session *s)
{
    static const char *const names[][4] = {
        {"SMTP", "SMTP", "SMTP", "SMTP"},
        {"ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"},
        {"LMTP", "LMTPA", "LMTPS", "LMTPSA"},
        {"UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"},
        {"UTF8LMTP", "UTF8LMTPA", "UTF8LMTPS", "UTF8LMTPSA"},
    };
    unsigned kind = session_is_lmtp(s) ? 2 : s->extended;
    if (s->utf8)
        kind = session_is_lmtp(s) ? 4 : 3;
    return names[kind][2 * stream_is_tls(s->st) + s->authenticated];
}

uint64_t session_message_max(const struct smtp_session *s)
{
    return s->settings->message_max ? s->settings->message_max : MESSAGE_MAX;
}

/* --- the command loop ------------------------------------------------------------------------ */

typedef int session_command(struct smtp_session *s, const struct smtp_command *command);

static session_command *const session_commands[] = {
    [SMTP_HELO] = session_co_helo,         [SMTP_EHLO] = session_co_ehlo,
    [SMTP_LHLO] = session_co_lhlo,         [SMTP_MAIL] = session_co_mail,
    [SMTP_RCPT] = session_co_rcpt,         [SMTP_DATA] = session_co_data,
    [SMTP_RSET] = session_co_rset,         [SMTP_NOOP] = session_co_noop,
    [SMTP_QUIT] = session_co_quit,         [SMTP_VRFY] = session_co_vrfy,
    [SMTP_EXPN] = session_co_expn,         [SMTP_HELP] = session_co_help,
    [SMTP_STARTTLS] = session_co_starttls, [SMTP_AUTH] = session_co_auth,
};

/* Browsers can be made to speak to us; what they say first is no mistake but an attack. */
static bool is_foreign_protocol(struct span line)
{
    static const char *const verbs[] = {"GET ",     "POST ",    "PUT ",   "HEAD ",
                                        "OPTIONS ", "CONNECT ", "DELETE "};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (span_starts_nocase(line, span_of(verbs[i])))
            return true;
    return false;
}

static int session_co_refuse_command(struct smtp_session *s, int why, struct span line)
{
    if (is_foreign_protocol(line))
        return session_co_end(s, SPAN("554 5.5.0 This is a mail server\r\n"));
    switch (why) {
    case SMTP_BAD_ARGUMENT:
        return session_co_complain(s, 501, "5.5.4", "Syntax error in the arguments");
    case SMTP_BAD_PARAMETER:
        return session_co_complain(s, 555, "5.5.4", "Unknown parameter of MAIL or RCPT");
    default:
        return session_co_complain(s, 500, "5.5.2", "Unknown command");
    }
}

static int session_co_command(struct smtp_session *s, struct span line)
{
    struct smtp_command command;
    int rc = smtp_parse_command(line, &command);
    if (rc < 0)
        return session_co_refuse_command(s, rc, line);
    session_command *co_run = command.verb < sizeof session_commands / sizeof *session_commands
                                  ? session_commands[command.verb]
                                  : NULL;
    if (!co_run)
        return session_co_complain(s, 502, "5.5.1", "Command not offered");
    return co_run(s, &command);
}

static int session_co_next(struct smtp_session *s)
{
    struct span line;
    int64_t timeout = s->settings->command_timeout_ms;
    stream_set_deadline(s->st, timeout ? timeout : COMMAND_TIMEOUT_MS);
    stream_set_idle(s->st, true);
    int rc = stream_co_read_line(s->st, SESSION_LINE_MAX, &line);
    stream_set_idle(s->st, false);
    if (rc == -EMSGSIZE)
        return session_co_complain(s, 500, "5.5.2", "Line too long");
    if (rc == ERR_SYNTAX)
        return session_co_end(s, SPAN("521 5.5.2 Lines end with CRLF and hold no NUL\r\n"));
    return rc < 0 ? rc : session_co_command(s, line);
}

/* --- greeting and farewell ------------------------------------------------------------------- */

static int session_co_start_implicit_tls(struct smtp_session *s)
{
    struct tls_context *context = s->settings->tls(s->settings->tls_arg);
    if (!context)
        return ERR_TLS;
    stream_set_deadline(s->st, 60 * 1000);
    int rc = stream_co_start_tls_server(s->st, context);
    tls_context_release(context);
    return rc;
}

static bool session_trusts_peer(const struct smtp_session *s)
{
    if (stream_peer_is_loopback(s->st))
        return true;
    for (size_t i = 0; i < s->settings->trusted_count; i++)
        if (network_holds(&s->settings->trusted[i], stream_peer(s->st)))
            return true;
    return false;
}

/* A server waits for the greeting (RFC 5321 3.1); a spam sender often does not. */
static int session_co_greet(struct smtp_session *s)
{
    const struct smtpd_settings *settings = s->settings;
    bool patient = settings->role == SMTPD_MX && !stream_peer_is_loopback(s->st);
    if (session_is_lmtp(s) && !session_trusts_peer(s)) {
        log_info("smtpd.not_trusted", "peer=%s", stream_peer_text(s->st));
        return session_co_end(s, SPAN("554 5.7.1 Only mail servers of this site deliver here\r\n"));
    }
    if (settings->implicit_tls) {
        int rc = session_co_start_implicit_tls(s);
        if (rc < 0)
            return rc;
    } else {
        int early = stream_co_await_input(s->st, patient ? settings->greet_pause_ms : 0);
        if (early < 0)
            return early;
        if (early) {
            log_info("smtpd.early_talker", "peer=%s", stream_peer_text(s->st));
            return session_co_end(s, SPAN("554 5.5.0 You spoke before the greeting\r\n"));
        }
    }
    return session_co_reply(s, 220, "", "%s %s Postamt", settings->hostname,
                            session_is_lmtp(s) ? "LMTP" : "ESMTP");
}

static void session_say_farewell(struct smtp_session *s, int rc)
{
    if (rc == -ECANCELED)
        stream_farewell(s->st, SPAN("421 4.3.2 Shutting down, try again soon\r\n"));
    else if (rc == -ETIMEDOUT)
        stream_farewell(s->st, SPAN("421 4.4.2 Timeout\r\n"));
    else if (rc != SESSION_END && rc != ERR_CLOSED)
        stream_farewell(s->st, SPAN("421 4.3.0 Session failed, try again later\r\n"));
    log_debug("smtpd.end", "peer=%s letters=%llu why=\"%s\"", stream_peer_text(s->st),
              (unsigned long long)s->letters, rc == SESSION_END ? "said" : error_text(rc));
}

int smtpd_co_serve(struct stream *st, void *settings)
{
    struct smtp_session *s = calloc(1, sizeof *s);
    if (!s) {
        stream_farewell(st, smtpd_refusal);
        return -ENOMEM;
    }
    s->st = st;
    s->settings = settings;
    s->transaction = ARENA(TRANSACTION_MEMORY);
    sasl_open(&s->sasl, s->settings->directory, st, false);
    stream_set_timeout(st, CO_FOREVER); /* the deadline of each command bounds it */
    atomic_fetch_add(&s->settings->counters->sessions, 1);
    int rc = session_co_greet(s);
    while (rc == 0)
        rc = session_co_next(s);
    session_say_farewell(s, rc);
    arena_free(&s->transaction);
    sasl_close(&s->sasl);
    free(s);
    return rc;
}
