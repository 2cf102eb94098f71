/*
 * Sections of a letter: BODY[…] and BINARY[…] of FETCH (RFC 9051 6.4.5, 6.4.5.1) as offsets.
 *
 * Pure. The caller has read the grammar and holds the letter's table (structure.h); the letter
 * itself may lie in a file, of which it then reads the range.
 */
#ifndef MAIL_SECTION_H
#define MAIL_SECTION_H

#include "mail/structure.h"

enum section_kind {
    SECTION_ALL,    /* [], [1.2]: the letter; a part's body */
    SECTION_HEADER, /* of the letter, or of the letter within a message/rfc822 part; FIELDS too */
    SECTION_TEXT,
    SECTION_MIME, /* a part's header; needs a number */
};

struct section {
    enum section_kind kind;
    const uint32_t *numbers; /* the caller's; 1 is the first */
    size_t count;
};

struct section_range {
    size_t begin, end;
    enum structure_encoding encoding; /* for BINARY: plain unless it is the body of a leaf */
};

/* Part 1 of what is no multipart is its text, and its MIME header the letter's. ERR_ABSENT: there
 * is no such part, or it is no message/rfc822 and has no HEADER and TEXT: the answer is NIL.
 * ERR_CORRUPT: no table of ours. */
must_check int section_find(struct span table, const struct section *section,
                            struct section_range *ret_range);

/* HEADER.FIELDS and HEADER.FIELDS.NOT: appends the fields of header, in their order and as they
 * stand, whose names are in the list (are not: without), and the blank line. Names compare without
 * case. The header ends at the first line that is no field. */
must_check int section_write_fields(struct span header, const struct span *names, size_t count,
                                    bool without, struct buffer *out);

/* --- BINARY (RFC 3516): a part's body decoded, in pieces ---------------------------------------
 */

/* What is broken is read as far as it goes: bytes that are not base64 are passed over, "=" before
 * what is no hexadecimal stands for itself. */
struct section_decoder {
    enum structure_encoding encoding;
    uint64_t size; /* decoded so far: BINARY.SIZE after the end */
    uint32_t bits; /* base64 */
    unsigned digits;
    char held[80]; /* quoted-printable: from a "=" on, what it means being open */
    unsigned held_len;
};
/* ERR_SYNTAX: an unknown encoding: NO [UNKNOWN-CTE]. */
must_check int section_decode_begin(struct section_decoder *d, enum structure_encoding encoding);
/* Appends at most the piece's length and 80 bytes; out may be NULL where only the size counts.
 * The buffer's errors, after which the decoder is of no more use. */
must_check int section_decode(struct section_decoder *d, struct span piece, struct buffer *out);
must_check int section_decode_end(struct section_decoder *d, struct buffer *out);

#endif
