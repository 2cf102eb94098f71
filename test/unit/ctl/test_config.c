/* postamt.conf: what init writes is read back, each mistake is named. */
#include "../expect.h"
#include "ctl/config.h"

static int parse(const char *text, struct config *config, char reason[300])
{
    reason[0] = '\0';
    return config_parse(span_of(text), "postamt.conf", config, reason, 300);
}

static void test_the_default_file_reads_back(void **state)
{
    static struct config config, again;
    char reason[300];
    (void)state;
    AUTO_BUFFER text = BUFFER(10000), printed = BUFFER(10000);
    assert_int_equal(config_write_default(&text, "mail.example.test", "127.0.0.1", 10000), 0);
    assert_int_equal(parse(buffer_text(&text), &config, reason), 0);
    assert_string_equal(config.hostname, "mail.example.test");
    assert_int_equal(config.listen_count, 1);
    assert_string_equal(config.listen[0], "127.0.0.1");
    assert_int_equal(config.port_offset, 10000);
    assert_true(config.allow_private_destinations);
    assert_false(config.postgres);
    assert_int_equal(config_print(&printed, &config), 0);
    assert_int_equal(parse(buffer_text(&printed), &again, reason), 0);
    buffer_clear(&text);
    assert_int_equal(config_print(&text, &again), 0);
    expect_span(buffer_span(&text), buffer_text(&printed));

    buffer_clear(&text);
    assert_int_equal(config_write_default(&text, "mail.example.test", NULL, 0), 0);
    assert_int_equal(parse(buffer_text(&text), &config, reason), 0);
    assert_int_equal(config.listen_count, 2);
    assert_false(config.allow_private_destinations);
}

static void test_mistakes_are_named(void **state)
{
    static const struct {
        const char *text, *word; /* which reason must hold */
    } cases[] = {
        {"", "hostname"},
        {"hostname = \"\"", "hostname"},
        {"hostname = \"a b\"", "hostname"},
        {"hostname = \"[127.0.0.1]\"", "hostname"},
        {"hostname = \"h\"\nnonsense = 1", "line 2"},
        {"hostname = \"h\"\nlisten = {}", "listen"},
        {"hostname = \"h\"\nlisten = {\"localhost\"}", "listen"},
        {"hostname = \"h\"\nport-offset = -1", "port-offset"},
        {"hostname = \"h\"\nport-offset = 60001", "port-offset"},
        {"hostname = \"h\"\nport-offset = ten", "port-offset"},
        {"hostname = \"h\"\nport-offset = 99999999999999999999", "port-offset"},
        {"hostname = \"h\"\nstore = \"oracle\"", "store"},
        {"hostname = \"h\"\nstore = \"postgres\"", "postgres ="},
        {"hostname = \"h\"\nloops = 257", "loops"},
        {"hostname = \"h\"\nmessage-max-kib = 1", "message-max-kib"},
        {"hostname = \"h\"\nrecipients-max = 99", "recipients-max"},
        {"hostname = \"h\"\nconnections-max = 0", "connections-max"},
        {"hostname = \"h\"\nconnections-per-address-max = 0", "connections-per-address-max"},
        {"hostname = \"h\"\nlog-level = \"loud\"", "log-level"},
        {"hostname = \"h\"\nallow-private-destinations = maybe", "line 2"},
        {"hostname = \"h", "postamt.conf"},
        {"hostname = {", "line 1"},
        {"/* never closed", "postamt.conf"},
        {"\303\274\377\001", "postamt.conf"},
    };
    static struct config config;
    char reason[300];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (parse(cases[i].text, &config, reason) != ERR_SYNTAX || !strstr(reason, cases[i].word) ||
            strchr(reason, '\n'))
            fail_msg("%s\ngave: %s", cases[i].text, reason);
        /* one mistake does not spoil the next reading */
        if (parse("hostname = \"h\"", &config, reason) != 0)
            fail_msg("after %s\ngave: %s", cases[i].text, reason);
    }
    assert_int_equal(config_parse(SPAN("hostname = \"h\"\0"), "x", &config, reason, 300),
                     ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_default_file_reads_back),
        cmocka_unit_test(test_mistakes_are_named),
    };
    return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
