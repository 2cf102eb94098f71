/* Keys: passwords for applications; see directory.h. */
#include "directory/internal.h"

#include "base/id.h"
#include "base/random.h"

#include <sodium.h>

#define SECRET_LETTERS 40 /* of 5 bits: 200 bits */

struct key_call {
    int64_t tenant;
    struct span name, dialect;
    char domain[ADDRESS_DOMAIN_MAX + 1]; /* empty: all of the tenant's */
    unsigned char hash[crypto_generichash_BYTES];
};

static const struct db_statement insert_key = {
    .sql = "INSERT INTO api_key (tenant, id, name, dialect, domain, secret)"
           " VALUES (:tenant, :id, :name, :dialect, :domain, :secret)"};
static const struct db_statement delete_key = {
    .sql = "DELETE FROM api_key WHERE tenant = :tenant AND name = :name"};

static int add(struct db_tx *tx, void *arg)
{
    const struct key_call *call = arg;
    struct db_query *q = NULL;
    int64_t tenant = call->tenant, domain = 0, id = 0;
    int rc = 0;
    if (call->domain[0])
        rc = directory_find_domain(tx, span_of(call->domain), &tenant, &domain);
    if (rc == 0 && tenant != call->tenant)
        rc = ERR_ABSENT;
    if (rc == 0 && !id_parse(call->name, &id))
        rc = ERR_SYNTAX;
    if (rc == 0)
        rc = db_prepare(tx, &insert_key, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", id);
    db_bind_text(q, "name", call->name);
    db_bind_text(q, "dialect", call->dialect);
    db_bind_int(q, "domain", domain);
    db_bind_bytes(q, "secret", span_make(call->hash, sizeof call->hash));
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static int take_out(struct db_tx *tx, void *arg)
{
    const struct key_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &delete_key, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "name", call->name);
    rc = db_run(q);
    if (rc < 0)
        return rc;
    return rc ? 0 : ERR_ABSENT;
}

static bool is_dialect(struct span name)
{
    static const char *const dialects[] = {"native", "sendgrid", "mailgun", "ses", "smtpcom"};
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (span_equal(name, span_of(dialects[i])))
            return true;
    return false;
}

static int make_secret(struct buffer *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char bytes[SECRET_LETTERS];
    int rc = buffer_reserve(out, sizeof bytes);
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; rc == 0 && i < sizeof bytes; i++)
        out->at[out->len++] = letters[bytes[i] & 31];
    sodium_memzero(bytes, sizeof bytes);
    return rc;
}

int directory_co_key_add(struct directory *d, int64_t tenant, struct span dialect,
                         struct span domain, struct buffer *ret_id, struct buffer *ret_secret)
{
    char name[ID_TEXT];
    struct key_call call = {.tenant = tenant, .dialect = dialect};
    if (!is_dialect(dialect))
        return ERR_SYNTAX;
    int rc = domain.len ? address_fold_domain(domain, call.domain) : 0;
    if (rc == 0)
        rc = make_secret(ret_secret);
    if (rc < 0)
        return rc;
    call.name = span_of(id_text(id_next(), name));
    crypto_generichash(call.hash, sizeof call.hash, (const unsigned char *)ret_secret->at,
                       ret_secret->len, NULL, 0);
    rc = store_co_write(d->store, add, &call);
    return rc < 0 ? rc : buffer_append(ret_id, call.name);
}

int directory_co_key_revoke(struct directory *d, int64_t tenant, struct span id)
{
    struct key_call call = {.tenant = tenant, .name = id};
    return store_co_write(d->store, take_out, &call);
}
