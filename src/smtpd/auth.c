/* AUTH PLAIN and LOGIN (RFC 4954, 4616), only under TLS, only for submission. */
#include "smtpd/session.h"

#include "base/base64.h"
#include "base/log.h"
#include "directory/sasl.h"

#include <errno.h>
#include <sodium.h>

#define AUTH_FAILURES_MAX 3
#define AUTH_MESSAGE_MAX  ((size_t)SESSION_LINE_MAX)

static void buffer_wipe(struct buffer *b)
{
    if (b->at)
        sodium_memzero(b->at, b->size);
    buffer_free(b);
}

/* One answer of the client: a line of base64, or "*" to give up. prompt is base64. */
static int session_co_challenge(struct smtp_session *s, struct span prompt, struct buffer *answer)
{
    struct span line = SPAN("");
    int rc = session_co_say(s, SPAN("334 "));
    if (rc == 0)
        rc = session_co_say(s, prompt);
    if (rc == 0)
        rc = session_co_say(s, SPAN("\r\n"));
    if (rc == 0)
        rc = stream_co_read_line(s->st, SESSION_LINE_MAX, &line);
    if (rc < 0)
        return rc == -EMSGSIZE ? ERR_SYNTAX : rc;
    if (span_equal(line, SPAN("*")))
        return ERR_ABSENT;
    return base64_decode(answer, line);
}

static int session_co_initial(struct smtp_session *s, struct span initial, struct buffer *answer)
{
    if (initial.len == 0)
        return session_co_challenge(s, SPAN(""), answer);
    if (span_equal(initial, SPAN("=")))
        return 0;
    return base64_decode(answer, initial);
}

/* "User Name\0" and so on: what old clients want to see is this very base64. */
static int session_co_login_names(struct smtp_session *s, struct span initial, struct buffer *name,
                                  struct buffer *password)
{
    int rc = initial.len ? base64_decode(name, initial)
                         : session_co_challenge(s, SPAN("VXNlcm5hbWU6"), name);
    return rc < 0 ? rc : session_co_challenge(s, SPAN("UGFzc3dvcmQ6"), password);
}

static int session_co_verify(struct smtp_session *s, struct span login, struct span password)
{
    int rc = directory_co_authenticate(s->settings->directory, login, password, &s->who);
    if (rc == 0) {
        s->authenticated = true;
        log_info("smtpd.login", "peer=%s user=%s", stream_peer_text(s->st), LOG_CLEAN(login));
        return session_co_say(s, SPAN("235 2.7.0 Welcome\r\n"));
    }
    if (rc == -ECANCELED)
        return rc;
    log_info("smtpd.login_failed", "peer=%s user=%s why=\"%s\"", stream_peer_text(s->st),
             LOG_CLEAN(login), error_text(rc));
    if (rc != ERR_DENIED)
        return session_co_say(s, SPAN("454 4.7.0 Cannot check passwords now, try later\r\n"));
    if (++s->auth_failures >= AUTH_FAILURES_MAX)
        return session_co_end(s, SPAN("421 4.7.0 Too many failed logins\r\n"));
    return session_co_say(s, SPAN("535 5.7.8 User name or password is wrong\r\n"));
}

static int session_co_mechanism(struct smtp_session *s, struct span mechanism, struct span initial)
{
    __attribute__((cleanup(buffer_wipe))) struct buffer first = BUFFER(AUTH_MESSAGE_MAX);
    __attribute__((cleanup(buffer_wipe))) struct buffer second = BUFFER(AUTH_MESSAGE_MAX);
    if (span_equal_nocase(mechanism, SPAN("LOGIN"))) {
        int rc = session_co_login_names(s, initial, &first, &second);
        return rc < 0 ? rc : session_co_verify(s, buffer_span(&first), buffer_span(&second));
    }
    struct span authorization = SPAN(""), login = SPAN(""), password = SPAN("");
    int rc = session_co_initial(s, initial, &first);
    if (rc == 0)
        rc = sasl_parse_plain(buffer_span(&first), &authorization, &login, &password);
    if (rc < 0)
        return rc;
    /* acting for somebody else is not offered */
    if (authorization.len && !span_equal_nocase(authorization, login))
        return session_co_verify(s, authorization, SPAN(""));
    return session_co_verify(s, login, password);
}

int session_co_auth(struct smtp_session *s, const struct smtp_command *command)
{
    struct span rest = command->argument, mechanism = SPAN("");
    if (s->settings->role != SMTPD_SUBMISSION)
        return session_co_complain(s, 502, "5.5.1", "Log in on the submission ports, 587 or 465");
    if (!stream_is_tls(s->st) && !s->settings->allow_cleartext_auth)
        return session_co_complain(s, 538, "5.7.11", "Start TLS first");
    if (s->authenticated || s->mail_given || !s->extended)
        return session_co_complain(s, 503, "5.5.1", "AUTH comes once, after EHLO, before MAIL");
    if (!span_cut(&rest, ' ', &mechanism) || (!span_equal_nocase(mechanism, SPAN("PLAIN")) &&
                                              !span_equal_nocase(mechanism, SPAN("LOGIN"))))
        return session_co_complain(s, 504, "5.5.4", "Only PLAIN and LOGIN are offered");
    int rc = session_co_forbid_pipelining(s);
    if (rc == 0)
        rc = session_co_mechanism(s, mechanism, span_trim(rest));
    if (rc == ERR_SYNTAX || rc == -ENOBUFS)
        return session_co_complain(s, 501, "5.5.2", "Not base64, or not what %.*s sends",
                                   SPAN_PRINT(mechanism));
    if (rc == ERR_ABSENT)
        return session_co_complain(s, 501, "5.7.0", "Login given up");
    return rc;
}
