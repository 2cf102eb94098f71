/* The writers of mail programs' settings, and the reader of Outlook's question. */
#include "../expect.h"

#include "autoconfig/outlook_request.h"
#include "autoconfig/qr.h"
#include "autoconfig/settings.h"
#include "autoconfig/xml.h"

#include <errno.h>
#include <stdio.h>

#define HOSTILE "a<b>&\"'@example.test"
#define ESCAPED "a&lt;b&gt;&amp;&quot;&#39;@example.test"

static struct settings settings_for(const char *address)
{
    return (struct settings){.hostname = SPAN("mail.example.net"),
                             .port_offset = 10000,
                             .domain = SPAN("example.test"),
                             .address = span_of(address)};
}

static bool has(const struct buffer *out, const char *text)
{
    return span_find_span(buffer_span(out), span_of(text)) >= 0;
}

static unsigned count_of(const struct buffer *out, const char *text)
{
    unsigned count = 0;
    struct span rest = buffer_span(out);
    for (ptrdiff_t at; (at = span_find_span(rest, span_of(text))) >= 0; count++)
        rest = span_from(rest, (size_t)at + 1);
    return count;
}

/* --- XML ---------------------------------------------------------------------------------------
 */

static void expect_text_at(struct span text, const char *expected, int line)
{
    AUTO_BUFFER out = BUFFER(1000);
    struct xml x = xml_start(&out);
    struct span copy = exact_copy(text);
    xml_text(&x, copy);
    assert_int_equal(xml_end(&x), 0);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
    test_free((void *)copy.at);
}
#define expect_text(text, expected) expect_text_at(SPAN(text), expected, __LINE__)
#define LOST                        "\357\277\275"

static void test_escaping(void **state)
{
    (void)state;
    expect_text("", "");
    expect_text("plain @ text.", "plain @ text.");
    expect_text("<&>\"'", "&lt;&amp;&gt;&quot;&#39;");
    expect_text("]]>", "]]&gt;");
    expect_text("\303\274 \360\237\230\200", "\303\274 \360\237\230\200");
    expect_text("a\0b\001c\033", "a" LOST "b" LOST "c" LOST);
    expect_text("\t\n\r", "\t\n\r");
    expect_text("\377a\300\257", LOST "a" LOST LOST);
    expect_text("\355\240\200", LOST LOST LOST); /* a surrogate */
    expect_text("\357\277\277", LOST);           /* U+FFFF */
    expect_text("\303", LOST);                   /* cut off */
}

static void test_error_sticks(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(10);
    struct xml x = xml_start(&out);
    xml_text(&x, SPAN("<<<"));
    xml_markup(&x, "x");
    assert_int_equal(xml_end(&x), -ENOBUFS);
    expect_span(buffer_span(&out), "&lt;&lt;");
}

/* --- writers -----------------------------------------------------------------------------------
 */

static void test_thunderbird(void **state)
{
    (void)state;
    AUTO_BUFFER with = BUFFER(10000), without = BUFFER(10000);
    struct settings s = settings_for(HOSTILE);
    assert_int_equal(thunderbird_write(&s, &with), 0);
    assert_int_equal(count_of(&with, "<username>" ESCAPED "</username>"), SETTINGS_SERVERS);
    assert_true(has(&with, "<port>10993</port>\n<socketType>SSL<"));
    assert_true(has(&with, "<port>10587</port>\n<socketType>STARTTLS<"));
    assert_false(has(&with, HOSTILE));
    s.address = SPAN("");
    assert_int_equal(thunderbird_write(&s, &without), 0);
    assert_int_equal(count_of(&without, "<username>%EMAILADDRESS%</username>"), SETTINGS_SERVERS);
}

static void test_outlook(void **state)
{
    (void)state;
    AUTO_BUFFER with = BUFFER(10000), without = BUFFER(10000), wrong = BUFFER(10000);
    struct settings s = settings_for(HOSTILE);
    assert_int_equal(outlook_write(&s, &with), 0);
    assert_int_equal(count_of(&with, "<LoginName>" ESCAPED "</LoginName>"), 3);
    assert_int_equal(count_of(&with, "<SSL>on</SSL>"), 3);
    assert_false(has(&with, HOSTILE));
    s.address = SPAN("");
    assert_int_equal(outlook_write(&s, &without), 0);
    assert_false(has(&without, "LoginName"));
    assert_true(has(&without, "<Server>mail.example.net</Server>\n<Port>10465</Port>"));
    assert_int_equal(outlook_write_error(600, SPAN("a<b"), 86400000LL + 3661007, &wrong), 0);
    assert_true(has(&wrong, "Time=\"01:01:01.007\""));
    assert_true(has(&wrong, "<ErrorCode>600</ErrorCode>\n<Message>a&lt;b</Message>"));
}

static void test_profile_is_stable(void **state)
{
    (void)state;
    AUTO_BUFFER first = BUFFER(10000), again = BUFFER(10000), other = BUFFER(10000);
    struct settings s = settings_for(HOSTILE), t = settings_for("b@example.test");
    assert_int_equal(apple_write(&s, &first), 0);
    assert_int_equal(apple_write(&s, &again), 0);
    assert_int_equal(apple_write(&t, &other), 0);
    assert_true(span_equal(buffer_span(&first), buffer_span(&again)));
    assert_false(has(&first, HOSTILE));
    ptrdiff_t at = span_find_span(buffer_span(&first), SPAN("<key>PayloadUUID</key>\n<string>"));
    char uuid[37];
    snprintf(uuid, sizeof uuid, "%.36s", first.at + at + 31);
    assert_int_equal(count_of(&first, uuid), 2); /* identifier and UUID of one payload */
    assert_int_equal(uuid[14], '8');
    assert_false(has(&other, uuid));
}

static void test_origin(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(1000);
    struct settings s = settings_for("a+b@example.test");
    assert_int_equal(apple_print_url(&s, &out), 0);
    expect_span(buffer_span(&out), "https://mail.example.net:10443/mail/apple.mobileconfig"
                                   "?emailaddress=a%2Bb%40example.test");
    buffer_clear(&out);
    s.port_offset = 0;
    assert_int_equal(settings_print_origin(&s, &out), 0);
    expect_span(buffer_span(&out), "https://mail.example.net");
}

static void test_page(void **state)
{
    (void)state;
    AUTO_BUFFER out = BUFFER(200000), wrong = BUFFER(10000);
    struct settings s = settings_for(HOSTILE);
    assert_int_equal(page_write(&s, &out), 0);
    assert_true(has(&out, "<strong>" ESCAPED "</strong>"));
    assert_false(has(&out, HOSTILE));
    assert_false(has(&out, "<script"));
    assert_true(has(&out, "<svg "));
    assert_int_equal(page_write_error(404, SPAN("<none>"), &wrong), 0);
    assert_true(has(&wrong, "<p>&lt;none&gt;</p>"));
}

static void test_qr_sizes(void **state)
{
    (void)state;
    static char text[4000];
    AUTO_BUFFER out = BUFFER(1000000), small = BUFFER(100);
    memset(text, 'a', sizeof text);
    assert_int_equal(qr_write_svg(span_make(text, 14), &out), 0); /* version 1: 21 modules */
    assert_true(has(&out, "viewBox=\"0 0 29 29\""));
    assert_true(has(&out, "M4 4h7v1h-7z")); /* a finder's upper edge, behind the quiet zone */
    buffer_clear(&out);
    assert_int_equal(qr_write_svg(span_make(text, 2331), &out), 0);
    assert_int_equal(qr_write_svg(span_make(text, 2332), &out), -E2BIG);
    assert_int_equal(qr_write_svg(SPAN(""), &out), -E2BIG);
    assert_int_equal(qr_write_svg(SPAN("a"), &small), -ENOBUFS);
}

/* --- Outlook's question ------------------------------------------------------------------------
 */

#define NAMESPACE "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
#define QUESTION(inside)                                                                           \
    "<?xml version=\"1.0\"?><Autodiscover xmlns=\"" NAMESPACE "\"><Request>" inside                \
    "</Request></Autodiscover>"

/* "address|schema" or what is wrong. */
static void expect_request_at(struct span body, const char *expected, int line)
{
    AUTO_ARENA arena = ARENA(10000);
    AUTO_BUFFER out = BUFFER(3000);
    struct outlook_request request;
    struct span copy = exact_copy(body);
    int rc = outlook_parse_request(copy, &arena, &request);
    if (rc < 0)
        rc = buffer_append_text(&out, rc == ERR_SYNTAX ? "bad" : "?");
    else
        rc = buffer_printf(&out, "%.*s|%.*s", SPAN_PRINT(request.address),
                           SPAN_PRINT(request.schema));
    assert_int_equal(rc, 0);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
    test_free((void *)copy.at);
}
#define expect_request(body, expected) expect_request_at(SPAN(body), expected, __LINE__)
#define ADDRESS                        "<EMailAddress>a@b.test</EMailAddress>"

static void test_requests(void **state)
{
    (void)state;
    expect_request(QUESTION(ADDRESS), "a@b.test|");
    expect_request(QUESTION(ADDRESS "<AcceptableResponseSchema> s </AcceptableResponseSchema>"),
                   "a@b.test|s");
    expect_request(QUESTION("<EMailAddress>\n a&amp;b@c.test </EMailAddress>"), "a&b@c.test|");
    expect_request(QUESTION(ADDRESS "<EMailAddress>x@y.test</EMailAddress>"), "a@b.test|");
    expect_request("<q:Autodiscover xmlns:q=\"" NAMESPACE "\"><q:Request><q:EMailAddress>a@b.test"
                   "</q:EMailAddress></q:Request></q:Autodiscover>",
                   "a@b.test|");
    expect_request("<Autodiscover><Request>" ADDRESS "</Request></Autodiscover>", "a@b.test|");
}

static void test_bad_requests(void **state)
{
    (void)state;
    expect_request("", "bad");
    expect_request("hello", "bad");
    expect_request("{\"EMailAddress\":\"a@b.test\"}", "bad");
    expect_request(QUESTION(""), "bad");
    expect_request(QUESTION("<EMailAddress></EMailAddress>"), "bad");
    expect_request(QUESTION("<LegacyDN>x</LegacyDN>"), "bad");
    expect_request(QUESTION("<Other>" ADDRESS "</Other>"), "bad");
    expect_request(QUESTION(ADDRESS) "x", "bad");
    expect_request("<Autodiscover><Request>" ADDRESS, "bad");
    expect_request("<Request><Autodiscover>" ADDRESS "</Autodiscover></Request>", "bad");
    expect_request(QUESTION("<EMailAddress>a\377@b.test</EMailAddress>"), "bad");
    expect_request(QUESTION("<EMailAddress>a\0@b.test</EMailAddress>"), "bad");
    expect_request(QUESTION("<EMailAddress>&#0;</EMailAddress>"), "bad");
    expect_request("<!DOCTYPE Autodiscover [<!ENTITY e \"x@b.test\">]><Autodiscover><Request>"
                   "<EMailAddress>&e;</EMailAddress></Request></Autodiscover>",
                   "bad");
    expect_request("<!DOCTYPE Autodiscover SYSTEM \"file:///etc/passwd\">"
                   "<Autodiscover><Request>" ADDRESS "</Request></Autodiscover>",
                   "bad");
}

static void test_large_requests(void **state)
{
    (void)state;
    AUTO_ARENA arena = ARENA(10000);
    AUTO_BUFFER body = BUFFER(100000);
    struct outlook_request request;
    int rc = buffer_append_text(&body, "<Autodiscover><Request><EMailAddress>");
    for (int i = 0; i < 1100; i++)
        rc |= buffer_append_byte(&body, 'a');
    rc |= buffer_append_text(&body, "</EMailAddress></Request></Autodiscover>");
    assert_int_equal(rc, 0);
    assert_int_equal(outlook_parse_request(buffer_span(&body), &arena, &request), ERR_SYNTAX);
    buffer_clear(&body);
    rc = buffer_append_text(&body, QUESTION(ADDRESS));
    while (rc == 0 && body.len < OUTLOOK_REQUEST_MAX)
        rc = buffer_append_byte(&body, '\n');
    assert_int_equal(outlook_parse_request(buffer_span(&body), &arena, &request), 0);
    rc |= buffer_append_byte(&body, '\n');
    assert_int_equal(rc, 0);
    assert_int_equal(outlook_parse_request(buffer_span(&body), &arena, &request), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escaping),       cmocka_unit_test(test_error_sticks),
        cmocka_unit_test(test_thunderbird),    cmocka_unit_test(test_outlook),
        cmocka_unit_test(test_origin),         cmocka_unit_test(test_profile_is_stable),
        cmocka_unit_test(test_page),           cmocka_unit_test(test_qr_sizes),
        cmocka_unit_test(test_requests),       cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_large_requests),
    };
    return cmocka_run_group_tests_name("autoconfig", tests, NULL, NULL);
}
