/*
 * The gatherer of a loop: writes what became of letters, many in one commit (P2); see internal.h.
 *
 * A session goes on with its next letter while the last one's outcomes wait here for the disk. What
 * has happened has happened: without a commit it would be sent again, so writing is tried until the
 * store is back or the program ends; meanwhile sessions fill the gatherer and then wait.
 */
#include "deliver/internal.h"

#include "base/log.h"

#include <errno.h>
#include <utlist.h>

#define TASKS_MAX 256 /* whose outcomes wait */
#define FIRST_MS  100
#define MOST_MS   (10 * 1000)

static void wake_waiting(struct gatherer *g)
{
    struct gatherer_wait *wait;
    DL_FOREACH (g->waiting, wait)
        co_wake(wait->co, 0);
}

static unsigned take(struct gatherer *g, struct task *batch[SETTLE_MAX])
{
    unsigned count = 0;
    while (g->tasks && count < SETTLE_MAX) {
        batch[count] = g->tasks;
        DL_DELETE(g->tasks, batch[count]); /* NOLINT: clang-tidy loses track in utlist */
        count++;
    }
    g->count -= count;
    wake_waiting(g);
    return count;
}

static int co_commit(struct gatherer *g, struct task *const *batch, unsigned count)
{
    const struct deliver_settings *settings = &g->d->settings;
    struct settler settler = {settings->door, settings->directory, settings->hostname};
    for (unsigned i = 0; i < count; i++)
        g->list[i] = (struct settlement){&batch[i]->letter, batch[i]->recipients,
                                         batch[i]->outcomes, batch[i]->count, false};
    return settle_co_commit(&settler, g->list, count);
}

static void finish(struct gatherer *g, struct task *t)
{
    task_settled(g->d, t);
    task_end(g->d, t);
}

static void put_back(struct gatherer *g, struct task *t)
{
    DL_APPEND(g->tasks, t);
    g->count++;
}

/* The batch as one; if that fails, each alone, so that one bad letter does not hold up others. */
static int co_settle(struct gatherer *g, struct task *const *batch, unsigned count)
{
    int rc = co_commit(g, batch, count), last = 0;
    if (rc == 0) {
        for (unsigned i = 0; i < count; i++)
            finish(g, batch[i]);
        return 0;
    }
    for (unsigned i = 0; i < count; i++) {
        int alone = count == 1 || last == ERR_STORE ? rc : co_commit(g, &batch[i], 1);
        if (alone == 0) {
            finish(g, batch[i]);
            continue;
        }
        last = alone;
        put_back(g, batch[i]);
    }
    return last;
}

static int gatherer_co_run(void *arg)
{
    struct gatherer *g = arg;
    struct task *batch[SETTLE_MAX];
    int64_t pause = FIRST_MS;
    int rc = 0;
    while (rc != -ECANCELED && (g->tasks || !g->ending)) {
        unsigned count = take(g, batch);
        int failed = count ? co_settle(g, batch, count) : 0;
        if (failed) {
            log_error("deliver.not_settled", "letters=%u why=\"%s\" again_in_ms=%lld", g->count,
                      error_text(failed), (long long)pause);
            rc = co_sleep(pause);
            pause = pause * 2 > MOST_MS ? MOST_MS : pause * 2;
            continue;
        }
        pause = FIRST_MS;
        if (!g->tasks && !g->ending) {
            g->parked = co_current();
            rc = co_park(CO_FOREVER);
            g->parked = NULL;
        }
    }
    g->gone = true;
    wake_waiting(g);
    return 0;
}

int gatherer_open(struct gatherer *g, struct deliver *d, struct scope *parent)
{
    *g = (struct gatherer){.d = d};
    scope_open(&g->scope, parent, CO_FOREVER);
    return co_spawn(&g->scope, "gatherer", gatherer_co_run, g);
}

static void wake(struct gatherer *g)
{
    if (g->parked)
        co_wake(g->parked, 0);
}

void gatherer_co_add(struct gatherer *g, struct task *t)
{
    struct gatherer_wait wait = {.co = co_current()};
    put_back(g, t);
    wake(g);
    while (g->count > TASKS_MAX && !g->gone) {
        DL_APPEND(g->waiting, &wait);
        int rc = co_park(CO_FOREVER);
        DL_DELETE(g->waiting, &wait); /* NOLINT */
        if (rc < 0)
            return;
    }
}

void gatherer_co_close(struct gatherer *g)
{
    struct task *batch[SETTLE_MAX];
    unsigned count;
    g->ending = true;
    wake(g);
    if (scope_co_wait(&g->scope) < 0)
        log_debug("deliver.closed", "gatherer=ended");
    while ((count = take(g, batch)) > 0) /* the store did not come back in time */
        for (unsigned i = 0; i < count; i++) {
            task_put_off(g->d, batch[i], 0);
            task_end(g->d, batch[i]);
        }
}
