/*
 * The floor under the queue: what keeping and forgetting a letter costs when nothing else is done.
 *
 *   floor_store FILE LETTERS BYTES GROUP
 *
 * One SQLite database at FILE with the settings and the tables of Postamt's store and queue, one
 * thread. A commit takes in a group of letters (letter, recipient, body, event) and forgets the
 * group before it (the rows go, the body goes, an event more), and is synced. Prints the
 * milliseconds of CPU a letter took. ./do bench adds it up with the floors of the other parts.
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* As in src/store/sqlite.c; the log is copied back by size, here by SQLite itself. */
static const char settings[] =
    "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=8192; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY;";
/* As in src/queue/record.c, src/store/blob.c, src/event/event.c. */
static const char tables[] =
    "CREATE TABLE queue_letter (tenant INTEGER, id INTEGER, reverse_path TEXT, kind INTEGER,"
    " head BLOB, blob INTEGER, octets INTEGER, eight_bit INTEGER, verp INTEGER,"
    " may_notify INTEGER, noticed INTEGER, crashes INTEGER, accepted_ms INTEGER,"
    " expires_ms INTEGER, PRIMARY KEY (tenant, id)) WITHOUT ROWID;"
    "CREATE TABLE queue_recipient (tenant INTEGER, id INTEGER, letter INTEGER,"
    " forward_path TEXT, domain TEXT, due_ms INTEGER, held TEXT, attempts INTEGER,"
    " last_reply TEXT, variables BLOB, PRIMARY KEY (tenant, id)) WITHOUT ROWID;"
    "CREATE INDEX queue_recipient_letter ON queue_recipient (tenant, letter);"
    "CREATE TABLE blob (tenant INTEGER, id INTEGER, refs INTEGER, size INTEGER, bytes BLOB,"
    " PRIMARY KEY (tenant, id));"
    "CREATE INDEX blob_in_file ON blob (id) WHERE bytes IS NULL;"
    "CREATE TABLE event (tenant INTEGER, id INTEGER, letter INTEGER, kind INTEGER,"
    " sender INTEGER, recipient INTEGER, size INTEGER, detail TEXT,"
    " PRIMARY KEY (tenant, id)) WITHOUT ROWID;"
    "CREATE INDEX event_letter ON event (tenant, letter);"
    "CREATE INDEX event_recipient ON event (tenant, recipient, id) WHERE recipient IS NOT NULL;";

/* :id is the letter's, and by that its recipient's, its body's; :event each event's own. */
enum {
    BEGIN,
    LETTER,
    RECIPIENT,
    BODY,
    ACCEPTED,
    DROP_RECIPIENT,
    DROP_LETTER,
    DROP_BODY,
    DELIVERED,
    COMMIT,
    STATEMENTS
};
static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [LETTER] = "INSERT INTO queue_letter VALUES (1, :id, 'alice@example.test', 1, x'', :id, :size,"
               " 0, 0, 1, 0, 0, :id, :id)",
    [RECIPIENT] = "INSERT INTO queue_recipient VALUES (1, :id, :id, 'x@sink.test', 'sink.test',"
                  " :id, '', 0, '', NULL)",
    [BODY] = "INSERT INTO blob VALUES (1, :id, 1, :size, :bytes)",
    [ACCEPTED] = "INSERT INTO event VALUES (1, :event, :id, 1, 1, NULL, :size, '')",
    [DROP_RECIPIENT] = "DELETE FROM queue_recipient WHERE tenant = 1 AND id = :id",
    [DROP_LETTER] = "DELETE FROM queue_letter WHERE tenant = 1 AND id = :id",
    [DROP_BODY] = "DELETE FROM blob WHERE tenant = 1 AND id = :id",
    [DELIVERED] = "INSERT INTO event VALUES (1, :event, :id, 2, 1, 2, :size, '250 2.0.0 Ok')",
    [COMMIT] = "COMMIT",
};

static sqlite3 *db;
static sqlite3_stmt *statements[STATEMENTS];
static char *body;
static int body_len;
static int64_t last_event;

static void die(void)
{
    fprintf(stderr, "floor_store: %s\n", db ? sqlite3_errmsg(db) : "no memory");
    exit(1);
}

static void bind_int(sqlite3_stmt *s, const char *name, int64_t value)
{
    int place = sqlite3_bind_parameter_index(s, name);
    if (place && sqlite3_bind_int64(s, place, value) != SQLITE_OK)
        die();
}

static void step(int which, int64_t id)
{
    sqlite3_stmt *s = statements[which];
    int bytes = sqlite3_bind_parameter_index(s, ":bytes");
    bind_int(s, ":id", id);
    bind_int(s, ":size", body_len);
    bind_int(s, ":event", last_event + 1);
    last_event += which == ACCEPTED || which == DELIVERED;
    if (bytes && sqlite3_bind_blob(s, bytes, body, body_len, SQLITE_STATIC) != SQLITE_OK)
        die();
    if (sqlite3_step(s) != SQLITE_DONE || sqlite3_reset(s) != SQLITE_OK)
        die();
}

/* Letters [from, to) come, [gone, from) go. */
static void run_group(int64_t gone, int64_t from, int64_t to)
{
    step(BEGIN, 0);
    for (int64_t id = from; id < to; id++)
        for (int which = LETTER; which <= ACCEPTED; which++)
            step(which, id);
    for (int64_t id = gone; id < from; id++)
        for (int which = DROP_RECIPIENT; which <= DELIVERED; which++)
            step(which, id);
    step(COMMIT, 0);
}

static void open_store(const char *path)
{
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, settings, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, tables, NULL, NULL, NULL) != SQLITE_OK)
        die();
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v2(db, texts[i], -1, &statements[i], NULL) != SQLITE_OK)
            die();
}

static double cpu_ms(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: floor_store FILE LETTERS BYTES GROUP\n");
        return 2;
    }
    int64_t letters = atoi(argv[2]), group = atoi(argv[4]), gone = 0, from = 0;
    body_len = atoi(argv[3]);
    body = malloc((size_t)body_len + 1);
    if (!body || letters <= 0 || group <= 0)
        die();
    memset(body, 'x', (size_t)body_len);
    open_store(argv[1]);
    double before = cpu_ms();
    while (gone < letters) {
        int64_t to = from + group < letters ? from + group : letters;
        run_group(gone, from, to);
        gone = from;
        from = to;
    }
    printf("%.4f\n", (cpu_ms() - before) / (double)letters);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(statements[i]);
    sqlite3_close(db);
    return 0;
}
