/*
 * What a letter is made of, for IMAP: BODYSTRUCTURE and BODY (RFC 9051 7.5.2), and a compact table
 * of its parts, in which section.h finds bytes without a new parse of the letter.
 *
 * Pure, without recursion, for any bytes. structure_make runs once, at delivery; its caller stores
 * the table and BODYSTRUCTURE, and both go with the letter for good: table and answers must agree.
 * BODY is cut from BODYSTRUCTURE when somebody asks.
 *
 * What is broken is told so that the answer follows the grammar and the text can be read: a
 * multipart without parts is text/plain; a message/rfc822 that was encoded, or lies too deep, has
 * an empty envelope and an empty text within, which its part numbers do not reach. Type names and
 * parameter names come in upper case; RFC 2231 parameters stay as they stand.
 */
#ifndef MAIL_STRUCTURE_H
#define MAIL_STRUCTURE_H

#include "base/buffer.h"
#include "mail/mime.h"

#define STRUCTURE_PARTS_MAX 1000 /* what comes behind is part of the last */
#define STRUCTURE_FULL                                                                             \
    ((size_t)1024 * 1024)                             /* as written: from there on parts are told  \
                                                         without parameters, names, envelopes */
#define STRUCTURE_MAX       ((size_t)6 * 1024 * 1024) /* never more: a cap that is enough */
#define STRUCTURE_TABLE_MAX ((size_t)64 * 1024)

/* Appends the table, and "(type subtype …)" with extension data. letter: the whole, with CRLF line
 * ends. Count of parts, or -ENOMEM and the buffers' errors. */
must_check int structure_make(struct span letter, struct buffer *table,
                              struct buffer *bodystructure);
/* Appends BODY: the same without extension data. ERR_CORRUPT: no BODYSTRUCTURE of ours. */
must_check int structure_write_body(struct span bodystructure, struct buffer *out);

/* --- the table ------------------------------------------------------------------------------- */

enum structure_encoding {                  /* Content-Transfer-Encoding */
                          STRUCTURE_PLAIN, /* 7bit, 8bit, binary, or none: the bytes as they stand
                                            */
                          STRUCTURE_QUOTED,
                          STRUCTURE_BASE64,
                          STRUCTURE_UNKNOWN,
};

enum structure_type { STRUCTURE_OTHER, STRUCTURE_TEXT, STRUCTURE_TEXT_PLAIN, STRUCTURE_TEXT_HTML };

struct structure_part {
    enum mime_kind kind;
    enum structure_encoding encoding; /* of leaves; else plain */
    enum structure_type type;
    bool attachment;          /* Content-Disposition: attachment */
    int number, parent;       /* indices; the root is 0, its parent -1 */
    size_t header, body, end; /* offsets in the letter; the header with its blank line */
    size_t lines;
};

/* Goes through the parts in the order of the letter, parents first. */
struct structure_walk {
    struct span rest;
    size_t at; /* where the last part's header began */
    int count;
};
/* ERR_CORRUPT: no table of ours. */
must_check int structure_begin(struct span table, struct structure_walk *ret_walk);
/* 1, 0 at the end, or ERR_CORRUPT. */
must_check int structure_next(struct structure_walk *walk, struct structure_part *ret_part);

#endif
