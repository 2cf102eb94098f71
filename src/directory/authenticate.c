/*
 * Logging in with a password or a key; see directory_co_authenticate.
 *
 * The credential's row is read each time, so a changed or removed one is void at once; only the
 * Argon2 run is saved for a short time. Keys carry 200 random bits, so a plain hash guards them.
 */
#include "directory/internal.h"

#include "base/log.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const struct db_statement find_user = {
    .sql = "SELECT tenant, id, version, argon2 FROM users WHERE address = :name"};
static const struct db_statement find_key = {
    .sql = "SELECT tenant, id, domain, secret FROM api_key WHERE name = :name"};

struct login {
    struct span name;
    struct identity who;
    int64_t version;
    char argon2[PASSWORD_ARGON2_TEXT];
    unsigned char secret[crypto_generichash_BYTES];
    bool is_key;
};

static int read_user(struct db_tx *tx, struct login *login)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_user, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "name", login->name);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    login->who.tenant = db_column_int(q, 0);
    login->who.user = db_column_int(q, 1);
    login->version = db_column_int(q, 2);
    return span_to_text(db_column_bytes(q, 3), login->argon2, sizeof login->argon2) ? 0
                                                                                    : ERR_CORRUPT;
}

static int read_key(struct db_tx *tx, struct login *login)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_key, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "name", login->name);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    struct span secret = db_column_bytes(q, 3);
    if (secret.len != sizeof login->secret)
        return ERR_CORRUPT;
    login->who.tenant = db_column_int(q, 0);
    login->who.key = db_column_int(q, 1);
    login->who.key_domain = db_column_int(q, 2);
    memcpy(login->secret, secret.at, secret.len);
    return 0;
}

static int read_login(struct db_tx *tx, void *arg)
{
    struct login *login = arg;
    return login->is_key ? read_key(tx, login) : read_user(tx, login);
}

static int verify_key(const struct login *login, bool known, struct span password)
{
    unsigned char hash[crypto_generichash_BYTES];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)password.at, password.len, NULL,
                       0);
    bool same = sodium_memcmp(hash, login->secret, sizeof hash) == 0;
    return known && same ? 0 : ERR_DENIED;
}

static int co_verify_user(struct directory *d, const struct login *login, bool known,
                          struct span password)
{
    if (known && credential_cache_knows(d->credentials, login->name, password, login->version))
        return 0;
    int rc = password_co_verify(d->passwords, password, known ? login->argon2 : "");
    if (rc == 0)
        credential_cache_keep(d->credentials, login->name, password, login->version);
    return rc;
}

int directory_co_authenticate(struct directory *d, struct span name, struct span password,
                              struct identity *ret_identity)
{
    struct login login = {.is_key = span_find(name, '@') < 0};
    struct span local, domain;
    if (password.len > PASSWORD_MAX || name.len >= sizeof login.who.login ||
        span_find(name, '\0') >= 0)
        return ERR_DENIED;
    if (login.is_key)
        (void)!span_to_text(name, login.who.login, sizeof login.who.login);
    else if (directory_fold(name, login.who.login, &local, &domain) < 0)
        login.who.login[0] = '\0'; /* nobody: takes as long as a wrong password */
    login.name = span_of(login.who.login);
    int rc = store_co_read(d->store, read_login, &login);
    if (rc < 0 && rc != ERR_ABSENT)
        return rc;
    bool known = rc == 0;
    rc = login.is_key ? verify_key(&login, known, password)
                      : co_verify_user(d, &login, known, password);
    if (rc == 0)
        *ret_identity = login.who;
    return rc;
}
