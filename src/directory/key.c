/* Keys: making, finding, changing; see key.h. */
#include "directory/key.h"

#include "base/id.h"
#include "base/random.h"
#include "directory/internal.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const char *const dialects[KEY_DIALECTS] = {"native", "sendgrid", "mailgun", "ses",
                                                   "smtpcom"};

enum key_dialect key_dialect_of(struct span name)
{
    unsigned i = 0;
    while (i < KEY_DIALECTS && !span_equal(name, span_of(dialects[i])))
        i++;
    return (enum key_dialect)i;
}

const char *key_dialect_name(enum key_dialect dialect)
{
    return dialects[dialect];
}

/* --- what ids and secrets look like ---------------------------------------------------------- */

#define LETTERS_32  "abcdefghijklmnopqrstuvwxyz234567"
#define LETTERS_AWS "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
#define LETTERS_16  "0123456789abcdef"
#define LETTERS_URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define LETTERS_64  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/* letters: a power of two of them. */
static int append_random(struct buffer *out, const char *letters, size_t count)
{
    unsigned char bytes[64];
    size_t mask = strlen(letters) - 1;
    int rc = buffer_reserve(out, count);
    random_bytes(bytes, count);
    for (size_t i = 0; rc == 0 && i < count; i++)
        out->at[out->len++] = letters[bytes[i] & mask];
    sodium_memzero(bytes, sizeof bytes);
    return rc;
}

static int write_id(enum key_dialect dialect, int64_t number, struct buffer *out)
{
    char text[ID_TEXT];
    if (dialect == KEY_SENDGRID)
        return append_random(out, LETTERS_URL, 22);
    if (dialect != KEY_SES)
        return buffer_append_text(out, id_text(number, text));
    int rc = buffer_append_text(out, "AKIA");
    return rc < 0 ? rc : append_random(out, LETTERS_AWS, 16);
}

static int write_secret(enum key_dialect dialect, struct span id, struct buffer *out)
{
    int rc;
    switch (dialect) {
    case KEY_SENDGRID:
        rc = buffer_printf(out, "SG.%.*s.", SPAN_PRINT(id));
        return rc < 0 ? rc : append_random(out, LETTERS_URL, 43);
    case KEY_MAILGUN:
        rc = append_random(out, LETTERS_16, 32);
        for (int i = 0; rc == 0 && i < 2; i++) {
            rc = buffer_append_byte(out, '-');
            if (rc == 0)
                rc = append_random(out, LETTERS_16, 8);
        }
        return rc;
    case KEY_SES:
        return append_random(out, LETTERS_64, 40);
    case KEY_SMTPCOM:
        rc = append_random(out, LETTERS_16, 32);
        return rc < 0 ? rc : append_random(out, LETTERS_16, 32);
    default:
        return append_random(out, LETTERS_32, 40);
    }
}

static void hash_secret(struct span secret, unsigned char hash[crypto_generichash_BYTES])
{
    crypto_generichash(hash, crypto_generichash_BYTES, (const unsigned char *)secret.at, secret.len,
                       NULL, 0);
}

/* --- making ---------------------------------------------------------------------------------- */

#define PURPOSE    "postamt key"
#define TEXT_MAX   256
#define SEALED_MAX 256

struct making {
    const struct key_new *key;
    int64_t tenant, number;
    struct span id;
    char domain[ADDRESS_DOMAIN_MAX + 1]; /* empty: all of the tenant's */
    struct span addresses;               /* folded */
    unsigned char hash[crypto_generichash_BYTES];
    struct buffer sealed;
};

static const struct db_statement insert_key = {
    .sql = "INSERT INTO api_key (tenant, id, name, dialect, domain, secret, title, scopes,"
           " addresses, sealed) VALUES (:tenant, :id, :name, :dialect, :domain, :secret, :title,"
           " :scopes, :addresses, :sealed)"};

static int add(struct db_tx *tx, void *arg)
{
    const struct making *making = arg;
    struct db_query *q = NULL;
    int64_t tenant = making->tenant, domain = 0;
    int rc = 0;
    if (making->domain[0])
        rc = directory_find_domain(tx, span_of(making->domain), &tenant, &domain);
    if (rc == 0 && tenant != making->tenant)
        rc = ERR_ABSENT;
    if (rc == 0)
        rc = db_prepare(tx, &insert_key, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", making->number);
    db_bind_text(q, "name", making->id);
    db_bind_text(q, "dialect", span_of(key_dialect_name(making->key->dialect)));
    db_bind_int(q, "domain", domain);
    db_bind_bytes(q, "secret", span_make(making->hash, sizeof making->hash));
    db_bind_text(q, "title", making->key->title.len ? making->key->title : SPAN(""));
    db_bind_text(q, "scopes", making->key->scopes.len ? making->key->scopes : SPAN(""));
    db_bind_text(q, "addresses", making->addresses);
    db_bind_bytes(q, "sealed", buffer_span(&making->sealed));
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* Each "local@domain" or "@domain", folded. */
static int fold_addresses(struct span list, struct buffer *out)
{
    struct span word;
    int rc = 0;
    while (rc == 0 && span_cut(&list, ' ', &word)) {
        char folded[ADDRESS_TEXT_MAX];
        struct span local, domain;
        if (word.len == 0)
            continue;
        if (word.at[0] == '@') {
            folded[0] = '@';
            rc = address_fold_domain(span_from(word, 1), folded + 1);
        } else {
            rc = directory_fold(word, folded, &local, &domain);
        }
        if (rc == 0 && out->len)
            rc = buffer_append_byte(out, ' ');
        if (rc == 0)
            rc = buffer_append_text(out, folded);
    }
    return rc;
}

int directory_co_key_add(struct directory *d, int64_t tenant, const struct key_new *key,
                         struct buffer *ret_id, struct buffer *ret_secret)
{
    AUTO_BUFFER addresses = BUFFER(2 * KEY_ADDRESSES_MAX), sealed = BUFFER(SEALED_MAX);
    struct making making = {.key = key, .tenant = tenant, .number = id_next()};
    if (key->scopes.len > KEY_SCOPES_MAX || key->addresses.len > KEY_ADDRESSES_MAX ||
        key->title.len > TEXT_MAX)
        return -E2BIG;
    int rc = key->domain.len ? address_fold_domain(key->domain, making.domain) : 0;
    if (rc == 0)
        rc = fold_addresses(key->addresses, &addresses);
    if (rc == 0)
        rc = write_id(key->dialect, making.number, ret_id);
    if (rc == 0)
        rc = write_secret(key->dialect, buffer_span(ret_id), ret_secret);
    if (rc == 0 && key->dialect == KEY_SES)
        rc = directory_seal(d, PURPOSE, buffer_span(ret_secret), &sealed);
    if (rc < 0)
        return rc;
    making.id = buffer_span(ret_id);
    making.addresses = addresses.len ? buffer_span(&addresses) : SPAN("");
    making.sealed = sealed;
    hash_secret(buffer_span(ret_secret), making.hash);
    return store_co_write(d->store, add, &making);
}

/* --- by id ----------------------------------------------------------------------------------- */

static const struct db_statement find_key = {
    .sql = "SELECT k.id, k.name, k.dialect, k.title, COALESCE(d.name, ''), k.scopes, k.addresses,"
           " k.domain FROM api_key k LEFT JOIN domain d ON d.tenant = k.tenant AND d.id = k.domain"
           " WHERE k.tenant = :tenant AND k.name = :name"};
static const struct db_statement change_key = {
    .sql = "UPDATE api_key SET title = :title, scopes = CASE WHEN :keep = 1 THEN scopes ELSE"
           " :scopes END WHERE tenant = :tenant AND name = :name"};
static const struct db_statement delete_key = {
    .sql = "DELETE FROM api_key WHERE tenant = :tenant AND name = :name"};

struct key_call {
    int64_t tenant;
    struct span id, title, scopes;
    struct arena *arena;
    struct key *ret_key;
};

static int find(struct db_tx *tx, void *arg)
{
    struct key_call *call = arg;
    struct key *key = call->ret_key;
    struct span *const texts[] = {&key->title, &key->domain, &key->scopes, &key->addresses};
    struct db_query *q;
    int rc = db_prepare(tx, &find_key, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "name", call->id);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    key->created_ms = id_wall_ms(db_column_int(q, 0));
    key->dialect = key_dialect_of(db_column_bytes(q, 2));
    key->id = arena_copy(call->arena, db_column_bytes(q, 1));
    bool ok = key->id.at != NULL && key->dialect != KEY_DIALECTS;
    for (int i = 0; ok && i < 4; i++) {
        *texts[i] = arena_copy(call->arena, db_column_bytes(q, 3 + i));
        ok = texts[i]->at != NULL;
    }
    if (!ok)
        return -ENOMEM;
    key->who = (struct identity){.tenant = call->tenant,
                                 .key = db_column_int(q, 0),
                                 .key_domain = db_column_int(q, 7),
                                 .dialect = key->dialect,
                                 .has_scopes = key->scopes.len > 0,
                                 .has_addresses = key->addresses.len > 0};
    return span_to_text(key->id, key->who.login, sizeof key->who.login) ? 0 : ERR_CORRUPT;
}

int directory_co_key_find(struct directory *d, int64_t tenant, struct span id, struct arena *arena,
                          struct key *ret_key)
{
    struct key_call call = {.tenant = tenant, .id = id, .arena = arena, .ret_key = ret_key};
    return store_co_read(d->store, find, &call);
}

static int change(struct db_tx *tx, void *arg)
{
    const struct key_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &change_key, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "name", call->id);
    db_bind_text(q, "title", call->title.len ? call->title : SPAN(""));
    db_bind_int(q, "keep", call->scopes.at == NULL);
    db_bind_text(q, "scopes", call->scopes.len ? call->scopes : SPAN(""));
    rc = db_run(q);
    if (rc < 0)
        return rc;
    return rc ? 0 : ERR_ABSENT;
}

int directory_co_key_change(struct directory *d, int64_t tenant, struct span id, struct span title,
                            struct span scopes)
{
    struct key_call call = {.tenant = tenant, .id = id, .title = title, .scopes = scopes};
    if (scopes.len > KEY_SCOPES_MAX || title.len > TEXT_MAX)
        return -E2BIG;
    return store_co_write(d->store, change, &call);
}

static int take_out(struct db_tx *tx, void *arg)
{
    const struct key_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &delete_key, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "name", call->id);
    rc = db_run(q);
    if (rc < 0)
        return rc;
    return rc ? 0 : ERR_ABSENT;
}

int directory_co_key_revoke(struct directory *d, int64_t tenant, struct span id)
{
    struct key_call call = {.tenant = tenant, .id = id};
    return store_co_write(d->store, take_out, &call);
}
