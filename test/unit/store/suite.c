/* Places, gates and the item table of the store's suite; see suite.h. */
#include "suite.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

bool on_postgres(void)
{
    return getenv("POSTAMT_TEST_POSTGRES") != NULL;
}

/* --- places ---------------------------------------------------------------------------------- */

void place_ask(const char *sql)
{
    PGconn *conn = PQconnectdb(getenv("POSTAMT_TEST_POSTGRES"));
    PGresult *answer = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(answer);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(answer);
    PQfinish(conn);
}

void place_make(struct place *place)
{
    static unsigned made;
    char sql[100];
    *place = (struct place){.folder = "/tmp/postamt-store.XXXXXX"};
    assert_non_null(mkdtemp(place->folder));
    place->settings = (struct store_settings){.engine = STORE_SQLITE, .folder = place->folder};
    if (!on_postgres())
        return;
    snprintf(sql, sizeof sql, "CREATE SCHEMA t%u", ++made);
    place_ask(sql);
    snprintf(place->conninfo, sizeof place->conninfo, "%s options=-csearch_path=t%u",
             getenv("POSTAMT_TEST_POSTGRES"), made);
    place->settings.engine = STORE_POSTGRES;
    place->settings.postgres_conninfo = place->conninfo;
}

void place_remove(struct place *place)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", place->folder);
    assert_int_equal(system(command), 0);
}

struct store *place_open(struct place *place, const struct db_schema *schema)
{
    char reason[256] = "";
    struct store *store = NULL;
    if (store_open(&place->settings, &schema, 1, reason, sizeof reason, &store) < 0)
        fail_msg("%s", reason);
    return store;
}

/* --- items ----------------------------------------------------------------------------------- */

static const struct db_migration item_migrations[] = {
    {1, "CREATE TABLE item (id {id} PRIMARY KEY, text {text}, bytes {bytes});\n"},
};
const struct db_schema item_schema = {"item", item_migrations, 1};

static const struct db_statement insert_item = {.sql = "INSERT INTO item (id) VALUES (:id)"};
static const struct db_statement count_items = {.sql = "SELECT COUNT(*) FROM item"};
static const struct db_statement find_item = {.sql = "SELECT id FROM item WHERE id = :id"};

int item_insert(struct db_tx *tx, void *id)
{
    struct db_query *q;
    int rc = db_prepare(tx, &insert_item, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", *(int64_t *)id);
    return db_run(q);
}

int item_count(struct db_tx *tx, void *ret)
{
    struct db_query *q;
    int rc = db_prepare(tx, &count_items, &q);
    if (rc == 0 && (rc = db_step(q)) == DB_ROW)
        *(int64_t *)ret = db_column_int(q, 0);
    return rc;
}

int item_has(struct db_tx *tx, void *id)
{
    struct db_query *q;
    int rc = db_prepare(tx, &find_item, &q);
    if (rc < 0)
        return rc;
    db_bind_int(q, "id", *(int64_t *)id);
    return db_step(q);
}

void expect_items(struct store *store, int64_t count)
{
    int64_t found = -1;
    assert_int_equal(store_read(store, item_count, &found), DB_ROW);
    assert_int_equal(found, count);
}

/* --- gates ----------------------------------------------------------------------------------- */

static int wait_at_gate(struct db_tx *tx, void *arg)
{
    struct gate *gate = arg;
    int rc = gate->id ? item_insert(tx, &gate->id) : 0;
    atomic_store(&gate->entered, true);
    while (!atomic_load(&gate->open))
        sched_yield();
    return rc;
}

static int gate_co_main(void *arg)
{
    struct gate *gate = arg;
    return store_co_write(gate->store, wait_at_gate, gate);
}

void gate_co_close(struct gate *gate, struct store *store)
{
    gate->store = store;
    scope_open(&gate->scope, scope_current(), CO_FOREVER);
    assert_int_equal(co_spawn(&gate->scope, "gate", gate_co_main, gate), 0);
    while (!atomic_load(&gate->entered))
        assert_int_equal(co_pause(), 0);
}

void gate_co_await(struct gate *gate, unsigned waiting)
{
    while (store_counters(gate->store).waiting < waiting)
        assert_int_equal(co_pause(), 0);
}

void gate_co_open(struct gate *gate)
{
    atomic_store(&gate->open, true);
    assert_int_equal(scope_co_wait(&gate->scope), 0);
}
