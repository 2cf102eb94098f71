/*
 * Sequence sets (RFC 9051 9): "1:5,9,12:*", of message numbers or of UIDs.
 *
 * Pure. Ranges are kept sorted, without overlap; '*' is resolved when the set is used.
 */
#ifndef IMAP_SET_H
#define IMAP_SET_H

#include "imap/parse.h"

#include "base/buffer.h"

#define IMAP_RANGES_MAX 16384

struct imap_range {
    uint32_t first, last; /* first <= last */
};
struct imap_set {
    struct imap_range *ranges;
    size_t count;
    bool saved; /* "$": the result of the last search (RFC 5182) */
};

/* highest: what '*' stands for; 0 in an empty mailbox. ERR_SYNTAX. In p's arena. */
must_check int imap_parse_set(struct imap_parser *p, uint32_t highest, struct imap_set *ret_set);
bool imap_set_has(const struct imap_set *set, uint32_t number);
uint64_t imap_set_size(const struct imap_set *set);
/* Adds a number above all others to a set that is being written: "1:3,5". */
struct imap_set_writer {
    uint32_t first, last; /* the open range; 0: none */
};
must_check int imap_set_add(struct imap_set_writer *w, uint32_t number, struct buffer *out);
must_check int imap_set_add_range(struct imap_set_writer *w, uint32_t first, uint32_t last,
                                  struct buffer *out);
must_check int imap_set_end(struct imap_set_writer *w, struct buffer *out);

#endif
