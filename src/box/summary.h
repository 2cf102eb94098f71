/*
 * What clients ask of a message again and again, made once, at delivery: ENVELOPE, BODYSTRUCTURE,
 * the table in which parts are found without reading the letter (mail/structure.h), PREVIEW, the
 * ids of the letter and of those it answers (mail/message_id.h).
 *
 * Of the letter's bytes alone: the trace fields of a copy (head) come in front of them and shift
 * offsets.
 */
#ifndef BOX_SUMMARY_H
#define BOX_SUMMARY_H

#include "base/buffer.h"
#include "box/box.h"

#define SUMMARY_LETTER_MAX ((size_t)64 * 1024 * 1024) /* larger ones look empty */

struct summary {
    struct buffer envelope, structure, preview, ids;
    int64_t thread; /* 0: the letter has no ids */
};
/* -ENOMEM, -ENOBUFS. Free in any case. Pure. */
must_check int summary_make(struct span letter, struct summary *ret_summary);
/* The same of a body that is finished: in a lane where it is in a file. Yields. */
must_check int summary_co_make(struct blob_writer *body, struct summary *ret_summary);
/* Of a letter that is stored. ERR_ABSENT. Yields. */
must_check int summary_co_make_stored(struct store *store, int64_t tenant, int64_t blob,
                                      struct summary *ret_summary);
void summary_free(struct summary *summary);
/* Lets the message show it, as long as it lives. */
void summary_show(const struct summary *summary, struct box_message *message);
/* The two parts of a stored structure. ERR_CORRUPT. */
must_check int summary_split(struct span structure, struct span *ret_table,
                             struct span *ret_bodystructure);

/* THREADID (RFC 8474 5.2) of a conversation that began with this id; of a letter without ids, that
 * with this origin. Never 0. The same on each node and for good, for all who have letters of the
 * conversation, without looking for any of them. */
int64_t summary_thread(struct span root);
int64_t summary_thread_alone(int64_t origin);

#endif
