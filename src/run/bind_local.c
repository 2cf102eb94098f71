/*
 * Unix sockets to listen on; see stream.h (listener_bind_local). Who stops a server hard leaves its
 * file behind: nobody answers there, and the next one takes its place.
 */
#include "run/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A path longer than sun_path is reached through its open folder: *ret_folder, or -1. */
static int local_address(const char *path, struct sockaddr_un *ret_address, int *ret_folder)
{
    char folder[1024];
    const char *last = strrchr(path, '/'), *name = last ? last + 1 : path;
    size_t size = sizeof ret_address->sun_path;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    *ret_folder = -1;
    if (strlen(path) < size) {
        memcpy(ret_address->sun_path, path, strlen(path) + 1);
        return 0;
    }
    if (!span_to_text(span_make(path, (size_t)(name - path)), folder, sizeof folder))
        return -ENAMETOOLONG;
    int fd = open(*folder ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_folder = fd;
    int len = snprintf(ret_address->sun_path, size, "/proc/self/fd/%d/%s", fd, name);
    return len > 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
}

/* 0: nobody listens there any more; -EADDRINUSE: somebody does. */
static int ask_whether_dead(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int rc = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
    close(fd);
    if (rc == -ECONNREFUSED || rc == -ENOENT)
        return 0;
    return rc == 0 || rc == -EAGAIN || rc == -EPROTOTYPE ? -EADDRINUSE : rc;
}

static int make_room(const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(address->sun_path, &info) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(info.st_mode))
        return -EEXIST;
    int rc = ask_whether_dead(address);
    if (rc == 0 && unlink(address->sun_path) < 0 && errno != ENOENT)
        rc = -errno;
    return rc;
}

static int bind_once(const struct sockaddr_un *address, unsigned mode)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    mode_t mask = umask(0777 & ~mode);
    int rc = bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
    umask(mask);
    if (rc < 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

static int remember(const char *path, const struct sockaddr_un *address,
                    struct listener_file *ret_file)
{
    if (!span_to_text(span_of(path), ret_file->path, sizeof ret_file->path))
        return -ENAMETOOLONG;
    int held = open(address->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (held < 0)
        return -errno;
    ret_file->held = held;
    return 0;
}

/* All descriptors are of one socket: whichever loop is free takes the next connection. */
static int multiply(int fd, unsigned count, int *ret_fds)
{
    ret_fds[0] = fd;
    for (unsigned i = 1; i < count; i++) {
        ret_fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (ret_fds[i] < 0) {
            int rc = -errno;
            while (i > 1)
                close(ret_fds[--i]);
            return rc;
        }
    }
    return 0;
}

int listener_bind_local(const char *path, unsigned mode, unsigned count, int *ret_fds,
                        struct listener_file *ret_file)
{
    struct sockaddr_un address;
    int folder, fd = -1;
    ret_file->held = 0;
    int rc = local_address(path, &address, &folder);
    if (rc == 0)
        rc = make_room(&address);
    if (rc == 0)
        rc = fd = bind_once(&address, mode);
    if (rc >= 0)
        rc = remember(path, &address, ret_file);
    if (rc == 0)
        rc = multiply(fd, count, ret_fds);
    if (rc < 0 && fd >= 0) {
        unlink(address.sun_path);
        close(fd);
        if (ret_file->held > 0)
            close(ret_file->held);
        ret_file->held = 0;
    }
    if (folder >= 0)
        close(folder);
    return rc;
}

void listener_unlink(struct listener_file *file)
{
    struct stat there, ours;
    if (file->held <= 0)
        return;
    if (fstat(file->held, &ours) == 0 && lstat(file->path, &there) == 0 &&
        there.st_dev == ours.st_dev && there.st_ino == ours.st_ino)
        unlink(file->path);
    close(file->held);
    file->held = 0;
}
