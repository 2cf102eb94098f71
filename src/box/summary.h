/*
 * What clients ask of a message again and again, made once: ENVELOPE, BODYSTRUCTURE, and the table
 * in which parts are found without reading the letter (mail/structure.h).
 *
 * Of the letter's bytes alone: the trace fields of a copy (head) come in front of them and shift
 * offsets.
 */
#ifndef BOX_SUMMARY_H
#define BOX_SUMMARY_H

#include "base/buffer.h"

#define SUMMARY_LETTER_MAX ((size_t)64 * 1024 * 1024) /* of larger ones none is made */

struct summary {
    struct buffer envelope, structure;
};
/* -ENOMEM, -ENOBUFS. Free in any case. Pure. */
must_check int summary_make(struct span letter, struct summary *ret_summary);
void summary_free(struct summary *summary);
/* The two parts of a stored structure. ERR_CORRUPT. */
must_check int summary_split(struct span structure, struct span *ret_table,
                             struct span *ret_bodystructure);

#endif
