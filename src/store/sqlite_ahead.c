/* Reading ahead; see sqlite_ahead.h. Pages as in https://www.sqlite.org/fileformat2.html, 1.6. */
#include "store/sqlite_ahead.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#define INNER_PAGE  2  /* of an index, or of a table without row ids */
#define CELL_COUNT  3  /* where it stands in the page */
#define LAST_BELOW  8  /* the page below with the greatest keys */
#define INNER_CELLS 12 /* offsets of cells, each of which begins with a page below */

static _Thread_local struct {
    const sqlite3_io_methods *methods; /* the file's own */
    sqlite3_io_methods replaced;
    int fd;
} ahead;

static uint32_t read_number(const unsigned char *at, int size)
{
    uint32_t number = 0;
    for (int i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

static void want(uint32_t page, int page_size)
{
    if (page > 0)
        (void)posix_fadvise(ahead.fd, ((off_t)page - 1) * page_size, page_size,
                            POSIX_FADV_WILLNEED);
}

static int read_ahead(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    int code = ahead.methods->xRead(file, out, size, offset);
    const unsigned char *page = out;
    if (code != SQLITE_OK || offset == 0 || size < 512 || page[0] != INNER_PAGE)
        return code;
    uint32_t cells = read_number(page + CELL_COUNT, 2);
    for (uint32_t i = 0; i < cells && INNER_CELLS + 2 * i + 2 <= (uint32_t)size; i++) {
        uint32_t cell = read_number(page + INNER_CELLS + (size_t)2 * i, 2);
        if (cell + 4 <= (uint32_t)size)
            want(read_number(page + cell, 4), size);
    }
    want(read_number(page + LAST_BELOW, 4), size);
    return code;
}

static sqlite3_file *file_of(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    return code == SQLITE_OK && file && file->pMethods ? file : NULL;
}

void sqlite_ahead_begin(sqlite3 *db, int fd)
{
    sqlite3_file *file = file_of(db);
    if (!file || fd < 0)
        return;
    sqlite3_db_release_memory(db);
    ahead.fd = fd;
    ahead.methods = file->pMethods;
    ahead.replaced = *file->pMethods;
    ahead.replaced.xRead = read_ahead;
    file->pMethods = &ahead.replaced;
}

void sqlite_ahead_end(sqlite3 *db)
{
    sqlite3_file *file = file_of(db);
    if (file && file->pMethods == &ahead.replaced)
        file->pMethods = ahead.methods;
}
