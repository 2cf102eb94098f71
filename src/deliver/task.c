/* One letter on its way to one site: rows read, replies judged, outcomes written; see internal.h.
 */
#include "deliver/internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/random.h"

#include <errno.h>
#include <stdio.h>

#define TASK_MEMORY     ((size_t)2 * 1024 * 1024)
#define REPLY_MAX       900
#define STORE_PAUSE_MS  (10 * 1000)
#define SETTLE_FIRST_MS 100
#define SETTLE_MOST_MS  (10 * 1000)

/* --- reading --------------------------------------------------------------------------------- */

static void forget(struct deliver *d, struct queue_item **items, size_t count)
{
    pthread_mutex_lock(&d->mutex);
    for (size_t i = 0; i < count; i++)
        queue_index_forget(d->index, items[i]);
    pthread_mutex_unlock(&d->mutex);
}

void task_put_off(struct deliver *d, struct task *t, int64_t pause_ms)
{
    int64_t due = clock_mono_ms() + pause_ms;
    pthread_mutex_lock(&d->mutex);
    for (size_t i = 0; i < t->taken; i++)
        queue_index_wait(d->index, t->items[i], due);
    pthread_mutex_unlock(&d->mutex);
    t->taken = t->count = 0;
    deliver_hurry_keeper(d);
}

/* Those whose rows are gone or held leave the index; the others keep their place. */
static void match_rows(struct deliver *d, struct task *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->taken; i++) {
        struct queue_item *item = t->items[i];
        if (kept < t->count && queue_item_recipient(item) == t->recipients[kept].id)
            t->of[kept++] = item;
        else
            forget(d, &item, 1);
    }
    t->taken = kept;
    for (size_t i = 0; i < kept; i++)
        t->items[i] = t->of[i];
}

static int make_room(struct task *t, int64_t *ids)
{
    for (size_t i = 0; i < t->taken; i++)
        ids[i] = queue_item_recipient(t->items[i]);
    t->recipients = arena_zero(&t->arena, t->taken * sizeof *t->recipients);
    t->outcomes = arena_zero(&t->arena, t->taken * sizeof *t->outcomes);
    t->of = arena_alloc(&t->arena, t->taken * sizeof(struct queue_item *));
    return t->recipients && t->outcomes && t->of ? 0 : -ENOMEM;
}

int task_co_read(struct deliver *d, struct task *t)
{
    int64_t ids[TASK_MAX];
    t->arena = ARENA(TASK_MEMORY);
    t->host = NULL;
    int rc = make_room(t, ids);
    if (rc == 0)
        rc = queue_co_read(d->settings.door->store, queue_item_tenant(t->items[0]),
                           queue_item_letter(t->items[0]), ids, t->taken, &t->arena, &t->letter,
                           t->recipients, &t->count);
    if (rc == ERR_ABSENT)
        rc = 0; /* with no recipient */
    if (rc < 0) {
        if (rc != -ECANCELED)
            log_warn("deliver.not_read", "why=\"%s\"", error_text(rc));
        task_put_off(d, t, STORE_PAUSE_MS);
        return rc;
    }
    match_rows(d, t);
    return 0;
}

void task_end(struct task *t)
{
    arena_free(&t->arena);
    t->taken = t->count = 0;
}

/* --- judging --------------------------------------------------------------------------------- */

static int64_t expiry_of(const struct task *t, const struct deliver_policy *policy)
{
    int64_t expires = t->letter.accepted_ms + policy->queue.expiry_ms;
    return t->letter.expires_ms && t->letter.expires_ms < expires ? t->letter.expires_ms : expires;
}

static void judge_temporary(struct deliver *d, struct task *t, size_t i)
{
    const struct deliver_policy *policy = deliver_policy_of(&d->settings, t->recipients[i].domain);
    int64_t now = clock_wall_ms(), expires = expiry_of(t, policy);
    struct outcome *outcome = &t->outcomes[i];
    outcome->end = now >= expires ? QUEUE_EXPIRED : QUEUE_DEFERRED;
    outcome->due_ms = queue_next_due(&policy->queue, t->recipients[i].attempts + 1, now, expires,
                                     random_below(UINT32_MAX));
}

void task_judge(struct deliver *d, struct task *t, size_t i, int code, struct span text)
{
    struct outcome *outcome = &t->outcomes[i];
    char words[REPLY_MAX];
    int len = t->host ? snprintf(words, sizeof words, "%s said: %.*s", t->host, SPAN_PRINT(text))
                      : snprintf(words, sizeof words, "%.*s", SPAN_PRINT(text));
    outcome->code = code;
    outcome->reply = arena_copy(
        &t->arena, span_make(words, len < (int)sizeof words ? (size_t)len : sizeof words - 1));
    if (!outcome->reply.at)
        outcome->reply = SPAN("out of memory");
    if (code >= 500)
        outcome->end = QUEUE_BOUNCED;
    else if (code >= 200 && code < 300)
        outcome->end = QUEUE_DELIVERED;
    else
        judge_temporary(d, t, i);
}

void task_judge_all(struct deliver *d, struct task *t, int code, struct span text)
{
    for (size_t i = 0; i < t->count; i++)
        task_judge(d, t, i, code, text);
}

/* --- writing --------------------------------------------------------------------------------- */

struct settling {
    struct task *task;
    struct queue_result *results;
};

static int settle(struct db_tx *tx, void *arg)
{
    struct settling *settling = arg;
    return queue_settle(tx, &settling->task->letter, settling->results, settling->task->count);
}

static void fill_results(struct settling *s)
{
    for (size_t i = 0; i < s->task->count; i++) {
        const struct outcome *outcome = &s->task->outcomes[i];
        s->results[i] = (struct queue_result){.recipient = s->task->recipients[i].id,
                                              .forward_path = s->task->recipients[i].forward_path,
                                              .end = outcome->end,
                                              .reply = outcome->reply,
                                              .due_ms = outcome->due_ms};
    }
}

/* What has happened has happened: without a commit it would be sent again, so this goes on until
 * the store is back or the program ends. */
static int co_commit(struct deliver *d, struct settling *settling)
{
    int64_t pause = SETTLE_FIRST_MS;
    for (;;) {
        int rc = store_co_write(d->settings.door->store, settle, settling);
        if (rc >= 0)
            return 0;
        log_error("deliver.not_settled", "why=\"%s\" again_in_ms=%lld", error_text(rc),
                  (long long)pause);
        if (co_sleep(pause) < 0)
            return rc;
        pause = pause * 2 > SETTLE_MOST_MS ? SETTLE_MOST_MS : pause * 2;
    }
}

static void log_outcomes(struct deliver *d, const struct task *t)
{
    struct deliver_counters *counters = d->settings.counters;
    atomic_uint_fast64_t *const counts[] = {[QUEUE_DEFERRED] = &counters->deferred,
                                            [QUEUE_DELIVERED] = &counters->delivered,
                                            [QUEUE_BOUNCED] = &counters->bounced,
                                            [QUEUE_EXPIRED] = &counters->expired};
    static const char *const words[] = {[QUEUE_DEFERRED] = "deliver.deferred",
                                        [QUEUE_DELIVERED] = "deliver.delivered",
                                        [QUEUE_BOUNCED] = "deliver.bounced",
                                        [QUEUE_EXPIRED] = "deliver.expired"};
    char id[ID_TEXT];
    for (size_t i = 0; i < t->count; i++) {
        enum queue_end end = t->outcomes[i].end;
        atomic_fetch_add(counts[end], 1);
        log_line(end == QUEUE_DELIVERED ? LOG_DEBUG : LOG_INFO, words[end],
                 "letter=%s to=%s why=\"%.*s\"", id_text(t->letter.id, id),
                 LOG_CLEAN(t->recipients[i].forward_path), SPAN_PRINT(t->outcomes[i].reply));
    }
}

static void give_back(struct deliver *d, struct task *t)
{
    pthread_mutex_lock(&d->mutex);
    for (size_t i = 0; i < t->count; i++) {
        if (t->outcomes[i].end == QUEUE_DEFERRED)
            queue_index_wait(d->index, t->of[i], deliver_mono(t->outcomes[i].due_ms));
        else
            queue_index_forget(d->index, t->of[i]);
    }
    pthread_mutex_unlock(&d->mutex);
    t->taken = t->count = 0;
    deliver_hurry_keeper(d);
}

void task_co_settle(struct deliver *d, struct task *t)
{
    struct settling settling = {.task = t};
    settling.results = arena_alloc(&t->arena, t->count * sizeof *settling.results);
    if (!settling.results) {
        task_put_off(d, t, STORE_PAUSE_MS);
        return;
    }
    fill_results(&settling);
    if (co_commit(d, &settling) < 0) {
        task_put_off(d, t, STORE_PAUSE_MS);
        return;
    }
    log_outcomes(d, t);
    give_back(d, t);
}
