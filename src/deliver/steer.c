/* Steering the queue; see steer.h. */
#include "deliver/steer.h"

#include "base/clock.h"
#include "deliver/settle.h"

#include <errno.h>
#include <stdlib.h>

#define PAGE        256
#define PAGE_MEMORY ((size_t)8 * 1024 * 1024)
#define WORDS_MAX   2000
#define REASON_MAX  500 /* bytes of it in an event */

struct steering {
    const struct steer *steer;
    const struct queue_selector *selector;
    struct arena arena;
    struct queue_row *rows; /* of one page */
    size_t count;
    int64_t after;          /* the last recipient of the page */
    size_t changed, *total; /* of the page, of all */
};

/* The next page: count 0 at the end. */
static int steering_co_next(struct steering *s)
{
    arena_reset(&s->arena);
    int rc = queue_co_list(s->steer->door->store, s->selector, s->after, PAGE, &s->arena, &s->rows,
                           &s->count);
    if (rc == 0 && s->count)
        s->after = s->rows[s->count - 1].recipient.id;
    return rc;
}

/* --- retry, hold, release -------------------------------------------------------------------- */

static bool is_meant(const struct steering *s, const struct queue_row *row)
{
    return s->steer->held.len == 0 || span_equal(row->recipient.held, s->steer->held);
}

static int change(struct db_tx *tx, const struct steer *steer, const struct queue_selector *one)
{
    if (steer->action == STEER_RETRY)
        return queue_retry(tx, one, clock_wall_ms());
    if (steer->action == STEER_RELEASE)
        return queue_release(tx, one, clock_wall_ms());
    return queue_hold(tx, one, steer->reason.len ? steer->reason : SPAN("by the operator"));
}

/* A job: it may be repeated. */
static int change_page(struct db_tx *tx, void *arg)
{
    struct steering *s = arg;
    int rc = 0;
    s->changed = 0;
    for (size_t i = 0; rc >= 0 && i < s->count; i++) {
        struct queue_selector one = {.tenant = s->selector->tenant,
                                     .recipient = s->rows[i].recipient.id};
        if (s->steer->action == STEER_RELEASE && !is_meant(s, &s->rows[i]))
            continue;
        rc = change(tx, s->steer, &one);
        s->changed += rc > 0;
    }
    return rc < 0 ? rc : 0;
}

/* What is released goes no sooner than it was to go; what is tried again, now. */
static int64_t due_of(const struct steering *s, const struct queue_row *row)
{
    int64_t now = clock_wall_ms(), first = row->letter.first_due_ms;
    return s->steer->action == STEER_RELEASE && first > now ? first : now;
}

/* Who delivers looks at them then, also at sites that rest. */
static int announce_page(struct steering *s)
{
    const struct submit_door *door = s->steer->door;
    struct queue_entry *entries = arena_alloc(&s->arena, s->count * sizeof *entries);
    size_t count = 0;
    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < s->count; i++)
        if (s->steer->action == STEER_RETRY || is_meant(s, &s->rows[i]))
            entries[count++] = (struct queue_entry){.tenant = s->selector->tenant,
                                                    .recipient = s->rows[i].recipient.id,
                                                    .letter = s->rows[i].letter.id,
                                                    .due_ms = due_of(s, &s->rows[i]),
                                                    .domain = s->rows[i].recipient.domain};
    if (s->steer->deliver)
        deliver_hurry(s->steer->deliver, entries, count);
    else if (door->announce)
        door->announce(door->arg, entries, count);
    return 0;
}

static int steering_co_change(struct steering *s)
{
    int rc = store_co_write(s->steer->door->store, change_page, s);
    if (rc < 0)
        return rc;
    *s->total += s->changed;
    return s->steer->action == STEER_HOLD ? 0 : announce_page(s);
}

/* --- drop ------------------------------------------------------------------------------------ */

struct dropping {
    struct settlement list[SETTLE_MAX];
    size_t count;
    struct span words; /* why, for the log and the sender */
};

/* The rows of one letter: [first, end) of the page. */
static int add_dropped(struct steering *s, struct dropping *dropping, size_t first, size_t end)
{
    size_t count = end - first;
    struct queue_recipient *recipients = arena_alloc(&s->arena, count * sizeof *recipients);
    struct outcome *outcomes = arena_zero(&s->arena, count * sizeof *outcomes);
    if (!recipients || !outcomes)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        recipients[i] = s->rows[first + i].recipient;
        outcomes[i] = (struct outcome){.end = QUEUE_DROPPED, .words = dropping->words};
    }
    dropping->list[dropping->count++] =
        (struct settlement){&s->rows[first].letter, recipients, outcomes, count, s->steer->quiet};
    return 0;
}

static int steering_co_settle(struct steering *s, struct dropping *dropping)
{
    const struct submit_door *door = s->steer->door;
    struct settler settler = {door, door->directory, s->steer->hostname};
    int rc = settle_co_commit(&settler, dropping->list, dropping->count);
    for (size_t i = 0; rc == 0 && i < dropping->count; i++)
        *s->total += dropping->list[i].count;
    dropping->count = 0;
    return rc;
}

/* Many letters a commit. */
static int steering_co_drop_page(struct steering *s, struct dropping *dropping)
{
    int rc = 0;
    for (size_t first = 0, end; rc == 0 && first < s->count; first = end) {
        end = first + 1;
        while (end < s->count && s->rows[end].letter.id == s->rows[first].letter.id)
            end++;
        rc = add_dropped(s, dropping, first, end);
        if (rc == 0 && dropping->count == SETTLE_MAX)
            rc = steering_co_settle(s, dropping);
    }
    return rc == 0 && dropping->count ? steering_co_settle(s, dropping) : rc;
}

static int steering_co_drop(struct steering *s)
{
    AUTO_BUFFER words = BUFFER(WORDS_MAX);
    struct span reason = span_first(s->steer->reason, REASON_MAX);
    struct dropping *dropping = calloc(1, sizeof *dropping);
    int rc = dropping ? buffer_printf(&words, "5.7.1 Dropped by the operator%s%.*s",
                                      reason.len ? ": " : "", SPAN_PRINT(reason))
                      : -ENOMEM;
    if (rc == 0) {
        dropping->words = buffer_span(&words);
        rc = steering_co_drop_page(s, dropping);
    }
    free(dropping);
    return rc;
}

/* --- all of it ------------------------------------------------------------------------------- */

int steer_co_run(const struct steer *steer, const struct queue_selector *selector,
                 size_t *ret_count)
{
    struct steering s = {
        .steer = steer, .selector = selector, .arena = ARENA(PAGE_MEMORY), .total = ret_count};
    int rc;
    *ret_count = 0;
    while ((rc = steering_co_next(&s)) == 0 && s.count) {
        rc = steer->action == STEER_DROP ? steering_co_drop(&s) : steering_co_change(&s);
        if (rc < 0)
            break;
    }
    arena_free(&s.arena);
    return rc;
}

int steer_co_batch(const struct steer *steer, int64_t tenant, struct span batch,
                   enum batch_state state)
{
    static const enum steer_action actions[] = {
        [BATCH_OPEN] = STEER_RELEASE, [BATCH_PAUSED] = STEER_HOLD, [BATCH_CANCELLED] = STEER_DROP};
    struct steer own = *steer;
    struct queue_selector selector = {.tenant = tenant, .batch = batch};
    size_t count;
    own.action = actions[state];
    own.held = own.reason = SPAN("");
    if (state == BATCH_OPEN)
        own.held = SPAN(BATCH_HELD);
    else if (state == BATCH_PAUSED)
        own.reason = SPAN(BATCH_HELD);
    else
        own.reason = SPAN("its batch was cancelled");
    int rc = batch_co_set(steer->door->store, tenant, batch, state);
    return rc < 0 ? rc : steer_co_run(&own, &selector, &count);
}
