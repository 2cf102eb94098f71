/* The box on the engine under test: numbers, counters, news in pages, what is forgotten, removal.
 */
#include "../store/suite.h"
#include "base/clock.h"
#include "base/id.h"
#include "box/box.h"
#include "box/keyword.h"

#include <stdio.h>
#include <stdlib.h>

#define TENANT 1
#define USER   4711
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const struct db_schema *const schemas[] = {&blob_schema, &box_schema};

struct yard {
    struct store *store;
    struct arena arena;
    int64_t inbox, archive;
    /* of the job that runs */
    int64_t user, mailbox, target, uid;
    const int64_t *uids;
    size_t count;
    struct blob_writer *body;
    struct span name, other, keyword;
    uint64_t flags;
    bool only_deleted;
    int bit;
};

/* --- jobs ------------------------------------------------------------------------------------ */

static int make_user(struct db_tx *tx, void *arg)
{
    const struct yard *y = arg;
    return box_make_user(tx, TENANT, y->user);
}

static int make(struct db_tx *tx, void *arg)
{
    const struct yard *y = arg;
    return box_make(tx, TENANT, USER, y->name, BOX_USE_NONE);
}

static int rename_it(struct db_tx *tx, void *arg)
{
    const struct yard *y = arg;
    return box_rename(tx, TENANT, USER, y->name, y->other);
}

/* count messages of the same body. */
static int append(struct db_tx *tx, void *arg)
{
    struct yard *y = arg;
    int64_t blob;
    int rc = blob_put(tx, y->body, TENANT, (uint32_t)y->count, &blob);
    for (size_t i = 0; rc == 0 && i < y->count; i++) {
        struct box_message message = {
            .blob = blob, .octets = 10, .head = SPAN("H: h\r\n"), .flags = y->flags};
        rc = box_append_to(tx, TENANT, y->mailbox, &message, &y->uid);
    }
    return rc;
}

static int expunge(struct db_tx *tx, void *arg)
{
    const struct yard *y = arg;
    return y->only_deleted ? box_expunge_deleted(tx, TENANT, y->mailbox, y->uids, y->count)
                           : box_expunge(tx, TENANT, y->mailbox, y->uids, y->count);
}

static int take_keyword(struct db_tx *tx, void *arg)
{
    struct yard *y = arg;
    return keyword_take(tx, TENANT, y->mailbox, y->keyword, &y->bit);
}

static const struct db_statement count_rows = {
    .sql = "SELECT (SELECT COUNT(*) FROM message) + (SELECT COUNT(*) FROM expunged)"
           " + (SELECT COUNT(*) FROM blob) + (SELECT COUNT(*) FROM mailbox)"
           " + (SELECT COUNT(*) FROM keyword) + (SELECT COUNT(*) FROM summary)"
           " + (SELECT COUNT(*) FROM blob_shared)"};
static const struct db_statement count_blobs = {
    .sql = "SELECT COUNT(*), COALESCE(SUM(COALESCE((SELECT s.refs FROM blob_shared s"
           " WHERE s.tenant = b.tenant AND s.id = b.id), b.refs)), 0) FROM blob b"};

static int read_rows(struct db_tx *tx, void *ret)
{
    struct db_query *q;
    int rc = db_prepare(tx, &count_rows, &q);
    if (rc == 0 && (rc = db_step(q)) == DB_ROW)
        *(int64_t *)ret = db_column_int(q, 0);
    return rc;
}

static int read_references(struct db_tx *tx, void *ret)
{
    struct db_query *q;
    int rc = db_prepare(tx, &count_blobs, &q);
    if (rc == 0 && (rc = db_step(q)) == DB_ROW)
        *(int64_t *)ret = db_column_int(q, 1);
    return rc;
}

static int64_t co_references(struct yard *y)
{
    int64_t found = -1;
    assert_int_equal(store_co_read(y->store, read_references, &found), DB_ROW);
    return found;
}

/* --- helpers --------------------------------------------------------------------------------- */

static void co_do(struct yard *y, db_job *job, int wanted)
{
    assert_int_equal(store_co_write(y->store, job, y), wanted);
}

static void co_write_body(struct yard *y)
{
    assert_int_equal(blob_writer_open(y->store, 0, &y->body), 0);
    assert_int_equal(blob_co_append(y->body, SPAN("body")), 0);
    assert_int_equal(blob_co_finish(y->body), 0);
}

static void co_append(struct yard *y, int64_t mailbox, size_t count, uint64_t flags)
{
    y->mailbox = mailbox;
    y->flags = flags;
    for (; count; count -= y->count) {
        y->count = count < BOX_PAGE ? count : BOX_PAGE;
        co_write_body(y);
        co_do(y, append, 0);
        blob_writer_committed(y->body);
        blob_co_writer_free(y->body);
    }
}

/* Those from first to last, every step-th. */
static int co_expunge(struct yard *y, int64_t mailbox, int64_t first, int64_t last, int64_t step,
                      bool only_deleted)
{
    static int64_t uids[BOX_PAGE];
    int gone = 0;
    y->mailbox = mailbox;
    y->uids = uids;
    y->only_deleted = only_deleted;
    while (first <= last) {
        for (y->count = 0; y->count < BOX_PAGE && first <= last; first += step)
            uids[y->count++] = first;
        int rc = store_co_write(y->store, expunge, y);
        assert_true(rc >= 0);
        gone += rc;
    }
    return gone;
}

static struct box_mailbox co_open(struct yard *y, struct span name)
{
    struct box_mailbox found;
    assert_int_equal(box_co_open(y->store, TENANT, USER, name, &found), 0);
    return found;
}

static void co_expect(struct yard *y, struct span name, uint64_t messages, uint64_t unseen,
                      uint64_t deleted)
{
    struct box_mailbox found = co_open(y, name);
    assert_int_equal(found.messages, messages);
    assert_int_equal(found.unseen, unseen);
    assert_int_equal(found.deleted, deleted);
    assert_int_equal(found.octets, 10 * messages);
}

static void co_set_flags(struct yard *y, int64_t mailbox, int64_t first, size_t count,
                         uint64_t clear, uint64_t set, struct box_flagging *ret_flagging)
{
    static int64_t uids[BOX_PAGE];
    for (size_t i = 0; i < count; i++)
        uids[i] = first + (int64_t)i;
    *ret_flagging = (struct box_flagging){.tenant = TENANT,
                                          .mailbox = mailbox,
                                          .uids = uids,
                                          .count = count,
                                          .clear = clear,
                                          .set = set,
                                          .unchanged = INT64_MAX};
    assert_int_equal(store_co_write(y->store, box_set_flags, ret_flagging), 0);
}

/* --- numbers and counters -------------------------------------------------------------------- */

static void co_counters(struct yard *y)
{
    static struct box_flagging f;
    co_append(y, y->inbox, 3, 0);
    co_append(y, y->inbox, 2, BOX_SEEN | BOX_DELETED);
    co_expect(y, SPAN("INBOX"), 5, 3, 2);
    co_set_flags(y, y->inbox, 1, 2, 0, BOX_SEEN, &f);
    assert_int_equal(f.outcome[0], BOX_CHANGED);
    co_expect(y, SPAN("INBOX"), 5, 1, 2);
    co_set_flags(y, y->inbox, 1, 2, 0, BOX_SEEN, &f);
    assert_int_equal(f.outcome[0], BOX_SAME);
    assert_int_equal(co_expunge(y, y->inbox, 4, 9, 1, false), 2);
    co_expect(y, SPAN("INBOX"), 3, 1, 0);
    assert_int_equal(co_references(y), 3);
    co_append(y, y->inbox, 1, 0);
    assert_int_equal(y->uid, 6); /* never 4 again */
}

/* Whoever takes the flag back in time keeps the message. */
static void co_undelete(struct yard *y)
{
    static struct box_flagging f;
    co_append(y, y->inbox, 4, BOX_DELETED);
    co_set_flags(y, y->inbox, 2, 2, BOX_DELETED, 0, &f);
    assert_int_equal(co_expunge(y, y->inbox, 1, 4, 1, true), 2);
    co_expect(y, SPAN("INBOX"), 2, 2, 0);
    assert_int_equal(co_expunge(y, y->inbox, 1, 4, 1, false), 2);
    assert_int_equal(co_references(y), 0);
}

static void co_copy(struct yard *y, int64_t from, int64_t to, int64_t first, size_t count,
                    bool moving, int wanted, struct box_copying *ret_copying)
{
    static int64_t uids[BOX_PAGE];
    for (size_t i = 0; i < count; i++)
        uids[i] = first + (int64_t)i;
    *ret_copying = (struct box_copying){.tenant = TENANT,
                                        .mailbox = from,
                                        .target = to,
                                        .uids = uids,
                                        .count = count,
                                        .moving = moving};
    assert_int_equal(store_co_write(y->store, box_copy, ret_copying), wanted);
}

static void co_copies(struct yard *y)
{
    static struct box_copying c;
    struct box_message before, after;
    co_append(y, y->inbox, 5, BOX_SEEN);
    assert_int_equal(co_expunge(y, y->inbox, 2, 2, 1, false), 1);
    co_copy(y, y->inbox, y->archive, 1, 5, false, 0, &c);
    assert_int_equal(c.copied, 4);
    assert_int_equal(c.target_uids[0], 1);
    assert_int_equal(c.target_uids[1], 0);
    assert_int_equal(c.target_uids[2], 2);
    assert_int_equal(co_references(y), 8);
    co_expect(y, SPAN("Archive"), 4, 0, 0);
    assert_int_equal(box_co_message(y->store, TENANT, y->inbox, 3, &y->arena, &before), 0);
    assert_int_equal(box_co_message(y->store, TENANT, y->archive, 2, &y->arena, &after), 0);
    assert_true(before.origin && before.origin == after.origin);
    assert_true(span_equal(after.head, SPAN("H: h\r\n")));
    co_copy(y, y->inbox, y->archive, 3, 3, true, 0, &c);
    co_expect(y, SPAN("INBOX"), 1, 0, 0);
    co_expect(y, SPAN("Archive"), 7, 0, 0);
    assert_int_equal(co_references(y), 8);
    co_copy(y, y->archive, y->archive, c.target_uids[0], 1, true, 0, &c); /* into itself */
    co_expect(y, SPAN("Archive"), 7, 0, 0);
    co_copy(y, y->inbox, 12345, 1, 1, false, ERR_ABSENT, &c);
}

/* --- news ------------------------------------------------------------------------------------ */

struct told {
    unsigned pages;
    size_t changed, gone;
    int64_t last;
};

/* All news in pages: no MODSEQ is cut in two, none is told twice or left out. */
static struct told co_hear(struct yard *y, int64_t mailbox, int64_t after)
{
    struct told told = {.last = after};
    struct box_news news = {.more = true};
    for (; news.more; told.pages++) {
        AUTO_ARENA arena = ARENA((size_t)1024 * 1024);
        assert_int_equal(box_co_news(y->store, TENANT, mailbox, told.last, &arena, &news), 0);
        assert_true(news.modseq > told.last || !news.more);
        for (size_t i = 0; i < news.changed_count; i++)
            assert_true(news.changed[i].modseq > told.last &&
                        news.changed[i].modseq <= news.modseq);
        told.changed += news.changed_count;
        told.gone += news.gone_count;
        told.last = news.modseq;
    }
    return told;
}

static void co_news(struct yard *y)
{
    static struct box_flagging f;
    static const size_t sizes[] = {1, 255, 256, 257, 511, 512, 513, 514, 1000};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct box_mailbox before = co_open(y, SPAN("INBOX"));
        co_append(y, y->inbox, sizes[i], 0);
        struct told told = co_hear(y, y->inbox, before.modseq);
        assert_int_equal(told.changed, sizes[i]);
        assert_int_equal(told.gone, 0);
        assert_int_equal(told.pages, (sizes[i] - 1) / 512 + 1);
        int64_t first = before.uidnext, last = first + (int64_t)sizes[i] - 1;
        assert_int_equal(co_expunge(y, y->inbox, first, last, 1, false), sizes[i]);
        struct told gone = co_hear(y, y->inbox, told.last);
        assert_int_equal(gone.gone, sizes[i]);
        assert_int_equal(gone.changed, 0);
        assert_int_equal(co_hear(y, y->inbox, gone.last).pages, 1);
    }
    /* Whole jobs under one MODSEQ, at both lists' limits at once. */
    co_append(y, y->inbox, 3 * BOX_PAGE, 0);
    struct box_mailbox now = co_open(y, SPAN("INBOX"));
    int64_t first = now.uidnext - 3 * BOX_PAGE;
    for (int64_t page = 0; page < 3; page++)
        co_set_flags(y, y->inbox, first + page * BOX_PAGE, BOX_PAGE, 0, BOX_SEEN, &f);
    assert_int_equal(co_expunge(y, y->inbox, first, first + BOX_PAGE - 1, 1, false), BOX_PAGE);
    struct told told = co_hear(y, y->inbox, now.modseq);
    assert_int_equal(told.changed, 2 * BOX_PAGE);
    assert_int_equal(told.gone, BOX_PAGE);
}

/* --- what is forgotten ----------------------------------------------------------------------- */

static size_t co_expunged(struct yard *y, int64_t after, bool *ret_complete)
{
    int64_t *uids;
    size_t count;
    assert_int_equal(box_co_expunged(y->store, TENANT, y->inbox, after, 0, BOX_UID_MAX, &y->arena,
                                     &uids, &count, ret_complete),
                     0);
    return count;
}

static void co_forget(struct yard *y)
{
    const int64_t start = clock_wall_ms();
    struct box_news news;
    bool complete;
    co_append(y, y->inbox, 20, 0);
    int64_t first = co_open(y, SPAN("INBOX")).modseq;
    co_expunge(y, y->inbox, 1, 5, 1, false);
    int64_t second = co_open(y, SPAN("INBOX")).modseq;
    clock_fake(start + 29 * DAY_MS, clock_mono_ms());
    co_expunge(y, y->inbox, 6, 8, 1, false);
    assert_int_equal(box_co_sweep(y->store), 0);
    assert_int_equal(co_expunged(y, first, &complete), 8);
    assert_true(complete);
    clock_fake(start + 31 * DAY_MS, clock_mono_ms());
    assert_int_equal(box_co_sweep(y->store), 0);
    assert_int_equal(co_expunged(y, first, &complete), 3);
    assert_false(complete);
    assert_int_equal(co_expunged(y, second, &complete), 3);
    assert_true(complete);
    assert_int_equal(box_co_news(y->store, TENANT, y->inbox, first, &y->arena, &news), 0);
    assert_false(news.complete);
    clock_fake(start - 90 * DAY_MS,
               clock_mono_ms()); /* a clock that was set back forgets nothing */
    assert_int_equal(box_co_sweep(y->store), 0);
    assert_int_equal(co_expunged(y, second, &complete), 3);
    clock_unfake();
}

/* --- keywords -------------------------------------------------------------------------------- */

static void co_fill_keywords(struct yard *y, int64_t mailbox, const char *format)
{
    char name[20];
    y->mailbox = mailbox;
    for (int i = 0; i < KEYWORD_END - KEYWORD_OWN_FIRST; i++) {
        snprintf(name, sizeof name, format, i);
        y->keyword = span_of(name);
        co_do(y, take_keyword, 0);
        assert_int_equal(y->bit, KEYWORD_OWN_FIRST + i);
    }
    y->keyword = SPAN("one.too.many");
    co_do(y, take_keyword, ERR_FULL);
    y->keyword = SPAN("$forwarded"); /* everybody's are always there */
    co_do(y, take_keyword, 0);
    assert_int_equal(y->bit, KEYWORD_FIRST);
}

static void co_keywords(struct yard *y)
{
    static struct box_copying c;
    struct box_message copy;
    co_fill_keywords(y, y->inbox, "K%d");
    y->keyword = SPAN("k7");
    co_do(y, take_keyword, 0);
    assert_int_equal(y->bit, KEYWORD_OWN_FIRST + 7);
    uint64_t own = UINT64_C(1) << y->bit, common = UINT64_C(1) << KEYWORD_FIRST;
    co_append(y, y->inbox, 1, own | common | BOX_SEEN);
    y->mailbox = y->archive;
    y->keyword = SPAN("first");
    co_do(y, take_keyword, 0);
    co_copy(y, y->inbox, y->archive, 1, 1, false, 0, &c);
    assert_int_equal(box_co_message(y->store, TENANT, y->archive, 1, &y->arena, &copy), 0);
    uint64_t second = UINT64_C(1) << (KEYWORD_OWN_FIRST + 1); /* the same name, another bit */
    assert_int_equal(copy.flags, second | common | BOX_SEEN);
    y->name = SPAN("Full");
    co_do(y, make, 0);
    int64_t full = co_open(y, SPAN("Full")).id;
    co_fill_keywords(y, full, "other%d");
    co_copy(y, y->inbox, full, 1, 1, false, 0, &c); /* no room: it comes without */
    assert_int_equal(box_co_message(y->store, TENANT, full, 1, &y->arena, &copy), 0);
    assert_int_equal(copy.flags, common | BOX_SEEN);
}

/* --- renaming --------------------------------------------------------------------------------- */

static void co_rename(struct yard *y, struct span from, struct span to, int wanted)
{
    y->name = from;
    y->other = to;
    co_do(y, rename_it, wanted);
}

static void co_renames(struct yard *y)
{
    struct box_mailbox before, after;
    y->name = SPAN("a/b/c");
    co_do(y, make, 0);
    co_do(y, make, ERR_EXISTS);
    co_append(y, co_open(y, SPAN("a/b/c")).id, 2, 0);
    before = co_open(y, SPAN("a/b/c"));
    co_rename(y, SPAN("a"), SPAN("a/x"), ERR_SYNTAX);
    co_rename(y, SPAN("a"), SPAN("Archive"), ERR_EXISTS);
    co_rename(y, SPAN("nothing"), SPAN("z"), ERR_ABSENT);
    co_rename(y, SPAN("a"), SPAN("new/a"), 0);
    after = co_open(y, SPAN("new/a/b/c"));
    assert_int_equal(after.id, before.id);
    assert_int_equal(after.uidvalidity, before.uidvalidity);
    assert_int_equal(after.messages, 2);
    assert_int_equal(box_co_open(y->store, TENANT, USER, SPAN("a/b"), &after), ERR_ABSENT);
    co_append(y, y->inbox, 1, 0);
    before = co_open(y, SPAN("INBOX"));
    co_rename(y, SPAN("INBOX"), SPAN("Old"), 0);
    assert_int_equal(co_open(y, SPAN("Old")).id, before.id);
    after = co_open(y, SPAN("INBOX"));
    assert_true(after.id != before.id && after.uidvalidity > before.uidvalidity);
    assert_int_equal(after.messages, 0);
}

/* --- removal --------------------------------------------------------------------------------- */

static int64_t co_rows(struct yard *y)
{
    int64_t rows = -1;
    assert_int_equal(store_co_read(y->store, read_rows, &rows), DB_ROW);
    return rows;
}

static void co_remove(struct yard *y)
{
    struct box_mailbox found;
    int64_t before = co_rows(y);
    y->name = SPAN("Going");
    co_do(y, make, 0);
    int64_t going = co_open(y, SPAN("Going")).id;
    co_append(y, going, 600, 0);
    co_expunge(y, going, 1, 100, 1, false);
    y->mailbox = going;
    y->keyword = SPAN("mine");
    co_do(y, take_keyword, 0);
    assert_int_equal(box_co_delete(y->store, TENANT, USER, SPAN("INBOX")), ERR_DENIED);
    assert_int_equal(box_co_delete(y->store, TENANT, USER, SPAN("Going")), 0);
    assert_int_equal(box_co_delete(y->store, TENANT, USER, SPAN("Going")), ERR_ABSENT);
    assert_int_equal(box_co_open(y->store, TENANT, USER, SPAN("Going"), &found), ERR_ABSENT);
    assert_int_equal(co_rows(y), before);
}

static const struct db_statement disown = {
    .sql = "UPDATE mailbox SET user_id = 0, name = 'removed ' || id WHERE name = 'Going'"};

static int crash(struct db_tx *tx, void *arg)
{
    struct db_query *q;
    int rc = db_prepare(tx, &disown, &q);
    (void)arg;
    return rc < 0 ? rc : db_run(q);
}

/* The state a crash leaves: without an owner, its messages still there. */
static void co_sweep(struct yard *y)
{
    static struct box_copying c;
    struct box_news news;
    int64_t before = co_rows(y);
    y->name = SPAN("Going");
    co_do(y, make, 0);
    int64_t going = co_open(y, SPAN("Going")).id;
    co_append(y, going, 300, 0);
    co_do(y, crash, 1);
    assert_int_equal(box_co_news(y->store, TENANT, going, 0, &y->arena, &news), ERR_ABSENT);
    y->count = 1;
    y->mailbox = going;
    co_write_body(y);
    co_do(y, append, ERR_ABSENT); /* nothing comes into it any more */
    blob_co_writer_free(y->body);
    co_append(y, y->inbox, 1, 0);
    co_copy(y, y->inbox, going, 1, 1, true, ERR_ABSENT, &c);
    co_expect(y, SPAN("INBOX"), 1, 1, 0);
    co_expunge(y, y->inbox, 1, 1, 1, false);
    assert_int_equal(box_co_sweep(y->store), 0);
    assert_int_equal(co_rows(y), before + 1); /* the one that INBOX remembers */
}

static void co_remove_user(struct yard *y)
{
    struct box_mailbox mine = co_open(y, SPAN("INBOX")), found;
    int64_t before = co_rows(y), highest = co_open(y, SPAN("Archive")).uidvalidity;
    y->user = USER + 1;
    co_do(y, make_user, 0);
    assert_int_equal(box_co_open(y->store, TENANT, USER + 1, SPAN("INBOX"), &found), 0);
    co_append(y, found.id, 300, 0);
    co_append(y, mine.id, 1, 0);
    assert_int_equal(box_co_remove_user(y->store, TENANT, USER + 1), 0);
    assert_int_equal(box_co_open(y->store, TENANT, USER + 1, SPAN("INBOX"), &found), ERR_ABSENT);
    assert_int_equal(co_rows(y), before + 2);
    assert_int_equal(co_open(y, SPAN("INBOX")).messages, mine.messages + 1);
    y->user = USER;
    assert_int_equal(box_co_remove_user(y->store, TENANT, USER), 0);
    assert_int_equal(co_rows(y), 0);
    clock_fake(clock_wall_ms() - 400 * DAY_MS, clock_mono_ms());
    co_do(y, make_user, 0); /* whoever has the address next */
    assert_true(co_open(y, SPAN("INBOX")).uidvalidity > highest);
    clock_unfake();
}

/* --- running --------------------------------------------------------------------------------- */

struct town {
    void (*co_test)(struct yard *y);
    struct place place;
};

static int co_main(void *arg)
{
    struct town *town = arg;
    struct yard y = {.arena = ARENA((size_t)64 * 1024 * 1024), .user = USER};
    char reason[256] = "";
    if (store_open(&town->place.settings, schemas, 2, reason, sizeof reason, &y.store) < 0)
        fail_msg("%s", reason);
    co_do(&y, make_user, 0);
    y.inbox = co_open(&y, SPAN("INBOX")).id;
    y.archive = co_open(&y, SPAN("Archive")).id;
    town->co_test(&y);
    arena_free(&y.arena);
    store_close(y.store);
    return 0;
}

static void run(void (*co_test)(struct yard *y))
{
    static struct town town;
    town.co_test = co_test;
    place_make(&town.place);
    assert_int_equal(loop_run_main("main", co_main, &town), 0);
    place_remove(&town.place);
}

#define BOX_TEST(name)                                                                             \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        run(co_##name);                                                                            \
    }
BOX_TEST(counters)
BOX_TEST(undelete)
BOX_TEST(copies)
BOX_TEST(news)
BOX_TEST(forget)
BOX_TEST(keywords)
BOX_TEST(renames)
BOX_TEST(remove)
BOX_TEST(sweep)
BOX_TEST(remove_user)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters), cmocka_unit_test(test_undelete),
        cmocka_unit_test(test_copies),   cmocka_unit_test(test_news),
        cmocka_unit_test(test_forget),   cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_renames),  cmocka_unit_test(test_remove),
        cmocka_unit_test(test_sweep),    cmocka_unit_test(test_remove_user),
    };
    return cmocka_run_group_tests_name("box", tests, NULL, NULL);
}
