/*
 * SMTP commands: one line in, one struct out (RFC 5321 4.1.2, RFC 1870, 4954, 6152, 6531).
 *
 * Pure. Spans in the result point into the line, or into the struct's own bytes for quoted local
 * parts. Only the grammar is judged here, not whether the command is allowed now. Leniency is
 * limited to one space after "FROM:" and "TO:" and to spaces at the line's end.
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "base/error.h"
#include "base/span.h"

enum smtp_verb {
    SMTP_HELO,
    SMTP_EHLO,
    SMTP_LHLO,
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_BDAT,
    SMTP_RSET,
    SMTP_NOOP,
    SMTP_QUIT,
    SMTP_VRFY,
    SMTP_EXPN,
    SMTP_HELP,
    SMTP_STARTTLS,
    SMTP_AUTH,
};

/* Why a line is refused: reply 500, 501 or 555. */
enum smtp_bad { SMTP_BAD_COMMAND = -3001, SMTP_BAD_ARGUMENT = -3002, SMTP_BAD_PARAMETER = -3003 };

#define SMTP_LOCAL_MAX  64
#define SMTP_DOMAIN_MAX 255
#define SMTP_PATH_MAX   256

/* A reverse- or forward-path, source route dropped (RFC 5321 4.1.1.3, appendix C). */
struct smtp_path {
    bool null;          /* "<>" */
    struct span local;  /* without quotes and backslashes */
    struct span domain; /* a name, or an address literal with its brackets; empty: <Postmaster> */
    char unquoted[SMTP_LOCAL_MAX];
};

enum smtp_body { SMTP_BODY_UNSAID, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME };

struct smtp_command {
    enum smtp_verb verb;
    struct span argument;  /* all behind the verb, trimmed */
    struct smtp_path path; /* MAIL, RCPT */
    uint64_t size;         /* MAIL SIZE=, 0 when unsaid */
    enum smtp_body body;   /* MAIL BODY= */
    bool smtputf8;         /* MAIL SMTPUTF8 */
    bool beyond_ascii;     /* MAIL, RCPT: the path is UTF-8 that only SMTPUTF8 allows */
};

/* line has no CRLF. 0 or enum smtp_bad. The struct must not be copied while path.local is used
 * (it may point inside). */
must_check int smtp_parse_command(struct span line, struct smtp_command *ret_command);
/* "<local@domain>" and nothing else; the same rules. 0 or ERR_SYNTAX. */
must_check int smtp_parse_path(struct span text, struct smtp_path *ret_path);

#endif
