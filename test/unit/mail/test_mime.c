/* The tree of MIME parts: shapes, offsets, broken letters, limits. */
#include "suite.h"

#include "../expect.h"
#include "mail/mime.h"

#define PARTS 20

/* "0 multipart/mixed 3\n1 text/plain 1 [body]\n": depth, type, line ends, the body of leaves. */
static void print_tree(struct span letter, struct buffer *out)
{
    static struct mime_part parts[PARTS];
    struct span copy = exact_copy(letter);
    int count = mime_parse(copy, parts, PARTS);
    for (int i = 0; i < count; i++) {
        struct mime_part *part = &parts[i];
        struct span body = span_first(span_from(copy, part->body), part->end - part->body);
        size_t lines = 0;
        assert_true(part->header <= part->body && part->body <= part->end && part->end <= copy.len);
        assert_true(part->parent < i && (part->parent >= 0) == (i > 0));
        if (i > 0) {
            struct mime_part *parent = &parts[part->parent];
            assert_int_equal(part->depth, parent->depth + 1);
            assert_true(part->header >= parent->body && part->end <= parent->end);
        }
        for (size_t k = 0; k < body.len; k++)
            lines += body.at[k] == '\n';
        assert_int_equal(part->lines, lines);
        int rc = buffer_printf(out, "%d %.*s/%.*s", part->depth, SPAN_PRINT(part->type),
                               SPAN_PRINT(part->subtype));
        if (rc == 0 && part->kind == MIME_LEAF)
            rc = buffer_printf(out, " [%.*s]", SPAN_PRINT(body));
        assert_int_equal(rc, 0);
        assert_int_equal(buffer_append_byte(out, '\n'), 0);
    }
    test_free((void *)copy.at);
}

static void crlf(const char *text, struct buffer *out)
{
    for (; *text; text++) {
        if (*text == '\n')
            assert_int_equal(buffer_append_byte(out, '\r'), 0);
        assert_int_equal(buffer_append_byte(out, *text), 0);
    }
}

/* Both are written with LF; the letter is parsed with CRLF, and with LF as it stands. */
static void expect_tree_at(const char *letter, const char *tree, int line)
{
    AUTO_BUFFER given = BUFFER(100000), expected = BUFFER(100000), found = BUFFER(100000);
    crlf(letter, &given);
    print_tree(buffer_span(&given), &found);
    AUTO_BUFFER plain = BUFFER(100000);
    for (size_t i = 0; i < found.len; i++)
        if (found.at[i] != '\r')
            assert_int_equal(buffer_append_byte(&plain, found.at[i]), 0);
    expect_span_at(buffer_span(&plain), tree, __FILE__, line);
    buffer_clear(&found);
    print_tree(span_of(letter), &found);
    expect_span_at(buffer_span(&found), tree, __FILE__, line);
}
#define expect_tree(letter, tree) expect_tree_at(letter, tree, __LINE__)

static void test_a_plain_letter(void **state)
{
    (void)state;
    expect_tree("Subject: x\n\nbody\n", "0 text/plain [body\n]\n");
    expect_tree("\nbody without an end", "0 text/plain [body without an end]\n");
    expect_tree("Subject: x\n", "0 text/plain []\n");
    expect_tree("", "0 text/plain []\n");
    expect_tree("no field\n\nbody\n", "0 text/plain [no field\n\nbody\n]\n");
    expect_tree("Content-Type: TEXT/html; charset=utf-8\n\n<p>\n", "0 TEXT/html [<p>\n]\n");
    expect_tree("Content-Type: nonsense\n\nx", "0 text/plain [x]\n");
    expect_tree("Content-Type: text (a) / (b) html (c)\n\nx", "0 text/html [x]\n");
    expect_tree("Content-Type:\n text/html\n\nx", "0 text/html [x]\n");
}

static void test_parts_without_their_boundaries(void **state)
{
    (void)state;
    expect_tree("Content-Type: multipart/mixed; boundary=\"b b\"\n\npreamble\n--b b\n\none\n\n"
                "--b b\nContent-Type: text/html\n\n<p>\n--b b  \n\n--b b--\nepilogue\n",
                "0 multipart/mixed\n1 text/plain [one\n]\n1 text/html [<p>]\n1 text/plain []\n");
    /* a header that ends with the boundary, and one that never ends */
    expect_tree("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\n"
                "Content-Type: image/png",
                "0 multipart/mixed\n1 text/html []\n1 image/png []\n");
    /* no close delimiter: the last part goes to the end */
    expect_tree("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n",
                "0 multipart/mixed\n1 text/plain [one\n]\n");
    expect_tree("Content-Type: multipart/mixed; boundary=b\n\nno part at all\n",
                "0 multipart/mixed\n");
    /* colons may stand in boundaries: "--a:b" is no field then */
    expect_tree("Content-Type: multipart/mixed; boundary=\"a:b\"\n\n--a:b\nX: y\n--a:b\n\ntwo",
                "0 multipart/mixed\n1 text/plain []\n1 text/plain [two]\n");
    expect_tree("Content-Type: multipart/mixed; boundary=\"a\\\"b\"\n\n--a\"b\n\none\n--a\"b--\n",
                "0 multipart/mixed\n1 text/plain [one]\n");
}

static void test_what_only_looks_like_a_boundary(void **state)
{
    (void)state;
    expect_tree("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--bb\n --b\n--b-\n--B\n--\n",
                "0 multipart/mixed\n1 text/plain [--bb\n --b\n--b-\n--B\n--\n]\n");
    expect_tree("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n",
                "0 multipart/mixed\n1 text/plain [one]\n");
    expect_tree("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\none\n----\n",
                "0 multipart/mixed [--\n\none\n----\n]\n");
    expect_tree("Content-Type: multipart/mixed\n\n--b\n\none\n", //
                "0 multipart/mixed [--b\n\none\n]\n");
}

static void test_nesting(void **state)
{
    (void)state;
    const char *tree = "0 multipart/mixed\n1 multipart/alternative\n2 text/plain [a]\n"
                       "2 text/html [b]\n1 image/png [c]\n";
    expect_tree("Content-Type: multipart/mixed; boundary=out\n\n--out\n"
                "Content-Type: multipart/alternative; boundary=in\n\n--in\n\na\n--in\n"
                "Content-Type: text/html\n\nb\n--in--\n\n--out\nContent-Type: image/png\n\nc\n"
                "--out--\n",
                tree);
    /* the inner one is never closed: the outer boundary ends it */
    expect_tree("Content-Type: multipart/mixed; boundary=out\n\n--out\n"
                "Content-Type: multipart/alternative; boundary=in\n\n--in\n\na\n--in\n"
                "Content-Type: text/html\n\nb\n--out\nContent-Type: image/png\n\nc\n--out--\n",
                tree);
    /* a boundary that begins with the other */
    expect_tree("Content-Type: multipart/mixed; boundary=b\n\n--b\n"
                "Content-Type: multipart/alternative; boundary=b2\n\n--b2\n\na\n--b2\n"
                "Content-Type: text/html\n\nb\n--b2--\n--b\nContent-Type: image/png\n\nc\n--b--\n",
                tree);
    /* an ended sibling's boundary means nothing in the next */
    expect_tree("Content-Type: multipart/mixed; boundary=out\n\n--out\n"
                "Content-Type: multipart/mixed; boundary=in\n\n--out\nX: y\n--in\n\nz\n--out--\n",
                "0 multipart/mixed\n1 multipart/mixed\n1 text/plain [--in\n\nz]\n");
}

static void test_letters_within_letters(void **state)
{
    (void)state;
    expect_tree("Content-Type: message/rfc822\n\nSubject: inner\n\nbody\n",
                "0 message/rfc822\n1 text/plain [body\n]\n");
    expect_tree("Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: one\n\n1\n--d\n"
                "Content-Type: text/plain\n\n2\n--d\n\nContent-Type: text/html\n\n3\n--d--\n",
                "0 multipart/digest\n1 message/rfc822\n2 text/plain [1]\n1 text/plain [2]\n"
                "1 message/rfc822\n2 text/html [3]\n");
    expect_tree("Content-Type: multipart/mixed; boundary=out\n\n--out\n"
                "Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=in\n\n"
                "--in\n\na\n--out\n\nb\n--out--\n",
                "0 multipart/mixed\n1 message/rfc822\n2 multipart/mixed\n3 text/plain [a]\n"
                "1 text/plain [b]\n");
    expect_tree("Content-Type: multipart/digest; boundary=d\n\n--d\n\n\n--d\n\n--d--\n",
                "0 multipart/digest\n1 message/rfc822\n2 text/plain []\n"
                "1 message/rfc822\n2 text/plain []\n");
    expect_tree("Content-Type: message/rfc822\n\nno header here\n",
                "0 message/rfc822\n1 text/plain [no header here\n]\n");
    expect_tree("Content-Type: message/rfc822\n", "0 message/rfc822\n1 text/plain []\n");
    expect_tree("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQQ==\n",
                "0 message/rfc822 [QQ==\n]\n");
    expect_tree("Content-Type: message/delivery-status\n\nX: y\n",
                "0 message/delivery-status [X: y\n]\n");
}

static void test_limits(void **state)
{
    static struct mime_part parts[100];
    (void)state;
    AUTO_BUFFER many = BUFFER(1000000), deep = BUFFER(1000000), letters = BUFFER(1000000);
    crlf("Content-Type: multipart/mixed; boundary=b\n\n", &many);
    for (int i = 0; i < 1000; i++) {
        crlf("--b\n\nx\n", &many);
        crlf("Content-Type: multipart/mixed; boundary=b", &deep);
        assert_int_equal(buffer_printf(&deep, "%d\r\n\r\n--b%d\r\n", i, i), 0);
        crlf("Content-Type: message/rfc822\n\n", &letters);
    }
    assert_int_equal(mime_parse(buffer_span(&many), parts, 10), 10);
    for (int i = 1; i < 10; i++)
        assert_int_equal(parts[i].end - parts[i].body, 1);
    assert_true(parts[0].end == many.len);
    assert_int_equal(mime_parse(buffer_span(&many), parts, 1), 1);
    assert_int_equal(mime_parse(buffer_span(&deep), parts, 100), MIME_DEPTH_MAX);
    assert_int_equal(parts[MIME_DEPTH_MAX - 1].kind, MIME_LEAF);
    assert_true(parts[MIME_DEPTH_MAX - 1].end == deep.len);
    assert_int_equal(mime_parse(buffer_span(&letters), parts, 100), MIME_DEPTH_MAX);
    assert_int_equal(mime_parse(buffer_span(&letters), parts, 5), 5);
}

static void test_parameters(void **state)
{
    static const struct {
        const char *parameters, *printed;
    } cases[] = {
        {"; charset=utf-8; format=flowed", "charset=utf-8,format=flowed,"},
        {";charset=\"utf-8\"", "charset=utf-8,"},
        {" ; (a) charset (b) = (c) utf-8 (d) ; x=y", "charset=utf-8,x=y,"},
        {"; name=\"a; \\\"b\\\".txt\"; x=y", "name=a; \"b\".txt,x=y,"},
        {"; filename*0*=utf-8''%e2%82; filename*1*=%ac.txt", //
         "filename*0*=utf-8''%e2%82,filename*1*=%ac.txt,"},
        {"; name=r\303\251sum\303\251.doc", "name=r\303\251sum\303\251.doc,"},
        {"; boundary=a/b?c=d;;; x=y;", "boundary=a/b?c=d,x=y,"},
        {"; name=\"folded\r\n name\"", "name=folded name,"},
        {"; name=\"never closed; x=y", "name=never closed; x=y,"},
        {"; =x; a=b", ""},
        {"; name", ""},
        {"", ""},
    };
    char value[30];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span rest = span_of(cases[i].parameters), name;
        AUTO_BUFFER out = BUFFER(1000);
        while (mime_next_parameter(&rest, &name, value, sizeof value))
            assert_int_equal(buffer_printf(&out, "%.*s=%s,", SPAN_PRINT(name), value), 0);
        expect_span(buffer_span(&out), cases[i].printed);
    }
    assert_true(mime_find_parameter(SPAN("; a=b; CHARSET=x"), SPAN("charset"), value, 2));
    assert_string_equal(value, "x");
    assert_true(mime_find_parameter(SPAN("; a=12345"), SPAN("a"), value, 4));
    assert_string_equal(value, "123");
    assert_false(mime_find_parameter(SPAN("; a=b"), SPAN("charset"), value, sizeof value));
}

int mime_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_letter),
        cmocka_unit_test(test_parts_without_their_boundaries),
        cmocka_unit_test(test_what_only_looks_like_a_boundary),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_letters_within_letters),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests_name("MIME", tests, NULL, NULL);
}
