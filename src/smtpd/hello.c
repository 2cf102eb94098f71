/* HELO, EHLO (RFC 5321 4.1.1.1), LHLO (RFC 2033 4.1) and STARTTLS (RFC 3207). */
#include "smtpd/session.h"

#include "base/log.h"
#include "run/tls.h"

#include <string.h>

static void session_remember_hello(struct smtp_session *s, struct span name, bool extended)
{
    name = span_first(name, SESSION_HELLO_MAX - 1);
    memcpy(s->hello, name.at, name.len);
    s->hello[name.len] = '\0';
    s->extended = extended;
    session_reset(s);
}

static int session_co_want_lhlo(struct smtp_session *s)
{
    return session_co_complain(s, 500, "5.5.1", "This is LMTP, say LHLO");
}

int session_co_helo(struct smtp_session *s, const struct smtp_command *command)
{
    if (session_is_lmtp(s))
        return session_co_want_lhlo(s);
    int rc = session_co_forbid_pipelining(s);
    if (rc < 0)
        return rc;
    session_remember_hello(s, command->argument, false);
    return session_co_reply(s, 250, "", "%s", s->settings->hostname);
}

static bool session_offers_auth(const struct smtp_session *s)
{
    return s->settings->role == SMTPD_SUBMISSION && !s->authenticated &&
           stream_is_private(s->st, s->settings->cleartext_login);
}

static bool session_offers_tls(const struct smtp_session *s)
{
    if (stream_is_tls(s->st) || stream_is_local(s->st) || !s->settings->tls)
        return false;
    struct tls_context *context = s->settings->tls(s->settings->tls_arg);
    tls_context_release(context);
    return context != NULL;
}

static int session_co_welcome(struct smtp_session *s, const struct smtp_command *command)
{
    int rc = session_co_forbid_pipelining(s);
    if (rc < 0)
        return rc;
    session_remember_hello(s, command->argument, true);
    AUTO_BUFFER auth = BUFFER(256);
    if (session_offers_auth(s)) {
        rc = buffer_append_text(&auth, "\nAUTH");
        if (rc == 0)
            rc = sasl_list(&s->sasl, " ", &auth);
        if (rc < 0)
            return rc;
    }
    return session_co_reply(
        s, 250, "", "%s\nPIPELINING\nSIZE %llu\n8BITMIME\nENHANCEDSTATUSCODES\nHELP%s%s%.*s",
        s->settings->hostname, (unsigned long long)session_message_max(s),
        session_offers_utf8(s) ? "\nSMTPUTF8" : "", session_offers_tls(s) ? "\nSTARTTLS" : "",
        SPAN_PRINT(buffer_span(&auth)));
}

int session_co_ehlo(struct smtp_session *s, const struct smtp_command *command)
{
    return session_is_lmtp(s) ? session_co_want_lhlo(s) : session_co_welcome(s, command);
}

int session_co_lhlo(struct smtp_session *s, const struct smtp_command *command)
{
    if (!session_is_lmtp(s))
        return session_co_complain(s, 502, "5.5.1", "This is SMTP, say EHLO");
    return session_co_welcome(s, command);
}

/* Bytes behind the command came before TLS: somebody injected them (CVE-2011-0411). */
int session_co_starttls(struct smtp_session *s, const struct smtp_command *command)
{
    (void)command;
    if (stream_is_tls(s->st))
        return session_co_complain(s, 503, "5.5.1", "TLS is active already");
    struct tls_context *context = s->settings->tls ? s->settings->tls(s->settings->tls_arg) : NULL;
    if (!context)
        return session_co_complain(s, 454, "4.7.0", "TLS not available now");
    int rc = session_co_forbid_pipelining(s);
    if (rc == 0)
        rc = session_co_say(s, SPAN("220 2.0.0 Ready to start TLS\r\n"));
    if (rc == 0)
        rc = stream_co_start_tls_server(s->st, context);
    tls_context_release(context);
    if (rc < 0) {
        log_info("smtpd.tls_failed", "peer=%s why=\"%s\"", stream_peer_text(s->st), error_text(rc));
        return rc;
    }
    s->hello[0] = '\0'; /* what was said in the clear is forgotten */
    s->extended = false;
    session_reset(s);
    return 0;
}
