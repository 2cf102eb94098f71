/*
 * A letter on its way in: from 354 to the end of data.
 *
 * Clean bytes (dots removed) are handed in as they come. The header is gathered until its blank
 * line, checked, and goes to the blob behind our trace and missing fields; the body follows
 * straight. The first reason to refuse is kept: the rest is read and thrown away, and the reply to
 * the end of data tells it.
 */
#ifndef SMTPD_INCOMING_H
#define SMTPD_INCOMING_H

#include "mail/header.h"
#include "smtpd/session.h"
#include "submit/sign.h"

#define INCOMING_LINE_MAX ((size_t)100000)

struct refusal {
    int code; /* 0: none */
    const char *enhanced, *text;
};

struct incoming {
    struct smtp_session *session;
    struct blob_writer *blob;
    struct buffer header; /* until its end has come */
    struct header_scan scan;
    bool in_body, eight_bit;
    uint64_t size;
    int64_t letter; /* its id */
    /* of what leaves: what is signed (submit/sign.h) */
    struct buffer report; /* a bounce of one of ours */
    bool is_signed;
    char author_domain[ADDRESS_DOMAIN_MAX + 1]; /* of the first in From */
    struct buffer signed_header, signatures;
    struct dkim_body signed_body;
    struct refusal refusal;
    struct smtpd_verdict verdict; /* of who took the letter over; code 0: nobody did */
};

/* 0, or the reason is in refusal: ERR_FULL and the like. */
must_check int incoming_open(struct incoming *in, struct smtp_session *s);
/* A piece of the letter; yields only when it goes to a file. Failures are kept in refusal. */
void incoming_co_take(struct incoming *in, struct span clean);
/* After the last piece: 0 when the blob is complete, else the reason is in refusal. */
must_check int incoming_co_finish(struct incoming *in);
void incoming_refuse(struct incoming *in, int code, const char *enhanced, const char *text);
void incoming_co_close(struct incoming *in);

/* returning.c: gathers a bounce, and reads what it says about which recipients. */
void incoming_keep_report(struct incoming *in, struct span clean);
must_check int incoming_read_report(struct incoming *in, struct arena *arena,
                                    struct letter_return *ret_return);

/* submission.c (RFC 6409): may this user send a letter with this header? Refuses otherwise. */
void submission_co_check_header(struct incoming *in, struct span header);
/* The same file: an application's letter goes by another door. */
/* Is this an application, whose letters go by its own door? */
bool submission_hands_over(const struct smtp_session *s);
void submission_co_hand_over(struct incoming *in);
/* The same file: what leaves is signed with the keys of its author's domain, once it is complete.
 */
void submission_co_begin_signing(struct incoming *in, struct span prefix, struct span header);
void submission_co_sign(struct incoming *in);

#endif
