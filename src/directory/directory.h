/*
 * The directory: who is who. Tenants, domains, users, aliases, keys.
 *
 * A tenant is a customer; a user is somebody with a mailbox and a login (always an address); an
 * alias sends an address on to users; a key is a password for applications, bound to a dialect and
 * perhaps to one domain. Every name is folded before it is stored or looked up: domain in lower
 * case A-label form, local part in lower case. Functions with co_ in their names yield.
 *
 * Secrets: Argon2id for PLAIN and LOGIN, keys for SCRAM (SHA-256, SHA-1) beside it. A verified
 * credential is kept for a short time as a keyed hash, so that a thousand logins a second do not
 * cost a thousand Argon2 runs; changing or removing the credential makes it void at once.
 */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include "base/arena.h"
#include "base/buffer.h"
#include "mail/address.h"
#include "mail/dkim.h"
#include "store/db.h"

#include <stdatomic.h>

extern const struct db_schema directory_schema;

#define TENANT_FIRST 1 /* made by the first migration; the command line's default */

struct directory;
struct lane;

/* passwords: the lane that runs Argon2; lives longer than the directory. */
must_check int directory_open(struct store *store, struct lane *passwords,
                              struct directory **ret_directory);
void directory_close(struct directory *d);
/* How often a password was hashed to check it, for metrics. */
uint64_t directory_password_checks(const struct directory *d);
/* What secrets in the store are sealed with; before anything is sealed. */
#define DIRECTORY_SECRET 32
void directory_set_secret(struct directory *d, const unsigned char secret[DIRECTORY_SECRET]);

/* What stands before a detail: '+' unless set otherwise; '\0': addresses have none. */
void directory_set_delimiter(struct directory *d, char delimiter);

/* What the mailboxes of a user may hold together; 0: no limit. */
struct directory_quota {
    int64_t octets, messages;
};

/* One mailbox an address leads to; or an address elsewhere. */
struct directory_target {
    int64_t tenant, user; /* user 0: elsewhere */
    struct span address;  /* the user's own address, folded */
    struct span detail;   /* what stood behind the delimiter (user+detail): may name a folder */
    struct directory_quota quota; /* of the user */
};
enum directory_found {
    DIRECTORY_FOREIGN, /* the domain is not ours */
    DIRECTORY_UNKNOWN, /* ours, but nobody has this address */
    DIRECTORY_LOCAL,   /* leads to targets */
};
/* Where does an address lead? User, alias (to one or several users, nested up to a limit), then
 * plus-addressing (user+detail, of a user or an alias; the detail goes along), then the domain's
 * catch-all. postmaster and abuse of our own domains always exist: without a user or alias they
 * lead to the domain's first user. A detail may be UTF-8, or hold whatever a quoted local part can.
 * Targets are unique and live in arena. Returns enum directory_found or an error. */
must_check int directory_co_resolve(struct directory *d, struct span local, struct span domain,
                                    struct arena *arena, struct directory_target **ret_targets,
                                    size_t *ret_count);

/* Who has logged in: a user, or a key of a tenant. */
struct identity {
    int64_t tenant, user, key; /* user or key is 0 */
    int64_t key_domain;        /* a key's one domain, or 0 for all of the tenant's */
    unsigned dialect;          /* a key's, enum key_dialect (key.h) */
    bool has_scopes;           /* the key may not do everything: directory_co_key_may */
    bool has_addresses;        /* … nor send as everybody: directory_co_may_send */
    char login[ADDRESS_TEXT_MAX];
};
/* 0; ERR_DENIED (unknown or wrong, indistinguishable, also in time); ERR_FULL, ERR_STORE, … for
 * "try later". Login is an address, or a key's id; also what the providers' clients give: "apikey"
 * and a SendGrid key, an address in a Mailgun key's domain and the key, a SES access key id and the
 * SMTP password derived from its secret. */
must_check int directory_co_authenticate(struct directory *d, struct span login,
                                         struct span password, struct identity *ret_identity);
/* Is the user still there? 1, 0, or an error. In a job. */
must_check int directory_has_user(struct db_tx *tx, int64_t tenant, int64_t user);
/* May this identity send as local@domain? Users: their own address (with any detail) and aliases
 * that lead to them; keys: any address in their domains, or of their list. 1, 0, or an error. */
must_check int directory_co_may_send(struct directory *d, const struct identity *who,
                                     struct span local, struct span domain);

/* Administration. ERR_EXISTS, ERR_ABSENT, ERR_SYNTAX (bad name), ERR_DENIED (e.g. domain in use).
 */
must_check int directory_co_domain_add(struct directory *d, int64_t tenant, struct span name);
must_check int directory_co_domain_remove(struct directory *d, int64_t tenant, struct span name);
must_check int directory_co_user_add(struct directory *d, int64_t tenant, struct span address,
                                     struct span password, int64_t *ret_user);
must_check int directory_co_user_passwd(struct directory *d, int64_t tenant, struct span address,
                                        struct span password);
/* Gives the user's id, which the caller needs to remove the mailboxes after the login. */
must_check int directory_co_user_find(struct directory *d, int64_t tenant, struct span address,
                                      int64_t *ret_user);
must_check int directory_co_user_remove(struct directory *d, int64_t tenant, struct span address);
/* address "@domain" is the catch-all. Targets are addresses of users or aliases of the tenant, or
 * outside: in a domain that is nobody's here. */
must_check int directory_co_alias_add(struct directory *d, int64_t tenant, struct span address,
                                      const struct span *targets, size_t count);
must_check int directory_co_alias_remove(struct directory *d, int64_t tenant, struct span address);

/* Limits (quota.c): a user's own ones win over the domain's, also where they are "no limit". */
#define DIRECTORY_QUOTA_INHERIT (-1) /* a user has none of its own */
#define DIRECTORY_QUOTA_KEEP    (-2) /* when setting: as it was */
#define DIRECTORY_QUOTA_MAX     ((int64_t)1 << 60)
/* ERR_ABSENT; domains take no DIRECTORY_QUOTA_INHERIT. */
must_check int directory_co_user_set_quota(struct directory *d, int64_t tenant, struct span address,
                                           const struct directory_quota *quota);
must_check int directory_co_domain_set_quota(struct directory *d, int64_t tenant, struct span name,
                                             const struct directory_quota *quota);
/* What is in effect now. ERR_ABSENT. */
must_check int directory_co_quota(struct directory *d, int64_t tenant, int64_t user,
                                  struct directory_quota *ret_quota);
must_check int directory_co_domain_quota(struct directory *d, int64_t tenant, struct span name,
                                         struct directory_quota *ret_quota);
/* The same by address, and what of it is the user's own. */
must_check int directory_co_user_quota(struct directory *d, int64_t tenant, struct span address,
                                       int64_t *ret_user, struct directory_quota *ret_quota,
                                       struct directory_quota *ret_own);

/* IMAP capabilities that a user's clients are not told of: names, upper case, with blanks between.
 * What they mean is imap's (imap/capability.h). ERR_ABSENT; ERR_SYNTAX: too long. */
#define DIRECTORY_IMAP_HIDDEN_MAX 1000
must_check int directory_co_user_hide(struct directory *d, int64_t tenant, struct span address,
                                      struct span names);
must_check int directory_co_user_hidden(struct directory *d, int64_t tenant, struct span address,
                                        char ret_names[DIRECTORY_IMAP_HIDDEN_MAX + 1]);
must_check int directory_co_hidden(struct directory *d, int64_t tenant, int64_t user,
                                   char ret_names[DIRECTORY_IMAP_HIDDEN_MAX + 1]);

/* The keys a domain signs with (mail/dkim.h): one of each algorithm, made once; a domain that has
 * keys keeps them. domain is folded. */
#define DKIM_KEYS_MAX 4
struct dkim_keys { /* counted by reference, shared by all loops */
    atomic_uint references;
    unsigned count;
    struct {
        char selector[DKIM_SELECTOR];
        struct dkim_key *key;
    } list[DKIM_KEYS_MAX];
};
must_check int directory_co_dkim_make(struct directory *d, struct span domain);
/* Held for the caller; count 0: none. They are read again after a minute. */
must_check int directory_co_dkim_keys(struct directory *d, const char *domain,
                                      struct dkim_keys **ret_keys);
void dkim_keys_release(struct dkim_keys *keys);
void directory_forget_dkim(struct directory *d, const char *domain); /* they have changed */

/* Reverse-paths that lead back, each with a keyed hash (return_path.c). domain is ours.
 * ERR_SYNTAX: not of that kind (forward: no address, or it becomes too long); ERR_DENIED: of that
 * kind, but not made by us, or weeks ago. Pure but for the last. */
must_check int directory_srs_forward(const struct directory *d, struct span reverse_path,
                                     struct span domain, int64_t now_ms,
                                     char ret_path[ADDRESS_TEXT_MAX]);
must_check int directory_srs_reverse(const struct directory *d, struct span local, int64_t now_ms,
                                     char ret_path[ADDRESS_TEXT_MAX]);
void directory_verp_write(const struct directory *d, int64_t letter, struct span domain,
                          char ret_path[ADDRESS_TEXT_MAX]);
must_check int directory_verp_read(const struct directory *d, struct span local,
                                   int64_t *ret_letter);
/* A domain that this identity may speak for: of its tenant, and the key's one if it has one.
 * Writes the folded name; the id tells when it was made. ERR_ABSENT, ERR_SYNTAX. Yields. */
must_check int directory_co_domain_find(struct directory *d, const struct identity *who,
                                        struct span name, char ret_name[ADDRESS_DOMAIN_MAX + 1],
                                        int64_t *ret_id);
/* The tenant of a domain of ours; ERR_ABSENT. Yields. */
must_check int directory_co_domain_owner(struct directory *d, struct span domain,
                                         int64_t *ret_tenant);

/* Lists, in order of name; row is called for each in the coroutine, after the read has ended. */
struct directory_row {
    int64_t id, created_ms;
    struct span name;             /* domain, address or key id */
    struct span detail;           /* alias: its targets, separated by spaces; key: its dialect */
    struct span domain;           /* key: its domain or empty */
    struct directory_quota quota; /* user: in effect; domain: its users' */
};
enum directory_list { DIRECTORY_DOMAINS, DIRECTORY_USERS, DIRECTORY_ALIASES, DIRECTORY_KEYS };
must_check int directory_co_list(struct directory *d, int64_t tenant, enum directory_list what,
                                 void (*row)(const struct directory_row *row, void *arg),
                                 void *arg);
/* One page: at most limit (256) rows behind the name `after`; they live in the arena. Yields. */
must_check int directory_co_page(struct directory *d, int64_t tenant, enum directory_list what,
                                 struct span after, unsigned limit, struct arena *arena,
                                 struct directory_row **ret_rows, size_t *ret_count);

#endif
