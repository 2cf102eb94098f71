/* The search index: signatures never say no to what is there, blocks grow, are packed, thin out. */
#include "../store/suite.h"
#include "box/box.h"
#include "box/index.h"

#include <stdlib.h>

#define TENANT  1
#define USER    7
#define MAILBOX "Work"

/* --- signatures ------------------------------------------------------------------------------ */

/* Random text of few letters, some of them two or three bytes long. */
static void write_random(struct buffer *out, size_t characters)
{
    static const char *const letters[] = {"a", "b", "e", "\xc3\xa9", "\xe2\x82\xac", " "};
    for (size_t i = 0; i < characters; i++)
        assert_int_equal(buffer_append_text(out, letters[rand() % 6]), 0);
}

static bool may_hold(const struct signature *s, struct span text, bool in_header)
{
    uint16_t bits[SIGNATURE_ASKED];
    size_t count = signature_ask(text, in_header, bits);
    assert_true(count <= SIGNATURE_ASKED);
    for (size_t i = 0; i < count; i++)
        if (!signature_has(s->bits, bits[i]))
            return false;
    return true;
}

static void expect_all_substrings(struct span whole, const struct signature *s, bool in_header)
{
    for (unsigned turn = 0; whole.len && turn < 200; turn++) {
        struct span rest = span_from(whole, (size_t)rand() % whole.len);
        assert_true(may_hold(s, span_first(rest, (size_t)rand() % 40), in_header));
    }
}

static void test_what_is_there_is_never_denied(void **state)
{
    (void)state;
    srand(5);
    for (size_t size = 0; size < 300; size++) {
        struct search_form form = SEARCH_FORM;
        static struct signature s;
        write_random(&form.header, size);
        write_random(&form.parts, size % 7);
        write_random(&form.text, size * 3 % 1000);
        signature_make(&form, &s);
        expect_all_substrings(buffer_span(&form.header), &s, true);
        expect_all_substrings(buffer_span(&form.header), &s, false);
        expect_all_substrings(buffer_span(&form.parts), &s, false);
        expect_all_substrings(buffer_span(&form.text), &s, false);
        search_form_free(&form);
    }
}

static void test_what_is_not_there_is_mostly_denied(void **state)
{
    struct search_form form = SEARCH_FORM;
    static struct signature s;
    unsigned wrong = 0;
    char word[9] = "";
    (void)state;
    srand(7);
    for (unsigned i = 0; i < 700; i++) {
        for (unsigned k = 0; k < 8; k++)
            word[k] = (char)(k == 7 ? ' ' : 'A' + rand() % 26);
        assert_int_equal(buffer_append_text(&form.text, word), 0);
    }
    assert_int_equal(buffer_append_text(&form.header, "SUBJECT: SHORT"), 0);
    signature_make(&form, &s);
    for (unsigned i = 0; i < 10000; i++) {
        for (unsigned k = 0; k < 8; k++)
            word[k] = (char)('a' + rand() % 26); /* no letter of the text */
        wrong += may_hold(&s, span_of(word), false);
    }
    assert_true(wrong < 100);
    assert_false(may_hold(&s, SPAN("SUBJECTIVE"), true));
    assert_true(may_hold(&s, SPAN("xy"), false));
    search_form_free(&form);
}

/* --- blocks ---------------------------------------------------------------------------------- */

struct shelf {
    struct store *store;
    int64_t mailbox;
    struct index_block block;
    struct index_mask present;
    bool closed;
    const char *word;      /* the text whose columns are asked for, */
    struct index_mask may; /* and where it may be */
    int64_t uids[INDEX_BLOCK];
    size_t count;
};

static const struct db_statement insert_blob = {
    .sql = "INSERT INTO blob (tenant, id, refs, size, bytes) VALUES (1, 1, 100000, :size, :bytes)"
           " ON CONFLICT (tenant, id) DO NOTHING"};
#define LETTER SPAN("Subject: common\r\n\r\nwords\r\n")

static int make_mailbox(struct db_tx *tx, void *arg)
{
    (void)arg;
    return box_make(tx, TENANT, USER, SPAN(MAILBOX), BOX_USE_NONE);
}

static int append_many(struct db_tx *tx, void *arg)
{
    struct shelf *s = arg;
    struct box_message message = {.blob = 1, .octets = LETTER.len, .head = SPAN(""), .origin = 1};
    struct db_query *q;
    int64_t uid;
    int rc = db_prepare(tx, &insert_blob, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "size", (int64_t)LETTER.len);
    db_bind_bytes(q, "bytes", LETTER);
    if ((rc = db_run(q)) < 0)
        return rc;
    rc = 0;
    for (size_t i = 0; rc == 0 && i < s->count; i++)
        rc = box_append_to(tx, TENANT, s->mailbox, &message, &uid);
    return rc;
}

/* Every letter holds a word of its own, and every third "THIRD". */
static int make_some(struct db_tx *tx, void *arg)
{
    struct shelf *s = arg;
    int rc = index_read(tx, &s->block, NULL, 0, NULL);
    for (unsigned column = 0; rc == 0 && column < INDEX_BLOCK; column++) {
        struct search_form form = SEARCH_FORM;
        if (!index_mask_has(&s->present, column) || index_mask_has(&s->block.known, column))
            continue;
        rc = buffer_printf(&form.text, "WORD%04uX %s", column, column % 3 ? "OTHER" : "THIRD");
        if (rc == 0)
            rc = index_add(&s->block, column, &form);
        search_form_free(&form);
    }
    return rc;
}

static int ask_one(struct db_tx *tx, void *arg)
{
    struct shelf *s = arg;
    uint16_t bits[SIGNATURE_ASKED];
    struct index_mask may[SIGNATURE_ASKED];
    size_t count = signature_ask(span_of(s->word), false, bits);
    for (size_t i = 1; i < count; i++) /* few: sorted by hand */
        for (size_t k = i; k && bits[k - 1] > bits[k]; k--) {
            uint16_t swapped = bits[k];
            bits[k] = bits[k - 1];
            bits[k - 1] = swapped;
        }
    s->block = (struct index_block){TENANT, s->mailbox, s->block.number};
    int rc = index_read(tx, &s->block, bits, count, may);
    memset(&s->may, 0xff, sizeof s->may);
    for (size_t i = 0; i < count; i++)
        for (unsigned w = 0; w < INDEX_BLOCK / 64; w++)
            s->may.words[w] &= may[i].words[w];
    index_free(&s->block);
    return rc;
}

static int forget_some(struct db_tx *tx, void *arg)
{
    struct shelf *s = arg;
    return box_expunge(tx, TENANT, s->mailbox, s->uids, s->count) < 0 ? ERR_STORE : 0;
}

static const struct db_statement count_rows = {.sql = "SELECT COUNT(*) FROM search_index"};
static const struct db_statement make_stale = {
    .sql = "UPDATE search_index SET bits = :bits WHERE part = -1"};

static int rows(struct db_tx *tx, void *arg)
{
    struct db_query *q;
    (void)arg;
    int rc = db_prepare(tx, &count_rows, &q);
    return rc < 0 || (rc = db_step(q)) != DB_ROW ? ERR_STORE : (int)db_column_int(q, 0);
}

static int age(struct db_tx *tx, void *arg)
{
    struct db_query *q;
    (void)arg;
    int rc = db_prepare(tx, &make_stale, &q);
    if (rc < 0)
        return rc;
    char header[33];
    memset(header, SIGNATURE_VERSION + 1, sizeof header);
    db_bind_bytes(q, "bits", span_make(header, sizeof header));
    rc = db_run(q);
    return rc < 0 ? rc : 0;
}

static void shelf_co_append(struct shelf *s, unsigned first, size_t count)
{
    int64_t validity;
    s->count = count;
    if (s->mailbox == 0)
        assert_int_equal(store_co_write(s->store, make_mailbox, NULL), 0);
    assert_int_equal(box_co_find(s->store, TENANT, USER, MAILBOX, &s->mailbox, &validity), 0);
    assert_int_equal(store_co_write(s->store, append_many, s), 0);
    for (unsigned i = 0; i < count; i++)
        index_mask_set(&s->present, first + i);
}

/* Makes what is missing; was there anything to write? */
static bool shelf_co_index(struct shelf *s)
{
    s->block = (struct index_block){TENANT, s->mailbox, 0};
    assert_int_equal(store_co_scan(s->store, make_some, s), 0);
    bool some = index_finish(&s->block, &s->present, s->closed);
    if (some)
        assert_int_equal(store_co_write(s->store, index_write, &s->block), 0);
    index_free(&s->block);
    return some;
}

/* Of the columns that are known: where "THIRD" may be. */
static void shelf_co_expect(struct shelf *s, unsigned known, const char *word, unsigned step)
{
    unsigned wrong = 0;
    s->word = word;
    assert_int_equal(store_co_read(s->store, ask_one, s), 0);
    assert_int_equal(index_mask_count(&s->block.known), known);
    for (unsigned column = 0; column < INDEX_BLOCK; column++) {
        bool may = index_mask_has(&s->may, column);
        if (column % step == 0 || !index_mask_has(&s->block.known, column))
            assert_true(may);
        else
            wrong += may;
    }
    assert_true(wrong < 5);
}

static unsigned shelf_co_rows(struct shelf *s)
{
    int count = store_co_read(s->store, rows, s);
    assert_true(count >= 0);
    return (unsigned)count;
}

static int block_co_grow(void *arg)
{
    struct shelf *s = arg;
    shelf_co_append(s, 1, 100); /* UIDs 1 to 100 */
    shelf_co_expect(s, 0, "THIRD", 3);
    assert_true(shelf_co_index(s));
    assert_int_equal(shelf_co_rows(s), 100);
    shelf_co_expect(s, 100, "THIRD", 3);
    assert_false(shelf_co_index(s)); /* all is known */
    shelf_co_append(s, 101, 155);
    shelf_co_append(s, 0, 1); /* UID 256 is of the next block */
    s->present.words[0] &= ~UINT64_C(1);
    s->closed = true;
    assert_true(shelf_co_index(s));
    unsigned packed = SIGNATURE_BITS / 32 + 1;
    assert_int_equal(shelf_co_rows(s), packed);
    shelf_co_expect(s, 255, "THIRD", 3);
    shelf_co_expect(s, 255, "WORD0042X", INDEX_BLOCK);
    assert_true(index_mask_has(&s->may, 42));
    assert_false(shelf_co_index(s));
    return 0;
}

static void expunge(struct shelf *s, int64_t first, int64_t last)
{
    s->count = 0;
    for (int64_t uid = first; uid <= last; uid++) {
        s->uids[s->count++] = uid;
        s->present.words[uid % INDEX_BLOCK / 64] &= ~(UINT64_C(1) << uid % 64);
    }
    assert_int_equal(store_co_write(s->store, forget_some, s), 0);
}

static int block_co_thin_out(void *arg)
{
    struct shelf *s = arg;
    s->closed = true;
    unsigned packed = SIGNATURE_BITS / 32 + 1;
    shelf_co_append(s, 1, 255);
    shelf_co_append(s, 0, 1);
    s->present.words[0] &= ~UINT64_C(1);
    assert_true(shelf_co_index(s));
    expunge(s, 1, 10);
    assert_int_equal(shelf_co_rows(s), packed);
    shelf_co_expect(s, 255, "THIRD", 3);
    expunge(s, 11, 200); /* few are left: as rows, when somebody searches */
    assert_int_equal(shelf_co_rows(s), 0);
    shelf_co_expect(s, 0, "THIRD", 3);
    assert_true(shelf_co_index(s));
    assert_int_equal(shelf_co_rows(s), 55);
    shelf_co_expect(s, 55, "THIRD", 3);
    expunge(s, 201, 205);
    assert_int_equal(shelf_co_rows(s), 50);
    return 0;
}

static int block_co_age(void *arg)
{
    struct shelf *s = arg;
    s->closed = true;
    shelf_co_append(s, 1, 255);
    shelf_co_append(s, 0, 1);
    s->present.words[0] &= ~UINT64_C(1);
    assert_true(shelf_co_index(s));
    assert_int_equal(store_co_write(s->store, age, s), 0);
    shelf_co_expect(s, 0, "THIRD", 3); /* made by another version: it says nothing */
    assert_true(shelf_co_index(s));
    assert_int_equal(shelf_co_rows(s), SIGNATURE_BITS / 32 + 1);
    shelf_co_expect(s, 255, "THIRD", 3);
    return 0;
}

static int mailbox_co_go(void *arg)
{
    struct shelf *s = arg;
    s->closed = true;
    shelf_co_append(s, 1, 255);
    shelf_co_append(s, 0, 1);
    s->present.words[0] &= ~UINT64_C(1);
    assert_true(shelf_co_index(s));
    assert_int_equal(box_co_delete(s->store, TENANT, USER, SPAN(MAILBOX)), 0);
    assert_int_equal(shelf_co_rows(s), 0);
    assert_int_equal(store_co_write(s->store, index_write, &s->block), 0); /* comes too late */
    assert_int_equal(shelf_co_rows(s), 0);
    return 0;
}

/* In the background: closed blocks, full ones and sparse ones, and no others. */
static int pass_co_go(void *arg)
{
    struct shelf *s = arg;
    unsigned packed = SIGNATURE_BITS / 32 + 1;
    shelf_co_append(s, 1, 255);
    assert_int_equal(box_co_index(s->store), 0);
    assert_int_equal(shelf_co_rows(s), packed); /* UID 256 is next: the first block is closed */
    for (unsigned i = 0; i < 3; i++)
        shelf_co_append(s, 0, 200);
    expunge(s, 257, 500);
    assert_int_equal(box_co_index(s->store), 0);
    assert_int_equal(shelf_co_rows(s), 2 * packed + 12); /* UIDs 256 and 501 to 511 as rows */
    shelf_co_expect(s, 255, "COMMON", 1);
    shelf_co_expect(s, 255, "FOREIGN", 256);
    assert_int_equal(box_co_index(s->store), 0);
    assert_int_equal(shelf_co_rows(s), 2 * packed + 12);
    return 0;
}

static void run(int (*co_main)(void *arg))
{
    static const struct db_schema *const rooms[] = {&blob_schema, &box_schema};
    static struct shelf s;
    s = (struct shelf){0};
    struct place place;
    char reason[256] = "";
    place_make(&place);
    assert_int_equal(store_open(&place.settings, rooms, 2, reason, sizeof reason, &s.store), 0);
    assert_int_equal(loop_run_main("main", co_main, &s), 0);
    store_close(s.store);
    place_remove(&place);
}

static void test_a_block_grows_and_is_packed(void **state)
{
    (void)state;
    run(block_co_grow);
}

static void test_a_block_thins_out(void **state)
{
    (void)state;
    run(block_co_thin_out);
}

static void test_other_versions_say_nothing(void **state)
{
    (void)state;
    run(block_co_age);
}

static void test_the_pass_in_the_background(void **state)
{
    (void)state;
    run(pass_co_go);
}

static void test_nothing_is_left_of_what_went(void **state)
{
    (void)state;
    run(mailbox_co_go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_there_is_never_denied),
        cmocka_unit_test(test_what_is_not_there_is_mostly_denied),
        cmocka_unit_test(test_a_block_grows_and_is_packed),
        cmocka_unit_test(test_a_block_thins_out),
        cmocka_unit_test(test_other_versions_say_nothing),
        cmocka_unit_test(test_the_pass_in_the_background),
        cmocka_unit_test(test_nothing_is_left_of_what_went),
    };
    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
