/* Mailboxes by name: finding and listing, making, renaming; see box.h. */
#include "box/internal.h"
#include "box/watch.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"

#include <errno.h>
#include <string.h>

#define MAILBOXES_MAX     10000
#define SUBSCRIPTIONS_MAX 20000

const char *const box_use_names[BOX_USES] = {
    [BOX_USE_NONE] = "",       [BOX_USE_ARCHIVE] = "\\Archive", [BOX_USE_DRAFTS] = "\\Drafts",
    [BOX_USE_JUNK] = "\\Junk", [BOX_USE_SENT] = "\\Sent",       [BOX_USE_TRASH] = "\\Trash",
    [BOX_USE_ALL] = "\\All",   [BOX_USE_FLAGGED] = "\\Flagged",
};

/* --- names ----------------------------------------------------------------------------------- */

static bool is_level(struct span level)
{
    if (level.len == 0 || level.at[0] == ' ' || level.at[level.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < level.len; i++)
        if ((unsigned char)level.at[i] < 32 || level.at[i] == 127)
            return false;
    return true;
}

int box_name_fold(struct span given, struct arena *arena, struct span *ret_name)
{
    struct span rest = given, level, inbox = SPAN(BOX_INBOX);
    if (given.len && given.at[given.len - 1] == '/')
        rest = given = span_first(given, given.len - 1);
    if (given.len == 0 || given.len > BOX_NAME_MAX || !utf8_is_text(given) ||
        given.at[given.len - 1] == '/')
        return ERR_SYNTAX;
    for (int depth = 0; rest.len; depth++)
        if (depth == BOX_DEPTH_MAX || !span_cut(&rest, '/', &level) || !is_level(level))
            return ERR_SYNTAX;
    struct span name = arena_copy(arena, given);
    if (!name.at)
        return -ENOMEM;
    if (span_starts_nocase(name, inbox) && (name.len == inbox.len || name.at[inbox.len] == '/'))
        memcpy((char *)name.at, inbox.at, inbox.len);
    *ret_name = name;
    return 0;
}

/* --- reading --------------------------------------------------------------------------------- */

#define OF_USER " FROM mailbox WHERE tenant = :tenant AND user_id = :user"
static const struct db_statement find_mailbox = {.sql = "SELECT" MAILBOX_COLUMNS OF_USER
                                                        " AND name = :name"};
static const struct db_statement list_mailboxes = {
    .sql = "SELECT" MAILBOX_COLUMNS OF_USER " AND name > :after ORDER BY name LIMIT 256"};
static const struct db_statement list_subscriptions = {
    .sql = "SELECT name FROM subscription WHERE tenant = :tenant AND user_id = :user"
           " AND name > :after ORDER BY name LIMIT 256"};

void mailbox_read(struct db_query *q, struct box_mailbox *ret_mailbox)
{
    *ret_mailbox = (struct box_mailbox){.id = db_column_int(q, 0),
                                        .name = db_column_bytes(q, 1),
                                        .uidvalidity = db_column_int(q, 2),
                                        .uidnext = db_column_int(q, 3),
                                        .modseq = db_column_int(q, 4),
                                        .messages = (uint64_t)db_column_int(q, 5),
                                        .unseen = (uint64_t)db_column_int(q, 6),
                                        .deleted = (uint64_t)db_column_int(q, 7),
                                        .octets = (uint64_t)db_column_int(q, 8)};
    ret_mailbox->deleted_octets = (uint64_t)db_column_int(q, 10);
    int64_t use = db_column_int(q, 9);
    ret_mailbox->use = use >= 0 && use < BOX_USES ? (enum box_use)use : BOX_USE_NONE;
}

struct lookup {
    int64_t tenant, user;
    struct span name; /* or the one before the first */
    struct arena *arena;
    struct box_mailbox *mailboxes;
    struct span *names;
    size_t count;
};

static int start(struct db_tx *tx, const struct db_statement *statement, int64_t tenant,
                 int64_t user, const char *parameter, struct span name, struct db_query **ret_q)
{
    int rc = db_prepare(tx, statement, ret_q);
    if (rc < 0)
        return rc;
    db_bind_int(*ret_q, "tenant", tenant);
    db_bind_int(*ret_q, "user", user);
    if (parameter)
        db_bind_text(*ret_q, parameter, name);
    return 0;
}

static int find(struct db_tx *tx, int64_t tenant, int64_t user, struct span name,
                struct box_mailbox *ret_mailbox)
{
    struct db_query *q;
    int rc = start(tx, &find_mailbox, tenant, user, "name", name, &q);
    if (rc == 0)
        rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    mailbox_read(q, ret_mailbox);
    ret_mailbox->name = name;
    return 0;
}

static int read_mailbox(struct db_tx *tx, void *arg)
{
    struct lookup *l = arg;
    return find(tx, l->tenant, l->user, l->name, l->mailboxes);
}

int box_co_open(struct store *store, int64_t tenant, int64_t user, struct span name,
                struct box_mailbox *ret_mailbox)
{
    struct lookup l = {.tenant = tenant, .user = user, .name = name, .mailboxes = ret_mailbox};
    return store_co_read(store, read_mailbox, &l);
}

int box_co_find(struct store *store, int64_t tenant, int64_t user, const char *mailbox,
                int64_t *ret_mailbox, int64_t *ret_uidvalidity)
{
    struct box_mailbox found;
    int rc = box_co_open(store, tenant, user, span_of(mailbox), &found);
    if (rc < 0)
        return rc;
    *ret_mailbox = found.id;
    *ret_uidvalidity = found.uidvalidity;
    return 0;
}

static int read_mailboxes(struct db_tx *tx, void *arg)
{
    struct lookup *l = arg;
    struct db_query *q;
    int rc = start(tx, &list_mailboxes, l->tenant, l->user, "after", l->name, &q);
    if (rc < 0)
        return rc;
    for (l->count = 0; (rc = db_step(q)) == DB_ROW && l->count < BOX_PAGE; l->count++) {
        struct box_mailbox *mailbox = &l->mailboxes[l->count];
        mailbox_read(q, mailbox);
        mailbox->name = arena_copy(l->arena, mailbox->name);
        if (!mailbox->name.at)
            return -ENOMEM;
    }
    return rc < 0 ? rc : 0;
}

int box_co_mailboxes(struct store *store, int64_t tenant, int64_t user, struct span after,
                     struct arena *arena, struct box_mailbox **ret_mailboxes, size_t *ret_count)
{
    struct lookup l = {.tenant = tenant, .user = user, .name = after, .arena = arena};
    l.mailboxes = arena_alloc(arena, BOX_PAGE * sizeof *l.mailboxes);
    int rc = l.mailboxes ? store_co_read(store, read_mailboxes, &l) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_mailboxes = l.mailboxes;
    *ret_count = l.count;
    return 0;
}

static int read_subscriptions(struct db_tx *tx, void *arg)
{
    struct lookup *l = arg;
    struct db_query *q;
    int rc = start(tx, &list_subscriptions, l->tenant, l->user, "after", l->name, &q);
    if (rc < 0)
        return rc;
    for (l->count = 0; (rc = db_step(q)) == DB_ROW && l->count < BOX_PAGE; l->count++) {
        l->names[l->count] = arena_copy(l->arena, db_column_bytes(q, 0));
        if (!l->names[l->count].at)
            return -ENOMEM;
    }
    return rc < 0 ? rc : 0;
}

int box_co_subscriptions(struct store *store, int64_t tenant, int64_t user, struct span after,
                         struct arena *arena, struct span **ret_names, size_t *ret_count)
{
    struct lookup l = {.tenant = tenant, .user = user, .name = after, .arena = arena};
    l.names = arena_alloc(arena, BOX_PAGE * sizeof *l.names);
    int rc = l.names ? store_co_read(store, read_subscriptions, &l) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_names = l.names;
    *ret_count = l.count;
    return 0;
}

/* --- making ---------------------------------------------------------------------------------- */

static const struct db_statement take_uidvalidity = {
    .sql = "INSERT INTO box_user (tenant, user_id, uidvalidity) SELECT :tenant, :user,"
           " CASE WHEN f.highest >= :now THEN f.highest + 1 ELSE :now END"
           " FROM (SELECT COALESCE(MAX(uidvalidity), 0) AS highest FROM box_user"
           " WHERE tenant = :tenant AND user_id = 0) AS f WHERE f.highest >= 0"
           " ON CONFLICT (tenant, user_id) DO UPDATE SET uidvalidity ="
           " CASE WHEN box_user.uidvalidity >= :now THEN box_user.uidvalidity + 1 ELSE :now END"
           " RETURNING uidvalidity"};
static const struct db_statement insert_mailbox = {
    .sql = "INSERT INTO mailbox (tenant, id, user_id, name, uidvalidity, uidnext, use)"
           " VALUES (:tenant, :id, :user, :name, :uidvalidity, 1, :use)"
           " ON CONFLICT (tenant, user_id, name) DO NOTHING"};
static const struct db_statement count_mailboxes = {.sql = "SELECT COUNT(*)" OF_USER};
static const struct db_statement count_subscriptions = {
    .sql = "SELECT COUNT(*) FROM subscription WHERE tenant = :tenant AND user_id = :user"};

#define UIDVALIDITY_TIME_MAX INT64_C(0xf0000000) /* of 32 bits; from there on it only counts */

/* Grows with time and never repeats for this user (RFC 3501 2.3.1.1), nor for users that were
 * removed: somebody may have the address of one of them. */
static int next_uidvalidity(struct db_tx *tx, int64_t tenant, int64_t user, int64_t *ret_value)
{
    struct db_query *q;
    int rc = start(tx, &take_uidvalidity, tenant, user, NULL, SPAN(""), &q);
    if (rc < 0)
        return rc;
    int64_t now = clock_wall_ms() / 1000;
    db_bind_int(q, "now", now < 1 ? 1 : now > UIDVALIDITY_TIME_MAX ? UIDVALIDITY_TIME_MAX : now);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_STORE;
    *ret_value = db_column_int(q, 0);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static int check_room(struct db_tx *tx, const struct db_statement *count, int64_t tenant,
                      int64_t user, int64_t limit)
{
    struct db_query *q;
    int rc = start(tx, count, tenant, user, NULL, SPAN(""), &q);
    if (rc == 0)
        rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_STORE;
    return db_column_int(q, 0) < limit ? 0 : ERR_FULL;
}

/* ERR_EXISTS where it is there. */
static int insert(struct db_tx *tx, int64_t tenant, int64_t user, struct span name,
                  enum box_use use)
{
    struct db_query *q = NULL;
    int64_t uidvalidity = 0;
    int rc = next_uidvalidity(tx, tenant, user, &uidvalidity);
    if (rc == 0)
        rc = start(tx, &insert_mailbox, tenant, user, "name", name, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", id_next());
    db_bind_int(q, "uidvalidity", uidvalidity);
    db_bind_int(q, "use", use);
    rc = db_run(q);
    return rc < 0 ? rc : rc == 0 ? ERR_EXISTS : 0;
}

int box_make(struct db_tx *tx, int64_t tenant, int64_t user, struct span name, enum box_use use)
{
    int rc = check_room(tx, &count_mailboxes, tenant, user, MAILBOXES_MAX);
    for (size_t i = 0; rc == 0 && i < name.len; i++) {
        if (name.at[i] != '/')
            continue;
        rc = insert(tx, tenant, user, span_first(name, i), BOX_USE_NONE);
        if (rc == ERR_EXISTS)
            rc = 0;
    }
    return rc < 0 ? rc : insert(tx, tenant, user, name, use);
}

int box_make_user(struct db_tx *tx, int64_t tenant, int64_t user)
{
    static const struct {
        struct span name;
        enum box_use use;
    } folders[] = {{SPAN(BOX_INBOX), BOX_USE_NONE}, {SPAN("Drafts"), BOX_USE_DRAFTS},
                   {SPAN("Sent"), BOX_USE_SENT},    {SPAN("Junk"), BOX_USE_JUNK},
                   {SPAN("Trash"), BOX_USE_TRASH},  {SPAN("Archive"), BOX_USE_ARCHIVE}};
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < sizeof folders / sizeof *folders; i++) {
        rc = insert(tx, tenant, user, folders[i].name, folders[i].use);
        if (rc == 0 || rc == ERR_EXISTS)
            rc = box_subscribe(tx, tenant, user, folders[i].name, true);
    }
    return rc;
}

static const struct db_statement find_trash = {.sql = "SELECT 1" OF_USER " AND use <> 0 LIMIT 1"};

static int has_folders(struct db_tx *tx, void *arg)
{
    struct lookup *l = arg;
    struct db_query *q;
    int rc = start(tx, &find_trash, l->tenant, l->user, NULL, SPAN(""), &q);
    return rc < 0 ? rc : db_step(q);
}

static int make_folders(struct db_tx *tx, void *arg)
{
    const struct lookup *l = arg;
    return box_make_user(tx, l->tenant, l->user);
}

int box_co_ensure_user(struct store *store, int64_t tenant, int64_t user)
{
    struct lookup l = {.tenant = tenant, .user = user};
    int rc = store_co_read(store, has_folders, &l);
    if (rc == DB_DONE)
        rc = store_co_write(store, make_folders, &l);
    return rc < 0 ? rc : 0;
}

/* --- subscriptions --------------------------------------------------------------------------- */

static const struct db_statement insert_subscription = {
    .sql = "INSERT INTO subscription (tenant, user_id, name) VALUES (:tenant, :user, :name)"
           " ON CONFLICT (tenant, user_id, name) DO NOTHING"};
static const struct db_statement delete_subscription = {
    .sql = "DELETE FROM subscription WHERE tenant = :tenant AND user_id = :user AND name = :name"};

int box_subscribe(struct db_tx *tx, int64_t tenant, int64_t user, struct span name, bool subscribed)
{
    struct db_query *q;
    int rc = 0;
    if (subscribed)
        rc = check_room(tx, &count_subscriptions, tenant, user, SUBSCRIPTIONS_MAX);
    if (rc == 0)
        rc = start(tx, subscribed ? &insert_subscription : &delete_subscription, tenant, user,
                   "name", name, &q);
    if (rc == 0)
        rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* --- renaming -------------------------------------------------------------------------------- */

static const struct db_statement set_name = {
    .sql = "UPDATE mailbox SET name = :name WHERE tenant = :tenant AND id = :id"};
static const struct db_statement list_below = {
    .sql = "SELECT id, name" OF_USER " AND name >= :first AND name < :end ORDER BY name LIMIT 1"};

/* Its UIDVALIDITY stays: no other mailbox of this user has or had it. */
static int rename_one(struct db_tx *tx, int64_t tenant, int64_t id, struct span name)
{
    struct db_query *q;
    int rc = db_prepare(tx, &set_name, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "id", id);
    db_bind_text(q, "name", name);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* The first mailbox below `from`; its new name below `to`. 1, 0: there is none. */
static int first_below(struct db_tx *tx, int64_t tenant, int64_t user, struct span from,
                       struct span to, int64_t *ret_id, struct buffer *name)
{
    char first[BOX_NAME_MAX + 1], end[BOX_NAME_MAX + 1];
    struct db_query *q;
    memcpy(first, from.at, from.len);
    first[from.len] = '/';
    memcpy(end, first, from.len);
    end[from.len] = '/' + 1;
    int rc = start(tx, &list_below, tenant, user, "first", span_make(first, from.len + 1), &q);
    if (rc < 0)
        return rc;
    db_bind_text(q, "end", span_make(end, from.len + 1));
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    *ret_id = db_column_int(q, 0);
    buffer_clear(name);
    rc = buffer_append(name, to);
    if (rc == 0)
        rc = buffer_append(name, span_from(db_column_bytes(q, 1), from.len));
    return rc < 0 ? ERR_SYNTAX : 1; /* the name has grown too long */
}

static int rename_below(struct db_tx *tx, int64_t tenant, int64_t user, struct span from,
                        struct span to)
{
    AUTO_BUFFER name = BUFFER(BOX_NAME_MAX);
    int64_t id;
    int rc;
    while ((rc = first_below(tx, tenant, user, from, to, &id, &name)) == 1)
        if ((rc = rename_one(tx, tenant, id, buffer_span(&name))) < 0)
            return rc;
    return rc;
}

/* The target's name must be free, the levels above it are made. */
static int make_way(struct db_tx *tx, int64_t tenant, int64_t user, struct span to)
{
    struct box_mailbox found;
    ptrdiff_t last = span_find_last(to, '/');
    int rc = find(tx, tenant, user, to, &found);
    if (rc != ERR_ABSENT)
        return rc < 0 ? rc : ERR_EXISTS;
    rc = last > 0 ? box_make(tx, tenant, user, span_first(to, (size_t)last), BOX_USE_NONE) : 0;
    return rc == ERR_EXISTS ? 0 : rc;
}

int box_rename(struct db_tx *tx, int64_t tenant, int64_t user, struct span from, struct span to)
{
    struct box_mailbox mailbox;
    bool inbox = span_equal(from, SPAN(BOX_INBOX));
    bool into_itself = span_starts(to, from) && to.len > from.len && to.at[from.len] == '/';
    if (into_itself && !inbox)
        return ERR_SYNTAX;
    int rc = find(tx, tenant, user, from, &mailbox);
    if (rc == 0)
        rc = make_way(tx, tenant, user, to);
    if (rc == 0)
        rc = rename_one(tx, tenant, mailbox.id, to);
    if (rc == 0)
        rc = inbox ? insert(tx, tenant, user, from, BOX_USE_NONE)
                   : rename_below(tx, tenant, user, from, to);
    return rc == 0 ? box_watch_announce(tx, mailbox.id) : rc;
}
