/*
 * What SEARCH and SORT answer: RETURN's options, "* SEARCH", "* SORT", "* ESEARCH", and what "$"
 * names afterwards (RFC 9051 6.4.4, RFC 4731, RFC 5182, RFC 5267 3).
 */
#ifndef IMAP_RESULT_H
#define IMAP_RESULT_H

#include "imap/session.h"

struct imap_result {
    bool extended; /* RETURN was said, or the command's plain answer is ESEARCH */
    bool min, max, all, count, save;
    uint32_t *found;    /* UIDs in the order of the answer; malloc'ed */
    size_t found_count; /* there is room for all messages of the view */
    int64_t modseq;     /* the highest of them */
    bool tells_modseq;
};

/* ["RETURN" SP "(" options ")" SP]. IMAP_BAD. */
must_check int imap_parse_return(struct imap_parser *p, struct imap_result *ret_result);
/* The search failed, which is told by NO: "$" names nothing, where it should have been saved (RFC
 * 9051 6.4.4.1). */
void imap_forget_saved(struct imap_session *s, const struct imap_result *result);
/* The answer and OK; name: of the answer that is not extended. Sorts found where it is saved.
 * Yields. */
must_check int imap_co_answer_result(struct imap_session *s, struct imap_result *result,
                                     const char *name);

#endif
