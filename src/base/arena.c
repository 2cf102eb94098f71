/* Arenas: a chain of blocks, the newest first; see arena.h. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK 1024
#define ARENA_ALIGN 16

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

static struct arena_block *arena_grow(struct arena *a, size_t need)
{
    size_t size = a->block ? a->block->size * 2 : ARENA_BLOCK;
    if (size > 64 * 1024)
        size = 64 * 1024;
    if (size < need)
        size = need;
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    *block = (struct arena_block){.next = a->block, .size = size};
    a->block = block;
    return block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > a->cap)
        return NULL;
    size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (a->used + size > a->cap)
        return NULL;
    struct arena_block *block = a->block;
    if (!block || block->size - block->used < size) {
        block = arena_grow(a, size);
        if (!block)
            return NULL;
    }
    void *at = block->bytes + block->used;
    block->used += size;
    a->used += size;
    return at;
}

void *arena_zero(struct arena *a, size_t size)
{
    void *at = arena_alloc(a, size);
    if (at)
        memset(at, 0, size);
    return at;
}

struct span arena_copy(struct arena *a, struct span bytes)
{
    char *at = arena_alloc(a, bytes.len + 1);
    if (!at)
        return (struct span){NULL, 0};
    if (bytes.len)
        memcpy(at, bytes.at, bytes.len);
    at[bytes.len] = '\0';
    return (struct span){at, bytes.len};
}

void arena_reset(struct arena *a)
{
    while (a->block && (a->block->next || a->block->size > ARENA_BLOCK)) {
        struct arena_block *next = a->block->next;
        free(a->block);
        a->block = next;
    }
    if (a->block)
        a->block->used = 0;
    a->used = 0;
}

void arena_free(struct arena *a)
{
    while (a->block) {
        struct arena_block *next = a->block->next;
        free(a->block);
        a->block = next;
    }
    a->used = 0;
}
