/* What submission (RFC 6409) asks of a header: a user writes only in their own name. */
#include "smtpd/incoming.h"

#include "base/log.h"
#include "mail/address.h"
#include "mail/header.h"

#include <errno.h>

#define AUTHORS_MAX   16
#define AUTHORS_BYTES ((size_t)64 * 1024)

static void refuse_author(struct incoming *in, const struct mailbox *author)
{
    log_info("smtpd.author_refused", "peer=%s user=%s author=%s@%s",
             stream_peer_text(in->session->st), in->session->who.login, LOG_CLEAN(author->local),
             LOG_CLEAN(author->domain));
    incoming_refuse(in, 550, "5.7.1", "You do not own the address in From");
}

bool submission_hands_over(const struct smtp_session *s)
{
    return s->who.key && s->settings->co_take_over;
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
    if (submission_hands_over(s)) /* that door checks the authors, and has its own words */
        return;
    for (int i = 0; i < count && in->refusal.code == 0; i++) {
        int rc = directory_co_may_send(s->settings->directory, &s->who, authors[i].local,
                                       authors[i].domain);
        if (rc < 0)
            incoming_refuse(in, 451, "4.3.0", "Cannot check the author now, try again later");
        else if (rc == 0)
            refuse_author(in, &authors[i]);
    }
    if (in->refusal.code == 0 && count > 0 &&
        address_fold_domain(authors[0].domain, in->author_domain) < 0)
        in->author_domain[0] = '\0';
}

/* --- letters of applications ----------------------------------------------------------------- */

/* Dialects read fields of their own in them, and all count against the tenant's quota. */
void submission_co_hand_over(struct incoming *in)
{
    struct smtp_session *s = in->session;
    AUTO_BUFFER letter = BUFFER(blob_writer_size(in->blob) + 1);
    int rc = blob_co_writer_read(in->blob, &letter);
    if (rc < 0) {
        incoming_refuse(in, 451, "4.3.0", "Cannot take the letter now, try again later");
        return;
    }
    struct smtpd_handover handover = {.who = &s->who,
                                      .reverse_path = s->reverse_path,
                                      .recipients = s->recipients,
                                      .recipient_count = s->recipient_count,
                                      .letter = buffer_span(&letter),
                                      .eight_bit = in->eight_bit};
    s->settings->co_take_over(s->settings->take_over_arg, &handover, &in->verdict);
    if (in->verdict.code >= 300)
        incoming_refuse(in, in->verdict.code, in->verdict.enhanced, in->verdict.text);
}

/* --- signatures ------------------------------------------------------------------------------ */

static bool leaves(const struct smtp_session *s)
{
    for (size_t i = 0; i < s->recipient_count; i++)
        if (session_leads_outside(&s->recipients[i]))
            return true;
    return false;
}

/* A domain without keys need not have its bodies hashed. If they cannot be read now, the letter is
 * hashed, and refused at its end if they cannot be read then. */
static bool co_has_keys(struct incoming *in)
{
    struct dkim_keys *keys;
    if (directory_co_dkim_keys(in->session->settings->directory, in->author_domain, &keys) < 0)
        return true;
    bool any = keys->count > 0;
    dkim_keys_release(keys);
    return any;
}

void submission_co_begin_signing(struct incoming *in, struct span prefix, struct span header)
{
    if (in->refusal.code || in->session->who.key || !in->author_domain[0] || !leaves(in->session) ||
        !co_has_keys(in))
        return;
    in->signed_header = BUFFER(prefix.len + header.len);
    in->signatures = BUFFER(DKIM_KEYS_MAX * DKIM_SIGNATURE);
    int rc = buffer_append(&in->signed_header, prefix);
    if (rc == 0)
        rc = buffer_append(&in->signed_header, header);
    if (rc == 0)
        rc = dkim_body_begin(&in->signed_body);
    if (rc < 0)
        incoming_refuse(in, 452, "4.3.1", "No room now, try again later");
    in->is_signed = rc == 0;
}

void submission_co_sign(struct incoming *in)
{
    unsigned char hash[DKIM_HASH];
    if (!in->is_signed)
        return;
    int rc = dkim_body_end(&in->signed_body, hash);
    if (rc == 0)
        rc = sign_co_letter(in->session->settings->door, in->author_domain,
                            buffer_span(&in->signed_header), hash, &in->signatures);
    if (rc == 0)
        return;
    if (rc == -ENOBUFS) /* hundreds of fields of one name: it goes without */
        buffer_clear(&in->signatures);
    log_error("smtpd.not_signed", "peer=%s domain=%s why=\"%s\"", stream_peer_text(in->session->st),
              in->author_domain, error_text(rc));
    if (rc != -ENOBUFS)
        incoming_refuse(in, 451, "4.3.0", "Cannot sign the letter now, try again later");
}
