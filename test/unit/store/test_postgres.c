/* What only PostgreSQL can do to us: vanish, come back, lose races to other nodes, be set up to
 * lose letters. */
#include "run/lane.h"
#include "suite.h"
#include "wire_cutter.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the server's life ----------------------------------------------------------------------- */

static char start[] = "", stop[] = "--stop", kill_it[] = "--kill";

static int server_script(void *verb)
{
    char command[1024];
    snprintf(command, sizeof command, "%s %s %s >/dev/null", getenv("POSTAMT_TEST_POSTGRES_START"),
             (const char *)verb, getenv("POSTAMT_TEST_POSTGRES_FOLDER"));
    return system(command);
}

static bool server_is_ours(void)
{
    return getenv("POSTAMT_TEST_POSTGRES_START") && getenv("POSTAMT_TEST_POSTGRES_FOLDER");
}

/* --- an outage under load -------------------------------------------------------------------- */

/* The tally has no key: a job that was committed twice shows. */
static const struct db_migration tally_migrations[] = {
    {1, "CREATE TABLE tally (writer {id} NOT NULL, number {id} NOT NULL);\n"},
};
static const struct db_schema tally_schema = {"tally", tally_migrations, 1};
static const struct db_statement add_tally = {
    .sql = "INSERT INTO tally (writer, number) VALUES (:writer, :number)"};
static const struct db_statement list_tally = {.sql = "SELECT writer, number FROM tally"};

enum { WRITERS = 20, NUMBERS = 20000 };
struct outage {
    struct store *store;
    struct lane *lane;
    struct wire_cutter cutter;
    bool ending;
    unsigned accepted, refused, other; /* answers since they were last set to 0 */
    char answers[WRITERS][NUMBERS];    /* 'y' accepted, 'n' refused */
    unsigned char rows[WRITERS][NUMBERS];
};
struct tally {
    struct outage *outage;
    int64_t writer, number;
};

static int tally_insert(struct db_tx *tx, void *arg)
{
    struct tally *t = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &add_tally, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "writer", t->writer);
    db_bind_int(q, "number", t->number);
    return db_run(q);
}

static int tally_co_writer(void *arg)
{
    struct tally t = *(struct tally *)arg;
    struct outage *o = t.outage;
    for (; !o->ending && t.number < NUMBERS; t.number++) {
        int rc = store_co_write(o->store, tally_insert, &t);
        o->answers[t.writer][t.number] = rc == 1 ? 'y' : 'n';
        o->accepted += rc == 1;
        o->refused += rc == ERR_STORE;
        o->other += rc != 1 && rc != ERR_STORE;
        if (rc < 0 && co_sleep(20) < 0)
            break;
    }
    return 0;
}

static void outage_co_until(const unsigned *count, unsigned least)
{
    while (*count < least)
        assert_int_equal(co_sleep(5), 0);
}

static int tally_read(struct db_tx *tx, void *arg)
{
    struct outage *o = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &list_tally, &q);
    if (rc == 0)
        while ((rc = db_step(q)) == DB_ROW)
            o->rows[db_column_int(q, 0)][db_column_int(q, 1)]++;
    return rc;
}

static int outage_co_main(void *arg)
{
    struct outage *o = arg;
    struct tally tallies[WRITERS];
    struct scope scope;
    scope_open(&scope, scope_current(), CO_FOREVER);
    for (int i = 0; i < WRITERS; i++) {
        tallies[i] = (struct tally){.outage = o, .writer = i};
        assert_int_equal(co_spawn(&scope, "tally", tally_co_writer, &tallies[i]), 0);
    }
    for (int round = 0; round < 3; round++) {
        outage_co_until(&o->accepted, 500);
        o->refused = 0;
        assert_int_equal(lane_co_run(o->lane, server_script, kill_it, CO_FOREVER), 0);
        outage_co_until(&o->refused, WRITERS);
        assert_int_equal(lane_co_run(o->lane, server_script, start, CO_FOREVER), 0);
        o->accepted = 0;
    }
    outage_co_until(&o->accepted, 500);
    o->ending = true;
    return scope_co_wait(&scope);
}

static void test_outage_refuses_then_service_returns(void **state)
{
    (void)state;
    struct place place;
    struct outage *o = calloc(1, sizeof *o);
    if (!server_is_ours())
        skip();
    place_make(&place);
    o->store = place_open(&place, &tally_schema);
    assert_int_equal(lane_create("server", 1, 10, &o->lane), 0);
    assert_int_equal(loop_run_main("main", outage_co_main, o), 0);
    assert_int_equal(o->other, 0);
    assert_int_equal(store_read(o->store, tally_read, o), DB_DONE);
    for (int w = 0; w < WRITERS; w++)
        for (int n = 0; n < NUMBERS; n++) {
            if (o->answers[w][n] == 'y')
                assert_int_equal(o->rows[w][n], 1); /* P3 */
            else /* refused: perhaps committed when its answer was lost, but never twice */
                assert_in_range(o->rows[w][n], 0, o->answers[w][n] == 'n');
        }
    lane_destroy(o->lane);
    store_close(o->store);
    place_remove(&place);
    free(o);
}

static void test_restart_while_idle_is_not_noticed(void **state)
{
    (void)state;
    struct place place;
    int64_t id = 1;
    if (!server_is_ours())
        skip();
    place_make(&place);
    struct store *store = place_open(&place, &item_schema);
    assert_int_equal(store_write(store, item_insert, &id), 1);
    assert_int_equal(store_read(store, item_has, &id), DB_ROW);
    assert_int_equal(server_script(stop), 0);
    assert_int_equal(server_script(start), 0);
    assert_int_equal(store_read(store, item_has, &id), DB_ROW);
    id = 2;
    assert_int_equal(store_write(store, item_insert, &id), 1);
    assert_int_equal(store_read(store, item_has, &id), DB_ROW);
    store_close(store);
    place_remove(&place);
}

/* --- a commit without an answer -------------------------------------------------------------- */

static int insert_ten(struct db_tx *tx, void *arg)
{
    struct tally t = *(struct tally *)arg;
    int rc = 1;
    if (!t.outage->ending) /* the first run of all: cut at this commit, and at no other */
        atomic_store(&t.outage->cutter.armed, true);
    t.outage->ending = true;
    for (t.number = 0; t.number < 10 && rc == 1; t.number++)
        rc = tally_insert(tx, &t);
    return rc;
}

static int ten_co_main(void *arg)
{
    struct tally *t = arg;
    int rc = store_co_write(t->outage->store, insert_ten, t);
    t->outage->accepted += rc == 1;
    t->outage->refused += rc == ERR_STORE;
    return 0;
}

static int unknown_co_main(void *arg)
{
    struct outage *o = arg;
    struct tally tallies[WRITERS];
    struct gate gate = {0};
    struct scope scope;
    gate_co_close(&gate, o->store);
    scope_open(&scope, scope_current(), CO_FOREVER);
    for (int i = 0; i < WRITERS; i++) {
        tallies[i] = (struct tally){.outage = o, .writer = i};
        assert_int_equal(co_spawn(&scope, "ten", ten_co_main, &tallies[i]), 0);
    }
    gate_co_await(&gate, WRITERS);
    gate_co_open(&gate);
    return scope_co_wait(&scope);
}

/* Who was not told is refused; but the group has been committed, and must not be again. */
static void test_commit_without_an_answer_is_not_repeated(void **state)
{
    (void)state;
    struct place place;
    struct outage *o = calloc(1, sizeof *o);
    if (!server_is_ours())
        skip();
    wire_cutter_start(&o->cutter, getenv("POSTAMT_TEST_POSTGRES_FOLDER"));
    place_make(&place);
    size_t len = strlen(place.conninfo);
    snprintf(place.conninfo + len, sizeof place.conninfo - len, " host=%s", o->cutter.folder);
    o->store = place_open(&place, &tally_schema);
    assert_int_equal(loop_run_main("main", unknown_co_main, o), 0);
    assert_int_equal(atomic_load(&o->cutter.cuts), 1);
    assert_int_equal(store_read(o->store, tally_read, o), DB_DONE);
    for (int w = 0; w < WRITERS; w++)
        for (int n = 0; n < 10; n++)
            assert_int_equal(o->rows[w][n], 1);
    assert_int_equal(o->refused, WRITERS);
    store_close(o->store);
    place_remove(&place);
    free(o);
}

/* --- other nodes ----------------------------------------------------------------------------- */

static const struct db_statement see_top = {.sql = "SELECT id FROM item"};
static const struct db_statement set_top = {.sql = "UPDATE item SET id = :id"};

/* Reads and then writes: what loses updates where transactions are not kept apart. */
static int increment(struct db_tx *tx, void *arg)
{
    (void)arg;
    struct db_query *q;
    int rc = db_prepare(tx, &see_top, &q);
    if (rc == 0)
        rc = db_step(q);
    if (rc < 0)
        return rc;
    int64_t next = db_column_int(q, 0) + 1;
    rc = db_prepare(tx, &set_top, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", next);
    return db_run(q);
}

enum { NODES = 3, INCREMENTS = 100 };
struct node {
    struct store *store;
    pthread_t thread;
    int done;
};

static void *node_thread(void *arg)
{
    struct node *node = arg;
    for (int i = 0; i < INCREMENTS; i++)
        node->done += store_write(node->store, increment, NULL) == 1;
    return NULL;
}

static void test_nodes_do_not_lose_each_others_updates(void **state)
{
    (void)state;
    struct place place;
    struct node nodes[NODES] = {0};
    int64_t id = 0;
    int done = 0;
    place_make(&place);
    for (int i = 0; i < NODES; i++)
        nodes[i].store = place_open(&place, &item_schema);
    assert_int_equal(store_write(nodes[0].store, item_insert, &id), 1);
    for (int i = 0; i < NODES; i++)
        assert_int_equal(pthread_create(&nodes[i].thread, NULL, node_thread, &nodes[i]), 0);
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(pthread_join(nodes[i].thread, NULL), 0);
        done += nodes[i].done;
    }
    assert_in_range(done, INCREMENTS, NODES * INCREMENTS);
    id = done;
    assert_int_equal(store_read(nodes[0].store, item_has, &id), DB_ROW);
    for (int i = 0; i < NODES; i++)
        store_close(nodes[i].store);
    place_remove(&place);
}

/* The first run is overtaken by another node between its read and its write. */
struct overtaken {
    struct store *other;
    int runs;
};

static int increment_overtaken(struct db_tx *tx, void *arg)
{
    struct overtaken *o = arg;
    struct db_query *q;
    int rc = db_prepare(tx, &see_top, &q);
    if (rc == 0)
        rc = db_step(q);
    if (rc == DB_ROW && o->runs++ == 0)
        assert_int_equal(store_write(o->other, increment, NULL), 1);
    return rc < 0 ? rc : increment(tx, NULL);
}

static void test_overtaken_job_runs_again(void **state)
{
    (void)state;
    struct place place;
    int64_t id = 0;
    place_make(&place);
    struct store *store = place_open(&place, &item_schema);
    struct overtaken o = {.other = place_open(&place, &item_schema)};
    assert_int_equal(store_write(store, item_insert, &id), 1);
    assert_int_equal(store_write(store, increment_overtaken, &o), 1);
    assert_int_equal(o.runs, 2);
    id = 2;
    assert_int_equal(store_read(store, item_has, &id), DB_ROW);
    store_close(o.other);
    store_close(store);
    place_remove(&place);
}

static void *open_thread(void *arg)
{
    return place_open(arg, &item_schema);
}

static void test_nodes_may_start_at_once(void **state)
{
    (void)state;
    struct place place;
    pthread_t threads[8];
    void *store;
    place_make(&place);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_thread, &place), 0);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], &store), 0);
        store_close(store);
    }
    place_remove(&place);
}

/* --- promises kept against the settings ------------------------------------------------------ */

static int insert_and_ignore(struct db_tx *tx, void *id)
{
    int rc = item_insert(tx, id);
    return rc == ERR_EXISTS ? 1 : rc;
}

/* The server answers the COMMIT of such a transaction politely with ROLLBACK. */
static void test_swallowed_error_is_not_a_commit(void **state)
{
    (void)state;
    struct place place;
    int64_t id = 1;
    place_make(&place);
    struct store *store = place_open(&place, &item_schema);
    assert_int_equal(store_write(store, insert_and_ignore, &id), 1);
    assert_int_equal(store_write(store, insert_and_ignore, &id), ERR_EXISTS);
    store_close(store);
    place_remove(&place);
}

static const struct db_statement see_commit = {.sql =
                                                   "SELECT current_setting('synchronous_commit')"};

static int read_commit_setting(struct db_tx *tx, void *arg)
{
    struct db_query *q;
    int rc = db_prepare(tx, &see_commit, &q);
    if (rc == 0 && (rc = db_step(q)) == DB_ROW)
        span_to_text(db_column_bytes(q, 0), arg, 32);
    return rc;
}

static void test_commits_are_synchronous(void **state)
{
    (void)state;
    static const char *const settings[][2] = {
        {"off", "on"}, {"local", "local"}, {"remote_apply", "remote_apply"}};
    for (int i = 0; i < 3; i++) {
        struct place place;
        char found[32] = "";
        size_t len;
        place_make(&place);
        len = strlen(place.conninfo);
        snprintf(place.conninfo + len, sizeof place.conninfo - len, "\\ -csynchronous_commit=%s",
                 settings[i][0]);
        struct store *store = place_open(&place, &item_schema);
        assert_int_equal(store_write(store, read_commit_setting, found), DB_ROW);
        assert_string_equal(found, settings[i][1]);
        store_close(store);
        place_remove(&place);
    }
}

static void expect_refused(const char *conninfo, const char *why)
{
    struct store_settings settings = {.engine = STORE_POSTGRES, .postgres_conninfo = conninfo};
    struct store *store = NULL;
    char reason[256] = "";
    assert_true(store_open(&settings, NULL, 0, reason, sizeof reason, &store) < 0);
    if (!strstr(reason, why) || strchr(reason, '\n'))
        fail_msg("\"%s\" is not about \"%s\", or not one line", reason, why);
}

static void test_what_cannot_serve_is_refused_in_one_line(void **state)
{
    (void)state;
    expect_refused("host=db.example.net dbname=postamt", "hostaddr");
    expect_refused("host=/tmp,db.example.net", "hostaddr");
    expect_refused("colour=blue", "colour");
    expect_refused("host=/nonexistent dbname=postamt", "/nonexistent");
    expect_refused("host=127.0.0.1 port=1 dbname=postamt", "127.0.0.1");
}

int postgres_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outage_refuses_then_service_returns),
        cmocka_unit_test(test_restart_while_idle_is_not_noticed),
        cmocka_unit_test(test_commit_without_an_answer_is_not_repeated),
        cmocka_unit_test(test_overtaken_job_runs_again),
        cmocka_unit_test(test_nodes_do_not_lose_each_others_updates),
        cmocka_unit_test(test_nodes_may_start_at_once),
        cmocka_unit_test(test_swallowed_error_is_not_a_commit),
        cmocka_unit_test(test_commits_are_synchronous),
        cmocka_unit_test(test_what_cannot_serve_is_refused_in_one_line),
    };
    return cmocka_run_group_tests_name("store: PostgreSQL", tests, NULL, NULL);
}
