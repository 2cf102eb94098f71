/*
 * Delivery status notifications (RFC 3464 in an RFC 6522 report): what a sender is told about
 * letters that could not be delivered, or not yet.
 *
 * Pure. The remote's words are data, never structure: bytes that could end a field are cleaned.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include "base/arena.h"
#include "base/buffer.h"

enum dsn_action { DSN_FAILED, DSN_DELAYED };

#define DSN_HEADER_MAX ((size_t)64 * 1024) /* of the letter that is shown */
#define DSN_STATUS     12                  /* "5.1.1" and its end */

struct dsn_recipient {
    struct span address;
    struct span remote; /* name of the host that spoke; empty: nobody did */
    struct span words;  /* its reply, or why there is none */
    char status[DSN_STATUS];
};
struct dsn {
    enum dsn_action action;
    const char *hostname; /* ours */
    int64_t id;           /* of this letter */
    struct span to;       /* the sender of the one that failed */
    int64_t letter;       /* that one's id */
    struct span header;   /* its header, at most DSN_HEADER_MAX of it is shown */
    int64_t arrived_ms, now_ms;
    int64_t until_ms; /* delayed: tried until then */
    const struct dsn_recipient *recipients;
    size_t count;
};
must_check int dsn_write(struct buffer *out, const struct dsn *dsn);

/* What a DSN of others says about one recipient. */
struct dsn_report {
    struct span recipient; /* an address, as far as it can be read; may be empty */
    bool failed;           /* else: delayed */
    struct span words;     /* "5.1.1 550 …", cleaned */
};
/* Reads a report (RFC 3464): at most max recipients with an Action of failed or delayed. 0: it is
 * no report, or tells of nobody. Spans live in arena. -ENOMEM. */
must_check int dsn_read(struct span letter, struct arena *arena, struct dsn_report *ret_list,
                        size_t max);

/* The enhanced status code (RFC 3463) of a reply such as "550 5.1.1 No such user" or "4.4.1 …":
 * what it says when it is of that class ('4' or '5'), else the general one of the class. */
void dsn_status(struct span reply, char class, char ret_status[DSN_STATUS]);

#endif
