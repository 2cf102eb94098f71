/* The index; see index.h. An item waits (heap), asks for its way (list of its domain), stands in
 * line (of its tenant at a site; site.c), or is taken. */
#include "queue/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int queue_index_create(const struct queue_limits *limits, struct queue_index **ret_index)
{
    *ret_index = calloc(1, sizeof **ret_index);
    if (!*ret_index)
        return -ENOMEM;
    (*ret_index)->limits = *limits;
    return 0;
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

void line_append(struct line *line, struct queue_item *item)
{
    item->next = NULL;
    if (line->first)
        line->last->next = item;
    else
        line->first = item;
    line->last = item;
}

struct queue_item *line_take(struct line *line)
{
    struct queue_item *item = line->first;
    line->first = item->next;
    item->state = ITEM_TAKEN;
    return item;
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
    struct queue_index *index = domain->index;
    bool fit = domain->asking.first && !domain->routing;
    if (!fit == !domain->list)
        return;
    if (!fit) {
        DL_DELETE(*domain->list, domain);
        domain->list = NULL;
        return;
    }
    domain->list = domain->lost ? &index->asking_again : &index->asking;
    if (domain->site && !domain->lost)
        DL_PREPEND(*domain->list, domain); /* a way that was good before is found soon */
    else
        DL_APPEND(*domain->list, domain);
}

struct queue_domain *queue_index_begin_route(struct queue_index *index)
{
    unsigned max = index->limits.routers;
    bool again = index->asking_again && index->routing_again < max / 2;
    struct queue_domain *domain = index->asking ? index->asking
                                  : again       ? index->asking_again
                                                : NULL;
    if (!domain || index->routing >= max)
        return NULL;
    index->routing++;
    index->routing_again += domain->lost;
    domain->routing = true;
    domain->found = false;
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
    domain->found = true;
    while (domain->asking.first) {
        struct queue_item *item = line_take(&domain->asking);
        if (!site_stand_in_line(item))
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
    domain->index->routing--;
    domain->index->routing_again -= domain->lost;
    domain->routing = false;
    domain->lost = !domain->found;
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
    bool added = item->state == ITEM_TAKEN_AND_ADDED;
    timers_remove(&index->due, &item->timer);
    timers_add(&index->due, &item->timer, added ? index->now_ms : due_ms);
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
        return site_stand_in_line(item);
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
