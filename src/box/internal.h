/* What the files of the box share. Nobody outside includes it. */
#ifndef BOX_INTERNAL_H
#define BOX_INTERNAL_H

#include "box/box.h"

#define MAILBOX_COLUMNS                                                                            \
    " id, name, uidvalidity, uidnext, highestmodseq, messages, unseen, deleted, octets, use,"      \
    " deleted_octets"
#define MAILBOX_COLUMN_COUNT 11
/* A row of MAILBOX_COLUMNS; name points into the row. */
void mailbox_read(struct db_query *q, struct box_mailbox *ret_mailbox);

/* Takes the mailbox's next MODSEQ (and holds its row). ERR_ABSENT. */
must_check int mailbox_next_modseq(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                                   int64_t *ret_modseq);
/* What a job changed in a mailbox; its watchers are told after the commit. */
struct mailbox_change {
    int64_t messages, unseen, deleted, octets, deleted_octets;
};
void change_add(struct mailbox_change *change, uint64_t flags, uint64_t octets, int sign);
/* Counts in the mailbox alone; whose it is (USER_NOBODY: it is dying, or gone). */
must_check int mailbox_add(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                           const struct mailbox_change *change, int64_t *ret_user);
/* Counts in the mailbox and for its user, where nothing can become too much. */
must_check int mailbox_count(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                             const struct mailbox_change *change);
/* usage.c: counts for the user. quota NULL: whatever it becomes. ERR_QUOTA: nothing was changed. */
must_check int usage_change(struct db_tx *tx, int64_t tenant, int64_t user,
                            const struct mailbox_change *change,
                            const struct directory_quota *quota);

/* page.c: the columns of every read of messages, and a row of them. */
#define MESSAGE_NUMBERS                                                                            \
    "SELECT m.uid, m.blob, m.octets, m.received_ms, m.flags, m.modseq, m.saved_ms, m.origin,"      \
    " m.thread"
#define MESSAGE_NUMBERS_COUNT 9
#define GAP_MAX               16 /* of messages wanted by UID, strangers between two are read over */
/* Of enum box_want: what stands in the summary. */
#define SUMMARY_WANTS (BOX_WANT_ENVELOPE | BOX_WANT_STRUCTURE | BOX_WANT_PREVIEW | BOX_WANT_IDS)
void message_read_numbers(struct db_query *q, struct box_message *ret_message);

/* message.c: prepared, with :tenant, :mailbox and :uid bound. */
must_check int message_prepare(struct db_tx *tx, const struct db_statement *statement,
                               int64_t tenant, int64_t mailbox, int64_t uid,
                               struct db_query **ret_query);
/* The same of all whose UIDs lie in a range, with :first and :last. */
#define MESSAGE_RANGE                                                                              \
    " WHERE tenant = :tenant AND mailbox = :mailbox AND uid >= :first AND uid <= :last"
must_check int message_prepare_range(struct db_tx *tx, const struct db_statement *statement,
                                     int64_t tenant, int64_t mailbox, int64_t first, int64_t last,
                                     struct db_query **ret_query);
/* runs.c: reads messages by UID, and finds runs of them that nobody else stands between, so that a
 * run is changed by one statement instead of one for each. */
struct runs {
    int64_t tenant, mailbox;
    const int64_t *uids; /* ascending */
    size_t count;
    int (*take)(struct db_query *q, size_t at, void *arg); /* the row of uids[at]: 1: it belongs to
                                                            * the run, 0: it ends it; or an error */
    int (*end)(int64_t first, int64_t last, void *arg);    /* all of a run have been taken */
    void *arg;
};
/* The statement gives the rows of a MESSAGE_RANGE in order of their UIDs, its first column. */
must_check int runs_walk(struct db_tx *tx, const struct db_statement *statement,
                         const struct runs *r);
/* Inserts the rows of a message whose uid and modseq are set. */
must_check int message_insert(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                              const struct box_message *message);
/* A dying mailbox belongs to nobody; its messages are still there. */
#define USER_NOBODY 0

#endif
