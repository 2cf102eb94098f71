/*
 * The search index: signatures of a mailbox's letters (signature.h), by blocks of 256 UIDs.
 *
 * Nothing is done at delivery. Who looks at a letter that has no signature makes one and hands it
 * in: a search on its way, or the pass in the background. While a block grows, and where it is
 * sparse, each letter has a row. When no further UID of the block can come, and it is well filled,
 * it is packed: turned round, so that what a search asks (which letters have this bit?) is read
 * from few bytes. What is missing, was made by another version, or belongs to a letter that went,
 * is never wrong, only slower: no signature means that the letter has to be read.
 */
#ifndef BOX_INDEX_H
#define BOX_INDEX_H

#include "box/signature.h"
#include "store/db.h"

#define INDEX_BLOCK 256
#define INDEX_BITS  250 /* asked at most at once */

struct index_mask { /* of the columns of a block: uid % INDEX_BLOCK */
    uint64_t words[INDEX_BLOCK / 64];
};
static inline bool index_mask_has(const struct index_mask *mask, unsigned column)
{
    return mask->words[column / 64] >> column % 64 & 1;
}
static inline void index_mask_set(struct index_mask *mask, unsigned column)
{
    mask->words[column / 64] |= UINT64_C(1) << column % 64;
}
unsigned index_mask_count(const struct index_mask *mask);

/* A block that is looked at. Begin with {.tenant, .mailbox, .number}; end with index_free. */
struct index_block {
    int64_t tenant, mailbox, number; /* uid / INDEX_BLOCK */
    struct index_mask known;         /* has a signature, stored or made */
    struct index_mask made;          /* is to be written */
    struct signature *signatures;    /* by column; NULL where there is none, or it is packed */
    bool packed;                     /* as it is stored */
    unsigned char *slices;           /* as it will be */
};

/* In a read job: for each bit, in which columns it may be set (set, or not known). bits ascend. */
must_check int index_read(struct db_tx *tx, struct index_block *block, const uint16_t *bits,
                          size_t count, struct index_mask *ret_may);
/* The signature of the letter in a column that has none. -ENOMEM. */
must_check int index_add(struct index_block *block, unsigned column,
                         const struct search_form *form);
/* present: where there are messages; closed: no UID of this block will come any more. True: there
 * is something to write. */
bool index_finish(struct index_block *block, const struct index_mask *present, bool closed);
must_check int index_write(struct db_tx *tx, void *block); /* is a db_job */
void index_free(struct index_block *block);

/* In a write job: those messages went; all went. */
must_check int index_forget(struct db_tx *tx, int64_t tenant, int64_t mailbox, const int64_t *uids,
                            size_t count);
must_check int index_forget_all(struct db_tx *tx, int64_t tenant, int64_t mailbox);

#endif
