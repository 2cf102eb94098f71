/* STORE and UID STORE (RFC 9051 6.4.6, conditional: RFC 7162 3.1.3). */
#include "imap/session.h"

#include <errno.h>
#include <string.h>

struct storing {
    struct imap_uids uids;
    enum { REPLACE, ADD, REMOVE } how;
    bool silent, conditional;
    int64_t unchanged;
    uint64_t flags;
};

/* "(UNCHANGEDSINCE n) " */
static int parse_modifiers(struct imap_session *s, struct imap_parser *p, struct storing *st)
{
    uint64_t modseq;
    st->unchanged = INT64_MAX;
    if (!imap_take(p, '('))
        return 0;
    if (!imap_take_word(p, "UNCHANGEDSINCE") || imap_parse_sp(p) < 0 ||
        imap_parse_number(p, &modseq) < 0 || !imap_take(p, ')') || imap_parse_sp(p) < 0)
        return IMAP_BAD;
    st->conditional = true;
    st->unchanged = (int64_t)modseq;
    s->condstore = true;
    return 0;
}

static int imap_co_parse(struct imap_session *s, struct imap_parser *p, struct storing *st)
{
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = imap_co_parse_uids(s, p, &st->uids);
    if (rc < 0)
        return rc;
    if (imap_parse_sp(p) < 0 || parse_modifiers(s, p, st) < 0)
        return IMAP_BAD;
    st->how = imap_take(p, '+') ? ADD : imap_take(p, '-') ? REMOVE : REPLACE;
    st->silent = imap_take_word(p, "FLAGS.SILENT");
    if ((!st->silent && !imap_take_word(p, "FLAGS")) || imap_parse_sp(p) < 0)
        return IMAP_BAD;
    if (s->selected->read_only)
        return ERR_DENIED;
    rc = imap_co_parse_flags(s, p, s->selected->id, &st->flags);
    if (rc != IMAP_BAD && !imap_at_end(p))
        return IMAP_BAD;
    return rc;
}

static int write_outcome(const struct imap_session *s, const struct storing *st,
                         const struct box_flagging *f, size_t i, struct buffer *out)
{
    uint32_t number = view_number(&s->selected->view, (uint32_t)f->uids[i]);
    int rc = buffer_printf(out, "* %u FETCH (", number);
    if (rc == 0 && (s->uid || s->qresync || s->rev2))
        rc = buffer_printf(out, "UID %lld ", (long long)f->uids[i]);
    if (rc == 0 && !st->silent) {
        rc = buffer_append_text(out, "FLAGS ");
        if (rc == 0)
            rc = imap_write_flags(s->selected, out, f->flags[i]);
        if (rc == 0 && s->condstore)
            rc = buffer_append_byte(out, ' ');
    }
    if (rc == 0 && s->condstore)
        rc = buffer_printf(out, "MODSEQ (%lld)", (long long)f->modseq[i]);
    return rc < 0 ? rc : buffer_append_text(out, ")\r\n");
}

/* Answers of one page of the set; UIDs that were not changed go to modified. */
static int imap_co_answer(struct imap_session *s, const struct storing *st,
                          const struct box_flagging *f, struct imap_set_writer *writer,
                          struct buffer *modified)
{
    AUTO_BUFFER out = BUFFER((size_t)1024 * 1024);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->count; i++) {
        bool wanted = !st->silent || (s->condstore && f->outcome[i] == BOX_CHANGED);
        if (f->outcome[i] == BOX_MODIFIED)
            rc = imap_set_add(writer,
                              s->uid ? (uint32_t)f->uids[i]
                                     : view_number(&s->selected->view, (uint32_t)f->uids[i]),
                              modified);
        if (rc == 0 && f->outcome[i] == BOX_CHANGED)
            imap_own_change(s, f->modseq[i]);
        if (rc == 0 && wanted && f->outcome[i] != BOX_GONE && f->outcome[i] != BOX_MODIFIED)
            rc = write_outcome(s, st, f, i, &out);
    }
    return rc < 0 ? rc : imap_co_say(s, buffer_span(&out));
}

static void fill(const struct storing *st, struct box_flagging *f)
{
    f->unchanged = st->unchanged;
    f->set = st->how == REMOVE ? 0 : st->flags;
    f->clear = st->how == ADD ? 0 : st->how == REMOVE ? st->flags : UINT64_MAX;
}

/* Some pages in one commit. */
struct batch {
    struct box_flagging pages[8];
    size_t count;
};
#define BATCH_PAGES (sizeof((struct batch *)0)->pages / sizeof(struct box_flagging))

static int set_flags(struct db_tx *tx, void *arg)
{
    struct batch *batch = arg;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < batch->count; i++)
        rc = box_set_flags(tx, &batch->pages[i]);
    return rc;
}

/* Takes the next pages of the set; *at moves behind them. */
static void gather(const struct imap_session *s, const struct storing *st, size_t *at,
                   struct batch *batch)
{
    for (batch->count = 0; *at < st->uids.count && batch->count < BATCH_PAGES; batch->count++) {
        size_t left = st->uids.count - *at;
        struct box_flagging *f = &batch->pages[batch->count];
        *f = (struct box_flagging){.tenant = s->who.tenant,
                                   .mailbox = s->selected->id,
                                   .uids = st->uids.list + *at,
                                   .count = left < BOX_PAGE ? left : BOX_PAGE};
        fill(st, f);
        *at += f->count;
    }
}

static int imap_co_apply(struct imap_session *s, const struct storing *st, struct buffer *modified)
{
    struct batch *batch = arena_alloc(&s->arena, sizeof *batch);
    struct imap_set_writer writer = {0};
    int rc = batch ? 0 : -ENOMEM;
    for (size_t at = 0; rc == 0 && at < st->uids.count;) {
        gather(s, st, &at, batch);
        rc = store_co_write(s->settings->store, set_flags, batch);
        for (size_t i = 0; rc == 0 && i < batch->count; i++)
            rc = imap_co_answer(s, st, &batch->pages[i], &writer, modified);
    }
    return rc < 0 ? rc : imap_set_end(&writer, modified);
}

/* A keyword that is new in the mailbox is told before flags that hold it. */
static int imap_co_know_keywords(struct imap_session *s, uint64_t flags)
{
    bool known = true;
    for (int bit = KEYWORD_FIRST; bit < KEYWORD_END; bit++)
        known = known && (!(flags & UINT64_C(1) << bit) || s->selected->keywords.names[bit]);
    return known ? 0 : imap_co_tell_keywords(s);
}

int imap_co_store(struct imap_session *s, struct imap_parser *p)
{
    AUTO_BUFFER modified = BUFFER((size_t)1024 * 1024), text = BUFFER((size_t)2 * 1024 * 1024);
    struct storing st = {0};
    int rc = imap_co_parse(s, p, &st);
    if (rc == ERR_DENIED)
        return imap_co_no(s, "[READ-ONLY] The mailbox is open for reading only");
    if (rc == ERR_FULL)
        return imap_co_no(s, "[LIMIT] This mailbox has as many keywords as it can");
    if (rc == 0)
        rc = imap_co_know_keywords(s, st.flags);
    if (rc == 0)
        rc = imap_co_apply(s, &st, &modified);
    if (rc < 0)
        return imap_co_fail(s, rc);
    if (modified.len == 0)
        return imap_co_ok_keep(s, "Done");
    rc = buffer_append_text(&text, "[MODIFIED ");
    if (rc == 0)
        rc = buffer_append(&text, buffer_span(&modified));
    if (rc == 0)
        rc = buffer_append_text(&text, "] Some had changed");
    rc = rc == 0 ? imap_co_sync(s, false) : rc;
    if (rc == 0)
        rc = imap_co_say(s, s->tag);
    if (rc == 0)
        rc = imap_co_say(s, SPAN(" OK "));
    if (rc == 0)
        rc = imap_co_say(s, buffer_span(&text));
    return rc < 0 ? rc : imap_co_say(s, SPAN("\r\n"));
}
