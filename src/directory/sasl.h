/*
 * SASL (RFC 4422): one dialogue of a client that logs in, the same in every protocol.
 *
 * A session holds one struct sasl_dialogue from its greeting to its end. sasl_co_start and
 * sasl_co_answer take what the client sent as it stands on the wire (base64, "=" or "*") and give
 * SASL_CHALLENGE until the dialogue is over; the protocol wraps the challenge ("334 ", "+ ") and
 * reads the next line with a limit of SASL_LINE_MAX. Mechanisms: SCRAM-SHA-256 and SCRAM-SHA-1
 * (RFC 5802, 7677), each with -PLUS where the connection is TLS 1.3 (tls-exporter, RFC 9266; never
 * tls-unique), PLAIN (RFC 4616), LOGIN. Who logs in is the same identity whatever the mechanism.
 *
 * Whether a mechanism may be used at all (TLS first) is the protocol's question.
 */
#ifndef DIRECTORY_SASL_H
#define DIRECTORY_SASL_H

#include "directory/directory.h"

struct stream;
struct scram; /* scram.h */

#define SASL_LINE_MAX     ((size_t)8190) /* of one line of the client, with CRLF */
#define SASL_FAILURES_MAX 3              /* on one connection */

enum sasl_mechanism {
    SASL_SCRAM_SHA_256_PLUS,
    SASL_SCRAM_SHA_256,
    SASL_SCRAM_SHA_1_PLUS,
    SASL_SCRAM_SHA_1,
    SASL_PLAIN,
    SASL_LOGIN,
    SASL_MECHANISMS,
};

enum sasl_result { SASL_DONE = 0, SASL_CHALLENGE = 1 };

struct sasl_dialogue {
    struct directory *directory;
    struct stream *st;
    bool users_only; /* a key, which has no mailbox, is denied */
    bool guessing;   /* a password is being checked, guesses.h */
    unsigned failures;
    enum sasl_mechanism mechanism;
    unsigned step;           /* answers taken */
    struct buffer challenge; /* base64 */
    struct buffer name;      /* said by the client, not cleaned */
    struct scram *scram;
};

/* At the session's start. Nothing is allocated until a client logs in. */
void sasl_open(struct sasl_dialogue *dialogue, struct directory *directory, struct stream *st,
               bool users_only);
/* Forgets all but the count of failures; for the session's end, and after each dialogue. */
void sasl_close(struct sasl_dialogue *dialogue);

/* The mechanisms for this connection as it is now, the best first: before + name, each. */
must_check int sasl_list(const struct sasl_dialogue *dialogue, const char *before,
                         struct buffer *out);

/* Both yield. SASL_DONE with *ret_who, or SASL_CHALLENGE with sasl_challenge(); or an error, which
 * ends the dialogue:
 *   -ENOTSUP    no such mechanism here (start only)
 *   ERR_SYNTAX  not base64, or not what the mechanism sends
 *   ERR_ABSENT  the client gave up: "*"
 *   ERR_DENIED  unknown, wrong, or for somebody else, indistinguishable also in time. Counted:
 *               after sasl_is_exhausted() the connection is to be closed
 *   -ECANCELED  the session is ending
 *   others      cannot be checked now, try later; ERR_LIMITED: this peer has guessed too often
 *               (guesses.h)
 * initial: empty when the command had no initial response, "=" for an empty one. */
must_check int sasl_co_start(struct sasl_dialogue *dialogue, struct span mechanism,
                             struct span initial, struct identity *ret_who);
must_check int sasl_co_answer(struct sasl_dialogue *dialogue, struct span line,
                              struct identity *ret_who);
/* Both to the end, on the session's stream: prompt ("334 ", "+ ") and challenge out, the client's
 * lines in. SASL_DONE, the errors above, or the stream's. */
must_check int sasl_co_run(struct sasl_dialogue *dialogue, struct span mechanism,
                           struct span initial, struct span prompt, struct identity *ret_who);
/* A command with name and password (IMAP LOGIN, POP3 PASS): as PLAIN, never SASL_CHALLENGE. */
must_check int sasl_co_login(struct sasl_dialogue *dialogue, struct span name, struct span password,
                             struct identity *ret_who);
/* Base64, perhaps empty; until the next call. */
struct span sasl_challenge(const struct sasl_dialogue *dialogue);
/* Who tries, for the log: to be cleaned. Until sasl_close or the next start. */
struct span sasl_name(const struct sasl_dialogue *dialogue);
bool sasl_is_exhausted(const struct sasl_dialogue *dialogue);

/* --- messages of clients; pure ---------------------------------------------------------------- */

/* PLAIN (RFC 4616): [authzid] NUL authcid NUL passwd. authcid and passwd are not empty. ERR_SYNTAX.
 * The spans point into message. */
must_check int sasl_parse_plain(struct span message, struct span *ret_authzid,
                                struct span *ret_authcid, struct span *ret_password);

/* SCRAM's client-first-message (RFC 5802 7): gs2-header "n=" saslname "," "r=" c-nonce. The spans
 * point into message; the names are decoded by sasl_scram_name. ERR_SYNTAX. */
struct sasl_scram_first {
    char flag;           /* 'n': no channel binding; 'y': the client thinks we have none; 'p' */
    struct span binding; /* of 'p': "tls-exporter" */
    struct span authzid, name;
};
must_check int sasl_parse_scram_first(struct span message, struct sasl_scram_first *ret_first);
/* saslname: "=2C" is a comma, "=3D" an equals sign, no other "=" stands. ERR_SYNTAX. */
must_check int sasl_scram_name(struct span saslname, struct buffer *out);

#endif
