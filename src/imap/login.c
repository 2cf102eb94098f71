/* STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 6.2). */
#include "imap/session.h"

#include "base/log.h"
#include "run/crowd.h"
#include "run/tls.h"

#include <errno.h>

/* Bytes behind the command came before TLS: somebody injected them. */
int imap_co_starttls(struct imap_session *s, struct imap_parser *p)
{
    if (imap_parse_end(p) < 0)
        return IMAP_BAD;
    if (!imap_offers_tls(s))
        return imap_co_no(s, "TLS is active already or not to be had");
    if (stream_has_input(s->st)) {
        int rc = imap_co_say(s, SPAN("* BYE Wait for the answer to STARTTLS\r\n"));
        return rc < 0 ? rc : IMAP_END;
    }
    struct tls_context *context = s->settings->tls(s->settings->tls_arg);
    if (!context)
        return imap_co_no(s, "TLS is not to be had now");
    int rc = imap_co_ok(s, "Begin TLS");
    if (rc == 0)
        rc = stream_co_start_tls_server(s->st, context);
    tls_context_release(context);
    if (rc < 0)
        log_info("imap.tls_failed", "peer=%s why=\"%s\"", stream_peer_text(s->st), error_text(rc));
    return rc;
}

/* --- letting in ------------------------------------------------------------------------------ */

/* What a session wants to know of its user. */
static int imap_co_prepare(struct imap_session *s, const struct identity *who)
{
    char hidden[DIRECTORY_IMAP_HIDDEN_MAX + 1];
    int rc = box_co_ensure_user(s->settings->store, who->tenant, who->user);
    if (rc == 0)
        rc = directory_co_hidden(s->settings->directory, who->tenant, who->user, hidden);
    if (rc == 0)
        s->hidden.rows = imap_hide(span_of(hidden), NULL);
    return rc;
}

static int imap_co_enter(struct imap_session *s, const struct identity *who)
{
    AUTO_BUFFER text = BUFFER(4096);
    if (!crowd_enter_user(s->settings->users, who->user)) {
        log_info("imap.kept_out", "peer=%s user=%s why=\"too many sessions\"",
                 stream_peer_text(s->st), who->login);
        return imap_co_no(s, "[LIMIT] You have too many sessions open");
    }
    int rc = imap_co_prepare(s, who);
    if (rc < 0) {
        crowd_leave_user(s->settings->users, who->user);
        log_error("imap.no_mailboxes", "user=%s why=\"%s\"", who->login, error_text(rc));
        return imap_co_no(s, "[UNAVAILABLE] Mailboxes are not available now");
    }
    s->who = *who;
    s->mistakes = 0;
    atomic_fetch_add(&s->settings->counters->logins, 1);
    log_info("imap.login", "peer=%s user=%s", stream_peer_text(s->st), who->login);
    rc = buffer_append_text(&text, "[CAPABILITY ");
    if (rc == 0)
        rc = imap_write_capabilities(s, &text);
    if (rc == 0)
        rc = buffer_append_text(&text, "] Welcome");
    const char *line = rc == 0 ? buffer_text(&text) : NULL;
    if (!line)
        return -ENOMEM;
    rc = imap_co_say(s, s->tag);
    if (rc == 0)
        rc = imap_co_say(s, SPAN(" OK "));
    if (rc == 0)
        rc = imap_co_say(s, buffer_span(&text));
    return rc < 0 ? rc : imap_co_say(s, SPAN("\r\n"));
}

/* rc: of the dialogue that has ended. */
static int imap_co_finish(struct imap_session *s, int rc, const struct identity *who)
{
    if (rc == SASL_DONE)
        return imap_co_enter(s, who);
    if (rc == ERR_SYNTAX || rc == ERR_ABSENT)
        return imap_co_bad(s, s->tag, "Not what the mechanism sends, or given up");
    if (rc == -ENOTSUP)
        return imap_co_no(s, "[CANNOT] That mechanism is not offered");
    if (rc == -ECANCELED || rc == ERR_CLOSED || rc == -ETIMEDOUT || rc == ERR_TLS)
        return rc;
    log_info("imap.login_failed", "peer=%s user=%s why=\"%s\"", stream_peer_text(s->st),
             LOG_CLEAN(sasl_name(&s->sasl)), error_text(rc));
    if (rc != ERR_DENIED)
        return imap_co_no(s, "[UNAVAILABLE] Passwords cannot be checked now");
    rc = imap_co_no(s, "[AUTHENTICATIONFAILED] User name or password is wrong");
    if (rc < 0 || !sasl_is_exhausted(&s->sasl))
        return rc;
    rc = imap_co_say(s, SPAN("* BYE Too many wrong passwords\r\n"));
    return rc < 0 ? rc : IMAP_END;
}

int imap_co_login(struct imap_session *s, struct imap_parser *p)
{
    struct span login, password;
    struct identity who;
    if (imap_parse_sp(p) < 0 || imap_parse_astring(p, &login) < 0 || imap_parse_sp(p) < 0 ||
        imap_parse_astring(p, &password) < 0 || imap_parse_end(p) < 0)
        return IMAP_BAD;
    if (!imap_may_log_in(s))
        return imap_co_no(s, "[PRIVACYREQUIRED] Start TLS first");
    int rc = sasl_co_login(&s->sasl, login, password, &who);
    rc = imap_co_finish(s, rc, &who);
    sasl_close(&s->sasl);
    return rc;
}

int imap_co_authenticate(struct imap_session *s, struct imap_parser *p)
{
    struct span mechanism, initial = SPAN("");
    struct identity who;
    if (imap_parse_sp(p) < 0 || imap_parse_atom(p, &mechanism) < 0)
        return IMAP_BAD;
    if (imap_parse_sp(p) == 0)
        initial = span_make(p->at, (size_t)(p->end - p->at));
    if (!imap_may_log_in(s))
        return imap_co_no(s, "[PRIVACYREQUIRED] Start TLS first");
    int rc = sasl_co_run(&s->sasl, mechanism, initial, SPAN("+ "), &who);
    rc = imap_co_finish(s, rc, &who);
    sasl_close(&s->sasl);
    return rc;
}
