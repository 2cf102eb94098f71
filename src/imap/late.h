/*
 * What messages came without, since they came before there was such a thing, or since it was too
 * large to be kept at delivery (submit.c's SUMMARY_KEPT_MAX): made when a client first asks, and
 * kept (box/summary.h).
 */
#ifndef IMAP_LATE_H
#define IMAP_LATE_H

#include "imap/session.h"

#define LATE_WANT_THREAD 64 /* beside enum box_want: the thread too */

/* Would that have to be made for one of them? Of what was read with BOX_WANT_FEW none can be. */
bool late_is_missing(const struct box_message *messages, size_t count, unsigned want);
/* What is wanted of the messages and was not read with them, into arena; what was read stays. Those
 * that went meanwhile are left out. Yields. */
must_check int imap_co_complete(struct imap_session *s, struct box_message *messages, size_t *count,
                                unsigned want, struct arena *arena);

/* The same of many, by UID, without the result: a job that met messages without what it wants is
 * run again. */
must_check int imap_co_complete_uids(struct imap_session *s, const uint32_t *uids, size_t count,
                                     unsigned want);

/* A job that visits many messages (box_visit_all) notes those that lack something. */
struct late {
    unsigned want;
    uint32_t *uids; /* malloc'ed */
    size_t count, room;
    bool given_up; /* what still lacks something is taken as it is */
};
/* 1: it lacks something and was noted; 0: it does not, or we have given up; -ENOMEM. */
must_check int late_note(struct late *late, const struct box_message *message);
/* Runs the job, which fills late, and again after what it noted has been completed. Yields. */
must_check int imap_co_scan_complete(struct imap_session *s, db_job *job, void *arg,
                                     struct late *late);

#endif
