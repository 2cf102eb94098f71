/*
 * Trace fields (RFC 5321 4.4, RFC 3848) and the fields a submission may lack (RFC 6409 8).
 *
 * Pure. Outside text (the client's name for itself) is cleaned: it cannot make a field of its own.
 */
#ifndef MAIL_TRACE_H
#define MAIL_TRACE_H

#include "base/buffer.h"

struct trace_received {
    struct span hello;    /* what the client called itself */
    const char *peer;     /* its address, or NULL to hide it (submission) */
    const char *hostname; /* ours */
    const char *protocol; /* "ESMTPS" */
    const char *tls;      /* "TLSv1.3", NULL in the clear */
    const char *cipher;
    int64_t letter;
    struct span recipient; /* the only one, else empty: others are not told about each other */
    int64_t wall_ms;
};

must_check int trace_received(struct buffer *out, const struct trace_received *received);
/* "Return-Path: <…>" and "Delivered-To: …", what a mailbox's copy begins with. */
must_check int trace_delivery(struct buffer *out, struct span reverse_path, struct span address);
must_check int trace_date(struct buffer *out, int64_t wall_ms);
must_check int trace_message_id(struct buffer *out, int64_t letter, const char *hostname);

#endif
