/* COPY, MOVE and their UID forms (RFC 9051 6.4.7, RFC 6851), answered with COPYUID (RFC 4315). */
#include "imap/session.h"

#include "base/log.h"

#include <errno.h>

/* What COPYUID says: UIDs there before and after, pair by pair. */
struct pairs {
    struct buffer from, to;
    struct imap_set_writer from_writer, to_writer;
};

static int note_pairs(struct pairs *pairs, const struct box_copying *c)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->count; i++) {
        if (c->target_uids[i] == 0)
            continue;
        rc = imap_set_add(&pairs->from_writer, (uint32_t)c->uids[i], &pairs->from);
        if (rc == 0)
            rc = imap_set_add(&pairs->to_writer, (uint32_t)c->target_uids[i], &pairs->to);
    }
    return rc;
}

/* --- all or nothing -------------------------------------------------------------------------- */

struct undoing {
    int64_t tenant, mailbox;
    const int64_t *uids;
    size_t count;
};

static int undo(struct db_tx *tx, void *arg)
{
    const struct undoing *u = arg;
    return box_expunge(tx, u->tenant, u->mailbox, u->uids, u->count);
}

/* A COPY that fails leaves nothing behind (RFC 9051 6.4.7): pages that were copied go again. */
static void imap_co_undo(struct imap_session *s, int64_t target, const int64_t *made, size_t count)
{
    for (size_t at = 0; at < count; at += BOX_PAGE) {
        struct undoing u = {.tenant = s->who.tenant,
                            .mailbox = target,
                            .uids = made + at,
                            .count = count - at < BOX_PAGE ? count - at : BOX_PAGE};
        int rc = store_co_write(s->settings->store, undo, &u);
        if (rc < 0)
            log_error("imap.copies_stay", "user=%s count=%zu why=\"%s\"", s->who.login, u.count,
                      error_text(rc));
    }
}

static size_t keep_made(const struct box_copying *c, int64_t *made)
{
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->target_uids[i])
            made[count++] = c->target_uids[i];
    return count;
}

/* Many messages are many jobs: each page is copied whole, and moved whole. */
static int imap_co_copy_all(struct imap_session *s, const struct imap_uids *uids, int64_t target,
                            bool moving, struct pairs *pairs)
{
    struct box_copying *c = arena_alloc(&s->arena, sizeof *c);
    int64_t *made = arena_alloc(&s->arena, (uids->count + 1) * sizeof *made);
    struct directory_quota quota = {0};
    struct box_usage usage;
    size_t made_count = 0;
    int rc = c && made ? 0 : -ENOMEM;
    if (rc == 0 && !moving)
        rc = imap_co_read_quota(s, &quota, &usage);
    for (size_t at = 0; rc == 0 && at < uids->count; at += BOX_PAGE) {
        size_t left = uids->count - at;
        *c = (struct box_copying){.tenant = s->who.tenant,
                                  .mailbox = s->selected->id,
                                  .target = target,
                                  .uids = uids->list + at,
                                  .count = left < BOX_PAGE ? left : BOX_PAGE,
                                  .moving = moving,
                                  .quota = quota};
        rc = store_co_write(s->settings->store, box_copy, c);
        if (rc == 0) {
            made_count += keep_made(c, made + made_count);
            rc = note_pairs(pairs, c);
        }
    }
    if (rc < 0 && !moving)
        imap_co_undo(s, target, made, made_count);
    if (rc == 0)
        rc = imap_set_end(&pairs->from_writer, &pairs->from);
    return rc < 0 ? rc : imap_set_end(&pairs->to_writer, &pairs->to);
}

/* --- the answer ------------------------------------------------------------------------------ */

static int imap_co_say_pairs(struct imap_session *s, const struct box_mailbox *target,
                             const struct pairs *pairs)
{
    int rc = imap_co_printf(s, "OK [COPYUID %lld ", (long long)target->uidvalidity);
    if (rc == 0)
        rc = imap_co_say(s, buffer_span(&pairs->from));
    if (rc == 0)
        rc = imap_co_say(s, SPAN(" "));
    if (rc == 0)
        rc = imap_co_say(s, buffer_span(&pairs->to));
    return rc < 0 ? rc : imap_co_say(s, SPAN("] Done\r\n"));
}

/* MOVE says COPYUID before the EXPUNGEs, COPY with its OK (RFC 6851 4.3). */
static int imap_co_answer(struct imap_session *s, const struct box_mailbox *target, bool moving,
                          const struct pairs *pairs)
{
    int rc = 0;
    if (pairs->from.len == 0)
        return imap_co_ok(s, "Nothing to do");
    if (imap_hides(&s->hidden, "UIDPLUS"))
        return imap_co_ok(s, "Done");
    if (moving) {
        rc = imap_co_say(s, SPAN("* "));
        if (rc == 0)
            rc = imap_co_say_pairs(s, target, pairs);
        return rc < 0 ? rc : imap_co_ok(s, "Done");
    }
    rc = imap_co_sync(s, true);
    if (rc == 0)
        rc = imap_co_say(s, s->tag);
    if (rc == 0)
        rc = imap_co_say(s, SPAN(" "));
    return rc < 0 ? rc : imap_co_say_pairs(s, target, pairs);
}

static int imap_co_copy_or_move(struct imap_session *s, struct imap_parser *p, bool moving)
{
    struct pairs pairs = {.from = BUFFER((size_t)4 * 1024 * 1024),
                          .to = BUFFER((size_t)4 * 1024 * 1024)};
    struct box_mailbox target;
    struct imap_uids uids;
    struct span name;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = imap_co_parse_uids(s, p, &uids);
    if (rc < 0)
        return rc == IMAP_BAD ? rc : imap_co_fail(s, rc);
    if (imap_parse_sp(p) < 0 || (rc = imap_parse_mailbox(s, p, &name)) == IMAP_BAD ||
        !imap_at_end(p))
        return IMAP_BAD;
    if (moving && s->selected->read_only)
        return imap_co_no(s, "[READ-ONLY] The mailbox is open for reading only");
    if (rc == 0)
        rc = box_co_open(s->settings->store, s->who.tenant, s->who.user, name, &target);
    if (rc == ERR_ABSENT)
        return imap_co_no(s, "[TRYCREATE] There is no such mailbox");
    if (rc == 0)
        rc = imap_co_copy_all(s, &uids, target.id, moving, &pairs);
    rc = rc < 0 ? imap_co_fail(s, rc) : imap_co_answer(s, &target, moving, &pairs);
    buffer_free(&pairs.from);
    buffer_free(&pairs.to);
    return rc;
}

int imap_co_copy(struct imap_session *s, struct imap_parser *p)
{
    return imap_co_copy_or_move(s, p, false);
}

int imap_co_move(struct imap_session *s, struct imap_parser *p)
{
    return imap_co_copy_or_move(s, p, true);
}
