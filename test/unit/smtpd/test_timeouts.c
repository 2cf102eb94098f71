/*
 * Time limits of SMTP, POP3 and IMAP sessions, on real sockets with limits shorter than the RFCs':
 * who says nothing, who says it a byte at a time, who stops in the middle of a letter.
 */
#include "../store/suite.h"
#include "box/box.h"
#include "directory/directory.h"
#include "event/event.h"
#include "imap/server.h"
#include "pop3/lock.h"
#include "pop3/server.h"
#include "run/lane.h"
#include "run/stream.h"
#include "smtpd/server.h"
#include "store/blob.h"
#include "submit/schema.h"

#include <arpa/inet.h>
#include <signal.h>
#include <unistd.h>

#define SHORT_MS 300

struct house {
    struct store *store;
    struct lane *passwords;
    struct directory *directory;
    struct smtpd_counters smtp_counters;
    struct pop3_counters pop3_counters;
    struct smtpd_settings smtp;
    struct pop3_settings pop3;
    struct imap_counters imap_counters;
    struct imap_settings imap;
};

/* --- client and server in one loop ----------------------------------------------------------- */

static void house_co_fill(struct house *h)
{
    int64_t user;
    assert_int_equal(directory_co_domain_add(h->directory, TENANT_FIRST, SPAN("example.test")), 0);
    assert_int_equal(directory_co_user_add(h->directory, TENANT_FIRST, SPAN("bob@example.test"),
                                           SPAN("secret-of-bob"), &user),
                     0);
}

static struct listener *open_door(struct scope *scope, const struct listener_settings *settings,
                                  struct stream **ret_client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    struct listener *listener;
    int fd;
    assert_int_equal(listener_bind((struct sockaddr *)&address, 1, &fd), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(listener_open(scope, fd, settings, &listener), 0);
    assert_int_equal(stream_co_connect((struct sockaddr *)&address, 10000, ret_client), 0);
    return listener;
}

static void co_say(struct stream *client, const char *words, const char *reply)
{
    struct span line = SPAN("");
    if (*words) {
        assert_int_equal(stream_co_write(client, span_of(words)), 0);
        assert_int_equal(stream_co_flush(client), 0);
    }
    do
        assert_int_equal(stream_co_read_line(client, 1000, &line), 0);
    while (line.len > 3 && line.at[3] == '-');
    if (!span_starts(line, span_of(reply)))
        fail_msg("\"%.*s\" instead of \"%s\"", SPAN_PRINT(line), reply);
}

/* The server ends the session, whatever else is said. */
static void co_expect_end(struct stream *client)
{
    struct span line;
    assert_int_equal(stream_co_read_line(client, 1000, &line), ERR_CLOSED);
}

/* A byte now and then, each long before the limit, all of them long after. */
static void co_drip(struct stream *client, const char *bytes)
{
    for (; *bytes; bytes++) {
        if (stream_co_write(client, span_make(bytes, 1)) < 0 || stream_co_flush(client) < 0)
            return; /* it has had enough */
        if (co_sleep(SHORT_MS / 5) < 0)
            return;
    }
}

/* --- the dialogues --------------------------------------------------------------------------- */

static void smtp_co_silent(struct stream *client)
{
    co_say(client, "", "220 ");
    co_say(client, "EHLO client.example.net\r\n", "250 ");
    co_say(client, "", "421 4.4.2 ");
}

static void smtp_co_slow_command(struct stream *client)
{
    co_say(client, "", "220 ");
    co_drip(client, "EHLO client.exam");
    co_say(client, "", "421 4.4.2 ");
}

static void smtp_co_stops_in_a_letter(struct stream *client)
{
    co_say(client, "", "220 ");
    co_say(client, "EHLO client.example.net\r\n", "250 ");
    co_say(client, "MAIL FROM:<a@b.example>\r\n", "250 ");
    co_say(client, "RCPT TO:<bob@example.test>\r\n", "250 ");
    co_say(client, "DATA\r\n", "354 ");
    assert_int_equal(stream_co_write(client, SPAN("Subject: half a letter\r\n\r\nhel")), 0);
    co_say(client, "", "421 4.4.2 ");
}

static void pop3_co_never_logs_in(struct stream *client)
{
    co_say(client, "", "+OK");
    co_say(client, "USER bob@example.test\r\n", "+OK");
    co_say(client, "", "-ERR Timeout");
}

static void pop3_co_slow_login(struct stream *client)
{
    co_say(client, "", "+OK");
    co_drip(client, "USER bob@example.test");
    co_say(client, "", "-ERR Timeout");
}

static void imap_co_never_logs_in(struct stream *client)
{
    co_say(client, "", "* OK");
    co_say(client, "a NOOP\r\n", "a OK");
    co_say(client, "", "* BYE You were silent");
}

static void imap_co_slow_login(struct stream *client)
{
    co_say(client, "", "* OK");
    co_drip(client, "a LOGIN bob@example.");
    co_say(client, "", "* BYE You were silent");
}

static void imap_co_stops_in_a_login(struct stream *client)
{
    co_say(client, "", "* OK");
    co_say(client, "a AUTHENTICATE PLAIN\r\n", "+ ");
    co_say(client, "", "* BYE You were silent");
}

static void imap_co_silent(struct stream *client)
{
    co_say(client, "", "* OK");
    co_say(client, "a LOGIN bob@example.test secret-of-bob\r\n", "a OK");
    co_say(client, "b NOOP\r\n", "b OK");
    co_say(client, "", "* BYE You were silent");
}

static void imap_co_silent_in_idle(struct stream *client)
{
    struct span line;
    co_say(client, "", "* OK");
    co_say(client, "a LOGIN bob@example.test secret-of-bob\r\n", "a OK");
    co_say(client, "b IDLE\r\n", "+ ");
    do
        assert_int_equal(stream_co_read_line(client, 1000, &line), 0);
    while (span_starts(line, SPAN("* OK Still here")));
    assert_true(span_starts(line, SPAN("* BYE You were silent")));
}

static void imap_co_is_kept_alive(struct stream *client)
{
    co_say(client, "", "* OK");
    co_say(client, "a LOGIN bob@example.test secret-of-bob\r\n", "a OK");
    co_say(client, "b IDLE\r\n", "+ ");
    for (int i = 0; i < 3; i++)
        co_say(client, "", "* OK Still here");
    struct span line;
    assert_int_equal(stream_co_write(client, SPAN("DONE\r\nc LOGOUT\r\n")), 0);
    assert_int_equal(stream_co_flush(client), 0);
    do
        assert_int_equal(stream_co_read_line(client, 1000, &line), 0);
    while (!span_starts(line, SPAN("c OK")));
}

/* Asks for more than the sockets between can hold, and reads nothing. */
static void imap_co_does_not_read(struct stream *client)
{
    static char body[1024 * 1024];
    memset(body, 'x', sizeof body);
    co_say(client, "", "* OK");
    co_say(client, "a LOGIN bob@example.test secret-of-bob\r\n", "a OK");
    co_say(client, "b APPEND INBOX {1048576}\r\n", "+ ");
    assert_int_equal(stream_co_write(client, span_make(body, sizeof body)), 0);
    co_say(client, "\r\n", "b OK");
    co_say(client, "c EXAMINE INBOX\r\n", "* ");
    for (int i = 0; i < 64; i++)
        assert_int_equal(stream_co_write(client, SPAN("d FETCH 1 BODY.PEEK[]\r\n")), 0);
    while (stream_co_flush(client) == 0 && stream_co_write(client, SPAN("e NOOP\r\n")) == 0)
        assert_int_equal(co_sleep(SHORT_MS / 5), 0); /* until it has had enough */
    for (struct span bytes; stream_co_peek(client, 1, &bytes) == 0;)
        stream_consume(client, bytes.len);
}

static void pop3_co_silent(struct stream *client)
{
    co_say(client, "", "+OK");
    co_say(client, "USER bob@example.test\r\n", "+OK");
    co_say(client, "PASS secret-of-bob\r\n", "+OK 0 messages");
    co_say(client, "NOOP\r\n", "+OK");
    co_say(client, "", "-ERR");
}

struct dialogue {
    struct house *house;
    const struct listener_settings *door;
    void (*co_speak)(struct stream *client);
};

static int dialogue_co_main(void *arg)
{
    struct dialogue *d = arg;
    struct stream *client;
    struct scope scope;
    house_co_fill(d->house);
    scope_open(&scope, scope_current(), CO_FOREVER);
    struct listener *listener = open_door(&scope, d->door, &client);
    d->co_speak(client);
    co_expect_end(client);
    stream_co_close(client);
    listener_co_close(listener);
    return scope_co_wait(&scope);
}

enum protocol { SMTP, POP3, IMAP, PATIENT_IMAP };

static void run(void (*co_speak)(struct stream *client), enum protocol protocol)
{
    static const struct db_schema *const rooms[] = {
        &blob_schema, &directory_schema, &event_schema, &box_schema, &queue_schema, &submit_schema};
    static struct house h;
    struct place place;
    char reason[256] = "";
    memset(&h, 0, sizeof h);
    place_make(&place);
    assert_int_equal(store_open(&place.settings, rooms, 6, reason, sizeof reason, &h.store), 0);
    assert_int_equal(lane_create("password", 1, 10, &h.passwords), 0);
    assert_int_equal(directory_open(h.store, h.passwords, &h.directory), 0);
    struct submit_door door_in = {.store = h.store};
    h.smtp = (struct smtpd_settings){.role = SMTPD_MX,
                                     .hostname = "mail.example.test",
                                     .door = &door_in,
                                     .directory = h.directory,
                                     .counters = &h.smtp_counters,
                                     .command_timeout_ms = SHORT_MS,
                                     .data_timeout_ms = SHORT_MS};
    struct pop3_locks *locks;
    assert_int_equal(pop3_locks_create(&locks), 0);
    h.pop3 = (struct pop3_settings){.cleartext_login = true,
                                    .hostname = "mail.example.test",
                                    .store = h.store,
                                    .directory = h.directory,
                                    .locks = locks,
                                    .counters = &h.pop3_counters,
                                    .login_timeout_ms = SHORT_MS,
                                    .idle_timeout_ms = SHORT_MS};
    h.imap = (struct imap_settings){.cleartext_login = true,
                                    .hostname = "mail.example.test",
                                    .store = h.store,
                                    .directory = h.directory,
                                    .counters = &h.imap_counters,
                                    .message_max = 2 * 1024 * 1024,
                                    .login_timeout_ms = SHORT_MS,
                                    .idle_timeout_ms = protocol == IMAP ? SHORT_MS : 60 * 1000,
                                    .keep_alive_ms = SHORT_MS / 5,
                                    .command_timeout_ms = 2 * SHORT_MS};
    int (*const co_serve[])(struct stream *, void *) = {smtpd_co_serve, pop3_co_serve,
                                                        imap_co_serve, imap_co_serve};
    void *const settings[] = {&h.smtp, &h.pop3, &h.imap, &h.imap};
    struct listener_settings door = {
        .name = "session", .co_serve = co_serve[protocol], .arg = settings[protocol]};
    struct dialogue dialogue = {&h, &door, co_speak};
    assert_int_equal(loop_run_main("main", dialogue_co_main, &dialogue), 0);
    pop3_locks_free(locks);
    directory_close(h.directory);
    lane_destroy(h.passwords);
    store_close(h.store);
    place_remove(&place);
}

static void test_a_silent_client_is_sent_away(void **state)
{
    (void)state;
    run(smtp_co_silent, SMTP);
}

static void test_a_command_has_its_time_as_a_whole(void **state)
{
    (void)state;
    run(smtp_co_slow_command, SMTP);
}

static void test_a_letter_that_stops_is_given_up(void **state)
{
    (void)state;
    run(smtp_co_stops_in_a_letter, SMTP);
}

static void test_an_idle_pop3_session_ends(void **state)
{
    (void)state;
    run(pop3_co_silent, POP3);
}

static void test_an_idle_imap_session_ends(void **state)
{
    (void)state;
    run(imap_co_silent, IMAP);
}

static void test_an_imap_session_ends_in_idle(void **state)
{
    (void)state;
    run(imap_co_silent_in_idle, IMAP);
    run(imap_co_is_kept_alive, PATIENT_IMAP);
}

static void test_who_does_not_read_is_sent_away(void **state)
{
    (void)state;
    run(imap_co_does_not_read, IMAP);
}

static void test_who_does_not_log_in_is_sent_away(void **state)
{
    (void)state;
    run(pop3_co_never_logs_in, POP3);
    run(pop3_co_slow_login, POP3);
    run(imap_co_never_logs_in, IMAP);
    run(imap_co_slow_login, IMAP);
    run(imap_co_stops_in_a_login, IMAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_silent_client_is_sent_away),
        cmocka_unit_test(test_a_command_has_its_time_as_a_whole),
        cmocka_unit_test(test_a_letter_that_stops_is_given_up),
        cmocka_unit_test(test_an_idle_pop3_session_ends),
        cmocka_unit_test(test_an_idle_imap_session_ends),
        cmocka_unit_test(test_an_imap_session_ends_in_idle),
        cmocka_unit_test(test_who_does_not_read_is_sent_away),
        cmocka_unit_test(test_who_does_not_log_in_is_sent_away),
    };
    signal(SIGPIPE, SIG_IGN); /* as the server does: who drips on is not there any more */
    return cmocka_run_group_tests_name("time limits", tests, NULL, NULL);
}
