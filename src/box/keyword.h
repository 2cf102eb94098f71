/*
 * Keywords: flags with names (RFC 3501 2.3.2, RFC 5788).
 *
 * Bits 5 to 15 are keywords that many clients use, the same in all mailboxes. Bits 16 to 62 belong
 * to the mailbox, which remembers their names; a name once given keeps its bit.
 */
#ifndef BOX_KEYWORD_H
#define BOX_KEYWORD_H

#include "base/arena.h"
#include "store/db.h"

#define KEYWORD_FIRST     5
#define KEYWORD_OWN_FIRST 16
#define KEYWORD_END       63
#define KEYWORD_NAME_MAX  100

struct keywords { /* names by bit; NULL where there is none */
    const char *names[KEYWORD_END];
};

/* The mailbox's, names copied into arena. */
must_check int keyword_co_read(struct store *store, int64_t tenant, int64_t mailbox,
                               struct arena *arena, struct keywords *ret_keywords);
/* The bit of a name, without regard to case; -1 where the mailbox does not know it. */
int keyword_find(const struct keywords *keywords, struct span name);
/* In a write job: the same, and a new one is made. ERR_FULL: the mailbox has no bit left. */
must_check int keyword_take(struct db_tx *tx, int64_t tenant, int64_t mailbox, struct span name,
                            int *ret_bit);
/* In a write job: the flags of a message in one mailbox as they are in another. Keywords for which
 * the other has no room are lost. */
must_check int keyword_translate(struct db_tx *tx, int64_t tenant, int64_t from, int64_t to,
                                 uint64_t flags, uint64_t *ret_flags);

#endif
