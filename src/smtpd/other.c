/* NOOP, VRFY, EXPN, HELP, QUIT (RFC 5321 4.1.1.6 to 4.1.1.10). */
#include "smtpd/session.h"

int session_co_noop(struct smtp_session *s, const struct smtp_command *command)
{
    (void)command;
    return session_co_say(s, SPAN("250 2.0.0 Ok\r\n"));
}

/* RFC 5321 7.3: VRFY need not tell; 252 says that RCPT will. */
int session_co_vrfy(struct smtp_session *s, const struct smtp_command *command)
{
    if (command->argument.len == 0)
        return session_co_complain(s, 501, "5.5.4", "VRFY wants an address");
    return session_co_complain(s, 252, "2.1.5", "Send a letter, and RCPT will tell");
}

int session_co_expn(struct smtp_session *s, const struct smtp_command *command)
{
    (void)command;
    return session_co_complain(s, 502, "5.5.1", "Lists are not shown");
}

int session_co_help(struct smtp_session *s, const struct smtp_command *command)
{
    (void)command;
    return session_co_reply(s, 214, "2.0.0",
                            "Commands: %s MAIL RCPT DATA RSET NOOP VRFY HELP QUIT%s%s",
                            session_is_lmtp(s) ? "LHLO" : "HELO EHLO",
                            stream_is_tls(s->st) || stream_is_local(s->st) ? "" : " STARTTLS",
                            s->settings->role == SMTPD_SUBMISSION ? " AUTH" : "");
}

int session_co_quit(struct smtp_session *s, const struct smtp_command *command)
{
    (void)command;
    return session_co_end(s, SPAN("221 2.0.0 Bye\r\n"));
}
