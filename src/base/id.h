/*
 * Ids: 63 bits, ordered by time: 41 bits of milliseconds since 2024, 8 of node, 14 of sequence.
 *
 * Ids never repeat and never go back, also when the clock does; over the end of a process, where
 * the last one is kept (id_keep): rows, EMAILIDs, cursors of readers depend on it. Shown as 13
 * characters of base32 (Crockford's alphabet, lower case), which sort as the ids do.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/span.h"

#define ID_TEXT 14 /* 13 characters and the NUL */

void id_set_node(unsigned node); /* 0 … 255, before the first id_next() */
/* From now on the last id is kept in *last, which outlives the process, and ids go on behind what
 * stands there. Before other threads make ids. True: the clock is behind. */
bool id_keep(_Atomic int64_t *last);
int64_t id_next(void);          /* thread-safe */
int64_t id_wall_ms(int64_t id); /* when it was made, in wall milliseconds */
int64_t id_at(int64_t wall_ms); /* the smallest id that moment could have;
                                 far in the future: INT64_MAX */
const char *id_text(int64_t id, char text[ID_TEXT]);
bool id_parse(struct span text, int64_t *ret_id);

#endif
