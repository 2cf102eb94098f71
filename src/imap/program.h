/*
 * A search program (RFC 9051 6.4.4, RFC 5032, RFC 7162 3.1.5, RFC 8514): what messages must be.
 *
 * Parsed whole, within limits, into nodes of an arena; then held against the messages of a block of
 * 256 UIDs at once (program.c): numbers and flags decide there, and of texts the search index
 * (box/index.h) says which letters surely do not hold them. What is left open is decided letter by
 * letter (program_letter.c). Nothing here yields; reading is done in read jobs of a lane.
 */
#ifndef IMAP_PROGRAM_H
#define IMAP_PROGRAM_H

#include "box/index.h"
#include "imap/session.h"
#include "mail/search_form.h"

#define PROGRAM_DEPTH_MAX 32
#define PROGRAM_KEYS_MAX  200 /* 100, and the OR, NOT and brackets that join them */

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
    PROGRAM_SENT_BEFORE, /* from here on the envelope is read; value in days */
    PROGRAM_SENT_SINCE,
    PROGRAM_SUBJECT, /* text */
    PROGRAM_HEADER,  /* from here on the letter; name, text */
    PROGRAM_BODY,
    PROGRAM_TEXT,
};

struct program {
    enum program_kind kind;
    struct program *children, *next;
    uint64_t mask, wanted;
    struct imap_set set;
    int64_t value;
    struct span name, text;         /* in search form */
    uint16_t bits[SIGNATURE_ASKED]; /* that a letter must have in the index to hold text */
    size_t bit_count;
    struct index_mask may, must; /* of the block at hand: what it may fit, what it surely fits */
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
/* Does it read letters, or (the least of them) their envelopes? */
bool program_reads_letters(const struct program *program, enum program_kind least);
/* Which UIDs can fit at all, as far as sets at the top say. */
void program_bounds(const struct program *program, const struct view *view, uint32_t *first,
                    uint32_t *last);

/* --- a block of messages (program.c) -----------------------------------------------------------
 */

/* What the index is to be asked: ascending bits, up to INDEX_BITS; before the first block. */
size_t program_ask(struct program *program, uint16_t ret_bits[INDEX_BITS]);

struct program_block {
    const struct view *view;
    const struct box_message *messages; /* of one block of UIDs; NULL: any numbers are possible */
    size_t count;
    const uint16_t *bits; /* what was asked */
    size_t bit_count;
    const struct index_mask *may; /* and answered */
};
/* Sets may and must of all nodes. */
void program_mark(struct program *program, const struct program_block *block);

/* --- a letter (program_letter.c) ---------------------------------------------------------------
 */

/* The letter at hand, read as far as it was needed. Begin with {.tx, .tenant, .mailbox, .arena},
 * then set message for one after the other: program_letter_next. */
struct program_letter {
    struct db_tx *tx;
    int64_t tenant, mailbox;
    struct arena arena;
    const struct box_message *message; /* with head */
    bool has_envelope, has_front;      /* raw holds the header at least */
    bool has_header, has_tree;         /* form has it; its parts can be taken */
    struct span date, subject;         /* of the envelope; .at NULL: it does not say */
    struct buffer envelope, raw;
    struct search_form form;
};
void program_letter_next(struct program_letter *letter, const struct box_message *message);
void program_letter_free(struct program_letter *letter);
/* Reads all of it into letter->form. An absent letter is empty. */
must_check int program_letter_read(struct program_letter *letter);
/* After program_mark: does it fit? 1, 0, or an error. */
must_check int program_fits(const struct program *program, struct program_letter *letter);

#endif
