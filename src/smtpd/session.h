/*
 * What the files of the SMTP server share: the session, its replies, one function a command.
 *
 * The order of a dialogue is the order of these files: session.c (greeting, command loop),
 * hello.c (HELO, EHLO, LHLO, STARTTLS), auth.c, envelope.c (MAIL, RCPT, RSET), data.c, other.c.
 * A command function answers the client itself and returns 0, or an error that ends the session:
 * the stream's, or SESSION_END after a reply that ends it.
 */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include "directory/sasl.h"
#include "smtp/command.h"
#include "smtpd/server.h"
#include "submit/submit.h"

#define SESSION_END (-2100)
/* RFC 5321 4.5.3.1.4 has 512; AUTH with an initial response needs 12,288 by RFC 4954, of which our
 * passwords never use more than this. */
#define SESSION_LINE_MAX  ((size_t)4096)
#define SESSION_HELLO_MAX 256

struct smtp_session {
    struct stream *st;
    const struct smtpd_settings *settings;
    char hello[SESSION_HELLO_MAX]; /* the client's name for itself; empty before HELO */
    bool extended;                 /* EHLO or LHLO, not HELO */
    bool authenticated;
    struct sasl_dialogue sasl;
    struct identity who;
    unsigned mistakes, unknown_recipients;
    uint64_t letters;

    /* The transaction: from MAIL to the reply after the data, or RSET. */
    struct arena transaction;
    bool mail_given;
    bool utf8;                /* addresses and header may be UTF-8 (RFC 6531) */
    struct span reverse_path; /* "local@domain", empty for the null path */
    uint64_t declared_size;
    struct letter_recipient *recipients;
    size_t recipient_count, recipient_room;
    int64_t returned_tenant, returned_letter; /* a bounce for this letter of ours; 0: none */
};

/* Replies wait in the stream until the session needs input, so pipelined ones travel together. */
must_check int session_co_say(struct smtp_session *s, struct span lines);
/* code, enhanced code ("" for none), text as for printf; outside text in it is cleaned. */
must_check int session_co_reply(struct smtp_session *s, int code, const char *enhanced,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same for a client's mistake: counted, and the last one allowed ends the session. */
must_check int session_co_complain(struct smtp_session *s, int code, const char *enhanced,
                                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A 4yz or 5yz that is the last word: SESSION_END. */
must_check int session_co_end(struct smtp_session *s, struct span lines);
/* Commands after which nothing may be sent before our reply (RFC 2920 3.1): SESSION_END when
 * something was. Answers itself. */
must_check int session_co_forbid_pipelining(struct smtp_session *s);
/* Ends the transaction, if there is one. */
void session_reset(struct smtp_session *s);
/* LMTP has another greeting, and another end of data. */
bool session_is_lmtp(const struct smtp_session *s);
/* What may leave does not take SMTPUTF8: the servers it goes to may not. */
bool session_offers_utf8(const struct smtp_session *s);
/* "SMTP", "ESMTPS", "LMTP", … for logs and Received (RFC 3848, 6531). */
const char *session_protocol(const struct smtp_session *s);
uint64_t session_message_max(const struct smtp_session *s); /* bytes (RFC 1870) */

/* returning.c: does an unknown address of ours lead back to somebody? DIRECTORY_LOCAL,
 * DIRECTORY_UNKNOWN, or an error. */
must_check int session_co_find_return(struct smtp_session *s, const struct smtp_path *path,
                                      struct letter_recipient *recipient);
const char *session_forward_path(struct smtp_session *s);
bool session_leads_outside(const struct letter_recipient *recipient);

int session_co_helo(struct smtp_session *s, const struct smtp_command *command);
int session_co_ehlo(struct smtp_session *s, const struct smtp_command *command);
int session_co_lhlo(struct smtp_session *s, const struct smtp_command *command);
int session_co_starttls(struct smtp_session *s, const struct smtp_command *command);
int session_co_auth(struct smtp_session *s, const struct smtp_command *command);
int session_co_mail(struct smtp_session *s, const struct smtp_command *command);
int session_co_rcpt(struct smtp_session *s, const struct smtp_command *command);
int session_co_data(struct smtp_session *s, const struct smtp_command *command);
int session_co_rset(struct smtp_session *s, const struct smtp_command *command);
int session_co_noop(struct smtp_session *s, const struct smtp_command *command);
int session_co_vrfy(struct smtp_session *s, const struct smtp_command *command);
int session_co_expn(struct smtp_session *s, const struct smtp_command *command);
int session_co_help(struct smtp_session *s, const struct smtp_command *command);
int session_co_quit(struct smtp_session *s, const struct smtp_command *command);

#endif
