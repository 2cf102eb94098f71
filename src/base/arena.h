/*
 * An arena: many small allocations that end together, with a cap given at birth (P7).
 *
 * Three lifetimes exist in the house, and an arena's name says which it serves: session,
 * transaction, function. Memory is aligned for any type and not zeroed by arena_alloc.
 * NULL means past the cap or out of memory.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/error.h"
#include "base/span.h"

struct arena_block;
struct arena {
    struct arena_block *block;
    size_t used, cap; /* used counts bytes of all blocks */
};

#define ARENA(limit) ((struct arena){.cap = (limit)})
#define AUTO_ARENA   __attribute__((cleanup(arena_free))) struct arena

must_check void *arena_alloc(struct arena *a, size_t size);
must_check void *arena_zero(struct arena *a, size_t size); /* the same, zeroed */
/* Copies the bytes and adds a NUL behind them; .at is NULL on failure. */
must_check struct span arena_copy(struct arena *a, struct span bytes);
/* Ends all allocations but keeps one small block for the next transaction. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif
