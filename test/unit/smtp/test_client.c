/*
 * The SMTP client against a server that follows a script: each line is what the client must say,
 * and what the server then does.
 */
#include "base/buffer.h"
#include "run/loop.h"
#include "run/stream.h"
#include "smtp/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* One turn: what the client's next line begins with (NULL: nothing is awaited), and the answer
 * (NULL: hangs up; "": says nothing). "." waits for the end of data. */
struct turn {
    const char *wants, *says;
};

struct play {
    const struct turn *turns;
    size_t count;
    struct buffer data;
    char wrong[300]; /* what was not as the script has it */
    struct stream *client;
    struct smtp_client c;
    struct smtp_response verdicts[4];
    struct span body;
    int opened, sent;
};

static int play_co_read_data(struct play *p, struct stream *st)
{
    struct span line;
    for (;;) {
        int rc = stream_co_read_line(st, 4000, &line);
        if (rc < 0 || span_equal(line, SPAN(".")))
            return rc;
        assert_int_equal(buffer_append(&p->data, line), 0);
        assert_int_equal(buffer_append_text(&p->data, "\n"), 0);
    }
}

static int server_co_play(struct stream *st, void *arg)
{
    struct play *p = arg;
    struct span line;
    for (size_t i = 0; i < p->count; i++) {
        const struct turn *turn = &p->turns[i];
        if (turn->wants && strcmp(turn->wants, ".") == 0) {
            int rc = play_co_read_data(p, st);
            if (rc < 0)
                return rc;
        } else if (turn->wants) {
            int rc = stream_co_read_line(st, 4000, &line);
            if (rc < 0 || !span_starts(line, span_of(turn->wants))) {
                snprintf(p->wrong, sizeof p->wrong, "turn %zu wants %s, got %d %.*s", i,
                         turn->wants, rc, rc < 0 ? 0 : (int)line.len, rc < 0 ? "" : line.at);
                return 0;
            }
        }
        if (!turn->says)
            return 0;
        int rc = stream_co_write(st, span_of(turn->says));
        if (rc < 0)
            return rc;
    }
    while (stream_co_read_line(st, 4000, &line) == 0) {
    }
    return 0;
}

static int co_read_body(void *arg, struct buffer *out)
{
    struct play *p = arg;
    struct span piece = span_first(p->body, 7);
    p->body = span_from(p->body, piece.len);
    return buffer_append(out, piece);
}

static int play_co_main(void *arg)
{
    struct play *p = arg;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    struct scope scope;
    struct listener *listener;
    int fd;
    assert_int_equal(listener_bind((struct sockaddr *)&any, 1, &fd), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    scope_open(&scope, scope_current(), CO_FOREVER);
    struct listener_settings settings = {.name = "play", .co_serve = server_co_play, .arg = p};
    assert_int_equal(listener_open(&scope, fd, &settings, &listener), 0);
    assert_int_equal(stream_co_connect((struct sockaddr *)&address, 5000, &p->client), 0);
    p->opened = smtp_client_co_open(&p->c, p->client, "client.test");
    if (p->opened == 0) {
        struct span to[] = {SPAN("one@x.test"), SPAN("two@x.test")};
        struct smtp_outgoing letter = {.reverse_path = SPAN("a@b.test"),
                                       .forward_paths = to,
                                       .count = 2,
                                       .octets = p->body.len,
                                       .eight_bit = true,
                                       .co_read = co_read_body,
                                       .arg = p};
        p->sent = smtp_client_co_send(&p->c, &letter, p->verdicts);
    }
    stream_co_close(p->client);
    listener_co_close(listener);
    (void)!scope_co_wait(&scope);
    return 0;
}

static unsigned divisor = 10; /* five minutes are 30 seconds */

static void play(struct play *p, const struct turn *turns, size_t count)
{
    *p = (struct play){.turns = turns,
                       .count = count,
                       .data = BUFFER(1 << 20),
                       .body = SPAN("Subject: x\r\n\r\n.dotted\r\nend\r\n"),
                       .opened = 1,
                       .sent = 1};
    p->c.timeout_divisor = divisor;
    assert_int_equal(loop_run_main("play", play_co_main, p), 0);
    assert_string_equal(p->wrong, "");
}
#define PLAY(p, ...)                                                                               \
    static struct play p;                                                                          \
    const struct turn turns[] = {__VA_ARGS__};                                                     \
    play(&p, turns, sizeof turns / sizeof *turns)

#define GREETING                                                                                   \
    {                                                                                              \
        NULL, "220 x ESMTP\r\n"                                                                    \
    }
#define PIPELINED                                                                                  \
    {                                                                                              \
        "EHLO client.test", "250-x\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 1000\r\n"         \
    }
#define PLAIN_EHLO                                                                                 \
    {                                                                                              \
        "EHLO client.test", "250 x\r\n"                                                            \
    }

static void test_pipelined_letter(void **state)
{
    (void)state;
    PLAY(p, GREETING, PIPELINED, {"MAIL FROM:<a@b.test> SIZE=28 BODY=8BITMIME", ""},
         {"RCPT TO:<one@x.test>", ""}, {"RCPT TO:<two@x.test>", ""},
         {"DATA", "250 2.1.0 ok\r\n250 2.1.5 ok\r\n550-5.1.1 no\r\n550 5.1.1 two\r\n354 go\r\n"},
         {".", "250 2.0.0 queued as 1\r\n"});
    assert_int_equal(p.sent, 0);
    assert_int_equal(p.verdicts[0].code, 250);
    assert_string_equal(p.verdicts[0].text, "250 2.0.0 queued as 1");
    assert_int_equal(p.verdicts[1].code, 550);
    assert_string_equal(p.verdicts[1].text, "550 5.1.1 no two");
    assert_string_equal(buffer_text(&p.data), "Subject: x\n\n..dotted\nend\n");
    buffer_free(&p.data);
}

static void test_one_by_one_and_helo(void **state)
{
    (void)state;
    PLAY(p, GREETING, {"EHLO", "502 what\r\n"}, {"HELO client.test", "250 x\r\n"},
         {"MAIL FROM:<a@b.test>", "250 ok\r\n"}, {"RCPT TO:<one", "450 later\r\n"},
         {"RCPT TO:<two", "251 forwarded\r\n"}, {"DATA", "354 go\r\n"}, {".", "250 ok\r\n"});
    assert_int_equal(p.sent, 0);
    assert_int_equal(p.verdicts[0].code, 450);
    assert_int_equal(p.verdicts[1].code, 250);
    buffer_free(&p.data);
}

static void test_nobody_is_accepted(void **state)
{
    (void)state;
    PLAY(p, GREETING, PLAIN_EHLO, {"MAIL", "250 ok\r\n"}, {"RCPT", "550 no\r\n"},
         {"RCPT", "550 no\r\n"}, {"RSET", "250 ok\r\n"});
    assert_int_equal(p.sent, 0); /* the connection may be used on */
    assert_int_equal(p.verdicts[0].code, 550);
    assert_int_equal(p.verdicts[1].code, 550);
    buffer_free(&p.data);
}

/* A server that says 354 although nobody was accepted gets an empty letter and no verdict of it. */
static void test_nobody_is_accepted_and_yet_354(void **state)
{
    (void)state;
    PLAY(p, GREETING, PIPELINED, {"MAIL", ""}, {"RCPT", ""}, {"RCPT", ""},
         {"DATA", "250 ok\r\n550 no\r\n451 no\r\n354 go\r\n"}, {".", "554 nothing\r\n"});
    assert_int_equal(p.sent, 0);
    assert_int_equal(p.verdicts[0].code, 550);
    assert_int_equal(p.verdicts[1].code, 451);
    assert_int_equal(p.data.len, 0);
    buffer_free(&p.data);
}

static void test_mail_is_refused(void **state)
{
    (void)state;
    PLAY(p, GREETING, PIPELINED, {"MAIL", ""}, {"RCPT", ""}, {"RCPT", ""},
         {"DATA", "550 5.7.1 not you\r\n503 no\r\n503 no\r\n503 no\r\n"}, {"RSET", "250 ok\r\n"});
    assert_int_equal(p.sent, 0);
    assert_string_equal(p.verdicts[0].text, "550 5.7.1 not you");
    assert_string_equal(p.verdicts[1].text, "550 5.7.1 not you");
    buffer_free(&p.data);
}

static void test_421_in_the_middle_ends_the_connection(void **state)
{
    (void)state;
    PLAY(p, GREETING, PLAIN_EHLO, {"MAIL", "250 ok\r\n"}, {"RCPT", "250 ok\r\n"},
         {"RCPT", "421 4.3.2 going down\r\n"}, {"DATA", NULL});
    assert_true(p.sent < 0);
    assert_int_equal(p.verdicts[0].code, 0);
    assert_int_equal(p.verdicts[1].code, 421);
    buffer_free(&p.data);
}

static void test_the_last_word_decides(void **state)
{
    (void)state;
    PLAY(p, GREETING, PIPELINED, {"MAIL", ""}, {"RCPT", ""}, {"RCPT", ""},
         {"DATA", "250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n"}, {".", "554 5.7.1 spam\r\n"},
         {"RSET", "250 ok\r\n"});
    assert_int_equal(p.sent, 0);
    assert_string_equal(p.verdicts[0].text, "554 5.7.1 spam");
    assert_string_equal(p.verdicts[1].text, "550 no");
    buffer_free(&p.data);
}

/* A 250 that was there before the letter's end does not say that the letter was taken. */
static void test_a_taken_before_the_end(void **state)
{
    (void)state;
    PLAY(p, GREETING, PIPELINED, {"MAIL", ""}, {"RCPT", ""}, {"RCPT", ""},
         {"DATA", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 taken\r\n"}, {".", ""});
    assert_int_equal(p.sent, ERR_SYNTAX);
    assert_int_equal(p.verdicts[0].code, 0);
    assert_int_equal(p.verdicts[1].code, 0);
    buffer_free(&p.data);
}

static void test_too_large_for_the_server(void **state)
{
    (void)state;
    PLAY(p, GREETING, {"EHLO", "250-x\r\n250 SIZE 20\r\n"});
    assert_int_equal(p.sent, 0);
    assert_int_equal(p.verdicts[0].code, 552);
    buffer_free(&p.data);
}

/* Where the server hangs up, and with which step the client says so. */
static void test_hang_ups(void **state)
{
    const struct turn script[] = {
        GREETING,           PIPELINED,    {"MAIL", ""},
        {"RCPT", ""},       {"RCPT", ""}, {"DATA", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
        {".", "250 ok\r\n"}};
    const char *const steps[] = {"greeting", "EHLO", "MAIL", "MAIL", "MAIL", "MAIL", "body"};
    (void)state;
    for (size_t cut = 0; cut < sizeof script / sizeof *script; cut++) {
        struct turn turns[8];
        static struct play p;
        memcpy(turns, script, sizeof script);
        turns[cut].says = NULL;
        play(&p, turns, cut + 1);
        assert_true((p.opened == 0 ? p.sent : p.opened) < 0);
        assert_string_equal(p.c.step, steps[cut]);
        assert_int_equal(p.verdicts[0].code, 0);
        assert_int_equal(p.verdicts[1].code, 0);
        buffer_free(&p.data);
    }
}

static void test_silence_ends_in_time(void **state)
{
    (void)state;
    divisor = 1000;
    PLAY(p, GREETING, {"EHLO", ""});
    divisor = 10;
    assert_int_equal(p.opened, -ETIMEDOUT);
    buffer_free(&p.data);
}

static void test_answers_that_are_none(void **state)
{
    static const char *const answers[] = {"hello\r\n", "99 x\r\n",           "2500 x\r\n",
                                          "600 x\r\n", "250-a\r\n251 b\r\n", "354 go\r\n",
                                          "\r\n",      "250\tx\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        PLAY(p, GREETING, {"EHLO", answers[i]});
        assert_int_equal(p.opened, ERR_SYNTAX);
        buffer_free(&p.data);
    }
}

static void test_endless_answers_are_cut_off(void **state)
{
    static char many[200 * 8 + 1], longest[6000];
    (void)state;
    for (int i = 0; i < 200; i++)
        memcpy(many + 8 * i, "250-ab\r\n", 8);
    memset(longest, 'x', sizeof longest - 1);
    memcpy(longest, "250-", 4);
    memcpy(longest + sizeof longest - 3, "\r\n", 2);
    PLAY(p, GREETING, {"EHLO", many});
    assert_int_equal(p.opened, ERR_SYNTAX);
    buffer_free(&p.data);
    const struct turn second[] = {GREETING, {"EHLO", longest}};
    play(&p, second, 2);
    assert_int_equal(p.opened, ERR_SYNTAX);
    buffer_free(&p.data);
}

/* Foreign bytes of a server do not reach logs and people (P6). */
static void test_answers_are_cleaned(void **state)
{
    (void)state;
    PLAY(p, GREETING, PLAIN_EHLO, {"MAIL", "550 \x1b[31m\xff\tno\r\n"}, {"RSET", "250 ok\r\n"});
    assert_string_equal(p.verdicts[0].text, "550 ?[31m??no");
    buffer_free(&p.data);
}

/* --- paths ----------------------------------------------------------------------------------- */

static void expect_path(const char *path, const char *wire)
{
    AUTO_BUFFER out = BUFFER(1000);
    int rc = smtp_write_path(&out, span_of(path));
    if (!wire)
        assert_int_equal(rc, ERR_SYNTAX);
    else
        assert_string_equal(buffer_text(&out), wire);
}

static void test_paths(void **state)
{
    (void)state;
    expect_path("", "<>");
    expect_path("a.b+c@x.test", "<a.b+c@x.test>");
    expect_path("a b@x.test", "<\"a b\"@x.test>");
    expect_path("a\"b\\@x.test", "<\"a\\\"b\\\\\"@x.test>");
    expect_path("a@b@x.test", "<\"a@b\"@x.test>");
    expect_path(".a@x.test", "<\".a\"@x.test>");
    expect_path("a@[127.0.0.1]", "<a@[127.0.0.1]>");
    expect_path("a\r\nRCPT@x.test", NULL);
    expect_path("@x.test", NULL);
    expect_path("\xc3\xa4@x.test", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipelined_letter),
        cmocka_unit_test(test_one_by_one_and_helo),
        cmocka_unit_test(test_nobody_is_accepted),
        cmocka_unit_test(test_nobody_is_accepted_and_yet_354),
        cmocka_unit_test(test_mail_is_refused),
        cmocka_unit_test(test_421_in_the_middle_ends_the_connection),
        cmocka_unit_test(test_the_last_word_decides),
        cmocka_unit_test(test_a_taken_before_the_end),
        cmocka_unit_test(test_too_large_for_the_server),
        cmocka_unit_test(test_hang_ups),
        cmocka_unit_test(test_silence_ends_in_time),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_endless_answers_are_cut_off),
        cmocka_unit_test(test_answers_are_cleaned),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests_name("smtp_client", tests, NULL, NULL);
}
