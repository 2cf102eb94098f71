/*
 * Coroutines and scopes: code that waits and yet reads straight down.
 *
 * A coroutine has its own stack and is pinned to the loop thread that started it; it never
 * migrates. Between two waits it runs alone on its loop, so sessions need no locks. Functions that
 * may yield carry co_ in their name; only such functions call them. errno is dead after a yield.
 *
 * Structured: a coroutine belongs to a scope, and a scope ends only when all its children have.
 * Cancelling a scope wakes every wait inside it with -ECANCELED, and every later wait in it returns
 * -ECANCELED at once; cleanup is ordinary code. A scope may carry a deadline, which bounds every
 * wait inside it (-ETIMEDOUT). No callback of libuv or of a library ever switches: callbacks mark a
 * coroutine ready, the scheduler alone switches.
 */
#ifndef RUN_CO_H
#define RUN_CO_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct co;
struct loop;

#define CO_FOREVER INT64_MAX /* a timeout that never comes */

/* Lives where its opener put it (usually on a stack) from scope_open to the end of scope_co_wait.
 */
struct scope {
    struct loop *loop;
    struct scope *parent; /* NULL only for a loop's root scope */
    struct scope *children, *previous, *next;
    struct co *members;  /* coroutines of this scope, a list */
    struct co *waiter;   /* who sleeps in scope_co_wait */
    int64_t deadline_ms; /* monotonic, CO_FOREVER for none */
    uint32_t live;       /* members that have not ended */
    int first_error;     /* of the children, in the order they ended */
    bool cancelled;
};

/* Opens a scope inside parent (never NULL; loop_scope() is the outermost). timeout_ms counts from
 * now. Must be followed by scope_co_wait. Loop thread only. */
void scope_open(struct scope *s, struct scope *parent, int64_t timeout_ms);
/* Wakes every wait inside, child scopes included, with -ECANCELED. Idempotent; does not yield. */
void scope_cancel(struct scope *s);
/* Waits until all children have ended, then closes the scope. Returns the first child's error or 0.
 * It cannot itself be cancelled: cancelling the scope makes the children end. */
must_check int scope_co_wait(struct scope *s);
/* The scope the running coroutine belongs to. */
struct scope *scope_current(void);
bool scope_is_cancelled(const struct scope *s); /* itself or a parent */

/* Starts fn(arg) as a coroutine of s; it runs when the scheduler next turns. name is a literal
 * shown in overflow reports and by co_list in gdb. -ENOMEM when no guarded stack can be had: the
 * caller refuses cleanly (421), a stack without guard is never used. Loop thread only. */
must_check int co_spawn(struct scope *s, const char *name, int (*fn)(void *arg), void *arg);

struct co *co_current(void); /* NULL outside any coroutine */
const char *co_name(void);
/* Lets the others run, also I/O: for loops of more than a millisecond. 0 or -ECANCELED. */
int co_pause(void);
/* 0 after the time, or -ECANCELED, or -ETIMEDOUT when the scope's deadline came first. */
int co_sleep(int64_t ms);

/*
 * The one primitive below all waits. co_park suspends until co_wake gives a code (returned as it
 * is), the timeout (-ETIMEDOUT), the scope's deadline, or cancellation. co_park_firmly knows only
 * co_wake: for things that cannot be called back, such as a running lane job or a closing handle.
 * co_wake is for the same loop's thread and may be called from callbacks; waking a coroutine that
 * is not parked, or twice, does nothing and returns false.
 */
int co_park(int64_t timeout_ms);
int co_park_firmly(void);
/* Before a long wait: the pages of the stack below what is in use go back to the kernel. Does not
 * yield. */
void co_trim_stack(void);
bool co_wake(struct co *co, int code);

/* How many coroutines live in this process, and how many stacks exist, pools included. */
struct co_census {
    uint32_t live, stacks;
};
struct co_census co_census(void);

#endif
