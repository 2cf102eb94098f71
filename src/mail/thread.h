/*
 * Letters put in threads (RFC 5256 3): REFERENCES, the algorithm of Zawinski with the RFC's
 * grouping by base subject, and ORDEREDSUBJECT.
 *
 * Pure but for a random key, O(n log n) in letters and ids together whoever chose them: ids and
 * subjects are known by their hash under that key (SipHash, 128 bits), loops are found in a
 * link-cut forest, and nothing recurses.
 */
#ifndef MAIL_THREAD_H
#define MAIL_THREAD_H

#include "base/buffer.h"

struct thread;

#define THREAD_MISSING_MAX                                                                         \
    ((size_t)1000000) /* ids that no letter has: further ones are passed over */

struct thread_letter {
    uint32_t number;     /* as it is shown */
    int64_t sent_ms;     /* sent date */
    struct span ids;     /* message_id.h; REFERENCES only */
    struct span subject; /* the base subject, without its case */
    bool reply;          /* said by the subject: it is one, or a forward */
};

must_check int thread_open(struct thread **ret_thread); /* -ENOMEM */
/* In the order of the mailbox. -ENOMEM. */
must_check int thread_add(struct thread *t, const struct thread_letter *letter);
/* Appends the threads: "(1 2)(3 (4)(5))". Once, after the last letter. -ENOMEM, -ENOBUFS. */
must_check int thread_by_references(struct thread *t, struct buffer *out);
must_check int thread_by_subject(struct thread *t, struct buffer *out);
void thread_free(struct thread *t); /* NULL is fine */

#endif
