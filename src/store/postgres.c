/*
 * The PostgreSQL engine: many nodes on one database.
 *
 * It runs on threads that may block (the writer, the readers' lane). A write transaction is
 * REPEATABLE READ: two nodes that change the same row do not lose an update, the later one is
 * told of the conflict and its jobs run again (engine.h). Commits are durable: synchronous_commit
 * is never off, and a server with fsync=off is refused (P1).
 *
 * A server that is restarted costs the transactions in flight; a connection found dead at the next
 * BEGIN is opened again there and then.
 */
#include "store/postgres.h"

#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIGRATION_LOCK "7886463124853" /* an arbitrary number of our own */

/* --- where the server is --------------------------------------------------------------------- */

static const char *option_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val ? options->val : "";
    return "";
}

/* A folder of a unix socket or an address: nothing that libpq would ask the DNS for. */
static bool host_is_plain(struct span host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (host.len == 0 || host.at[0] == '/' || host.at[0] == '@')
        return true;
    return span_to_text(host, text, sizeof text) &&
           (inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1);
}

static int check_conninfo(const char *conninfo, char *reason, size_t size)
{
    char *why = NULL;
    int rc = 0;
    PQconninfoOption *options = PQconninfoParse(conninfo, &why);
    if (!options) {
        snprintf(reason, size, "PostgreSQL: %s", why ? why : "out of memory");
        *(reason + strcspn(reason, "\n")) = '\0';
        PQfreemem(why);
        return -EINVAL;
    }
    struct span host, hosts = span_of(option_of(options, "host"));
    while (rc == 0 && !*option_of(options, "hostaddr") && span_cut(&hosts, ',', &host)) {
        if (!host_is_plain(host)) {
            snprintf(reason, size, "PostgreSQL: host %.*s is a name: add its address as hostaddr",
                     SPAN_PRINT(span_first(host, 100)));
            rc = -EINVAL;
        }
    }
    PQconninfoFree(options);
    return rc;
}

/* --- connections ----------------------------------------------------------------------------- */

static void log_notice(void *arg, const char *message)
{
    (void)arg;
    log_debug("store.notice", "why=\"%s\"", LOG_CLEAN(span_trim(span_of(message))));
}

/* What a session needs to be told, and what we need to know of its server, in one question. */
static const char settle[] =
    "SELECT set_config('synchronous_commit', coalesce(nullif("
    "current_setting('synchronous_commit'), 'off'), 'on'), false),"
    " set_config('default_transaction_isolation', 'repeatable read', false),"
    " set_config('statement_timeout', '60s', false), set_config('lock_timeout', '10s', false),"
    " set_config('idle_in_transaction_session_timeout', '60s', false),"
    " set_config('client_min_messages', 'warning', false), set_config('jit', 'off', false),"
    " current_setting('fsync'), current_setting('server_encoding')";
enum { SETTLE_FSYNC = 7, SETTLE_ENCODING = 8 };

static int pg_settle(struct pg_tx *t, char *reason, size_t size)
{
    PGresult *answer = pg_ask(t, settle);
    int rc = ERR_STORE;
    if (!pg_is_fine(answer))
        pg_reason(t, answer, reason, size);
    else if (strcmp(PQgetvalue(answer, 0, SETTLE_FSYNC), "on") != 0)
        snprintf(reason, size, "PostgreSQL runs with fsync=off and would lose letters: turn it on");
    else if (strcmp(PQgetvalue(answer, 0, SETTLE_ENCODING), "UTF8") != 0)
        snprintf(reason, size, "the PostgreSQL database is not in UTF8: create one that is");
    else
        rc = 0;
    PQclear(answer);
    return rc;
}

/* Opens t->conn; a dead server is noticed by time limits at every level. */
static int pg_open(struct pg_tx *t, char *reason, size_t size)
{
    const char *const conninfo = t->base.store->conninfo;
    /* Those before dbname can be overridden by the operator's conninfo. */
    const char *const keywords[] = {"connect_timeout",      "tcp_user_timeout",
                                    "keepalives_idle",      "keepalives_interval",
                                    "keepalives_count",     "application_name",
                                    "target_session_attrs", "dbname",
                                    "client_encoding",      NULL};
    const char *const values[] = {"5",       "30000",      "30",     "10",   "3",
                                  "postamt", "read-write", conninfo, "UTF8", NULL};
    PQfinish(t->conn);
    t->broken = false;
    t->session++;
    t->conn = PQconnectdbParams(keywords, values, 1);
    int rc = ERR_STORE;
    if (PQstatus(t->conn) != CONNECTION_OK || PQsetnonblocking(t->conn, 1) < 0) {
        pg_reason(t, NULL, reason, size);
    } else {
        PQsetNoticeProcessor(t->conn, log_notice, NULL);
        rc = pg_settle(t, reason, size);
    }
    t->broken = rc < 0;
    return rc;
}

static void pg_disconnect(struct db_tx *tx)
{
    struct pg_tx *t = pg_of(tx);
    db_cache_free(t->base.cache);
    free(t->base.notices);
    PQfinish(t->conn);
    free(t);
}

static int pg_connect(struct store *store, bool for_writing, char *reason, size_t size,
                      struct db_tx **ret_tx)
{
    int rc = check_conninfo(store->conninfo, reason, size);
    if (rc < 0)
        return rc;
    struct pg_tx *t = calloc(1, sizeof *t);
    if (!t || !(t->base.cache = db_cache_create())) {
        free(t);
        return -ENOMEM;
    }
    t->base.engine = &postgres_engine;
    t->base.store = store;
    t->writing = for_writing;
    rc = pg_open(t, reason, size);
    if (rc < 0)
        pg_disconnect(&t->base);
    else
        *ret_tx = &t->base;
    return rc;
}

static bool pg_usable(struct db_tx *tx)
{
    return !pg_of(tx)->broken;
}

static void pg_tidy(struct db_tx *tx)
{
    (void)tx; /* the server looks after its log itself */
}

/* --- transactions ---------------------------------------------------------------------------- */

static int pg_begin(struct db_tx *tx, bool for_writing)
{
    struct pg_tx *t = pg_of(tx);
    const char *sql = for_writing ? "BEGIN READ WRITE" : "BEGIN READ ONLY";
    char reason[256] = "";
    t->base.conflict = false;
    int rc = pg_command(t, sql, NULL);
    if (rc < 0 && t->broken) {
        rc = pg_open(t, reason, sizeof reason);
        if (rc < 0)
            log_error("store.gone", "why=\"%s\"", reason);
        else
            rc = pg_command(t, sql, NULL);
    }
    t->failed = rc;
    return rc;
}

/* A COMMIT of a failed transaction would be answered with "ROLLBACK" and no error. */
static int pg_commit(struct db_tx *tx)
{
    struct pg_tx *t = pg_of(tx);
    db_cache_end_job(tx->cache);
    if (t->failed) {
        if (t->writing)
            log_error("store.swallowed", "why=\"a job went on after: %s\"", error_text(t->failed));
        return t->failed;
    }
    return pg_command(t, "COMMIT", "COMMIT");
}

static void pg_rollback(struct db_tx *tx)
{
    struct pg_tx *t = pg_of(tx);
    db_cache_end_job(tx->cache);
    if (!t->broken && PQtransactionStatus(t->conn) != PQTRANS_IDLE &&
        pg_command(t, "ROLLBACK", NULL) < 0)
        t->broken = true;
}

/* --- migrations ------------------------------------------------------------------------------ */

/* One node migrates, the others wait; both may take as long as it takes. */
static int pg_migrating(struct db_tx *tx, bool begins)
{
    struct pg_tx *t = pg_of(tx);
    t->patient = true;
    int rc = pg_command(t,
                        begins ? "SET statement_timeout = 0; SET lock_timeout = 0;"
                                 "SELECT pg_advisory_lock(" MIGRATION_LOCK ")"
                               : "SELECT pg_advisory_unlock(" MIGRATION_LOCK ");"
                                 "SET statement_timeout = '60s'; SET lock_timeout = '10s'",
                        NULL);
    t->patient = begins;
    return rc;
}

static int pg_script(struct db_tx *tx, const char *sql, char *reason, size_t size)
{
    struct pg_tx *t = pg_of(tx);
    PGresult *answer = pg_ask(t, sql);
    int rc = 0;
    if (!pg_is_fine(answer)) {
        pg_reason(t, answer, reason, size);
        rc = pg_error(t, answer, "migration");
    }
    PQclear(answer);
    return rc;
}

static const char *pg_token(struct span name)
{
    if (span_equal(name, SPAN("id")) || span_equal(name, SPAN("int")))
        return "BIGINT";
    if (span_equal(name, SPAN("text")))
        return "TEXT";
    if (span_equal(name, SPAN("bytes")))
        return "BYTEA";
    if (span_equal(name, SPAN("rowid")))
        return "";
    return NULL;
}

const struct db_engine postgres_engine = {
    .connect = pg_connect,
    .disconnect = pg_disconnect,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .usable = pg_usable,
    .tidy = pg_tidy,
    .prepare = pg_prepare,
    .finalize = pg_finalize,
    .reset = pg_reset,
    .bind_int = pg_bind_int,
    .bind_text = pg_bind_text,
    .bind_bytes = pg_bind_bytes,
    .bind_null = pg_bind_null,
    .step = pg_step,
    .changes = pg_changes,
    .column_int = pg_column_int,
    .column_bytes = pg_column_bytes,
    .column_is_null = pg_column_is_null,
    .migrating = pg_migrating,
    .script = pg_script,
    .token = pg_token,
};
