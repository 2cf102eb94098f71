/* Searching a mailbox, for SEARCH, SORT and THREAD; see search.c. */
#ifndef IMAP_SEARCH_H
#define IMAP_SEARCH_H

#include "imap/program.h"
#include "imap/result.h"

/* The UIDs of messages in the view that the program fits, ascending; the highest MODSEQ of them.
 * Sets found (free it in any case), found_count, modseq, tells_modseq. Yields. */
must_check int imap_co_search_uids(struct imap_session *s, struct program *program,
                                   struct imap_result *ret_result);
/* The same for who visits the messages afterwards: some may be gone already. Nothing is read where
 * all are wanted. */
must_check int imap_co_search_to_visit(struct imap_session *s, struct program *program,
                                       struct imap_result *ret_result);

#endif
