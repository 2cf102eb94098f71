/* What a user's mailboxes hold: the counters against a recount after anything that can happen to
 * them, the limit, and data folders from before there were counters. */
#include "../store/suite.h"
#include "box/box.h"
#include "event/event.h"

#include <stdio.h>
#include <stdlib.h>

#define TENANT    1
#define USERS     3
#define STEPS     600
#define MAILBOXES 4

static const struct db_schema *const rooms[] = {&blob_schema, &directory_schema, &event_schema,
                                                &box_schema};
static const char *const names[MAILBOXES] = {BOX_INBOX, "Work", "Work/Old", "Other"};

struct yard {
    struct store *store;
    struct blob_writer *writer;
    int64_t blob;
    unsigned seed;
    unsigned done[10]; /* of each kind of step */
};

static unsigned dice(struct yard *y, unsigned sides)
{
    y->seed = y->seed * 1103515245U + 12345U;
    return (y->seed >> 16) % sides;
}

/* --- the recount ----------------------------------------------------------------------------- */

static const struct db_statement wrong_mailboxes = {
    .sql = "SELECT COUNT(*) FROM mailbox b WHERE b.messages <> (SELECT COUNT(*) FROM message m"
           " WHERE m.tenant = b.tenant AND m.mailbox = b.id) OR b.octets <> (SELECT"
           " COALESCE(SUM(m.octets), 0) FROM message m WHERE m.tenant = b.tenant"
           " AND m.mailbox = b.id) OR b.unseen <> (SELECT COUNT(*) FROM message m"
           " WHERE m.tenant = b.tenant AND m.mailbox = b.id AND (m.flags & 1) = 0)"
           " OR b.deleted <> (SELECT COUNT(*) FROM message m WHERE m.tenant = b.tenant"
           " AND m.mailbox = b.id AND (m.flags & 8) <> 0) OR b.deleted_octets <> (SELECT"
           " COALESCE(SUM(m.octets), 0) FROM message m WHERE m.tenant = b.tenant"
           " AND m.mailbox = b.id AND (m.flags & 8) <> 0)"};
static const struct db_statement wrong_users = {
    .sql = "SELECT COUNT(*) FROM box_user u WHERE u.messages <> (SELECT COUNT(*) FROM message m"
           " JOIN mailbox b ON b.tenant = m.tenant AND b.id = m.mailbox"
           " WHERE b.tenant = u.tenant AND b.user_id = u.user_id) OR u.octets <> (SELECT"
           " COALESCE(SUM(m.octets), 0) FROM message m"
           " JOIN mailbox b ON b.tenant = m.tenant AND b.id = m.mailbox"
           " WHERE b.tenant = u.tenant AND b.user_id = u.user_id)"};
static const struct db_statement any_message = {
    .sql = "SELECT b.id, b.user_id, m.uid FROM message m JOIN mailbox b ON b.tenant = m.tenant"
           " AND b.id = m.mailbox WHERE b.user_id = :user ORDER BY (m.uid * 7919 + b.id) % 101,"
           " m.uid LIMIT 1"};

static int64_t count_by(struct db_tx *tx, const struct db_statement *statement)
{
    struct db_query *q;
    assert_int_equal(db_prepare(tx, statement, &q), 0);
    assert_int_equal(db_step(q), DB_ROW);
    return db_column_int(q, 0);
}

static int recount(struct db_tx *tx, void *arg)
{
    (void)arg;
    assert_int_equal(count_by(tx, &wrong_mailboxes), 0);
    assert_int_equal(count_by(tx, &wrong_users), 0);
    return 0;
}

/* --- the steps ------------------------------------------------------------------------------- */

struct step {
    struct yard *y;
    int64_t user, mailbox, other, uid;
    uint64_t octets, flags;
    struct directory_quota quota;
    struct span from, to;
};

static int make_blob(struct db_tx *tx, void *arg)
{
    struct yard *y = arg;
    return blob_put(tx, y->writer, TENANT, 1, &y->blob);
}

static int append(struct db_tx *tx, void *arg)
{
    const struct step *s = arg;
    struct box_message message = {
        .blob = s->y->blob, .octets = s->octets, .flags = s->flags, .received_ms = 1};
    int64_t uid, mailbox = s->mailbox;
    int rc = box_take_room(tx, TENANT, s->user, 1, s->octets, &s->quota);
    if (rc == 0)
        rc = blob_reference(tx, TENANT, message.blob, 1);
    if (rc == 0 && !mailbox)
        rc = box_find(tx, TENANT, s->user, s->from, &mailbox);
    if (rc == ERR_ABSENT && (rc = box_make(tx, TENANT, s->user, s->from, BOX_USE_NONE)) == 0)
        rc = box_find(tx, TENANT, s->user, s->from, &mailbox);
    return rc < 0 ? rc : box_append_to(tx, TENANT, mailbox, &message, &uid);
}

static int pick(struct db_tx *tx, void *arg)
{
    struct step *s = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &any_message, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "user", s->user);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc < 0 ? rc : ERR_ABSENT;
    s->mailbox = db_column_int(q, 0);
    s->uid = db_column_int(q, 2);
    return 0;
}

static int expunge(struct db_tx *tx, void *arg)
{
    const struct step *s = arg;
    const int64_t uids[] = {s->uid, s->uid + 1000};
    return box_expunge(tx, TENANT, s->mailbox, uids, 2);
}

static int make(struct db_tx *tx, void *arg)
{
    const struct step *s = arg;
    return box_make(tx, TENANT, s->user, s->from, BOX_USE_NONE);
}

static int move_name(struct db_tx *tx, void *arg)
{
    const struct step *s = arg;
    return box_rename(tx, TENANT, s->user, s->from, s->to);
}

static int co_copy(struct step *s, bool moving)
{
    static struct box_copying c;
    c = (struct box_copying){.tenant = TENANT,
                             .mailbox = s->mailbox,
                             .target = s->other,
                             .uids = &s->uid,
                             .count = 1,
                             .moving = moving,
                             .quota = s->quota};
    return store_co_write(s->y->store, box_copy, &c);
}

static int co_flag(struct step *s)
{
    static struct box_flagging f;
    f = (struct box_flagging){.tenant = TENANT,
                              .mailbox = s->mailbox,
                              .uids = &s->uid,
                              .count = 1,
                              .clear = dice(s->y, 16),
                              .set = dice(s->y, 16),
                              .unchanged = INT64_MAX};
    return store_co_write(s->y->store, box_set_flags, &f);
}

/* One thing that happens to a user's mailboxes; some are refused, and then nothing happens. */
static void co_step(struct yard *y)
{
    struct step s = {.y = y,
                     .user = 1 + dice(y, USERS),
                     .octets = 1 + dice(y, 5000),
                     .flags = dice(y, 32),
                     .quota = {.octets = dice(y, 4) ? 0 : 60000, .messages = dice(y, 4) ? 0 : 20}};
    struct box_mailbox target;
    s.from = span_of(names[dice(y, MAILBOXES)]);
    s.to = span_of(names[dice(y, MAILBOXES)]);
    unsigned kind = dice(y, 40);
    int rc = ERR_ABSENT;
    bool picked = store_co_read(y->store, pick, &s) == 0;
    if (kind < 14) {
        s.mailbox = kind < 7 ? 0 : s.mailbox;
        rc = store_co_write(y->store, append, &s);
        kind = rc == ERR_QUOTA ? 8 : 0;
    } else if (kind < 24 && picked) {
        rc = box_co_open(y->store, TENANT, s.user, s.to, &target);
        s.other = rc == 0 ? target.id : 0;
        rc = rc == 0 ? co_copy(&s, kind < 19) : rc;
        kind = rc == ERR_QUOTA ? 8 : 1;
    } else if (kind < 29 && picked) {
        rc = store_co_write(y->store, expunge, &s);
        kind = 2;
    } else if (kind < 34 && picked) {
        rc = co_flag(&s);
        kind = 3;
    } else if (kind < 36) {
        rc = store_co_write(y->store, make, &s);
        kind = 4;
    } else if (kind < 38) {
        rc = store_co_write(y->store, move_name, &s);
        kind = 5;
    } else if (kind < 39) {
        rc = box_co_delete(y->store, TENANT, s.user, s.from);
        kind = 6;
    } else {
        rc = dice(y, 8) ? ERR_ABSENT : box_co_remove_user(y->store, TENANT, s.user);
        kind = 7;
    }
    y->done[rc >= 0 || rc == ERR_QUOTA ? kind : 9]++;
}

static int co_walk(void *arg)
{
    struct yard *y = arg;
    assert_int_equal(blob_writer_open(y->store, 0, &y->writer), 0);
    assert_int_equal(blob_co_append(y->writer, SPAN("a letter")), 0);
    assert_int_equal(blob_co_finish(y->writer), 0);
    assert_int_equal(store_co_write(y->store, make_blob, y), 0);
    blob_writer_committed(y->writer);
    blob_co_writer_free(y->writer);
    for (int i = 0; i < STEPS; i++) {
        co_step(y);
        assert_int_equal(store_co_read(y->store, recount, NULL), 0);
    }
    for (int kind = 0; kind < 9; kind++) /* all of it has happened */
        assert_true(y->done[kind] > 0);
    return 0;
}

static struct store *open_rooms(struct place *place)
{
    char reason[256] = "";
    struct store *store = NULL;
    place_make(place);
    assert_int_equal(store_open(&place->settings, rooms, 4, reason, sizeof reason, &store), 0);
    return store;
}

static void test_counters_are_what_is_there(void **state)
{
    (void)state;
    const char *seed = getenv("POSTAMT_TEST_SEED");
    struct place place;
    struct yard y = {.store = open_rooms(&place), .seed = seed ? (unsigned)atoi(seed) : 5};
    assert_int_equal(loop_run_main("main", co_walk, &y), 0);
    store_close(y.store);
    place_remove(&place);
}

/* --- the limit ------------------------------------------------------------------------------- */

static void test_room_is_exact(void **state)
{
    (void)state;
    const struct directory_quota none = {0}, both = {.octets = 100, .messages = 3};
    const struct box_usage empty = {0}, some = {.messages = 2, .octets = 60},
                           over = {.messages = 9, .octets = 900};
    assert_false(box_has_limit(&none));
    assert_true(box_has_limit(&both));
    assert_true(box_has_room(&over, &none, 1, UINT64_C(1) << 50));
    assert_true(box_has_room(&some, &both, 1, 40));
    assert_false(box_has_room(&some, &both, 1, 41));
    assert_false(box_has_room(&some, &both, 2, 1));
    assert_false(box_has_room(&over, &both, 0, 0));
    assert_false(box_has_room(&empty, &both, 1, UINT64_MAX));
    assert_false(box_has_room(&empty, &both, UINT64_MAX, 1));
}

static int fill(struct db_tx *tx, void *arg)
{
    const struct directory_quota quota = {.octets = 100, .messages = 3};
    (void)arg;
    assert_int_equal(box_take_room(tx, TENANT, 7, 1, 101, &quota), ERR_QUOTA);
    assert_int_equal(box_take_room(tx, TENANT, 7, 1, 60, &quota), 0);
    assert_int_equal(box_take_room(tx, TENANT, 7, 1, 41, &quota), ERR_QUOTA);
    assert_int_equal(box_take_room(tx, TENANT, 7, 1, 40, &quota), 0);
    assert_int_equal(box_take_room(tx, TENANT, 7, 1, 1, &quota), ERR_QUOTA);
    assert_int_equal(box_take_room(tx, TENANT, 7, 1, 1, NULL), 0);
    assert_int_equal(box_take_room(tx, TENANT, 8, 4, 4, &quota), ERR_QUOTA);
    return 0;
}

static int co_take(void *arg)
{
    struct yard *y = arg;
    const int64_t users[] = {7, 8, 9};
    struct box_usage usages[3];
    assert_int_equal(store_co_write(y->store, fill, NULL), 0);
    assert_int_equal(box_co_usages(y->store, TENANT, users, 3, usages), 0);
    assert_int_equal(usages[0].octets, 101);
    assert_int_equal(usages[0].messages, 3);
    assert_int_equal(usages[1].octets + usages[1].messages + usages[2].octets, 0);
    return 0;
}

static void test_what_is_refused_changes_nothing(void **state)
{
    (void)state;
    struct place place;
    struct yard y = {.store = open_rooms(&place)};
    assert_int_equal(loop_run_main("main", co_take, &y), 0);
    store_close(y.store);
    place_remove(&place);
}

/* --- from before ----------------------------------------------------------------------------- */

static const struct db_statement old_mailboxes = {
    .sql = "INSERT INTO mailbox (tenant, id, user_id, name, uidvalidity, uidnext, messages, unseen,"
           " deleted, octets) VALUES (1, 10, 5, 'INBOX', 1, 9, 3, 3, 2, 600),"
           " (1, 11, 5, 'Sent', 2, 9, 1, 0, 0, 50), (1, 12, 6, 'INBOX', 3, 9, 0, 0, 0, 0)"};
static const struct db_statement old_messages = {
    .sql = "INSERT INTO message (tenant, mailbox, uid, blob, octets, received_ms, flags, head)"
           " VALUES (1, 10, 1, 1, 100, 1, 8, :head), (1, 10, 2, 1, 200, 1, 0, :head),"
           " (1, 10, 3, 1, 300, 1, 10, :head), (1, 11, 1, 1, 50, 1, 1, :head)"};
static const struct db_statement old_users = {
    .sql = "INSERT INTO box_user (tenant, user_id, uidvalidity) VALUES (1, 5, 2), (1, 6, 3)"};
static const struct db_statement see_deleted = {
    .sql = "SELECT deleted_octets FROM mailbox WHERE id = 10"};

static int fill_old(struct db_tx *tx, void *arg)
{
    const struct db_statement *const all[] = {&old_mailboxes, &old_messages, &old_users};
    (void)arg;
    for (unsigned i = 0; i < 3; i++) {
        struct db_query *q;
        assert_int_equal(db_prepare(tx, all[i], &q), 0);
        if (i == 1)
            db_bind_bytes(q, "head", SPAN("x"));
        assert_true(db_run(q) > 0);
    }
    return 0;
}

static int see_old(struct db_tx *tx, void *arg)
{
    *(int64_t *)arg = count_by(tx, &see_deleted);
    return recount(tx, NULL);
}

static int co_look_back(void *arg)
{
    struct yard *y = arg;
    struct box_usage usage;
    int64_t deleted = 0;
    assert_int_equal(store_co_read(y->store, see_old, &deleted), 0);
    assert_int_equal(deleted, 400);
    assert_int_equal(box_co_usage(y->store, TENANT, 5, &usage), 0);
    assert_int_equal(usage.messages, 4);
    assert_int_equal(usage.octets, 650);
    return 0;
}

static void test_older_folders_are_counted(void **state)
{
    (void)state;
    struct place place;
    struct db_schema earlier = box_schema;
    earlier.count = 2;
    place_make(&place);
    struct store *store = place_open(&place, &earlier);
    assert_int_equal(store_write(store, fill_old, NULL), 0);
    store_close(store);
    struct yard y = {.store = place_open(&place, &box_schema)};
    assert_int_equal(loop_run_main("main", co_look_back, &y), 0);
    store_close(y.store);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_are_what_is_there),
        cmocka_unit_test(test_room_is_exact),
        cmocka_unit_test(test_what_is_refused_changes_nothing),
        cmocka_unit_test(test_older_folders_are_counted),
    };
    return cmocka_run_group_tests_name("box: what there is", tests, NULL, NULL);
}
