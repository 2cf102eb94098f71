/* Files of large blobs; see blob_file.h. */
#include "store/blob_file.h"

#include "base/id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 640
#define FOLDERS   256

/* Ids of one moment share their high bits: a multiplication spreads them. */
static unsigned folder_of(int64_t id)
{
    return (unsigned)(((uint64_t)id * 0x9E3779B97F4A7C15u) >> 56);
}

static void file_path(char path[PATH_SIZE], const char *folder, int64_t id)
{
    char text[ID_TEXT];
    snprintf(path, PATH_SIZE, "%s/blobs/%02x/%s", folder, folder_of(id), id_text(id, text));
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

static int make_folder(const char *folder, int64_t id)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/blobs", folder);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    snprintf(path, sizeof path, "%s/blobs/%02x", folder, folder_of(id));
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    snprintf(path, sizeof path, "%s/blobs", folder);
    int rc = sync_folder(path);
    return rc < 0 ? rc : sync_folder(folder);
}

int blob_file_create(const char *folder, int64_t id)
{
    char path[PATH_SIZE];
    file_path(path, folder, id);
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int fd = open(path, flags, 0600);
    if (fd < 0 && errno == ENOENT) {
        int rc = make_folder(folder, id);
        if (rc < 0)
            return rc;
        fd = open(path, flags, 0600);
    }
    return fd < 0 ? -errno : fd;
}

int blob_file_write(int fd, struct span bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.at, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        bytes = span_from(bytes, (size_t)n);
    }
    return 0;
}

static int sync_folder_of(const char *folder, int64_t id)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/blobs/%02x", folder, folder_of(id));
    return sync_folder(path);
}

int blob_file_sync(const char *folder, int64_t id, int fd)
{
    if (fsync(fd) < 0)
        return -errno;
    return sync_folder_of(folder, id);
}

int blob_file_link(const char *folder, int64_t id, int64_t other)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    file_path(from, folder, id);
    file_path(to, folder, other);
    int failed = link(from, to);
    if (failed < 0 && errno == ENOENT) {
        int rc = make_folder(folder, other);
        if (rc < 0)
            return rc;
        failed = link(from, to);
    }
    if (failed < 0 && errno != EEXIST)
        return -errno;
    return sync_folder_of(folder, other);
}

int blob_file_read(const char *folder, int64_t id, uint64_t offset, size_t max, struct buffer *out)
{
    char path[PATH_SIZE];
    file_path(path, folder, id);
    int rc = buffer_reserve(out, max);
    if (rc < 0)
        return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_ABSENT : -errno;
    ssize_t n = 1;
    for (size_t got = 0; rc == 0 && got < max && n > 0; got += (size_t)n) {
        n = pread(fd, out->at + out->len, max - got, (off_t)(offset + got));
        if (n < 0)
            rc = -errno;
        else
            out->len += (size_t)n;
    }
    close(fd);
    return rc;
}

void blob_file_remove(const char *folder, int64_t id)
{
    char path[PATH_SIZE];
    file_path(path, folder, id);
    unlink(path);
}

static int each_in(const char *path, int64_t before, int (*each)(int64_t id, void *arg), void *arg)
{
    DIR *dir = opendir(path);
    int rc = 0;
    if (!dir)
        return errno == ENOENT ? 0 : -errno;
    for (struct dirent *entry; rc >= 0 && (entry = readdir(dir));) {
        int64_t id;
        if (id_parse(span_of(entry->d_name), &id) && id < before)
            rc = each(id, arg);
    }
    closedir(dir);
    return rc < 0 ? rc : 0;
}

int blob_file_each(const char *folder, int64_t before, int (*each)(int64_t id, void *arg),
                   void *arg)
{
    char path[PATH_SIZE];
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < FOLDERS; i++) {
        snprintf(path, sizeof path, "%s/blobs/%02x", folder, i);
        rc = each_in(path, before, each, arg);
    }
    return rc;
}
