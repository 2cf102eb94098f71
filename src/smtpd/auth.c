/* AUTH (RFC 4954), only for submission, under TLS unless cleartext is allowed; the mechanisms are
 * directory/sasl.h's. */
#include "smtpd/session.h"

#include "base/log.h"

#include <errno.h>

static int session_co_welcome(struct smtp_session *s)
{
    s->authenticated = true;
    log_info("smtpd.login", "peer=%s user=%s", stream_peer_text(s->st),
             LOG_CLEAN(sasl_name(&s->sasl)));
    return session_co_say(s, SPAN("235 2.7.0 Welcome\r\n"));
}

/* Only what is said about passwords; the stream's own errors end the session. */
static int session_co_send_away(struct smtp_session *s, int why)
{
    log_info("smtpd.login_failed", "peer=%s user=%s why=\"%s\"", stream_peer_text(s->st),
             LOG_CLEAN(sasl_name(&s->sasl)), error_text(why));
    if (why != ERR_DENIED)
        return session_co_say(s, SPAN("454 4.7.0 Cannot check passwords now, try later\r\n"));
    if (sasl_is_exhausted(&s->sasl))
        return session_co_end(s, SPAN("421 4.7.0 Too many failed logins\r\n"));
    return session_co_say(s, SPAN("535 5.7.8 User name or password is wrong\r\n"));
}

static int session_co_log_in(struct smtp_session *s, struct span mechanism, struct span initial)
{
    int rc = sasl_co_run(&s->sasl, mechanism, initial, SPAN("334 "), &s->who);
    switch (rc) {
    case SASL_DONE:
        return session_co_welcome(s);
    case -ENOTSUP:
        return session_co_complain(s, 504, "5.5.4", "EHLO lists the mechanisms that are offered");
    case ERR_SYNTAX:
        return session_co_complain(s, 501, "5.5.2", "Not base64, or not what the mechanism sends");
    case ERR_ABSENT:
        return session_co_complain(s, 501, "5.7.0", "Login given up");
    case -ECANCELED:
    case -ETIMEDOUT:
    case ERR_CLOSED:
    case ERR_TLS:
        return rc;
    default:
        return session_co_send_away(s, rc);
    }
}

int session_co_auth(struct smtp_session *s, const struct smtp_command *command)
{
    struct span rest = command->argument, mechanism = SPAN("");
    if (s->settings->role != SMTPD_SUBMISSION)
        return session_co_complain(s, 502, "5.5.1", "Log in on the submission ports, 587 or 465");
    if (!stream_is_private(s->st, s->settings->cleartext_login))
        return session_co_complain(s, 538, "5.7.11", "Start TLS first");
    if (s->authenticated || s->mail_given || !s->extended)
        return session_co_complain(s, 503, "5.5.1", "AUTH comes once, after EHLO, before MAIL");
    span_cut(&rest, ' ', &mechanism);
    int rc = session_co_forbid_pipelining(s);
    if (rc == 0)
        rc = session_co_log_in(s, mechanism, span_trim(rest));
    sasl_close(&s->sasl);
    return rc;
}
