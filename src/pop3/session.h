/*
 * What the files of the POP3 server share.
 *
 * session.c greets and runs commands, language.c answers UTF8 and LANG, login.c lets in and takes
 * the list of messages, maildrop.c answers from the list, retrieve.c sends letters, update.c ends
 * the session and deletes. A command function answers the client itself and returns 0, or an error
 * that ends the session.
 */
#ifndef POP3_SESSION_H
#define POP3_SESSION_H

#include "box/box.h"
#include "directory/sasl.h"
#include "pop3/command.h"
#include "pop3/server.h"

#define POP3_END      (-2200)
#define POP3_LINE_MAX ((size_t)4096)

struct pop3_message {
    int64_t uid;
    uint64_t octets;
    bool deleted;
};

struct pop3_session {
    struct stream *st;
    const struct pop3_settings *settings;
    char user[ADDRESS_TEXT_MAX]; /* said by USER, not yet believed */
    struct identity who;         /* who.user is 0 before login */
    int64_t opened_ms;
    struct sasl_dialogue sasl;
    unsigned mistakes;
    bool utf8;       /* said by UTF8 (RFC 6856) */
    int64_t mailbox; /* 0: no letter has ever come */
    struct pop3_message *messages;
    size_t count, room;
};

must_check int pop3_co_say(struct pop3_session *s, struct span lines);
must_check int pop3_co_printf(struct pop3_session *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* -ERR for a client's mistake: counted, and past the last one allowed POP3_END. */
must_check int pop3_co_mistake(struct pop3_session *s, struct span line);
/* The message of that number, or NULL after -ERR has been said: then *ret_rc is to be returned. */
struct pop3_message *pop3_co_message(struct pop3_session *s, uint32_t number, int *ret_rc);
bool pop3_may_log_in(const struct pop3_session *s);
bool pop3_offers_tls(const struct pop3_session *s);

int pop3_co_user(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_pass(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_auth(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_stls(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_capa(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_stat(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_list(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_uidl(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_retr(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_top(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_dele(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_rset(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_noop(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_utf8(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_lang(struct pop3_session *s, const struct pop3_command *command);
int pop3_co_quit(struct pop3_session *s, const struct pop3_command *command);

#endif
