/*
 * The grammar of commands (RFC 9051 9, RFC 3501 9): from bytes to words.
 *
 * Pure. The text is a whole command as it came, without its last CRLF; literals stand in it as on
 * the wire: {n} CRLF and n bytes. Functions are named by their ABNF rule; each takes its rule off
 * the front and returns 0, or ERR_SYNTAX and then *p is wherever the mistake was. What had to be
 * unquoted lies in the arena, all else points into the text.
 */
#ifndef IMAP_PARSE_H
#define IMAP_PARSE_H

#include "base/arena.h"
#include "imap/capability.h"

struct imap_parser {
    const char *at, *end;
    struct arena *arena;
    const struct imap_hidden *hidden; /* words that are not there; NULL: all are */
};

#define IMAP_NUMBER_MAX ((uint64_t)INT64_MAX) /* number64 */

bool imap_at_end(const struct imap_parser *p);
/* Takes the byte, or the word (any case), if it is next. */
bool imap_take(struct imap_parser *p, char byte);
bool imap_take_word(struct imap_parser *p, const char *word);
must_check int imap_parse_sp(struct imap_parser *p);
must_check int imap_parse_end(struct imap_parser *p); /* nothing more may come */
must_check int imap_parse_tag(struct imap_parser *p, struct span *ret_tag);
must_check int imap_parse_atom(struct imap_parser *p, struct span *ret_atom);
must_check int imap_parse_string(struct imap_parser *p, struct span *ret_string);
must_check int imap_parse_astring(struct imap_parser *p, struct span *ret_string);
/* nil gives .at NULL. */
must_check int imap_parse_nstring(struct imap_parser *p, struct span *ret_string);
must_check int imap_parse_number(struct imap_parser *p, uint64_t *ret_number);
must_check int imap_parse_nz_number(struct imap_parser *p, uint32_t *ret_number);
/* An astring that also takes the wildcards of LIST. */
must_check int imap_parse_list_mailbox(struct imap_parser *p, struct span *ret_pattern);
/* "\\Seen" or a keyword, as it stands. */
must_check int imap_parse_flag(struct imap_parser *p, struct span *ret_flag);
/* date: "1-Feb-1994", quoted or not: days since 1970. */
must_check int imap_parse_date(struct imap_parser *p, int64_t *ret_days);
/* date-time: "\" 1-Feb-1994 21:52:25 -0800\"": milliseconds since 1970. */
must_check int imap_parse_date_time(struct imap_parser *p, int64_t *ret_ms);

/* The literal that a line announces at its end: {n}, {n+}, ~{n}. False: it announces none. */
struct imap_literal {
    uint64_t octets;
    bool waits;    /* for "+": a synchronising literal */
    bool eight;    /* literal8 */
    size_t header; /* length of "{n}" at the end of the line */
};
bool imap_find_literal(struct span line, struct imap_literal *ret_literal);

#endif
