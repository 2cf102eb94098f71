/* What submission (RFC 6409) asks of a header: a user writes only in their own name. */
#include "smtpd/incoming.h"

#include "base/log.h"
#include "mail/address.h"
#include "mail/header.h"

#define AUTHORS_MAX   16
#define AUTHORS_BYTES ((size_t)64 * 1024)

static void refuse_author(struct incoming *in, const struct mailbox *author)
{
    log_info("smtpd.author_refused", "peer=%s user=%s author=%s@%s",
             stream_peer_text(in->session->st), in->session->who.login, LOG_CLEAN(author->local),
             LOG_CLEAN(author->domain));
    incoming_refuse(in, 550, "5.7.1", "You do not own the address in From");
}

void submission_co_check_header(struct incoming *in, struct span header)
{
    struct smtp_session *s = in->session;
    struct header_field from;
    AUTO_ARENA arena = ARENA(AUTHORS_BYTES);
    struct mailbox *authors = arena_alloc(&arena, AUTHORS_MAX * sizeof *authors);
    if (header_count(header, SPAN("From")) != 1 || !header_find(header, SPAN("From"), &from)) {
        incoming_refuse(in, 550, "5.6.0", "A letter has exactly one From field");
        return;
    }
    int count = authors ? address_parse_list(from.body, &arena, authors, AUTHORS_MAX) : 0;
    if (count <= 0)
        incoming_refuse(in, 550, "5.6.0", "The From field holds no readable address");
    for (int i = 0; i < count && in->refusal.code == 0; i++) {
        int rc = directory_co_may_send(s->settings->directory, &s->who, authors[i].local,
                                       authors[i].domain);
        if (rc < 0)
            incoming_refuse(in, 451, "4.3.0", "Cannot check the author now, try again later");
        else if (rc == 0)
            refuse_author(in, &authors[i]);
    }
}
