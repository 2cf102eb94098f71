/*
 * Deadlines of one loop: a binary heap of coroutines' wake times. Not thread-safe, does not yield.
 * The heap grows with the number of coroutines, so that adding a timer cannot fail once
 * timers_reserve succeeded at spawn.
 */
#ifndef RUN_TIMERS_H
#define RUN_TIMERS_H

#include "base/error.h"

#include <stdint.h>

struct timer {
    int64_t due_ms;
    uint32_t place; /* index in the heap + 1; 0 when not in it */
};
struct timers {
    struct timer **heap;
    uint32_t count, size;
};

must_check int timers_reserve(struct timers *t, uint32_t count);
void timers_add(struct timers *t, struct timer *timer, int64_t due_ms);
void timers_remove(struct timers *t, struct timer *timer); /* does nothing when not in it */
struct timer *timers_first(const struct timers *t);        /* NULL when empty */
void timers_free(struct timers *t);

#endif
