/*
 * Logging in with a password or a key; see directory_co_authenticate.
 *
 * The credential's row is read each time, so a changed or removed one is void at once; only the
 * Argon2 run is saved for a short time. Keys carry 200 random bits, so a plain hash guards them.
 */
#include "directory/internal.h"
#include "directory/key.h"

#include "base/log.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const struct db_statement find_user = {
    .sql =
        "SELECT tenant, id, version, argon2, scram1_iterations FROM users WHERE address = :name"};
enum login_kind {
    LOGIN_USER,   /* an address and a password */
    LOGIN_KEY,    /* a key's id and its secret (SES: the password derived from it) */
    LOGIN_APIKEY, /* "apikey" and a SendGrid key */
};

struct login {
    enum login_kind kind;
    struct span name, domain, password;
    struct identity who; /* of the user */
    int64_t version;
    char argon2[PASSWORD_ARGON2_TEXT];
    struct key_found key;
    bool has_user, has_key, has_sha1;
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
    login->has_sha1 = db_column_int(q, 4) != 0;
    login->has_user = true;
    return span_to_text(db_column_bytes(q, 3), login->argon2, sizeof login->argon2) ? 0
                                                                                    : ERR_CORRUPT;
}

/* A channel's login counts as a user's: the password is hashed as one. */
static int read_channel(struct db_tx *tx, struct login *login)
{
    int rc = channel_read_login(tx, login->name, &login->who, &login->version, login->argon2);
    login->has_user = login->has_sha1 = rc == 0; /* it has no keys for SCRAM */
    return rc;
}

/* An address may be that of a user, or any in the domain of a Mailgun key; and any name a
 * channel's. */
static int read_login(struct db_tx *tx, void *arg)
{
    struct login *login = arg;
    int rc;
    if (login->kind == LOGIN_KEY)
        rc = key_read_by_name(tx, login->name, &login->key);
    else if (login->kind == LOGIN_APIKEY)
        rc = key_read_by_secret(tx, login->password, SPAN(""), &login->key);
    else if ((rc = read_user(tx, login)) != ERR_ABSENT)
        return rc;
    else if (login->domain.len)
        rc = key_read_by_secret(tx, login->password, login->domain, &login->key);
    login->has_key = rc == 0;
    return rc == ERR_ABSENT && login->kind != LOGIN_APIKEY ? read_channel(tx, login) : rc;
}

static bool fits_hash(const struct login *login)
{
    unsigned char hash[crypto_generichash_BYTES];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)login->password.at,
                       login->password.len, NULL, 0);
    return sodium_memcmp(hash, login->key.hash, sizeof hash) == 0;
}

static bool fits_ses(const struct directory *d, const struct login *login)
{
    AUTO_BUFFER secret = BUFFER(KEY_SEALED);
    bool fits = key_unseal(d, &login->key, &secret) == 0 &&
                key_is_ses_smtp_password(buffer_span(&secret), login->password);
    if (secret.at)
        sodium_memzero(secret.at, secret.size);
    return fits;
}

/* Secrets that were found by their hash are right already. */
static int verify_key(const struct directory *d, const struct login *login)
{
    static const unsigned dialects[] = {
        [LOGIN_USER] = KEY_MAILGUN, [LOGIN_KEY] = KEY_DIALECTS, [LOGIN_APIKEY] = KEY_SENDGRID};
    bool fits = fits_hash(login);
    if (!login->has_key)
        return ERR_DENIED;
    if (login->kind == LOGIN_KEY && login->key.who.dialect == KEY_SES)
        fits = fits_ses(d, login);
    else if (login->kind != LOGIN_KEY)
        fits = fits && login->key.who.dialect == dialects[login->kind];
    return fits ? 0 : ERR_DENIED;
}

/* Users from before the keys for SHA-1 were kept. Who is let in is let in also without. */
static void co_complete_keys(struct directory *d, const struct login *login)
{
    struct scram_keys keys;
    int rc = password_co_make_sha1(d->passwords, login->password, &keys);
    if (rc == 0)
        rc = scram_co_keep_sha1(d, &login->who, login->version, &keys);
    sodium_memzero(&keys, sizeof keys);
    if (rc < 0)
        log_info("directory.no_sha1_keys", "user=%s why=\"%s\"", LOG_CLEAN(login->name),
                 error_text(rc));
}

static int co_verify_user(struct directory *d, const struct login *login)
{
    bool known = login->has_user;
    struct span password = login->password;
    if (known && credential_cache_knows(d->credentials, login->name, password, login->version))
        return 0;
    atomic_fetch_add(&d->password_checks, 1);
    int rc = password_co_verify(d->passwords, password, known ? login->argon2 : "");
    if (rc == 0)
        credential_cache_keep(d->credentials, login->name, password, login->version);
    if (rc == 0 && !login->has_sha1)
        co_complete_keys(d, login);
    return rc;
}

static enum login_kind kind_of(struct span name)
{
    if (span_find(name, '@') >= 0)
        return LOGIN_USER;
    return span_equal(name, SPAN("apikey")) ? LOGIN_APIKEY : LOGIN_KEY;
}

int directory_co_authenticate(struct directory *d, struct span name, struct span password,
                              struct identity *ret_identity)
{
    struct login login = {.kind = kind_of(name), .password = password};
    char folded[ADDRESS_TEXT_MAX];
    struct span local;
    if (password.len > PASSWORD_MAX || name.len >= sizeof folded || span_find(name, '\0') >= 0)
        return ERR_DENIED;
    if (login.kind != LOGIN_USER)
        (void)!span_to_text(name, folded, sizeof folded);
    else if (directory_fold(name, folded, &local, &login.domain) < 0)
        folded[0] = '\0'; /* nobody: takes as long as a wrong password */
    login.name = span_of(folded);
    int rc = store_co_read(d->store, read_login, &login);
    if (rc < 0 && rc != ERR_ABSENT)
        return rc;
    /* a name that nobody has takes as long as a channel's or a user's (P8) */
    bool by_user = login.kind != LOGIN_APIKEY && !login.has_key;
    rc = by_user ? co_verify_user(d, &login) : verify_key(d, &login);
    if (rc < 0)
        return rc;
    *ret_identity = by_user ? login.who : login.key.who;
    memcpy(ret_identity->login, folded, strlen(folded) + 1);
    return 0;
}
