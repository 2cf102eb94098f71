/* Work lanes: threads behind a bounded queue; see lane.h. */
#include "run/lane.h"

#include "run/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE };

/* On the stack of the coroutine that waits for it. */
struct job {
    struct loop_message message; /* first, so that the message is the job */
    struct job *next, *previous;
    int (*fn)(void *arg);
    void *arg;
    struct loop *loop;
    struct co *co;
    enum job_state state; /* under the lane's mutex */
    int result;
    bool reported; /* loop thread only */
};

struct lane {
    pthread_mutex_t mutex;
    pthread_cond_t work;
    struct job *first, *last;
    unsigned waiting, queue_max, thread_count;
    bool ending;
    const char *name;
    pthread_t threads[];
};

static void lane_unlink(struct lane *lane, struct job *job)
{
    if (job->previous)
        job->previous->next = job->next;
    else
        lane->first = job->next;
    if (job->next)
        job->next->previous = job->previous;
    else
        lane->last = job->previous;
    lane->waiting--;
}

static void job_report(struct loop_message *message)
{
    struct job *job = (struct job *)message;
    job->reported = true;
    co_wake(job->co, 0);
}

static void *lane_thread(void *arg)
{
    struct lane *lane = arg;
    pthread_setname_np(pthread_self(), lane->name);
    pthread_mutex_lock(&lane->mutex);
    for (;;) {
        while (!lane->first && !lane->ending)
            pthread_cond_wait(&lane->work, &lane->mutex);
        struct job *job = lane->first;
        if (!job)
            break;
        lane_unlink(lane, job);
        job->state = JOB_RUNNING;
        pthread_mutex_unlock(&lane->mutex);
        int result = job->fn(job->arg);
        pthread_mutex_lock(&lane->mutex);
        job->result = result;
        job->state = JOB_DONE;
        loop_post(job->loop, &job->message);
    }
    pthread_mutex_unlock(&lane->mutex);
    return NULL;
}

int lane_create(const char *name, unsigned threads, unsigned queue_max, struct lane **ret_lane)
{
    struct lane *lane = calloc(1, sizeof *lane + threads * sizeof lane->threads[0]);
    if (!lane)
        return -ENOMEM;
    lane->name = name;
    lane->queue_max = queue_max;
    pthread_mutex_init(&lane->mutex, NULL);
    pthread_cond_init(&lane->work, NULL);
    for (; lane->thread_count < threads; lane->thread_count++) {
        int rc = pthread_create(&lane->threads[lane->thread_count], NULL, lane_thread, lane);
        if (rc) {
            lane_destroy(lane);
            return -rc;
        }
    }
    *ret_lane = lane;
    return 0;
}

static int lane_enqueue(struct lane *lane, struct job *job)
{
    pthread_mutex_lock(&lane->mutex);
    bool full = lane->waiting >= lane->queue_max;
    if (!full) {
        job->previous = lane->last;
        if (lane->last)
            lane->last->next = job;
        else
            lane->first = job;
        lane->last = job;
        lane->waiting++;
        pthread_cond_signal(&lane->work);
    }
    pthread_mutex_unlock(&lane->mutex);
    return full ? ERR_FULL : 0;
}

/* True when the job had not begun and is out of the queue again. */
static bool lane_take_back(struct lane *lane, struct job *job)
{
    pthread_mutex_lock(&lane->mutex);
    bool queued = job->state == JOB_QUEUED;
    if (queued)
        lane_unlink(lane, job);
    pthread_mutex_unlock(&lane->mutex);
    return queued;
}

int lane_co_run(struct lane *lane, int (*fn)(void *arg), void *arg, int64_t timeout_ms)
{
    struct job job = {
        .message.fn = job_report, .fn = fn, .arg = arg, .loop = loop_current(), .co = co_current()};
    if (scope_is_cancelled(scope_current()))
        return -ECANCELED;
    int rc = lane_enqueue(lane, &job);
    if (rc < 0)
        return rc;
    rc = co_park(timeout_ms);
    if (rc < 0 && !job.reported && lane_take_back(lane, &job))
        return rc;
    while (!job.reported)
        co_park_firmly();
    return job.result;
}

unsigned lane_waiting(struct lane *lane)
{
    pthread_mutex_lock(&lane->mutex);
    unsigned waiting = lane->waiting;
    pthread_mutex_unlock(&lane->mutex);
    return waiting;
}

void lane_destroy(struct lane *lane)
{
    if (!lane)
        return;
    pthread_mutex_lock(&lane->mutex);
    lane->ending = true;
    pthread_cond_broadcast(&lane->work);
    pthread_mutex_unlock(&lane->mutex);
    for (unsigned i = 0; i < lane->thread_count; i++)
        pthread_join(lane->threads[i], NULL);
    pthread_cond_destroy(&lane->work);
    pthread_mutex_destroy(&lane->mutex);
    free(lane);
}
