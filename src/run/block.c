/* Blocks and their pool; see block.h. */
#include "run/block.h"

#include <stdlib.h>

#define POOL_MAX 128

static _Thread_local struct block *pool;
static _Thread_local unsigned pool_count;

struct block *block_take(void)
{
    struct block *block = pool;
    if (block) {
        pool = block->next;
        pool_count--;
    } else {
        block = malloc(sizeof *block);
    }
    if (block)
        block->at = block->end = 0;
    return block;
}

void block_give(struct block **block)
{
    struct block *given = *block;
    *block = NULL;
    if (!given)
        return;
    if (pool_count >= POOL_MAX) {
        free(given);
        return;
    }
    given->next = pool;
    pool = given;
    pool_count++;
}

void block_pool_drain(void)
{
    while (pool) {
        struct block *block = pool;
        pool = block->next;
        free(block);
    }
    pool_count = 0;
}
