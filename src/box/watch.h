/*
 * Who looks at a mailbox hears that it changed.
 *
 * A session opens a watch on the mailbox it has selected. Every commit that changes the mailbox
 * turns the watch's number on, so that a session knows without reading the store that there is no
 * news; a session that waits (IDLE) is woken. Changes are announced by the box's own write jobs
 * (db_on_commit). One process: sessions of other nodes are told by other means.
 */
#ifndef BOX_WATCH_H
#define BOX_WATCH_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct box_watch;
struct stream;

/* st: the session's, on the running loop; interrupted (stream_interrupt) while armed. -ENOMEM. */
must_check int box_watch_open(int64_t mailbox, struct stream *st, struct box_watch **ret_watch);
void box_watch_close(struct box_watch *watch); /* NULL is fine */
/* Has there been a commit since box_watch_reading? True for a new watch. */
bool box_watch_has_news(const struct box_watch *watch);
/* What is committed up to now will be read by what follows. */
void box_watch_reading(struct box_watch *watch);
/* That reading failed: there is news still. */
void box_watch_missed(struct box_watch *watch);
/* While armed, news interrupt the stream's wait for input. */
void box_watch_arm(struct box_watch *watch, bool armed);

/* In a write job: tells the watchers after the commit. */
struct db_tx;
must_check int box_watch_announce(struct db_tx *tx, int64_t mailbox);

#endif
