/* POP3 command lines (RFC 1939, 2449, 2595, 5034). */
#include "../expect.h"
#include "pop3/command.h"

/* "3 [argument] number lines" with the verb's number, "command" or "argument" when it is bad. */
static void expect_command_at(struct span line, const char *expected, int at)
{
    AUTO_BUFFER out = BUFFER(1000);
    struct pop3_command c;
    struct span copy = exact_copy(line);
    int bad = pop3_parse_command(copy, &c), rc;
    if (bad < 0)
        rc = buffer_append_text(&out, bad == POP3_BAD_COMMAND ? "command" : "argument");
    else
        rc = buffer_printf(&out, "%d [%.*s] %u %u", (int)c.verb, SPAN_PRINT(c.argument), c.number,
                           c.verb == POP3_TOP ? c.lines : 0);
    assert_int_equal(rc, 0);
    test_free((void *)copy.at);
    expect_span_at(buffer_span(&out), expected, __FILE__, at);
}
#define expect_command(line, expected) expect_command_at(SPAN(line), expected, __LINE__)

static void test_verbs_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(POP3_USER, 0); /* the numbers below follow the enum */
    assert_int_equal(POP3_QUIT, 15);
    expect_command("USER anna@example.test", "0 [anna@example.test] 0 0");
    expect_command("quit", "15 [] 0 0");
    expect_command("QuIt ", "15 [] 0 0");
    expect_command("QUIT now", "argument");
    expect_command("STAT 1", "argument");
    expect_command("USER", "argument");
    expect_command("XYZ", "command");
    expect_command("", "command");
    expect_command(" STAT", "command");
    expect_command("STATX", "command");
}

static void test_a_password_is_taken_as_it_is(void **state)
{
    (void)state;
    expect_command("PASS two  words ", "1 [two  words ] 0 0");
    expect_command("PASS  x", "1 [ x] 0 0");
    expect_command("PASS \303\274", "1 [\303\274] 0 0");
    expect_command("PASS", "argument");
}

static void test_numbers(void **state)
{
    (void)state;
    expect_command("RETR 1", "8 [1] 1 0");
    expect_command("RETR 1 ", "8 [1 ] 1 0");
    expect_command("RETR 4294967295", "8 [4294967295] 4294967295 0");
    expect_command("RETR 4294967296", "argument");
    expect_command("RETR 0", "argument");
    expect_command("RETR -1", "argument");
    expect_command("RETR +1", "argument");
    expect_command("RETR 1x", "argument");
    expect_command("RETR 1 2", "argument");
    expect_command("RETR", "argument");
    expect_command("LIST", "6 [] 0 0");
    expect_command("LIST ", "6 [] 0 0");
    expect_command("LIST 7", "6 [7] 7 0");
    expect_command("UIDL x", "argument");
    expect_command("TOP 1 0", "9 [1 0] 1 0");
    expect_command("TOP 2 4294967295", "9 [2 4294967295] 2 4294967295");
    expect_command("TOP 1", "argument");
    expect_command("TOP 1 -1", "argument");
    expect_command("TOP 0 1", "argument");
    expect_command("TOP 1 2 3", "argument");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verbs_in_any_case),
        cmocka_unit_test(test_a_password_is_taken_as_it_is),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests_name("POP3 commands", tests, NULL, NULL);
}
