/*
 * The data folder's lock: one server, or one verb without a server, at a time.
 *
 * A lock of the kernel (flock) on DIR/lock, so that it goes when its holder dies; the file holds
 * the holder's process id.
 */
#ifndef CTL_LOCK_H
#define CTL_LOCK_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

/* Tries for so long; a descriptor to keep open, or -EWOULDBLOCK with the holder's id (0: unknown),
 * or another error. Blocking. */
must_check int lock_take(const char *folder, int64_t wait_ms, pid_t *ret_holder);

#endif
