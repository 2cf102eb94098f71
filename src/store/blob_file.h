/*
 * Files of large blobs: FOLDER/blobs/XX/ID. Blocking calls, for the disk lane and write jobs; only
 * the store includes this. All return 0 (or a descriptor) or a negative errno.
 */
#ifndef STORE_BLOB_FILE_H
#define STORE_BLOB_FILE_H

#include "base/buffer.h"

must_check int blob_file_create(const char *folder, int64_t id); /* a descriptor to write to */
must_check int blob_file_write(int fd, struct span bytes);
/* The file and the name of the file are on disk afterwards. */
must_check int blob_file_sync(const char *folder, int64_t id, int fd);
/* A second name for the same bytes, synced; it may be there already. */
must_check int blob_file_link(const char *folder, int64_t id, int64_t other);
must_check int blob_file_read(const char *folder, int64_t id, uint64_t offset, size_t max,
                              struct buffer *out);
void blob_file_remove(const char *folder, int64_t id);
/* Calls each for every blob file older than before (an id); a negative result ends it. */
must_check int blob_file_each(const char *folder, int64_t before,
                              int (*each)(int64_t id, void *arg), void *arg);

#endif
