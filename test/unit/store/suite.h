/*
 * What the files of the store's suite share: a place for a fresh store on the engine under test,
 * SQLite by default, PostgreSQL when POSTAMT_TEST_POSTGRES holds a conninfo.
 */
#ifndef TEST_STORE_SUITE_H
#define TEST_STORE_SUITE_H

#include "run/loop.h"
#include "store/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

bool on_postgres(void);

/* An empty place: a folder, and on PostgreSQL a schema of its own. */
struct place {
    char folder[64];
    char conninfo[512];
    struct store_settings settings;
};
void place_make(struct place *place);
void place_remove(struct place *place);
struct store *place_open(struct place *place, const struct db_schema *schema);
/* On PostgreSQL: one statement by the administrator, outside the store. */
void place_ask(const char *sql);

/* The table most tests use: item (id, text, bytes), id is the primary key. */
extern const struct db_schema item_schema;
/* Jobs and reads on it; arg as told. */
int item_insert(struct db_tx *tx, void *id); /* int64_t */
int item_count(struct db_tx *tx, void *ret); /* int64_t */
int item_has(struct db_tx *tx, void *id);    /* int64_t: 1 or 0 rows */
void expect_items(struct store *store, int64_t count);

/* A job that holds up the writer, so that what comes after it waits together. */
struct gate {
    struct store *store;
    struct scope scope;
    atomic_bool entered, open;
    int64_t id; /* inserted by the job before it waits */
};
void gate_co_close(struct gate *gate, struct store *store);
void gate_co_await(struct gate *gate, unsigned waiting); /* until so many jobs wait behind it */
void gate_co_open(struct gate *gate);

int migrate_tests(void);
int row_tests(void);
int job_tests(void);
int room_tests(void);
int postgres_tests(void);

#endif
