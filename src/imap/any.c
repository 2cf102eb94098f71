/* Small ones: CAPABILITY, NOOP, LOGOUT, ID of every state, ENABLE and CHECK after login (RFC 9051
 * 6.1, 6.3.1, RFC 3501 6.4.1, RFC 2971). */
#include "imap/session.h"

#include "base/log.h"
#include "run/tls.h"

#define ID_PAIRS_MAX 30
#define ID_NAME_MAX  30
#define ID_VALUE_MAX 1024

/* --- CAPABILITY ------------------------------------------------------------------------------ */

bool imap_may_log_in(const struct imap_session *s)
{
    return stream_is_private(s->st, s->settings->cleartext_login);
}

bool imap_offers_tls(const struct imap_session *s)
{
    if (stream_is_tls(s->st) || !s->settings->tls || s->who.user)
        return false;
    struct tls_context *context = s->settings->tls(s->settings->tls_arg);
    tls_context_release(context);
    return context != NULL;
}

int imap_write_capabilities(const struct imap_session *s, struct buffer *out)
{
    bool limit = s->who.user && s->settings->message_max && !imap_hides(&s->hidden, "APPENDLIMIT");
    bool compress =
        s->who.user && !stream_is_deflated(s->st) && !imap_hides(&s->hidden, "COMPRESS=DEFLATE");
    int rc = imap_write_told(&s->hidden, s->who.user != 0, out);
    if (rc == 0)
        rc = buffer_append_text(out, s->settings->literal_plus ? " LITERAL+" : " LITERAL-");
    if (rc == 0 && compress)
        rc = buffer_append_text(out, " COMPRESS=DEFLATE");
    if (rc == 0 && limit)
        rc = buffer_printf(out, " APPENDLIMIT=%llu", (unsigned long long)s->settings->message_max);
    if (rc == 0 && !s->who.user && !imap_may_log_in(s))
        rc = buffer_append_text(out, " LOGINDISABLED");
    if (rc == 0 && !s->who.user && imap_may_log_in(s))
        rc = sasl_list(&s->sasl, " AUTH=", out);
    if (rc == 0 && imap_offers_tls(s))
        rc = buffer_append_text(out, " STARTTLS");
    return rc;
}

int imap_co_capability(struct imap_session *s, struct imap_parser *p)
{
    AUTO_BUFFER line = BUFFER(4096);
    if (imap_parse_end(p) < 0)
        return IMAP_BAD;
    int rc = buffer_append_text(&line, "* CAPABILITY ");
    if (rc == 0)
        rc = imap_write_capabilities(s, &line);
    if (rc == 0)
        rc = buffer_append_text(&line, "\r\n");
    if (rc == 0)
        rc = imap_co_say(s, buffer_span(&line));
    return rc < 0 ? rc : imap_co_ok(s, "Done");
}

/* --- NOOP, CHECK, LOGOUT --------------------------------------------------------------------- */

int imap_co_noop(struct imap_session *s, struct imap_parser *p)
{
    return imap_parse_end(p) < 0 ? IMAP_BAD : imap_co_ok(s, "Done");
}

int imap_co_check(struct imap_session *s, struct imap_parser *p)
{
    return imap_co_noop(s, p);
}

int imap_co_logout(struct imap_session *s, struct imap_parser *p)
{
    if (imap_parse_end(p) < 0)
        return IMAP_BAD;
    imap_unselect(s);
    int rc = imap_co_say(s, SPAN("* BYE Until next time\r\n"));
    if (rc == 0)
        rc = imap_co_ok(s, "Done");
    return rc < 0 ? rc : IMAP_END;
}

/* --- ID -------------------------------------------------------------------------------------- */

static int parse_id(struct imap_parser *p)
{
    if (imap_take_word(p, "NIL"))
        return 0;
    if (!imap_take(p, '('))
        return IMAP_BAD;
    for (unsigned pairs = 0; !imap_take(p, ')'); pairs++) {
        struct span name, value;
        if (pairs == ID_PAIRS_MAX || (pairs && imap_parse_sp(p) < 0) ||
            imap_parse_string(p, &name) < 0 || imap_parse_sp(p) < 0 ||
            imap_parse_nstring(p, &value) < 0 || name.len > ID_NAME_MAX || value.len > ID_VALUE_MAX)
            return IMAP_BAD;
    }
    return 0;
}

/* Nothing depends on what a client says it is (RFC 2971 3.3). */
int imap_co_id(struct imap_session *s, struct imap_parser *p)
{
    if (imap_parse_sp(p) < 0 || parse_id(p) < 0 || imap_parse_end(p) < 0)
        return IMAP_BAD;
    int rc = imap_co_say(s, SPAN("* ID (\"name\" \"Postamt\")\r\n"));
    return rc < 0 ? rc : imap_co_ok(s, "Done");
}

/* --- ENABLE (RFC 5161) ----------------------------------------------------------------------- */

int imap_co_enable(struct imap_session *s, struct imap_parser *p)
{
    AUTO_BUFFER line = BUFFER(4096);
    struct span name;
    int rc = buffer_append_text(&line, "* ENABLED");
    do {
        if (imap_parse_sp(p) < 0 || imap_parse_atom(p, &name) < 0)
            return IMAP_BAD;
        const struct {
            struct span name;
            bool *on;
        } known[] = {{SPAN("CONDSTORE"), &s->condstore},
                     {SPAN("QRESYNC"), &s->qresync},
                     {SPAN("UTF8=ACCEPT"), &s->utf8},
                     {SPAN("IMAP4rev2"), &s->rev2}};
        for (unsigned i = 0; rc == 0 && i < sizeof known / sizeof *known; i++) {
            if (!span_equal_nocase(name, known[i].name) || imap_hides(&s->hidden, known[i].name.at))
                continue;
            *known[i].on = true;
            rc = buffer_printf(&line, " %.*s", SPAN_PRINT(known[i].name));
        }
    } while (rc == 0 && !imap_at_end(p));
    s->condstore = s->condstore || s->qresync;
    if (rc == 0)
        rc = buffer_append_text(&line, "\r\n");
    if (rc == 0)
        rc = imap_co_say(s, buffer_span(&line));
    return rc < 0 ? rc : imap_co_ok(s, "Done");
}
