/*
 * A search program (RFC 9051 6.4.4, RFC 5032, RFC 7162 3.1.5, RFC 8514): what messages must be.
 *
 * Parsed whole, within limits, into nodes of an arena; then held against one message after the
 * other. Cheap keys (numbers, flags) are asked before those that read the letter.
 */
#ifndef IMAP_PROGRAM_H
#define IMAP_PROGRAM_H

#include "imap/session.h"

#define PROGRAM_DEPTH_MAX 32
#define PROGRAM_KEYS_MAX  200

enum program_kind {
    PROGRAM_ALL,
    PROGRAM_AND, /* of its children */
    PROGRAM_OR,
    PROGRAM_NOT,
    PROGRAM_FLAGS,   /* flags & mask == wanted */
    PROGRAM_UIDS,    /* uid is in the set */
    PROGRAM_NUMBERS, /* its number is */
    PROGRAM_LARGER,
    PROGRAM_SMALLER,
    PROGRAM_BEFORE, /* internal date, in milliseconds: received < value */
    PROGRAM_SINCE,
    PROGRAM_SAVED_BEFORE,
    PROGRAM_SAVED_SINCE,
    PROGRAM_MODSEQ,
    PROGRAM_ORIGIN,      /* EMAILID */
    PROGRAM_THREAD,      /* THREADID */
    PROGRAM_SENT_BEFORE, /* from here on the letter is read; value in days */
    PROGRAM_SENT_SINCE,
    PROGRAM_HEADER, /* name, text */
    PROGRAM_BODY,
    PROGRAM_TEXT,
};

struct program {
    enum program_kind kind;
    struct program *children, *next;
    uint64_t mask, wanted;
    struct imap_set set;
    int64_t value;
    struct span name, text; /* text in search form, see program_fold */
};

/* search-key *(SP search-key), to the end. IMAP_BAD; ERR_FULL: too many keys; ERR_SYNTAX: a
 * charset that is not known. */
must_check int program_parse(struct imap_session *s, struct imap_parser *p,
                             struct program **ret_program);
/* The same behind a charset, as SORT and THREAD have it: charset SP search-key *(SP search-key). */
must_check int program_parse_in_charset(struct imap_session *s, struct imap_parser *p,
                                        struct program **ret_program);
/* Does every message fit, whatever it is? */
bool program_wants_all(const struct program *program);
/* Does it ask for THREADID, which old messages may lack (late.h)? */
bool program_asks_thread(const struct program *program);
/* Does the program ask for MODSEQ, so that the answer names it? */
bool program_asks_modseq(const struct program *program);
/* What a search compares: UTF-8 in one case. Appends. */
must_check int program_fold(struct span text, struct buffer *out);

/* 1, 0, or an error. May read the letter. Yields. */
struct program_target {
    struct imap_session *s;
    const struct box_message *message; /* with head and structure where the program reads letters */
    uint32_t number;
    bool letter_read, text_read;
    struct buffer header, text; /* in search form: of the header's field bodies; of all text */
    struct buffer raw;
};
bool program_reads_letters(const struct program *program);
must_check int program_co_matches(const struct program *program, struct program_target *target);
void program_target_free(struct program_target *target);

#endif
