/* A letter on its way in; see incoming.h. */
#include "smtpd/incoming.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "mail/header.h"
#include "mail/trace.h"

#include <errno.h>

#define HEADER_MAX   ((size_t)256 * 1024)
#define RECEIVED_MAX 50
#define PREFIX_MAX   ((size_t)8192)

static size_t header_max(const struct smtpd_settings *settings)
{
    return settings->header_max ? settings->header_max : HEADER_MAX;
}

int incoming_open(struct incoming *in, struct smtp_session *s)
{
    *in = (struct incoming){
        .session = s, .letter = id_next(), .header = BUFFER(header_max(s->settings) + PREFIX_MAX)};
    return blob_writer_open(s->settings->door->store, s->declared_size, &in->blob);
}

void incoming_co_close(struct incoming *in)
{
    buffer_free(&in->header);
    buffer_free(&in->signed_header);
    buffer_free(&in->report);
    buffer_free(&in->signatures);
    dkim_body_free(&in->signed_body);
    blob_co_writer_free(in->blob);
}

void incoming_refuse(struct incoming *in, int code, const char *enhanced, const char *text)
{
    if (in->refusal.code == 0)
        in->refusal = (struct refusal){code, enhanced, text};
}

static void incoming_co_keep(struct incoming *in, struct span bytes)
{
    int rc = in->refusal.code ? 0 : blob_co_append(in->blob, bytes);
    if (rc == 0)
        return;
    log_error("smtpd.not_stored", "peer=%s why=\"%s\"", stream_peer_text(in->session->st),
              error_text(rc));
    if (rc == ERR_FULL || rc == -ENOSPC)
        incoming_refuse(in, 452, "4.3.1", "No room now, try again later");
    else
        incoming_refuse(in, 451, "4.3.0", "Cannot store the letter now, try again later");
}

/* --- the header ------------------------------------------------------------------------------ */

/* The fields that go in front: our trace, and on submission what the sender left out. */
static int incoming_write_prefix(struct incoming *in, struct span header, struct buffer *out)
{
    struct smtp_session *s = in->session;
    struct header_field field;
    bool submission = s->settings->role == SMTPD_SUBMISSION;
    bool one = s->recipient_count == 1;
    struct trace_received received = {
        .hello = span_of(s->hello),
        .peer = submission || stream_is_local(s->st) ? NULL : stream_peer_text(s->st),
        .hostname = s->settings->hostname,
        .protocol = session_protocol(s),
        .tls = stream_tls_version(s->st),
        .cipher = stream_tls_cipher(s->st),
        .letter = in->letter,
        .recipient = one ? s->recipients[0].forward_path : SPAN(""),
        .wall_ms = clock_wall_ms(),
    };
    int rc = trace_received(out, &received);
    if (rc == 0 && submission && !header_find(header, SPAN("Date"), &field))
        rc = trace_date(out, received.wall_ms);
    if (rc == 0 && submission && !header_find(header, SPAN("Message-ID"), &field))
        rc = trace_message_id(out, in->letter, s->settings->hostname);
    return rc;
}

/* The header is complete: it is judged, and goes to the blob behind its prefix. */
static void incoming_co_end_header(struct incoming *in, struct span header)
{
    const struct smtpd_settings *settings = in->session->settings;
    uint32_t received_max = settings->received_max ? settings->received_max : RECEIVED_MAX;
    AUTO_BUFFER prefix = BUFFER(PREFIX_MAX);
    in->in_body = true;
    if (header_count(header, SPAN("Received")) >= received_max)
        incoming_refuse(in, 554, "5.4.6", "Too many hops, this letter is going round");
    if (settings->role == SMTPD_SUBMISSION)
        submission_co_check_header(in, header);
    if (incoming_write_prefix(in, header, &prefix) < 0)
        incoming_refuse(in, 451, "4.3.0", "Out of memory");
    if (settings->role == SMTPD_SUBMISSION)
        submission_co_begin_signing(in, buffer_span(&prefix), header);
    incoming_co_keep(in, buffer_span(&prefix));
    incoming_co_keep(in, header);
}

static void incoming_co_take_body(struct incoming *in, struct span clean)
{
    if (in->is_signed)
        dkim_body_take(&in->signed_body, clean);
    incoming_co_keep(in, clean);
}

/* Gathers a piece of the header; a header that comes whole is not copied. */
static void incoming_co_take_header(struct incoming *in, struct span clean)
{
    ptrdiff_t end = header_scan(&in->scan, clean);
    struct span part = end < 0 ? clean : span_first(clean, (size_t)end);
    if (in->header.len + part.len > header_max(in->session->settings)) {
        incoming_refuse(in, 552, "5.3.4", "The header is too large");
        return;
    }
    if (end >= 0 && in->header.len == 0) {
        incoming_co_end_header(in, part);
    } else if (buffer_append(&in->header, part) < 0) {
        incoming_refuse(in, 452, "4.3.1", "No room now, try again later");
        return;
    } else if (end >= 0) {
        incoming_co_end_header(in, buffer_span(&in->header));
        buffer_free(&in->header);
    }
    if (end >= 0)
        incoming_co_take_body(in, span_from(clean, (size_t)end));
}

/* --- the letter ------------------------------------------------------------------------------ */

static bool has_eight_bit(struct span bytes)
{
    unsigned char all = 0; /* a loop without a way out is done 32 bytes at a time */
    for (size_t i = 0; i < bytes.len; i++)
        all |= (unsigned char)bytes.at[i];
    return all & 0x80;
}

void incoming_co_take(struct incoming *in, struct span clean)
{
    in->size += clean.len;
    in->eight_bit = in->eight_bit || has_eight_bit(clean);
    if (in->size > session_message_max(in->session))
        incoming_refuse(in, 552, "5.3.4", "The letter is too large");
    if (in->refusal.code)
        return;
    incoming_keep_report(in, clean);
    if (in->in_body)
        incoming_co_take_body(in, clean);
    else
        incoming_co_take_header(in, clean);
}

int incoming_co_finish(struct incoming *in)
{
    if (!in->in_body && in->refusal.code == 0)
        incoming_co_end_header(in, buffer_span(&in->header));
    if (in->refusal.code == 0)
        submission_co_sign(in);
    if (in->refusal.code)
        return ERR_DENIED;
    int rc = blob_co_finish(in->blob);
    if (rc == 0)
        return 0;
    log_error("smtpd.not_stored", "peer=%s why=\"%s\"", stream_peer_text(in->session->st),
              error_text(rc));
    incoming_refuse(in, 452, "4.3.1", "No room now, try again later");
    return rc;
}
