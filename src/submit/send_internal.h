/* What the files of the applications' door share: one call on its way. Nobody outside includes it.
 */
#ifndef SUBMIT_SEND_INTERNAL_H
#define SUBMIT_SEND_INTERNAL_H

#include "submit/merge.h"
#include "submit/send.h"

#define SEND_HASH   32
#define SEND_SOURCE 200

struct sending {
    const struct submit_door *door;
    const struct send *send;
    struct send_result *result;
    struct arena arena; /* of the call */
    int64_t letter, now_ms;
    const struct mailbox *author; /* the first of */
    size_t author_count;
    char domain[ADDRESS_DOMAIN_MAX + 1]; /* the author's, folded */
    struct span reverse_path;

    enum queue_body kind;
    struct buffer body; /* the letter, or the package of several groups */
    struct buffer head; /* signatures */
    bool eight_bit;
    struct blob_writer *blob;

    struct submit_plan *plan; /* goes at once: mailboxes and queue; or: */
    struct letter plan_letter;
    struct queue_letter queued; /* waits: all of it in the queue */
    struct queue_recipient *rows;
    struct queue_entry *entries; /* of the rows, for whom the door tells */
    size_t row_count;

    struct span *suppressed; /* left out: result->suppressed of them */
    unsigned char key_hash[SEND_HASH], request_hash[SEND_HASH];
    bool preview;                   /* nothing is sent: the scope mail.send is not asked for */
    struct send_rendered *rendered; /* of submit_co_render; else NULL */
    char source[SEND_SOURCE];       /* for the event: who called, and a variable that was missing */

    enum send_problem refused; /* by the commit's own checks */
    bool day_full;             /* refused for the tenant's quota, not for a channel's */
    int64_t earlier;           /* the letter of an earlier call with this key; 0: none */
    bool reused;               /* with another request */
};

/* Says what is wrong; gives code. */
int sending_fail(struct sending *s, enum send_problem problem, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Says that the tenant's quota of a day is used up. */
int sending_fail_day(struct sending *s);

/* send_make.c: body, head and eight_bit are filled. Yields. */
must_check int sending_co_make(struct sending *s);
/* The letter of one group, unsigned, as it would be sent. Yields. */
must_check int sending_co_compose(struct sending *s, const struct content_group *group,
                                  struct buffer *out);

/* send_list.c: who gets it. Fills plan or rows, and suppressed. Yields. */
must_check int sending_co_address(struct sending *s);
/* Checks the addresses of all groups, and counts them. */
must_check int sending_check_groups(struct sending *s);

/* send_commit.c */
must_check int sending_co_look_for_key(struct sending *s); /* earlier, reused. Yields. */
must_check int sending_co_commit(struct sending *s);       /* Yields. */

#endif
