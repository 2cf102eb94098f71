/*
 * The door for applications: every send of every dialect, by HTTP or SMTP, is a struct send.
 *
 * Rights, limits, rendering, composing and signing come first; then one commit makes the letter,
 * its recipients, its events, its use of the quota and its Idempotency-Key durable (P1). One group
 * is composed at once; several are kept as one package and the data of each, and are merged when
 * they leave (merge.h), so that a batch stores its letter once.
 */
#ifndef SUBMIT_SEND_H
#define SUBMIT_SEND_H

#include "base/id.h"
#include "submit/content.h"
#include "submit/submit.h"

#define SEND_RECIPIENTS_MAX 10000              /* of one call; dialects have smaller limits */
#define SEND_OCTETS_MAX     (40 * 1024 * 1024) /* of a letter */
#define SEND_KEY_MAX        256                /* bytes of an Idempotency-Key */

struct send {
    const struct identity *who;
    const char *source;            /* for the event: "sendgrid", "ses", … */
    const struct content *content; /* or: */
    struct span raw;               /* a letter that the client composed (RFC 5322) */
    const struct content_group *groups;
    size_t group_count;
    struct span reverse_path; /* where bounces go; empty: the author, or */
    bool null_path;           /* … nowhere */
    int64_t due_ms;           /* not before (wall clock); 0: now */
    struct span batch;        /* of scheduled sends, see batch.h; empty: none */
    struct span meta;         /* kept with the letter (JSON); may be empty */
    struct span channel;      /* counts against its quota (directory/channel.h); empty: none */
    bool dry;                 /* everything but the commit: sandbox and test modes */
    bool to_suppressed;       /* also to addresses on the suppression list */
    bool one_id;              /* all groups have the letter's Message-ID (Mailgun) */
    /* The same key and request again within 24 hours: the same answer, nothing sent. */
    struct span key, request; /* empty key: none */
};

enum send_problem {
    SEND_OK,
    SEND_NO_RECIPIENTS,
    SEND_TOO_MANY_RECIPIENTS,
    SEND_TOO_LARGE,
    SEND_BAD_ADDRESS,  /* of a recipient: group, list ("to", "cc", "bcc"), index */
    SEND_BAD_CONTENT,  /* fault says what */
    SEND_BAD_RAW,      /* text says what */
    SEND_BAD_TEMPLATE, /* text says where */
    SEND_NOT_ALLOWED,  /* the key's scopes */
    SEND_FOREIGN_FROM, /* the author is not of the key's domains or addresses */
    SEND_OVER_QUOTA,
    SEND_NO_CHANNEL, /* there is none of that name */
    SEND_KEY_REUSED, /* Idempotency-Key with another request */
};

struct send_result {
    enum send_problem problem;
    size_t group, index; /* where, if it has a place */
    const char *list;    /* "to", "cc", "bcc" */
    struct compose_fault fault;
    char text[300];     /* words for the client */
    char variable[100]; /* SEND_BAD_TEMPLATE: the one that is missing; or empty */
    /* When sent: */
    int64_t letter;
    bool replayed; /* by an earlier call with the same key */
    char domain[ADDRESS_DOMAIN_MAX + 1];
    size_t recipients, suppressed; /* all, and those of them that are left out */
};

/* 0 with problem SEND_OK: durable (dry: it would have been). ERR_DENIED, ERR_SYNTAX: the problem
 * says why. ERR_FULL, ERR_STORE, -ENOSPC, -ENOMEM: try later. Yields. */
must_check int submit_co_send(const struct submit_door *door, const struct send *send,
                              struct send_result *ret_result);

/* "<id@domain>", or "<id-group@domain>" of a group of several; what the letter's Message-ID is
 * unless the client gave one. */
#define SEND_MESSAGE_ID (ID_TEXT + 12 + ADDRESS_DOMAIN_MAX + 4)
const char *send_message_id(int64_t letter, size_t group, bool several, const char *domain,
                            char ret_text[SEND_MESSAGE_ID]);

/* Renders and composes one group as it would be sent, and sends nothing: a preview. The letter goes
 * to out. The key needs no right to send, but one to the author. Yields. */
must_check int submit_co_preview(const struct submit_door *door, const struct send *send,
                                 struct buffer *out, struct send_result *ret_result);

/* The same, and what the templates became. Each buffer has its cap from the caller. */
struct send_rendered {
    struct buffer letter, subject, text, html, amp;
    struct buffer missing; /* the first variable that was not there (not strict) */
};
must_check int submit_co_render(const struct submit_door *door, const struct send *send,
                                struct send_rendered *rendered, struct send_result *ret_result);

/* What is kept of a call, by the id it was answered with. ERR_ABSENT. Yields. */
struct send_message {
    int64_t key; /* that sent it; 0: none */
    struct span source, meta;
    size_t recipients;
};
must_check int submit_co_message(const struct submit_door *door, int64_t tenant, int64_t letter,
                                 struct arena *arena, struct send_message *ret_message);

/* How many recipients the tenant's calls had in the last 24 hours, and the limit (0: none). */
struct send_quota {
    int64_t sent, limit;
};
must_check int submit_co_quota(const struct submit_door *door, int64_t tenant,
                               struct send_quota *ret_quota);

#endif
