/*
 * What co.c (coroutines, scopes) and loop.c (scheduler, threads) share; nobody else includes it.
 *
 * A struct co lies at the top of its own stack. States: READY (in the loop's ready list), RUNNING,
 * PARKED (somebody will wake it), ENDED (the scheduler gives the stack back). A stack and its
 * struct go back to the loop's pool and are used again.
 */
#ifndef RUN_CO_INTERNAL_H
#define RUN_CO_INTERNAL_H

#include "run/loop.h"
#include "run/stack.h"
#include "run/timers.h"

#include <stdatomic.h>
#include <stddef.h>

enum co_state { CO_READY, CO_RUNNING, CO_PARKED, CO_ENDED };

struct co {
    void *context; /* of switch_stacks, while not running */
    struct loop *loop;
    struct scope *scope;
    struct co *next_member, *previous_member; /* in scope->members */
    struct co *next;                          /* in the ready list or the pool */
    const char *name;
    int (*fn)(void *arg);
    void *arg;
    struct timer timer;
    int code; /* what co_park returns */
    int result;
    enum co_state state;
    bool firm;
    char *stack;
    unsigned valgrind_id;
    void *asan_fake_stack, *tsan_fiber;
};

/* Stacks kept for the next coroutines of a loop; more are unmapped. */
#define LOOP_POOL_MAX 512

struct loop {
    uv_loop_t uv;
    uv_async_t async;
    uv_timer_t timer;
    int64_t timer_due_ms; /* what the uv timer is set to; CO_FOREVER: stopped */
    struct timers timers;
    struct scope root;
    struct co *current;
    struct co *ready_first, **ready_last;
    struct co *pool;
    uint32_t pool_count, live;
    void *context; /* of the scheduler, while a coroutine runs */
    const void *asan_bottom;
    size_t asan_size;
    void *asan_fake_stack, *tsan_fiber;
    _Atomic(struct loop_message *) messages;
    atomic_bool stopping;
    uv_thread_t thread;
    const char *name;
    void *alternate_stack;
};

extern _Thread_local struct loop *loop_here;

/* co.c, for the scheduler: runs a ready coroutine until it parks or ends. */
void co_resume(struct loop *loop, struct co *co);
void co_pool_drain(struct loop *loop);
void co_make_ready(struct co *co, int code);
/* Reports a stack overflow by its coroutine's name; installed once per process, its alternate
 * stack once per thread. */
void overflow_watch_process(void);
void overflow_watch_thread(struct loop *loop);
void overflow_unwatch_thread(struct loop *loop);

#endif
