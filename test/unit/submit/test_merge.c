/* Merging: templates, tags, both; and that a package says the same as what it was made of. */
#include "../expect.h"
#include "submit/merge.h"
#include "submit/package.h"
#include "template/template.h"

#include <json-c/json.h>

#define MEMORY ((size_t)1024 * 1024)

static const struct mailbox author = {SPAN("%recipient.shop%"), SPAN("shop"), SPAN("example.test")};
static const struct mailbox reply = {SPAN(""), SPAN("reply+%recipient.id%"), SPAN("example.test")};
static const struct mailbox bob = {SPAN(""), SPAN("bob"), SPAN("far.test")};

static struct content make_content(enum content_syntax syntax)
{
    static const struct compose_header header = {SPAN("X-Id"), SPAN("%recipient.id%")};
    return (struct content){
        .letter = {.from = {&author, 1},
                   .reply_to = {&reply, 1},
                   .subject = SPAN("Hi {{name}}, you are %recipient.id%"),
                   .html = SPAN("<p>{{name}} {{#equal kind \"gold\"}}+{{/equal}} %recipient.name%"),
                   .html_alone = true,
                   .headers = &header,
                   .header_count = 1},
        .syntax = syntax,
        .helpers = TEMPLATE_MAILGUN,
        .data = SPAN("{\"name\":\"%recipient.name%\",\"kind\":\"%recipient.kind%\",\"list\":[1,"
                     "{\"a\":null}]}")};
}

/* The letter that a group gets, and at once the same from a package. */
static void expect_letter(const struct content *content, const char *data, const char *const *parts)
{
    AUTO_ARENA arena = ARENA(MEMORY);
    AUTO_BUFFER package = BUFFER(MEMORY);
    struct content_group group = {.to = {&bob, 1}, .data = json_tokener_parse(data)};
    struct content again;
    assert_int_equal(package_write(content, &package), 0);
    assert_int_equal(package_read(buffer_span(&package), &arena, &again), 0);
    const struct content *const both[] = {content, &again};
    for (size_t i = 0; i < 2; i++) {
        AUTO_BUFFER text = BUFFER(MEMORY);
        struct merge *merge;
        struct merge_fault fault;
        struct compose compose;
        struct merge_letter letter = {.id = 1, .msg_id = SPAN("<1@x.test>"), .domain = "x.test"};
        assert_int_equal(merge_open(both[i], &merge, &fault), 0);
        assert_int_equal(merge_group(merge, &group, &letter, &arena, &compose, &fault), 0);
        assert_int_equal(buffer_append(&text, compose.header), 0);
        while (compose_next(&compose, &text) > 0)
            ;
        for (const char *const *part = parts; *part; part++)
            if (span_find_span(buffer_span(&text), span_of(*part)) < 0)
                fail_msg("no \"%s\" in: %s", *part, buffer_text(&text));
        merge_free(merge);
    }
    json_object_put(group.data);
}

static void test_both_layers(void **state)
{
    static const char *const parts[] = {"Subject: Hi Bob & Co, you are 7\r\n",
                                        "<p>Bob &amp; Co + Bob & Co",
                                        "X-Id: 7\r\n",
                                        "From: Our shop <shop@example.test>\r\n",
                                        "Reply-To: reply+7@example.test\r\n",
                                        NULL};
    struct content content = make_content(CONTENT_BOTH);
    (void)state;
    expect_letter(&content,
                  "{\"%recipient.name%\":\"Bob & Co\",\"%recipient.id%\":7,"
                  "\"%recipient.kind%\":\"gold\",\"%recipient.shop%\":\"Our shop\"}",
                  parts);
}

static void test_one_layer(void **state)
{
    static const char *const handlebars[] = {"Subject: Hi %recipient.name%, you are %recipient.id%",
                                             "<p>%recipient.name%  %recipient.name%", NULL};
    static const char *const own[] = {"Subject: Hi Bob,", "<p>Bob + %recipient.name%", NULL};
    static const char *const tags[] = {"Subject: Hi {{name}}, you are 7\r\n", "X-Id: 7\r\n",
                                       "} Bob", NULL};
    struct content content = make_content(CONTENT_HANDLEBARS);
    (void)state;
    expect_letter(&content, "null", handlebars);
    expect_letter(&content, "{\"name\":\"Bob\",\"kind\":\"gold\"}", own);
    content.syntax = CONTENT_SUBSTITUTE;
    expect_letter(&content, "{\"%recipient.name%\":\"Bob\",\"%recipient.id%\":7}", tags);
}

/* What tags put in must not break out of its field. */
static void test_injection(void **state)
{
    AUTO_ARENA arena = ARENA(MEMORY);
    static const char *const values[] = {"{\"%recipient.id%\":\"7\\r\\nBcc: x@y.test\"}",
                                         "{\"%recipient.shop%\":\"a\\nBcc: x@y.test\"}"};
    struct content content = make_content(CONTENT_BOTH);
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct content_group group = {.to = {&bob, 1}, .data = json_tokener_parse(values[i])};
        struct merge *merge;
        struct merge_fault fault;
        struct compose compose;
        struct merge_letter letter = {.id = 1, .msg_id = SPAN("<1@x.test>"), .domain = "x.test"};
        assert_int_equal(merge_open(&content, &merge, &fault), 0);
        assert_int_equal(merge_group(merge, &group, &letter, &arena, &compose, &fault), ERR_SYNTAX);
        assert_non_null(fault.compose.why);
        merge_free(merge);
        json_object_put(group.data);
    }
    content.data = SPAN("[1]");
    struct merge *merge;
    struct merge_fault fault;
    assert_int_equal(merge_open(&content, &merge, &fault), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_layers),
        cmocka_unit_test(test_one_layer),
        cmocka_unit_test(test_injection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
