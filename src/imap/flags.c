/* Flags and sequence sets as arguments of commands; see session.h. */
#include "imap/session.h"

#include <errno.h>

/* --- flags ----------------------------------------------------------------------------------- */

struct taking {
    int64_t tenant, mailbox;
    struct span name;
    int bit;
};

static int take_keyword(struct db_tx *tx, void *arg)
{
    struct taking *t = arg;
    return keyword_take(tx, t->tenant, t->mailbox, t->name, &t->bit);
}

static int imap_co_flag_bit(struct imap_session *s, int64_t mailbox, struct span flag,
                            uint64_t *flags)
{
    static const char *const names[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted",
                                        "\\Draft"};
    for (int bit = 0; bit < KEYWORD_FIRST; bit++) {
        if (span_equal_nocase(flag, span_of(names[bit]))) {
            *flags |= UINT64_C(1) << bit;
            return 0;
        }
    }
    if (span_equal_nocase(flag, SPAN("\\Recent")))
        return 0; /* nobody can set it; clients send it back with others */
    if (flag.at[0] == '\\' || flag.len > KEYWORD_NAME_MAX)
        return IMAP_BAD;
    bool here = s->selected && s->selected->id == mailbox;
    int bit = here ? keyword_find(&s->selected->keywords, flag) : -1;
    if (bit < 0) {
        struct taking t = {s->who.tenant, mailbox, flag, -1};
        int rc = store_co_write(s->settings->store, take_keyword, &t);
        if (rc < 0)
            return rc;
        bit = t.bit;
    }
    *flags |= UINT64_C(1) << bit;
    return 0;
}

int imap_co_parse_flags(struct imap_session *s, struct imap_parser *p, int64_t mailbox,
                        uint64_t *ret_flags)
{
    uint64_t flags = 0;
    bool list = imap_take(p, '(');
    int rc = 0;
    if (list && imap_take(p, ')')) {
        *ret_flags = 0;
        return 0;
    }
    do {
        struct span flag;
        if (imap_parse_flag(p, &flag) < 0)
            return IMAP_BAD;
        int taken = imap_co_flag_bit(s, mailbox, flag, &flags);
        if (taken == IMAP_BAD || (taken < 0 && rc == 0))
            rc = taken;
    } while (rc != IMAP_BAD && imap_take(p, ' '));
    if (rc == IMAP_BAD || (list && !imap_take(p, ')')))
        return IMAP_BAD;
    *ret_flags = flags;
    return rc;
}

/* --- sequence sets --------------------------------------------------------------------------- */

/* Ranges of message numbers as UIDs: those that are there. */
static int collect(const struct imap_session *s, const struct imap_set *set, bool numbers,
                   struct imap_uids *uids)
{
    const struct view *v = &s->selected->view;
    if (v->messages == 0)
        return 0; /* clients ask an empty mailbox for 1:* */
    for (size_t i = 0; i < set->count; i++) {
        const struct imap_range *range = &set->ranges[i];
        if (numbers && range->last > v->messages)
            return IMAP_BAD;
        uint32_t first = numbers ? view_uid(v, range->first) : range->first;
        uint32_t last = numbers ? view_uid(v, range->last) : range->last;
        for (uint32_t uid = view_next(v, first); uid && uid <= last;
             uid = uid == UINT32_MAX ? 0 : view_next(v, uid + 1))
            uids->list[uids->count++] = uid;
    }
    return 0;
}

int imap_co_parse_uids(struct imap_session *s, struct imap_parser *p, struct imap_uids *ret_uids)
{
    struct imap_selected *m = s->selected;
    struct imap_set set;
    int rc = imap_co_load(s);
    if (rc < 0)
        return rc;
    if (imap_parse_set(p, s->uid ? view_highest(&m->view) : m->view.messages, &set) < 0)
        return IMAP_BAD;
    bool numbers = !s->uid && !set.saved; /* a saved result is of UIDs */
    if (set.saved)
        set = m->saved;
    ret_uids->count = 0;
    ret_uids->list = arena_alloc(&s->arena, (m->view.messages + 1) * sizeof *ret_uids->list);
    return ret_uids->list ? collect(s, &set, numbers, ret_uids) : -ENOMEM;
}
