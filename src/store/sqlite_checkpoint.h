/*
 * The checkpointer: copies SQLite's log into the database file beside the writer.
 *
 * Copying and syncing 64 MiB keeps the disk busy for a good part of a second, in which the writer
 * commits on. It can hardly catch up with a busy writer to the last page, as would be needed for
 * the log to start over, so it copies in passes, each shorter than the one before, and leaves the
 * small rest to the writer. Private to the SQLite engine.
 */
#ifndef STORE_SQLITE_CHECKPOINT_H
#define STORE_SQLITE_CHECKPOINT_H

#include "base/error.h"

#include <stdbool.h>

struct checkpointer;

/* Starts the thread with a connection of its own to the database at path. */
must_check int checkpointer_start(const char *path, struct checkpointer **ret_checkpointer);
void checkpointer_stop(struct checkpointer *c); /* waits for a running pass; NULL is fine */
/* In the writer, between groups: log_pages are in the log. True: what is not yet copied is little,
 * or can wait no longer; the writer copies it now and says so with checkpointer_done. */
bool checkpointer_see(struct checkpointer *c, int log_pages);
/* After the writer's own copying: pages in the log, and how many of them have been copied. */
void checkpointer_done(struct checkpointer *c, int log_pages, int copied);

#endif
