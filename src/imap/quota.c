/*
 * GETQUOTA, GETQUOTAROOT (RFC 9208, and RFC 2087 for older clients).
 *
 * A user's mailboxes have one root together, named "" as with the large providers: a name with
 * nothing in it cannot say anything of anybody. Resources without a limit are not named, and where
 * there is no limit at all there is no root. Limits are set by the operator alone.
 */
#include "imap/session.h"

#define ROOT "\"\""
#define KIB  1024

int imap_co_read_quota(struct imap_session *s, struct directory_quota *ret_quota,
                       struct box_usage *ret_usage)
{
    const struct identity *who = &s->who;
    int rc = directory_co_quota(s->settings->directory, who->tenant, who->user, ret_quota);
    *ret_usage = (struct box_usage){0};
    if (rc < 0 || !box_has_limit(ret_quota))
        return rc;
    return box_co_usage(s->settings->store, who->tenant, who->user, ret_usage);
}

int imap_co_tell_full(struct imap_session *s)
{
    struct directory_quota quota;
    struct box_usage usage;
    int rc = imap_co_read_quota(s, &quota, &usage);
    if (rc < 0 || box_has_room(&usage, &quota, 1, 1)) /* no more than a hint */
        return 0;
    return imap_co_say(s, SPAN("* NO [OVERQUOTA] The mailbox is full: nothing new is taken\r\n"));
}

/* Both are rounded up, so that what is full looks full. */
static unsigned long long kib(uint64_t octets)
{
    return octets / KIB + (octets % KIB != 0);
}

static int imap_co_say_quota(struct imap_session *s, const struct directory_quota *quota,
                             const struct box_usage *usage)
{
    AUTO_BUFFER line = BUFFER(256);
    int rc = buffer_append_text(&line, "* QUOTA " ROOT " (");
    if (rc == 0 && quota->octets)
        rc = buffer_printf(&line, "STORAGE %llu %llu%s", kib(usage->octets),
                           kib((uint64_t)quota->octets), quota->messages ? " " : "");
    if (rc == 0 && quota->messages)
        rc = buffer_printf(&line, "MESSAGE %llu %lld", (unsigned long long)usage->messages,
                           (long long)quota->messages);
    if (rc == 0)
        rc = buffer_append_text(&line, ")\r\n");
    return rc < 0 ? rc : imap_co_say(s, buffer_span(&line));
}

int imap_co_getquota(struct imap_session *s, struct imap_parser *p)
{
    struct directory_quota quota;
    struct box_usage usage;
    struct span root;
    if (imap_parse_sp(p) < 0 || imap_parse_astring(p, &root) < 0 || imap_parse_end(p) < 0)
        return IMAP_BAD;
    int rc = imap_co_read_quota(s, &quota, &usage);
    if (rc < 0)
        return imap_co_fail(s, rc);
    if (root.len || !box_has_limit(&quota))
        return imap_co_no(s, "[NONEXISTENT] There is no such quota root");
    rc = imap_co_say_quota(s, &quota, &usage);
    return rc < 0 ? rc : imap_co_ok(s, "Done");
}

/* The mailbox need not exist: this is what would hold for it (RFC 9208 4.1.2). */
int imap_co_getquotaroot(struct imap_session *s, struct imap_parser *p)
{
    AUTO_BUFFER line = BUFFER(16384);
    struct directory_quota quota = {0};
    struct box_usage usage = {0};
    struct span name;
    if (imap_parse_sp(p) < 0)
        return IMAP_BAD;
    int rc = imap_parse_mailbox(s, p, &name);
    if (rc == IMAP_BAD || imap_parse_end(p) < 0)
        return IMAP_BAD;
    if (rc == 0)
        rc = imap_co_read_quota(s, &quota, &usage);
    if (rc == 0)
        rc = buffer_append_text(&line, "* QUOTAROOT ");
    if (rc == 0)
        rc = imap_write_mailbox(s, &line, name);
    if (rc == 0)
        rc = buffer_append_text(&line, box_has_limit(&quota) ? " " ROOT "\r\n" : "\r\n");
    if (rc < 0)
        return imap_co_fail(s, rc);
    rc = imap_co_say(s, buffer_span(&line));
    if (rc == 0 && box_has_limit(&quota))
        rc = imap_co_say_quota(s, &quota, &usage);
    return rc < 0 ? rc : imap_co_ok(s, "Done");
}

/* QUOTASET is not announced; who tries is told plainly. */
int imap_co_setquota(struct imap_session *s, struct imap_parser *p)
{
    struct span root, resource;
    uint64_t limit;
    if (imap_parse_sp(p) < 0 || imap_parse_astring(p, &root) < 0 || imap_parse_sp(p) < 0 ||
        !imap_take(p, '('))
        return IMAP_BAD;
    for (bool more = !imap_take(p, ')'); more; more = !imap_take(p, ')'))
        if (imap_parse_atom(p, &resource) < 0 || imap_parse_sp(p) < 0 ||
            imap_parse_number(p, &limit) < 0 ||
            (!imap_take(p, ' ') && !(p->at < p->end && *p->at == ')')))
            return IMAP_BAD;
    if (imap_parse_end(p) < 0)
        return IMAP_BAD;
    return imap_co_no(s, "[NOPERM] Quotas are set by the operator");
}
