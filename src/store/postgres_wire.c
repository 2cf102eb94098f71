/*
 * The talk with a PostgreSQL server: question, answer, and what its errors mean for us.
 *
 * libpq's own blocking calls would wait for ever for a server that was stopped or whose machine
 * fell off the net, so every wait here has a deadline; it lies behind the server's
 * statement_timeout. All of this runs on threads that may block.
 */
#include "base/clock.h"
#include "base/log.h"
#include "store/postgres.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MS 75000 /* a reader's statement_timeout and then some */
#define POLL_MS   60000

/* --- waiting --------------------------------------------------------------------------------- */

/* Until PQgetResult can be called without waiting; false when the deadline came first. */
static bool answer_is_here(PGconn *conn, int64_t deadline)
{
    for (;;) {
        int unsent = PQflush(conn);
        if (unsent < 0 || !PQisBusy(conn))
            return true; /* a broken connection is an answer, too */
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            return false;
        struct pollfd wait = {.fd = PQsocket(conn), .events = POLLIN | (unsent ? POLLOUT : 0)};
        int ready = poll(&wait, 1, left < POLL_MS ? (int)left : POLL_MS);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready > 0 && !PQconsumeInput(conn))
            return true;
    }
}

PGresult *pg_await(struct pg_tx *t, int sent)
{
    PGresult *answer = NULL, *next;
    int64_t deadline = t->patient ? INT64_MAX : clock_mono_ms() + ANSWER_MS;
    for (;;) {
        if (!sent || !answer_is_here(t->conn, deadline)) {
            t->broken = true;
            PQclear(answer);
            return NULL;
        }
        next = PQgetResult(t->conn);
        if (!next)
            break;
        if (answer && !pg_is_fine(answer)) { /* the first error says most */
            PQclear(next);
        } else {
            PQclear(answer);
            answer = next;
        }
    }
    if (PQstatus(t->conn) != CONNECTION_OK)
        t->broken = true;
    return answer;
}

PGresult *pg_ask(struct pg_tx *t, const char *sql)
{
    return t->broken ? NULL : pg_await(t, PQsendQuery(t->conn, sql));
}

int pg_command(struct pg_tx *t, const char *sql, const char *tag)
{
    PGresult *answer = pg_ask(t, sql);
    int rc = pg_is_fine(answer) ? 0 : pg_error(t, answer, sql);
    if (rc == 0 && tag && strcmp(PQcmdStatus(answer), tag) != 0) {
        log_error("store.failed", "what=\"%s\" why=\"%s\"", sql, PQcmdStatus(answer));
        rc = ERR_STORE;
    }
    PQclear(answer);
    return rc;
}

/* --- errors ---------------------------------------------------------------------------------- */

bool pg_is_fine(const PGresult *answer)
{
    ExecStatusType status = PQresultStatus(answer);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

void pg_reason(const struct pg_tx *t, const PGresult *answer, char *reason, size_t size)
{
    const char *primary = answer ? PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    snprintf(reason, size, "%s", primary ? primary : PQerrorMessage(t->conn));
    for (char *at = reason; *at; at++) /* libpq writes several lines */
        if (*at == '\n')
            *at = at[1] ? ' ' : '\0';
}

enum {
    CONFLICT = 1, /* lost a race with another node: the same work may succeed when run again */
    LOST = 2,     /* this server, or this connection, is of no more use */
};
/* SQLSTATEs, or their classes, that mean something to us; all others are ERR_STORE. */
static const struct meaning {
    const char *state;
    int code, effect;
} meanings[] = {
    {"23505", ERR_EXISTS, 0},       /* unique_violation */
    {"53100", -ENOSPC, 0},          /* disk_full */
    {"40001", ERR_STORE, CONFLICT}, /* serialization_failure */
    {"40P01", ERR_STORE, CONFLICT}, /* deadlock_detected */
    {"55P03", ERR_STORE, CONFLICT}, /* lock_not_available */
    {"0A000", ERR_STORE, CONFLICT}, /* cached plan must not change result type */
    {"25006", ERR_STORE, LOST},     /* read-only: the server has become a standby */
    {"25P03", ERR_STORE, LOST},     /* idle_in_transaction_session_timeout */
    {"57P", ERR_STORE, LOST},       /* shutdown, crash */
    {"08", ERR_STORE, LOST},        /* connection exceptions */
};

static struct meaning meaning_of(const char *state)
{
    for (size_t i = 0; state && i < sizeof meanings / sizeof *meanings; i++)
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
            return meanings[i];
    return (struct meaning){state, ERR_STORE, state ? 0 : LOST};
}

int pg_error(struct pg_tx *t, const PGresult *answer, const char *what)
{
    const char *state = answer ? PQresultErrorField(answer, PG_DIAG_SQLSTATE) : NULL;
    struct meaning meaning = meaning_of(state);
    char reason[256] = "no answer";
    if (answer || PQstatus(t->conn) != CONNECTION_OK)
        pg_reason(t, answer, reason, sizeof reason);
    if (meaning.effect == LOST)
        t->broken = true;
    if (meaning.effect == CONFLICT)
        t->base.conflict = true;
    if (t->broken)
        log_error("store.lost", "what=\"%s\" why=\"%s\"", what, reason);
    else if (meaning.effect == CONFLICT)
        log_debug("store.conflict", "what=\"%s\" why=\"%s\"", what, reason);
    else if (meaning.code != ERR_EXISTS)
        log_error("store.failed", "what=\"%s\" sqlstate=%s why=\"%s\"", what, state, reason);
    if (t->failed == 0)
        t->failed = meaning.code;
    return meaning.code;
}
