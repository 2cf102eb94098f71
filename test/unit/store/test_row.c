/* What goes into a row comes out of it: values, names of parameters, results of expressions. */
#include "suite.h"

#include <stdlib.h>

struct fixture {
    struct place place;
    struct store *store;
};

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    place_make(&f->place);
    f->store = place_open(&f->place, &item_schema);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    place_remove(&f->place);
    free(f);
    return 0;
}

/* --- values ---------------------------------------------------------------------------------- */

struct item {
    int64_t id;
    struct span text, bytes; /* at NULL: a NULL */
    bool found_text_null, found_bytes_null, same;
};

static const struct db_statement put = {
    .sql = "INSERT INTO item (id, text, bytes) VALUES (:id, :text, :bytes)"};
static const struct db_statement get = {.sql = "SELECT id, text, bytes FROM item WHERE id = :id"};

static int put_item(struct db_tx *tx, void *arg)
{
    struct item *item = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &put, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", item->id);
    if (item->text.at)
        db_bind_text(q, "text", item->text);
    else
        db_bind_null(q, "text");
    if (item->bytes.at)
        db_bind_bytes(q, "bytes", item->bytes); /* and NULL by not being bound */
    return db_run(q);
}

static int get_item(struct db_tx *tx, void *arg)
{
    struct item *item = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &get, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", item->id);
    rc = db_step(q);
    if (rc != DB_ROW)
        return rc;
    item->found_text_null = db_column_is_null(q, 1);
    item->found_bytes_null = db_column_is_null(q, 2);
    item->same = db_column_int(q, 0) == item->id && span_equal(db_column_bytes(q, 1), item->text) &&
                 span_equal(db_column_bytes(q, 2), item->bytes);
    rc = db_step(q);
    return rc == DB_DONE ? DB_ROW : ERR_CORRUPT;
}

static void expect_kept(struct fixture *f, struct item item)
{
    assert_int_equal(store_write(f->store, put_item, &item), 1);
    assert_int_equal(store_read(f->store, get_item, &item), DB_ROW);
    assert_true(item.same);
    assert_int_equal(item.found_text_null, !item.text.at);
    assert_int_equal(item.found_bytes_null, !item.bytes.at);
}

static void test_values_come_back(void **state)
{
    char *big = malloc(1 << 20);
    for (int i = 0; i < 1 << 20; i++)
        big[i] = (char)i; /* every byte, NUL first */
    expect_kept(*state, (struct item){0, SPAN("zero"), SPAN("0")});
    expect_kept(*state, (struct item){INT64_MAX, SPAN("gr\303\274n \360\237\223\256"), SPAN("x")});
    expect_kept(*state, (struct item){INT64_MIN, SPAN("it's \"quoted\" \\ :id $1"), SPAN("")});
    expect_kept(*state, (struct item){-1, SPAN(""), SPAN("a\0b\0")});
    expect_kept(*state, (struct item){5000000000, {NULL, 0}, span_make(big, 1 << 20)});
    expect_kept(*state, (struct item){4, SPAN("after a NULL"), {NULL, 0}});
    expect_kept(*state, (struct item){6, {NULL, 0}, {NULL, 0}});
    free(big);
}

static void test_absent_row(void **state)
{
    struct fixture *f = *state;
    struct item item = {.id = 99};
    assert_int_equal(store_read(f->store, get_item, &item), DB_DONE);
}

static void test_what_is_not_text_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct span bad[] = {
        {"a\0b", 3},         {"\377", 1},         {"caf\351", 4},          {"\303", 1},
        {"\300\200", 2},     {"\355\240\200", 3}, {"\364\220\200\200", 4}, {"\200", 1},
        {"\340\237\277", 3}, {"x\342\202", 3},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct item item = {.id = 1, .text = bad[i]};
        assert_int_equal(store_write(f->store, put_item, &item), ERR_SYNTAX);
    }
    expect_items(f->store, 0);
    expect_kept(f, (struct item){1, SPAN("\357\277\277 \364\217\277\277 \340\240\200"), SPAN("")});
}

static void test_row_that_exists(void **state)
{
    struct fixture *f = *state;
    int64_t id = 1;
    assert_int_equal(store_write(f->store, item_insert, &id), 1);
    assert_int_equal(store_write(f->store, item_insert, &id), ERR_EXISTS);
    expect_items(f->store, 1);
}

/* --- parameters and expressions -------------------------------------------------------------- */

static const struct db_statement tricky = {
    .sql = "SELECT ':id ''' AS \":id\", -- not :here\n text, id /* nor :there, it's */ FROM item"
           " WHERE id = :id_1 OR id = :id OR id = :id_1 ORDER BY id LIMIT :limit",
    .postgres = "SELECT ':id ''' AS \":id\", -- not :here\n text::text, id /* nor :there, it's */"
                " FROM item WHERE id = :id_1::bigint OR id = :id OR id = :id_1"
                " ORDER BY id LIMIT :limit"};

static int select_tricky(struct db_tx *tx, void *arg)
{
    struct db_query *q;
    int64_t *ids = arg;
    int rc = db_prepare(tx, &tricky, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", 2);
    db_bind_int(q, "id_1", 3);
    db_bind_int(q, "limit", 10);
    while ((rc = db_step(q)) == DB_ROW) {
        assert_true(span_equal(db_column_bytes(q, 0), SPAN(":id '")));
        *ids++ = db_column_int(q, 2);
    }
    return rc;
}

static int bind_stranger(struct db_tx *tx, void *arg)
{
    (void)arg;
    struct db_query *q;
    int rc = db_prepare(tx, &get, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", 1);
    db_bind_int(q, "here", 1);
    return db_step(q);
}

static void test_parameters_by_name(void **state)
{
    struct fixture *f = *state;
    int64_t ids[3] = {0};
    for (int64_t id = 1; id <= 4; id++)
        assert_int_equal(store_write(f->store, item_insert, &id), 1);
    assert_int_equal(store_read(f->store, select_tricky, ids), DB_DONE);
    assert_int_equal(ids[0], 2);
    assert_int_equal(ids[1], 3);
    assert_int_equal(ids[2], 0);
    assert_int_equal(store_read(f->store, bind_stranger, NULL), ERR_STORE);
}

static const struct db_statement move_up = {
    .sql = "UPDATE item SET id = id + :by WHERE :floor = 0 OR id > :floor"
           " RETURNING id, text IS NULL, id > :floor"};
static const struct db_statement totals = {
    .sql = "SELECT SUM(id), COUNT(text), MAX(id), COALESCE(SUM(id), 0) - 1, 7, -7,"
           " (SELECT SUM(id) FROM item WHERE id < 0), -SUM(id) FROM item"};

static int run_expressions(struct db_tx *tx, void *arg)
{
    (void)arg;
    struct db_query *q;
    int rc = db_prepare(tx, &move_up, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "by", 3000000000);
    db_bind_int(q, "floor", 2);
    assert_int_equal(db_step(q), DB_ROW);
    assert_int_equal(db_column_int(q, 0), 3000000010);
    assert_int_equal(db_column_int(q, 1), 1);
    assert_int_equal(db_column_int(q, 2), 1);
    assert_int_equal(db_run(q), 1);
    rc = db_prepare(tx, &totals, &q);
    if (rc < 0)
        return rc;
    assert_int_equal(db_step(q), DB_ROW);
    const int64_t expected[] = {3000000012, 0, 3000000010, 3000000011, 7, -7, 0, -3000000012};
    for (int i = 0; i < 8; i++)
        assert_int_equal(db_column_int(q, i), expected[i]);
    assert_true(db_column_is_null(q, 6));
    return db_step(q);
}

static void test_expressions(void **state)
{
    struct fixture *f = *state;
    for (int64_t id = 2; id <= 10; id += 8)
        assert_int_equal(store_write(f->store, item_insert, &id), 1);
    assert_int_equal(store_write(f->store, run_expressions, NULL), DB_DONE);
}

static const struct db_statement rename_all = {.sql = "UPDATE item SET text = 'x' WHERE id > :id"};

static int rename_items(struct db_tx *tx, void *arg)
{
    struct db_query *q;
    int rc = db_prepare(tx, &rename_all, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", *(int64_t *)arg);
    return db_run(q);
}

static void test_run_counts_changed_rows(void **state)
{
    struct fixture *f = *state;
    for (int64_t id = 1; id <= 10; id++)
        assert_int_equal(store_write(f->store, item_insert, &id), 1);
    assert_int_equal(store_write(f->store, rename_items, &(int64_t){4}), 6);
    assert_int_equal(store_write(f->store, rename_items, &(int64_t){10}), 0);
}

/* --- the cache ------------------------------------------------------------------------------- */

static int prepare_twice(struct db_tx *tx, void *arg)
{
    struct db_query *first, *second, **ret = arg;
    int rc = db_prepare(tx, &get, &first);
    if (rc < 0)
        return rc;
    db_bind_int(first, "id", 1);
    assert_int_equal(db_step(first), DB_ROW);
    rc = db_prepare(tx, &get, &second); /* from the start, nothing bound */
    if (rc < 0)
        return rc;
    assert_ptr_equal(first, second);
    assert_int_equal(db_step(second), DB_DONE);
    *ret = second;
    return 0;
}

static void test_statements_are_prepared_once(void **state)
{
    struct fixture *f = *state;
    struct db_query *one = NULL, *two = NULL;
    int64_t id = 1;
    assert_int_equal(store_write(f->store, item_insert, &id), 1);
    assert_int_equal(store_write(f->store, prepare_twice, &one), 0);
    assert_int_equal(store_write(f->store, prepare_twice, &two), 0);
    assert_ptr_equal(one, two);
}

int row_tests(void)
{
#define ROW_TEST(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        ROW_TEST(test_values_come_back),
        ROW_TEST(test_absent_row),
        ROW_TEST(test_what_is_not_text_is_refused),
        ROW_TEST(test_row_that_exists),
        ROW_TEST(test_parameters_by_name),
        ROW_TEST(test_expressions),
        ROW_TEST(test_run_counts_changed_rows),
        ROW_TEST(test_statements_are_prepared_once),
    };
    return cmocka_run_group_tests_name("store: rows", tests, NULL, NULL);
}
