/*
 * The one door in: every letter, from whatever protocol, goes through it.
 *
 * The protocol has already decided who may send and which recipients exist; the door writes the
 * letter, its mailbox rows, what is to leave, and the events in one commit, and returns after it
 * (P1).
 */
#ifndef SUBMIT_SUBMIT_H
#define SUBMIT_SUBMIT_H

#include "box/box.h"
#include "directory/directory.h"
#include "mail/dsn.h"
#include "queue/queue.h"
#include "store/blob.h"

struct lane;

struct submit_door {
    struct store *store;
    struct directory *directory;
    struct lane *signing; /* for sign.h and send.h */
    int64_t daily_limit;  /* recipients of a tenant's calls in 24 hours; 0: none */
    bool refuse_full;     /* a full mailbox: a permanent failure, not a temporary one */
    /* After the commit: these are in the queue now. NULL: nobody is there to be told. */
    void (*announce)(void *arg, const struct queue_entry *entries, size_t count);
    void *arg;
};

struct letter_recipient {
    struct span forward_path;         /* as given in RCPT: local@domain */
    struct directory_target *targets; /* where it leads; user 0: to an address elsewhere */
    size_t count;
    /* Told after the commit. 0, or why none of its targets took the letter: ERR_ABSENT (they are
     * gone), ERR_QUOTA (their mailboxes are full). */
    int refused;
    char *mailbox; /* NULL, or room for the name of the one it went into by its first target; that
                    * is empty where it went elsewhere */
};
#define LETTER_MAILBOX (BOX_DETAIL_MAX + 1)
/* A letter that came back to its VERP address (directory_verp_read). */
struct letter_return {
    int64_t tenant, letter;
    const struct dsn_report *reports;
    size_t count;
};
struct letter {
    int64_t id;               /* from id_next(), also in the Received field */
    struct span reverse_path; /* empty for the null path */
    struct letter_recipient *recipients;
    size_t recipient_count;
    struct blob_writer *body; /* finished */
    const char *leaving_path; /* the reverse-path of what leaves, if another one (SRS); or NULL */
    bool verp;                /* what leaves gets a reverse-path of its own */
    struct span head;         /* signatures: in front of what leaves */
    bool eight_bit;           /* has bytes above 127 */
    const struct letter_return *returned; /* what a DSN says about a letter of ours; or NULL */
    bool quiet;                           /* its events are told elsewhere */
    bool apart; /* each recipient has an answer of its own (LMTP); else one for all */
    bool final; /* all were promised it: who cannot take it is dropped, with an event */
    /* A mailbox without room: its copy goes into the queue, as one for elsewhere does, and in the
     * end to its mailbox or back. Else the letter is refused (the recipient, where they are apart),
     * for whoever brings it still has it; but of what goes to several with one answer for all, the
     * copies of full ones wait alone, if anybody's does not; whether one that waited in vain is
     * told of to the sender is may_notify's, an event says it in any case. */
    bool full_waits;
    bool may_notify;    /* the reverse-path is the sender's for sure: notices may go there */
    struct span source; /* words for the log: "smtp 192.0.2.1 helo" */
};

/* Puts the letter into a mailbox of every target, once each, and into the queue for those
 * elsewhere. The mailbox is the folder that the target's detail names, if there is one, else INBOX.
 * A mailbox that cannot take it is left out, with an event that says so; when none can: ERR_ABSENT,
 * unless recipients are apart or the letter is final. ERR_QUOTA: a mailbox is full, and nothing was
 * kept (neither where they are apart). 0, or ERR_FULL, -ENOSPC, ERR_STORE: temporary, and nothing
 * was kept. Yields. */
must_check int submit_co_receive(const struct submit_door *door, const struct letter *letter);

/* What is said of a full mailbox: 452 and 4.2.2, or by the door's setting 552 and 5.2.2. */
int submit_full_code(const struct submit_door *door);
#define SUBMIT_FULL_TEXT "The mailbox is full"
/* Has every mailbox that the recipient leads to a limit, and no room under it for so many octets?
 * 1, 0 (also where some of it leads elsewhere), or an error. Yields. */
must_check int submit_co_is_full(const struct submit_door *door,
                                 const struct letter_recipient *recipient, uint64_t octets);

/* The same inside a write job of the caller's: prepared before (yields), applied in the
 * job (which may be repeated), and told of the commit afterwards. The plan lives in arena. */
struct submit_plan;
must_check int submit_co_prepare(const struct letter *letter, struct arena *arena,
                                 struct submit_plan **ret_plan);
must_check int submit_apply(struct db_tx *tx, struct submit_plan *plan);
void submit_committed(const struct submit_door *door, struct submit_plan *plan);

#endif
