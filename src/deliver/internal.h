/* What the files of delivery share. Nobody outside includes it. */
#ifndef DELIVER_INTERNAL_H
#define DELIVER_INTERNAL_H

#include "base/arena.h"
#include "deliver/deliver.h"
#include "deliver/marks.h"
#include "deliver/settle.h"
#include "queue/index.h"
#include "run/dns.h"
#include "run/loop.h"
#include "smtp/client.h"
#include "submit/merge.h"
#include "submit/package.h"
#include "submit/sign.h"

#include <pthread.h>

/* gather.c: finished letters of a loop, whose outcomes are to be written. */
struct gatherer_wait { /* who waits for room */
    struct co *co;
    struct gatherer_wait *prev, *next;
};
struct gatherer {
    struct deliver *d;
    struct scope scope;
    struct co *parked;  /* it has nothing to do */
    struct task *tasks; /* a list, the oldest first */
    unsigned count;
    struct gatherer_wait *waiting;
    struct settlement list[SETTLE_MAX]; /* while they are written */
    bool ending, gone;
};

struct deliver_loop {
    struct deliver *d;
    struct loop *loop;
    struct dns *dns;
    struct scope errands, sessions; /* keeper and routers; sessions */
    struct gatherer gatherer;
    struct session *resting; /* with a connection and nothing to do */
    bool open;
};

struct deliver {
    struct deliver_settings settings;
    struct tls_context *tls_any, *tls_verified;
    struct deliver_loop *loops;
    struct marks *marks;

    pthread_mutex_t mutex; /* what follows; held for moments only */
    struct queue_index *index;
    bool draining, walk_again;
    bool suspect_out;  /* a letter that was in flight at a crash is tried: one at a time */
    int64_t wakes_ms;  /* when the keeper wakes by itself (monotonic) */
    struct co *keeper; /* on the first loop: acts when something becomes due */
    struct loop_message wake_keeper;
    bool wake_posted;
};

/* deliver.c. Starts routers and sessions for all there is to do; on a loop's thread, without the
 * mutex. */
void deliver_pump(struct deliver *d);
/* What is due next has changed: the keeper wakes in time. Any loop, without the mutex. */
void deliver_hurry_keeper(struct deliver *d);
int64_t deliver_mono(int64_t wall_ms); /* a moment of the wall clock on the monotonic one */

/* One letter on its way to one site: what was taken out of the index, and what the rows say. */
#define TASK_MAX 100 /* recipients of one transaction (RFC 5321 4.5.3.1.8) */
struct task {
    struct queue_item *items[TASK_MAX]; /* taken */
    size_t taken;
    struct arena arena;
    struct queue_letter letter;
    struct queue_recipient *recipients; /* those to be sent to */
    struct outcome *outcomes;
    struct queue_item **of; /* the item of each recipient */
    size_t count;
    struct mark *mark; /* in flight */
    bool suspect;      /* the only one of its kind that is out */
    const char *host;  /* while judging: who spoke, "mx.example.net[192.0.2.1]:25"; or NULL */
    struct task *prev, *next; /* of those that are gathered */
};

/* task.c. NULL: no memory. Ends with task_end, by who has it, or by the gatherer. */
struct task *task_new(void);
void task_end(struct deliver *d, struct task *t); /* NULL is fine */
/* Reads the rows of the items taken. 0 with count 0: none is there any more, all is given back.
 * Otherwise gatherer_co_add or task_put_off must follow. Yields. */
must_check int task_co_read(struct deliver *d, struct task *t);
/* What a reply means for recipient i; t->host is who gave it. code 0: nobody did, the words are
 * ours, and it is tried again. */
void task_judge(struct deliver *d, struct task *t, size_t i, int code, struct span words);
void task_judge_all(struct deliver *d, struct task *t, int code, struct span words);
void task_judge_part(struct deliver *d, struct task *t, size_t first, size_t end, int code,
                     struct span words);
/* All outcomes are written: the items go back. */
void task_settled(struct deliver *d, struct task *t);
/* Gives the items back, to be looked at again after a pause: nothing was tried. */
void task_put_off(struct deliver *d, struct task *t, int64_t pause_ms);
/* Before an attempt: marks it as in flight (P4). False: not now, and it was put off. */
bool task_begin_attempt(struct deliver *d, struct task *t);

must_check int gatherer_open(struct gatherer *g, struct deliver *d, struct scope *parent);
/* Takes the task over: its outcomes are written, as often as it takes, together with those of
 * others, and it ends. Waits while too many are there already. Yields. */
void gatherer_co_add(struct gatherer *g, struct task *t);
/* After the last task. Whoever cancels its scope ends the trying. Yields. */
void gatherer_co_close(struct gatherer *g);

/* outgoing.c: a package, parsed and compiled, as a session keeps it for the next recipient. Zero at
 * first; package_close at the end. */
struct kept_package {
    int64_t letter;
    struct buffer bytes;
    struct arena arena;
    struct content content;
    struct merge *merge;
    struct merge_fault fault;
};
void package_close(struct kept_package *p);

/* The letter as the recipients [first, end) of a task get it. */
struct outgoing {
    struct deliver *d;
    struct task *task;
    size_t first, end;
    bool merged; /* bytes and head are the letter; else it is in the blob */
    struct buffer bytes, head;
    uint64_t offset;
    bool head_read;
    char why[300];
};
/* ERR_SYNTAX: it cannot be made, ever, and why says so; else try later. outgoing_close must follow.
 * Yields. */
must_check int outgoing_co_open(struct outgoing *o, struct deliver *d, struct task *t, size_t first,
                                struct kept_package *package);
void outgoing_close(struct outgoing *o);
uint64_t outgoing_octets(const struct outgoing *o);
void outgoing_rewind(struct outgoing *o);
/* For smtp_outgoing: the next piece. Yields. */
must_check int outgoing_co_read(void *arg, struct buffer *out);
/* local.c: recipient i is of ours; judges it. Yields. */
void outgoing_co_deliver_locally(struct outgoing *o, size_t i);

/* session.c: a coroutine for a site that was begun. */
struct session;
int session_start(struct deliver_loop *dl, struct queue_site *site);
/* An idle one that the index gave: chosen at once (with the mutex), woken afterwards (without). */
void session_choose(struct queue_idle *idle);
void session_wake(struct deliver_loop *here, struct queue_idle *idle);
void session_wake_resting(struct deliver_loop *dl); /* they end */

/* connect.c */
struct connection {
    struct stream *st; /* NULL: none */
    struct smtp_client client;
    unsigned letters;
    char host[400]; /* "mx.example.net[192.0.2.1]:25" */
};
/* Opens one to the first host of the way that takes it; crowded: without much patience. Else
 * ERR_ABSENT, and why is in ret_why. Yields. */
must_check int connection_co_open(struct deliver_loop *dl, struct connection *c,
                                  const struct way *way, bool crowded,
                                  struct route_failure *ret_why);
/* Says QUIT when all is well, closes. Yields. */
void connection_co_close(struct connection *c, bool polite);

/* router.c: a coroutine that finds the way of a domain that was begun. */
int router_start(struct deliver_loop *dl, struct queue_domain *domain);

#endif
