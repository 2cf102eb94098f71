/* The checkpointer; see sqlite_checkpoint.h. */
#include "store/sqlite_checkpoint.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>

#define START_PAGES  8192  /* 64 MiB of log: copying begins */
#define REST_PAGES   1024  /* 8 MiB: the writer may copy that itself */
#define FORCED_PAGES 65536 /* 512 MiB: it has to */
#define PASSES_MAX   6

struct checkpointer {
    sqlite3 *db;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int log_pages, copied; /* of the log as it stands */
    bool wanted, rest_is_little, ending;
};

/* One pass, without the mutex. 0 when nothing could be copied. */
static int copy_pages(struct checkpointer *c)
{
    int in_log = 0, done = 0;
    int code = sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &done);
    if (code == SQLITE_OK)
        return done > 0 ? done : 0;
    if (code != SQLITE_BUSY)
        log_error("store.checkpoint", "code=%d why=\"%s\"", code, sqlite3_errmsg(c->db));
    return 0;
}

static void *checkpointer_thread(void *arg)
{
    struct checkpointer *c = arg;
    pthread_setname_np(pthread_self(), "store-copy");
    pthread_mutex_lock(&c->mutex);
    while (!c->ending) {
        if (!c->wanted) {
            pthread_cond_wait(&c->changed, &c->mutex);
            continue;
        }
        for (int pass = 0; pass < PASSES_MAX && !c->ending; pass++) {
            pthread_mutex_unlock(&c->mutex);
            int copied = copy_pages(c);
            pthread_mutex_lock(&c->mutex);
            if (copied == 0)
                break;
            c->copied = copied;
            if (c->log_pages - copied <= REST_PAGES)
                break;
        }
        c->wanted = false;
        c->rest_is_little = true;
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

int checkpointer_start(const char *path, struct checkpointer **ret_checkpointer)
{
    struct checkpointer *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->changed, NULL);
    if (sqlite3_open_v2(path, &c->db, flags, NULL) != SQLITE_OK ||
        sqlite3_exec(c->db, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0", NULL, NULL,
                     NULL) != SQLITE_OK ||
        pthread_create(&c->thread, NULL, checkpointer_thread, c) != 0) {
        sqlite3_close(c->db);
        pthread_cond_destroy(&c->changed);
        pthread_mutex_destroy(&c->mutex);
        free(c);
        return ERR_STORE;
    }
    *ret_checkpointer = c;
    return 0;
}

void checkpointer_stop(struct checkpointer *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->mutex);
    c->ending = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
    sqlite3_close(c->db);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

bool checkpointer_see(struct checkpointer *c, int log_pages)
{
    pthread_mutex_lock(&c->mutex);
    if (log_pages < c->log_pages) /* it has started over */
        c->copied = 0;
    c->log_pages = log_pages;
    int rest = log_pages - c->copied;
    bool now = !c->wanted && (c->rest_is_little || rest >= FORCED_PAGES);
    if (!now && !c->wanted && rest >= START_PAGES) {
        c->wanted = true;
        pthread_cond_signal(&c->changed);
    }
    pthread_mutex_unlock(&c->mutex);
    return now;
}

void checkpointer_done(struct checkpointer *c, int log_pages, int copied)
{
    pthread_mutex_lock(&c->mutex);
    c->log_pages = log_pages;
    c->copied = copied;
    c->rest_is_little = false;
    pthread_mutex_unlock(&c->mutex);
}
