/*
 * Keys: passwords for applications, each bound to a dialect, perhaps to one domain, to scopes, and
 * to addresses it may send as.
 *
 * Secrets carry 200 random bits and more, so a plain hash guards them; those of SES keys are sealed
 * as well, since SigV4 needs the secret itself. What they look like is what the provider's clients
 * expect: sendgrid "SG.id.secret", mailgun "hex-hex-hex", ses "AKIA…" and 40 letters.
 */
#ifndef DIRECTORY_KEY_H
#define DIRECTORY_KEY_H

#include "directory/directory.h"

enum key_dialect { KEY_NATIVE, KEY_SENDGRID, KEY_MAILGUN, KEY_SES, KEY_SMTPCOM, KEY_DIALECTS };
/* "native", …; KEY_DIALECTS when it is none. */
enum key_dialect key_dialect_of(struct span name);
const char *key_dialect_name(enum key_dialect dialect);

#define KEY_SCOPES_MAX    16384
#define KEY_ADDRESSES_MAX 4096

struct key_new {
    enum key_dialect dialect;
    struct span domain;    /* of ours; empty: all of the tenant's */
    struct span title;     /* for people; may be empty */
    struct span scopes;    /* "mail.send templates.read"; empty: all */
    struct span addresses; /* "a@b.example @c.example": may send as these; empty: all */
};
/* Writes the id and the secret; the secret is told this once. ERR_ABSENT: no such domain;
 * ERR_SYNTAX: an address is none; -E2BIG. Yields. */
must_check int directory_co_key_add(struct directory *d, int64_t tenant, const struct key_new *key,
                                    struct buffer *ret_id, struct buffer *ret_secret);

struct key {
    int64_t created_ms;
    enum key_dialect dialect;
    struct span id, title, domain, scopes, addresses; /* as in struct key_new */
    struct identity who;                              /* whoever has its secret */
};
/* By id; spans live in the arena. ERR_ABSENT. Yields. */
must_check int directory_co_key_find(struct directory *d, int64_t tenant, struct span id,
                                     struct arena *arena, struct key *ret_key);
/* scopes.at NULL: they stay. ERR_ABSENT. Yields. */
must_check int directory_co_key_change(struct directory *d, int64_t tenant, struct span id,
                                       struct span title, struct span scopes);
must_check int directory_co_key_revoke(struct directory *d, int64_t tenant, struct span id);

/* Whose secret is it (Bearer, Basic, X-SMTPCOM-API)? ERR_DENIED: nobody's, or of another dialect.
 * Yields. */
must_check int directory_co_key_by_secret(struct directory *d, enum key_dialect dialect,
                                          struct span secret, struct identity *ret_who);
/* The secret of a SES key, for checking a signature (SigV4). ERR_DENIED: no such key. Yields. */
must_check int directory_co_key_secret(struct directory *d, struct span id,
                                       struct identity *ret_who, struct buffer *ret_secret);
/* 1, 0, or an error. scope: "mail.send", … Yields. */
must_check int directory_co_key_may(struct directory *d, const struct identity *who,
                                    const char *scope);

/* Is it the SMTP password that SES derives from a secret, for any region? Pure. */
bool key_is_ses_smtp_password(struct span secret, struct span password);

#endif
