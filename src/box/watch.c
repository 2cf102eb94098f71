/*
 * Watches on mailboxes; see watch.h.
 *
 * One table for the process, from mailbox to its watchers, behind a mutex that is held for moments:
 * by a session that opens, closes or arms, by its loop when news come, and by the store's writer
 * after a commit, as long as it takes to tell the mailbox's watchers.
 */
#include "box/watch.h"

#include "run/loop.h"
#include "run/stream.h"
#include "store/db.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uthash.h>

struct watched {
    int64_t mailbox;
    atomic_uint_fast64_t number; /* counts commits */
    struct box_watch *watchers;
    UT_hash_handle hh;
};

struct box_watch {
    struct loop_message message; /* first: the message is the watch */
    struct watched *watched;
    struct box_watch *next;
    struct loop *loop;
    struct stream *st; /* NULL: closed while a message was under way, which frees it */
    uint64_t seen;
    bool armed, posted; /* behind the mutex */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct watched *table;

static struct watched *find_or_make(int64_t mailbox)
{
    struct watched *watched;
    HASH_FIND(hh, table, &mailbox, sizeof mailbox, watched);
    if (watched)
        return watched;
    watched = calloc(1, sizeof *watched);
    if (!watched)
        return NULL;
    watched->mailbox = mailbox;
    HASH_ADD(hh, table, mailbox, sizeof watched->mailbox, watched);
    return watched;
}

int box_watch_open(int64_t mailbox, struct stream *st, struct box_watch **ret_watch)
{
    struct box_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return -ENOMEM;
    watch->loop = loop_current();
    watch->st = st;
    pthread_mutex_lock(&mutex);
    watch->watched = find_or_make(mailbox);
    if (watch->watched) {
        watch->next = watch->watched->watchers;
        watch->watched->watchers = watch;
        watch->seen = atomic_load(&watch->watched->number) - 1;
    }
    pthread_mutex_unlock(&mutex);
    if (!watch->watched) {
        free(watch);
        return -ENOMEM;
    }
    *ret_watch = watch;
    return 0;
}

void box_watch_close(struct box_watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_lock(&mutex);
    struct watched *watched = watch->watched;
    struct box_watch **at = &watched->watchers;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    if (!watched->watchers) {
        HASH_DEL(table, watched);
        free(watched);
    }
    bool posted = watch->posted;
    watch->st = NULL;
    pthread_mutex_unlock(&mutex);
    if (!posted)
        free(watch);
}

bool box_watch_has_news(const struct box_watch *watch)
{
    return watch->seen != atomic_load(&watch->watched->number);
}

void box_watch_reading(struct box_watch *watch)
{
    watch->seen = atomic_load(&watch->watched->number);
}

void box_watch_missed(struct box_watch *watch)
{
    watch->seen = atomic_load(&watch->watched->number) - 1;
}

void box_watch_arm(struct box_watch *watch, bool armed)
{
    pthread_mutex_lock(&mutex);
    watch->armed = armed;
    pthread_mutex_unlock(&mutex);
}

/* --- after a commit -------------------------------------------------------------------------- */

/* On the watcher's loop. */
static void deliver_news(struct loop_message *message)
{
    struct box_watch *watch = (struct box_watch *)message;
    pthread_mutex_lock(&mutex);
    watch->posted = false;
    struct stream *st = watch->st;
    pthread_mutex_unlock(&mutex);
    if (st)
        stream_interrupt(st);
    else
        free(watch);
}

static void tell(int64_t mailbox)
{
    struct watched *watched;
    pthread_mutex_lock(&mutex);
    HASH_FIND(hh, table, &mailbox, sizeof mailbox, watched);
    if (watched)
        atomic_fetch_add(&watched->number, 1);
    for (struct box_watch *w = watched ? watched->watchers : NULL; w; w = w->next) {
        if (!w->armed || w->posted)
            continue;
        w->posted = true;
        w->message.fn = deliver_news;
        loop_post(w->loop, &w->message);
    }
    pthread_mutex_unlock(&mutex);
}

int box_watch_announce(struct db_tx *tx, int64_t mailbox)
{
    return db_on_commit(tx, tell, mailbox);
}
