/* Whose key is it, and what may it do; see key.h and internal.h. */
#include "directory/key.h"

#include "base/base64.h"
#include "directory/internal.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define PURPOSE    "postamt key"
#define SECRET_MAX 256

#define COLUMNS                                                                                    \
    "SELECT k.tenant, k.id, k.domain, k.name, k.dialect, k.secret, k.scopes <> '',"                \
    " k.addresses <> '', k.sealed FROM api_key k"
static const struct db_statement by_name = {.sql = COLUMNS " WHERE k.name = :name"};
static const struct db_statement by_secret = {.sql = COLUMNS " WHERE k.secret = :secret"};
static const struct db_statement by_secret_in_domain = {
    .sql = COLUMNS " JOIN domain d ON d.tenant = k.tenant AND (k.domain = 0 OR k.domain = d.id)"
                   " WHERE k.secret = :secret AND d.name = :name"};

/* --- reading --------------------------------------------------------------------------------- */

static int take_row(struct db_query *q, struct key_found *ret_found)
{
    struct span secret = db_column_bytes(q, 5), sealed = db_column_bytes(q, 8);
    struct identity *who = &ret_found->who;
    if (secret.len != sizeof ret_found->hash || sealed.len > sizeof ret_found->sealed)
        return ERR_CORRUPT;
    *who = (struct identity){.tenant = db_column_int(q, 0),
                             .key = db_column_int(q, 1),
                             .key_domain = db_column_int(q, 2),
                             .dialect = key_dialect_of(db_column_bytes(q, 4)),
                             .has_scopes = db_column_int(q, 6) != 0,
                             .has_addresses = db_column_int(q, 7) != 0};
    memcpy(ret_found->hash, secret.at, secret.len);
    if (sealed.len)
        memcpy(ret_found->sealed, sealed.at, sealed.len);
    ret_found->sealed_len = sealed.len;
    return span_to_text(db_column_bytes(q, 3), who->login, sizeof who->login) ? 0 : ERR_CORRUPT;
}

int key_read_by_name(struct db_tx *tx, struct span name, struct key_found *ret_found)
{
    struct db_query *q;
    int rc = db_prepare(tx, &by_name, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "name", name);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    return take_row(q, ret_found);
}

int key_read_by_secret(struct db_tx *tx, struct span secret, struct span domain,
                       struct key_found *ret_found)
{
    unsigned char hash[crypto_generichash_BYTES];
    struct db_query *q;
    crypto_generichash(hash, sizeof hash, (const unsigned char *)secret.at, secret.len, NULL, 0);
    int rc = db_prepare(tx, domain.len ? &by_secret_in_domain : &by_secret, &q);
    if (rc < 0)
        return rc;
    db_bind_bytes(q, "secret", span_make(hash, sizeof hash));
    if (domain.len)
        db_bind_text(q, "name", domain);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    return take_row(q, ret_found);
}

/* --- by secret ------------------------------------------------------------------------------- */

struct looking {
    struct span text;
    struct key_found found;
};

static int look_by_secret(struct db_tx *tx, void *arg)
{
    struct looking *looking = arg;
    return key_read_by_secret(tx, looking->text, SPAN(""), &looking->found);
}

int directory_co_key_by_secret(struct directory *d, enum key_dialect dialect, struct span secret,
                               struct identity *ret_who)
{
    struct looking looking = {.text = secret};
    if (secret.len == 0 || secret.len > SECRET_MAX)
        return ERR_DENIED;
    int rc = store_co_read(d->store, look_by_secret, &looking);
    if (rc == ERR_ABSENT || (rc == 0 && looking.found.who.dialect != dialect))
        return ERR_DENIED;
    if (rc == 0)
        *ret_who = looking.found.who;
    return rc;
}

/* --- the secret itself ----------------------------------------------------------------------- */

static int look_by_name(struct db_tx *tx, void *arg)
{
    struct looking *looking = arg;
    return key_read_by_name(tx, looking->text, &looking->found);
}

int directory_co_key_secret(struct directory *d, struct span id, struct identity *ret_who,
                            struct buffer *ret_secret)
{
    struct looking looking = {.text = id};
    if (id.len == 0 || id.len > SECRET_MAX || span_find(id, '\0') >= 0)
        return ERR_DENIED;
    int rc = store_co_read(d->store, look_by_name, &looking);
    if (rc == ERR_ABSENT || (rc == 0 && looking.found.sealed_len == 0))
        return ERR_DENIED;
    if (rc == 0)
        rc = key_unseal(d, &looking.found, ret_secret);
    if (rc == 0)
        *ret_who = looking.found.who;
    return rc;
}

int key_unseal(const struct directory *d, const struct key_found *found, struct buffer *out)
{
    return directory_unseal(d, PURPOSE, span_make(found->sealed, found->sealed_len), out);
}

/* --- scopes ---------------------------------------------------------------------------------- */

static const struct db_statement select_scopes = {
    .sql = "SELECT scopes FROM api_key WHERE tenant = :tenant AND id = :id"};

struct asking {
    const struct identity *who;
    struct span scope;
};

static int look_for_scope(struct db_tx *tx, void *arg)
{
    const struct asking *asking = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &select_scopes, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", asking->who->tenant);
    db_bind_int(q, "id", asking->who->key);
    rc = db_step(q);
    return rc == DB_ROW ? span_has_word(db_column_bytes(q, 0), asking->scope) : rc;
}

int directory_co_key_may(struct directory *d, const struct identity *who, const char *scope)
{
    struct asking asking = {who, span_of(scope)};
    if (!who->has_scopes)
        return 1;
    return store_co_read(d->store, look_for_scope, &asking);
}

/* --- SES's passwords for SMTP ---------------------------------------------------------------- */

static void hmac(const void *key, size_t key_len, const char *text,
                 unsigned char out[crypto_auth_hmacsha256_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
    crypto_auth_hmacsha256_final(&state, out);
}

/* "AWS4" and the secret, then date, region, service, … each keyed with the last. */
static bool is_password_of_region(struct span secret, const char *region,
                                  const unsigned char password[crypto_auth_hmacsha256_BYTES])
{
    unsigned char key[4 + SECRET_MAX] = "AWS4", sum[crypto_auth_hmacsha256_BYTES];
    memcpy(key + 4, secret.at, secret.len);
    hmac(key, 4 + secret.len, "11111111", sum);
    const char *const steps[] = {region, "ses", "aws4_request", "SendRawEmail"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        hmac(sum, sizeof sum, steps[i], sum);
    sodium_memzero(key, sizeof key);
    return sodium_memcmp(sum, password, sizeof sum) == 0;
}

bool key_is_ses_smtp_password(struct span secret, struct span password)
{
    static const char *const regions[] = {
        "us-east-1",      "us-east-2",      "us-west-1",      "us-west-2",      "af-south-1",
        "ap-east-1",      "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
        "ap-south-2",     "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
        "ap-southeast-5", "ca-central-1",   "ca-west-1",      "eu-central-1",   "eu-central-2",
        "eu-north-1",     "eu-south-1",     "eu-south-2",     "eu-west-1",      "eu-west-2",
        "eu-west-3",      "il-central-1",   "me-central-1",   "me-south-1",     "sa-east-1",
        "us-gov-east-1",  "us-gov-west-1"};
    AUTO_BUFFER bytes = BUFFER(SECRET_MAX);
    bool found = false;
    if (secret.len > SECRET_MAX || base64_decode(&bytes, password) < 0 ||
        bytes.len != 1 + crypto_auth_hmacsha256_BYTES || bytes.at[0] != 4)
        return false;
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++)
        found |= is_password_of_region(secret, regions[i], (unsigned char *)bytes.at + 1);
    return found;
}
