/*
 * Makes the n-th write or sync of a server's data files fail; loaded with LD_PRELOAD by the tests.
 *
 * POSTAMT_FAULTS names a file that both sides map: the test sets what shall fail, the server
 * counts. Only regular files below POSTAMT_FAULT_FOLDER are touched. And a server that is about to
 * write the words in POSTAMT_FAULT_DEADLY dies, as of a bug.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FAULT_WRITE = 1, FAULT_SYNC = 2, FAULT_TORN = 4 };

struct faults {
    atomic_int what;      /* bits of the above; 0: nothing fails */
    atomic_int countdown; /* the call that finds 1 fails */
    atomic_int always;    /* and all after it */
    atomic_int error;     /* errno */
    atomic_int hits;      /* how many have failed */
};

static struct faults *faults;
static const char *folder;

static __attribute__((constructor)) void open_faults(void)
{
    const char *name = getenv("POSTAMT_FAULTS");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    folder = getenv("POSTAMT_FAULT_FOLDER");
    if (fd < 0 || !folder)
        return;
    void *map = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        faults = map;
}

/* A server with a bug: it dies when it is about to say this. */
static void die_of(const struct iovec *pieces, size_t count)
{
    const char *word = getenv("POSTAMT_FAULT_DEADLY");
    for (size_t i = 0; word && i < count; i++)
        if (memmem(pieces[i].iov_base, pieces[i].iov_len, word, strlen(word)))
            abort();
}

static bool is_data_file(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len <= 0)
        return false;
    path[len] = '\0';
    return strncmp(path, folder, strlen(folder)) == 0;
}

static bool strikes(int what, int fd)
{
    if (!faults || !(atomic_load(&faults->what) & what) || !is_data_file(fd))
        return false;
    int left = atomic_fetch_sub(&faults->countdown, 1);
    if (left > 1 || (left < 1 && !atomic_load(&faults->always)))
        return false;
    atomic_fetch_add(&faults->hits, 1);
    errno = atomic_load(&faults->error);
    return true;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t count)
{
    die_of(&(struct iovec){(void *)bytes, count}, 1);
    return strikes(FAULT_WRITE, fd) ? -1 : NEXT(write)(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    die_of(pieces, (size_t)count);
    return NEXT(writev)(fd, pieces, count);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    die_of(message->msg_iov, message->msg_iovlen);
    return NEXT(sendmsg)(fd, message, flags);
}

/* A torn write leaves half of it behind, as a full disk or a dying one does. */
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    if (strikes(FAULT_TORN, fd)) {
        int error = errno;
        if (NEXT(pwrite64)(fd, bytes, count / 2, offset) < 0)
            return -1;
        errno = error;
        return -1;
    }
    return strikes(FAULT_WRITE, fd) ? -1 : NEXT(pwrite64)(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return pwrite64(fd, bytes, count, offset);
}

int ftruncate64(int fd, off64_t length)
{
    return strikes(FAULT_WRITE, fd) ? -1 : NEXT(ftruncate64)(fd, length);
}

int fdatasync(int fd)
{
    return strikes(FAULT_SYNC, fd) ? -1 : NEXT(fdatasync)(fd);
}

int fsync(int fd)
{
    return strikes(FAULT_SYNC, fd) ? -1 : NEXT(fsync)(fd);
}
