/*
 * The one door in: every letter, from whatever protocol, ends in receive() or submit().
 *
 * The protocol has already decided who may send and which recipients exist; the door writes the
 * letter, its mailbox rows and its events in one commit and returns after it (P1).
 */
#ifndef SUBMIT_SUBMIT_H
#define SUBMIT_SUBMIT_H

#include "directory/directory.h"
#include "store/blob.h"

struct letter_recipient {
    struct span forward_path;         /* as given in RCPT: local@domain */
    struct directory_target *targets; /* where it leads */
    size_t count;
};
struct letter {
    int64_t id;               /* from id_next(), also in the Received field */
    struct span reverse_path; /* empty for the null path */
    struct letter_recipient *recipients;
    size_t recipient_count;
    struct blob_writer *body; /* finished */
    struct span source;       /* words for the log: "smtp 192.0.2.1 helo" */
};

/* Puts the letter into the mailbox of every target, once each. 0, or ERR_FULL, -ENOSPC, ERR_STORE:
 * temporary, and nothing was kept. Yields. */
must_check int submit_co_receive(struct store *store, const struct letter *letter);

#endif
