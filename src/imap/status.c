/* STATUS; see status.h. Every number is kept with the mailbox: nothing is counted here. */
#include "imap/status.h"

#include "base/id.h"

enum item {
    MESSAGES,
    RECENT,
    UIDNEXT,
    UIDVALIDITY,
    UNSEEN,
    DELETED,
    DELETED_STORAGE, /* RFC 9208 4.1.4 */
    SIZE,
    HIGHESTMODSEQ,
    APPENDLIMIT,
    MAILBOXID,
    ITEMS
};

static const char *const names[ITEMS] = {
    "MESSAGES",        "RECENT", "UIDNEXT",       "UIDVALIDITY", "UNSEEN",   "DELETED",
    "DELETED-STORAGE", "SIZE",   "HIGHESTMODSEQ", "APPENDLIMIT", "MAILBOXID"};

int imap_parse_status_items(const struct imap_session *s, struct imap_parser *p,
                            unsigned *ret_items)
{
    unsigned items = 0;
    if (!imap_take(p, '('))
        return IMAP_BAD;
    do {
        unsigned item = 0;
        while (item < ITEMS && !imap_take_word(p, names[item]))
            item++;
        if (item == ITEMS || (item == RECENT && s->rev2)) /* RFC 9051 knows of none */
            return IMAP_BAD;
        items |= 1U << item;
    } while (imap_take(p, ' '));
    *ret_items = items;
    return imap_take(p, ')') ? 0 : IMAP_BAD;
}

static unsigned long long value_of(const struct imap_session *s, const struct box_mailbox *mailbox,
                                   unsigned item)
{
    const unsigned long long values[ITEMS] = {
        [MESSAGES] = mailbox->messages,
        [UIDNEXT] = (unsigned long long)mailbox->uidnext,
        [UIDVALIDITY] = (unsigned long long)mailbox->uidvalidity,
        [UNSEEN] = mailbox->unseen,
        [DELETED] = mailbox->deleted,
        [DELETED_STORAGE] = mailbox->deleted_octets,
        [SIZE] = mailbox->octets,
        [HIGHESTMODSEQ] = (unsigned long long)mailbox->modseq,
        [APPENDLIMIT] = s->settings->message_max,
    };
    return values[item];
}

int imap_write_status(const struct imap_session *s, struct buffer *out,
                      const struct box_mailbox *mailbox, unsigned items)
{
    const char *before = "";
    int rc = buffer_append_text(out, "* STATUS ");
    if (rc == 0)
        rc = imap_write_mailbox(s, out, mailbox->name);
    if (rc == 0)
        rc = buffer_append_text(out, " (");
    for (unsigned item = 0; rc == 0 && item < ITEMS; item++) {
        if (!(items & 1U << item))
            continue;
        rc = buffer_printf(out, "%s%s ", before, names[item]);
        if (rc == 0 && item == MAILBOXID)
            rc = buffer_printf(out, "(F%s)", id_text(mailbox->id, (char[ID_TEXT]){0}));
        else if (rc == 0)
            rc = buffer_append_uint(out, value_of(s, mailbox, item));
        before = " ";
    }
    return rc < 0 ? rc : buffer_append_text(out, ")\r\n");
}

int imap_co_status(struct imap_session *s, struct imap_parser *p)
{
    AUTO_BUFFER out = BUFFER(16384);
    struct box_mailbox mailbox;
    struct span name;
    unsigned items;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = imap_parse_mailbox(s, p, &name);
    if (rc == IMAP_BAD || imap_parse_sp(p) < 0 || imap_parse_status_items(s, p, &items) < 0 ||
        !imap_at_end(p))
        return IMAP_BAD;
    s->condstore = s->condstore || (items & 1U << HIGHESTMODSEQ);
    if (rc == 0)
        rc = box_co_open(s->settings->store, s->who.tenant, s->who.user, name, &mailbox);
    if (rc == 0)
        rc = imap_write_status(s, &out, &mailbox, items);
    if (rc < 0)
        return imap_co_fail(s, rc);
    rc = imap_co_say(s, buffer_span(&out));
    return rc < 0 ? rc : imap_co_ok(s, "Done");
}
