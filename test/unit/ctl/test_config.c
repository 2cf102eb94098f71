/* postamt.conf: what init writes is read back, each mistake is named. */
#include "../expect.h"
#include "ctl/config.h"

/* What was there before is freed. */
static int parse(const char *text, struct config *config, char reason[300])
{
    reason[0] = '\0';
    config_free(config);
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

static void test_letters_that_leave(void **state)
{
    static struct config config, again;
    char reason[300];
    (void)state;
    AUTO_BUFFER printed = BUFFER(10000), twice = BUFFER(10000);
    static const char text[] =
        "hostname = \"h.test\"\ndns-servers = {\"127.0.0.1@5353\", \"::1\"}\n"
        "transparent-zones = {\"test\"}\ndelivery-port = 2525\n"
        "route \"Far.TEST\" { host = \"127.0.0.1\" port = 3025 }\n"
        "route \"*\" { host = \"smart.example.org\" username = \"me\" password = \"it\" }\n"
        "destination \"slow.test\" { connections = 2 retry-seconds = {7, 8} }\n"
        "destination \"*\" { expiry-seconds = 100 letters-per-connection = 5 }\n";
    assert_int_equal(parse(text, &config, reason), 0);
    assert_int_equal(config.route_count, 2);
    assert_string_equal(config.routes[0].domain, "far.test");
    assert_int_equal(config.routes[0].port, 3025);
    assert_int_equal(config.routes[0].tls, ROUTE_TLS_MAY);
    assert_int_equal(config.routes[1].tls, ROUTE_TLS_MUST); /* no password in the clear */
    assert_int_equal(config.policy_count, 2);
    assert_int_equal(config.policies[0].queue.expiry_ms, 100000);
    assert_int_equal(config.policies[0].queue.retry_count, 4);
    assert_string_equal(config.policies[1].domain, "slow.test");
    assert_int_equal(config.policies[1].queue.expiry_ms, 100000);
    assert_int_equal(config.policies[1].queue.retry_count, 2);
    assert_int_equal(config.policies[1].queue.retry_ms[1], 8000);
    assert_int_equal(config.policies[1].sessions_max, 2);
    assert_int_equal(config.policies[1].letters_max, 5);
    assert_int_equal(config_print(&printed, &config), 0);
    assert_int_equal(parse(buffer_text(&printed), &again, reason), 0);
    assert_int_equal(config_print(&twice, &again), 0);
    expect_span(buffer_span(&printed), buffer_text(&twice));
    assert_int_equal(span_find_span(buffer_span(&printed), SPAN("\"it\"")), -1);
    config_free(&config);
    config_free(&again);
}

static void test_lmtp_and_details(void **state)
{
    static struct config config, again;
    char reason[300];
    (void)state;
    AUTO_BUFFER printed = BUFFER(10000), twice = BUFFER(10000);
    assert_int_equal(parse("hostname = \"h.test\"", &config, reason), 0);
    assert_string_equal(config.lmtp_listen[0], "loopback");
    assert_string_equal(config.lmtp_socket, "lmtp.sock");
    assert_int_equal(config.lmtp_socket_mode, 0660);
    assert_int_equal(config.recipient_delimiter, '+');
    static const char text[] =
        "hostname = \"h.test\"\nlmtp-listen = {\"loopback\", \"192.0.2.1\"}\n"
        "lmtp-from = {\"192.0.2.0/24\", \"2001:db8::7\"}\nlmtp-socket = \"/run/postamt/lmtp\"\n"
        "lmtp-socket-mode = \"666\"\nlmtp-socket-group = \"mail\"\nrecipient-delimiter = \"\"\n";
    assert_int_equal(parse(text, &config, reason), 0);
    assert_int_equal(config.lmtp_listen_count, 2);
    assert_int_equal(config.lmtp_from_count, 2);
    assert_int_equal(config.lmtp_socket_mode, 0666);
    assert_int_equal(config.recipient_delimiter, '\0');
    assert_int_equal(config_print(&printed, &config), 0);
    assert_int_equal(parse(buffer_text(&printed), &again, reason), 0);
    assert_int_equal(config_print(&twice, &again), 0);
    expect_span(buffer_span(&printed), buffer_text(&twice));
    config_free(&config);
    config_free(&again);
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
        {"hostname = \"h\"\nroute \"x.test\" {}", "host ="},
        {"hostname = \"h\"\nroute \"a b\" { host = \"h\" }", "route"},
        {"hostname = \"h\"\nroute \"x\" { host = \"h\" port = 0 }", "port"},
        {"hostname = \"h\"\nroute \"x\" { host = \"h\" tls = \"maybe\" }", "tls"},
        {"hostname = \"h\"\nroute \"x\" { host = \"h\" }\nroute \"x\" { host = \"i\" }", "line 3"},
        {"hostname = \"h\"\ndestination \"x\" { retry-seconds = {0} }", "retry-seconds"},
        {"hostname = \"h\"\ndestination \"x\" { expiry-seconds = 0 }", "expiry-seconds"},
        {"hostname = \"h\"\ndestination \"x\" { connections = 0 }", "connections"},
        {"hostname = \"h\"\ndns-servers = {\"ns.example.net\"}", "dns-servers"},
        {"hostname = \"h\"\ndns-servers = {\"127.0.0.1@0\"}", "dns-servers"},
        {"hostname = \"h\"\ntransparent-zones = {\"a b\"}", "transparent-zones"},
        {"hostname = \"h\"\ndelivery-port = 0", "delivery-port"},
        {"hostname = \"h\"\nmessage-max-kib = 1", "message-max-kib"},
        {"hostname = \"h\"\nrecipients-max = 99", "recipients-max"},
        {"hostname = \"h\"\nconnections-max = 0", "connections-max"},
        {"hostname = \"h\"\nconnections-per-address-max = 0", "connections-per-address-max"},
        {"hostname = \"h\"\nlog-level = \"loud\"", "log-level"},
        {"hostname = \"h\"\nlmtp-listen = {\"localhost\"}", "lmtp-listen"},
        {"hostname = \"h\"\nlmtp-listen = {\"::1\", \"::1\"}", "lmtp-listen"},
        {"hostname = \"h\"\nlmtp-listen = {\"192.0.2.1\"}", "lmtp-from"},
        {"hostname = \"h\"\nlmtp-from = {\"192.0.2.1/24\"}", "lmtp-from"},
        {"hostname = \"h\"\nlmtp-socket = \"a/\"", "lmtp-socket"},
        {"hostname = \"h\"\nlmtp-socket-mode = \"660x\"", "lmtp-socket-mode"},
        {"hostname = \"h\"\nlmtp-socket-mode = \"0066\"", "lmtp-socket-mode"},
        {"hostname = \"h\"\nlmtp-socket-mode = \"04660\"", "lmtp-socket-mode"},
        {"hostname = \"h\"\nrecipient-delimiter = \"/\"", "recipient-delimiter"},
        {"hostname = \"h\"\nrecipient-delimiter = \"+-\"", "recipient-delimiter"},
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
        cmocka_unit_test(test_letters_that_leave),
        cmocka_unit_test(test_lmtp_and_details),
        cmocka_unit_test(test_mistakes_are_named),
    };
    return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
