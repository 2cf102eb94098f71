/* What the files of the index share: its structures. Nobody outside includes it. */
#ifndef QUEUE_INTERNAL_H
#define QUEUE_INTERNAL_H

#include "queue/index.h"
#include "run/timers.h"

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
    bool routing, found;        /* a router is out; it has found the way */
    bool lost;                  /* the last one has not */
    struct queue_domain **list; /* of those that ask, the one it is in; NULL: none */
    struct queue_domain *prev, *next;
    UT_hash_handle hh; /* by name */
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
    bool proven;
    struct queue_site **ring; /* the one it is in: it has work and room; NULL: none */
    struct queue_site *previous, *next;
    UT_hash_handle hh; /* by key */
    char key[];
};

/* Of sites: who may take how many of the places. */
enum site_class {
    SITE_PROVEN, /* its last connection worked */
    SITE_FRESH,  /* never tried */
    SITE_FAILED, /* its last connection failed */
    SITE_CLASSES,
};

struct queue_index {
    struct queue_limits limits;
    struct queue_item *items;
    struct queue_domain *domains;
    struct queue_domain *asking, *asking_again; /* again: those that are lost */
    unsigned routing, routing_again;
    struct queue_site *sites;
    struct queue_site *rings[SITE_CLASSES]; /* whose turn is next; NULL: none has work and room */
    unsigned sessions[SITE_CLASSES];        /* of the sites of each class */
    unsigned class_next;
    struct timers due, rests;
    int64_t now_ms; /* of the last advance */
};

void line_append(struct line *line, struct queue_item *item);
struct queue_item *line_take(struct line *line); /* the first; it is there */

/* site.c. The site of that key, made when there is none; NULL: no memory. */
struct queue_site *site_find(struct queue_index *index, const char *key);
void site_free(struct queue_site *site);
/* After any change: is it in the ring it belongs to? */
void site_review(struct queue_site *site);
/* Frees it when no domain leads there, nobody works for it, and it has nothing to remember. */
void site_forget_idle(struct queue_site *site);
/* At the end of its tenant's line at its domain's site. False: no memory; its state is as it was.
 */
bool site_stand_in_line(struct queue_item *item);

#endif
