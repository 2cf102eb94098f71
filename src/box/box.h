/*
 * Mailboxes: letters that stay.
 *
 * A user has mailboxes, INBOX first; a message in one is (mailbox, uid), points to a blob, and
 * carries its own trace header (Return-Path, Delivered-To) that is read in front of the blob.
 * UIDs grow and are never given twice (RFC 3501 2.3.1.1), also not after the mailbox is emptied;
 * UIDVALIDITY is never given twice to one user. Every change of a mailbox has a number, its MODSEQ
 * (RFC 7162); what went is remembered with the number under which it went. Counters of a mailbox
 * (messages, unseen, deleted, octets), and of its user (messages, octets), are kept in the commit
 * that changes what they count.
 *
 * Names are UTF-8, levels are separated by "/"; INBOX is written so in any case. A level above a
 * mailbox need not exist. Functions with a tx run in a job; _co_ functions yield.
 */
#ifndef BOX_BOX_H
#define BOX_BOX_H

#include "base/arena.h"
#include "directory/directory.h"
#include "store/blob.h"

extern const struct db_schema box_schema;

#define BOX_INBOX     "INBOX"
#define BOX_NAME_MAX  900 /* bytes */
#define BOX_DEPTH_MAX 32
#define BOX_PAGE      256 /* rows of a page, at most */
#define BOX_UID_MAX   UINT32_MAX

/* Flags: the system's, then keywords every client knows, then the mailbox's own (keyword.h). */
enum box_flag {
    BOX_SEEN = 1 << 0,
    BOX_ANSWERED = 1 << 1,
    BOX_FLAGGED = 1 << 2,
    BOX_DELETED = 1 << 3,
    BOX_DRAFT = 1 << 4,
};

struct box_message {
    int64_t uid;
    int64_t blob;
    uint64_t octets;     /* of head and blob together, as POP3 and IMAP count */
    int64_t received_ms; /* INTERNALDATE */
    struct span head;    /* trace fields of this copy, each ending in CRLF */
    uint64_t flags;
    int64_t modseq;
    int64_t saved_ms; /* when it came into this mailbox (RFC 8514) */
    int64_t origin;   /* the same for all copies of one message: EMAILID (RFC 8474) */
    int64_t thread;   /* the same for all of a conversation: THREADID; 0: not known yet */
    /* What clients ask for again and again, made once (summary.h). Where it was not, envelope and
     * structure are empty and the others' .at is NULL, for they may be empty. */
    struct span envelope, structure, preview, ids;
};

enum box_use { /* RFC 6154 */
               BOX_USE_NONE,
               BOX_USE_ARCHIVE,
               BOX_USE_DRAFTS,
               BOX_USE_JUNK,
               BOX_USE_SENT,
               BOX_USE_TRASH,
               BOX_USE_ALL,
               BOX_USE_FLAGGED,
               BOX_USES,
};
extern const char *const box_use_names[BOX_USES]; /* "\\Sent", …; "" for none */

struct box_mailbox {
    int64_t id;
    struct span name;
    int64_t uidvalidity, uidnext, modseq;
    uint64_t messages, unseen, deleted, octets;
    uint64_t deleted_octets; /* of those with \Deleted */
    enum box_use use;
};

/* --- mailboxes (mailbox.c, folder.c, remove.c, index_pass.c) ---------------------------------- */

/* A name as clients give it: INBOX in its one spelling, no trailing separator. ERR_SYNTAX: empty
 * levels, control characters, not UTF-8, too long, too deep; blanks at either end of a level. */
must_check int box_name_fold(struct span given, struct arena *arena, struct span *ret_name);

/* The user's INBOX and the folders of RFC 6154, subscribed; those that exist are left alone. */
must_check int box_make_user(struct db_tx *tx, int64_t tenant, int64_t user);
/* The same where the user has none of it yet. */
must_check int box_co_ensure_user(struct store *store, int64_t tenant, int64_t user);
/* All mailboxes of a user: out of sight at once, then what is in them, a few messages in each job.
 */
must_check int box_co_remove_user(struct store *store, int64_t tenant, int64_t user);

/* ERR_EXISTS, ERR_FULL (the user has too many). Missing levels above are made, too (RFC 3501
 * 6.3.3). */
must_check int box_make(struct db_tx *tx, int64_t tenant, int64_t user, struct span name,
                        enum box_use use);
/* With everything below it; INBOX: its messages go to the new name and it stays, empty. ERR_ABSENT,
 * ERR_EXISTS, ERR_SYNTAX (into itself). */
must_check int box_rename(struct db_tx *tx, int64_t tenant, int64_t user, struct span from,
                          struct span to);
/* Out of sight at once; its messages are taken out afterwards. ERR_ABSENT; ERR_DENIED: INBOX. */
must_check int box_co_delete(struct store *store, int64_t tenant, int64_t user, struct span name);
/* From time to time: makes the search index of mailboxes where much is not in it (index.h). Takes
 * its time: it rests for longer than it works. */
must_check int box_co_index(struct store *store);
/* From time to time: what is left of mailboxes that are being removed, and the memory of what went
 * more than 30 days ago. */
must_check int box_co_sweep(struct store *store);
/* A name need not exist to be subscribed (RFC 3501 6.3.6). ERR_FULL. */
must_check int box_subscribe(struct db_tx *tx, int64_t tenant, int64_t user, struct span name,
                             bool subscribed);

/* ERR_ABSENT when there is none. name in ret_mailbox is the caller's. */
must_check int box_co_open(struct store *store, int64_t tenant, int64_t user, struct span name,
                           struct box_mailbox *ret_mailbox);
/* Its id and UIDVALIDITY alone. */
must_check int box_co_find(struct store *store, int64_t tenant, int64_t user, const char *mailbox,
                           int64_t *ret_mailbox, int64_t *ret_uidvalidity);
/* By its exact name, in a job. ERR_ABSENT. */
must_check int box_find(struct db_tx *tx, int64_t tenant, int64_t user, struct span name,
                        int64_t *ret_mailbox);
/* The mailbox that the detail of an address names (user+detail): as it is, or with "." for "/", or
 * either of them in another ASCII case (the first by name). Its name, as long as the detail, goes
 * to ret_name. In a job. ERR_ABSENT, also for a detail that no mailbox can be named by. */
#define BOX_DETAIL_MAX 64
must_check int box_find_detail(struct db_tx *tx, int64_t tenant, int64_t user, struct span detail,
                               int64_t *ret_mailbox, char *ret_name);
/* Up to BOX_PAGE mailboxes, and names subscribed to, behind the name `after`, by name. */
must_check int box_co_mailboxes(struct store *store, int64_t tenant, int64_t user,
                                struct span after, struct arena *arena,
                                struct box_mailbox **ret_mailboxes, size_t *ret_count);
must_check int box_co_subscriptions(struct store *store, int64_t tenant, int64_t user,
                                    struct span after, struct arena *arena, struct span **ret_names,
                                    size_t *ret_count);

/* --- quotas (usage.c) --------------------------------------------------------------------------
 *
 * What a user's mailboxes hold together is one row, so it costs one look-up to ask and one row to
 * change. Limits come from the directory.
 */
struct box_usage {
    uint64_t messages, octets;
};
/* Counts messages in that are to be put in in the same job. ERR_QUOTA: they are too many or too
 * large together, and nothing was changed. quota NULL: any number. Of two jobs only one gets the
 * last room. */
must_check int box_take_room(struct db_tx *tx, int64_t tenant, int64_t user, uint64_t messages,
                             uint64_t octets, const struct directory_quota *quota);
bool box_has_limit(const struct directory_quota *quota);
/* Would so much more fit? Pure; what is true now need not be true in the commit. */
bool box_has_room(const struct box_usage *usage, const struct directory_quota *quota,
                  uint64_t messages, uint64_t octets);
/* Of users (at most 256), each; nothing where there is no such user. Yields. */
must_check int box_co_usage(struct store *store, int64_t tenant, int64_t user,
                            struct box_usage *ret_usage);
must_check int box_co_usages(struct store *store, int64_t tenant, const int64_t *users,
                             size_t count, struct box_usage *ret_usages);

/* --- messages (message.c, page.c, letter.c, warm.c) ------------------------------------------- */

/* Puts a message into a mailbox: ERR_ABSENT, also when it is being removed. uid, modseq, saved_ms
 * are ignored; origin 0 is a new one, thread 0 a conversation of its own. The blob's reference is
 * the caller's, and so is the room: box_take_room comes first, in the same job. */
must_check int box_append_to(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                             const struct box_message *message, int64_t *ret_uid);
/* Thread and summary of a message that came without them, or without some; what it has stays.
 * Nothing where it is gone. */
must_check int box_summarise(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                             const struct box_message *message);

/* What a read of messages wants beside the numbers. */
enum box_want {
    BOX_WANT_HEAD = 1,
    BOX_WANT_ENVELOPE = 2,
    BOX_WANT_STRUCTURE = 4,
    BOX_WANT_PREVIEW = 8,
    BOX_WANT_IDS = 16,
    BOX_WANT_FEW = 32, /* of the numbers: uid, octets, flags and modseq alone; the others are 0 */
};
/* Up to BOX_PAGE messages with first <= uid <= last, ascending, copied into arena. */
must_check int box_co_page(struct store *store, int64_t tenant, int64_t mailbox, int64_t first,
                           int64_t last, unsigned want, struct arena *arena,
                           struct box_message **ret_messages, size_t *ret_count);
/* The same in a read job. */
must_check int box_read_page(struct db_tx *tx, int64_t tenant, int64_t mailbox, int64_t first,
                             int64_t last, unsigned want, struct arena *arena,
                             struct box_message **ret_messages, size_t *ret_count);
/* Appends head and letter, up to max octets of the letter, in a read job of a lane. ERR_ABSENT. */
must_check int box_read_letter(struct db_tx *tx, int64_t tenant, const struct box_message *message,
                               size_t max, struct buffer *out);
/* Appends its envelope, nothing where there is none, in a read job. */
must_check int box_read_envelope(struct db_tx *tx, int64_t tenant, int64_t mailbox, int64_t uid,
                                 struct buffer *out);
/* In a job of store_co_scan: calls visit for each of those UIDs (ascending) that is there, in
 * order; spans of the message live as long as the call. A negative result ends it. */
typedef int box_visit(const struct box_message *message, void *arg);
must_check int box_visit_all(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                             const uint32_t *uids, size_t count, unsigned want, box_visit *visit,
                             void *arg);
/* Brings messages with first <= uid <= last, and their summaries if one is wanted, from the disk
 * into memory, many at a time, before they are read: at most BOX_WARM_MAX. Yields; its error may be
 * ignored, but for -ECANCELED. */
#define BOX_WARM_MAX ((size_t)16384)
must_check int box_co_warm(struct store *store, int64_t tenant, int64_t mailbox, int64_t first,
                           int64_t last, unsigned want);
/* UIDs with after < uid <= last, ascending, up to BOX_UIDS_PAGE. */
#define BOX_UIDS_PAGE 4096
must_check int box_co_uids(struct store *store, int64_t tenant, int64_t mailbox, int64_t after,
                           int64_t last, struct arena *arena, uint32_t **ret_uids,
                           size_t *ret_count);
/* uid > after, with heads. */
must_check int box_co_list(struct store *store, int64_t tenant, int64_t mailbox, int64_t after,
                           struct arena *arena, struct box_message **ret_messages,
                           size_t *ret_count);
/* One message, its head copied into arena. ERR_ABSENT when it is gone. */
must_check int box_co_message(struct store *store, int64_t tenant, int64_t mailbox, int64_t uid,
                              struct arena *arena, struct box_message *ret_message);

/* --- changes (change.c, flags.c) -------------------------------------------------------------- */

/* Takes messages out by UID (ascending) and drops their blobs' references; absent ones are skipped.
 * Returns how many went. At most BOX_PAGE of them. */
must_check int box_expunge(struct db_tx *tx, int64_t tenant, int64_t mailbox, const int64_t *uids,
                           size_t count);
/* The same, of those that are flagged as deleted when the job runs: a flag taken back in time
 * keeps its message. */
must_check int box_expunge_deleted(struct db_tx *tx, int64_t tenant, int64_t mailbox,
                                   const int64_t *uids, size_t count);

/* New flags of messages: (flags & ~clear) | set, where something changes and modseq <= unchanged
 * (INT64_MAX: any; RFC 7162 3.1.3). */
struct box_flagging {
    int64_t tenant, mailbox;
    const int64_t *uids; /* ascending, at most BOX_PAGE */
    size_t count;
    uint64_t clear, set;
    int64_t unchanged;
    /* Results, set in each run of the job: by place in uids. */
    uint64_t flags[BOX_PAGE];
    int64_t modseq[BOX_PAGE];
    enum box_flagged { BOX_GONE, BOX_SAME, BOX_CHANGED, BOX_MODIFIED } outcome[BOX_PAGE];
};
must_check int box_set_flags(struct db_tx *tx, void *flagging); /* is a db_job */

/* Copies (or moves) messages to another mailbox, in order of uids; those that are gone are
 * skipped. Keywords go along (keyword.h). */
struct box_copying {
    int64_t tenant, mailbox, target;
    const int64_t *uids; /* ascending, at most BOX_PAGE */
    size_t count;
    bool moving;
    struct directory_quota quota; /* of the target's user; nothing is asked of a move */
    /* Results: the new UIDs by place in uids, 0 where the message was gone. */
    int64_t target_uids[BOX_PAGE];
    size_t copied;
};
must_check int box_copy(struct db_tx *tx, void *copying); /* is a db_job; ERR_ABSENT: no target;
                                                             ERR_QUOTA: they have no room */

/* What happened after a MODSEQ: gone UIDs, and messages that are new or whose flags changed (no
 * heads). Pages: both up to BOX_PAGE; *ret_modseq is how far this page goes, and the next begins
 * there; more while it is not the end. complete is false where not all that went is remembered.
 * ERR_ABSENT: the mailbox is gone. */
struct box_news {
    int64_t modseq;
    bool more, complete;
    bool is_inbox; /* by its name now */
    int64_t *gone;
    size_t gone_count;
    struct box_message *changed;
    size_t changed_count;
    struct box_mailbox mailbox; /* its counters now, without name */
};
must_check int box_co_news(struct store *store, int64_t tenant, int64_t mailbox, int64_t after,
                           struct arena *arena, struct box_news *ret_news);
/* UIDs that went after `after`, with uid <= last, ascending; complete is false where the memory of
 * them does not reach that far back. Up to BOX_PAGE beyond uid `above`. */
must_check int box_co_expunged(struct store *store, int64_t tenant, int64_t mailbox, int64_t after,
                               int64_t above, int64_t last, struct arena *arena, int64_t **ret_uids,
                               size_t *ret_count, bool *ret_complete);

#endif
