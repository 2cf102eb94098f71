/*
 * Message-IDs, and the ids of the letters that a letter answers (RFC 5322 3.6.4), for THREAD and
 * THREADID.
 *
 * Pure, linear, for any bytes. An id is what stands between "<" and ">" with an "@" in it, in one
 * normal form (RFC 5256 3: quotes are undone, folds and blanks within it go); case counts. What is
 * longer than MESSAGE_ID_MAX is no id.
 */
#ifndef MAIL_MESSAGE_ID_H
#define MAIL_MESSAGE_ID_H

#include "base/buffer.h"

#define MESSAGE_ID_MAX   ((size_t)1000)
#define MESSAGE_IDS_REFS 101                 /* the first of References, and the newest hundred */
#define MESSAGE_IDS_MAX  ((size_t)16 * 1024) /* bytes: fewer of the newest where they are long */

/* Appends the next id of a field's body in its normal form, no line end in it. 1, 0: there is none,
 * or the buffer's errors. */
must_check int message_id_next(struct span *rest, struct buffer *out);

/* The ids of a letter as they are kept: its own, LF, then those of References, else the first of
 * In-Reply-To, the oldest first, each with LF. A letter without ids is "\n". Appends; only the
 * buffer's errors. */
must_check int message_ids_write(struct span header, struct buffer *out);
/* The next line of them. False at the end. */
bool message_ids_next(struct span *rest, struct span *ret_id);
/* What the conversation began with: the first reference, else the letter's own; may be empty. */
struct span message_ids_root(struct span ids);

#endif
