/* Whole files; see files.h. */
#include "ctl/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read_fd(int fd, struct buffer *out)
{
    for (;;) {
        int rc = buffer_reserve(out, 1);
        if (rc < 0)
            return rc;
        ssize_t n = read(fd, out->at + out->len, out->size - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        out->len += (size_t)n;
    }
}

int file_read(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = file_read_fd(fd, out);
    close(fd);
    return rc;
}

int file_write_all(int fd, struct span bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.at, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        bytes = span_from(bytes, (size_t)n);
    }
    return 0;
}

int file_create(const char *path, mode_t mode, struct span bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    int rc = file_write_all(fd, bytes);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    close(fd);
    if (rc < 0)
        unlink(path);
    return rc;
}

int path_join(char *path, size_t size, const char *folder, const char *name)
{
    int len = name[0] == '/' ? snprintf(path, size, "%s", name)
                             : snprintf(path, size, "%s/%s", folder, name);
    return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}
