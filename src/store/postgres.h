/*
 * What the files of the PostgreSQL engine share: postgres.c has connections and transactions,
 * postgres_wire.c the talk with the server and its errors, postgres_query.c statements, rows and
 * columns.
 */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "store/store.h"

#include <libpq-fe.h>

struct pg_tx {
    struct db_tx base;
    PGconn *conn;
    unsigned session; /* counts connects, from 1; prepared statements die with their session */
    unsigned names;   /* given to prepared statements */
    int failed;       /* first error inside the transaction: it can only be rolled back */
    bool writing;
    bool broken;  /* the connection is of no more use */
    bool patient; /* while migrating: no limit on how long an answer takes */
};

static inline struct pg_tx *pg_of(struct db_tx *tx)
{
    return (struct pg_tx *)tx;
}

/* postgres_wire.c */

/* After a PQsend…(), whose result is sent: the answer, to be freed with PQclear. NULL when the
 * connection broke or the server is silent. */
PGresult *pg_await(struct pg_tx *t, int sent);
PGresult *pg_ask(struct pg_tx *t, const char *sql);
/* An answer that is not an error. */
bool pg_is_fine(const PGresult *answer);
/* Our code for an answer that is; logs what an operator has to know, marks the transaction and,
 * where it is so, the connection. */
must_check int pg_error(struct pg_tx *t, const PGresult *answer, const char *what);
/* The server's (or libpq's) own words in one line. */
void pg_reason(const struct pg_tx *t, const PGresult *answer, char *reason, size_t size);
/* Asks and throws the answer away; what must be found in its command tag unless NULL. */
must_check int pg_command(struct pg_tx *t, const char *sql, const char *tag);

/* postgres_query.c */

int pg_prepare(struct db_tx *tx, const struct db_statement *statement, struct db_query **ret);
void pg_finalize(struct db_query *q);
void pg_reset(struct db_query *q);
void pg_bind_int(struct db_query *q, const char *name, int64_t value);
void pg_bind_text(struct db_query *q, const char *name, struct span text);
void pg_bind_bytes(struct db_query *q, const char *name, struct span bytes);
void pg_bind_null(struct db_query *q, const char *name);
int pg_step(struct db_query *q);
int64_t pg_changes(struct db_query *q);
int64_t pg_column_int(struct db_query *q, int column);
struct span pg_column_bytes(struct db_query *q, int column);
bool pg_column_is_null(struct db_query *q, int column);

#endif
