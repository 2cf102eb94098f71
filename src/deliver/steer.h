/*
 * Steering what waits in the queue, many rows at once: for operators (postamt queue), and for
 * applications that pause and cancel what they have scheduled.
 *
 * It goes page by page in order of recipients' ids, one commit a page, so that a long queue holds
 * nobody up; who delivers is told after each commit. What comes into the queue meanwhile may be
 * seen or not. An error leaves the pages before it done; the same call can be made again.
 */
#ifndef DELIVER_STEER_H
#define DELIVER_STEER_H

#include "deliver/deliver.h"
#include "deliver/settle.h"
#include "submit/batch.h"

enum steer_kind {
    STEER_RETRY,   /* due now, no longer held */
    STEER_HOLD,    /* until released */
    STEER_RELEASE, /* no longer held, due as it was */
    STEER_DROP,    /* its end, with the notice that an end has */
};

struct steering {
    struct settler settler;
    struct deliver *deliver; /* NULL: the door tells */
    struct queue_selector selector;
    enum steer_kind kind;
    struct span reason; /* hold: why; drop: words with an enhanced code in front (RFC 3463) */
    bool quiet;         /* drop: no notice to the sender */
    /* What others hold stays as it is: hold passes over it, release takes what is held for this
     * reason. */
    bool own;
};
/* Writes how many recipients changed, also before an error. Yields. */
must_check int steer_co_run(const struct steering *steering, size_t *ret_changed);

/* A batch's new state, and what becomes of its letters that wait: held, released, dropped.
 * ERR_ABSENT: no such batch. Yields. */
must_check int steer_co_batch(const struct settler *settler, struct deliver *deliver,
                              int64_t tenant, struct span batch, enum batch_state state);

#endif
