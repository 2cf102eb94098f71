/*
 * Delivery: takes what is due out of the queue to the servers that the world has named for it.
 *
 * One index of the whole node says what is next (queue/index.h); sessions run on all loops. A
 * session belongs to a site, keeps its connection for the next letter of that site, and writes what
 * became of each recipient in one commit (P2). The store is the truth: at start the queue is walked
 * while delivering goes on already.
 */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include "deliver/route.h"
#include "queue/queue.h"
#include "submit/submit.h"

#include <stdatomic.h>

struct deliver;
struct dns_settings;
struct loop;
struct tls_context;

struct deliver_counters {
    atomic_uint_fast64_t connections, delivered, deferred, bounced, expired;
    atomic_uint_fast32_t sessions; /* open now */
};

/* How letters to a domain are treated. */
struct deliver_policy {
    char domain[ADDRESS_DOMAIN_MAX + 1]; /* folded; empty: all others */
    struct queue_policy queue;
    unsigned sessions_max; /* connections to one site */
    unsigned letters_max;  /* over one connection */
};
#define DELIVER_SESSIONS_PER_SITE 20
#define DELIVER_LETTERS           100

struct deliver_settings {
    const char *hostname; /* ours, for EHLO */
    const struct submit_door *door;
    struct directory *directory;
    const struct route_table *routes;
    const struct deliver_policy *policies; /* the first is for all domains without one */
    size_t policy_count;
    const struct dns_settings *dns;
    unsigned sessions_max;    /* of the node; 0: 16,000 */
    unsigned timeout_divisor; /* tests: times of the dialogue are so much shorter; 0: RFC 5321's */
    unsigned loop_count;
    const char *folder; /* of the marks of letters in flight */
    bool after_crash;   /* the last server ended by a fault of its own */
    struct deliver_counters *counters;
};

/* The settings' pointers outlive it. */
must_check int deliver_create(const struct deliver_settings *settings,
                              struct deliver **ret_deliver);
void deliver_free(struct deliver *d); /* when its loops are closed */
/* On each loop, in a coroutine: from here on it has sessions there. The first one begins the walk
 * through the queue. */
must_check int deliver_open_loop(struct deliver *d, unsigned index);
/* No new letters on this loop; what is in a transaction ends it, for at most patience_ms. Yields.
 */
void deliver_co_close_loop(struct deliver *d, unsigned index, int64_t patience_ms);

/* After the commit that made them: these are in the queue, or due at another time. For submit_door
 * and the queue's verbs; on a loop's thread. arg is the struct deliver. */
void deliver_announce(void *arg, const struct queue_entry *entries, size_t count);
/* The same for those that an operator wants tried now: sites that rest after a failure do not. */
void deliver_hurry(struct deliver *d, const struct queue_entry *entries, size_t count);
size_t deliver_waiting(struct deliver *d); /* recipients in the index */
/* The policy of a domain (folded). */
const struct deliver_policy *deliver_policy_of(const struct deliver_settings *settings,
                                               struct span domain);

#endif
