/* Limits of mailboxes, and what a user's IMAP clients are not told of; see directory.h. */
#include "directory/internal.h"

struct limits_call {
    int64_t tenant, user;
    char name[ADDRESS_TEXT_MAX]; /* of the user or the domain */
    struct directory_quota quota, own;
};

static const struct db_statement set_of_user = {
    .sql = "UPDATE users SET quota_octets = CASE WHEN :octets = -2 THEN quota_octets"
           " WHEN :octets = -1 THEN NULL ELSE :octets END,"
           " quota_messages = CASE WHEN :messages = -2 THEN quota_messages"
           " WHEN :messages = -1 THEN NULL ELSE :messages END"
           " WHERE tenant = :tenant AND address = :name"};
static const struct db_statement set_of_domain = {
    .sql = "UPDATE domain SET"
           " quota_octets = CASE WHEN :octets = -2 THEN quota_octets ELSE :octets END,"
           " quota_messages = CASE WHEN :messages = -2 THEN quota_messages ELSE :messages END"
           " WHERE tenant = :tenant AND name = :name"};
static const struct db_statement find_by_id = {
    .sql = "SELECT " DIRECTORY_QUOTA_COLUMNS " FROM users u JOIN domain d ON d.tenant = u.tenant"
           " AND d.id = u.domain WHERE u.tenant = :tenant AND u.id = :user"};
static const struct db_statement find_by_address = {
    .sql = "SELECT " DIRECTORY_QUOTA_COLUMNS ", u.id, COALESCE(u.quota_octets, -1),"
           " COALESCE(u.quota_messages, -1) FROM users u JOIN domain d ON d.tenant = u.tenant"
           " AND d.id = u.domain WHERE u.tenant = :tenant AND u.address = :name"};
static const struct db_statement find_of_domain = {
    .sql = "SELECT quota_octets, quota_messages FROM domain"
           " WHERE tenant = :tenant AND name = :name"};

static int fold_user(struct span address, char text[ADDRESS_TEXT_MAX])
{
    struct span local, domain;
    int rc = directory_fold(address, text, &local, &domain);
    return rc == 0 && span_find(local, '+') >= 0 ? ERR_SYNTAX : rc;
}

/* --- setting --------------------------------------------------------------------------------- */

static int set_limits(struct db_tx *tx, const struct db_statement *statement,
                      const struct limits_call *call)
{
    struct db_query *q;
    int rc = db_prepare(tx, statement, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "name", span_of(call->name));
    db_bind_int(q, "octets", call->quota.octets);
    db_bind_int(q, "messages", call->quota.messages);
    rc = db_run(q);
    return rc == 0 ? ERR_ABSENT : rc < 0 ? rc : 0;
}

static int set_user(struct db_tx *tx, void *arg)
{
    return set_limits(tx, &set_of_user, arg);
}

static int set_domain(struct db_tx *tx, void *arg)
{
    return set_limits(tx, &set_of_domain, arg);
}

int directory_co_user_set_quota(struct directory *d, int64_t tenant, struct span address,
                                const struct directory_quota *quota)
{
    struct limits_call call = {.tenant = tenant, .quota = *quota};
    int rc = fold_user(address, call.name);
    return rc < 0 ? rc : store_co_write(d->store, set_user, &call);
}

int directory_co_domain_set_quota(struct directory *d, int64_t tenant, struct span name,
                                  const struct directory_quota *quota)
{
    struct limits_call call = {.tenant = tenant, .quota = *quota};
    if (quota->octets == DIRECTORY_QUOTA_INHERIT || quota->messages == DIRECTORY_QUOTA_INHERIT)
        return ERR_SYNTAX;
    int rc = address_fold_domain(name, call.name);
    return rc < 0 ? rc : store_co_write(d->store, set_domain, &call);
}

/* --- asking ---------------------------------------------------------------------------------- */

static int read_limits(struct db_query *q, struct limits_call *call)
{
    int rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    call->quota = (struct directory_quota){db_column_int(q, 0), db_column_int(q, 1)};
    return 0;
}

static int read_by_id(struct db_tx *tx, void *arg)
{
    struct limits_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_by_id, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_int(q, "user", call->user);
    return read_limits(q, call);
}

static int read_by_name(struct db_tx *tx, const struct db_statement *statement,
                        struct limits_call *call, struct db_query **ret_q)
{
    int rc = db_prepare(tx, statement, ret_q);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_q, "tenant", call->tenant);
    db_bind_text(*ret_q, "name", span_of(call->name));
    return read_limits(*ret_q, call);
}

static int read_user(struct db_tx *tx, void *arg)
{
    struct limits_call *call = arg;
    struct db_query *q;
    int rc = read_by_name(tx, &find_by_address, call, &q);
    if (rc < 0)
        return rc;
    call->user = db_column_int(q, 2);
    call->own = (struct directory_quota){db_column_int(q, 3), db_column_int(q, 4)};
    return 0;
}

static int read_domain(struct db_tx *tx, void *arg)
{
    struct db_query *q;
    return read_by_name(tx, &find_of_domain, arg, &q);
}

int directory_co_quota(struct directory *d, int64_t tenant, int64_t user,
                       struct directory_quota *ret_quota)
{
    struct limits_call call = {.tenant = tenant, .user = user};
    int rc = store_co_read(d->store, read_by_id, &call);
    if (rc == 0)
        *ret_quota = call.quota;
    return rc;
}

int directory_co_user_quota(struct directory *d, int64_t tenant, struct span address,
                            int64_t *ret_user, struct directory_quota *ret_quota,
                            struct directory_quota *ret_own)
{
    struct limits_call call = {.tenant = tenant};
    int rc = fold_user(address, call.name);
    if (rc == 0)
        rc = store_co_read(d->store, read_user, &call);
    if (rc < 0)
        return rc;
    *ret_user = call.user;
    *ret_quota = call.quota;
    *ret_own = call.own;
    return 0;
}

int directory_co_domain_quota(struct directory *d, int64_t tenant, struct span name,
                              struct directory_quota *ret_quota)
{
    struct limits_call call = {.tenant = tenant};
    int rc = address_fold_domain(name, call.name);
    if (rc == 0)
        rc = store_co_read(d->store, read_domain, &call);
    if (rc == 0)
        *ret_quota = call.quota;
    return rc;
}

/* --- hidden capabilities --------------------------------------------------------------------- */

static const struct db_statement set_hidden = {
    .sql = "UPDATE users SET imap_hidden = :names WHERE tenant = :tenant AND address = :address"};
static const struct db_statement hidden_by_id = {
    .sql = "SELECT imap_hidden FROM users WHERE tenant = :tenant AND id = :user"};
static const struct db_statement hidden_by_address = {
    .sql = "SELECT imap_hidden FROM users WHERE tenant = :tenant AND address = :address"};

struct hidden_call {
    int64_t tenant, user;
    char address[ADDRESS_TEXT_MAX]; /* empty: by user */
    struct span names;
    char *found;
};

static int set_names(struct db_tx *tx, void *arg)
{
    const struct hidden_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &set_hidden, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    db_bind_text(q, "address", span_of(call->address));
    db_bind_text(q, "names", call->names);
    rc = db_run(q);
    return rc == 0 ? ERR_ABSENT : rc < 0 ? rc : 0;
}

static int read_names(struct db_tx *tx, void *arg)
{
    const struct hidden_call *call = arg;
    struct db_query *q;
    int rc = db_prepare(tx, call->address[0] ? &hidden_by_address : &hidden_by_id, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", call->tenant);
    if (call->address[0])
        db_bind_text(q, "address", span_of(call->address));
    else
        db_bind_int(q, "user", call->user);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    bool fits = span_to_text(db_column_bytes(q, 0), call->found, DIRECTORY_IMAP_HIDDEN_MAX + 1);
    return fits ? 0 : ERR_CORRUPT;
}

int directory_co_user_hide(struct directory *d, int64_t tenant, struct span address,
                           struct span names)
{
    struct hidden_call call = {.tenant = tenant, .names = names};
    int rc = names.len > DIRECTORY_IMAP_HIDDEN_MAX ? ERR_SYNTAX : fold_user(address, call.address);
    return rc < 0 ? rc : store_co_write(d->store, set_names, &call);
}

int directory_co_user_hidden(struct directory *d, int64_t tenant, struct span address,
                             char ret_names[DIRECTORY_IMAP_HIDDEN_MAX + 1])
{
    struct hidden_call call = {.tenant = tenant, .found = ret_names};
    int rc = fold_user(address, call.address);
    return rc < 0 ? rc : store_co_read(d->store, read_names, &call);
}

int directory_co_hidden(struct directory *d, int64_t tenant, int64_t user,
                        char ret_names[DIRECTORY_IMAP_HIDDEN_MAX + 1])
{
    struct hidden_call call = {.tenant = tenant, .user = user, .found = ret_names};
    return store_co_read(d->store, read_names, &call);
}
