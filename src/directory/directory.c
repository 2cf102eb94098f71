/* The directory's tables, its opening, its lists; see directory.h. */
#include "directory/internal.h"

#include "base/id.h"

#include <errno.h>
#include <gsasl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 256

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE tenant (tenant {id} PRIMARY KEY, name {text} NOT NULL);\n"
        "INSERT INTO tenant (tenant, name) VALUES (1, 'first');\n"
        "CREATE TABLE domain (tenant {id} NOT NULL, id {id} NOT NULL, name {text} NOT NULL,"
        " PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE UNIQUE INDEX domain_name ON domain (name);\n"
        "CREATE TABLE users (tenant {id} NOT NULL, id {id} NOT NULL, domain {id} NOT NULL,"
        " address {text} NOT NULL, version {id} NOT NULL, argon2 {text} NOT NULL,"
        " scram_iterations {int} NOT NULL, scram_salt {bytes} NOT NULL,"
        " scram_stored {bytes} NOT NULL, scram_server {bytes} NOT NULL,"
        " PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE UNIQUE INDEX users_address ON users (address);\n"
        "CREATE INDEX users_domain ON users (tenant, domain, id);\n"
        "CREATE TABLE alias (tenant {id} NOT NULL, id {id} NOT NULL, domain {id} NOT NULL,"
        " address {text} NOT NULL, PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE UNIQUE INDEX alias_address ON alias (address);\n"
        "CREATE INDEX alias_domain ON alias (tenant, domain, id);\n"
        "CREATE TABLE alias_target (tenant {id} NOT NULL, alias {id} NOT NULL,"
        " address {text} NOT NULL, PRIMARY KEY (tenant, alias, address)) {rowid};\n"
        "CREATE INDEX alias_target_address ON alias_target (tenant, address);\n"
        "CREATE TABLE api_key (tenant {id} NOT NULL, id {id} NOT NULL, name {text} NOT NULL,"
        " dialect {text} NOT NULL, domain {id} NOT NULL, secret {bytes} NOT NULL,"
        " PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE UNIQUE INDEX api_key_name ON api_key (name);\n"
        "CREATE INDEX api_key_domain ON api_key (tenant, domain);\n"},
    {2, "CREATE TABLE dkim_key (tenant {id} NOT NULL, id {id} NOT NULL, domain {id} NOT NULL,"
        " selector {text} NOT NULL, algorithm {int} NOT NULL, secret {bytes} NOT NULL,"
        " PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE INDEX dkim_key_domain ON dkim_key (tenant, domain);\n"},
    {3, "ALTER TABLE api_key ADD COLUMN title {text} NOT NULL DEFAULT '';\n"
        "ALTER TABLE api_key ADD COLUMN scopes {text} NOT NULL DEFAULT '';\n"
        "ALTER TABLE api_key ADD COLUMN addresses {text} NOT NULL DEFAULT '';\n"
        "ALTER TABLE api_key ADD COLUMN sealed {bytes};\n"
        "CREATE INDEX api_key_secret ON api_key (secret);\n"},
    {4, "CREATE TABLE channel (tenant {id} NOT NULL, id {id} NOT NULL, name {text} NOT NULL,"
        " username {text} NOT NULL, version {id} NOT NULL, argon2 {text} NOT NULL,"
        " quota {int} NOT NULL, used {int} NOT NULL, month {int} NOT NULL,"
        " cancelled {int} NOT NULL, PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE UNIQUE INDEX channel_name ON channel (tenant, name);\n"
        "CREATE UNIQUE INDEX channel_username ON channel (username);\n"},
    {5, "ALTER TABLE users ADD COLUMN scram1_iterations {int} NOT NULL DEFAULT 0;\n" /* 0: none */
        "ALTER TABLE users ADD COLUMN scram1_salt {bytes};\n"
        "ALTER TABLE users ADD COLUMN scram1_stored {bytes};\n"
        "ALTER TABLE users ADD COLUMN scram1_server {bytes};\n"},
    {6, "ALTER TABLE domain ADD COLUMN quota_octets {int} NOT NULL DEFAULT 0;\n" /* 0: no limit */
        "ALTER TABLE domain ADD COLUMN quota_messages {int} NOT NULL DEFAULT 0;\n"
        "ALTER TABLE users ADD COLUMN quota_octets {int};\n" /* NULL: the domain's */
        "ALTER TABLE users ADD COLUMN quota_messages {int};\n"
        "ALTER TABLE users ADD COLUMN imap_hidden {text} NOT NULL DEFAULT '';\n"},
};
const struct db_schema directory_schema = {"directory", migrations, 6};

int directory_open(struct store *store, struct lane *passwords, struct directory **ret_directory)
{
    if (sodium_init() < 0)
        return -ENOSYS;
    struct directory *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    d->store = store;
    d->passwords = passwords;
    d->delimiter = '+';
    pthread_mutex_init(&d->dkim_mutex, NULL);
    int rc = credential_cache_create(&d->credentials);
    if (rc == 0)
        rc = guesses_create(&d->guesses);
    if (rc == 0 && gsasl_init(&d->gsasl) != GSASL_OK)
        rc = -ENOMEM;
    if (rc < 0) {
        directory_close(d);
        return rc;
    }
    *ret_directory = d;
    return 0;
}

uint64_t directory_password_checks(const struct directory *d)
{
    return atomic_load(&d->password_checks);
}

void directory_set_delimiter(struct directory *d, char delimiter)
{
    d->delimiter = delimiter;
}

void directory_set_secret(struct directory *d, const unsigned char secret[DIRECTORY_SECRET])
{
    memcpy(d->secret, secret, sizeof d->secret);
}

void directory_close(struct directory *d)
{
    if (!d)
        return;
    credential_cache_free(d->credentials);
    guesses_free(d->guesses);
    if (d->gsasl)
        gsasl_done(d->gsasl);
    dkim_cache_free(d);
    pthread_mutex_destroy(&d->dkim_mutex);
    sodium_memzero(d->secret, sizeof d->secret);
    free(d);
}

/* --- shared by the jobs ---------------------------------------------------------------------- */

static const struct db_statement find_domain = {
    .sql = "SELECT tenant, id FROM domain WHERE name = :name"};

int directory_find_domain(struct db_tx *tx, struct span name, int64_t *ret_tenant, int64_t *ret_id)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_domain, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "name", name);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_tenant = db_column_int(q, 0);
    *ret_id = db_column_int(q, 1);
    return 0;
}

static const struct db_statement find_taken = {
    .sql = "SELECT 1 FROM users WHERE address = :address UNION ALL"
           " SELECT 1 FROM alias WHERE address = :address LIMIT 1"};

int directory_address_taken(struct db_tx *tx, struct span address)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_taken, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "address", address);
    return db_step(q);
}

int directory_fold(struct span address, char text[ADDRESS_TEXT_MAX], struct span *ret_local,
                   struct span *ret_domain)
{
    struct span local, domain;
    if (!address_split(address, &local, &domain))
        return ERR_SYNTAX;
    int rc = address_fold(local, domain, text);
    if (rc == 0 && !address_split(span_of(text), ret_local, ret_domain))
        rc = ERR_SYNTAX;
    return rc;
}

int directory_run_on(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                     int64_t id)
{
    struct db_query *q;
    int rc = db_prepare(tx, statement, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", id);
    return db_run(q);
}

/* --- lists ----------------------------------------------------------------------------------- */

static const struct db_statement list_domains = {
    .sql = "SELECT id, name, '', '', quota_octets, quota_messages FROM domain"
           " WHERE tenant = :tenant AND name > :after ORDER BY name LIMIT 256"};
static const struct db_statement list_users = {
    .sql = "SELECT u.id, u.address, '', '', " DIRECTORY_QUOTA_COLUMNS " FROM users u"
           " JOIN domain d ON d.tenant = u.tenant AND d.id = u.domain"
           " WHERE u.tenant = :tenant AND u.address > :after ORDER BY u.address LIMIT 256"};
static const struct db_statement list_aliases = {
    .sql = "SELECT a.id, a.address, (SELECT GROUP_CONCAT(t.address, ' ') FROM alias_target t"
           " WHERE t.tenant = a.tenant AND t.alias = a.id), '', 0, 0 FROM alias a"
           " WHERE a.tenant = :tenant AND a.address > :after ORDER BY a.address LIMIT 256",
    .postgres = "SELECT a.id, a.address, (SELECT STRING_AGG(t.address, ' ') FROM alias_target t"
                " WHERE t.tenant = a.tenant AND t.alias = a.id), '', 0, 0 FROM alias a"
                " WHERE a.tenant = :tenant AND a.address > :after ORDER BY a.address LIMIT 256"};
static const struct db_statement list_keys = {
    .sql = "SELECT k.id, k.name, k.dialect, COALESCE(d.name, ''), 0, 0 FROM api_key k"
           " LEFT JOIN domain d ON d.tenant = k.tenant AND d.id = k.domain"
           " WHERE k.tenant = :tenant AND k.name > :after ORDER BY k.name LIMIT 256"};

struct directory_listing {
    int64_t tenant;
    const struct db_statement *statement;
    struct span after;
    struct arena *arena;
    struct directory_row *rows;
    size_t count;
};

static int read_rows(struct db_tx *tx, void *arg)
{
    struct directory_listing *l = arg;
    struct db_query *q;
    int rc = db_prepare(tx, l->statement, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", l->tenant);
    db_bind_text(q, "after", l->after);
    for (l->count = 0; (rc = db_step(q)) == DB_ROW && l->count < LIST_MAX; l->count++) {
        struct directory_row *row = &l->rows[l->count];
        row->id = db_column_int(q, 0);
        row->created_ms = id_wall_ms(row->id);
        row->name = arena_copy(l->arena, db_column_bytes(q, 1));
        row->detail = arena_copy(l->arena, db_column_bytes(q, 2));
        row->domain = arena_copy(l->arena, db_column_bytes(q, 3));
        row->quota = (struct directory_quota){db_column_int(q, 4), db_column_int(q, 5)};
        if (!row->name.at || !row->detail.at || !row->domain.at)
            return -ENOMEM;
    }
    return rc < 0 ? rc : 0;
}

int directory_co_page(struct directory *d, int64_t tenant, enum directory_list what,
                      struct span after, unsigned limit, struct arena *arena,
                      struct directory_row **ret_rows, size_t *ret_count)
{
    static const struct db_statement *const statements[] = {
        [DIRECTORY_DOMAINS] = &list_domains,
        [DIRECTORY_USERS] = &list_users,
        [DIRECTORY_ALIASES] = &list_aliases,
        [DIRECTORY_KEYS] = &list_keys,
    };
    struct directory_listing l = {
        .tenant = tenant, .statement = statements[what], .after = after, .arena = arena};
    l.rows = arena_alloc(arena, LIST_MAX * sizeof *l.rows);
    int rc = l.rows ? store_co_scan(d->store, read_rows, &l) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_rows = l.rows;
    *ret_count = l.count < limit ? l.count : limit;
    return 0;
}

int directory_co_list(struct directory *d, int64_t tenant, enum directory_list what,
                      void (*row)(const struct directory_row *row, void *arg), void *arg)
{
    char after[ADDRESS_TEXT_MAX] = "";
    size_t count;
    do {
        AUTO_ARENA arena = ARENA((size_t)64 * 1024 * 1024);
        struct directory_row *rows;
        int rc =
            directory_co_page(d, tenant, what, span_of(after), LIST_MAX, &arena, &rows, &count);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < count; i++)
            row(&rows[i], arg);
        if (count && !span_to_text(rows[count - 1].name, after, sizeof after))
            return ERR_CORRUPT;
    } while (count == LIST_MAX);
    return 0;
}
