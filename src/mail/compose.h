/*
 * A letter made from its parts: header fields, MIME nesting, encodings (RFC 5322, 2045–2047, 2231,
 * 2387, 6531).
 *
 * Pure. compose_open() checks everything a caller may hand on from outside, plans the letter and
 * writes its header; compose_next() then gives the body piece by piece, as often as it is rewound,
 * so that it can be hashed for a signature first and stored afterwards, and no attachment is in
 * memory twice. The nesting is
 *
 *     mixed( related( alternative( text, amp, html, others ), inline images ), attachments )
 *
 * with each level only where it has more than one part. Bcc is no field of a letter: those
 * recipients are in the envelope alone.
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include "mail/address.h"
#include "mail/transfer.h"

#define COMPOSE_HEADER_MAX ((size_t)256 * 1024)
#define COMPOSE_NAME_MAX   126                  /* of an extra field's name */
#define COMPOSE_VALUE_MAX  ((size_t)16 * 1024)  /* of its value, and of a subject */
#define COMPOSE_FILE_MAX   ((size_t)1000)       /* of a file name */
#define COMPOSE_TYPE_MAX   ((size_t)1000)       /* of a media type with its parameters */
#define COMPOSE_ID_MAX     ((size_t)900)        /* of a Message-ID, a Content-ID */
#define COMPOSE_TEXT_MAX   ((size_t)256 * 1024) /* of text made from HTML */

struct compose_list {
    const struct mailbox *at;
    size_t count;
};
struct compose_header {
    struct span name, value; /* UTF-8, not encoded; see compose_header_kind */
};
struct compose_body {
    struct span type; /* "text/calendar; method=REQUEST": text, its charset is ours to say */
    struct span text; /* UTF-8 with any line ends */
};
struct compose_attachment {
    struct span name;       /* the file's, UTF-8; may be empty */
    struct span type;       /* empty: application/octet-stream */
    struct span content_id; /* with or without "<>"; may be empty */
    struct span bytes;
    bool is_inline; /* goes beside the HTML if it has a Content-ID and there is HTML */
};
struct compose_letter {
    int64_t id;             /* of the letter: boundaries are made of it, and the Message-ID */
    const char *domain;     /* behind its '@' */
    int64_t date_ms;        /* wall clock */
    struct span message_id; /* the client's own, with or without "<>"; empty: ours */
    struct compose_list from, sender, reply_to, to, cc; /* from: at least one; sender: at most */
    struct span subject;                                /* empty: no field */
    const struct compose_header *headers;
    size_t header_count;
    /* UTF-8 with any line ends; empty: none. With HTML and no text, text is made of it, unless: */
    struct span text, amp, html;
    bool html_alone;
    const struct compose_body *bodies; /* others, behind these */
    size_t body_count;
    const struct compose_attachment *attachments;
    size_t attachment_count;
};

/* What was refused, for the caller's own error. */
enum compose_field {
    COMPOSE_FROM,
    COMPOSE_SENDER,
    COMPOSE_REPLY_TO,
    COMPOSE_TO,
    COMPOSE_CC,
    COMPOSE_SUBJECT,
    COMPOSE_MESSAGE_ID,
    COMPOSE_HEADERS,
    COMPOSE_TEXT,
    COMPOSE_AMP,
    COMPOSE_HTML,
    COMPOSE_BODIES,
    COMPOSE_ATTACHMENTS,
};
struct compose_fault {
    enum compose_field field;
    size_t index;       /* in lists */
    const char *member; /* "name", "address", "value", "type", "content_id", "text"; NULL: all */
    const char *why;    /* words */
};

struct compose_step;
struct compose {
    struct span header;     /* all fields, without the blank line; lives in the arena */
    struct span message_id; /* with "<>"; within header */
    bool smtputf8;          /* an address needs it (RFC 6531) */
    /* private */
    const struct compose_step *steps;
    size_t step_count, at;
    bool begun;
    struct transfer transfer;
};

/* Everything in letter must live as long as *ret_compose, which needs no freeing beside the arena.
 * The arena needs room for the header and for bodies whose line ends are not CRLF or which are made
 * from HTML. ERR_SYNTAX and -E2BIG (a header past COMPOSE_HEADER_MAX) fill *ret_fault; -ENOMEM. */
must_check int compose_open(const struct compose_letter *letter, struct arena *arena,
                            struct compose *ret_compose, struct compose_fault *ret_fault);
/* Appends the next piece of the body, about 64 KiB at most; 0 when all has been given, else 1.
 * The letter is the header, a blank line, the body. */
must_check int compose_next(struct compose *c, struct buffer *out);
/* From the body's start again. */
void compose_rewind(struct compose *c);
/* The whole body into a sink such as blob_co_append; its error ends it. Yields if the sink does. */
must_check int compose_co_write(struct compose *c, int (*co_append)(void *arg, struct span bytes),
                                void *arg);

/* How a field given as extra header is treated. */
enum compose_header_kind {
    COMPOSE_HEADER_TEXT,      /* unstructured: encoded words where needed */
    COMPOSE_HEADER_ADDRESSES, /* a list of mailboxes, as address_parse_given takes them */
    COMPOSE_HEADER_TOKENS,    /* ASCII, which is only folded: References, List-Unsubscribe, … */
    COMPOSE_HEADER_OWN,       /* has a member of its own in the letter: refused here */
    COMPOSE_HEADER_RESERVED,  /* says what only we can say (trace, MIME, signatures), or Bcc */
    COMPOSE_HEADER_INVALID,   /* no field name */
};
enum compose_header_kind compose_header_kind(struct span name);
/* Appends one such field, or a Reply-To, for a letter that has its header already: checked and
 * written as compose_open does. ERR_SYNTAX fills *ret_fault (index 0); -ENOMEM. */
must_check int compose_field(const struct compose_header *header, struct arena *arena,
                             struct buffer *out, struct compose_fault *ret_fault);

#endif
