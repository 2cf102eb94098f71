/* The data folder's lock; see lock.h. */
#include "ctl/lock.h"

#include "base/clock.h"
#include "ctl/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_MS 20

static pid_t read_holder(int fd)
{
    char text[32] = "";
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    return len > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static void write_holder(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return; /* only the message for others is poorer */
}

int lock_take(const char *folder, int64_t wait_ms, pid_t *ret_holder)
{
    char path[1024];
    struct stat info;
    int64_t until = clock_mono_ms() + wait_ms;
    int rc = path_join(path, sizeof path, folder, "lock");
    if (rc < 0)
        return rc;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (geteuid() == 0 && stat(folder, &info) == 0 && fchown(fd, info.st_uid, info.st_gid) < 0)
        errno = 0; /* a lock of root's is a lock */
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        rc = -errno;
        if (rc != -EWOULDBLOCK || clock_mono_ms() >= until) {
            *ret_holder = rc == -EWOULDBLOCK ? read_holder(fd) : 0;
            close(fd);
            return rc;
        }
        poll(NULL, 0, RETRY_MS);
    }
    write_holder(fd);
    return fd;
}
