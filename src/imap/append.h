/* APPEND's part in reading: where its message begins; see append.c. */
#ifndef IMAP_APPEND_H
#define IMAP_APPEND_H

#include "imap/session.h"

/* Is this command an APPEND that has come to its message, so that what follows is not to be
 * gathered? command ends with the literal's header. */
bool imap_append_awaits(struct imap_session *s, struct span command);

#endif
