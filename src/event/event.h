/*
 * The event log: what happened to each letter, durable in the commit that made it true.
 *
 * Other rooms call event_record inside their own write jobs. Addresses are rows of their own, to
 * which events point, so that erasing one row makes a person's history anonymous.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "base/arena.h"
#include "store/db.h"

extern const struct db_schema event_schema;

enum event_kind {
    EVENT_ACCEPTED = 1, /* the letter is ours: durable, recipients known */
    EVENT_DELIVERED,    /* in the mailbox (or, later, taken by the next server) */
    EVENT_DEFERRED,
    EVENT_BOUNCED,
    EVENT_EXPIRED,
    EVENT_DROPPED,
    EVENT_RETURNED,   /* after delivered: the next server took it, and sent it back */
    EVENT_COMPLAINED, /* after delivered: its reader calls it spam */
};
const char *event_kind_text(enum event_kind kind);

struct event {
    int64_t tenant, id; /* id 0: event_record takes a new one */
    int64_t letter;
    enum event_kind kind;
    struct span sender;    /* reverse-path, empty for the null path */
    struct span recipient; /* forward-path; empty for accepted */
    struct span detail;    /* words for people: host, protocol, reply; cleaned by the caller */
    uint64_t bytes;        /* the letter's size */
    int64_t *sender_row;   /* for several events of one sender in one job: 0 before the first, and
                              event_record keeps there what it found; NULL is fine */
};

/* In a write job. */
must_check int event_record(struct db_tx *tx, const struct event *event);

/* What to list; zero or empty fields do not select. after, before: only events with larger, with
 * smaller ids. */
struct event_filter {
    int64_t tenant, letter, after, before, since_ms;
    struct span to, from;
    struct span from_domain; /* folded */
    unsigned limit;          /* at most 1,000 */
};
/* The newest `limit` that match, oldest first, copied into arena. Yields. */
must_check int event_co_list(struct store *store, const struct event_filter *filter,
                             struct arena *arena, struct event **ret_events, size_t *ret_count);

#endif
