/* Steering the queue; see steer.h. */
#include "deliver/steer.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

#define PAGE        256
#define PAGE_MEMORY ((size_t)8 * 1024 * 1024)

struct steer {
    const struct steering *steering;
    struct arena arena;
    struct queue_row *rows; /* of one page */
    size_t count;
    int64_t after;  /* the page before ended with this recipient */
    size_t changed; /* of this page */
};

static struct store *store_of(const struct steer *s)
{
    return s->steering->settler.door->store;
}

/* --- pages ----------------------------------------------------------------------------------- */

static bool is_meant(const struct steering *steering, const struct queue_row *row)
{
    if (!steering->own)
        return true;
    if (steering->kind == STEER_HOLD)
        return row->recipient.held.len == 0;
    return steering->kind != STEER_RELEASE || span_equal(row->recipient.held, steering->reason);
}

/* The next page, without those that are not meant; it may be empty. 0 at the end, else 1. */
static int co_next_page(struct steer *s)
{
    size_t found, kept = 0;
    arena_reset(&s->arena);
    int rc = queue_co_list(store_of(s), &s->steering->selector, s->after, PAGE, &s->arena, &s->rows,
                           &found);
    if (rc < 0 || found == 0)
        return rc;
    s->after = s->rows[found - 1].recipient.id;
    for (size_t i = 0; i < found; i++)
        if (is_meant(s->steering, &s->rows[i]))
            s->rows[kept++] = s->rows[i];
    s->count = kept;
    return 1;
}

/* --- changing rows --------------------------------------------------------------------------- */

static int change(struct db_tx *tx, const struct steering *steering, int64_t recipient)
{
    struct queue_selector one = {.tenant = steering->selector.tenant, .recipient = recipient};
    switch (steering->kind) {
    case STEER_HOLD:
        return queue_hold(tx, &one, steering->reason);
    case STEER_RELEASE:
        return queue_release(tx, &one, clock_wall_ms());
    default:
        return queue_retry(tx, &one, clock_wall_ms());
    }
}

static int change_page(struct db_tx *tx, void *arg)
{
    struct steer *s = arg;
    int rc = 0;
    s->changed = 0;
    for (size_t i = 0; rc >= 0 && i < s->count; i++) {
        rc = change(tx, s->steering, s->rows[i].recipient.id);
        s->changed += rc > 0;
    }
    return rc < 0 ? rc : 0;
}

/* What is released goes no sooner than it was to go; what is tried again, now. */
static int64_t due_of(const struct steer *s, const struct queue_row *row)
{
    int64_t now = clock_wall_ms();
    bool later = s->steering->kind == STEER_RELEASE && row->recipient.attempts == 0;
    return later && row->recipient.due_ms > now ? row->recipient.due_ms : now;
}

/* Who delivers looks at them then, also at sites that rest. */
static int announce_page(struct steer *s)
{
    const struct steering *steering = s->steering;
    const struct submit_door *door = steering->settler.door;
    struct queue_entry *entries = arena_alloc(&s->arena, (s->count + 1) * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < s->count; i++)
        entries[i] = (struct queue_entry){.tenant = steering->selector.tenant,
                                          .recipient = s->rows[i].recipient.id,
                                          .letter = s->rows[i].letter.id,
                                          .due_ms = due_of(s, &s->rows[i]),
                                          .domain = s->rows[i].recipient.domain};
    if (steering->deliver)
        deliver_hurry(steering->deliver, entries, s->count);
    else if (door->announce)
        door->announce(door->arg, entries, s->count);
    return 0;
}

static int co_change_page(struct steer *s)
{
    int rc = store_co_write(store_of(s), change_page, s);
    if (rc < 0)
        s->changed = 0;
    return rc < 0 || s->steering->kind == STEER_HOLD ? rc : announce_page(s);
}

/* --- dropping -------------------------------------------------------------------------------- */

struct dropping {
    struct settlement list[SETTLE_MAX];
    size_t count;
};

/* The rows of one letter: [first, end) of the page. */
static int add_dropped(struct steer *s, struct dropping *dropping, size_t first, size_t end)
{
    size_t count = end - first;
    struct queue_recipient *recipients = arena_alloc(&s->arena, count * sizeof *recipients);
    struct outcome *outcomes = arena_zero(&s->arena, count * sizeof *outcomes);
    if (!recipients || !outcomes)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        recipients[i] = s->rows[first + i].recipient;
        outcomes[i] = (struct outcome){.end = QUEUE_DROPPED, .words = s->steering->reason};
    }
    dropping->list[dropping->count++] = (struct settlement){&s->rows[first].letter, recipients,
                                                            outcomes, count, s->steering->quiet};
    return 0;
}

static int co_drop_all(struct steer *s, struct dropping *dropping)
{
    size_t rows = 0;
    for (size_t i = 0; i < dropping->count; i++)
        rows += dropping->list[i].count;
    int rc = settle_co_commit(&s->steering->settler, dropping->list, dropping->count);
    s->changed += rc == 0 ? rows : 0;
    dropping->count = 0;
    return rc;
}

/* Many letters a commit. */
static int co_drop_page(struct steer *s)
{
    struct dropping *dropping = calloc(1, sizeof *dropping);
    int rc = dropping ? 0 : -ENOMEM;
    s->changed = 0;
    for (size_t first = 0, end; rc == 0 && first < s->count; first = end) {
        end = first + 1;
        while (end < s->count && s->rows[end].letter.id == s->rows[first].letter.id)
            end++;
        rc = add_dropped(s, dropping, first, end);
        if (rc == 0 && dropping->count == SETTLE_MAX)
            rc = co_drop_all(s, dropping);
    }
    if (rc == 0 && dropping->count)
        rc = co_drop_all(s, dropping);
    free(dropping);
    return rc;
}

/* --- all of it ------------------------------------------------------------------------------- */

int steer_co_run(const struct steering *steering, size_t *ret_changed)
{
    struct steer s = {.steering = steering, .arena = ARENA(PAGE_MEMORY)};
    int rc;
    *ret_changed = 0;
    while ((rc = co_next_page(&s)) > 0) {
        s.changed = 0;
        if (s.count)
            rc = steering->kind == STEER_DROP ? co_drop_page(&s) : co_change_page(&s);
        *ret_changed += s.changed;
        if (rc < 0)
            break;
    }
    arena_free(&s.arena);
    return rc < 0 ? rc : 0;
}

int steer_co_batch(const struct settler *settler, struct deliver *deliver, int64_t tenant,
                   struct span batch, enum batch_state state)
{
    static const enum steer_kind kinds[] = {
        [BATCH_OPEN] = STEER_RELEASE, [BATCH_PAUSED] = STEER_HOLD, [BATCH_CANCELLED] = STEER_DROP};
    struct steering steering = {.settler = *settler,
                                .deliver = deliver,
                                .selector = {.tenant = tenant, .batch = batch},
                                .kind = kinds[state],
                                .reason = state == BATCH_CANCELLED
                                              ? SPAN("5.7.1 Its batch was cancelled")
                                              : SPAN(BATCH_HELD),
                                .quiet = true,
                                .own = true};
    size_t changed;
    int rc = batch_co_set(settler->door->store, tenant, batch, state);
    return rc < 0 ? rc : steer_co_run(&steering, &changed);
}
