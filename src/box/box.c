/* Mailboxes; see box.h. */
#include "box/box.h"

#include "base/clock.h"
#include "base/id.h"

#include <errno.h>

#define LIST_MAX   256
#define REMOVE_MAX 64

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE mailbox (tenant {id} NOT NULL, id {id} NOT NULL, user_id {id} NOT NULL,"
        " name {text} NOT NULL, uidvalidity {int} NOT NULL, uidnext {int} NOT NULL,"
        " PRIMARY KEY (tenant, id)) {rowid};\n"
        "CREATE UNIQUE INDEX mailbox_name ON mailbox (tenant, user_id, name);\n"
        "CREATE TABLE message (tenant {id} NOT NULL, mailbox {id} NOT NULL, uid {int} NOT NULL,"
        " blob {id} NOT NULL, octets {int} NOT NULL, received_ms {int} NOT NULL,"
        " flags {int} NOT NULL, head {bytes} NOT NULL,"
        " PRIMARY KEY (tenant, mailbox, uid)) {rowid};\n"},
};
const struct db_schema box_schema = {"box", migrations, 1};

/* --- putting in ------------------------------------------------------------------------------ */

static const struct db_statement take_uid = {
    .sql = "UPDATE mailbox SET uidnext = uidnext + 1 WHERE tenant = :tenant"
           " AND user_id = :user AND name = :name RETURNING id, uidnext - 1"};
static const struct db_statement make_mailbox = {
    .sql = "INSERT INTO mailbox (tenant, id, user_id, name, uidvalidity, uidnext)"
           " VALUES (:tenant, :id, :user, :name, :uidvalidity, 2)"
           " ON CONFLICT (tenant, user_id, name) DO UPDATE SET uidnext = mailbox.uidnext + 1"
           " RETURNING id, uidnext - 1"};

/* UIDVALIDITY grows with time, so that a mailbox made anew has a larger one (RFC 3501 2.3.1.1). */
static int take_next_uid(struct db_tx *tx, int64_t tenant, int64_t user, const char *name,
                         int64_t *ret_mailbox, int64_t *ret_uid)
{
    const struct db_statement *const tries[] = {&take_uid, &make_mailbox};
    for (unsigned i = 0; i < 2; i++) {
        struct db_query *q;
        int rc = db_prepare(tx, tries[i], &q);
        if (rc < 0)
            return rc;
        db_bind_int(q, "tenant", tenant);
        db_bind_int(q, "user", user);
        db_bind_text(q, "name", span_of(name));
        if (i == 1) {
            db_bind_int(q, "id", id_next());
            db_bind_int(q, "uidvalidity", clock_wall_ms() / 1000);
        }
        rc = db_step(q);
        if (rc < 0)
            return rc;
        if (rc == DB_ROW) {
            *ret_mailbox = db_column_int(q, 0);
            *ret_uid = db_column_int(q, 1);
            rc = db_run(q);
            return rc < 0 ? rc : 0;
        }
    }
    return ERR_STORE;
}

static const struct db_statement insert_message = {
    .sql = "INSERT INTO message (tenant, mailbox, uid, blob, octets, received_ms, flags, head)"
           " VALUES (:tenant, :mailbox, :uid, :blob, :octets, :received, :flags, :head)"};

int box_append(struct db_tx *tx, int64_t tenant, int64_t user, const char *mailbox,
               const struct box_message *message, int64_t *ret_uid)
{
    struct db_query *q;
    int64_t box = 0, uid = 0;
    int rc = take_next_uid(tx, tenant, user, mailbox, &box, &uid);
    if (rc == 0)
        rc = db_prepare(tx, &insert_message, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "mailbox", box);
    db_bind_int(q, "uid", uid);
    db_bind_int(q, "blob", message->blob);
    db_bind_int(q, "octets", (int64_t)message->octets);
    db_bind_int(q, "received", message->received_ms);
    db_bind_int(q, "flags", message->flags);
    db_bind_bytes(q, "head", message->head);
    rc = db_run(q);
    *ret_uid = uid;
    return rc < 0 ? rc : 0;
}

/* --- taking out ------------------------------------------------------------------------------ */

static const struct db_statement delete_message = {
    .sql = "DELETE FROM message WHERE tenant = :tenant AND mailbox = :mailbox AND uid = :uid"
           " RETURNING blob"};

int box_expunge(struct db_tx *tx, int64_t tenant, int64_t mailbox, const int64_t *uids,
                size_t count)
{
    int gone = 0;
    for (size_t i = 0; i < count; i++) {
        struct db_query *q;
        int rc = db_prepare(tx, &delete_message, &q);
        if (rc < 0)
            return rc;
        db_bind_int(q, "tenant", tenant);
        db_bind_int(q, "mailbox", mailbox);
        db_bind_int(q, "uid", uids[i]);
        rc = db_step(q);
        if (rc == DB_ROW) {
            int64_t blob = db_column_int(q, 0);
            gone++;
            rc = db_run(q);
            if (rc >= 0)
                rc = blob_reference(tx, tenant, blob, -1);
        }
        if (rc < 0)
            return rc;
    }
    return gone;
}

static const struct db_statement list_user_messages = {
    .sql = "SELECT m.mailbox, m.uid FROM mailbox b JOIN message m ON m.tenant = b.tenant"
           " AND m.mailbox = b.id WHERE b.tenant = :tenant AND b.user_id = :user LIMIT 64"};
static const struct db_statement delete_mailboxes = {
    .sql = "DELETE FROM mailbox WHERE tenant = :tenant AND user_id = :user"};

/* Takes up to REMOVE_MAX messages of a user out; how many. */
static int expunge_some(struct db_tx *tx, int64_t tenant, int64_t user)
{
    struct {
        int64_t mailbox, uid;
    } found[REMOVE_MAX];
    struct db_query *q;
    int count = 0, rc = db_prepare(tx, &list_user_messages, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "user", user);
    while (count < REMOVE_MAX && (rc = db_step(q)) == DB_ROW) {
        found[count].mailbox = db_column_int(q, 0);
        found[count++].uid = db_column_int(q, 1);
    }
    for (int i = 0; rc >= 0 && i < count; i++)
        rc = box_expunge(tx, tenant, found[i].mailbox, &found[i].uid, 1);
    return rc < 0 ? rc : count;
}

int box_remove_user(struct db_tx *tx, int64_t tenant, int64_t user)
{
    struct db_query *q;
    int rc;
    do {
        rc = expunge_some(tx, tenant, user);
    } while (rc > 0);
    if (rc == 0)
        rc = db_prepare(tx, &delete_mailboxes, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", tenant);
    db_bind_int(q, "user", user);
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

/* --- reading --------------------------------------------------------------------------------- */

static const struct db_statement find_mailbox = {
    .sql = "SELECT id, uidvalidity FROM mailbox WHERE tenant = :tenant AND user_id = :user"
           " AND name = :name"};

struct box_find {
    int64_t tenant, user, mailbox, uidvalidity;
    const char *name;
};

static int read_mailbox(struct db_tx *tx, void *arg)
{
    struct box_find *find = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_mailbox, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", find->tenant);
    db_bind_int(q, "user", find->user);
    db_bind_text(q, "name", span_of(find->name));
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    find->mailbox = db_column_int(q, 0);
    find->uidvalidity = db_column_int(q, 1);
    return 0;
}

int box_co_find(struct store *store, int64_t tenant, int64_t user, const char *mailbox,
                int64_t *ret_mailbox, int64_t *ret_uidvalidity)
{
    struct box_find find = {.tenant = tenant, .user = user, .name = mailbox};
    int rc = store_co_read(store, read_mailbox, &find);
    if (rc < 0)
        return rc;
    *ret_mailbox = find.mailbox;
    *ret_uidvalidity = find.uidvalidity;
    return 0;
}

#define MESSAGE_COLUMNS "SELECT uid, blob, octets, received_ms, flags, head FROM message"
static const struct db_statement list_messages = {
    .sql = MESSAGE_COLUMNS
    " WHERE tenant = :tenant AND mailbox = :mailbox AND uid > :after ORDER BY uid LIMIT 256"};

static int copy_message(struct db_query *q, struct arena *arena, struct box_message *ret_message)
{
    *ret_message = (struct box_message){.uid = db_column_int(q, 0),
                                        .blob = db_column_int(q, 1),
                                        .octets = (uint64_t)db_column_int(q, 2),
                                        .received_ms = db_column_int(q, 3),
                                        .flags = (uint32_t)db_column_int(q, 4),
                                        .head = arena_copy(arena, db_column_bytes(q, 5))};
    return ret_message->head.at ? 0 : -ENOMEM;
}

struct box_listing {
    int64_t tenant, mailbox, after;
    struct arena *arena;
    struct box_message *messages;
    size_t count;
};

static int read_messages(struct db_tx *tx, void *arg)
{
    struct box_listing *l = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &list_messages, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", l->tenant);
    db_bind_int(q, "mailbox", l->mailbox);
    db_bind_int(q, "after", l->after);
    for (l->count = 0; (rc = db_step(q)) == DB_ROW && l->count < LIST_MAX; l->count++) {
        struct box_message *m = &l->messages[l->count];
        if ((rc = copy_message(q, l->arena, m)) < 0)
            return rc;
    }
    return rc < 0 ? rc : 0;
}

int box_co_list(struct store *store, int64_t tenant, int64_t mailbox, int64_t after,
                struct arena *arena, struct box_message **ret_messages, size_t *ret_count)
{
    struct box_listing l = {.tenant = tenant, .mailbox = mailbox, .after = after, .arena = arena};
    l.messages = arena_alloc(arena, LIST_MAX * sizeof *l.messages);
    int rc = l.messages ? store_co_read(store, read_messages, &l) : -ENOMEM;
    if (rc < 0)
        return rc;
    *ret_messages = l.messages;
    *ret_count = l.count;
    return 0;
}

static const struct db_statement find_message = {
    .sql = MESSAGE_COLUMNS " WHERE tenant = :tenant AND mailbox = :mailbox AND uid = :uid"};

static int read_message(struct db_tx *tx, void *arg)
{
    struct box_listing *l = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &find_message, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "tenant", l->tenant);
    db_bind_int(q, "mailbox", l->mailbox);
    db_bind_int(q, "uid", l->after);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    return copy_message(q, l->arena, l->messages);
}

int box_co_message(struct store *store, int64_t tenant, int64_t mailbox, int64_t uid,
                   struct arena *arena, struct box_message *ret_message)
{
    struct box_message message;
    struct box_listing l = {tenant, mailbox, uid, arena, &message, 0};
    int rc = store_co_read(store, read_message, &l);
    if (rc == 0)
        *ret_message = message;
    return rc;
}
