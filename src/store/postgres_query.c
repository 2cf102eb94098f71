/*
 * Statements of the PostgreSQL engine: names of parameters to numbers, binding, rows, columns.
 *
 * Values travel in binary, both ways. The server learns a parameter's type from the first value
 * bound to it (it would guess from the text, and guesses 32 bits for ":limit" or ":change"), so a
 * statement is prepared at its first step and again should a type change; NULL fits any type. A
 * result is buffered whole.
 */
#include "base/buffer.h"
#include "base/log.h"
#include "store/postgres.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_MAX        ((size_t)64 * 1024)
#define PARAMETERS_MAX 64

/* Object identifiers of built-in types (pg_type.dat): they never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_VARCHAR = 1043,
    OID_NUMERIC = 1700,
};

struct pg_query {
    struct db_query base;
    struct buffer sql; /* with $1, $2 … */
    unsigned count;
    struct span names[PARAMETERS_MAX]; /* into the statement's text */
    Oid types[PARAMETERS_MAX];         /* 0: only NULL was bound so far */
    const char *values[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX], formats[PARAMETERS_MAX];
    int64_t integers[PARAMETERS_MAX]; /* in network byte order */
    char name[16];                    /* on the server */
    unsigned session;                 /* where it is prepared; 0: nowhere */
    bool retyped;                     /* since it was prepared */
    PGresult *answer;
    int row;
};

static struct pg_query *query_of(struct db_query *q)
{
    return (struct pg_query *)q;
}

/* --- the text -------------------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_';
}

/* Length of what the server must see as it is: a literal, a quoted name, a comment, a cast, or
 * simply one byte. */
static size_t untouched(struct span sql)
{
    ptrdiff_t end;
    struct span rest = span_from(sql, 1);
    if (sql.at[0] == '\'' || sql.at[0] == '"')
        end = span_find(rest, sql.at[0]); /* a doubled quote is two literals to us */
    else if (span_starts(sql, SPAN("--")))
        end = span_find(rest, '\n');
    else if (span_starts(sql, SPAN("/*")))
        end = (end = span_find_span(span_from(sql, 2), SPAN("*/"))) < 0 ? end : end + 2;
    else
        return span_starts(sql, SPAN("::")) ? 2 : 1;
    return end < 0 ? sql.len : (size_t)end + 2;
}

static int place_of(const struct pg_query *q, struct span name)
{
    for (unsigned i = 0; i < q->count; i++)
        if (span_equal(q->names[i], name))
            return (int)i;
    return -1;
}

/* ":name" at the start of *sql becomes "$n". */
static int rewrite_parameter(struct pg_query *q, struct span *sql)
{
    size_t len = 1;
    while (len < sql->len && is_name_byte(sql->at[len]))
        len++;
    struct span name = span_from(span_first(*sql, len), 1);
    int place = place_of(q, name);
    if (place < 0) {
        if (q->count == PARAMETERS_MAX)
            return -E2BIG;
        place = (int)q->count++;
        q->names[place] = name;
        q->formats[place] = 1;
    }
    *sql = span_from(*sql, len);
    return buffer_printf(&q->sql, "$%d", place + 1);
}

static int rewrite(struct pg_query *q, struct span sql)
{
    int rc = 0;
    while (rc == 0 && sql.len) {
        if (sql.len > 1 && sql.at[0] == ':' && is_name_byte(sql.at[1]) &&
            !ascii_is_digit(sql.at[1])) {
            rc = rewrite_parameter(q, &sql);
        } else {
            size_t len = untouched(sql);
            rc = buffer_append(&q->sql, span_first(sql, len));
            sql = span_from(sql, len);
        }
    }
    return rc == 0 && !buffer_text(&q->sql) ? -ENOMEM : rc;
}

/* --- statements ------------------------------------------------------------------------------ */

int pg_prepare(struct db_tx *tx, const struct db_statement *statement, struct db_query **ret)
{
    (void)tx;
    const char *sql = statement->postgres ? statement->postgres : statement->sql;
    struct pg_query *q = calloc(1, sizeof *q);
    if (!q)
        return -ENOMEM;
    q->sql = BUFFER(SQL_MAX);
    int rc = rewrite(q, span_of(sql));
    if (rc < 0) {
        log_error("store.failed", "what=\"%s\" why=\"%s\"", sql, error_text(rc));
        pg_finalize(&q->base);
        return rc;
    }
    *ret = &q->base;
    return 0;
}

/* The server forgets its side at the end of the session. */
void pg_finalize(struct db_query *query)
{
    struct pg_query *q = query_of(query);
    PQclear(q->answer);
    buffer_free(&q->sql);
    free(q);
}

void pg_reset(struct db_query *query)
{
    struct pg_query *q = query_of(query);
    PQclear(q->answer);
    q->answer = NULL;
    memset(q->values, 0, sizeof q->values);
}

/* Leaves the statement known to this session under q->name, with today's types. */
static int prepare_on_server(struct pg_tx *t, struct pg_query *q)
{
    char forget[40];
    int rc = 0;
    if (q->session == t->session && !q->retyped)
        return 0;
    if (q->session == t->session) {
        snprintf(forget, sizeof forget, "DEALLOCATE %s", q->name);
        rc = pg_command(t, forget, NULL);
    }
    if (rc < 0)
        return rc;
    snprintf(q->name, sizeof q->name, "p%u", t->names++);
    q->session = 0;
    PGresult *answer =
        pg_await(t, PQsendPrepare(t->conn, q->name, q->sql.at, (int)q->count, q->types));
    if (pg_is_fine(answer)) {
        q->session = t->session;
        q->retyped = false;
    } else {
        rc = pg_error(t, answer, q->sql.at);
    }
    PQclear(answer);
    return rc;
}

/* --- parameters ------------------------------------------------------------------------------ */

static void bind(struct db_query *query, const char *name, Oid type, const void *value, size_t len)
{
    struct pg_query *q = query_of(query);
    int place = place_of(q, span_of(name));
    if (place < 0) {
        log_error("store.parameter", "name=%s sql=\"%s\"", name, query->statement->sql);
        query->failed = ERR_STORE;
        return;
    }
    if (len > INT_MAX && query->failed == 0)
        query->failed = -EMSGSIZE;
    if (type && type != q->types[place]) {
        q->types[place] = type;
        q->retyped = true;
    }
    q->values[place] = value;
    q->lengths[place] = (int)len;
}

void pg_bind_int(struct db_query *query, const char *name, int64_t value)
{
    struct pg_query *q = query_of(query);
    int place = place_of(q, span_of(name));
    int64_t *integer = &q->integers[place < 0 ? 0 : place];
    if (place >= 0)
        *integer = (int64_t)htobe64((uint64_t)value);
    bind(query, name, OID_INT8, integer, sizeof *integer);
}

void pg_bind_text(struct db_query *query, const char *name, struct span text)
{
    bind(query, name, OID_TEXT, text.at ? text.at : "", text.len);
}

void pg_bind_bytes(struct db_query *query, const char *name, struct span bytes)
{
    bind(query, name, OID_BYTEA, bytes.at ? bytes.at : "", bytes.len);
}

void pg_bind_null(struct db_query *query, const char *name)
{
    bind(query, name, 0, NULL, 0);
}

/* --- rows ------------------------------------------------------------------------------------ */

static int execute(struct pg_tx *t, struct pg_query *q)
{
    if (t->broken)
        return ERR_STORE;
    int rc = prepare_on_server(t, q);
    if (rc < 0)
        return rc;
    PGresult *answer = pg_await(t, PQsendQueryPrepared(t->conn, q->name, (int)q->count, q->values,
                                                       q->lengths, q->formats, 1));
    if (!pg_is_fine(answer)) {
        rc = pg_error(t, answer, q->sql.at);
        q->retyped |= t->base.conflict; /* it may be the prepared statement that is out of date */
        PQclear(answer);
        return rc;
    }
    q->answer = answer;
    q->row = -1;
    return 0;
}

int pg_step(struct db_query *query)
{
    struct pg_query *q = query_of(query);
    if (!q->answer) {
        int rc = execute(pg_of(query->tx), q);
        if (rc < 0)
            return rc;
    }
    if (q->row + 1 >= PQntuples(q->answer))
        return DB_DONE;
    q->row++;
    return DB_ROW;
}

int64_t pg_changes(struct db_query *query)
{
    struct pg_query *q = query_of(query);
    assert(q->answer);
    if (strncmp(PQcmdStatus(q->answer), "SELECT", strlen("SELECT")) == 0)
        return 0;
    return strtoll(PQcmdTuples(q->answer), NULL, 10);
}

/* --- columns --------------------------------------------------------------------------------- */

static uint16_t read_16(const char *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return be16toh(value);
}

/* A NUMERIC without fraction, as sum() makes of 64-bit integers: count, weight, sign, scale, then
 * digits of base 10,000. */
static int64_t numeric_to_int(const char *at)
{
    int count = read_16(at), weight = (int16_t)read_16(at + 2);
    bool negative = read_16(at + 4) == 0x4000;
    int64_t value = 0;
    for (int i = 0; i <= weight; i++) {
        int digit = i < count ? read_16(at + 8 + 2 * i) : 0;
        if (__builtin_mul_overflow(value, 10000, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return negative ? INT64_MIN : INT64_MAX;
    }
    return negative ? -value : value;
}

int64_t pg_column_int(struct db_query *query, int column)
{
    struct pg_query *q = query_of(query);
    if (pg_column_is_null(query, column))
        return 0;
    const char *at = PQgetvalue(q->answer, q->row, column);
    uint32_t half;
    uint64_t whole;
    switch (PQftype(q->answer, column)) {
    case OID_BOOL:
        return *at != 0;
    case OID_INT2:
        return (int16_t)read_16(at);
    case OID_INT4:
        memcpy(&half, at, sizeof half);
        return (int32_t)be32toh(half);
    case OID_INT8:
        memcpy(&whole, at, sizeof whole);
        return (int64_t)be64toh(whole);
    case OID_NUMERIC:
        return numeric_to_int(at);
    default:
        assert(!"an integer was asked for, the column is something else");
        return 0;
    }
}

struct span pg_column_bytes(struct db_query *query, int column)
{
    struct pg_query *q = query_of(query);
    if (pg_column_is_null(query, column))
        return SPAN("");
    Oid type = PQftype(q->answer, column);
    assert(type == OID_TEXT || type == OID_BYTEA || type == OID_VARCHAR || type == OID_NAME);
    return span_make(PQgetvalue(q->answer, q->row, column),
                     (size_t)PQgetlength(q->answer, q->row, column));
}

bool pg_column_is_null(struct db_query *query, int column)
{
    struct pg_query *q = query_of(query);
    assert(q->answer && q->row >= 0 && column >= 0 && column < PQnfields(q->answer));
    return PQgetisnull(q->answer, q->row, column);
}
