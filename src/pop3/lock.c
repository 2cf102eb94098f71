/* Locks on maildrops; see lock.h. */
#include "pop3/lock.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct lock {
    int64_t user, free_from_ms; /* when the next login may come */
    bool held;
    UT_hash_handle hh;
};

struct pop3_locks {
    pthread_mutex_t mutex;
    struct lock *table; /* the longest untouched first */
};

int pop3_locks_create(struct pop3_locks **ret_locks)
{
    struct pop3_locks *locks = calloc(1, sizeof *locks);
    if (!locks)
        return -ENOMEM;
    pthread_mutex_init(&locks->mutex, NULL);
    *ret_locks = locks;
    return 0;
}

static void drop(struct pop3_locks *locks, struct lock *lock)
{
    HASH_DEL(locks->table, lock); /* NOLINT: clang-tidy loses track in uthash */
    free(lock);
}

void pop3_locks_free(struct pop3_locks *locks)
{
    struct lock *lock, *next;
    if (!locks)
        return;
    HASH_ITER (hh, locks->table, lock, next)
        drop(locks, lock);
    pthread_mutex_destroy(&locks->mutex);
    free(locks);
}

static struct lock *find(struct pop3_locks *locks, int64_t user)
{
    struct lock *lock;
    HASH_FIND(hh, locks->table, &user, sizeof user, lock);
    return lock;
}

static int add(struct pop3_locks *locks, int64_t user, int64_t free_from_ms)
{
    struct lock *lock = calloc(1, sizeof *lock);
    if (!lock)
        return -ENOMEM;
    *lock = (struct lock){.user = user, .free_from_ms = free_from_ms, .held = true};
    HASH_ADD(hh, locks->table, user, sizeof lock->user, lock);
    if (find(locks, user) == lock)
        return 0;
    free(lock);
    return -ENOMEM;
}

static int take(struct pop3_locks *locks, int64_t user, uint32_t delay)
{
    int64_t now = clock_mono_ms();
    struct lock *lock = find(locks, user);
    if (lock && lock->held)
        return -EBUSY;
    if (lock && lock->free_from_ms > now)
        return -EAGAIN;
    if (lock)
        drop(locks, lock);
    return add(locks, user, now + (int64_t)delay * 1000);
}

int pop3_lock_take(struct pop3_locks *locks, int64_t user, uint32_t delay)
{
    pthread_mutex_lock(&locks->mutex);
    int rc = take(locks, user, delay);
    pthread_mutex_unlock(&locks->mutex);
    return rc;
}

static void give(struct pop3_locks *locks, int64_t user, bool undo)
{
    pthread_mutex_lock(&locks->mutex);
    struct lock *lock = find(locks, user);
    if (lock && (undo || lock->free_from_ms <= clock_mono_ms()))
        drop(locks, lock);
    else if (lock)
        lock->held = false;
    pthread_mutex_unlock(&locks->mutex);
}

void pop3_lock_give(struct pop3_locks *locks, int64_t user)
{
    give(locks, user, false);
}

void pop3_lock_undo(struct pop3_locks *locks, int64_t user)
{
    give(locks, user, true);
}
