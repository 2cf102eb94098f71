/* Migrations: from nothing, from every earlier version, from the future, half done. */
#include "box/box.h"
#include "directory/directory.h"
#include "event/event.h"
#include "store/blob.h"
#include "suite.h"

static const struct db_migration house_migrations[] = {
    {1, "CREATE TABLE house (id {id} NOT NULL, street {text} NOT NULL,"
        " PRIMARY KEY (id, street)) {rowid};\n"
        "CREATE INDEX house_street ON house (street);\n"},
    {2, "ALTER TABLE house ADD COLUMN floors {int} NOT NULL DEFAULT 2;\n"},
    {3, "CREATE TABLE plan (house {id} PRIMARY KEY, drawing {bytes});\n"
        "INSERT INTO plan (house) SELECT id FROM house;\n"},
};
static const struct db_schema house_schemas[] = {{"house", house_migrations, 0},
                                                 {"house", house_migrations, 1},
                                                 {"house", house_migrations, 2},
                                                 {"house", house_migrations, 3}};
enum { HOUSE_NOW = 3 };

static const struct db_statement insert_house = {
    .sql = "INSERT INTO house (id, street) VALUES (1, 'Main')"};
static const struct db_statement count_houses = {
    .sql = "SELECT COUNT(*), SUM(floors), (SELECT COUNT(*) FROM plan) FROM house"};

static int add_house(struct db_tx *tx, void *arg)
{
    (void)arg;
    struct db_query *q;
    int rc = db_prepare(tx, &insert_house, &q);
    return rc < 0 ? rc : db_run(q);
}

static int see_houses(struct db_tx *tx, void *arg)
{
    int64_t *seen = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &count_houses, &q);
    if (rc == 0 && (rc = db_step(q)) == DB_ROW)
        for (int i = 0; i < 3; i++)
            seen[i] = db_column_int(q, i);
    return rc;
}

static void test_every_earlier_version_arrives_with_its_rows(void **state)
{
    (void)state;
    for (unsigned from = 0; from <= HOUSE_NOW; from++) {
        struct place place;
        int64_t houses = from > 0, seen[3] = {-1, -1, -1};
        place_make(&place);
        struct store *store = place_open(&place, &house_schemas[from]);
        if (houses)
            assert_int_equal(store_write(store, add_house, NULL), 1);
        store_close(store);
        for (int again = 0; again < 2; again++) { /* the second time there is nothing to do */
            store = place_open(&place, &house_schemas[HOUSE_NOW]);
            assert_int_equal(store_read(store, see_houses, seen), DB_ROW);
            assert_int_equal(seen[0], houses);
            assert_int_equal(seen[1], 2 * houses);
            assert_int_equal(seen[2], from == HOUSE_NOW ? 0 : houses);
            store_close(store);
        }
        place_remove(&place);
    }
}

static int open_refused(struct place *place, const struct db_schema *schema, char *reason,
                        size_t size)
{
    struct store *store = NULL;
    int rc = store_open(&place->settings, &schema, 1, reason, size, &store);
    assert_null(store);
    return rc;
}

static void test_store_of_a_newer_program_is_refused(void **state)
{
    (void)state;
    struct place place;
    char reason[256] = "";
    place_make(&place);
    store_close(place_open(&place, &house_schemas[3]));
    assert_int_equal(open_refused(&place, &house_schemas[2], reason, sizeof reason), ERR_STORE);
    assert_non_null(strstr(reason, "newer program"));
    store_close(place_open(&place, &house_schemas[3])); /* and nothing happened to it */
    place_remove(&place);
}

static void test_failed_migration_leaves_the_version_before(void **state)
{
    (void)state;
    static const struct db_migration broken[] = {
        {1, "CREATE TABLE item (id {id} PRIMARY KEY, text {text}, bytes {bytes});\n"},
        {2, "INSERT INTO item (id) VALUES (7);\nINSERT INTO nowhere VALUES (1);\n"},
    };
    static const struct db_schema broken_schema = {"item", broken, 2};
    struct place place;
    char reason[256] = "";
    place_make(&place);
    assert_true(open_refused(&place, &broken_schema, reason, sizeof reason) < 0);
    assert_non_null(strstr(reason, "item 2"));
    assert_non_null(strstr(reason, "nowhere"));
    struct store *store = place_open(&place, &item_schema); /* version 1 */
    expect_items(store, 0);
    store_close(store);
    place_remove(&place);
}

static void test_unknown_token_is_refused(void **state)
{
    (void)state;
    static const struct db_migration odd[] = {{1, "CREATE TABLE item (id {number});\n"}};
    static const struct db_schema odd_schema = {"item", odd, 1};
    struct place place;
    char reason[256] = "";
    place_make(&place);
    assert_true(open_refused(&place, &odd_schema, reason, sizeof reason) < 0);
    assert_non_null(strstr(reason, "token"));
    place_remove(&place);
}

/* Every room's tables, from every version they ever had. */
static void test_the_rooms_tables(void **state)
{
    (void)state;
    static const struct db_schema *const rooms[] = {&blob_schema, &directory_schema, &event_schema,
                                                    &box_schema};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        for (size_t from = 0; from <= rooms[i]->count; from++) {
            struct db_schema earlier = *rooms[i];
            struct place place;
            earlier.count = from;
            place_make(&place);
            store_close(place_open(&place, &earlier));
            store_close(place_open(&place, rooms[i]));
            place_remove(&place);
        }
    }
}

int migrate_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_earlier_version_arrives_with_its_rows),
        cmocka_unit_test(test_store_of_a_newer_program_is_refused),
        cmocka_unit_test(test_failed_migration_leaves_the_version_before),
        cmocka_unit_test(test_unknown_token_is_refused),
        cmocka_unit_test(test_the_rooms_tables),
    };
    return cmocka_run_group_tests_name("store: migrations", tests, NULL, NULL);
}
