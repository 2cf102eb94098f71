/*
 * Steering the queue: what an operator, an API or a batch does to all recipients that a selector
 * names, a page at a time: try now, hold, release, drop.
 *
 * Rows are changed in the store first; then who delivers is told. Many pages are many commits: a
 * failure in between leaves those done that were counted.
 */
#ifndef DELIVER_STEER_H
#define DELIVER_STEER_H

#include "deliver/deliver.h"
#include "submit/batch.h"

enum steer_action {
    STEER_RETRY,   /* due now, also what is held; sites that rest do not */
    STEER_HOLD,    /* until it is released */
    STEER_RELEASE, /* due again: now, or when it was first to go */
    STEER_DROP,    /* leaves the queue, with an event and a notice to a verified sender */
};
struct steer {
    const struct submit_door *door;
    struct deliver *deliver; /* NULL: no server runs, the door announces */
    const char *hostname;    /* ours, for notices */
    enum steer_action action;
    struct span reason; /* hold: shown in the queue; drop: told in the log; may be empty */
    struct span held;   /* release: only what is held for this reason; empty: for any */
    bool quiet;         /* drop: no notice to the sender */
};

/* Count of the recipients that were steered in *ret_count, also after an error of the store.
 * Yields. */
must_check int steer_co_run(const struct steer *steer, const struct queue_selector *selector,
                            size_t *ret_count);

/* A batch's new state, and what becomes of its letters that wait: held, released, dropped. action,
 * reason and held of steer are not looked at. ERR_ABSENT: no such batch. Yields. */
must_check int steer_co_batch(const struct steer *steer, int64_t tenant, struct span batch,
                              enum batch_state state);

#endif
