/*
 * Blocks: the input buffers of streams, kept for the next one in a pool of each thread.
 *
 * A thousand idle sessions hold none (streams give theirs back while they wait).
 */
#ifndef RUN_BLOCK_H
#define RUN_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#define BLOCK_SIZE ((size_t)16 * 1024)

struct block {
    struct block *next; /* in the pool */
    uint32_t at, end;   /* unread: bytes[at .. end) */
    char bytes[BLOCK_SIZE];
};

/* An empty one, or NULL. */
struct block *block_take(void);
/* To the pool of this thread; *block becomes NULL. */
void block_give(struct block **block);
/* The thread's loop has ended. */
void block_pool_drain(void);

#endif
