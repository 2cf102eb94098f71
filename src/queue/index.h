/*
 * The index: what of the queue is to be looked at next.
 *
 * A recipient waits in a heap until it is due. Then it asks for the way of its domain, unless that
 * is known, and stands in line at the site where the way leads (domains with the same servers share
 * one), behind others of the same tenant. The tenants of a site take turns, so that one's million
 * letters do not delay another's first. Sites take turns too; one that fails rests for a while, and
 * each has at most so many sessions, a single one until that has worked. Sites that nobody has
 * reached yet, or that failed, and domains whose way was not found, have a share of all places that
 * they cannot exceed: ten thousand dead ones do not stand in the way of the living.
 *
 * Pure bookkeeping: no I/O, no time of its own; the caller holds a lock. Times are of one clock of
 * the caller's choice. At most 250 bytes a recipient.
 */
#ifndef QUEUE_INDEX_H
#define QUEUE_INDEX_H

#include "queue/queue.h"

struct queue_index;
struct queue_domain;
struct queue_site;
struct queue_item; /* a recipient in the index */

/* How many at once: sessions of all sites, idle ones too; domains whose way is being found. */
struct queue_limits {
    unsigned sessions, routers;
};
must_check int queue_index_create(const struct queue_limits *limits,
                                  struct queue_index **ret_index);
void queue_index_free(struct queue_index *index);
size_t queue_index_count(const struct queue_index *index);

/* entry->held is not looked at: what is held is not put here. A recipient that is here gets the
 * new time; one that somebody has taken gets it when it is given back. 0 or -ENOMEM (then the store
 * has to be walked again). */
must_check int queue_index_add(struct queue_index *index, const struct queue_entry *entry);
/* All that is due at now_ms goes on; sites whose rest is over come back. */
void queue_index_advance(struct queue_index *index, int64_t now_ms);
/* When advance has something to do next; INT64_MAX: never. */
int64_t queue_index_next_ms(const struct queue_index *index);

/* --- the way of a domain --------------------------------------------------------------------- */

/* The next domain whose way is to be found; NULL: none, or no router may begin now.
 * queue_domain_end_route must follow. */
struct queue_domain *queue_index_begin_route(struct queue_index *index);
const char *queue_domain_name(const struct queue_domain *domain);
/* Found: the site of that key, made when there is none. Good for new letters until then. Those that
 * wait stand in line. -ENOMEM: nothing has changed. */
must_check int queue_domain_set_site(struct queue_domain *domain, const char *key,
                                     unsigned sessions_max, int64_t good_until_ms,
                                     struct queue_site **ret_site);
/* Not found: takes those that wait for it, at most max. 0: no more. */
size_t queue_domain_take(struct queue_domain *domain, size_t max, struct queue_item **ret_items);
/* Those that wait still (no memory) ask again. */
void queue_domain_end_route(struct queue_domain *domain);

/* --- sessions of a site ---------------------------------------------------------------------- */

/* What a session embeds while it has a connection and nothing to do. */
struct queue_idle {
    struct queue_idle *prev, *next;
};

/* The next site that has work and room for a session (and a place is left), or an idle one (given
 * in ret_idle, else that is NULL and the new session is counted); NULL: none. */
struct queue_site *queue_index_begin_session(struct queue_index *index,
                                             struct queue_idle **ret_idle);
void queue_site_end_session(struct queue_site *site);
void queue_site_idle(struct queue_site *site, struct queue_idle *idle);
void queue_site_idle_ended(struct queue_site *site, struct queue_idle *idle); /* by itself */
const char *queue_site_key(const struct queue_site *site);
/* The connection failed or worked. After a failure the site rests until then. */
void queue_site_failed(struct queue_site *site, int64_t rest_until_ms);
void queue_site_worked(struct queue_site *site);
/* The site of that domain (folded) rests no longer. */
void queue_index_end_rest(struct queue_index *index, struct span domain);
/* Nobody has reached it yet, and half of the places for such sites are taken: it should not wait
 * long for its connection. */
bool queue_site_is_crowded(const struct queue_site *site);
bool queue_site_is_proven(const struct queue_site *site);
unsigned queue_site_failures(const struct queue_site *site); /* in a row */
/* The way there, as the last domain's route said: the caller's, freed with free() by the index. */
void queue_site_set_way(struct queue_site *site, void *way);
const void *queue_site_way(const struct queue_site *site);

/* Takes the first in line and those behind it that are of the same letter: at most max. 0: nothing
 * is in line. */
size_t queue_site_take(struct queue_site *site, size_t max, struct queue_item **ret_items);
bool queue_site_has_line(const struct queue_site *site); /* somebody stands there */
int64_t queue_item_tenant(const struct queue_item *item);
int64_t queue_item_letter(const struct queue_item *item);
int64_t queue_item_recipient(const struct queue_item *item);
/* A taken one: waits again, or is forgotten. One that was added anew meanwhile is due now, whatever
 * came of it: the row says what is to be done. */
void queue_index_wait(struct queue_index *index, struct queue_item *item, int64_t due_ms);
void queue_index_forget(struct queue_index *index, struct queue_item *item);

#endif
