/*
 * The writer: one thread that makes all changes, in groups; see db.h.
 *
 * It takes every waiting job into one transaction, commits once, and only then tells those who
 * wait (P1). When a job of a group fails, the group is rolled back and each job runs alone, so that
 * one bad job costs its neighbours a moment and nothing else. Jobs lie on the stacks of those who
 * wait for them.
 */
#include "base/clock.h"
#include "base/log.h"
#include "run/loop.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

#define GROUP_MAX        1000
#define QUEUE_MAX        10000
#define RECONNECT_FIRST  100
#define RECONNECT_MAX    5000
#define CONFLICT_RETRIES 3

struct write_job {
    struct loop_message message; /* first: the message is the job */
    struct write_job *next;
    db_job *apply;
    void *arg;
    struct loop *loop; /* NULL: a thread waits in `done_signal` */
    struct co *co;
    int result;
    bool done;
};

struct writer {
    struct store *store;
    struct db_tx *tx; /* NULL while the engine is gone */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    struct write_job *first, **last;
    unsigned waiting, queue_max;
    bool ending;
    int64_t reconnect_at, reconnect_pause;
};

/* --- running a group ------------------------------------------------------------------------- */

static int run_job(struct db_tx *tx, struct write_job *job)
{
    job->result = job->apply(tx, job->arg);
    db_cache_end_job(tx->cache);
    return job->result;
}

/* All jobs in one transaction; 0 when it was committed. */
static int run_group(struct writer *w, struct write_job *first)
{
    w->tx->notice_count = 0;
    int rc = w->tx->engine->begin(w->tx, true);
    for (struct write_job *job = first; job && rc == 0; job = job->next)
        if (run_job(w->tx, job) < 0)
            rc = job->result;
    if (rc == 0) {
        rc = w->tx->engine->commit(w->tx);
        if (rc < 0)
            atomic_fetch_add(&w->store->commits_failed, 1);
    }
    if (rc < 0)
        w->tx->engine->rollback(w->tx);
    for (size_t i = 0; rc == 0 && i < w->tx->notice_count; i++)
        w->tx->notices[i].tell(w->tx->notices[i].value);
    return rc;
}

/* The same, and again when another node was in the way. */
static int run_group_again(struct writer *w, struct write_job *first)
{
    int rc = run_group(w, first);
    for (int i = 0; i < CONFLICT_RETRIES && rc < 0 && w->tx->conflict; i++)
        rc = run_group(w, first);
    return rc;
}

static void run_alone(struct writer *w, struct write_job *job)
{
    struct write_job *next = job->next;
    job->next = NULL;
    int rc = w->tx && w->tx->engine->usable(w->tx) ? run_group_again(w, job) : ERR_STORE;
    if (rc < 0)
        job->result = rc;
    job->next = next;
}

/* The engine is gone or no longer to be trusted: a new connection, not too often. */
static bool reconnect(struct writer *w)
{
    char reason[256] = "";
    int64_t now = clock_mono_ms();
    if (w->tx && w->tx->engine->usable(w->tx))
        return true;
    if (w->tx) {
        w->tx->engine->disconnect(w->tx);
        w->tx = NULL;
    }
    if (now < w->reconnect_at)
        return false;
    if (w->store->engine->connect(w->store, true, reason, sizeof reason, &w->tx) == 0) {
        w->reconnect_pause = 0;
        log_info("store.reconnected", "engine=writer");
        return true;
    }
    w->reconnect_pause = w->reconnect_pause ? w->reconnect_pause * 2 : RECONNECT_FIRST;
    if (w->reconnect_pause > RECONNECT_MAX)
        w->reconnect_pause = RECONNECT_MAX;
    w->reconnect_at = now + w->reconnect_pause;
    log_error("store.gone", "why=\"%s\"", reason);
    return false;
}

static void refuse_all(struct write_job *job, int code)
{
    for (; job; job = job->next)
        job->result = code;
}

static void serve_group(struct writer *w, struct write_job *first)
{
    atomic_fetch_add(&w->store->groups, 1);
    if (!reconnect(w)) {
        refuse_all(first, ERR_STORE);
        return;
    }
    int rc = run_group_again(w, first);
    if (rc == 0)
        return;
    if (!w->tx->engine->usable(w->tx)) { /* the commit may have happened: not a second time */
        refuse_all(first, rc == -ENOSPC ? rc : ERR_STORE);
        return;
    }
    if (!first->next) {
        first->result = rc;
        return;
    }
    atomic_fetch_add(&w->store->retried_groups, 1);
    for (struct write_job *job = first; job; job = job->next) {
        reconnect(w);
        run_alone(w, job);
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

static struct write_job *take_group(struct writer *w)
{
    struct write_job *first = w->first, **end = &w->first;
    unsigned count = 0;
    for (; *end && count < GROUP_MAX; count++)
        end = &(*end)->next;
    w->first = *end;
    *end = NULL;
    if (!w->first)
        w->last = &w->first;
    w->waiting -= count;
    return first;
}

/* Takes the jobs of the first one's loop out of the list, and tells that loop of all of them at
 * once: a wake costs more than a job. */
static void report_to_loop(struct write_job **jobs)
{
    struct loop *loop = (*jobs)->loop;
    struct loop_message *newest = NULL, *oldest = &(*jobs)->message;
    for (struct write_job **at = jobs, *job; (job = *at) != NULL;) {
        if (job->loop != loop) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        job->message.next = newest;
        newest = &job->message;
    }
    loop_post_chain(loop, newest, oldest); /* a reported job may be gone */
}

static void report_to_thread(struct writer *w, struct write_job **jobs)
{
    struct write_job *job = *jobs;
    *jobs = job->next;
    pthread_mutex_lock(&w->mutex);
    job->done = true;
    pthread_cond_broadcast(&w->done);
    pthread_mutex_unlock(&w->mutex);
}

static void report_group(struct writer *w, struct write_job *jobs)
{
    unsigned count = 0;
    for (const struct write_job *job = jobs; job; job = job->next)
        count++;
    atomic_fetch_add(&w->store->jobs, count);
    while (jobs) {
        if (jobs->loop)
            report_to_loop(&jobs);
        else
            report_to_thread(w, &jobs);
    }
}

static void *writer_thread(void *arg)
{
    struct writer *w = arg;
    pthread_setname_np(pthread_self(), "store-writer");
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        while (!w->first && !w->ending)
            pthread_cond_wait(&w->work, &w->mutex);
        if (!w->first)
            break;
        struct write_job *group = take_group(w);
        pthread_mutex_unlock(&w->mutex);
        serve_group(w, group);
        report_group(w, group);
        if (w->tx && w->tx->engine->usable(w->tx))
            w->tx->engine->tidy(w->tx);
        pthread_mutex_lock(&w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* --- handing in ------------------------------------------------------------------------------ */

static int enqueue(struct writer *w, struct write_job *job)
{
    int rc = 0;
    pthread_mutex_lock(&w->mutex);
    if (w->waiting >= w->queue_max || w->ending) {
        rc = ERR_FULL;
    } else {
        *w->last = job;
        w->last = &job->next;
        if (w->waiting++ == 0)
            pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->mutex);
    return rc;
}

static void job_done(struct loop_message *message)
{
    struct write_job *job = (struct write_job *)message;
    job->done = true;
    co_wake(job->co, 0);
}

int store_co_write(struct store *store, db_job *apply, void *arg)
{
    struct write_job job = {.message.fn = job_done,
                            .apply = apply,
                            .arg = arg,
                            .loop = loop_current(),
                            .co = co_current()};
    int rc = enqueue(store->writer, &job);
    if (rc < 0)
        return rc;
    while (!job.done)
        co_park_firmly();
    return job.result;
}

int store_write(struct store *store, db_job *apply, void *arg)
{
    struct writer *w = store->writer;
    struct write_job job = {.apply = apply, .arg = arg};
    int rc = enqueue(w, &job);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&w->mutex);
    while (!job.done)
        pthread_cond_wait(&w->done, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
    return job.result;
}

/* --- opening and closing --------------------------------------------------------------------- */

int writer_open(struct store *store, struct db_tx *tx, struct writer **ret_writer)
{
    struct writer *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->store = store;
    w->tx = tx;
    w->last = &w->first;
    w->queue_max = store->settings.queue_max ? store->settings.queue_max : QUEUE_MAX;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->done, NULL);
    int rc = pthread_create(&w->thread, NULL, writer_thread, w);
    if (rc) {
        free(w);
        return -rc;
    }
    *ret_writer = w;
    return 0;
}

void writer_close(struct writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->ending = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    if (w->tx)
        w->tx->engine->disconnect(w->tx);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->done);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

unsigned writer_waiting(struct writer *w)
{
    pthread_mutex_lock(&w->mutex);
    unsigned waiting = w->waiting;
    pthread_mutex_unlock(&w->mutex);
    return waiting;
}
