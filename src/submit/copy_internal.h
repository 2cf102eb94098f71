/*
 * The copies that a letter is divided into: one for each mailbox, one for each address elsewhere;
 * see submit.c.
 */
#ifndef SUBMIT_COPY_INTERNAL_H
#define SUBMIT_COPY_INTERNAL_H

#include "submit/submit.h"

struct copy {
    int64_t tenant, user;     /* user 0: elsewhere */
    struct span forward_path; /* of the first recipient that led here; elsewhere: where to */
    struct span queued_path;  /* what may go into the queue: where to */
    struct span domain;       /* the same: folded */
    int64_t id;               /* the same: the recipient's */
    struct span head;         /* mailbox: the trace of this copy */
    struct span detail;       /* mailbox: perhaps a folder's name */
    char *folder;             /* room for that name */
    uint64_t octets;          /* mailbox: of head and body */
    struct directory_quota quota;
    bool may_wait; /* in the queue, if the mailbox is full */
    /* What copies_place found, in each run of the job: */
    int64_t mailbox;
    struct span name; /* of the mailbox */
    int refused;      /* 0, or why it cannot go there: ERR_ABSENT, ERR_QUOTA */
    bool waits;       /* goes into the queue: the mailbox is full */
    bool twin;        /* another copy goes there already */
    bool dropped;     /* refused, and nobody will be told: an event says so */
};

/* Copies are sorted by this: by tenant, what goes elsewhere first, then by user and detail. 0: the
 * same one. */
int copy_compare(const void *a, const void *b);
/* Does it go into a mailbox, or into the queue? Neither: it is a twin, or refused. */
bool copy_stays(const struct copy *copy);
bool copy_leaves(const struct copy *copy);
/* The copy a target leads to. */
const struct copy *copy_find(const struct copy *copies, size_t count,
                             const struct directory_target *target);

/* Finds the mailbox of each copy, in a job: folder, INBOX (made when it is missing), or none; and
 * takes the room it needs. How many copies go, or an error. */
must_check int copies_place(struct db_tx *tx, const struct letter *letter, struct copy *copies,
                            size_t count);
/* After the commit: what became of each recipient. */
void copies_tell(const struct letter *letter, const struct copy *copies, size_t count);

#endif
