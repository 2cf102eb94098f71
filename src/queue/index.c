/* The index; see index.h. An item waits (heap), asks for its way (list of its domain), stands in
 * line (of its tenant at a site), or is taken. */
#include "queue/index.h"

#include "run/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define NO_MEMORY_PAUSE_MS 1000

enum item_state { ITEM_WAITS, ITEM_ASKS, ITEM_IN_LINE, ITEM_TAKEN, ITEM_TAKEN_AND_ADDED };

struct queue_item {
    struct timer timer; /* first: its due time in the heap */
    int64_t tenant, recipient, letter;
    struct queue_domain *domain;
    struct queue_item *next; /* in a list or line */
    enum item_state state;
    UT_hash_handle hh; /* by recipient */
};

/* Items one behind the other. */
struct line {
    struct queue_item *first, *last;
};

struct queue_domain {
    struct queue_index *index;
    struct queue_site *site; /* NULL: its way is not known */
    int64_t good_until_ms;
    struct line asking;
    size_t items;
    bool routing, listed;
    struct queue_domain *prev, *next; /* of those that ask */
    UT_hash_handle hh;                /* by name */
    char name[];
};

/* The line of one tenant at one site; those of a site form a ring. */
struct turn {
    int64_t tenant;
    struct line line;
    struct turn *next;
};

struct queue_site {
    struct timer rest; /* first: when its rest is over */
    struct queue_index *index;
    struct turn *turn; /* whose turn it was last; NULL: nobody is in line */
    size_t domains;
    unsigned sessions, sessions_max, failures; /* idle ones are sessions too */
    struct queue_idle *idle;
    void *way;
    bool proven, listed; /* listed: in the ring of sites with work and room */
    struct queue_site *previous, *next;
    UT_hash_handle hh; /* by key */
    char key[];
};

struct queue_index {
    struct queue_item *items;
    struct queue_domain *domains, *asking;
    struct queue_site *sites;
    struct queue_site *ring; /* whose turn is next; NULL: no site has work and room */
    struct timers due, rests;
    int64_t now_ms; /* of the last advance */
};

int queue_index_create(struct queue_index **ret_index)
{
    *ret_index = calloc(1, sizeof **ret_index);
    return *ret_index ? 0 : -ENOMEM;
}

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

static void site_free(struct queue_site *site)
{
    HASH_DEL(site->index->sites, site); /* NOLINT: clang-tidy loses track in uthash */
    free_turns(site);
    free(site->way);
    free(site);
}

void queue_index_free(struct queue_index *index)
{
    struct queue_item *item, *next_item;
    struct queue_domain *domain, *next_domain;
    struct queue_site *site, *next_site;
    if (!index)
        return;
    HASH_ITER (hh, index->items, item, next_item) {
        HASH_DEL(index->items, item); /* NOLINT */
        free(item);
    }
    HASH_ITER (hh, index->domains, domain, next_domain) {
        HASH_DEL(index->domains, domain); /* NOLINT */
        free(domain);
    }
    HASH_ITER (hh, index->sites, site, next_site)
        site_free(site);
    timers_free(&index->due);
    timers_free(&index->rests);
    free(index);
}

size_t queue_index_count(const struct queue_index *index)
{
    return HASH_COUNT(index->items);
}

static void line_append(struct line *line, struct queue_item *item)
{
    item->next = NULL;
    if (line->first)
        line->last->next = item;
    else
        line->first = item;
    line->last = item;
}

static struct queue_item *line_take(struct line *line)
{
    struct queue_item *item = line->first;
    line->first = item->next;
    item->state = ITEM_TAKEN;
    return item;
}

/* --- the ring of sites ----------------------------------------------------------------------- */

/* In the ring is who has work, room for a session, and does not rest. */
static void site_review(struct queue_site *site)
{
    struct queue_index *index = site->index;
    unsigned max = site->proven ? site->sessions_max : 1;
    bool fit = site->turn && !site->rest.place && (site->idle || site->sessions < max);
    if (fit == site->listed)
        return;
    site->listed = fit;
    if (fit && !index->ring) {
        index->ring = site->previous = site->next = site;
    } else if (fit) { /* last in turn */
        site->next = index->ring;
        site->previous = index->ring->previous;
        site->previous->next = site->next->previous = site;
    } else {
        site->previous->next = site->next;
        site->next->previous = site->previous;
        if (index->ring == site)
            index->ring = site->next == site ? NULL : site->next;
    }
}

static struct queue_site *site_find(struct queue_index *index, const char *key)
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

/* No domain leads there, nobody works for it, and it has nothing to remember. */
static void site_forget_idle(struct queue_site *site)
{
    if (!site->domains && !site->turn && !site->sessions && !site->rest.place)
        site_free(site);
}

struct queue_site *queue_index_begin_session(struct queue_index *index,
                                             struct queue_idle **ret_idle)
{
    struct queue_site *site = index->ring;
    if (!site)
        return NULL;
    index->ring = site->next;
    *ret_idle = site->idle;
    if (site->idle)
        DL_DELETE(site->idle, site->idle);
    else
        site->sessions++;
    site_review(site);
    return site;
}

void queue_site_end_session(struct queue_site *site)
{
    site->sessions--;
    site_review(site);
    site_forget_idle(site);
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
    site->failures++;
    site->proven = false;
    timers_remove(&site->index->rests, &site->rest);
    timers_add(&site->index->rests, &site->rest, rest_until_ms);
    site_review(site);
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
    site->failures = 0;
    site->proven = true;
    site_review(site);
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
static bool stand_in_line(struct queue_item *item)
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

/* --- domains --------------------------------------------------------------------------------- */

static struct queue_domain *domain_find(struct queue_index *index, struct span name)
{
    struct queue_domain *domain;
    HASH_FIND(hh, index->domains, name.at, name.len, domain);
    if (domain)
        return domain;
    domain = calloc(1, sizeof *domain + name.len + 1);
    if (!domain)
        return NULL;
    domain->index = index;
    memcpy(domain->name, name.at, name.len);
    HASH_ADD_KEYPTR(hh, index->domains, domain->name, name.len, domain);
    return domain;
}

static void domain_forget_idle(struct queue_domain *domain)
{
    struct queue_site *site = domain->site;
    if (domain->items || domain->routing)
        return;
    HASH_DEL(domain->index->domains, domain);
    free(domain);
    if (site) {
        site->domains--;
        site_forget_idle(site);
    }
}

/* Among those that ask is who has items asking and nobody finding its way. */
static void domain_review(struct queue_domain *domain)
{
    bool fit = domain->asking.first && !domain->routing;
    if (fit && !domain->listed)
        DL_APPEND(domain->index->asking, domain);
    else if (!fit && domain->listed)
        DL_DELETE(domain->index->asking, domain);
    domain->listed = fit;
}

struct queue_domain *queue_index_begin_route(struct queue_index *index)
{
    struct queue_domain *domain = index->asking;
    if (!domain)
        return NULL;
    domain->routing = true;
    domain_review(domain);
    return domain;
}

const char *queue_domain_name(const struct queue_domain *domain)
{
    return domain->name;
}

int queue_domain_set_site(struct queue_domain *domain, const char *key, unsigned sessions_max,
                          int64_t good_until_ms, struct queue_site **ret_site)
{
    struct queue_site *old = domain->site, *site = site_find(domain->index, key);
    if (!site)
        return -ENOMEM;
    if (old != site) {
        site->domains++;
        domain->site = site;
        if (old) {
            old->domains--;
            site_forget_idle(old);
        }
    }
    site->sessions_max = sessions_max;
    domain->good_until_ms = good_until_ms;
    while (domain->asking.first) {
        struct queue_item *item = line_take(&domain->asking);
        if (!stand_in_line(item))
            queue_index_wait(domain->index, item, domain->index->now_ms + NO_MEMORY_PAUSE_MS);
    }
    site_review(site);
    *ret_site = site;
    return 0;
}

size_t queue_domain_take(struct queue_domain *domain, size_t max, struct queue_item **ret_items)
{
    size_t count = 0;
    while (count < max && domain->asking.first)
        ret_items[count++] = line_take(&domain->asking);
    return count;
}

void queue_domain_end_route(struct queue_domain *domain)
{
    domain->routing = false;
    domain_review(domain);
    domain_forget_idle(domain);
}

/* --- items ----------------------------------------------------------------------------------- */

int queue_index_add(struct queue_index *index, const struct queue_entry *entry)
{
    struct queue_item *item;
    HASH_FIND(hh, index->items, &entry->recipient, sizeof entry->recipient, item);
    if (item && item->state == ITEM_WAITS)
        queue_index_wait(index, item, entry->due_ms);
    else if (item && item->state == ITEM_TAKEN)
        item->state = ITEM_TAKEN_AND_ADDED;
    if (item)
        return 0;
    if (timers_reserve(&index->due, HASH_COUNT(index->items) + 1) < 0)
        return -ENOMEM;
    item = calloc(1, sizeof *item);
    struct queue_domain *domain = item ? domain_find(index, entry->domain) : NULL;
    if (!domain) {
        free(item);
        return -ENOMEM;
    }
    item->tenant = entry->tenant;
    item->recipient = entry->recipient;
    item->letter = entry->letter;
    item->domain = domain;
    domain->items++;
    HASH_ADD(hh, index->items, recipient, sizeof item->recipient, item);
    queue_index_wait(index, item, entry->due_ms);
    return 0;
}

void queue_index_wait(struct queue_index *index, struct queue_item *item, int64_t due_ms)
{
    timers_remove(&index->due, &item->timer);
    timers_add(&index->due, &item->timer, due_ms);
    item->state = ITEM_WAITS;
}

void queue_index_forget(struct queue_index *index, struct queue_item *item)
{
    struct queue_domain *domain = item->domain;
    if (item->state == ITEM_TAKEN_AND_ADDED) {
        queue_index_wait(index, item, index->now_ms);
        return;
    }
    HASH_DEL(index->items, item);
    free(item);
    domain->items--;
    domain_forget_idle(domain);
}

int64_t queue_item_tenant(const struct queue_item *item)
{
    return item->tenant;
}

int64_t queue_item_letter(const struct queue_item *item)
{
    return item->letter;
}

int64_t queue_item_recipient(const struct queue_item *item)
{
    return item->recipient;
}

/* --- time ------------------------------------------------------------------------------------ */

/* False: no memory. */
static bool go_on(struct queue_item *item, int64_t now_ms)
{
    struct queue_domain *domain = item->domain;
    if (domain->site && domain->good_until_ms > now_ms)
        return stand_in_line(item);
    item->state = ITEM_ASKS;
    line_append(&domain->asking, item);
    domain_review(domain);
    return true;
}

void queue_index_advance(struct queue_index *index, int64_t now_ms)
{
    struct timer *timer;
    index->now_ms = now_ms;
    while ((timer = timers_first(&index->rests)) && timer->due_ms <= now_ms) {
        struct queue_site *site = (struct queue_site *)timer;
        timers_remove(&index->rests, timer);
        site_review(site);
        site_forget_idle(site);
    }
    while ((timer = timers_first(&index->due)) && timer->due_ms <= now_ms) {
        timers_remove(&index->due, timer);
        if (!go_on((struct queue_item *)timer, now_ms)) {
            timers_add(&index->due, timer, now_ms + NO_MEMORY_PAUSE_MS);
            return;
        }
    }
}

int64_t queue_index_next_ms(const struct queue_index *index)
{
    const struct timer *due = timers_first(&index->due), *rest = timers_first(&index->rests);
    int64_t next = due ? due->due_ms : INT64_MAX;
    return rest && rest->due_ms < next ? rest->due_ms : next;
}
