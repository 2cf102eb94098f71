/* The log's writes, gathered; see sqlite_log.h. */
#include "store/sqlite_log.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define VFS_NAME    "postamt"
#define GATHER_SIZE (15 * (24 + 8192)) /* the default VFS writes less than 128 KiB at once */

/* SQLite allocates szOsFile bytes: this, and the default VFS's own file behind it. */
struct log_file {
    sqlite3_file base;
    sqlite3_file *inner;
    char *bytes; /* GATHER_SIZE, from the first write on */
    int used;
    sqlite3_int64 start; /* where bytes[0] belongs */
};

static sqlite3_vfs vfs;
static sqlite3_vfs *default_vfs;

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)file;
}

/* Rounded up, so that the inner file is aligned. */
static int own_size(void)
{
    return (int)((sizeof(struct log_file) + 15) & ~(size_t)15);
}

static int flush(struct log_file *log)
{
    if (log->used == 0)
        return SQLITE_OK;
    int code = log->inner->pMethods->xWrite(log->inner, log->bytes, log->used, log->start);
    if (code == SQLITE_OK)
        log->used = 0;
    return code;
}

/* --- the methods of an open log -------------------------------------------------------------- */

static int log_close(sqlite3_file *file)
{
    struct log_file *log = log_of(file);
    free(log->bytes); /* what is left was never synced, so never promised */
    return log->inner->pMethods->xClose(log->inner);
}

static int log_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    struct log_file *log = log_of(file);
    bool gathered = offset < log->start + log->used && offset + amount > log->start;
    int code = gathered ? flush(log) : SQLITE_OK;
    return code != SQLITE_OK ? code : log->inner->pMethods->xRead(log->inner, out, amount, offset);
}

static int log_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    struct log_file *log = log_of(file);
    if (!log->bytes)
        log->bytes = malloc(GATHER_SIZE);
    bool fits = log->bytes && amount <= GATHER_SIZE - log->used &&
                (log->used == 0 || offset == log->start + log->used);
    if (!fits) {
        int code = flush(log);
        if (code != SQLITE_OK)
            return code;
    }
    if (!log->bytes || amount > GATHER_SIZE)
        return log->inner->pMethods->xWrite(log->inner, bytes, amount, offset);
    if (log->used == 0)
        log->start = offset;
    memcpy(log->bytes + log->used, bytes, (size_t)amount);
    log->used += amount;
    return SQLITE_OK;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *log = log_of(file);
    int code = flush(log);
    return code != SQLITE_OK ? code : log->inner->pMethods->xTruncate(log->inner, size);
}

static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *log = log_of(file);
    int code = flush(log);
    return code != SQLITE_OK ? code : log->inner->pMethods->xSync(log->inner, flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    struct log_file *log = log_of(file);
    int code = flush(log);
    return code != SQLITE_OK ? code : log->inner->pMethods->xFileSize(log->inner, ret_size);
}

static int log_lock(sqlite3_file *file, int level)
{
    return log_of(file)->inner->pMethods->xLock(log_of(file)->inner, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    return log_of(file)->inner->pMethods->xUnlock(log_of(file)->inner, level);
}

static int log_check_lock(sqlite3_file *file, int *ret_locked)
{
    return log_of(file)->inner->pMethods->xCheckReservedLock(log_of(file)->inner, ret_locked);
}

static int log_control(sqlite3_file *file, int what, void *arg)
{
    return log_of(file)->inner->pMethods->xFileControl(log_of(file)->inner, what, arg);
}

static int log_sector_size(sqlite3_file *file)
{
    return log_of(file)->inner->pMethods->xSectorSize(log_of(file)->inner);
}

static int log_characteristics(sqlite3_file *file)
{
    return log_of(file)->inner->pMethods->xDeviceCharacteristics(log_of(file)->inner);
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_check_lock,
    .xFileControl = log_control,
    .xSectorSize = log_sector_size,
    .xDeviceCharacteristics = log_characteristics,
};

/* --- opening --------------------------------------------------------------------------------- */

static int open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                     int *ret_flags)
{
    (void)self;
    if (!(flags & SQLITE_OPEN_WAL))
        return default_vfs->xOpen(default_vfs, name, file, flags, ret_flags);
    struct log_file *log = log_of(file);
    memset(log, 0, sizeof *log);
    log->inner = (sqlite3_file *)((char *)file + own_size());
    int code = default_vfs->xOpen(default_vfs, name, log->inner, flags, ret_flags);
    /* without methods SQLite does not close it */
    log->base.pMethods = log->inner->pMethods ? &log_methods : NULL;
    return code;
}

static void register_vfs(void)
{
    default_vfs = sqlite3_vfs_find(NULL);
    if (!default_vfs)
        return;
    vfs = *default_vfs;
    vfs.pNext = NULL;
    vfs.zName = VFS_NAME;
    vfs.szOsFile = own_size() + default_vfs->szOsFile;
    vfs.xOpen = open_file;
    sqlite3_vfs_register(&vfs, 0);
}

const char *sqlite_log_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_vfs);
    return sqlite3_vfs_find(VFS_NAME) ? VFS_NAME : NULL;
}
