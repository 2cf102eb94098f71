/* EXPUNGE, UID EXPUNGE, CLOSE (RFC 9051 6.4.3, 6.4.9, 6.4.1). */
#include "imap/session.h"

#include <errno.h>

#define BATCH ((size_t)8 * BOX_PAGE) /* in one commit */

struct expunging {
    int64_t tenant, mailbox;
    int64_t uids[BATCH];
    size_t count;
};

static int expunge(struct db_tx *tx, void *arg)
{
    struct expunging *e = arg;
    int rc = 0;
    for (size_t at = 0, count; rc >= 0 && at < e->count; at += count) {
        count = e->count - at < BOX_PAGE ? e->count - at : BOX_PAGE;
        rc = box_expunge_deleted(tx, e->tenant, e->mailbox, e->uids + at, count);
    }
    return rc;
}

/* Takes the deleted messages of one page of the mailbox, from UID *next on, that are in the list
 * (if there is one). *next: where the next page begins, 0 at the end. */
static int imap_co_gather_page(struct imap_session *s, const struct imap_set *only, int64_t *next,
                               struct expunging *e)
{
    struct imap_selected *m = s->selected;
    AUTO_ARENA arena = ARENA((size_t)256 * 1024);
    struct box_message *messages;
    size_t count;
    int rc = box_co_page(s->settings->store, e->tenant, m->id, *next, m->uidnext - 1, BOX_WANT_FEW,
                         &arena, &messages, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        if ((messages[i].flags & BOX_DELETED) &&
            (!only || imap_set_has(only, (uint32_t)messages[i].uid)))
            e->uids[e->count++] = messages[i].uid;
    *next = count == BOX_PAGE ? messages[count - 1].uid + 1 : 0;
    return 0;
}

static int imap_co_expunge_all(struct imap_session *s, const struct imap_set *only)
{
    struct expunging *e = arena_alloc(&s->arena, sizeof *e);
    int64_t next = 1;
    int rc = e ? 0 : -ENOMEM;
    while (rc >= 0 && next) {
        *e = (struct expunging){.tenant = s->who.tenant, .mailbox = s->selected->id};
        while (rc == 0 && next && e->count <= BATCH - BOX_PAGE)
            rc = imap_co_gather_page(s, only, &next, e);
        if (rc == 0 && e->count)
            rc = store_co_write(s->settings->store, expunge, e);
        rc = rc < 0 ? rc : 0;
    }
    return rc;
}

/* Up to which MODSEQ the client has been told by now (RFC 7162 3.2.7). */
static int imap_co_ok_highest(struct imap_session *s)
{
    int rc = s->condstore ? imap_co_sync(s, true) : 0;
    if (rc < 0 || !s->condstore)
        return rc < 0 ? rc : imap_co_ok(s, "Done");
    return imap_co_printf(s, "%.*s OK [HIGHESTMODSEQ %lld] Done\r\n", SPAN_PRINT(s->tag),
                          (long long)s->selected->modseq);
}

int imap_co_expunge(struct imap_session *s, struct imap_parser *p)
{
    struct imap_set only;
    if (s->uid && (imap_parse_sp(p) < 0 ||
                   imap_parse_set(p, (uint32_t)(s->selected->uidnext - 1), &only) < 0))
        return IMAP_BAD;
    if (imap_parse_end(p) < 0)
        return IMAP_BAD;
    if (s->selected->read_only)
        return imap_co_no(s, "[READ-ONLY] The mailbox is open for reading only");
    const struct imap_set *which = s->uid ? &only : NULL;
    if (which && only.saved)
        which = &s->selected->saved;
    int rc = imap_co_expunge_all(s, which);
    return rc < 0 ? imap_co_fail(s, rc) : imap_co_ok_highest(s);
}

int imap_co_close(struct imap_session *s, struct imap_parser *p)
{
    int rc = imap_parse_end(p) < 0 ? IMAP_BAD : 0;
    if (rc == 0 && !s->selected->read_only)
        rc = imap_co_expunge_all(s, NULL);
    if (rc == IMAP_BAD)
        return rc;
    if (rc < 0)
        return imap_co_fail(s, rc);
    imap_unselect(s);
    return imap_co_ok(s, "Closed");
}
