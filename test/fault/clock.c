/*
 * Clocks that jump; loaded with LD_PRELOAD by the tests (clocks.py).
 *
 * POSTAMT_CLOCKS names a file that both sides map: by how many seconds the wall clock and the
 * monotonic one are ahead. The monotonic one cannot jump in the world: there it is how minutes pass
 * in a moment. Whoever waits for sockets looks at the clock now and then, so that the jump is seen.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 20

static struct ahead {
    _Atomic int64_t wall, mono;
} * ahead;

static __attribute__((constructor)) void open_clocks(void)
{
    const char *name = getenv("POSTAMT_CLOCKS");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (map != MAP_FAILED)
        ahead = map;
}

int clock_gettime(clockid_t id, struct timespec *ret_now)
{
    long rc = syscall(SYS_clock_gettime, id, ret_now);
    if (rc < 0 || !ahead)
        return (int)rc;
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        ret_now->tv_sec += atomic_load(&ahead->wall);
    else if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)
        ret_now->tv_sec += atomic_load(&ahead->mono);
    return 0;
}

int gettimeofday(struct timeval *restrict ret_now, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) < 0)
        return -1;
    *ret_now = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *ret_now)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now)
        *ret_now = now.tv_sec;
    return now.tv_sec;
}

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout_ms)
{
    int look_ms = timeout_ms > LOOK_MS ? LOOK_MS : timeout_ms;
    return (int)syscall(SYS_epoll_pwait, fd, events, count, look_ms, NULL, 0);
}
