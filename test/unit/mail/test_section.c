/* Sections: the tree of RFC 3501 6.4.5, letters with one part, fields, decoding in pieces. */
#include "suite.h"

#include "../expect.h"
#include "mail/decode.h"
#include "mail/section.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Each text says its number. */
static const char tree[] = "Subject: outer\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n"
                           "--A\r\n\r\ntext 1\r\n"
                           "--A\r\nContent-Type: application/octet-stream\r\n"
                           "Content-Transfer-Encoding: base64\r\n\r\ndGV4dCAy\r\n"
                           "--A\r\nContent-Type: message/rfc822\r\nX-Part: 3\r\n\r\n"
                           "Subject: third\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
                           "--B\r\n\r\ntext 3.1\r\n"
                           "--B\r\nContent-Type: application/octet-stream\r\n\r\ntext 3.2\r\n"
                           "--B--\r\n"
                           "--A\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n"
                           "--C\r\nContent-Type: image/gif\r\nX-Part: 4.1\r\n\r\ntext 4.1\r\n"
                           "--C\r\nContent-Type: message/rfc822\r\n\r\n"
                           "Subject: inner\r\nContent-Type: multipart/mixed; boundary=D\r\n\r\n"
                           "--D\r\n\r\ntext 4.2.1\r\n"
                           "--D\r\nContent-Type: multipart/alternative; boundary=E\r\n\r\n"
                           "--E\r\n\r\ntext 4.2.2.1\r\n"
                           "--E\r\nContent-Type: text/richtext\r\n\r\ntext 4.2.2.2\r\n"
                           "--E--\r\n--D--\r\n--C--\r\n--A--\r\nepilogue\r\n";

static size_t read_numbers(const char *path, uint32_t numbers[40])
{
    size_t count = 0;
    for (; *path; path += *path == '.')
        numbers[count++] = (uint32_t)strtoul(path, (char **)&path, 10);
    return count;
}

static int find(const char *letter, const char *path, enum section_kind kind,
                struct section_range *ret_range)
{
    AUTO_BUFFER table = BUFFER(STRUCTURE_TABLE_MAX), structure = BUFFER(STRUCTURE_MAX);
    uint32_t numbers[40];
    struct section section = {kind, numbers, read_numbers(path, numbers)};
    assert_true(structure_make(span_of(letter), &table, &structure) > 0);
    struct span copy = exact_copy(buffer_span(&table));
    int rc = section_find(copy, &section, ret_range);
    test_free((void *)copy.at);
    return rc;
}

/* NULL: there is no such part. */
static void expect_section_at(const char *letter, const char *path, enum section_kind kind,
                              const char *expected, int line)
{
    struct section_range range;
    int rc = find(letter, path, kind, &range);
    if (rc < 0 || !expected) {
        if (rc != ERR_ABSENT || expected)
            print_error("[%s] kind %d: %d\n", path, (int)kind, rc);
        assert_true(rc == ERR_ABSENT && !expected);
        return;
    }
    struct span whole = span_of(letter);
    assert_true(range.begin <= range.end && range.end <= whole.len);
    expect_span_at(span_first(span_from(whole, range.begin), range.end - range.begin), expected,
                   __FILE__, line);
}
#define expect_section(letter, path, kind, expected)                                               \
    expect_section_at(letter, path, kind, expected, __LINE__)

static void test_the_tree_of_the_standard(void **state)
{
    static const char *const leaves[] = {"1", "3.1", "3.2", "4.1", "4.2.1", "4.2.2.1", "4.2.2.2"};
    (void)state;
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        char text[40];
        snprintf(text, sizeof text, "text %s", leaves[i]);
        expect_section(tree, leaves[i], SECTION_ALL, text);
    }
    expect_section(tree, "", SECTION_ALL, tree);
    expect_section(tree, "", SECTION_HEADER,
                   "Subject: outer\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n");
    expect_section(tree, "", SECTION_TEXT, strstr(tree, "--A\r\n"));
    expect_section(tree, "2", SECTION_ALL, "dGV4dCAy");
    expect_section(tree, "3", SECTION_MIME, "Content-Type: message/rfc822\r\nX-Part: 3\r\n\r\n");
    expect_section(tree, "3", SECTION_HEADER,
                   "Subject: third\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n");
    expect_section(tree, "3", SECTION_TEXT,
                   "--B\r\n\r\ntext 3.1\r\n--B\r\nContent-Type: application/octet-stream\r\n\r\n"
                   "text 3.2\r\n--B--");
    expect_section(tree, "4.1", SECTION_MIME, "Content-Type: image/gif\r\nX-Part: 4.1\r\n\r\n");
    expect_section(tree, "4.2", SECTION_HEADER,
                   "Subject: inner\r\nContent-Type: multipart/mixed; boundary=D\r\n\r\n");
    expect_section(tree, "4.2.2", SECTION_ALL,
                   "--E\r\n\r\ntext 4.2.2.1\r\n--E\r\nContent-Type: text/richtext\r\n\r\n"
                   "text 4.2.2.2\r\n--E--");
    expect_section(tree, "4.2.2", SECTION_MIME,
                   "Content-Type: multipart/alternative; boundary=E\r\n\r\n");
}

static void test_parts_that_are_not_there(void **state)
{
    static const char *const absent[] = {"0",   "5",       "1.1",       "2.1",        "3.3",
                                         "4.3", "4.2.2.3", "4.2.2.1.1", "4294967295", "1.1.1"};
    (void)state;
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        for (int kind = SECTION_ALL; kind <= SECTION_MIME; kind++)
            expect_section(tree, absent[i], kind, NULL);
    expect_section(tree, "1", SECTION_HEADER, NULL);
    expect_section(tree, "1", SECTION_TEXT, NULL);
    expect_section(tree, "4", SECTION_HEADER, NULL);
    expect_section(tree, "4.2.2", SECTION_TEXT, NULL);
    expect_section(tree, "", SECTION_MIME, NULL);
}

static void test_a_letter_without_parts(void **state)
{
    static const char plain[] = "Subject: x\r\n\r\nbody\r\n", bare[] = "Subject: x\r\n";
    (void)state;
    expect_section(plain, "", SECTION_TEXT, "body\r\n");
    expect_section(plain, "1", SECTION_ALL, "body\r\n");
    expect_section(plain, "1", SECTION_MIME, "Subject: x\r\n\r\n");
    expect_section(plain, "1", SECTION_TEXT, NULL);
    expect_section(plain, "2", SECTION_ALL, NULL);
    expect_section(bare, "", SECTION_HEADER, "Subject: x\r\n");
    expect_section(bare, "", SECTION_TEXT, "");
    expect_section(bare, "1", SECTION_ALL, "");
    expect_section("", "1", SECTION_ALL, "");
}

/* The letter is itself a message/rfc822: its part 1 is the letter within. */
static void test_a_letter_that_is_a_letter(void **state)
{
    static const char plain[] = "Subject: out\r\nContent-Type: message/rfc822\r\n\r\n"
                                "Subject: in\r\n\r\nbody\r\n";
    static const char mixed[] = "Content-Type: message/rfc822\r\n\r\n"
                                "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n\r\none\r\n"
                                "--b\r\n\r\ntwo\r\n--b--\r\n";
    (void)state;
    expect_section(plain, "", SECTION_HEADER,
                   "Subject: out\r\nContent-Type: message/rfc822\r\n\r\n");
    expect_section(plain, "1", SECTION_ALL, "Subject: in\r\n\r\nbody\r\n");
    expect_section(plain, "1", SECTION_HEADER, "Subject: in\r\n\r\n");
    expect_section(plain, "1", SECTION_TEXT, "body\r\n");
    expect_section(plain, "1.1", SECTION_ALL, "body\r\n");
    expect_section(plain, "1.1", SECTION_MIME, "Subject: in\r\n\r\n");
    expect_section(plain, "1.1.1", SECTION_ALL, NULL);
    expect_section(plain, "2", SECTION_ALL, NULL);
    expect_section(mixed, "1.2", SECTION_ALL, "two");
    expect_section(mixed, "1.3", SECTION_ALL, NULL);
    expect_section(mixed, "2", SECTION_ALL, NULL);
}

static void test_encodings(void **state)
{
    struct section_range range;
    (void)state;
    assert_int_equal(find(tree, "2", SECTION_ALL, &range), 0);
    assert_int_equal(range.encoding, STRUCTURE_BASE64);
    assert_int_equal(find(tree, "2", SECTION_MIME, &range), 0);
    assert_int_equal(range.encoding, STRUCTURE_PLAIN);
    static const struct {
        const char *letter;
        enum structure_encoding encoding;
    } cases[] = {
        {"Content-Transfer-Encoding: Quoted-Printable (x)\r\n\r\n", STRUCTURE_QUOTED},
        {"Content-Transfer-Encoding: x-uuencode\r\n\r\n", STRUCTURE_UNKNOWN},
        {"Content-Transfer-Encoding: 8BIT\r\n\r\n", STRUCTURE_PLAIN},
        {"Content-Transfer-Encoding:\r\n\r\n", STRUCTURE_PLAIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(find(cases[i].letter, "1", SECTION_ALL, &range), 0);
        assert_int_equal(range.encoding, cases[i].encoding);
        assert_int_equal(find(cases[i].letter, "", SECTION_ALL, &range), 0);
        assert_int_equal(range.encoding, STRUCTURE_PLAIN);
    }
}

/* A table that is cut, or has another byte, is told apart from one without the part, and never
 * leads out of any letter that a number of ours can mean. */
static void test_a_broken_table(void **state)
{
    AUTO_BUFFER table = BUFFER(STRUCTURE_TABLE_MAX), structure = BUFFER(STRUCTURE_MAX);
    struct section_range range;
    uint32_t numbers[] = {4, 2, 2, 2};
    struct section section = {SECTION_ALL, numbers, 4};
    (void)state;
    assert_true(structure_make(span_of(tree), &table, &structure) > 0);
    assert_int_equal(section_find(SPAN(""), &section, &range), ERR_CORRUPT);
    assert_int_equal(section_find(SPAN("\2"), &section, &range), ERR_CORRUPT);
    assert_int_equal(section_find(SPAN("\1"), &section, &range), ERR_CORRUPT);
    for (size_t len = 0; len < table.len; len++) {
        struct span cut = exact_copy(span_first(buffer_span(&table), len));
        assert_true(section_find(cut, &section, &range) < 0);
        test_free((void *)cut.at);
    }
    assert_int_equal(section_find(buffer_span(&table), &section, &range), 0);
    for (size_t i = 0; i < table.len; i++) {
        char kept = table.at[i];
        table.at[i] = (char)0xff;
        if (section_find(buffer_span(&table), &section, &range) == 0)
            assert_true(range.begin <= range.end);
        table.at[i] = kept;
    }
}

static void expect_fields_at(const char *header, const char *names, bool without,
                             const char *expected, int line)
{
    AUTO_BUFFER out = BUFFER(1000);
    struct span list[10], rest = span_of(names);
    size_t count = 0;
    while (span_cut(&rest, ' ', &list[count]))
        count++;
    assert_int_equal(section_write_fields(span_of(header), list, count, without, &out), 0);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
}
#define expect_fields(header, names, without, expected)                                            \
    expect_fields_at(header, names, without, expected, __LINE__)

static void test_fields(void **state)
{
    static const char header[] = "To: a\r\n b\r\nX: 1\r\nSubject : s\r\nx: 2\r\n\r\n";
    (void)state;
    expect_fields(header, "TO", false, "To: a\r\n b\r\n\r\n");
    expect_fields(header, "x to", false, "To: a\r\n b\r\nX: 1\r\nx: 2\r\n\r\n");
    expect_fields(header, "subject", false, "Subject : s\r\n\r\n");
    expect_fields(header, "x to", true, "Subject : s\r\n\r\n");
    expect_fields(header, "none", false, "\r\n");
    expect_fields(header, "none", true, header);
    expect_fields("A: b", "a", false, "A: b\r\n\r\n");
    expect_fields("", "a", true, "\r\n");
}

static void decode(enum structure_encoding encoding, struct span text, size_t piece,
                   struct buffer *out)
{
    struct section_decoder d, sizes;
    assert_int_equal(section_decode_begin(&d, encoding), 0);
    assert_int_equal(section_decode_begin(&sizes, encoding), 0);
    while (text.len) {
        struct span copy = exact_copy(span_first(text, piece));
        assert_int_equal(section_decode(&d, copy, out), 0);
        assert_int_equal(section_decode(&sizes, copy, NULL), 0);
        test_free((void *)copy.at);
        text = span_from(text, piece);
    }
    assert_int_equal(section_decode_end(&d, out), 0);
    assert_int_equal(section_decode_end(&sizes, NULL), 0);
    assert_int_equal(d.size, out->len);
    assert_int_equal(sizes.size, out->len);
}

static void expect_decoded_at(enum structure_encoding encoding, struct span text,
                              const char *expected, int line)
{
    for (size_t piece = 1; piece <= text.len + 1; piece++) {
        AUTO_BUFFER out = BUFFER(10000);
        decode(encoding, text, piece, &out);
        expect_span_at(buffer_span(&out), expected, __FILE__, line);
    }
}
#define expect_decoded(encoding, text, expected)                                                   \
    expect_decoded_at(encoding, SPAN(text), expected, __LINE__)

static void test_decoding(void **state)
{
    struct section_decoder d;
    (void)state;
    expect_decoded(STRUCTURE_PLAIN, "a=3D\xff", "a=3D\xff");
    expect_decoded(STRUCTURE_BASE64, "aGVsbG8gd29y\r\nbGQ=\r\n", "hello world");
    expect_decoded(STRUCTURE_BASE64, "aGVs!bG8", "hello");
    expect_decoded(STRUCTURE_BASE64, "QQ==QUI=QUJD", "AABABC");
    expect_decoded(STRUCTURE_BASE64, "====", "");
    expect_decoded(STRUCTURE_QUOTED, "a=3Db=\r\nc=e4= \t\r\nd",
                   "a=bc\xe4"
                   "d");
    expect_decoded(STRUCTURE_QUOTED, "a=b=XY=4=\nz", "a=b=XY=4z");
    expect_decoded(STRUCTURE_QUOTED, "a =  b=\rc==41=", "a =  b=\rc=A");
    expect_decoded(STRUCTURE_QUOTED, "a=4", "a=4");
    expect_decoded(STRUCTURE_QUOTED, "a=  ", "a");
    assert_int_equal(section_decode_begin(&d, STRUCTURE_UNKNOWN), ERR_SYNTAX);
}

/* The same bytes as the decoder of whole texts makes. */
static void test_decoding_at_random(void **state)
{
    static const char bytes[] = "=== \t\r\n\r\nab41ZF+/3DxQ";
    (void)state;
    srandom(5);
    for (int round = 0; round < 2000; round++) {
        AUTO_BUFFER text = BUFFER(1000), whole = BUFFER(4000), pieces = BUFFER(4000);
        for (long i = random() % 70; i >= 0; i--) {
            char c = bytes[random() % ((long)sizeof bytes - 1)];
            assert_int_equal(buffer_append_byte(&text, c), 0);
        }
        assert_int_equal(decode_transfer(SPAN("quoted-printable"), buffer_span(&text), &whole), 0);
        decode(STRUCTURE_QUOTED, buffer_span(&text), (size_t)random() % 9 + 1, &pieces);
        assert_true(span_equal(buffer_span(&whole), buffer_span(&pieces)));
        buffer_clear(&whole);
        buffer_clear(&pieces);
        for (size_t i = 0; i < text.len; i++)
            if (text.at[i] == '=')
                text.at[i] = '-';
        assert_int_equal(decode_transfer(SPAN("base64"), buffer_span(&text), &whole), 0);
        decode(STRUCTURE_BASE64, buffer_span(&text), (size_t)random() % 9 + 1, &pieces);
        assert_true(span_equal(buffer_span(&whole), buffer_span(&pieces)));
    }
}

static void test_full_buffers(void **state)
{
    AUTO_BUFFER out = BUFFER(4);
    struct section_decoder d;
    (void)state;
    assert_int_equal(section_decode_begin(&d, STRUCTURE_BASE64), 0);
    assert_int_equal(section_decode(&d, SPAN("QUJDREVG"), &out), -ENOBUFS);
    assert_int_equal(out.len, 0);
}

int section_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tree_of_the_standard),
        cmocka_unit_test(test_parts_that_are_not_there),
        cmocka_unit_test(test_a_letter_without_parts),
        cmocka_unit_test(test_a_letter_that_is_a_letter),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_a_broken_table),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_decoding_at_random),
        cmocka_unit_test(test_full_buffers),
    };
    return cmocka_run_group_tests_name("sections", tests, NULL, NULL);
}
