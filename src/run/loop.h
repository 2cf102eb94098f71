/*
 * A loop: one thread, one libuv loop, one scheduler of coroutines.
 *
 * The program has one loop a core; main starts them, every other room only asks for the current
 * one. loop_post is the only way in from another thread.
 */
#ifndef RUN_LOOP_H
#define RUN_LOOP_H

#include "run/co.h"

#include <uv.h>

struct loop;

/* A message to a loop, owned by the sender until fn runs (then it may be reused or freed). */
struct loop_message {
    struct loop_message *next;
    void (*fn)(struct loop_message *message);
};

must_check int loop_create(struct loop **ret_loop);
/* Runs on the calling thread until loop_stop, then cancels the root scope, waits for its
 * coroutines and for all handles to close. */
void loop_run(struct loop *loop);
/* The same on a thread of its own; loop_join waits for its end. */
must_check int loop_start_thread(struct loop *loop, const char *name);
void loop_join(struct loop *loop);
void loop_stop(struct loop *loop);    /* from any thread */
void loop_destroy(struct loop *loop); /* after loop_run returned */

struct loop *loop_current(void); /* NULL on other threads */
struct scope *loop_scope(struct loop *loop);
uv_loop_t *loop_uv(struct loop *loop);
/* Runs message->fn on the loop's thread, outside any coroutine: it must not yield. Thread-safe,
 * never fails, keeps the order of one sender. */
void loop_post(struct loop *loop, struct loop_message *message);
/* The same for a chain of them, the newest first, down to `oldest`: one wake for all. */
void loop_post_chain(struct loop *loop, struct loop_message *newest, struct loop_message *oldest);
/* Runs fn(arg) as a coroutine of a new loop on this thread until it ends; its result. For verbs
 * and tests. */
must_check int loop_run_main(const char *name, int (*fn)(void *arg), void *arg);

#endif
