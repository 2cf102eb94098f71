/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 6.3.4 to 6.3.8, RFC 6154 3). */
#include "imap/session.h"

#include "base/id.h"

#include <stdio.h>

struct naming {
    int64_t tenant, user;
    struct span name, other;
    enum box_use use;
    bool on;
};

static struct naming naming_of(const struct imap_session *s)
{
    return (struct naming){.tenant = s->who.tenant, .user = s->who.user};
}

static int imap_co_change(struct imap_session *s, db_job *job, struct naming *n)
{
    int rc = store_co_write(s->settings->store, job, n);
    return rc < 0 ? imap_co_fail(s, rc) : imap_co_ok(s, "Done");
}

/* SP mailbox, and nothing more unless more says so. */
static int parse_name(struct imap_session *s, struct imap_parser *p, struct span *ret_name,
                      bool more)
{
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = imap_parse_mailbox(s, p, ret_name);
    return rc != IMAP_BAD && !more && !imap_at_end(p) ? IMAP_BAD : rc;
}

/* (USE (\Sent)) */
static int parse_use(struct imap_parser *p, enum box_use *ret_use)
{
    struct span flag;
    if (imap_at_end(p))
        return 0;
    if (imap_parse_sp(p) < 0 || !imap_take(p, '(') || !imap_take_word(p, "USE") ||
        imap_parse_sp(p) < 0 || !imap_take(p, '(') || imap_parse_flag(p, &flag) < 0)
        return IMAP_BAD;
    for (int use = 1; use < BOX_USES; use++)
        if (span_equal_nocase(flag, span_of(box_use_names[use])))
            *ret_use = (enum box_use)use;
    bool more = imap_take(p, ' ');
    while (!imap_take(p, ')'))
        if (imap_at_end(p) || !p->at++)
            return IMAP_BAD;
    if (!imap_take(p, ')') || !imap_at_end(p))
        return IMAP_BAD;
    return more || *ret_use == BOX_USE_NONE || *ret_use >= BOX_USE_ALL ? ERR_DENIED : 0;
}

static int make(struct db_tx *tx, void *arg)
{
    const struct naming *n = arg;
    return box_make(tx, n->tenant, n->user, n->name, n->use);
}

/* Which one it is (RFC 8474 4.1). */
static int imap_co_tell_made(struct imap_session *s, const struct naming *n)
{
    struct box_mailbox made;
    char text[64], id[ID_TEXT];
    int rc = box_co_open(s->settings->store, n->tenant, n->user, n->name, &made);
    if (rc < 0 || imap_hides(&s->hidden, "OBJECTID")) /* it is gone again, or not to be told */
        return imap_co_ok(s, "Done");
    snprintf(text, sizeof text, "[MAILBOXID (F%s)] Done", id_text(made.id, id));
    return imap_co_ok(s, text);
}

int imap_co_create(struct imap_session *s, struct imap_parser *p)
{
    struct naming n = naming_of(s);
    int rc = parse_name(s, p, &n.name, true), use = rc == IMAP_BAD ? rc : parse_use(p, &n.use);
    if (rc == IMAP_BAD || use == IMAP_BAD)
        return IMAP_BAD;
    if (use == ERR_DENIED)
        return imap_co_no(s, "[USEATTR] A mailbox cannot have that use");
    if (rc == 0)
        rc = store_co_write(s->settings->store, make, &n);
    return rc < 0 ? imap_co_fail(s, rc) : imap_co_tell_made(s, &n);
}

/* Whoever deletes the mailbox they have open has none open afterwards. */
static int imap_co_leave(struct imap_session *s, struct span name)
{
    struct box_mailbox mailbox;
    if (!s->selected || span_equal(name, SPAN(BOX_INBOX)))
        return 0;
    int rc = box_co_open(s->settings->store, s->who.tenant, s->who.user, name, &mailbox);
    if (rc < 0 || mailbox.id != s->selected->id)
        return rc;
    imap_unselect(s);
    return imap_co_say(s, SPAN("* OK [CLOSED] It is deleted\r\n"));
}

int imap_co_delete(struct imap_session *s, struct imap_parser *p)
{
    struct span name;
    int rc = parse_name(s, p, &name, false);
    if (rc == IMAP_BAD)
        return rc;
    if (rc == 0)
        rc = imap_co_leave(s, name);
    if (rc == 0)
        rc = box_co_delete(s->settings->store, s->who.tenant, s->who.user, name);
    return rc < 0 ? imap_co_fail(s, rc) : imap_co_ok(s, "Done");
}

static int rename_mailbox(struct db_tx *tx, void *arg)
{
    const struct naming *n = arg;
    return box_rename(tx, n->tenant, n->user, n->name, n->other);
}

int imap_co_rename(struct imap_session *s, struct imap_parser *p)
{
    struct naming n = naming_of(s);
    int rc = parse_name(s, p, &n.name, true);
    int other = rc == IMAP_BAD ? rc : parse_name(s, p, &n.other, false);
    if (rc == IMAP_BAD || other == IMAP_BAD)
        return IMAP_BAD;
    if (rc < 0 || other < 0)
        return imap_co_fail(s, rc < 0 ? rc : other);
    rc = store_co_write(s->settings->store, rename_mailbox, &n);
    if (rc == 0 && s->selected && s->selected->inbox && span_equal(n.name, SPAN(BOX_INBOX))) {
        imap_unselect(s);
        rc = imap_co_say(s, SPAN("* OK [CLOSED] INBOX is another mailbox now\r\n"));
    }
    return rc < 0 ? imap_co_fail(s, rc) : imap_co_ok(s, "Done");
}

static int subscribe(struct db_tx *tx, void *arg)
{
    const struct naming *n = arg;
    return box_subscribe(tx, n->tenant, n->user, n->name, n->on);
}

static int imap_co_set_subscribed(struct imap_session *s, struct imap_parser *p, bool on)
{
    struct naming n = naming_of(s);
    n.on = on;
    int rc = parse_name(s, p, &n.name, false);
    if (rc == IMAP_BAD)
        return rc;
    return rc < 0 ? imap_co_fail(s, rc) : imap_co_change(s, subscribe, &n);
}

int imap_co_subscribe(struct imap_session *s, struct imap_parser *p)
{
    return imap_co_set_subscribed(s, p, true);
}

int imap_co_unsubscribe(struct imap_session *s, struct imap_parser *p)
{
    return imap_co_set_subscribed(s, p, false);
}
