/* Marks of letters in flight; see marks.h. */
#include "deliver/marks.h"

#include "base/id.h"
#include "base/log.h"
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CRASHES_MAX 3

struct marks {
    struct mark *map;
    unsigned count, next;
    pthread_mutex_t mutex;
    struct mark *blamed; /* in flight at the crash */
    unsigned blamed_count;
};

static int map_file(const char *folder, struct marks *marks)
{
    char path[1024];
    size_t size = marks->count * sizeof *marks->map;
    if (snprintf(path, sizeof path, "%s/in-flight", folder) >= (int)sizeof path)
        return -ENAMETOOLONG;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int rc = ftruncate(fd, (off_t)size) < 0 ? -errno : -posix_fallocate(fd, 0, (off_t)size);
    void *map = rc < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return rc < 0 ? rc : -ENOMEM;
    marks->map = map;
    return 0;
}

static int map_memory(struct marks *marks)
{
    void *map = mmap(NULL, marks->count * sizeof *marks->map, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return -ENOMEM;
    marks->map = map;
    return 0;
}

/* What stood there is copied, and the places are free. */
static int take_blamed(struct marks *marks, bool after_crash)
{
    if (after_crash) {
        marks->blamed = calloc(marks->count, sizeof *marks->blamed);
        if (!marks->blamed)
            return -ENOMEM;
        for (unsigned i = 0; i < marks->count; i++)
            if (marks->map[i].letter)
                marks->blamed[marks->blamed_count++] = marks->map[i];
    }
    memset(marks->map, 0, marks->count * sizeof *marks->map);
    return 0;
}

int marks_open(const char *folder, unsigned count, bool after_crash, struct marks **ret_marks)
{
    struct marks *marks = calloc(1, sizeof *marks);
    if (!marks)
        return -ENOMEM;
    marks->count = count;
    pthread_mutex_init(&marks->mutex, NULL);
    int rc = map_file(folder, marks);
    if (rc == -ENOSPC) /* service goes on; a crash would find nobody to blame */
        rc = map_memory(marks);
    if (rc == 0)
        rc = take_blamed(marks, after_crash);
    if (rc < 0) {
        marks_close(marks);
        return rc;
    }
    *ret_marks = marks;
    return 0;
}

void marks_close(struct marks *marks)
{
    if (!marks)
        return;
    if (marks->map)
        munmap(marks->map, marks->count * sizeof *marks->map);
    pthread_mutex_destroy(&marks->mutex);
    free(marks->blamed);
    free(marks);
}

struct mark *marks_set(struct marks *marks, int64_t tenant, int64_t letter)
{
    struct mark *found = NULL;
    pthread_mutex_lock(&marks->mutex);
    for (unsigned tries = 0; !found && tries < marks->count; tries++) {
        struct mark *mark = &marks->map[marks->next++ % marks->count];
        if (mark->letter == 0)
            found = mark;
    }
    if (found)
        *found = (struct mark){tenant, letter};
    pthread_mutex_unlock(&marks->mutex);
    return found;
}

void marks_clear(struct marks *marks, struct mark *mark)
{
    if (!mark)
        return;
    pthread_mutex_lock(&marks->mutex);
    *mark = (struct mark){0};
    pthread_mutex_unlock(&marks->mutex);
}

/* --- after a crash --------------------------------------------------------------------------- */

static int blame(struct db_tx *tx, void *arg)
{
    const struct marks *marks = arg;
    int rc = 0;
    for (unsigned i = 0; rc >= 0 && i < marks->blamed_count; i++) {
        const struct mark *mark = &marks->blamed[i];
        struct queue_selector selector = {.tenant = mark->tenant, .letter = mark->letter};
        rc = queue_count_crash(tx, mark->tenant, mark->letter);
        if (rc >= CRASHES_MAX)
            rc = queue_hold(tx, &selector,
                            SPAN("the server has crashed three times while it was being sent"));
    }
    return rc < 0 ? rc : 0;
}

int marks_co_blame(struct marks *marks, struct store *store)
{
    char id[ID_TEXT];
    if (marks->blamed_count == 0)
        return 0;
    int rc = store_co_write(store, blame, marks);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < marks->blamed_count; i++)
        log_warn("deliver.in_flight_at_crash", "letter=%s", id_text(marks->blamed[i].letter, id));
    marks->blamed_count = 0;
    return 0;
}
