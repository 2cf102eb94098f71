/*
 * Delivery: the index of the node and who works on it; see deliver.h.
 *
 * deliver_pump starts a coroutine for all that the index has to give: a router for a domain whose
 * way is not known, a session for a site. It runs where something changed: after an announcement,
 * at the end of a session, and in the keeper, which sleeps until the next thing becomes due.
 */
#include "deliver/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/tls.h"

#include <errno.h>
#include <stdlib.h>

#define SESSIONS_MAX  16000
#define ROUTERS_MAX   2000
#define WALK_MEMORY   ((size_t)1024 * 1024)
#define WALK_AGAIN_MS (10 * 1000)

int64_t deliver_mono(int64_t wall_ms)
{
    int64_t ahead = wall_ms - clock_wall_ms(), now = clock_mono_ms();
    return ahead > 0 && ahead > INT64_MAX - now ? INT64_MAX : now + ahead;
}

const struct deliver_policy *deliver_policy_of(const struct deliver_settings *settings,
                                               struct span domain)
{
    for (size_t i = 1; i < settings->policy_count; i++)
        if (span_equal(domain, span_of(settings->policies[i].domain)))
            return &settings->policies[i];
    return &settings->policies[0];
}

/* --- opening and closing --------------------------------------------------------------------- */

int deliver_create(const struct deliver_settings *settings, struct deliver **ret_deliver)
{
    struct deliver *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    d->settings = *settings;
    if (d->settings.sessions_max == 0)
        d->settings.sessions_max = SESSIONS_MAX;
    pthread_mutex_init(&d->mutex, NULL);
    d->loops = calloc(settings->loop_count, sizeof *d->loops);
    struct queue_limits limits = {.sessions = d->settings.sessions_max, .routers = ROUTERS_MAX};
    int rc = d->loops ? queue_index_create(&limits, &d->index) : -ENOMEM;
    if (rc == 0)
        rc = marks_open(settings->folder, d->settings.sessions_max, settings->after_crash,
                        &d->marks);
    if (rc == 0)
        rc = tls_client_context(false, NULL, &d->tls_any);
    if (rc == 0)
        rc = tls_client_context(true, NULL, &d->tls_verified);
    if (rc < 0) {
        deliver_free(d);
        return rc;
    }
    *ret_deliver = d;
    return 0;
}

void deliver_free(struct deliver *d)
{
    if (!d)
        return;
    queue_index_free(d->index);
    marks_close(d->marks);
    tls_context_release(d->tls_any);
    tls_context_release(d->tls_verified);
    pthread_mutex_destroy(&d->mutex);
    free(d->loops);
    free(d);
}

size_t deliver_waiting(struct deliver *d)
{
    pthread_mutex_lock(&d->mutex);
    size_t count = queue_index_count(d->index);
    pthread_mutex_unlock(&d->mutex);
    return count;
}

/* --- starting what there is to do ------------------------------------------------------------ */

static struct deliver_loop *loop_here(struct deliver *d)
{
    struct loop *current = loop_current();
    for (unsigned i = 0; i < d->settings.loop_count; i++)
        if (d->loops[i].open && d->loops[i].loop == current)
            return &d->loops[i];
    return NULL;
}

struct chance { /* one thing to start */
    struct queue_domain *domain;
    struct queue_site *site;
    struct queue_idle *idle;
};

static bool take_chance(struct deliver *d, struct chance *chance)
{
    *chance = (struct chance){0};
    pthread_mutex_lock(&d->mutex);
    if (!d->draining) {
        queue_index_advance(d->index, clock_mono_ms());
        chance->domain = queue_index_begin_route(d->index);
        if (!chance->domain)
            chance->site = queue_index_begin_session(d->index, &chance->idle);
        if (chance->site && chance->idle)
            session_choose(chance->idle);
    }
    pthread_mutex_unlock(&d->mutex);
    return chance->domain || chance->site;
}

/* No memory for a coroutine: the rest waits until the keeper comes round. */
static void give_up_chance(struct deliver *d, const struct chance *chance)
{
    pthread_mutex_lock(&d->mutex);
    if (chance->domain)
        queue_domain_end_route(chance->domain);
    else
        queue_site_end_session(chance->site);
    pthread_mutex_unlock(&d->mutex);
}

static void keeper_woken(struct loop_message *message)
{
    struct deliver *d = (struct deliver *)((char *)message - offsetof(struct deliver, wake_keeper));
    pthread_mutex_lock(&d->mutex);
    d->wake_posted = false;
    struct co *keeper = d->keeper;
    pthread_mutex_unlock(&d->mutex);
    if (keeper)
        co_wake(keeper, 0);
}

void deliver_hurry_keeper(struct deliver *d)
{
    pthread_mutex_lock(&d->mutex);
    bool post = d->keeper && !d->wake_posted && !d->draining &&
                (d->walk_again || queue_index_next_ms(d->index) < d->wakes_ms);
    d->wake_posted = d->wake_posted || post;
    pthread_mutex_unlock(&d->mutex);
    if (post)
        loop_post(d->loops[0].loop, &d->wake_keeper);
}

void deliver_pump(struct deliver *d)
{
    struct deliver_loop *here = loop_here(d);
    struct chance chance;
    int rc = here ? 0 : -ENOENT;
    while (rc == 0 && take_chance(d, &chance)) {
        if (chance.idle)
            session_wake(here, chance.idle);
        else if (chance.site)
            rc = session_start(here, chance.site);
        else
            rc = router_start(here, chance.domain);
        if (rc < 0)
            give_up_chance(d, &chance);
    }
    deliver_hurry_keeper(d);
}

static void add_entries(struct deliver *d, const struct queue_entry *entries, size_t count)
{
    int64_t now = clock_wall_ms();
    pthread_mutex_lock(&d->mutex);
    for (size_t i = 0; i < count; i++) {
        struct queue_entry entry = entries[i];
        const struct deliver_policy *policy = deliver_policy_of(&d->settings, entry.domain);
        entry.due_ms = deliver_mono(queue_near_due(&policy->queue, entry.due_ms, now));
        if (!entry.held && queue_index_add(d->index, &entry) < 0)
            d->walk_again = true;
    }
    pthread_mutex_unlock(&d->mutex);
}

void deliver_announce(void *arg, const struct queue_entry *entries, size_t count)
{
    struct deliver *d = arg;
    add_entries(d, entries, count);
    deliver_pump(d);
}

void deliver_hurry(struct deliver *d, const struct queue_entry *entries, size_t count)
{
    add_entries(d, entries, count);
    pthread_mutex_lock(&d->mutex);
    for (size_t i = 0; i < count; i++)
        queue_index_end_rest(d->index, entries[i].domain);
    pthread_mutex_unlock(&d->mutex);
    deliver_pump(d);
}

/* --- the walk at start, and the keeper ------------------------------------------------------- */

static int co_walk(struct deliver *d)
{
    AUTO_ARENA arena = ARENA(WALK_MEMORY);
    int64_t tenant = 0, recipient = 0;
    size_t count = 1;
    int rc = marks_co_blame(d->marks, d->settings.door->store);
    while (rc == 0 && count > 0) {
        struct queue_entry *entries;
        arena_reset(&arena);
        rc = queue_co_walk(d->settings.door->store, tenant, recipient, &arena, &entries, &count);
        if (rc < 0 || count == 0)
            break;
        add_entries(d, entries, count);
        tenant = entries[count - 1].tenant;
        recipient = entries[count - 1].recipient;
        deliver_pump(d);
        rc = co_pause();
    }
    return rc;
}

static bool keeper_must_walk(struct deliver *d)
{
    pthread_mutex_lock(&d->mutex);
    bool walk = d->walk_again;
    d->walk_again = false;
    pthread_mutex_unlock(&d->mutex);
    return walk;
}

static int64_t keeper_pause(struct deliver *d, int64_t at_most_ms)
{
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&d->mutex);
    int64_t next = queue_index_next_ms(d->index);
    int64_t pause = next <= now ? 1 : next - now;
    if (next == INT64_MAX || pause > at_most_ms)
        pause = at_most_ms;
    d->wakes_ms = now + pause;
    pthread_mutex_unlock(&d->mutex);
    return pause;
}

static int keeper_co_run(void *arg)
{
    struct deliver *d = arg;
    int rc = 0;
    while (rc != -ECANCELED) {
        bool again = false;
        if (keeper_must_walk(d)) {
            rc = co_walk(d);
            again = rc < 0 && rc != -ECANCELED;
            if (again)
                log_warn("deliver.walk", "why=\"%s\"", error_text(rc));
        }
        deliver_pump(d);
        if (rc != -ECANCELED)
            rc = co_park(keeper_pause(d, again ? WALK_AGAIN_MS : 3600 * 1000));
        if (again) {
            pthread_mutex_lock(&d->mutex);
            d->walk_again = true;
            pthread_mutex_unlock(&d->mutex);
        }
    }
    pthread_mutex_lock(&d->mutex);
    d->keeper = NULL;
    pthread_mutex_unlock(&d->mutex);
    return 0;
}

static int keeper_co_begin(void *arg)
{
    struct deliver *d = arg;
    pthread_mutex_lock(&d->mutex);
    d->keeper = co_current();
    d->walk_again = true;
    d->wake_keeper.fn = keeper_woken;
    pthread_mutex_unlock(&d->mutex);
    return keeper_co_run(d);
}

/* --- loops ----------------------------------------------------------------------------------- */

int deliver_open_loop(struct deliver *d, unsigned index)
{
    struct deliver_loop *dl = &d->loops[index];
    *dl = (struct deliver_loop){.d = d, .loop = loop_current()};
    int rc = dns_open(d->settings.dns, &dl->dns);
    if (rc < 0)
        return rc;
    scope_open(&dl->errands, loop_scope(dl->loop), CO_FOREVER);
    scope_open(&dl->sessions, loop_scope(dl->loop), CO_FOREVER);
    rc = gatherer_open(&dl->gatherer, d, loop_scope(dl->loop));
    dl->open = true;
    if (rc < 0)
        return rc;
    return index == 0 ? co_spawn(&dl->errands, "queue", keeper_co_begin, d) : 0;
}

struct patience {
    struct deliver_loop *dl;
    int64_t ms;
};

static int co_end_patience(void *arg)
{
    struct patience *patience = arg;
    if (co_sleep(patience->ms) == 0) {
        scope_cancel(&patience->dl->sessions);
        scope_cancel(&patience->dl->gatherer.scope);
    }
    return 0;
}

/* Sessions first; what became of their letters is written after the last of them. */
static void co_end_sessions(struct deliver_loop *dl, int64_t patience_ms)
{
    struct patience patience = {dl, patience_ms};
    struct scope scope;
    scope_open(&scope, scope_current(), CO_FOREVER);
    if (co_spawn(&scope, "patience", co_end_patience, &patience) < 0)
        scope_cancel(&dl->sessions);
    session_wake_resting(dl);
    if (scope_co_wait(&dl->sessions) < 0)
        log_debug("deliver.closed", "sessions=ended");
    gatherer_co_close(&dl->gatherer);
    scope_cancel(&scope);
    if (scope_co_wait(&scope) < 0)
        log_debug("deliver.closed", "patience=ended");
}

void deliver_co_close_loop(struct deliver *d, unsigned index, int64_t patience_ms)
{
    struct deliver_loop *dl = &d->loops[index];
    if (!dl->open)
        return;
    pthread_mutex_lock(&d->mutex);
    d->draining = true;
    pthread_mutex_unlock(&d->mutex);
    scope_cancel(&dl->errands);
    if (scope_co_wait(&dl->errands) < 0)
        log_debug("deliver.closed", "errands=ended");
    co_end_sessions(dl, patience_ms);
    dns_co_close(dl->dns);
    dl->open = false;
}
