/* Whole files, small ones: configuration, certificates, keys. Blocking; 0 or a negative errno. */
#ifndef CTL_FILES_H
#define CTL_FILES_H

#include "base/buffer.h"

#include <sys/types.h>

#define FILES_MAX ((size_t)1024 * 1024)

must_check int file_read(const char *path, struct buffer *out);
/* From a descriptor until its end. -ENOBUFS past out's cap. */
must_check int file_read_fd(int fd, struct buffer *out);
/* A new file with that mode, synced; -EEXIST when there is one. */
must_check int file_create(const char *path, mode_t mode, struct span bytes);
/* "folder/name", or name when it is absolute; -ENAMETOOLONG. */
must_check int path_join(char *path, size_t size, const char *folder, const char *name);
must_check int file_write_all(int fd, struct span bytes);

#endif
