/*
 * POP3 commands: one line in, one struct out (RFC 1939, 2449, 2595, 5034, 6856). Pure.
 *
 * Only the grammar is judged here. Spans point into the line.
 */
#ifndef POP3_COMMAND_H
#define POP3_COMMAND_H

#include "base/error.h"
#include "base/span.h"

enum pop3_verb {
    POP3_USER,
    POP3_PASS,
    POP3_AUTH,
    POP3_STLS,
    POP3_CAPA,
    POP3_STAT,
    POP3_LIST,
    POP3_UIDL,
    POP3_RETR,
    POP3_TOP,
    POP3_DELE,
    POP3_RSET,
    POP3_NOOP,
    POP3_UTF8,
    POP3_LANG,
    POP3_QUIT,
    POP3_VERBS,
};

struct pop3_command {
    enum pop3_verb verb;
    struct span
        argument;    /* all behind the verb; PASS may hold spaces, and ends with one if given */
    uint32_t number; /* of a message, from 1; 0 where LIST and UIDL leave it out */
    uint32_t lines;  /* TOP */
};

enum pop3_bad { POP3_BAD_COMMAND = -3101, POP3_BAD_ARGUMENT = -3102 };

/* line has no CRLF. 0 or enum pop3_bad. */
must_check int pop3_parse_command(struct span line, struct pop3_command *ret_command);

#endif
