/* The sites of the index: who has work and room, and the lines of tenants there; see index.h. */
#include "queue/internal.h"

#include <stdlib.h>
#include <string.h>

/* --- the rings of sites ---------------------------------------------------------------------- */

static enum site_class site_class(const struct queue_site *site)
{
    if (site->proven)
        return SITE_PROVEN;
    return site->failures ? SITE_FAILED : SITE_FRESH;
}

static void ring_remove(struct queue_site *site)
{
    site->previous->next = site->next;
    site->next->previous = site->previous;
    if (*site->ring == site)
        *site->ring = site->next == site ? NULL : site->next;
    site->ring = NULL;
}

static void ring_append(struct queue_site **ring, struct queue_site *site)
{
    site->ring = ring;
    if (!*ring) {
        *ring = site->previous = site->next = site;
        return;
    }
    site->next = *ring; /* last in turn */
    site->previous = (*ring)->previous;
    site->previous->next = site->next->previous = site;
}

void site_review(struct queue_site *site)
{
    unsigned max = site->proven ? site->sessions_max : 1;
    bool fit = site->turn && !site->rest.place && (site->idle || site->sessions < max);
    struct queue_site **ring = fit ? &site->index->rings[site_class(site)] : NULL;
    if (ring == site->ring)
        return;
    if (site->ring)
        ring_remove(site);
    if (ring)
        ring_append(ring, site);
}

static void count_sessions(struct queue_site *site, int change)
{
    site->sessions += (unsigned)change;
    site->index->sessions[site_class(site)] += (unsigned)change;
}

/* What is known of it changes, and with it the class its sessions are counted in. */
static void set_record(struct queue_site *site, bool proven, unsigned failures)
{
    site->index->sessions[site_class(site)] -= site->sessions;
    site->proven = proven;
    site->failures = failures;
    site->index->sessions[site_class(site)] += site->sessions;
    site_review(site);
}

/* Sites that nobody has reached yet get three quarters of the places at most, those whose last
 * connection failed half: however many are dead, the others go on. */
static unsigned unproven_max(const struct queue_index *index)
{
    return index->limits.sessions - index->limits.sessions / 4;
}

static unsigned unproven(const struct queue_index *index)
{
    return index->sessions[SITE_FAILED] + index->sessions[SITE_FRESH];
}

static bool has_place(const struct queue_index *index, enum site_class class)
{
    unsigned max = index->limits.sessions, failed = index->sessions[SITE_FAILED];
    if (unproven(index) + index->sessions[SITE_PROVEN] >= max)
        return false;
    if (class == SITE_PROVEN)
        return true;
    return unproven(index) < unproven_max(index) && (class == SITE_FRESH || failed < max / 2);
}

bool queue_site_is_crowded(const struct queue_site *site)
{
    return !site->proven && unproven(site->index) > unproven_max(site->index) / 2;
}

/* The classes take turns. */
static struct queue_site *next_in_turn(struct queue_index *index)
{
    for (unsigned i = 0; i < SITE_CLASSES; i++) {
        enum site_class class = (enum site_class)(index->class_next++ % SITE_CLASSES);
        struct queue_site *site = index->rings[class];
        if (!site || (!site->idle && !has_place(index, class)))
            continue;
        index->rings[class] = site->next;
        return site;
    }
    return NULL;
}

struct queue_site *queue_index_begin_session(struct queue_index *index,
                                             struct queue_idle **ret_idle)
{
    struct queue_site *site = next_in_turn(index);
    if (!site)
        return NULL;
    *ret_idle = site->idle;
    if (site->idle)
        DL_DELETE(site->idle, site->idle);
    else
        count_sessions(site, 1);
    site_review(site);
    return site;
}

void queue_site_end_session(struct queue_site *site)
{
    count_sessions(site, -1);
    site_review(site);
    site_forget_idle(site);
}

/* --- one site -------------------------------------------------------------------------------- */

static void free_turns(struct queue_site *site)
{
    while (site->turn) {
        struct turn *turn = site->turn->next;
        if (turn == site->turn)
            site->turn = NULL;
        else
            site->turn->next = turn->next;
        free(turn);
    }
}

void site_free(struct queue_site *site)
{
    HASH_DEL(site->index->sites, site); /* NOLINT: clang-tidy loses track in uthash */
    free_turns(site);
    free(site->way);
    free(site);
}

struct queue_site *site_find(struct queue_index *index, const char *key)
{
    struct queue_site *site;
    HASH_FIND_STR(index->sites, key, site);
    if (site)
        return site;
    if (timers_reserve(&index->rests, HASH_COUNT(index->sites) + 1) < 0)
        return NULL;
    size_t len = strlen(key);
    site = calloc(1, sizeof *site + len + 1);
    if (!site)
        return NULL;
    site->index = index;
    memcpy(site->key, key, len);
    HASH_ADD_KEYPTR(hh, index->sites, site->key, len, site);
    return site;
}

void site_forget_idle(struct queue_site *site)
{
    if (!site->domains && !site->turn && !site->sessions && !site->rest.place)
        site_free(site);
}

void queue_site_idle(struct queue_site *site, struct queue_idle *idle)
{
    DL_PREPEND(site->idle, idle); /* the last used is the likeliest to be alive */
    site_review(site);
}

void queue_site_idle_ended(struct queue_site *site, struct queue_idle *idle)
{
    DL_DELETE(site->idle, idle);
    site_review(site);
}

const char *queue_site_key(const struct queue_site *site)
{
    return site->key;
}

void queue_site_failed(struct queue_site *site, int64_t rest_until_ms)
{
    timers_remove(&site->index->rests, &site->rest);
    timers_add(&site->index->rests, &site->rest, rest_until_ms);
    set_record(site, false, site->failures + 1);
}

void queue_index_end_rest(struct queue_index *index, struct span domain)
{
    struct queue_domain *found;
    HASH_FIND(hh, index->domains, domain.at, domain.len, found);
    if (!found || !found->site)
        return;
    timers_remove(&index->rests, &found->site->rest);
    site_review(found->site);
}

void queue_site_worked(struct queue_site *site)
{
    set_record(site, true, 0);
}

bool queue_site_is_proven(const struct queue_site *site)
{
    return site->proven;
}

unsigned queue_site_failures(const struct queue_site *site)
{
    return site->failures;
}

void queue_site_set_way(struct queue_site *site, void *way)
{
    free(site->way);
    site->way = way;
}

const void *queue_site_way(const struct queue_site *site)
{
    return site->way;
}

/* --- lines at a site ------------------------------------------------------------------------- */

static struct turn *turn_find(struct queue_site *site, int64_t tenant)
{
    struct turn *turn = site->turn;
    while (turn && turn->tenant != tenant)
        turn = turn->next == site->turn ? NULL : turn->next;
    if (turn)
        return turn;
    turn = calloc(1, sizeof *turn);
    if (!turn)
        return NULL;
    turn->tenant = tenant;
    turn->next = site->turn ? site->turn->next : turn;
    if (site->turn)
        site->turn->next = turn;
    site->turn = turn;
    return turn;
}

/* False: no memory; its state is as it was. */
bool site_stand_in_line(struct queue_item *item)
{
    struct queue_site *site = item->domain->site;
    struct turn *turn = turn_find(site, item->tenant);
    if (!turn)
        return false;
    item->state = ITEM_IN_LINE;
    line_append(&turn->line, item);
    site_review(site);
    return true;
}

size_t queue_site_take(struct queue_site *site, size_t max, struct queue_item **ret_items)
{
    size_t count = 0;
    if (!site->turn)
        return 0;
    struct turn *before = site->turn, *turn = before->next;
    int64_t letter = turn->line.first->letter;
    while (count < max && turn->line.first && turn->line.first->letter == letter)
        ret_items[count++] = line_take(&turn->line);
    if (turn->line.first) {
        site->turn = turn;
    } else {
        before->next = turn->next;
        site->turn = before == turn ? NULL : before;
        free(turn);
    }
    site_review(site);
    return count;
}

bool queue_site_has_line(const struct queue_site *site)
{
    return site->turn != NULL;
}
