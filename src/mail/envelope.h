/*
 * ENVELOPE of a letter, as bytes ready to send (RFC 9051 7.5.2, RFC 3501 7.4.2); made at delivery.
 *
 * Pure, linear in the header, for any bytes: the answer follows the grammar whatever the letter
 * says. Of Date, Subject, In-Reply-To, Message-ID, From, Sender and Reply-To the first field
 * counts; several To, Cc or Bcc are one list (RFC 5322 4.5.3). Bytes stay as they came (encoded
 * words, UTF-8, Latin-1), but for what nstring.h leaves out and for quotes, comments and folds of
 * addresses. "anna@x (Anna)" has the name Anna, as in old letters.
 *
 * Broken addresses: what could be read is shown and the list goes on behind the next comma. A
 * mailbox without its domain has the host ENVELOPE_NO_HOST, since a NIL host would open a group; a
 * name without an address has ENVELOPE_NO_MAILBOX too.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include "base/buffer.h"

#define ENVELOPE_NO_HOST    "MISSING_DOMAIN"
#define ENVELOPE_NO_MAILBOX "MISSING_MAILBOX"
#define ENVELOPE_TEXT_MAX   ((size_t)8 * 1024)   /* of a field; the rest is left out */
#define ENVELOPE_WORD_MAX   ((size_t)1000)       /* of a name, route, local part, domain */
#define ENVELOPE_LIST_MAX   ((size_t)256 * 1024) /* as written; further addresses are left out */
#define ENVELOPE_MAX        ((size_t)2 * 1024 * 1024) /* never more: a cap that is enough */

/* Appends "(date subject from …)". header: the fields, with or without the blank line. Only the
 * buffer's errors. */
must_check int envelope_write(struct span header, struct buffer *out);
/* Of what has no header. */
#define ENVELOPE_EMPTY "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"

#endif
