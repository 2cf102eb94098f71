/*
 * Coroutines and scopes; the contract is co.h, the data co_internal.h.
 *
 * Every switch goes between the scheduler's stack and a coroutine's, never directly between two
 * coroutines, and tells the sanitizers and valgrind.
 */
#include "run/co.h"

#include "base/clock.h"
#include "run/co_internal.h"
#include "run/switch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(from, to) 0
#define VALGRIND_STACK_DEREGISTER(id)     (void)(id)
#endif

#define TRIM_MARGIN 1024 /* of frames that are called until the wait */

static atomic_uint_fast32_t census_live, census_stacks;

/* Stack bytes below the struct. */
static size_t co_stack_size(const struct co *co)
{
    return (size_t)((const char *)co - co->stack);
}

/* --- the switch ------------------------------------------------------------------------------ */

/* From the scheduler into co. Returns when co parks or ends. */
static void switch_in(struct loop *loop, struct co *co)
{
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(&loop->asan_fake_stack, co->stack, co_stack_size(co));
#endif
#ifdef WITH_TSAN
    loop->tsan_fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(co->tsan_fiber, 0);
#endif
    switch_stacks(&loop->context, co->context);
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(loop->asan_fake_stack, NULL, NULL);
#endif
}

/* From co back to the scheduler; for good when co has ended. */
static void switch_out(struct loop *loop, struct co *co)
{
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(co->state == CO_ENDED ? NULL : &co->asan_fake_stack,
                                   loop->asan_bottom, loop->asan_size);
#endif
#ifdef WITH_TSAN
    __tsan_switch_to_fiber(loop->tsan_fiber, 0);
#endif
    switch_stacks(&co->context, loop->context);
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(co->asan_fake_stack, &loop->asan_bottom, &loop->asan_size);
#endif
}

static void co_entry(void)
{
    struct loop *loop = loop_here;
    struct co *co = loop->current;
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(NULL, &loop->asan_bottom, &loop->asan_size);
#endif
    co->result = co->fn(co->arg);
    co->state = CO_ENDED;
    switch_out(loop, co);
    abort(); /* an ended coroutine is never resumed */
}

/* --- stacks and the pool --------------------------------------------------------------------- */

static struct co *co_create(struct loop *loop)
{
    char *stack;
    if (stack_map(&stack) < 0)
        return NULL;
    uintptr_t top = (uintptr_t)stack + STACK_SIZE - STACK_GUARD - sizeof(struct co);
    struct co *co = (struct co *)(top & ~(uintptr_t)63);
    *co = (struct co){.loop = loop, .stack = stack};
    co->valgrind_id = VALGRIND_STACK_REGISTER(stack, stack + co_stack_size(co));
    atomic_fetch_add(&census_stacks, 1);
    return co;
}

static void co_destroy(struct co *co)
{
#ifdef WITH_ASAN
    /* the kernel may give these addresses out again */
    __asan_unpoison_memory_region(co->stack, co_stack_size(co));
#endif
    VALGRIND_STACK_DEREGISTER(co->valgrind_id);
    stack_unmap(co->stack);
    atomic_fetch_sub(&census_stacks, 1);
}

void co_trim_stack(void)
{
    struct co *co = loop_here->current;
    const char *used = (const char *)__builtin_frame_address(0) - TRIM_MARGIN;
    if (used > co->stack)
        stack_trim(co->stack, used);
}

static struct co *co_obtain(struct loop *loop)
{
    struct co *co = loop->pool;
    if (!co)
        return co_create(loop);
    loop->pool = co->next;
    loop->pool_count--;
#ifdef WITH_ASAN
    __asan_unpoison_memory_region(co->stack, co_stack_size(co));
#endif
    return co;
}

static void co_give_back(struct loop *loop, struct co *co)
{
#ifdef WITH_TSAN
    __tsan_destroy_fiber(co->tsan_fiber);
#endif
    if (loop->pool_count >= LOOP_POOL_MAX) {
        co_destroy(co);
        return;
    }
#ifdef WITH_ASAN
    __asan_poison_memory_region(co->stack, co_stack_size(co));
#endif
    co->next = loop->pool;
    loop->pool = co;
    loop->pool_count++;
}

void co_pool_drain(struct loop *loop)
{
    while (loop->pool) {
        struct co *co = loop->pool;
        loop->pool = co->next;
        co_destroy(co);
    }
    loop->pool_count = 0;
}

struct co_census co_census(void)
{
    return (struct co_census){(uint32_t)atomic_load(&census_live),
                              (uint32_t)atomic_load(&census_stacks)};
}

/* --- spawn, park, wake ----------------------------------------------------------------------- */

static void scope_join(struct scope *s, struct co *co)
{
    co->scope = s;
    co->previous_member = NULL;
    co->next_member = s->members;
    if (s->members)
        s->members->previous_member = co;
    s->members = co;
    s->live++;
}

int co_spawn(struct scope *s, const char *name, int (*fn)(void *arg), void *arg)
{
    struct loop *loop = s->loop;
    assert(loop == loop_here);
    if (scope_is_cancelled(s))
        return -ECANCELED;
    if (timers_reserve(&loop->timers, loop->live + 1) < 0)
        return -ENOMEM;
    struct co *co = co_obtain(loop);
    if (!co)
        return -ENOMEM;
    co->name = name;
    co->fn = fn;
    co->arg = arg;
    co->firm = false;
    co->asan_fake_stack = NULL;
    co->timer = (struct timer){0};
#ifdef WITH_TSAN
    co->tsan_fiber = __tsan_create_fiber(0);
#endif
    co->context = switch_prepare(co->stack, co_stack_size(co), co_entry);
    scope_join(s, co);
    loop->live++;
    atomic_fetch_add(&census_live, 1);
    co_make_ready(co, 0);
    return 0;
}

void co_make_ready(struct co *co, int code)
{
    struct loop *loop = co->loop;
    co->state = CO_READY;
    co->code = code;
    co->next = NULL;
    *loop->ready_last = co;
    loop->ready_last = &co->next;
}

static void scope_leave(struct co *co)
{
    struct scope *s = co->scope;
    if (co->previous_member)
        co->previous_member->next_member = co->next_member;
    else
        s->members = co->next_member;
    if (co->next_member)
        co->next_member->previous_member = co->previous_member;
    if (co->result < 0 && s->first_error == 0)
        s->first_error = co->result;
    s->live--;
    if (s->live == 0 && s->waiter)
        co_wake(s->waiter, 0);
}

void co_resume(struct loop *loop, struct co *co)
{
    co->state = CO_RUNNING;
    loop->current = co;
    switch_in(loop, co);
    loop->current = NULL;
    if (co->state != CO_ENDED)
        return;
    scope_leave(co);
    loop->live--;
    atomic_fetch_sub(&census_live, 1);
    co_give_back(loop, co);
}

static int park(int64_t due_ms, bool firm)
{
    struct co *co = co_current();
    assert(co);
    if (due_ms != CO_FOREVER)
        timers_add(&co->loop->timers, &co->timer, due_ms);
    co->firm = firm;
    co->state = CO_PARKED;
    switch_out(co->loop, co);
    return co->code;
}

int co_park(int64_t timeout_ms)
{
    struct co *co = co_current();
    if (scope_is_cancelled(co->scope))
        return -ECANCELED;
    int64_t due = co->scope->deadline_ms;
    if (timeout_ms != CO_FOREVER) {
        int64_t now = clock_mono_ms();
        if (timeout_ms < due - now)
            due = now + (timeout_ms > 0 ? timeout_ms : 0);
    }
    return park(due, false);
}

int co_park_firmly(void)
{
    return park(CO_FOREVER, true);
}

bool co_wake(struct co *co, int code)
{
    assert(co->loop == loop_here);
    if (co->state != CO_PARKED)
        return false;
    timers_remove(&co->loop->timers, &co->timer);
    co_make_ready(co, code);
    return true;
}

int co_pause(void)
{
    struct co *co = co_current();
    if (scope_is_cancelled(co->scope))
        return -ECANCELED;
    co_make_ready(co, 0);
    switch_out(co->loop, co);
    return 0;
}

int co_sleep(int64_t ms)
{
    int64_t due = clock_mono_ms() + ms;
    int rc = co_park(ms);
    return rc == -ETIMEDOUT && due <= co_current()->scope->deadline_ms ? 0 : rc;
}

struct co *co_current(void)
{
    return loop_here ? loop_here->current : NULL;
}

const char *co_name(void)
{
    struct co *co = co_current();
    return co ? co->name : "no coroutine";
}

/* --- scopes ---------------------------------------------------------------------------------- */

void scope_open(struct scope *s, struct scope *parent, int64_t timeout_ms)
{
    assert(parent->loop == loop_here);
    int64_t deadline = timeout_ms == CO_FOREVER ? CO_FOREVER : clock_mono_ms() + timeout_ms;
    if (deadline > parent->deadline_ms)
        deadline = parent->deadline_ms;
    *s = (struct scope){
        .loop = parent->loop, .parent = parent, .next = parent->children, .deadline_ms = deadline};
    if (parent->children)
        parent->children->previous = s;
    parent->children = s;
}

bool scope_is_cancelled(const struct scope *s)
{
    for (; s; s = s->parent)
        if (s->cancelled)
            return true;
    return false;
}

static void wake_members(struct scope *s)
{
    for (struct co *co = s->members; co; co = co->next_member)
        if (!co->firm)
            co_wake(co, -ECANCELED);
    for (struct scope *child = s->children; child; child = child->next)
        wake_members(child);
}

void scope_cancel(struct scope *s)
{
    if (s->cancelled)
        return;
    s->cancelled = true;
    wake_members(s);
}

int scope_co_wait(struct scope *s)
{
    assert(s->parent && !s->waiter);
    while (s->live || s->children) {
        s->waiter = co_current();
        co_park_firmly();
    }
    s->waiter = NULL;
    if (s->previous)
        s->previous->next = s->next;
    else
        s->parent->children = s->next;
    if (s->next)
        s->next->previous = s->previous;
    if (s->parent->waiter && !s->parent->children && !s->parent->live)
        co_wake(s->parent->waiter, 0);
    return s->first_error;
}

struct scope *scope_current(void)
{
    return co_current()->scope;
}
