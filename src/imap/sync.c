/*
 * The session and its mailbox: what others changed, and message numbers (RFC 9051 5.2, 7.5.1).
 *
 * The watch says whether there has been a commit at all; if not, nothing is read. What happened is
 * read page by page in the order of MODSEQs. A message that went while the client may not be told
 * (during FETCH, STORE, SEARCH) keeps its number until it may.
 */
#include "imap/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- loading the view ------------------------------------------------------------------------ */

static int imap_co_load_present(struct imap_session *s)
{
    struct imap_selected *m = s->selected;
    int64_t after = 0;
    size_t count;
    do {
        AUTO_ARENA arena = ARENA((size_t)1024 * 1024);
        uint32_t *uids;
        int rc = box_co_uids(s->settings->store, s->who.tenant, m->id, after, m->uidnext - 1,
                             &arena, &uids, &count);
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = view_add(&m->view, uids[i]);
        if (rc < 0)
            return rc;
        if (count)
            after = uids[count - 1];
    } while (count == BOX_UIDS_PAGE);
    return 0;
}

/* What went since the client was told is still in its numbers. */
static int imap_co_load_gone(struct imap_session *s)
{
    struct imap_selected *m = s->selected;
    int64_t above = 0;
    size_t count;
    do {
        AUTO_ARENA arena = ARENA((size_t)64 * 1024);
        int64_t *uids;
        bool complete;
        int rc = box_co_expunged(s->settings->store, s->who.tenant, m->id, m->modseq, above,
                                 m->uidnext - 1, &arena, &uids, &count, &complete);
        if (rc == 0 && !complete)
            rc = -ESTALE;
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = view_insert(&m->view, (uint32_t)uids[i]);
        if (rc < 0)
            return rc;
        if (count)
            above = uids[count - 1];
    } while (count == BOX_PAGE);
    return 0;
}

/* The session cannot be told what happened. */
static int imap_co_leave(struct imap_session *s, int why)
{
    struct span text = why == ERR_ABSENT     ? SPAN("* BYE The mailbox has been removed\r\n")
                       : why == IMAP_RENAMED ? SPAN("* BYE INBOX is another mailbox now\r\n")
                                             : SPAN("* BYE Too much is forgotten since\r\n");
    int rc = imap_co_say(s, text);
    return rc < 0 ? rc : IMAP_END;
}

int imap_co_load(struct imap_session *s)
{
    struct imap_selected *m = s->selected;
    if (m->loaded)
        return 0;
    view_free(&m->view);
    int rc = imap_co_load_present(s);
    if (rc == 0)
        rc = imap_co_load_gone(s);
    for (size_t i = 0; rc == 0 && i < m->gone_count; i++)
        rc = view_insert(&m->view, (uint32_t)m->gone[i]);
    m->loaded = rc == 0;
    return rc == -ESTALE ? imap_co_leave(s, rc) : rc;
}

/* --- telling --------------------------------------------------------------------------------- */

static int keep_gone(struct imap_selected *m, const int64_t *uids, size_t count)
{
    if (count == 0)
        return 0;
    if (m->gone_count + count > m->gone_room) {
        size_t room = 2 * (m->gone_count + count);
        int64_t *grown = realloc(m->gone, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        m->gone = grown;
        m->gone_room = room;
    }
    memcpy(m->gone + m->gone_count, uids, count * sizeof *uids);
    m->gone_count += count;
    return 0;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* VANISHED of the UIDs, sorted (RFC 7162 3.2.10). */
static int imap_co_tell_vanished(struct imap_session *s, struct span tag, const struct buffer *uids)
{
    if (uids->len == 0)
        return 0;
    int rc = imap_co_say(s, tag);
    if (rc == 0)
        rc = imap_co_say(s, buffer_span(uids));
    return rc < 0 ? rc : imap_co_say(s, SPAN("\r\n"));
}

static int imap_co_tell_gone(struct imap_session *s)
{
    struct imap_selected *m = s->selected;
    AUTO_BUFFER vanished = BUFFER((size_t)16 * 1024 * 1024);
    struct imap_set_writer writer = {0};
    int rc = 0;
    qsort(m->gone, m->gone_count, sizeof *m->gone, by_value);
    for (size_t i = 0; rc == 0 && i < m->gone_count; i++) {
        int64_t number = view_remove(&m->view, (uint32_t)m->gone[i]);
        if (number <= 0) {
            rc = (int)number;
            continue; /* it came and went before the client heard of it */
        }
        m->messages--;
        rc = s->qresync ? imap_set_add(&writer, (uint32_t)m->gone[i], &vanished)
                        : imap_co_printf(s, "* %d EXPUNGE\r\n", (int)number);
    }
    m->gone_count = 0;
    if (rc == 0 && s->qresync)
        rc = imap_set_end(&writer, &vanished);
    return rc < 0 ? rc : imap_co_tell_vanished(s, SPAN("* VANISHED "), &vanished);
}

bool imap_uid_is_known(const struct imap_set *known, uint32_t uid)
{
    return known->count == 0 || imap_set_has(known, uid);
}

/* The UIDs of a range that are not there: gap after gap. */
static int write_absent_of(const struct imap_selected *m, struct imap_range range,
                           struct imap_set_writer *writer, struct buffer *uids)
{
    uint32_t last = (uint32_t)(m->uidnext - 1), uid = range.first;
    last = range.last < last ? range.last : last;
    int rc = 0;
    while (rc == 0 && uid && (uid = view_next_absent(&m->view, uid)) && uid <= last) {
        uint32_t next = view_next(&m->view, uid);
        rc = imap_set_add_range(writer, uid, next && next <= last ? next - 1 : last, uids);
        uid = next;
    }
    return rc;
}

/* Without a memory: all that the client may know and that are not there. */
static int write_absent(const struct imap_selected *m, const struct imap_set *known,
                        struct imap_set_writer *writer, struct buffer *uids)
{
    int rc =
        known->count ? 0 : write_absent_of(m, (struct imap_range){1, UINT32_MAX}, writer, uids);
    for (size_t i = 0; rc == 0 && i < known->count; i++)
        rc = write_absent_of(m, known->ranges[i], writer, uids);
    return rc;
}

int imap_co_tell_vanished_since(struct imap_session *s, int64_t modseq,
                                const struct imap_set *known)
{
    struct imap_selected *m = s->selected;
    AUTO_BUFFER uids = BUFFER((size_t)16 * 1024 * 1024);
    struct imap_set_writer writer = {0};
    int64_t above = 0, *gone;
    size_t count;
    bool complete;
    int rc = imap_co_load(s);
    if (rc < 0)
        return rc;
    do {
        AUTO_ARENA arena = ARENA((size_t)64 * 1024);
        rc = box_co_expunged(s->settings->store, s->who.tenant, m->id, modseq, above,
                             m->uidnext - 1, &arena, &gone, &count, &complete);
        /* what has a number still is told later, without EARLIER */
        for (size_t i = 0; rc == 0 && complete && i < count; i++)
            if (imap_uid_is_known(known, (uint32_t)gone[i]) &&
                view_number(&m->view, (uint32_t)gone[i]) == 0)
                rc = imap_set_add(&writer, (uint32_t)gone[i], &uids);
        above = rc == 0 && count ? gone[count - 1] : above;
    } while (rc == 0 && complete && count == BOX_PAGE);
    if (rc == 0 && !complete)
        rc = write_absent(m, known, &writer, &uids);
    if (rc == 0)
        rc = imap_set_end(&writer, &uids);
    return rc < 0 ? rc : imap_co_tell_vanished(s, SPAN("* VANISHED (EARLIER) "), &uids);
}

static int write_flag_news(const struct imap_session *s, const struct box_message *message,
                           uint32_t number, struct buffer *out)
{
    int rc = buffer_printf(out, "* %u FETCH (", number);
    if (rc == 0 && (s->uid || s->qresync || s->rev2))
        rc = buffer_printf(out, "UID %lld ", (long long)message->uid);
    if (rc == 0)
        rc = buffer_append_text(out, "FLAGS ");
    if (rc == 0)
        rc = imap_write_flags(s->selected, out, message->flags);
    if (rc == 0 && s->condstore)
        rc = buffer_printf(out, " MODSEQ (%lld)", (long long)message->modseq);
    return rc < 0 ? rc : buffer_append_text(out, ")\r\n");
}

int imap_co_tell_keywords(struct imap_session *s)
{
    struct imap_selected *m = s->selected;
    AUTO_BUFFER line = BUFFER(16384);
    struct arena names = ARENA((size_t)64 * 1024), before = m->names;
    struct keywords keywords;
    int rc = keyword_co_read(s->settings->store, s->who.tenant, m->id, &names, &keywords);
    if (rc == 0) {
        m->names = names;
        m->keywords = keywords;
    }
    arena_free(rc == 0 ? &before : &names);
    if (rc == 0)
        rc = buffer_append_text(&line, "* FLAGS ");
    if (rc == 0)
        rc = imap_write_flags(m, &line, UINT64_MAX >> 1);
    if (rc == 0)
        rc = buffer_append_text(&line, "\r\n");
    return rc < 0 ? rc : imap_co_say(s, buffer_span(&line));
}

/* Keywords may be new: the client hears of their names before it sees them. */
static int imap_co_refresh_keywords(struct imap_session *s, const struct box_news *news)
{
    uint64_t known = 0, used = 0;
    for (int bit = 0; bit < KEYWORD_END; bit++)
        known |= bit < KEYWORD_FIRST || s->selected->keywords.names[bit] ? UINT64_C(1) << bit : 0;
    for (size_t i = 0; i < news->changed_count; i++)
        used |= news->changed[i].flags;
    return used & ~known ? imap_co_tell_keywords(s) : 0;
}

static int by_uid(const void *a, const void *b)
{
    const struct box_message *x = a, *y = b;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* New messages get numbers. All at once: in the order of MODSEQs a later UID may come first. */
static int imap_co_tell_new(struct imap_session *s, int64_t uidnext)
{
    struct imap_selected *m = s->selected;
    uint32_t had = m->messages;
    size_t count = BOX_UIDS_PAGE;
    for (int64_t after = m->uidnext - 1; count == BOX_UIDS_PAGE;) {
        AUTO_ARENA arena = ARENA((size_t)64 * 1024);
        uint32_t *uids;
        int rc = box_co_uids(s->settings->store, s->who.tenant, m->id, after, uidnext - 1, &arena,
                             &uids, &count);
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = view_add(&m->view, uids[i]);
        if (rc < 0) { /* not told: the view is read again */
            m->loaded = false;
            m->messages = had;
            return rc;
        }
        if (count)
            after = uids[count - 1];
        m->messages += (uint32_t)count;
    }
    m->uidnext = uidnext;
    return m->messages == had ? 0 : imap_co_printf(s, "* %u EXISTS\r\n", m->messages);
}

/* Flags of messages that the client knew before. */
static int imap_co_tell_flags(struct imap_session *s, struct box_news *news, int64_t known)
{
    struct imap_selected *m = s->selected;
    AUTO_BUFFER out = BUFFER((size_t)4 * 1024 * 1024);
    int rc = imap_co_refresh_keywords(s, news);
    qsort(news->changed, news->changed_count, sizeof *news->changed, by_uid);
    for (size_t i = 0; rc == 0 && i < news->changed_count; i++) {
        const struct box_message *message = &news->changed[i];
        uint32_t number = message->uid < known ? view_number(&m->view, (uint32_t)message->uid) : 0;
        if (number)
            rc = write_flag_news(s, message, number, &out);
    }
    return rc < 0 ? rc : imap_co_say(s, buffer_span(&out));
}

/* A page of news. What came and went within it never had a number. */
static int imap_co_take_news(struct imap_session *s, int64_t known, bool *ret_more)
{
    struct imap_selected *m = s->selected;
    AUTO_ARENA arena = ARENA((size_t)1024 * 1024);
    struct box_news news;
    int rc = box_co_news(s->settings->store, s->who.tenant, m->id, m->modseq, &arena, &news);
    if (rc == 0 && (!news.complete || (m->inbox && !news.is_inbox)))
        rc = news.complete ? IMAP_RENAMED : -ESTALE;
    if (rc < 0)
        return rc;
    if (news.mailbox.uidnext > m->uidnext)
        rc = imap_co_tell_new(s, news.mailbox.uidnext);
    if (rc == 0)
        rc = imap_co_tell_flags(s, &news, known);
    if (rc == 0)
        rc = keep_gone(m, news.gone, news.gone_count);
    if (rc == 0)
        m->modseq = news.modseq;
    *ret_more = news.more;
    return rc;
}

static int imap_co_read_news(struct imap_session *s)
{
    struct imap_selected *m = s->selected;
    int64_t known = m->uidnext;
    bool more = true;
    box_watch_reading(m->watch);
    int rc = imap_co_load(s);
    while (rc == 0 && more)
        rc = imap_co_take_news(s, known, &more);
    return rc == ERR_ABSENT || rc == -ESTALE || rc == IMAP_RENAMED ? imap_co_leave(s, rc) : rc;
}

/* What cannot be read now is told another time: what the command did is done. */
int imap_co_sync(struct imap_session *s, bool expunges)
{
    struct imap_selected *m = s->selected;
    int rc = 0;
    if (m && box_watch_has_news(m->watch))
        rc = imap_co_read_news(s);
    if (rc == 0 && m && expunges && m->gone_count) {
        rc = imap_co_load(s);
        if (rc == 0)
            rc = imap_co_tell_gone(s);
    }
    if (rc != ERR_STORE && rc != ERR_FULL)
        return rc;
    box_watch_missed(m->watch);
    return 0;
}

void imap_own_change(struct imap_session *s, int64_t modseq)
{
    struct imap_selected *m = s->selected;
    if (m && modseq == m->modseq + 1)
        m->modseq = modseq;
}
