/*
 * The scheduler: libuv's events make coroutines ready, then all ready ones run; see loop.h.
 *
 * One turn: uv_run dispatches what the kernel has (callbacks only mark coroutines ready), due
 * deadlines wake their coroutines, then every coroutine that was ready at that moment runs until it
 * waits again. Coroutines made ready meanwhile run in the next turn, so I/O is never starved.
 */
#include "run/loop.h"

#include "base/clock.h"
#include "run/block.h"
#include "run/co_internal.h"
#include "run/deflate.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

_Thread_local struct loop *loop_here;

struct loop *loop_current(void)
{
    return loop_here;
}

struct scope *loop_scope(struct loop *loop)
{
    return &loop->root;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

/* --- messages -------------------------------------------------------------------------------- */

void loop_post_chain(struct loop *loop, struct loop_message *newest, struct loop_message *oldest)
{
    struct loop_message *first = atomic_load(&loop->messages);
    do {
        oldest->next = first;
    } while (!atomic_compare_exchange_weak(&loop->messages, &first, newest));
    if (!first)
        uv_async_send(&loop->async);
}

void loop_post(struct loop *loop, struct loop_message *message)
{
    loop_post_chain(loop, message, message);
}

static void take_messages(uv_async_t *async)
{
    struct loop *loop = async->data;
    struct loop_message *newest = atomic_exchange(&loop->messages, NULL), *oldest = NULL;
    while (newest) {
        struct loop_message *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct loop_message *next = oldest->next; /* fn may free or reuse it */
        oldest->fn(oldest);
        oldest = next;
    }
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    uv_async_send(&loop->async);
}

/* --- deadlines ------------------------------------------------------------------------------- */

/* Up to 1.44 libuv runs timers before it polls, and would then wait although somebody is due:
 * uv_stop makes this round's poll return at once. */
static void deadline_reached(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    loop->timer_due_ms = CO_FOREVER;
    uv_stop(&loop->uv);
}

static void wake_due(struct loop *loop)
{
    struct timer *first = timers_first(&loop->timers);
    if (!first)
        return;
    int64_t now = clock_mono_ms();
    for (; first && first->due_ms <= now; first = timers_first(&loop->timers)) {
        struct co *co = (struct co *)((char *)first - offsetof(struct co, timer));
        co_wake(co, -ETIMEDOUT);
    }
}

/* Only an earlier deadline touches the uv timer; a late one fires for nothing, once. */
static void arm_timer(struct loop *loop)
{
    struct timer *first = timers_first(&loop->timers);
    if (!first || first->due_ms >= loop->timer_due_ms)
        return;
    int64_t wait = first->due_ms - clock_mono_ms();
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->timer, deadline_reached, wait > 0 ? (uint64_t)wait : 0, 0);
    loop->timer_due_ms = first->due_ms;
}

/* --- the turn -------------------------------------------------------------------------------- */

static void run_ready(struct loop *loop)
{
    struct co *batch = loop->ready_first;
    loop->ready_first = NULL;
    loop->ready_last = &loop->ready_first;
    while (batch) {
        struct co *next = batch->next;
        co_resume(loop, batch);
        batch = next;
    }
}

static void turn(struct loop *loop)
{
    arm_timer(loop);
    uv_run(&loop->uv, loop->ready_first ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    wake_due(loop);
    run_ready(loop);
}

void loop_run(struct loop *loop)
{
    assert(!loop_here);
    loop_here = loop;
    overflow_watch_thread(loop);
    while (!atomic_load(&loop->stopping))
        turn(loop);
    scope_cancel(&loop->root);
    while (loop->live)
        turn(loop);
    uv_close((uv_handle_t *)&loop->async, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    block_pool_drain();
    deflate_pack_end();
    overflow_unwatch_thread(loop);
    loop_here = NULL;
}

/* --- making and ending ----------------------------------------------------------------------- */

int loop_create(struct loop **ret_loop)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, overflow_watch_process);
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return -ENOMEM;
    int rc = uv_loop_init(&loop->uv);
    if (rc < 0) {
        free(loop);
        return rc;
    }
    rc = uv_async_init(&loop->uv, &loop->async, take_messages);
    if (rc < 0) {
        uv_loop_close(&loop->uv);
        free(loop);
        return rc;
    }
    uv_timer_init(&loop->uv, &loop->timer);
    loop->async.data = loop->timer.data = loop;
    loop->timer_due_ms = CO_FOREVER;
    loop->root = (struct scope){.loop = loop, .deadline_ms = CO_FOREVER};
    loop->ready_last = &loop->ready_first;
    *ret_loop = loop;
    return 0;
}

void loop_destroy(struct loop *loop)
{
    co_pool_drain(loop);
    timers_free(&loop->timers);
    int rc = uv_loop_close(&loop->uv);
    assert(rc == 0);
    (void)rc;
    free(loop);
}

static void thread_main(void *arg)
{
    struct loop *loop = arg;
    pthread_setname_np(pthread_self(), loop->name);
    loop_run(loop);
}

int loop_start_thread(struct loop *loop, const char *name)
{
    loop->name = name;
    return uv_thread_create(&loop->thread, thread_main, loop);
}

void loop_join(struct loop *loop)
{
    uv_thread_join(&loop->thread);
}

struct main_call {
    struct loop *loop;
    int (*fn)(void *arg);
    void *arg;
    int result;
};

static int main_co_entry(void *arg)
{
    struct main_call *call = arg;
    call->result = call->fn(call->arg);
    loop_stop(call->loop);
    return 0;
}

int loop_run_main(const char *name, int (*fn)(void *arg), void *arg)
{
    struct main_call call = {.fn = fn, .arg = arg};
    int rc = loop_create(&call.loop);
    if (rc < 0)
        return rc;
    /* the loop is this thread's from here on, so that the first coroutine can be spawned */
    loop_here = call.loop;
    rc = co_spawn(loop_scope(call.loop), name, main_co_entry, &call);
    loop_here = NULL;
    if (rc < 0)
        loop_stop(call.loop);
    loop_run(call.loop);
    loop_destroy(call.loop);
    return rc < 0 ? rc : call.result;
}
