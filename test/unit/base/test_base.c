/* The ground: spans, buffers, arenas, ids, base64. */
#include "base/arena.h"
#include "base/base64.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/network.h"
#include "base/utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_buffer_stops_at_its_cap(void **state)
{
    (void)state;
    AUTO_BUFFER b = BUFFER(100);
    for (int i = 0; i < 10; i++)
        assert_int_equal(buffer_append(&b, SPAN("0123456789")), 0);
    assert_int_equal(buffer_append_byte(&b, 'x'), -ENOBUFS);
    assert_int_equal(b.len, 100);
    assert_memory_equal(b.at + 90, "0123456789", 10);
}

static void test_ids_grow_and_read_back(void **state)
{
    (void)state;
    int64_t last = 0;
    for (int i = 0; i < 100000; i++) {
        int64_t id = id_next();
        assert_true(id > last);
        last = id;
    }
    char text[ID_TEXT];
    int64_t back;
    assert_true(id_parse(span_of(id_text(last, text)), &back));
    assert_true(back == last);
    assert_false(id_parse(SPAN("0000000000000!"), &back));
    assert_false(id_parse(SPAN("zzzzzzzzzzzzz"), &back));
}

static void test_ids_do_not_go_back_with_the_clock(void **state)
{
    (void)state;
    int64_t before = id_next();
    clock_fake(clock_wall_ms() - 3600000, 1);
    int64_t after = id_next();
    clock_unfake();
    assert_true(after > before);
}

static void test_ids_stay_positive_under_any_clock(void **state)
{
    static const int64_t years[] = {0, 66, 68, 100, 8000, -60, 0};
    (void)state;
    int64_t last = id_next();
    for (unsigned i = 0; i < sizeof years / sizeof *years; i++) {
        clock_fake(INT64_C(1795000000000) + years[i] * 365 * 24 * 3600 * 1000, 1);
        int64_t id = id_next();
        assert_true(id > last);
        last = id;
    }
    clock_unfake();
}

static void test_base64_is_strict(void **state)
{
    (void)state;
    AUTO_BUFFER b = BUFFER(100);
    assert_int_equal(base64_encode(&b, SPAN("\0a\0b")), 0);
    assert_true(span_equal(buffer_span(&b), SPAN("AGEAYg==")));
    buffer_clear(&b);
    assert_int_equal(base64_decode(&b, SPAN("AGEAYg==")), 0);
    assert_int_equal(b.len, 4);
    static const char *const bad[] = {"A", "AA", "AAA", "A===", "AGE AYg=", "AGEAYh==", "AG=AYg=="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(base64_decode(&b, span_of(bad[i])), ERR_SYNTAX);
}

static void test_span_numbers_and_cuts(void **state)
{
    (void)state;
    uint64_t value;
    assert_true(span_to_uint(SPAN("18446744073709551615"), UINT64_MAX, &value));
    assert_false(span_to_uint(SPAN("18446744073709551616"), UINT64_MAX, &value));
    assert_false(span_to_uint(SPAN("+1"), 10, &value));
    assert_false(span_to_uint(SPAN(""), 10, &value));
    struct span rest = SPAN("a b"), part;
    assert_true(span_cut(&rest, ' ', &part) && span_equal(part, SPAN("a")));
    assert_true(span_cut(&rest, ' ', &part) && span_equal(part, SPAN("b")));
    assert_false(span_cut(&rest, ' ', &part));
}

static void test_arena_keeps_to_its_cap(void **state)
{
    (void)state;
    AUTO_ARENA a = ARENA(4096);
    assert_non_null(arena_alloc(&a, 4000));
    assert_null(arena_alloc(&a, 200));
    arena_reset(&a);
    assert_true(span_equal(arena_copy(&a, SPAN("hello")), SPAN("hello")));
}

static void test_utf8_wherever_it_stands(void **state)
{
    static const struct {
        struct span bytes;
        bool text, ascii;
    } cases[] = {{SPAN("\0"), false, true},
                 {SPAN("\001"), true, true},
                 {SPAN("\177"), true, true},
                 {SPAN("\303\251"), true, false},
                 {SPAN("\200"), false, false},
                 {SPAN("\355\240\200"), false, false},
                 {SPAN("\360\237\230\200"), true, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t before = 0; before < 20; before++)
            for (size_t after = 0; after < 10; after++) {
                char text[40];
                size_t len = cases[i].bytes.len;
                memset(text, 'a', sizeof text);
                memcpy(text + before, cases[i].bytes.at, len);
                struct span all = span_make(text, before + len + after);
                assert_int_equal(utf8_is_text(all), cases[i].text);
                assert_int_equal(utf8_is_ascii(all), cases[i].ascii);
                assert_int_equal(utf8_head(all).len, cases[i].text ? all.len : before);
                if (after == 0 && len > 1) /* cut within */
                    assert_int_equal(utf8_head(span_first(all, all.len - 1)).len, before);
            }
}

static bool holds(const struct network *network, const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return network_holds(network, (struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return network_holds(network, (struct sockaddr *)&v6);
}

static void test_networks(void **state)
{
    static const struct {
        const char *text, *in, *out;
    } cases[] = {{"192.0.2.0/24", "192.0.2.255", "192.0.3.0"},
                 {"192.0.2.6/31", "192.0.2.7", "192.0.2.8"},
                 {"192.0.2.7", "192.0.2.7", "192.0.2.6"},
                 {"0.0.0.0/0", "255.255.255.255", "2001:db8::1"},
                 {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
                 {"::1", "::1", "::2"},
                 {"192.0.2.0/24", "::ffff:192.0.2.9", "::192.0.2.9"}};
    static const char *const wrong[] = {"",
                                        "/",
                                        "192.0.2.1/24",
                                        "192.0.2.0/",
                                        "192.0.2.0/33",
                                        "::/129",
                                        "192.0.2.0/-1",
                                        "localhost",
                                        "192.0.2",
                                        "2001:db8::1/32",
                                        "192.0.2.0/24 ",
                                        "1/2/3"};
    struct network network;
    char text[NETWORK_TEXT];
    struct sockaddr local = {.sa_family = AF_UNIX};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(network_parse(span_of(cases[i].text), &network), 0);
        assert_string_equal(network_text(&network, text), cases[i].text);
        assert_true(holds(&network, cases[i].in));
        assert_false(holds(&network, cases[i].out));
        assert_false(network_holds(&network, &local));
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(network_parse(span_of(wrong[i]), &network), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer_stops_at_its_cap),
        cmocka_unit_test(test_ids_grow_and_read_back),
        cmocka_unit_test(test_ids_do_not_go_back_with_the_clock),
        cmocka_unit_test(test_base64_is_strict),
        cmocka_unit_test(test_span_numbers_and_cuts),
        cmocka_unit_test(test_arena_keeps_to_its_cap),
        cmocka_unit_test(test_utf8_wherever_it_stands),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_ids_stay_positive_under_any_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
