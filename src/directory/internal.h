/* What the files of the directory share. Nobody outside includes it. */
#ifndef DIRECTORY_INTERNAL_H
#define DIRECTORY_INTERNAL_H

#include "directory/directory.h"
#include "directory/guesses.h"
#include "run/lane.h"

#include <pthread.h>
#include <sodium.h>

struct credential_cache;
struct Gsasl;

struct directory {
    struct store *store;
    struct lane *passwords;
    struct credential_cache *credentials;
    struct guesses *guesses;
    atomic_uint_fast64_t password_checks;
    struct Gsasl *gsasl; /* not changed after opening */
    unsigned char secret[DIRECTORY_SECRET];
    char delimiter; /* between a local part and its detail; '\0': none */
    pthread_mutex_t dkim_mutex;
    struct dkim_cached *dkim_cache;
};

/* password.c: Argon2id (RFC 9106) and SCRAM keys (RFC 5802, 7677), made when a password is set. */
#define PASSWORD_MIN         8
#define PASSWORD_MAX         1000
#define PASSWORD_ARGON2_TEXT 128
#define SCRAM_SALT           16
#define SCRAM_KEY            32 /* of SHA-256; those of SHA-1 have 20 bytes */
#define SCRAM_KEY_SHA1       20
#define SCRAM_ITERATIONS     4096
struct scram_keys {
    int64_t iterations;
    unsigned char salt[SCRAM_SALT], stored[SCRAM_KEY], server[SCRAM_KEY];
};
struct password_keys {
    char argon2[PASSWORD_ARGON2_TEXT];
    struct scram_keys sha256, sha1;
};
/* Both yield (a lane). -EINVAL for a password we do not take. */
must_check int password_co_make(struct lane *lane, struct span password,
                                struct password_keys *ret_keys);
/* 0, ERR_DENIED, or why it could not be checked. argon2 empty: takes as long, and is denied. */
must_check int password_co_verify(struct lane *lane, struct span password, const char *argon2);

/* The keys for SHA-1 alone: users from before they were kept get theirs when PLAIN has verified a
 * password. */
must_check int password_co_make_sha1(struct lane *lane, struct span password,
                                     struct scram_keys *ret_keys);

/* scram_keys.c: what a SCRAM dialogue is checked with. */
enum scram_hash { SCRAM_SHA_1, SCRAM_SHA_256 };
struct scram_found {
    bool known;          /* else the keys are made up: always the same salt for the same name */
    struct identity who; /* of a user */
    int64_t version;
    struct scram_keys keys;
};
/* Never ERR_ABSENT: who is unknown, or has no such keys, gets some that nobody fits. Yields. */
must_check int scram_co_find(struct directory *d, enum scram_hash hash, struct span name,
                             struct scram_found *ret_found);
/* Keeps keys for SHA-1 with a user who has none; nothing happens when the version is another. */
must_check int scram_co_keep_sha1(struct directory *d, const struct identity *who, int64_t version,
                                  const struct scram_keys *keys);

/* credentials.c: passwords verified a moment ago, as keyed hashes. version is the credential's: a
 * change of the credential makes what was kept void. Thread-safe. */
must_check int credential_cache_create(struct credential_cache **ret_cache);
void credential_cache_free(struct credential_cache *cache);
bool credential_cache_knows(struct credential_cache *cache, struct span login, struct span password,
                            int64_t version);
void credential_cache_keep(struct credential_cache *cache, struct span login, struct span password,
                           int64_t version);

/* seal.c: nonce, then the sealed bytes, appended to out. purpose: a literal; another one opens it
 * not. ERR_CORRUPT: not what was sealed. */
must_check int directory_seal(const struct directory *d, const char *purpose, struct span plain,
                              struct buffer *out);
must_check int directory_unseal(const struct directory *d, const char *purpose, struct span sealed,
                                struct buffer *out);

/* key_login.c, in jobs: a key's row by its id, or by its secret (domain: it must be good for that
 * one; empty: any). ERR_ABSENT. */
#define KEY_SEALED 256
struct key_found {
    struct identity who;
    unsigned char hash[crypto_generichash_BYTES]; /* of the secret */
    unsigned char sealed[KEY_SEALED];             /* the secret, of SES keys */
    size_t sealed_len;
};
must_check int key_read_by_name(struct db_tx *tx, struct span name, struct key_found *ret_found);
must_check int key_read_by_secret(struct db_tx *tx, struct span secret, struct span domain,
                                  struct key_found *ret_found);
must_check int key_unseal(const struct directory *d, const struct key_found *found,
                          struct buffer *out);

/* channel.c, in a job: who logs in with a channel's username. ERR_ABSENT. */
must_check int channel_read_login(struct db_tx *tx, struct span username, struct identity *ret_who,
                                  int64_t *ret_version, char ret_argon2[PASSWORD_ARGON2_TEXT]);

/* dkim.c */
void dkim_cache_free(struct directory *d);
must_check int dkim_delete_keys(struct db_tx *tx, int64_t tenant, int64_t domain); /* in a job */

/* In jobs. Text columns are folded before. 0 with *ret_id, or ERR_ABSENT. */
must_check int directory_find_domain(struct db_tx *tx, struct span name, int64_t *ret_tenant,
                                     int64_t *ret_id);
/* Is the address a user's or an alias's? 1, 0, or an error. */
must_check int directory_address_taken(struct db_tx *tx, struct span address);
/* Splits and folds "local@domain"; the spans point into text. ERR_SYNTAX. */
must_check int directory_fold(struct span address, char text[ADDRESS_TEXT_MAX],
                              struct span *ret_local, struct span *ret_domain);
/* Steps a statement that takes :tenant and :id to its end; rows changed or an error. */
must_check int directory_run_on(struct db_tx *tx, const struct db_statement *statement,
                                int64_t tenant, int64_t id);

/* A user's limits, its own or its domain's, of users u and domain d. */
#define DIRECTORY_QUOTA_COLUMNS                                                                    \
    "COALESCE(u.quota_octets, d.quota_octets), COALESCE(u.quota_messages, d.quota_messages)"

/* "user" of "user+detail", which must be ASCII; false where there is no detail. */
bool directory_cut_detail(const struct directory *d, struct span local, struct span *ret_base,
                          struct span *ret_detail);

#endif
