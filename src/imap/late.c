/* What messages came without; see late.h. */
#include "imap/late.h"

#include "box/summary.h"

#include <errno.h>
#include <stdlib.h>

#define BATCH_MAX    64 /* messages kept by one commit */
#define BATCH_OCTETS ((size_t)4 * 1024 * 1024)

/* Summaries that were made and not kept yet. */
struct batch {
    struct imap_session *s;
    struct summary made[BATCH_MAX];
    struct box_message shown[BATCH_MAX];
    size_t count, octets;
};

static bool is_complete(const struct box_message *m, unsigned want)
{
    return !((want & LATE_WANT_THREAD && m->thread == 0) ||
             (want & BOX_WANT_ENVELOPE && m->envelope.len == 0) ||
             (want & BOX_WANT_STRUCTURE && m->structure.len == 0) ||
             (want & BOX_WANT_PREVIEW && !m->preview.at) || (want & BOX_WANT_IDS && !m->ids.at));
}

bool late_is_missing(const struct box_message *messages, size_t count, unsigned want)
{
    for (size_t i = 0; i < count; i++)
        if (!is_complete(&messages[i], want))
            return true;
    return false;
}

static int keep_all(struct db_tx *tx, void *arg)
{
    const struct batch *b = arg;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->count; i++)
        rc = box_summarise(tx, b->s->who.tenant, b->s->selected->id, &b->shown[i]);
    return rc;
}

/* Where that fails they are made again next time. */
static void imap_co_keep(struct batch *b)
{
    if (b->count)
        (void)!store_co_write(b->s->settings->store, keep_all, b);
    for (size_t i = 0; i < b->count; i++)
        summary_free(&b->made[i]);
    b->count = b->octets = 0;
}

static int imap_co_make(struct batch *b, const struct box_message *m)
{
    struct summary *made = &b->made[b->count];
    int rc = summary_co_make_stored(b->s->settings->store, b->s->who.tenant, m->blob, made);
    if (rc < 0) {
        summary_free(made);
        return rc;
    }
    struct box_message *shown = &b->shown[b->count++];
    *shown = *m;
    summary_show(made, shown);
    if (shown->thread == 0)
        shown->thread = summary_thread_alone(m->origin);
    b->octets += made->envelope.len + made->structure.len;
    return 0;
}

/* What is wanted and missing, from what was made. */
static int take(const struct box_message *made, unsigned want, struct arena *arena,
                struct box_message *m)
{
    const struct {
        unsigned want;
        struct span from, *to;
    } spans[] = {{BOX_WANT_ENVELOPE, made->envelope, &m->envelope},
                 {BOX_WANT_STRUCTURE, made->structure, &m->structure},
                 {BOX_WANT_PREVIEW, made->preview, &m->preview},
                 {BOX_WANT_IDS, made->ids, &m->ids}};
    if (m->thread == 0)
        m->thread = made->thread;
    for (unsigned i = 0; i < sizeof spans / sizeof *spans; i++) {
        if (!(want & spans[i].want) || spans[i].to->len)
            continue;
        *spans[i].to = arena_copy(arena, spans[i].from);
        if (!spans[i].to->at)
            return -ENOMEM;
    }
    return 0;
}

/* ERR_ABSENT: it is gone. */
static int imap_co_complete_one(struct batch *b, unsigned want, struct arena *arena,
                                struct box_message *m)
{
    int rc = imap_co_make(b, m);
    if (rc == 0)
        rc = take(&b->shown[b->count - 1], want, arena, m);
    if (b->count == BATCH_MAX || b->octets > BATCH_OCTETS)
        imap_co_keep(b);
    int paused = rc == 0 ? co_pause() : 0;
    return paused < 0 ? paused : rc;
}

int imap_co_complete(struct imap_session *s, struct box_message *messages, size_t *count,
                     unsigned want, struct arena *arena)
{
    struct batch *b = NULL;
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < *count; i++) {
        if (!is_complete(&messages[i], want)) {
            if (!b && !(b = arena_zero(arena, sizeof *b)))
                return -ENOMEM;
            b->s = s;
            rc = imap_co_complete_one(b, want, arena, &messages[i]);
        }
        if (rc == 0)
            messages[kept++] = messages[i];
        if (rc == ERR_ABSENT)
            rc = 0;
    }
    if (b)
        imap_co_keep(b);
    *count = kept;
    return rc;
}

/* --- many ------------------------------------------------------------------------------------ */

int imap_co_complete_uids(struct imap_session *s, const uint32_t *uids, size_t count, unsigned want)
{
    int rc = 0;
    for (size_t at = 0, run; rc == 0 && at < count; at += run) {
        AUTO_ARENA arena = ARENA((size_t)256 * 1024 * 1024);
        struct box_message *messages;
        size_t found;
        for (run = 1; run < BOX_PAGE && at + run < count && uids[at + run] - uids[at] < BOX_PAGE;)
            run++;
        rc = box_co_page(s->settings->store, s->who.tenant, s->selected->id, uids[at],
                         uids[at + run - 1], want & ~LATE_WANT_THREAD, &arena, &messages, &found);
        if (rc == 0)
            rc = imap_co_complete(s, messages, &found, want, &arena);
    }
    return rc;
}

int late_note(struct late *late, const struct box_message *message)
{
    if (late->given_up || is_complete(message, late->want))
        return 0;
    if (late->count == late->room) {
        size_t room = late->room ? 2 * late->room : 64;
        uint32_t *uids = realloc(late->uids, room * sizeof *uids);
        if (!uids)
            return -ENOMEM;
        late->uids = uids;
        late->room = room;
    }
    late->uids[late->count++] = (uint32_t)message->uid;
    return 1;
}

int imap_co_scan_complete(struct imap_session *s, db_job *job, void *arg, struct late *late)
{
    int rc = store_co_scan(s->settings->store, job, arg);
    if (rc < 0 || late->count == 0)
        return rc;
    rc = imap_co_complete_uids(s, late->uids, late->count, late->want);
    late->count = 0;
    late->given_up = true; /* on a full disk nothing is kept, and the answer does without */
    return rc < 0 ? rc : store_co_scan(s->settings->store, job, arg);
}
