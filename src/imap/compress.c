/*
 * COMPRESS (RFC 4978): DEFLATE from the next byte on, both ways. run/stream_deflate.c does it.
 *
 * A client must wait for the answer. One that does not could mean what it sent either way, so its
 * session ends. Replies, and letters within one, are compressed each for itself (CRIME).
 */
#include "imap/session.h"

int imap_co_compress(struct imap_session *s, struct imap_parser *p)
{
    struct span mechanism;
    if (imap_parse_sp(p) < 0 || imap_parse_atom(p, &mechanism) < 0 || imap_parse_end(p) < 0)
        return IMAP_BAD;
    if (!span_equal_nocase(mechanism, SPAN("DEFLATE")))
        return imap_co_no(s, "[CANNOT] That mechanism is not offered");
    if (stream_is_deflated(s->st))
        return imap_co_no(s, "[COMPRESSIONACTIVE] DEFLATE is active already");
    if (stream_has_input(s->st)) {
        int rc = imap_co_say(s, SPAN("* BYE Wait for the answer to COMPRESS\r\n"));
        return rc < 0 ? rc : IMAP_END;
    }
    int rc = imap_co_ok(s, "DEFLATE from here on");
    atomic_fetch_add(&s->settings->counters->compressed, 1);
    return rc < 0 ? rc : stream_co_start_deflate(s->st);
}
