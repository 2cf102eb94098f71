/*
 * The SMTP server (RFC 5321, 6409, 2033): one session for each connection, for the world (MX, port
 * 25), for our users (submission, 587 and 465), and for mail servers of our own that hand letters
 * in (LMTP, 24 and a unix socket).
 *
 * MX takes letters for our own addresses from anybody and relays nothing. Submission wants AUTH
 * (directory/sasl.h; under TLS, where cleartext is not allowed) and lets a user send only as
 * addresses that are theirs. LMTP takes what MX takes, from loopback and trusted networks, and
 * answers the end of data once for each recipient. A positive reply to the end of data follows the
 * commit (P1). main fills the settings; they outlive all sessions.
 */
#ifndef SMTPD_SERVER_H
#define SMTPD_SERVER_H

#include "base/network.h"
#include "directory/directory.h"
#include "run/stream.h"
#include "submit/submit.h"

#include <stdatomic.h>

struct tls_context;

enum smtpd_role { SMTPD_MX, SMTPD_SUBMISSION, SMTPD_LMTP };

struct smtpd_counters {
    atomic_uint_fast64_t sessions, accepted, accepted_bytes, refused, tempfailed;
};

/* A letter that an application (a key) submits: it goes by the applications' door. */
struct smtpd_handover {
    const struct identity *who;
    struct span reverse_path;
    const struct letter_recipient *recipients;
    size_t recipient_count;
    struct span letter; /* whole, behind our Received field */
    bool eight_bit;
};
struct smtpd_verdict {
    int code; /* 250, 4yz, 5yz */
    char enhanced[12], text[300];
};

struct smtpd_settings {
    enum smtpd_role role;
    bool implicit_tls;    /* 465: TLS from the first byte (RFC 8314) */
    bool cleartext_login; /* from loopback, too */
    const char *hostname; /* ours, in the greeting and Received */
    const struct submit_door *door;
    struct directory *directory;
    /* Gives the current context, held for the caller, or NULL where there is no TLS. */
    struct tls_context *(*tls)(void *tls_arg);
    void *tls_arg;
    /* Takes a key's letter over and says the reply; it is durable before a 250 is returned. */
    void (*co_take_over)(void *arg, const struct smtpd_handover *handover,
                         struct smtpd_verdict *ret_verdict);
    void *take_over_arg;
    struct smtpd_counters *counters; /* shared by all loops */
    uint64_t message_max;            /* bytes; 0: 25 MiB */
    uint32_t recipients_max;         /* in one transaction; 0: 1,000 (RFC 5321 wants 100) */
    uint32_t header_max;             /* bytes of a header; 0: 256 KiB */
    uint32_t received_max;           /* Received fields before it is a loop; 0: 50 */
    int64_t command_timeout_ms;      /* for one whole command; 0: 5 minutes */
    int64_t data_timeout_ms;         /* between two reads of a body; 0: 3 minutes */
    int64_t greet_pause_ms;          /* MX, not for loopback: who talks first is no mail server */
    const struct network *trusted;   /* LMTP: who may come, beside loopback and unix sockets */
    size_t trusted_count;
};

/* For listener_settings.co_serve; settings is a struct smtpd_settings. */
int smtpd_co_serve(struct stream *st, void *settings);
extern const struct span smtpd_refusal; /* for listener_settings.refusal */

#endif
