/*
 * SELECT, EXAMINE, UNSELECT (RFC 9051 6.3.2, 6.4.2; CONDSTORE and QRESYNC, RFC 7162 3.2.5).
 *
 * Selecting reads the mailbox's row, its keywords and the quota, and its messages only where
 * QRESYNC asks what changed: message numbers are read when a command first needs them. So [UNSEEN
 * n] is not told, which would want a look at every message; clients may conclude nothing from that
 * (RFC 3501 6.3.1), and IMAP4rev2 has no more of it.
 */
#include "imap/session.h"

#include "base/id.h"
#include "mail/modified_utf7.h"

#include <errno.h>
#include <stdlib.h>

int imap_parse_mailbox(struct imap_session *s, struct imap_parser *p, struct span *ret_name)
{
    AUTO_BUFFER decoded = BUFFER(4 * BOX_NAME_MAX);
    struct span given;
    if (imap_parse_astring(p, &given) < 0)
        return IMAP_BAD;
    if (s->utf8 || s->rev2 || modified_utf7_decode(given, &decoded) < 0)
        return box_name_fold(given, &s->arena, ret_name);
    return box_name_fold(buffer_span(&decoded), &s->arena, ret_name);
}

void imap_unselect(struct imap_session *s)
{
    struct imap_selected *m = s->selected;
    if (!m)
        return;
    box_watch_close(m->watch);
    view_free(&m->view);
    arena_free(&m->names);
    free(m->gone);
    free(m->saved.ranges);
    free(m);
    s->selected = NULL;
}

/* --- the parameters of SELECT ---------------------------------------------------------------- */

/* (CONDSTORE), (QRESYNC (uidvalidity modseq [uids [(numbers uids)]])) */
struct resync {
    bool asked;
    uint32_t uidvalidity;
    int64_t modseq;
    struct imap_set known; /* count 0: all */
};

static int parse_qresync(struct imap_parser *p, struct resync *resync)
{
    struct imap_set ignored;
    uint64_t modseq;
    if (imap_parse_sp(p) < 0 || !imap_take(p, '(') ||
        imap_parse_nz_number(p, &resync->uidvalidity) < 0 || imap_parse_sp(p) < 0 ||
        imap_parse_number(p, &modseq) < 0 || modseq == 0)
        return IMAP_BAD;
    resync->asked = true;
    resync->modseq = (int64_t)modseq;
    if (imap_take(p, ')'))
        return 0;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    if (p->at < p->end && *p->at != '(' && imap_parse_set(p, UINT32_MAX, &resync->known) < 0)
        return IMAP_BAD;
    imap_take(p, ' ');
    if (imap_take(p, '(') && (imap_parse_set(p, UINT32_MAX, &ignored) < 0 || imap_parse_sp(p) < 0 ||
                              imap_parse_set(p, UINT32_MAX, &ignored) < 0 || !imap_take(p, ')')))
        return IMAP_BAD; /* the client's own numbers: what we remember suffices */
    return imap_take(p, ')') ? 0 : IMAP_BAD;
}

static int parse_parameters(struct imap_session *s, struct imap_parser *p, struct resync *resync)
{
    if (imap_at_end(p))
        return 0;
    if (imap_parse_sp(p) < 0 || !imap_take(p, '('))
        return IMAP_BAD;
    do {
        if (imap_take_word(p, "CONDSTORE"))
            s->condstore = true;
        else if (!s->qresync || !imap_take_word(p, "QRESYNC") || parse_qresync(p, resync) < 0)
            return IMAP_BAD;
    } while (imap_take(p, ' '));
    return imap_take(p, ')') ? imap_parse_end(p) : IMAP_BAD;
}

/* --- selecting ------------------------------------------------------------------------------- */

static int imap_co_open(struct imap_session *s, const struct box_mailbox *mailbox, bool read_only)
{
    struct imap_selected *m = calloc(1, sizeof *m);
    if (!m)
        return -ENOMEM;
    *m = (struct imap_selected){.id = mailbox->id,
                                .uidvalidity = mailbox->uidvalidity,
                                .read_only = read_only,
                                .inbox = span_equal(mailbox->name, SPAN(BOX_INBOX)),
                                .names = ARENA((size_t)64 * 1024)};
    int rc = box_watch_open(m->id, s->st, &m->watch);
    s->selected = m;
    if (rc == 0)
        rc = keyword_co_read(s->settings->store, s->who.tenant, m->id, &m->names, &m->keywords);
    if (rc < 0)
        imap_unselect(s);
    return rc;
}

/* The state that is told, read while the watch is open already: what is committed after the read is
 * news. The name may be another mailbox's by now. */
static int imap_co_read_state(struct imap_session *s, struct box_mailbox *mailbox)
{
    struct imap_selected *m = s->selected;
    struct span name = mailbox->name;
    box_watch_reading(m->watch);
    int rc = box_co_open(s->settings->store, s->who.tenant, s->who.user, name, mailbox);
    if (rc == 0 && mailbox->id != m->id)
        rc = ERR_ABSENT;
    m->modseq = mailbox->modseq;
    m->uidnext = mailbox->uidnext;
    m->messages = (uint32_t)mailbox->messages;
    return rc;
}

/* The mailbox in LIST's words; and the name it was given, where it has another (RFC 9051 6.3.2,
 * 6.3.9.7). Whether there are others below it is not looked up, and not said. */
static int write_name(const struct imap_session *s, const struct box_mailbox *mailbox,
                      struct span given, struct buffer *out)
{
    bool has_use = mailbox->use != BOX_USE_NONE && !imap_hides(&s->hidden, "SPECIAL-USE");
    int rc = buffer_printf(out, "* LIST (%s) \"/\" ", has_use ? box_use_names[mailbox->use] : "");
    if (rc == 0)
        rc = imap_write_mailbox(s, out, mailbox->name);
    if (rc == 0 && !span_equal(given, mailbox->name)) {
        rc = buffer_append_text(out, " (\"OLDNAME\" (");
        if (rc == 0)
            rc = imap_write_mailbox(s, out, given);
        if (rc == 0)
            rc = buffer_append_text(out, "))");
    }
    return rc < 0 ? rc : buffer_append_text(out, "\r\n");
}

static int write_state(const struct imap_session *s, const struct box_mailbox *mailbox,
                       struct span given, struct buffer *out)
{
    const struct imap_selected *m = s->selected;
    int rc = buffer_printf(out, "* %llu EXISTS\r\n", (unsigned long long)mailbox->messages);
    if (rc == 0 && !s->rev2)
        rc = buffer_append_text(out, "* 0 RECENT\r\n");
    if (rc == 0)
        rc = buffer_append_text(out, "* FLAGS ");
    if (rc == 0)
        rc = imap_write_flags(m, out, UINT64_MAX >> 1);
    if (rc == 0)
        rc = buffer_append_text(out, "\r\n* OK [PERMANENTFLAGS ");
    if (rc == 0)
        rc = imap_write_flags(m, out, m->read_only ? 0 : UINT64_MAX >> 1);
    if (rc == 0 && !m->read_only) {
        out->len--;
        rc = buffer_append_text(out, " \\*)");
    }
    if (rc == 0)
        rc = buffer_printf(
            out, "] Kept\r\n* OK [UIDVALIDITY %lld] Valid\r\n* OK [UIDNEXT %lld] Next\r\n",
            (long long)mailbox->uidvalidity, (long long)mailbox->uidnext);
    if (rc == 0 && !imap_hides(&s->hidden, "CONDSTORE"))
        rc =
            buffer_printf(out, "* OK [HIGHESTMODSEQ %lld] Highest\r\n", (long long)mailbox->modseq);
    if (rc == 0 && !imap_hides(&s->hidden, "OBJECTID"))
        rc = buffer_printf(out, "* OK [MAILBOXID (F%s)] Its id\r\n",
                           id_text(mailbox->id, (char[ID_TEXT]){0}));
    return rc == 0 && s->rev2 ? write_name(s, mailbox, given, out) : rc;
}

/* --- QRESYNC --------------------------------------------------------------------------------- */

static int imap_co_tell_flags_of(struct imap_session *s, const struct box_news *news,
                                 const struct resync *resync)
{
    struct imap_selected *m = s->selected;
    AUTO_BUFFER out = BUFFER((size_t)4 * 1024 * 1024);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < news->changed_count; i++) {
        const struct box_message *message = &news->changed[i];
        uint32_t number = view_number(&m->view, (uint32_t)message->uid);
        if (!number || !imap_uid_is_known(&resync->known, (uint32_t)message->uid))
            continue;
        rc = buffer_printf(&out, "* %u FETCH (UID %lld FLAGS ", number, (long long)message->uid);
        if (rc == 0)
            rc = imap_write_flags(m, &out, message->flags);
        if (rc == 0)
            rc = buffer_printf(&out, " MODSEQ (%lld))\r\n", (long long)message->modseq);
    }
    return rc < 0 ? rc : imap_co_say(s, buffer_span(&out));
}

static int imap_co_resync(struct imap_session *s, const struct resync *resync)
{
    struct imap_selected *m = s->selected;
    struct box_news news = {.modseq = resync->modseq, .more = true};
    if (!resync->asked || resync->uidvalidity != (uint64_t)m->uidvalidity)
        return 0;
    int rc = imap_co_load(s);
    if (rc == 0)
        rc = imap_co_tell_vanished_since(s, resync->modseq, &resync->known);
    while (rc == 0 && news.more && news.modseq < m->modseq) {
        AUTO_ARENA arena = ARENA((size_t)1024 * 1024);
        rc = box_co_news(s->settings->store, s->who.tenant, m->id, news.modseq, &arena, &news);
        if (rc == 0)
            rc = imap_co_tell_flags_of(s, &news, resync);
    }
    return rc;
}

/* --- the commands ---------------------------------------------------------------------------- */

static int imap_co_select_as(struct imap_session *s, struct imap_parser *p, bool read_only)
{
    AUTO_BUFFER out = BUFFER(64 * 1024);
    struct resync resync = {0};
    struct box_mailbox mailbox;
    struct span given, name;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    struct imap_parser again = *p;
    int rc = imap_parse_mailbox(s, p, &name);
    if (rc == IMAP_BAD || imap_parse_astring(&again, &given) < 0 ||
        parse_parameters(s, p, &resync) < 0)
        return IMAP_BAD;
    if (s->selected) {
        imap_unselect(s);
        int said = imap_co_say(s, SPAN("* OK [CLOSED] The one before is closed\r\n"));
        if (said < 0)
            return said;
    }
    if (rc == 0)
        rc = box_co_open(s->settings->store, s->who.tenant, s->who.user, name, &mailbox);
    if (rc == 0)
        rc = imap_co_open(s, &mailbox, read_only);
    if (rc == 0)
        rc = imap_co_read_state(s, &mailbox);
    if (rc) {
        imap_unselect(s);
        return imap_co_fail(s, rc);
    }
    rc = write_state(s, &mailbox, given, &out);
    if (rc == 0)
        rc = imap_co_say(s, buffer_span(&out));
    if (rc == 0)
        rc = imap_co_tell_full(s);
    if (rc == 0)
        rc = imap_co_resync(s, &resync);
    return rc < 0 ? rc : imap_co_ok(s, read_only ? "[READ-ONLY] Open" : "[READ-WRITE] Open");
}

int imap_co_select(struct imap_session *s, struct imap_parser *p)
{
    return imap_co_select_as(s, p, false);
}

int imap_co_examine(struct imap_session *s, struct imap_parser *p)
{
    return imap_co_select_as(s, p, true);
}

int imap_co_unselect(struct imap_session *s, struct imap_parser *p)
{
    if (imap_parse_end(p) < 0)
        return IMAP_BAD;
    imap_unselect(s);
    return imap_co_ok(s, "Closed");
}
