/*
 * The queue: letters that leave. What is kept about them, and in which states (P2).
 *
 * A letter has one row and each of its recipients one of its own; both are made in the commit that
 * accepts the letter. A recipient waits until due_ms, or is held for a reason that its row tells;
 * it leaves the queue in one of four ways (enum queue_end), with an event in the same commit. The
 * row of a letter and its reference to the body go with its last recipient.
 *
 * The store is the truth. What is in memory (queue/index.h) only says what to look at next; a
 * session reads the rows before it sends, and rows that are gone or held are left alone.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/arena.h"
#include "store/db.h"

extern const struct db_schema queue_schema;

/* --- records --------------------------------------------------------------------------------- */

enum queue_body {
    QUEUE_BODY_RAW = 1,  /* the blob is the letter's bytes */
    QUEUE_BODY_TEMPLATE, /* the blob is a template, to be rendered with each one's variables */
};

struct queue_letter {
    int64_t tenant, id;
    struct span reverse_path; /* empty for the null path */
    enum queue_body kind;
    struct span head; /* goes in front of the body: signatures */
    int64_t blob;
    uint64_t octets;  /* of the body */
    bool eight_bit;   /* has bytes above 127: 8BITMIME where it goes (RFC 6152) */
    bool verp;        /* goes out with a reverse-path of its own, so that bounces find it */
    bool may_notify;  /* the sender is verified: notices may go there */
    bool noticed;     /* the sender was told of the delay */
    unsigned crashes; /* so often we ended badly while it was being sent */
    int64_t accepted_ms, expires_ms;
    int64_t first_due_ms; /* not before: policy times count from here; 0: accepted_ms */
    struct span batch;    /* of scheduled letters, to be steered together; empty: none */
};

struct queue_recipient {
    int64_t id;               /* from id_next() */
    struct span forward_path; /* local@domain */
    struct span domain;       /* folded; where it goes, before MX records are asked */
    int64_t due_ms;
    struct span held;       /* why, in words; empty: not held */
    unsigned attempts;      /* that came to an end */
    struct span last_reply; /* in the remote's words, cleaned; empty before the first */
    struct span variables;  /* of a template */
};

/* In a write job: a letter with its recipients. Ids were taken before, since jobs are repeated. The
 * caller puts the blob with one reference for the letter, and the event that it was accepted. */
must_check int queue_put(struct db_tx *tx, const struct queue_letter *letter,
                         const struct queue_recipient *recipients, size_t count);

/* What a session wants to know before it sends: the letter, and those of the recipients that are
 * still there and not held (the others are left out of ret_list, in the same order). Spans live in
 * the arena. ERR_ABSENT: no such letter. Yields. */
must_check int queue_co_read(struct store *store, int64_t tenant, int64_t letter,
                             const int64_t *ids, size_t count, struct arena *arena,
                             struct queue_letter *ret_letter, struct queue_recipient *ret_list,
                             size_t *ret_count);

/* --- results --------------------------------------------------------------------------------- */

enum queue_end {
    QUEUE_DEFERRED,  /* not an end: again at due_ms */
    QUEUE_DELIVERED, /* the next server has taken it */
    QUEUE_BOUNCED,   /* it never will */
    QUEUE_EXPIRED,   /* it was tried for long enough */
    QUEUE_DROPPED,   /* by the operator, or a rule */
};

struct queue_result {
    int64_t recipient;
    struct span forward_path; /* for the event */
    enum queue_end end;
    struct span reply; /* the remote's words or ours, cleaned; what the event and the queue show */
    int64_t due_ms;    /* deferred: when again */
};

/* In a write job: what became of recipients of one letter, with their events. One that has left
 * the queue already (dropped meanwhile) is passed over: its end has been told. */
must_check int queue_settle(struct db_tx *tx, const struct queue_letter *letter,
                            const struct queue_result *results, size_t count);

/* In a write job: how often we have crashed while this letter was being sent, with this time. */
must_check int queue_count_crash(struct db_tx *tx, int64_t tenant, int64_t letter);
/* In a write job: the sender has been told of the delay. */
must_check int queue_set_noticed(struct db_tx *tx, const struct queue_letter *letter);

/* --- looking and steering -------------------------------------------------------------------- */

/* Which recipients; zero and empty fields do not select. */
struct queue_selector {
    int64_t tenant; /* never 0 */
    int64_t letter, recipient;
    struct span domain, sender; /* of the recipient, folded; reverse-path */
    struct span recipient_path; /* forward-path */
    struct span batch;          /* of the letter */
    struct span sender_domain;  /* of the reverse-path, folded; for queue_co_list alone */
};

struct queue_entry {
    int64_t tenant, recipient, letter, due_ms;
    bool held;
    struct span domain;
};

/* The next rows behind (tenant, recipient), in order of these, of all tenants: at most 256, into
 * arena. What the index is filled from at start. Yields. */
must_check int queue_co_walk(struct store *store, int64_t tenant, int64_t recipient,
                             struct arena *arena, struct queue_entry **ret_entries,
                             size_t *ret_count);

struct queue_row {
    struct queue_letter letter;
    struct queue_recipient recipient;
};
/* At most limit (256) rows behind the recipient's id `after`, in order of id, without variables.
 * Yields. */
must_check int queue_co_list(struct store *store, const struct queue_selector *selector,
                             int64_t after, unsigned limit, struct arena *arena,
                             struct queue_row **ret_rows, size_t *ret_count);

/* In a write job: due now (and no longer held), held for a reason, due again (now; what
 * was never tried and is for later, then). Count of rows. */
must_check int queue_retry(struct db_tx *tx, const struct queue_selector *selector, int64_t now_ms);
must_check int queue_hold(struct db_tx *tx, const struct queue_selector *selector,
                          struct span reason);
must_check int queue_release(struct db_tx *tx, const struct queue_selector *selector,
                             int64_t now_ms);

/* --- time ------------------------------------------------------------------------------------ */

#define QUEUE_RETRIES_MAX 16

struct queue_policy {
    int64_t retry_ms[QUEUE_RETRIES_MAX]; /* the pause after the first attempt, the second, … */
    unsigned retry_count;                /* at least 1 */
    int64_t retry_then_ms;               /* after all others */
    unsigned jitter_percent;             /* a pause is so much shorter or longer, by chance */
    /* "delayed" (0: never), and the end: so long after the letter was accepted, or first due */
    int64_t notice_ms, expiry_ms;
};
/* 1, 5, 15, 30 minutes, then hourly, 10 %; notice after 4 hours, expiry after 5 days. */
extern const struct queue_policy queue_policy_default;

/* When to try again after so many attempts; never behind the letter's expiry, where the last
 * attempt is made. dice: any random number. */
int64_t queue_next_due(const struct queue_policy *policy, unsigned attempts, int64_t now_ms,
                       int64_t expires_ms, uint32_t dice);
/* When the letter is tried for the last time: by the policy, or its own time if that is sooner. */
int64_t queue_expiry(const struct queue_policy *policy, const struct queue_letter *letter);
/* Has the letter waited so long that its sender is told? */
bool queue_is_delayed(const struct queue_policy *policy, const struct queue_letter *letter,
                      int64_t now_ms);
/* A due time that was written while the clock was ahead: never further away than the longest pause
 * of the policy. */
int64_t queue_near_due(const struct queue_policy *policy, int64_t due_ms, int64_t now_ms);

#endif
