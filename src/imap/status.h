/* The items of STATUS, also for LIST's RETURN (STATUS …) (RFC 9051 6.3.11, RFC 5819). */
#ifndef IMAP_STATUS_H
#define IMAP_STATUS_H

#include "imap/session.h"

/* "(MESSAGES UNSEEN)" as bits. IMAP_BAD, for RECENT also after ENABLE IMAP4rev2. */
must_check int imap_parse_status_items(const struct imap_session *s, struct imap_parser *p,
                                       unsigned *ret_items);
/* "* STATUS name (…)". */
must_check int imap_write_status(const struct imap_session *s, struct buffer *out,
                                 const struct box_mailbox *mailbox, unsigned items);

#endif
