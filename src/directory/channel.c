/* Channels; see channel.h. */
#include "directory/channel.h"

#include "directory/internal.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"
#include "directory/key.h"

#include <errno.h>
#include <time.h>

#define PAGE 256

static const struct db_statement insert_channel = {
    .sql = "INSERT INTO channel (tenant, id, name, username, version, argon2, quota, used, month,"
           " cancelled) VALUES (:tenant, :id, :name, :username, :version, :argon2, :quota, 0, 0,"
           " 0)"};
static const struct db_statement find_channel = {
    .sql = "SELECT id, name, username, quota, used, month, cancelled FROM channel"
           " WHERE tenant = :tenant AND name = :name"};
static const struct db_statement list_channels = {
    .sql = "SELECT id, name, username, quota, used, month, cancelled FROM channel"
           " WHERE tenant = :tenant AND name > :name ORDER BY name LIMIT 256"};
static const struct db_statement change_channel = {
    .sql =
        "UPDATE channel SET username = CASE WHEN :username = '' THEN username ELSE :username END,"
        " quota = CASE WHEN :quota = 0 THEN quota ELSE :quota END,"
        " argon2 = CASE WHEN :argon2 = '' THEN argon2 ELSE :argon2 END,"
        " version = :version WHERE tenant = :tenant AND name = :name"};
static const struct db_statement cancel_channel = {
    .sql = "UPDATE channel SET cancelled = 1, version = :version"
           " WHERE tenant = :tenant AND name = :name"};
static const struct db_statement use_channel = {
    .sql = "UPDATE channel SET used = CASE WHEN month = :month THEN used ELSE 0 END + :count,"
           " month = :month WHERE tenant = :tenant AND name = :name AND cancelled = 0"
           " RETURNING quota, used"};
static const struct db_statement find_login = {
    .sql = "SELECT tenant, id, version, argon2 FROM channel WHERE username = :name"
           " AND cancelled = 0"};

/* Months since 1970, UTC. */
static int64_t this_month(void)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;
    gmtime_r(&now, &tm);
    return (tm.tm_year - 70) * 12 + tm.tm_mon;
}

static bool is_name(struct span name)
{
    if (name.len == 0 || name.len > CHANNEL_NAME_MAX || !utf8_is_text(name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] < 33 || name.at[i] == 127 || name.at[i] == '/')
            return false;
    return true;
}

static int start(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                 struct span name, struct db_query **ret_query)
{
    int rc = db_prepare(tx, statement, ret_query);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_query, "tenant", tenant);
    db_bind_text(*ret_query, "name", name);
    return 0;
}

/* --- making and changing --------------------------------------------------------------------- */

struct change {
    int64_t tenant;
    const struct channel *channel;
    const char *argon2;
};

static int bind_change(struct db_query *q, const struct change *c)
{
    db_bind_text(q, "username", c->channel->username);
    db_bind_text(q, "argon2", span_of(c->argon2));
    db_bind_int(q, "quota", c->channel->quota);
    db_bind_int(q, "version", id_next());
    return db_run(q);
}

static int insert(struct db_tx *tx, void *arg)
{
    const struct change *c = arg;
    struct db_query *q;
    int rc = start(tx, &insert_channel, c->tenant, c->channel->name, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", id_next());
    rc = bind_change(q, c);
    return rc < 0 ? rc : 0;
}

static int update(struct db_tx *tx, void *arg)
{
    const struct change *c = arg;
    struct db_query *q;
    int rc = start(tx, &change_channel, c->tenant, c->channel->name, &q);
    if (rc == 0)
        rc = bind_change(q, c);
    return rc < 0 ? rc : rc == 0 ? ERR_ABSENT : 0;
}

static int cancel(struct db_tx *tx, void *arg)
{
    const struct change *c = arg;
    struct db_query *q;
    int rc = start(tx, &cancel_channel, c->tenant, c->channel->name, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "version", id_next());
    rc = db_run(q);
    return rc < 0 ? rc : rc == 0 ? ERR_ABSENT : 0;
}

/* One with '@' is folded as an address, as whoever logs in gives it. */
static int fold_username(struct span given, char text[ADDRESS_TEXT_MAX], struct span *ret_name)
{
    struct span local, domain;
    *ret_name = given;
    if (span_find(given, '@') < 0)
        return given.len == 0 || is_name(given) ? 0 : ERR_SYNTAX;
    int rc = directory_fold(given, text, &local, &domain);
    if (rc == 0)
        *ret_name = span_of(text);
    return rc;
}

static int co_write(struct directory *d, db_job *job, int64_t tenant, const struct channel *channel,
                    struct span password)
{
    struct password_keys keys = {0};
    struct channel folded = *channel;
    struct change change = {tenant, &folded, keys.argon2};
    char username[ADDRESS_TEXT_MAX];
    int rc = fold_username(channel->username, username, &folded.username);
    if (rc == 0 && password.len)
        rc = password_co_make(d->passwords, password, &keys);
    return rc < 0 ? rc : store_co_write(d->store, job, &change);
}

int directory_co_channel_add(struct directory *d, int64_t tenant, const struct channel *channel,
                             struct span password)
{
    if (!is_name(channel->name) || channel->username.len == 0)
        return ERR_SYNTAX;
    if (span_equal(channel->name, SPAN(CHANNEL_DEFAULT)))
        return ERR_EXISTS;
    return password.len ? co_write(d, insert, tenant, channel, password) : -EINVAL;
}

int directory_co_channel_change(struct directory *d, int64_t tenant, const struct channel *channel,
                                struct span password)
{
    return co_write(d, update, tenant, channel, password);
}

int directory_co_channel_cancel(struct directory *d, int64_t tenant, struct span name)
{
    const struct channel channel = {.name = name};
    return co_write(d, cancel, tenant, &channel, SPAN(""));
}

/* --- reading --------------------------------------------------------------------------------- */

struct finding {
    int64_t tenant;
    struct span name; /* or the one before the first */
    struct arena *arena;
    struct channel *list;
    size_t count;
};

static int copy_row(struct db_query *q, struct arena *arena, struct channel *ret_channel)
{
    bool now = db_column_int(q, 5) == this_month();
    *ret_channel = (struct channel){.id = db_column_int(q, 0),
                                    .name = arena_copy(arena, db_column_bytes(q, 1)),
                                    .username = arena_copy(arena, db_column_bytes(q, 2)),
                                    .quota = db_column_int(q, 3),
                                    .used = now ? db_column_int(q, 4) : 0,
                                    .cancelled = db_column_int(q, 6) != 0};
    ret_channel->created_ms = id_wall_ms(ret_channel->id);
    return ret_channel->name.at && ret_channel->username.at ? 0 : -ENOMEM;
}

/* Is it one of those that need not be made? 0, ERR_ABSENT. */
static int find_unmade(struct db_tx *tx, int64_t tenant, struct span name)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    int64_t owner, id;
    if (span_equal(name, SPAN(CHANNEL_DEFAULT)))
        return 0;
    if (address_fold_domain(name, folded) < 0)
        return ERR_ABSENT;
    int rc = directory_find_domain(tx, span_of(folded), &owner, &id);
    return rc == 0 && owner != tenant ? ERR_ABSENT : rc;
}

static int read_channel(struct db_tx *tx, void *arg)
{
    struct finding *f = arg;
    struct db_query *q;
    int rc = start(tx, &find_channel, f->tenant, f->name, &q);
    if (rc == 0)
        rc = db_step(q);
    if (rc == DB_ROW)
        return copy_row(q, f->arena, f->list);
    if (rc == 0)
        rc = find_unmade(tx, f->tenant, f->name);
    if (rc == 0)
        *f->list = (struct channel){.name = f->name, .username = SPAN("")};
    return rc;
}

int directory_co_channel_find(struct directory *d, int64_t tenant, struct span name,
                              struct arena *arena, struct channel *ret_channel)
{
    struct finding f = {tenant, name, arena, ret_channel, 0};
    return store_co_read(d->store, read_channel, &f);
}

static int read_channels(struct db_tx *tx, void *arg)
{
    struct finding *f = arg;
    struct db_query *q;
    int rc = start(tx, &list_channels, f->tenant, f->name, &q);
    if (rc < 0)
        return rc;
    for (f->count = 0; (rc = db_step(q)) == DB_ROW && f->count < PAGE; f->count++)
        if ((rc = copy_row(q, f->arena, &f->list[f->count])) < 0)
            return rc;
    return rc < 0 ? rc : 0;
}

int directory_co_channels(struct directory *d, int64_t tenant, struct span after,
                          struct arena *arena, struct channel **ret_list, size_t *ret_count)
{
    struct finding f = {tenant, after, arena, arena_alloc(arena, PAGE * sizeof *f.list), 0};
    int rc = f.list ? store_co_read(d->store, read_channels, &f) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_list = f.list;
    *ret_count = f.count;
    return 0;
}

/* --- sending --------------------------------------------------------------------------------- */

/* There is none that can be used: is it cancelled, or does it need no row? */
static int use_unmade(struct db_tx *tx, int64_t tenant, struct span name)
{
    struct db_query *q;
    int rc = start(tx, &find_channel, tenant, name, &q);
    if (rc == 0)
        rc = db_step(q);
    return rc == DB_ROW ? ERR_ABSENT : rc < 0 ? rc : find_unmade(tx, tenant, name);
}

int channel_use(struct db_tx *tx, int64_t tenant, struct span name, size_t recipients)
{
    struct db_query *q;
    int rc = start(tx, &use_channel, tenant, name, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "month", this_month());
    db_bind_int(q, "count", (int64_t)recipients);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : use_unmade(tx, tenant, name);
    int64_t quota = db_column_int(q, 0), used = db_column_int(q, 1);
    rc = db_run(q);
    return rc < 0 ? rc : quota && used > quota ? ERR_FULL : 0;
}

int channel_read_login(struct db_tx *tx, struct span username, struct identity *ret_who,
                       int64_t *ret_version, char ret_argon2[PASSWORD_ARGON2_TEXT])
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_login, &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "name", username);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    *ret_who = (struct identity){
        .tenant = db_column_int(q, 0), .key = db_column_int(q, 1), .dialect = KEY_SMTPCOM};
    *ret_version = db_column_int(q, 2);
    return span_to_text(db_column_bytes(q, 3), ret_argon2, PASSWORD_ARGON2_TEXT) ? 0 : ERR_CORRUPT;
}
