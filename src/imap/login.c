/* STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 6.2). */
#include "imap/session.h"

#include "base/base64.h"
#include "base/log.h"
#include "directory/sasl.h"
#include "run/tls.h"

#include <errno.h>
#include <sodium.h>

#define FAILURES_MAX 3
#define SASL_MAX     ((size_t)8 * 1024)

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

static int imap_co_enter(struct imap_session *s, const struct identity *who)
{
    AUTO_BUFFER text = BUFFER(4096);
    int rc = box_co_ensure_user(s->settings->store, who->tenant, who->user);
    if (rc < 0) {
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

static int imap_co_verify(struct imap_session *s, struct span login, struct span password)
{
    struct identity who;
    int rc = directory_co_authenticate(s->settings->directory, login, password, &who);
    if (rc == 0 && who.user == 0) /* a key sends; it has no mailbox */
        rc = ERR_DENIED;
    if (rc == 0)
        return imap_co_enter(s, &who);
    if (rc == -ECANCELED)
        return rc;
    log_info("imap.login_failed", "peer=%s user=%s why=\"%s\"", stream_peer_text(s->st),
             LOG_CLEAN(login), error_text(rc));
    if (rc != ERR_DENIED)
        return imap_co_no(s, "[UNAVAILABLE] Passwords cannot be checked now");
    rc = imap_co_no(s, "[AUTHENTICATIONFAILED] User name or password is wrong");
    if (rc < 0 || ++s->failures < FAILURES_MAX)
        return rc;
    rc = imap_co_say(s, SPAN("* BYE Too many wrong passwords\r\n"));
    return rc < 0 ? rc : IMAP_END;
}

int imap_co_login(struct imap_session *s, struct imap_parser *p)
{
    struct span login, password;
    if (imap_parse_sp(p) < 0 || imap_parse_astring(p, &login) < 0 || imap_parse_sp(p) < 0 ||
        imap_parse_astring(p, &password) < 0 || imap_parse_end(p) < 0)
        return IMAP_BAD;
    if (!imap_may_log_in(s))
        return imap_co_no(s, "[PRIVACYREQUIRED] Start TLS first");
    return imap_co_verify(s, login, password);
}

/* --- AUTHENTICATE ---------------------------------------------------------------------------- */

static void buffer_wipe(struct buffer *b)
{
    if (b->at)
        sodium_memzero(b->at, b->size);
    buffer_free(b);
}

/* The client's first message: on the command's line, or after "+ ". ERR_ABSENT: it gave up. */
static int imap_co_read_initial(struct imap_session *s, struct imap_parser *p, struct buffer *out)
{
    struct span line;
    if (imap_parse_sp(p) == 0) {
        line = span_make(p->at, (size_t)(p->end - p->at));
        return span_equal(line, SPAN("=")) ? 0 : base64_decode(out, line);
    }
    int rc = imap_co_say(s, SPAN("+ \r\n"));
    if (rc == 0)
        rc = stream_co_read_line(s->st, SASL_MAX - 1, &line);
    if (rc < 0)
        return rc == -EMSGSIZE ? ERR_SYNTAX : rc;
    return span_equal(line, SPAN("*")) ? ERR_ABSENT : base64_decode(out, line);
}

int imap_co_authenticate(struct imap_session *s, struct imap_parser *p)
{
    __attribute__((cleanup(buffer_wipe))) struct buffer message = BUFFER(SASL_MAX);
    struct span mechanism, authorization, login, password;
    if (imap_parse_sp(p) < 0 || imap_parse_atom(p, &mechanism) < 0)
        return IMAP_BAD;
    if (!imap_may_log_in(s))
        return imap_co_no(s, "[PRIVACYREQUIRED] Start TLS first");
    if (!span_equal_nocase(mechanism, SPAN("PLAIN")))
        return imap_co_no(s, "[CANNOT] Only PLAIN is offered");
    int rc = imap_co_read_initial(s, p, &message);
    if (rc == 0)
        rc = sasl_parse_plain(buffer_span(&message), &authorization, &login, &password);
    if (rc == ERR_SYNTAX || rc == -ENOBUFS || rc == ERR_ABSENT)
        return IMAP_BAD;
    if (rc < 0)
        return rc;
    if (authorization.len && !span_equal_nocase(authorization, login))
        return imap_co_verify(s, authorization, SPAN("")); /* for somebody else: never */
    return imap_co_verify(s, login, password);
}
