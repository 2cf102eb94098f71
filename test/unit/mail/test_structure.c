/* BODYSTRUCTURE, BODY, and sections found by the table of parts. */
#include "suite.h"

#include "../expect.h"
#include "mail/envelope.h"
#include "mail/section.h"
#include "mail/structure.h"

struct made {
    struct buffer letter, table, structure, body;
};

static void make(struct span letter, bool lf, struct made *m)
{
    *m = (struct made){BUFFER((size_t)1 << 24), BUFFER(STRUCTURE_TABLE_MAX), BUFFER(STRUCTURE_MAX),
                       BUFFER(STRUCTURE_MAX)};
    for (size_t i = 0; i < letter.len; i++) {
        if (lf && letter.at[i] == '\n')
            assert_int_equal(buffer_append_byte(&m->letter, '\r'), 0);
        assert_int_equal(buffer_append_byte(&m->letter, letter.at[i]), 0);
    }
    struct span copy = exact_copy(buffer_span(&m->letter));
    assert_true(structure_make(copy, &m->table, &m->structure) > 0);
    test_free((void *)copy.at);
    assert_int_equal(structure_write_body(buffer_span(&m->structure), &m->body), 0);
}

static void unmake(struct made *m)
{
    buffer_free(&m->letter);
    buffer_free(&m->table);
    buffer_free(&m->structure);
    buffer_free(&m->body);
}

/* Letters are written with LF here. */
static void expect_structure_at(const char *letter, const char *structure, const char *body,
                                int line)
{
    struct made m;
    make(span_of(letter), true, &m);
    expect_span_at(buffer_span(&m.structure), structure, __FILE__, line);
    if (body)
        expect_span_at(buffer_span(&m.body), body, __FILE__, line);
    unmake(&m);
}
#define expect_structure(letter, structure)  expect_structure_at(letter, structure, NULL, __LINE__)
#define expect_both(letter, structure, body) expect_structure_at(letter, structure, body, __LINE__)

static void test_single_parts(void **state)
{
    (void)state;
    expect_both("Subject: x\n\na\nb\n",
                "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"us-ascii\") NIL NIL \"7BIT\" 6 2 "
                "NIL NIL NIL NIL)",
                "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"us-ascii\") NIL NIL \"7BIT\" 6 2)");
    expect_both(
        "content-type: application/PDF; name=\"a \\\"b\\\".pdf\"; x-y=z\n"
        "Content-ID: <i@d>\nContent-Description: what\n it is\n"
        "Content-Transfer-Encoding: base64 (really)\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
        "Content-Disposition: attachment; filename*0*=utf-8''%c3%a9; filename*1=.pdf\n"
        "Content-Language: en, de-AT\nContent-Location: http://x.test/\n\nQUJD\n",
        "(\"APPLICATION\" \"PDF\" (\"NAME\" \"a \\\"b\\\".pdf\" \"X-Y\" \"z\") \"<i@d>\" "
        "\"what it is\" \"BASE64\" 6 \"Q2hlY2sgSW50ZWdyaXR5IQ==\" (\"ATTACHMENT\" "
        "(\"FILENAME*0*\" \"utf-8''%c3%a9\" \"FILENAME*1\" \".pdf\")) (\"en\" \"de-AT\") "
        "\"http://x.test/\")",
        "(\"APPLICATION\" \"PDF\" (\"NAME\" \"a \\\"b\\\".pdf\" \"X-Y\" \"z\") \"<i@d>\" "
        "\"what it is\" \"BASE64\" 6)");
    expect_structure("Content-Type: text/html; charset=utf-8\nContent-Disposition: inline\n\n<p>",
                     "(\"TEXT\" \"HTML\" (\"CHARSET\" \"utf-8\") NIL NIL \"7BIT\" 3 0 NIL "
                     "(\"INLINE\" NIL) NIL NIL)");
    expect_structure("Content-Type: text/plain\n\n",
                     "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 0 0 NIL NIL NIL NIL)");
}

/* RFC 3501 7.4.2, with the text of its example. */
static void test_multiparts(void **state)
{
    (void)state;
    expect_both("Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n"
                "Content-Type: TEXT/PLAIN; charset=US-ASCII\n\none\ntwo\n--b\n"
                "Content-Type: text/plain; charset=us-ascii; name=cc.diff\n"
                "Content-ID: <960723163407.20117h@cac.washington.edu>\n"
                "Content-Description: Compiler diff\nContent-Transfer-Encoding: BASE64\n\nQQ==\n"
                "--b--\nepilogue\n",
                "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 8 1 NIL NIL NIL "
                "NIL)(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"us-ascii\" \"NAME\" \"cc.diff\") "
                "\"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4 0 NIL "
                "NIL NIL NIL) \"MIXED\" (\"BOUNDARY\" \"b\") NIL NIL NIL)",
                "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 8 1)"
                "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"us-ascii\" \"NAME\" \"cc.diff\") "
                "\"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4 0)"
                " \"MIXED\")");
}

#define EXT          " NIL NIL NIL NIL)"
#define NO_FIELDS    " NIL NIL NIL \"7BIT\" "
#define DEFAULT      "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"us-ascii\") NIL NIL \"7BIT\" "
#define ENVELOPE     "(NIL \"in ( \\\"side\" NIL NIL NIL NIL NIL NIL NIL NIL)"
#define LETTER       "\"MESSAGE\" \"RFC822\" NIL NIL NIL "
#define BOUNDARY(of) " (\"BOUNDARY\" \"" of "\")"
#define EMPTY(ext)   "(\"TEXT\" \"PLAIN\"" NO_FIELDS "0 0" ext

static void test_letters_within(void **state)
{
    (void)state;
    expect_both("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in ( \"side\n\n\n"
                "\n--b\nContent-Type: message/rfc822\n\n"
                "Content-Type: multipart/x; boundary=c\n\n--c\n\n\n\n--c--\n--b--\n",
                "((" LETTER "\"7BIT\" 25 " ENVELOPE " " DEFAULT "2 1" EXT " 3" EXT "(" LETTER
                "\"7BIT\" 57 " ENVELOPE_EMPTY " (" DEFAULT "2 1" EXT
                " \"X\"" BOUNDARY("c") " NIL NIL NIL) 6" EXT
                                       " \"DIGEST\"" BOUNDARY("b") " NIL NIL NIL)",
                "((" LETTER "\"7BIT\" 25 " ENVELOPE " " DEFAULT "2 1) 3)(" LETTER
                "\"7BIT\" 57 " ENVELOPE_EMPTY " (" DEFAULT "2 1) \"X\") 6) \"DIGEST\")");
    expect_both("Content-Type: message/rfc822\nContent-MD5: x\n\nSubject: in ( \"side\n\na\n",
                "(" LETTER "\"7BIT\" 26 " ENVELOPE " " DEFAULT "3 1" EXT " 3 \"x\" NIL NIL NIL)",
                "(" LETTER "\"7BIT\" 26 " ENVELOPE " " DEFAULT "3 1) 3)");
}

static void test_broken_letters(void **state)
{
    (void)state;
    /* a multipart without parts is its text */
    expect_both("Content-Type: multipart/mixed\n\n--b\n\na\n--b--\n", DEFAULT "17 4" EXT,
                DEFAULT "17 4)");
    expect_both("Content-Type: multipart/mixed; boundary=b\n\na\n", DEFAULT "3 1" EXT,
                DEFAULT "3 1)");
    /* a letter that is encoded has nothing within */
    expect_both("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQQ==\n",
                "(" LETTER "\"BASE64\" 6 " ENVELOPE_EMPTY " " EMPTY(EXT) " 1" EXT,
                "(" LETTER "\"BASE64\" 6 " ENVELOPE_EMPTY " " EMPTY(")") " 1)");
    expect_structure("Content-Type: nonsense\n\n", DEFAULT "0 0" EXT);
    expect_structure("Content-Type: a/b; x=1; broken; =y; \"q\"=z; w=2 3; v=\"4\n\n",
                     "(\"A\" \"B\" (\"X\" \"1\" \"W\" \"2\" \"V\" \"4\")"
                     " NIL NIL \"7BIT\" 0" EXT);
    expect_structure(
        "Content-Type: a/b; x=\"\xe9\"; y=\"a\n b\"\nContent-Transfer-Encoding: \"q\"\n"
        "Content-Disposition: ;filename=x\nContent-Language: , ,\n\n",
        "(\"A\" \"B\" (\"X\" {1}\r\n\xe9 \"Y\" \"a b\") NIL NIL \"7BIT\" 0" EXT);
}

/* Repeats a text. */
static void add(struct buffer *b, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(buffer_append_text(b, text), 0);
}

static int count_parts(const struct made *m)
{
    struct structure_walk walk;
    struct structure_part part;
    int count = 0, rc = structure_begin(buffer_span(&m->table), &walk);
    assert_int_equal(rc, 0);
    while ((rc = structure_next(&walk, &part)) > 0)
        count++;
    assert_int_equal(rc, 0);
    return count;
}

static void test_many_parts(void **state)
{
    static const int counts[] = {
        14, 15, 16, 17, 100, STRUCTURE_PARTS_MAX - 1, STRUCTURE_PARTS_MAX, STRUCTURE_PARTS_MAX * 3};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        AUTO_BUFFER letter = BUFFER((size_t)1 << 20);
        struct made m;
        add(&letter, "Content-Type: multipart/mixed; boundary=b\r\n\r\n", 1);
        add(&letter, "--b\r\n\r\nx\r\n", (size_t)counts[i]);
        make(buffer_span(&letter), false, &m);
        assert_int_equal(count_parts(&m),
                         counts[i] < STRUCTURE_PARTS_MAX ? counts[i] + 1 : STRUCTURE_PARTS_MAX);
        unmake(&m);
    }
}

static void test_deep_letters(void **state)
{
    AUTO_BUFFER letter = BUFFER((size_t)1 << 20), mixed = BUFFER((size_t)1 << 20);
    struct made m;
    (void)state;
    add(&letter, "Content-Type: message/rfc822\r\n\r\n", 1000);
    make(buffer_span(&letter), false, &m);
    assert_int_equal(count_parts(&m), MIME_DEPTH_MAX);
    unmake(&m);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(
            buffer_printf(&mixed, "Content-Type: multipart/x; boundary=%d\r\n\r\n--%d\r\n", i, i),
            0);
    make(buffer_span(&mixed), false, &m);
    assert_int_equal(count_parts(&m), MIME_DEPTH_MAX);
    unmake(&m);
}

/* Letters that would make the answer much longer than they are: it stays within its bound, and can
 * be cut to BODY (make does it). */
static void test_hostile_letters(void **state)
{
    static const char *const headers[] = {
        "To: ",
        "Content-Type: a/b; ",
        "Content-Disposition: x; ",
        "Content-Language: ",
        "Content-Type: message/rfc822\r\n\r\nTo: ",
    };
    static const char *const pieces[] = {"a,",   "\",", "a=\"\\\"\\\"\\\"\\\"\";", ";", "(",
                                         "x=y;", "\xe9"};
    (void)state;
    for (size_t h = 0; h < sizeof headers / sizeof *headers; h++)
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
            AUTO_BUFFER letter = BUFFER((size_t)1 << 24);
            struct made m;
            add(&letter, "Content-Type: multipart/digest; boundary=b\r\n\r\n", 1);
            for (int part = 0; part < 200; part++) {
                add(&letter, "--b\r\n", 1);
                add(&letter, part % 2 ? "\r\n" : "", 1);
                add(&letter, headers[h], 1);
                add(&letter, pieces[p], 2000);
                add(&letter, "\r\n\r\n", 1);
            }
            make(buffer_span(&letter), false, &m);
            assert_true(m.structure.len < STRUCTURE_MAX / 2);
            unmake(&m);
        }
}

static void test_what_is_no_structure(void **state)
{
    static const char *const broken[] = {
        "",
        "(",
        "()",
        "(\"TEXT\")",
        "(\"A\" \"B\" NIL NIL NIL \"7BIT\" 0",
        "(((((((((((((((((((("
        "((((((((((((((((((((((((((((((((((((((((((((((",
        "(\"A\" \"B\" {9}\r\nx NIL NIL \"7BIT\" 0)",
        "(\"A\" \"B\" NIL NIL NIL \"7BIT\" 0) ",
        "(\"TEXT\" \"B\" NIL NIL NIL \"7BIT\" 0)",
        "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 0 () (\"TEXT\" \"B\" NIL NIL NIL \"7BIT\" 0 "
        "0))",
    };
    AUTO_BUFFER out = BUFFER(1000);
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct span copy = exact_copy(span_of(broken[i]));
        assert_int_equal(structure_write_body(copy, &out), ERR_CORRUPT);
        test_free((void *)copy.at);
    }
}

static void test_the_table(void **state)
{
    struct made m;
    struct structure_walk walk;
    struct structure_part part;
    (void)state;
    make(SPAN("Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: text/html\n"
              "Content-Transfer-Encoding: quoted-printable\nContent-Disposition: attachment\n\n"
              "<p>\n\n--b--\n"),
         true, &m);
    assert_int_equal(structure_begin(buffer_span(&m.table), &walk), 0);
    assert_int_equal(structure_next(&walk, &part), 1);
    assert_int_equal(part.kind, MIME_MULTIPART);
    assert_int_equal(part.parent, -1);
    assert_int_equal(part.header, 0);
    assert_int_equal(part.body, 41);
    assert_int_equal(part.end, m.letter.len);
    assert_int_equal(structure_next(&walk, &part), 1);
    assert_int_equal(part.kind, MIME_LEAF);
    assert_int_equal(part.parent, 0);
    assert_int_equal(part.type, STRUCTURE_TEXT_HTML);
    assert_int_equal(part.encoding, STRUCTURE_QUOTED);
    assert_true(part.attachment);
    assert_int_equal(part.header, 46);
    assert_int_equal(part.end - part.body, 5);
    assert_int_equal(part.lines, 1);
    assert_int_equal(structure_next(&walk, &part), 0);
    assert_true(m.table.len < 20);
    unmake(&m);
}

int structure_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_parts),    cmocka_unit_test(test_multiparts),
        cmocka_unit_test(test_letters_within),  cmocka_unit_test(test_broken_letters),
        cmocka_unit_test(test_many_parts),      cmocka_unit_test(test_deep_letters),
        cmocka_unit_test(test_hostile_letters), cmocka_unit_test(test_what_is_no_structure),
        cmocka_unit_test(test_the_table),
    };
    return cmocka_run_group_tests_name("structures", tests, NULL, NULL);
}
