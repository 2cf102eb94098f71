/*
 * ENVELOPEs read back (envelope.h): what SORT and THREAD compare, without reading the letter.
 *
 * Pure, linear. Spans point into the envelope; strings stand there as they were sent, and
 * envelope_string undoes that.
 */
#ifndef MAIL_ENVELOPE_READ_H
#define MAIL_ENVELOPE_READ_H

#include "base/buffer.h"

struct envelope {
    struct span date, subject;                       /* strings */
    struct span from, sender, reply_to, to, cc, bcc; /* lists */
    struct span in_reply_to, message_id;             /* strings */
};
/* ERR_CORRUPT: not what envelope_write writes. */
must_check int envelope_read(struct span envelope, struct envelope *ret_envelope);
/* date and subject alone: the rest, most of it, is not looked at. */
must_check int envelope_read_front(struct span envelope, struct envelope *ret_envelope);

/* Appends the bytes of a string; nothing of NIL. ERR_CORRUPT. */
must_check int envelope_string(struct span string, struct buffer *out);

/* The same where it stands, or in scratch if something was to be undone. */
must_check int envelope_text(struct span string, struct buffer *scratch, struct span *ret_text);

/* The first address of a list: strings; a group begins with its name as the mailbox and a host that
 * is NIL. False: there is none. */
struct envelope_address {
    struct span name, mailbox, host;
};
bool envelope_first_address(struct span list, struct envelope_address *ret_address);
bool envelope_is_nil(struct span string);

#endif
