/* One letter on its way to one site: rows read, replies judged, and what follows the commit of its
 * outcomes (gather.c); see internal.h. */
#include "deliver/internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>

#define TASK_MEMORY      ((size_t)2 * 1024 * 1024)
#define STORE_PAUSE_MS   (10 * 1000)
#define SUSPECT_PAUSE_MS 200

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

/* A letter for later: the index looked too soon, since it trusts no far time. */
static bool is_early(const struct task *t, const struct queue_recipient *r)
{
    return t->letter.first_due_ms && r->attempts == 0 && r->due_ms > clock_wall_ms();
}

static void wait_for_due(struct deliver *d, struct queue_item *item,
                         const struct queue_recipient *r)
{
    const struct queue_policy *policy = &deliver_policy_of(&d->settings, r->domain)->queue;
    int64_t due = deliver_mono(queue_near_due(policy, r->due_ms, clock_wall_ms()));
    pthread_mutex_lock(&d->mutex);
    queue_index_wait(d->index, item, due);
    pthread_mutex_unlock(&d->mutex);
}

/* Those whose rows are gone or held leave the index, those that are not due yet wait; the others
 * keep their place. */
static void match_rows(struct deliver *d, struct task *t)
{
    size_t kept = 0, row = 0;
    for (size_t i = 0; i < t->taken; i++) {
        struct queue_item *item = t->items[i];
        const struct queue_recipient *r = &t->recipients[row];
        if (row == t->count || queue_item_recipient(item) != r->id) {
            forget(d, &item, 1);
            continue;
        }
        row++;
        if (is_early(t, r)) {
            wait_for_due(d, item, r);
            continue;
        }
        t->recipients[kept] = *r;
        t->of[kept++] = item;
    }
    t->taken = t->count = kept;
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

struct task *task_new(void)
{
    struct task *t = calloc(1, sizeof *t);
    if (t)
        t->arena = ARENA(TASK_MEMORY);
    return t;
}

int task_co_read(struct deliver *d, struct task *t)
{
    int64_t ids[TASK_MAX];
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

bool task_begin_attempt(struct deliver *d, struct task *t)
{
    bool suspect = t->letter.crashes > 0;
    pthread_mutex_lock(&d->mutex);
    bool wait = suspect && d->suspect_out;
    if (suspect && !wait)
        d->suspect_out = t->suspect = true;
    pthread_mutex_unlock(&d->mutex);
    if (wait) {
        task_put_off(d, t, SUSPECT_PAUSE_MS);
        return false;
    }
    t->mark = marks_set(d->marks, t->letter.tenant, t->letter.id);
    return true;
}

void task_end(struct deliver *d, struct task *t)
{
    if (!t)
        return;
    marks_clear(d->marks, t->mark);
    if (t->suspect) {
        pthread_mutex_lock(&d->mutex);
        d->suspect_out = false;
        pthread_mutex_unlock(&d->mutex);
    }
    arena_free(&t->arena);
    free(t);
}

/* --- judging --------------------------------------------------------------------------------- */

static void judge_temporary(struct deliver *d, struct task *t, size_t i)
{
    const struct deliver_policy *policy = deliver_policy_of(&d->settings, t->recipients[i].domain);
    int64_t now = clock_wall_ms();
    struct outcome *outcome = &t->outcomes[i];
    outcome->expires_ms = queue_expiry(&policy->queue, &t->letter);
    outcome->end = now >= outcome->expires_ms ? QUEUE_EXPIRED : QUEUE_DEFERRED;
    outcome->due_ms = queue_next_due(&policy->queue, t->recipients[i].attempts + 1, now,
                                     outcome->expires_ms, random_below(UINT32_MAX));
    outcome->notice = queue_is_delayed(&policy->queue, &t->letter, now);
}

void task_judge(struct deliver *d, struct task *t, size_t i, int code, struct span words)
{
    struct outcome *outcome = &t->outcomes[i];
    outcome->host = arena_copy(&t->arena, span_of(t->host));
    outcome->words = arena_copy(&t->arena, words);
    if (!outcome->host.at || !outcome->words.at)
        *outcome = (struct outcome){.words = SPAN("out of memory")};
    if (code >= 500)
        outcome->end = QUEUE_BOUNCED;
    else if (code >= 200 && code < 300)
        outcome->end = QUEUE_DELIVERED;
    else
        judge_temporary(d, t, i);
}

void task_judge_part(struct deliver *d, struct task *t, size_t first, size_t end, int code,
                     struct span words)
{
    for (size_t i = first; i < end; i++)
        task_judge(d, t, i, code, words);
}

void task_judge_all(struct deliver *d, struct task *t, int code, struct span words)
{
    task_judge_part(d, t, 0, t->count, code, words);
}

/* --- after the commit ------------------------------------------------------------------------ */

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
        const struct outcome *outcome = &t->outcomes[i];
        atomic_fetch_add(counts[outcome->end], 1);
        log_line(outcome->end == QUEUE_DELIVERED ? LOG_DEBUG : LOG_INFO, words[outcome->end],
                 "letter=%s to=%s host=%.*s why=\"%.*s\"", id_text(t->letter.id, id),
                 LOG_CLEAN(t->recipients[i].forward_path), SPAN_PRINT(outcome->host),
                 SPAN_PRINT(outcome->words));
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

void task_settled(struct deliver *d, struct task *t)
{
    log_outcomes(d, t);
    give_back(d, t);
}
