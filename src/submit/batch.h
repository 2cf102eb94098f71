/*
 * Batches of scheduled sends: a name that letters carry, so that they can be paused and cancelled
 * together before they leave (SendGrid's batch_id; ours).
 */
#ifndef SUBMIT_BATCH_H
#define SUBMIT_BATCH_H

#include "base/arena.h"
#include "store/db.h"

#define BATCH_ID_MAX 64
#define BATCH_HELD   "its batch is paused" /* why letters of a paused one are held */

enum batch_state {
    BATCH_OPEN,
    BATCH_PAUSED,    /* letters are held until it is opened again */
    BATCH_CANCELLED, /* letters are dropped */
};
struct batch {
    struct span id;
    enum batch_state state;
    int64_t created_ms;
};

/* A state says what becomes of letters that are sent into the batch from now on. Those that are in
 * the queue already are held, released or dropped by whoever changes it, afterwards
 * (deliver/steer.h). */

/* Writes a new id (opaque, BASE64URL letters) into the arena. Yields. */
must_check int batch_co_make(struct store *store, int64_t tenant, struct arena *arena,
                             struct span *ret_id);
/* ERR_ABSENT: nobody made it. Yield. */
must_check int batch_co_find(struct store *store, int64_t tenant, struct span id,
                             struct arena *arena, struct batch *ret_batch);
must_check int batch_co_set(struct store *store, int64_t tenant, struct span id,
                            enum batch_state state);
/* All that are not open, the newest first; at most 256. Yields. */
must_check int batch_co_list(struct store *store, int64_t tenant, struct arena *arena,
                             struct batch **ret_list, size_t *ret_count);
/* In a job: ERR_ABSENT, or 0 with the state. */
must_check int batch_read(struct db_tx *tx, int64_t tenant, struct span id,
                          enum batch_state *ret_state);

#endif
