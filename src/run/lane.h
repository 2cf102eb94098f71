/*
 * A work lane: a few threads and a bounded queue for work that would block a loop.
 *
 * Each kind of work has a lane of its own (passwords, disk, CPU), so that password guessing cannot
 * starve signing. A coroutine hands in a job and sleeps.
 */
#ifndef RUN_LANE_H
#define RUN_LANE_H

#include "run/co.h"

struct lane;

must_check int lane_create(const char *name, unsigned threads, unsigned queue_max,
                           struct lane **ret_lane);
/* Runs job(arg) on a lane thread and returns its result. ERR_FULL when the queue is full. A job
 * not yet begun is taken back on cancellation (-ECANCELED) or when timeout_ms passes (-ETIMEDOUT);
 * a running one is waited for and its result returned. arg may live on the caller's stack. */
must_check int lane_co_run(struct lane *lane, int (*job)(void *arg), void *arg, int64_t timeout_ms);
unsigned lane_waiting(struct lane *lane); /* jobs not yet begun, for metrics */
void lane_destroy(struct lane *lane);     /* when nobody waits any more */

#endif
