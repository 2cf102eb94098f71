/* A binary heap of deadlines; see timers.h. */
#include "run/timers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int timers_reserve(struct timers *t, uint32_t count)
{
    if (count <= t->size)
        return 0;
    uint32_t size = t->size ? t->size * 2 : 64;
    struct timer **grown = realloc(t->heap, size * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    t->heap = grown;
    t->size = size;
    return 0;
}

static void put(struct timers *t, uint32_t at, struct timer *timer)
{
    t->heap[at] = timer;
    timer->place = at + 1;
}

static void rise(struct timers *t, uint32_t at, struct timer *timer)
{
    while (at > 0 && t->heap[(at - 1) / 2]->due_ms > timer->due_ms) {
        put(t, at, t->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(t, at, timer);
}

static void sink(struct timers *t, uint32_t at, struct timer *timer)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= t->count)
            break;
        if (child + 1 < t->count && t->heap[child + 1]->due_ms < t->heap[child]->due_ms)
            child++;
        if (t->heap[child]->due_ms >= timer->due_ms)
            break;
        put(t, at, t->heap[child]);
        at = child;
    }
    put(t, at, timer);
}

void timers_add(struct timers *t, struct timer *timer, int64_t due_ms)
{
    assert(timer->place == 0 && t->count < t->size);
    timer->due_ms = due_ms;
    rise(t, t->count++, timer);
}

void timers_remove(struct timers *t, struct timer *timer)
{
    if (timer->place == 0)
        return;
    uint32_t at = timer->place - 1;
    struct timer *last = t->heap[--t->count];
    timer->place = 0;
    if (last == timer)
        return;
    if (at > 0 && t->heap[(at - 1) / 2]->due_ms > last->due_ms)
        rise(t, at, last);
    else
        sink(t, at, last);
}

struct timer *timers_first(const struct timers *t)
{
    return t->count ? t->heap[0] : NULL;
}

void timers_free(struct timers *t)
{
    free(t->heap);
    *t = (struct timers){0};
}
