/*
 * A view: which UIDs a session has been told of, in order; a message number is a place in it
 * (RFC 9051 2.3.1.2).
 *
 * Pure. UIDs come in runs, so a mailbox from which little was taken costs a few bytes.
 */
#ifndef IMAP_VIEW_H
#define IMAP_VIEW_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct view_run {
    uint32_t uid, count, number; /* of the first; how many; message number of the first */
};
struct view {
    struct view_run *runs;
    size_t count, room;
    uint32_t messages;
};

void view_free(struct view *v);
/* Adds one above all others. -ENOMEM. */
must_check int view_add(struct view *v, uint32_t uid);
/* Puts one in wherever it belongs; nothing when it is there. */
must_check int view_insert(struct view *v, uint32_t uid);
/* Takes one out: its message number at that moment, 0 when it is not there; -ENOMEM. */
must_check int64_t view_remove(struct view *v, uint32_t uid);
uint32_t view_number(const struct view *v, uint32_t uid); /* 0: not there */
uint32_t view_uid(const struct view *v, uint32_t number); /* 0: no such number */
uint32_t view_highest(const struct view *v);              /* the last UID; 0 in an empty view */
/* The lowest UID >= uid; 0: none. */
uint32_t view_next(const struct view *v, uint32_t uid);
/* The lowest UID >= uid that is not there, whether it ever was or not; 0: all are, to the end. */
uint32_t view_next_absent(const struct view *v, uint32_t uid);

#endif
