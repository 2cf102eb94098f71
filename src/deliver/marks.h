/*
 * Marks: which letters are being sent at this moment, kept where a crash of ours leaves them.
 *
 * A file of fixed size, mapped and shared with the kernel's cache: what stands in it survives the
 * death of the process, without a sync for each letter. After a crash (a signal such as SIGSEGV;
 * not SIGKILL or a power failure, for which no letter can be blamed) the letters that were in
 * flight are counted; who was there three times is held (P4).
 */
#ifndef DELIVER_MARKS_H
#define DELIVER_MARKS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct marks;

struct mark {
    int64_t tenant, letter; /* letter 0: free */
};

/* folder/in-flight; count: how many letters at once. When after_crash, what stands in it is kept
 * for marks_co_blame, else forgotten. */
must_check int marks_open(const char *folder, unsigned count, bool after_crash,
                          struct marks **ret_marks);
void marks_close(struct marks *marks); /* NULL is fine */
/* A free place, marked; NULL when all are taken. Any thread. */
struct mark *marks_set(struct marks *marks, int64_t tenant, int64_t letter);
void marks_clear(struct marks *marks, struct mark *mark); /* NULL is fine */
/* Counts the crash for those that were in flight, and holds who has had too many. Before anything
 * is sent. Yields. */
must_check int marks_co_blame(struct marks *marks, struct store *store);

#endif
