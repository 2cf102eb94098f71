/*
 * A load generator for mailboxes: what mailbox.py lets clients do.
 *
 *   boxload dialogue imap|pop3 PORT clear|tls USER PASSWORD
 *       logs in; then each line of standard input is a command, "*N COMMAND" that command N times
 *       with its number, from 1 on, where a % stands. Prints for each line, when its last reply is
 *       complete: microseconds, those of CPU that the load took, bytes of all replies, and the
 *       first line of the last one
 *
 *   boxload append PORT clear|tls CONNECTIONS LETTERS CORPUS USER PASSWORD MAILBOX
 *   boxload deliver PORT CONNECTIONS LETTERS CORPUS USER USERS
 *       letters of the corpus over kept connections, the next when the last is taken; deliver: by
 *       LMTP, to users in turn
 *
 *   boxload login imap|pop3 PORT clear|tls CONNECTIONS LOGINS USER USERS PASSWORD
 *       so many at a time: connecting, logging in and out
 *
 *       These print the seconds, and the seconds of CPU that the load itself took.
 *
 *   boxload idle PORT clear|tls CONNECTIONS USER USERS PASSWORD MAILBOX [IDLE]
 *       logs in, selects the mailbox (and says IDLE), prints "open", holds the connections until
 *       its standard input ends
 *
 * A corpus is letters, each behind a line with its length. A % in USER is the number of the user,
 * below USERS. Blocking sockets, a thread a connection, to 127.0.0.1. Any unexpected reply ends it
 * with status 1.
 */
#include "boxwire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define COMMAND_MAX 512
#define NAME_ROOM   256

struct letter {
    const char *at;
    size_t len;
};

static atomic_int left;
static struct letter *letters;
static int letter_count, users;
static const char *user, *password, *mailbox;

/* pattern with the number where its % stands. */
static const char *numbered(const char *pattern, int number, char *name, size_t size)
{
    const char *percent = strchr(pattern, '%');
    if (!percent)
        return pattern;
    snprintf(name, size, "%.*s%d%s", (int)(percent - pattern), pattern, number, percent + 1);
    return name;
}

static void log_in(struct connection *c, int number)
{
    char line[COMMAND_MAX], name[NAME_ROOM];
    const char *who = numbered(user, users ? number % users : 0, name, sizeof name);
    if (wire.protocol == IMAP) {
        snprintf(line, sizeof line, TAG " LOGIN \"%s\" \"%s\"\r\n", who, password);
        ask(c, line, true, TAG " OK");
        return;
    }
    snprintf(line, sizeof line, "USER %s\r\n", who);
    ask(c, line, false, "+OK");
    snprintf(line, sizeof line, "PASS %s\r\n", password);
    ask(c, line, false, "+OK");
}

/* --- the ways -------------------------------------------------------------------------------- */

static void *keep_logging_in(void *arg)
{
    struct connection c;
    int number;
    make_room(&c);
    while ((number = atomic_fetch_sub(&left, 1)) > 0) {
        open_connection(&c);
        log_in(&c, number);
        if (wire.protocol == IMAP)
            ask(&c, TAG " LOGOUT\r\n", true, TAG " OK");
        else
            ask(&c, "QUIT\r\n", false, "+OK");
        close_connection(&c);
    }
    return arg;
}

static void *keep_appending(void *arg)
{
    struct connection c;
    char line[COMMAND_MAX];
    int number;
    make_room(&c);
    open_connection(&c);
    log_in(&c, 0);
    while ((number = atomic_fetch_sub(&left, 1)) > 0) {
        const struct letter *letter = &letters[number % letter_count];
        snprintf(line, sizeof line, TAG " APPEND %s {%zu}\r\n", mailbox, letter->len);
        ask(&c, line, false, "+");
        transmit(&c, letter->at, letter->len + 2); /* with the line end that stands there */
        expect(&c, true, TAG " OK");
    }
    close_connection(&c);
    return arg;
}

static void *keep_delivering(void *arg)
{
    struct connection c;
    char line[COMMAND_MAX], name[NAME_ROOM];
    int number;
    make_room(&c);
    open_connection(&c);
    ask(&c, "LHLO client.example.net\r\n", true, "250");
    while ((number = atomic_fetch_sub(&left, 1)) > 0) {
        const struct letter *letter = &letters[number % letter_count];
        snprintf(line, sizeof line, "MAIL FROM:<sender@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\n",
                 numbered(user, number % users, name, sizeof name));
        say(&c, line);
        do
            listen_to(&c, true);
        while (!strstr(c.tail, "354 ") && c.tail[0] == '2');
        if (!strstr(c.tail, "354 "))
            die("not taken", c.tail);
        memcpy(c.room, letter->at, letter->len);
        memcpy(c.room + letter->len, ".\r\n", 3);
        transmit(&c, c.room, letter->len + 3);
        expect(&c, true, "250");
    }
    close_connection(&c);
    return arg;
}

/* --- dialogue -------------------------------------------------------------------------------- */

static unsigned long long own_cpu(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (unsigned long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           (unsigned long long)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static unsigned long long microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000;
}

static bool has_list(const char *command)
{
    return strncmp(command, "RETR", 4) == 0 || strncmp(command, "TOP", 3) == 0 ||
           strcmp(command, "LIST") == 0 || strcmp(command, "UIDL") == 0;
}

static void carry_out(struct connection *c, const char *line)
{
    static char command[COMMAND_MAX], text[COMMAND_MAX + TAG_LEN + 4];
    char *after;
    unsigned long long bytes = 0, from = microseconds(), cpu_from = own_cpu();
    long count = 1;
    if (line[0] == '*') {
        count = strtol(line + 1, &after, 10);
        line = after + 1;
    }
    for (long i = 1; i <= count; i++) {
        const char *one = numbered(line, (int)i, command, sizeof command);
        snprintf(text, sizeof text, "%s%s\r\n", wire.protocol == IMAP ? TAG " " : "", one);
        ask(c, text, wire.protocol == IMAP || has_list(one),
            wire.protocol == IMAP ? TAG " OK" : "+OK");
        bytes += c->bytes;
    }
    unsigned long long took = microseconds() - from;
    c->first[c->first_len] = '\0';
    printf("%llu %llu %llu %.*s\n", took, own_cpu() - cpu_from, bytes,
           (int)strcspn(c->first, "\r\n"), c->first);
    fflush(stdout);
}

static void talk(void)
{
    struct connection c;
    char *line = room_of(COMMAND_MAX);
    make_room(&c);
    open_connection(&c);
    log_in(&c, 0);
    printf("in\n");
    fflush(stdout);
    while (fgets(line, COMMAND_MAX, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        carry_out(&c, line);
    }
    free(line);
    close_connection(&c);
}

/* --- idle ------------------------------------------------------------------------------------ */

static void hold(int count, bool idles)
{
    struct connection *held = calloc((size_t)count, sizeof *held);
    char line[COMMAND_MAX];
    if (!held)
        die("memory", "none");
    make_room(&held[0]);
    for (int i = 0; i < count; i++) {
        held[i].room = held[0].room;
        held[i].first = held[0].first;
        open_connection(&held[i]);
        log_in(&held[i], i);
        snprintf(line, sizeof line, TAG " SELECT %s\r\n", mailbox);
        ask(&held[i], line, true, TAG " OK");
        if (idles)
            ask(&held[i], TAG " IDLE\r\n", false, "+");
    }
    printf("open\n");
    fflush(stdout);
    while (getchar() != EOF)
        continue;
}

/* --- the command line ------------------------------------------------------------------------ */

static char *read_file(const char *name, size_t *ret_len)
{
    FILE *file = fopen(name, "rb");
    if (!file || fseek(file, 0, SEEK_END) < 0)
        die("cannot read", name);
    long len = ftell(file);
    char *bytes = room_of((size_t)len + 3);
    rewind(file);
    if (fread(bytes, 1, (size_t)len, file) != (size_t)len)
        die("cannot read", name);
    fclose(file);
    *ret_len = (size_t)len;
    return bytes;
}

/* Behind each letter stands a line end of its own, which APPEND wants too. */
static void read_corpus(const char *name)
{
    size_t len;
    char *at = read_file(name, &len), *end = at + len;
    while (at < end) {
        char *body;
        size_t size = strtoul(at, &body, 10);
        if (letter_count % 1024 == 0)
            letters = realloc(letters, ((size_t)letter_count + 1024) * sizeof *letters);
        if (!letters || body == at || size + 3 > (size_t)(end - body))
            die("no corpus", name);
        letters[letter_count++] = (struct letter){body + 1, size};
        at = body + 1 + size + 2;
    }
    if (letter_count == 0)
        die("empty", name);
}

static void run_threads(int connections, void *work(void *))
{
    pthread_t *threads = calloc((size_t)connections, sizeof *threads);
    unsigned long long from = microseconds();
    if (!threads)
        die("memory", "none");
    for (int i = 0; i < connections; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            die("thread", "none");
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    double seconds = (double)(microseconds() - from) / 1e6;
    printf("%.4f %.4f\n", seconds, (double)own_cpu() / 1e6);
    free(threads);
}

static void set_load(const char *count, const char *name, const char *users_text)
{
    atomic_store(&left, atoi(count));
    user = name;
    users = atoi(users_text);
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    if (strcmp(way, "dialogue") == 0 && argc == 7) {
        wire_set(argv[2], argv[3], argv[4]);
        user = argv[5];
        password = argv[6];
        talk();
    } else if (strcmp(way, "append") == 0 && argc == 10) {
        wire_set("imap", argv[2], argv[3]);
        set_load(argv[5], argv[7], "1");
        read_corpus(argv[6]);
        password = argv[8];
        mailbox = argv[9];
        run_threads(atoi(argv[4]), keep_appending);
    } else if (strcmp(way, "deliver") == 0 && argc == 8) {
        wire_set("lmtp", argv[2], "clear");
        set_load(argv[4], argv[6], argv[7]);
        read_corpus(argv[5]);
        run_threads(atoi(argv[3]), keep_delivering);
    } else if (strcmp(way, "login") == 0 && argc == 10) {
        wire_set(argv[2], argv[3], argv[4]);
        set_load(argv[6], argv[7], argv[8]);
        password = argv[9];
        run_threads(atoi(argv[5]), keep_logging_in);
    } else if (strcmp(way, "idle") == 0 && argc >= 9) {
        wire_set("imap", argv[2], argv[3]);
        set_load("0", argv[5], argv[6]);
        password = argv[7];
        mailbox = argv[8];
        hold(atoi(argv[4]), argc > 9);
    } else {
        fprintf(stderr, "boxload: see the beginning of boxload.c\n");
        return 2;
    }
    return 0;
}
