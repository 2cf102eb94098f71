/*
 * Blobs: immutable bodies, counted by reference, stored once whatever the number of recipients.
 *
 * Up to 64 KiB live in the database, in the row; larger ones stream to a file below blobs/ that is
 * synced, with its folder, before the commit that names it. A body in flight is a blob_writer: it
 * takes memory from the store's budget (ERR_FULL beyond it: 452) and is put in a write job.
 * Files that no row names (a crash before the commit) are swept at start; files whose last
 * reference went are unlinked after the commit that says so.
 */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include "base/buffer.h"
#include "store/db.h"

#define BLOB_INLINE_MAX ((size_t)64 * 1024)

extern const struct db_schema blob_schema;

struct blob_writer;

/* expected: bytes that will come, if somebody has said so; 0 if not. */
must_check int blob_writer_open(struct store *store, uint64_t expected,
                                struct blob_writer **ret_writer);
/* 0, ERR_FULL (budget), -ENOSPC, -EIO. Yields only when it has to touch the file. */
must_check int blob_co_append(struct blob_writer *w, struct span bytes);
/* All bytes are in: file and folder are synced. Afterwards blob_put may be called. */
must_check int blob_co_finish(struct blob_writer *w);
uint64_t blob_writer_size(const struct blob_writer *w);
/* Appends all its bytes to out; after blob_co_finish. Yields. */
must_check int blob_co_writer_read(struct blob_writer *w, struct buffer *out);
/* Calls use with all its bytes and returns its result; after blob_co_finish. Bytes in a file are
 * read in the disk lane, where use runs too: it is pure and may take its time. Yields. */
typedef int blob_use(struct span bytes, void *arg);
must_check int blob_co_writer_use(struct blob_writer *w, blob_use *use, void *arg);
/* The write job that put it has been committed: its file stays. */
void blob_writer_committed(struct blob_writer *w);
/* Gives back memory; a file that was never committed is removed. NULL is fine. */
void blob_co_writer_free(struct blob_writer *w);

/* In a write job: makes the row with so many references. May be called for several tenants (each
 * gets its own row and, for files, its own hard link). Repeatable, as jobs are. */
must_check int blob_put(struct db_tx *tx, struct blob_writer *w, int64_t tenant,
                        uint32_t references, int64_t *ret_blob);
/* In a write job: adds (or takes, when negative) references; at zero the row goes. */
must_check int blob_reference(struct db_tx *tx, int64_t tenant, int64_t blob, int32_t change);
/* Appends bytes [offset, offset + max) to out. ERR_ABSENT when there is no such blob. */
must_check int blob_co_read(struct store *store, int64_t tenant, int64_t blob, uint64_t offset,
                            size_t max, struct buffer *out);
/* Calls use with all bytes of a stored blob, as blob_co_writer_use does. ERR_ABSENT; -EFBIG: it is
 * larger than max. */
must_check int blob_co_use(struct store *store, int64_t tenant, int64_t blob, size_t max,
                           blob_use *use, void *arg);
/* Appends the bytes of several whole blobs that are kept in rows, in their order, in one read; at
 * most 256. Those that are absent or in a file are told by in_row. */
struct blob_row {
    int64_t blob;
    bool in_row;
    size_t begin, end; /* in out */
};
must_check int blob_co_read_rows(struct store *store, int64_t tenant, struct blob_row *rows,
                                 size_t count, struct buffer *out);
/* Unlinks files whose last reference went, and, the first time, orphans: call it at start and from
 * time to time. */
must_check int blob_co_sweep(struct store *store);

#endif
