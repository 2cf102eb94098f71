/*
 * Letters that come back: bounces to reverse-paths of ours (directory/return_path.c). One to an SRS
 * address goes on to where the first letter came from; one to the VERP address of a letter becomes
 * its event (RFC 3464).
 */
#include "smtpd/incoming.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>

#define REPORT_MAX  ((size_t)256 * 1024)
#define REPORTS_MAX 100

static int session_take_srs(struct smtp_session *s, int64_t tenant, const char *path,
                            struct letter_recipient *recipient)
{
    recipient->targets = arena_alloc(&s->transaction, sizeof *recipient->targets);
    if (!recipient->targets)
        return -ENOMEM;
    *recipient->targets = (struct directory_target){
        .tenant = tenant, .address = arena_copy(&s->transaction, span_of(path))};
    recipient->count = 1;
    return recipient->targets->address.at ? DIRECTORY_LOCAL : -ENOMEM;
}

int session_co_find_return(struct smtp_session *s, const struct smtp_path *path,
                           struct letter_recipient *recipient)
{
    struct directory *d = s->settings->directory;
    char original[ADDRESS_TEXT_MAX];
    int64_t tenant, letter;
    if (s->settings->role == SMTPD_SUBMISSION || s->reverse_path.len)
        return DIRECTORY_UNKNOWN;
    bool srs = directory_srs_reverse(d, path->local, clock_wall_ms(), original) == 0;
    if (!srs && directory_verp_read(d, path->local, &letter) < 0)
        return DIRECTORY_UNKNOWN;
    int rc = directory_co_domain_owner(d, path->domain, &tenant);
    if (rc < 0)
        return rc == ERR_ABSENT ? DIRECTORY_UNKNOWN : rc;
    if (srs)
        return session_take_srs(s, tenant, original, recipient);
    s->returned_tenant = tenant;
    s->returned_letter = letter;
    return DIRECTORY_LOCAL; /* to nobody's mailbox */
}

void incoming_keep_report(struct incoming *in, struct span clean)
{
    if (!in->session->returned_letter || in->report.len + clean.len > REPORT_MAX)
        return;
    if (in->report.cap == 0)
        in->report = BUFFER(REPORT_MAX);
    if (buffer_append(&in->report, clean) < 0)
        incoming_refuse(in, 452, "4.3.1", "No room now, try again later");
}

int incoming_read_report(struct incoming *in, struct arena *arena, struct letter_return *ret_return)
{
    struct smtp_session *s = in->session;
    struct dsn_report *reports = arena_zero(arena, REPORTS_MAX * sizeof *reports);
    int count = reports ? dsn_read(buffer_span(&in->report), arena, reports, REPORTS_MAX) : -ENOMEM;
    if (count < 0)
        return count;
    if (count == 0)
        log_info("smtpd.return_without_report", "peer=%s", stream_peer_text(s->st));
    *ret_return =
        (struct letter_return){s->returned_tenant, s->returned_letter, reports, (size_t)count};
    return 0;
}

bool session_leads_outside(const struct letter_recipient *recipient)
{
    for (size_t i = 0; i < recipient->count; i++)
        if (recipient->targets[i].user == 0)
            return true;
    return false;
}

/* What an alias sends on to the outside carries a reverse-path of ours, so that SPF holds there.
 * NULL: nothing goes on, or the null path stays. */
const char *session_forward_path(struct smtp_session *s)
{
    struct span local, domain;
    bool leaves = false;
    if (s->settings->role == SMTPD_SUBMISSION || s->reverse_path.len == 0)
        return NULL;
    for (size_t i = 0; !leaves && i < s->recipient_count; i++) {
        leaves = session_leads_outside(&s->recipients[i]);
        if (leaves && !address_split(s->recipients[i].forward_path, &local, &domain))
            domain = span_of(s->settings->hostname);
    }
    if (!leaves)
        return NULL;
    char *path = arena_alloc(&s->transaction, ADDRESS_TEXT_MAX);
    if (!path || directory_srs_forward(s->settings->directory, s->reverse_path, domain,
                                       clock_wall_ms(), path) < 0)
        return ""; /* too long for a path: the null path, and no bounce comes back */
    return path;
}
