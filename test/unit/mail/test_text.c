/* Base subjects, text without its case, text of parts, previews. */
#include "suite.h"

#include "../expect.h"
#include "base/utf8.h"
#include "mail/base_subject.h"
#include "mail/casemap.h"
#include "mail/text.h"

#include <errno.h>

static const struct {
    const char *subject, *base;
    bool reply;
} subjects[] = {
    {"", "", false},
    {"hello", "hello", false},
    {"Re: hello", "hello", true},
    {"re : RE:fw:  Fwd: hello", "hello", true},
    {"Re[2]: hello", "hello", true},
    {"re [a b] : hello", "hello", true},
    {"[list] hello", "hello", false},
    {"[list] Re: [other] hello", "hello", true},
    {"[a] [b] [c]", "[c]", false},
    {"[a][b]Re: [c] Fwd:[d]", "[d]", true},
    {"hello (fwd)", "hello", true},
    {"hello (FWD) (fwd)  ", "hello", true},
    {"[fwd: hello]", "hello", true},
    {"[FWD: [fwd: Re: hello (fwd)]]", "hello", true},
    {"[fwd: hello", "[fwd: hello", false},
    {"[fwd:]", "", true},
    {"Re:", "", true},
    {"Re: [x]", "[x]", true},
    {"Reply: hello", "Reply: hello", false},
    {"re hello", "re hello", false},
    {"fwdx: y", "fwdx: y", false},
    {"[[a] b", "[[a] b", false},
    {"a \t\r\n  b", "a b", false},
    {"=?utf-8?q?Re=3A_gr=C3=BC=C3=9Fe?= =?utf-8?q?_x?=", "gr\u00fc\u00dfe x", true},
    {"=?iso-8859-1?b?UmU6IOk=?=", "\u00e9", true},
    {"=?utf-8?q?Re=3A=0D=0ABcc=3A_x?=", "Bcc: x", true},
    {"AW: hello", "AW: hello", false},
    {"a\tb", "a b", false},
    {"a\rb\nc", "abc", false},
    {"a\x01"
     "b",
     "a b", false},
    {"a  =? b", "a =? b", false},
    {"a =3D b?", "a =3D b?", false},
    {"caf\u00e9  \u00c9", "caf\u00e9 \u00c9", false},
};

/* The key is the base without its case. */
static void expect_key(const char *subject, struct span base, bool expected_reply)
{
    AUTO_BUFFER key = BUFFER(BASE_SUBJECT_MAX), expected = BUFFER(BASE_SUBJECT_MAX);
    bool reply = !expected_reply;
    assert_int_equal(casemap_write(base, &expected), 0);
    assert_int_equal(base_subject_key(span_of(subject), &key, &reply), 0);
    assert_true(span_equal(buffer_span(&key), buffer_span(&expected)));
    assert_int_equal(reply, expected_reply);
}

static void test_base_subjects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        AUTO_BUFFER out = BUFFER(BASE_SUBJECT_MAX);
        bool reply = !subjects[i].reply;
        assert_int_equal(base_subject(span_of(subjects[i].subject), &out, &reply), 0);
        expect_span(buffer_span(&out), subjects[i].base);
        assert_int_equal(reply, subjects[i].reply);
        expect_key(subjects[i].subject, buffer_span(&out), reply);
    }
}

/* The cut is the same whether something was to be decoded or not. */
static void test_long_subjects(void **state)
{
    AUTO_BUFFER body = BUFFER(4000), other = BUFFER(4000), out = BUFFER(BASE_SUBJECT_MAX);
    AUTO_BUFFER same = BUFFER(BASE_SUBJECT_MAX);
    bool reply;
    (void)state;
    while (body.len < 3000)
        assert_int_equal(buffer_append_text(&body, "words and [x] "), 0);
    assert_int_equal(buffer_append(&other, buffer_span(&body)), 0);
    assert_int_equal(buffer_append_text(&other, " \u00e9"), 0);
    assert_int_equal(base_subject(buffer_span(&body), &out, &reply), 0);
    assert_int_equal(base_subject(buffer_span(&other), &same, &reply), 0);
    assert_true(out.len > BASE_SUBJECT_MAX - 8);
    assert_true(span_equal(buffer_span(&out), buffer_span(&same)));
}

static void test_hostile_subjects(void **state)
{
    static const char *const pieces[] = {
        "[a]", "[fwd:", "re[", "Re:", "(fwd)", "=?utf-8?q?=C3?=", " ", "\xc3", "[", "]"};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        AUTO_BUFFER body = BUFFER((size_t)1 << 22), out = BUFFER(BASE_SUBJECT_MAX);
        bool reply;
        while (body.len < (size_t)1 << 20)
            assert_int_equal(buffer_append_text(&body, pieces[i]), 0);
        assert_int_equal(base_subject(buffer_span(&body), &out, &reply), 0);
        assert_true(utf8_is_text(buffer_span(&out)));
    }
}

static void fold(const char *text, struct buffer *out)
{
    struct span copy = exact_copy(span_of(text));
    buffer_clear(out);
    assert_int_equal(casemap_write(copy, out), 0);
    test_free((void *)copy.at);
}

static bool fold_equal(const char *a, const char *b)
{
    AUTO_BUFFER left = BUFFER(1000), right = BUFFER(1000);
    fold(a, &left);
    fold(b, &right);
    return span_equal(buffer_span(&left), buffer_span(&right));
}

static void test_case(void **state)
{
    static const char *const same[][2] = {
        {"Hello, World 123 [`{@", "hELLO, wORLD 123 [`{@"},
        {"gr\u00fc\u00dfe", "GR\u00dc\u00dfE"},
        {"\u00e9", "e\u0301"},
        {"\u03b1\u03c3\u03c2", "\u0391\u03a3\u03a3"},
        {"\u043f\u0440\u0438\u0432\u0435\u0442", "\u041f\u0420\u0418\u0412\u0415\u0422"},
        {"\ufb01n", "FIN"},
        {"\uff21", "a"},
        {"\u1e69", "S\u0323\u0307"},
        {"\uac00", "\u1100\u1161"},
        {"\xff", "\ufffd"},
    };
    static const char *const other[][2] = {
        {"a", "b"},    {"\u00e9", "e"}, {"[", "{"}, {"@", "`"}, {"abcdefgh@", "abcdefgh`"},
        {"z", "\x1a"},
    };
    AUTO_BUFFER out = BUFFER(1000);
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_true(fold_equal(same[i][0], same[i][1]));
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_false(fold_equal(other[i][0], other[i][1]));
    fold("az AZ`{@[\x01~ and long enough", &out);
    expect_span(buffer_span(&out), "AZ AZ`{@[\x01~ AND LONG ENOUGH");
}

/* No character grows past what is promised, and no result holds a small letter of ASCII. */
static void test_growth(void **state)
{
    AUTO_BUFFER out = BUFFER(1000);
    (void)state;
    for (uint32_t c = 1; c < 0x30000; c++) {
        char bytes[4];
        size_t count = 0;
        buffer_clear(&out);
        assert_int_equal(casemap_write(span_make(bytes, utf8_encode(c, bytes)), &out), 0);
        assert_true(utf8_is_text(buffer_span(&out)));
        for (size_t i = 0; i < out.len; i++) {
            count += (out.at[i] & 0xc0) != 0x80;
            assert_false(out.at[i] >= 'a' && out.at[i] <= 'z');
        }
        assert_true(count <= CASEMAP_GROWTH);
    }
}

struct sample {
    struct buffer table;
    struct span header, body;
    struct structure_part part;
};

static int find_text(const char *letter, struct sample *s)
{
    AUTO_BUFFER structure = BUFFER(STRUCTURE_MAX);
    struct span whole = span_of(letter);
    *s = (struct sample){.table = BUFFER(STRUCTURE_TABLE_MAX)};
    assert_true(structure_make(whole, &s->table, &structure) > 0);
    int rc = text_find_preview(buffer_span(&s->table), &s->part);
    buffer_free(&s->table);
    if (rc < 0)
        return rc;
    s->header = span_first(span_from(whole, s->part.header), s->part.body - s->part.header);
    s->body = span_first(span_from(whole, s->part.body), s->part.end - s->part.body);
    return 0;
}

#define TYPE(charset, encoding)                                                                    \
    "Content-Type: text/plain; charset=" charset "\r\nContent-Transfer-Encoding: " encoding        \
    "\r\n\r\n"

static void test_text_of_parts(void **state)
{
    static const struct {
        const char *letter, *text;
    } cases[] = {
        {TYPE("utf-8", "8bit") "\u00e9\r\n", "\u00e9\r\n"},
        {TYPE("iso-8859-1", "8bit") "\xe9", "\u00e9"},
        {TYPE("\"iso-8859-1\"", "quoted-printable") "=E9=\r\n!", "\u00e9!"},
        {TYPE("koi8-r", "base64") "0NLJ18XU", "\u043f\u0440\u0438\u0432\u0435\u0442"},
        {TYPE("iso-2022-jp", "7bit") "\x1b$BF|K\\8l\x1b(B", "\u65e5\u672c\u8a9e"},
        {TYPE("x-none", "7bit") "a", "a"},
        {"\r\n\u00e9", "\u00e9"},
        {"\r\n\xe9", "\u00e9"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_BUFFER out = BUFFER(1000);
        struct sample s;
        assert_int_equal(find_text(cases[i].letter, &s), 0);
        assert_int_equal(text_decode(&s.part, s.header, s.body, &out), 0);
        expect_span(buffer_span(&out), cases[i].text);
    }
}

static void test_a_cut_keeps_characters_whole(void **state)
{
    AUTO_BUFFER out = BUFFER(1000);
    struct sample s;
    (void)state;
    assert_int_equal(find_text("\r\n\u00e9\u65e5", &s), 0);
    assert_int_equal(text_decode(&s.part, s.header, span_first(s.body, 4), &out), 0);
    expect_span(buffer_span(&out), "\u00e9");
}

static void expect_preview_at(const char *letter, const char *expected, int line)
{
    AUTO_BUFFER out = BUFFER(TEXT_PREVIEW_MAX);
    struct sample s;
    assert_int_equal(find_text(letter, &s), 0);
    assert_int_equal(text_preview(&s.part, s.header, s.body, &out), 0);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
}
#define expect_preview(letter, expected) expect_preview_at(letter, expected, __LINE__)

static void test_previews(void **state)
{
    struct sample s;
    (void)state;
    expect_preview("\r\n  Hello\r\n\r\n\tworld \x01 \u00a0 \xc2\x85!\r\n", "Hello world !");
    expect_preview("\r\n> quoted\r\nOn Monday\r\n> more\r\nanswer\r\n", "On Monday answer");
    expect_preview("\r\n> quoted\r\n> more\r\n", "> quoted > more");
    expect_preview("\r\n", "");
    expect_preview("Content-Type: text/html\r\n\r\n<title>t</title><style>x{}</style>"
                   "<p>Hello <a href='https://x.test/'>there</a></p><p>you &eacute;",
                   "Hello there you \u00e9");
    expect_preview(
        "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\nContent-Disposition: "
        "attachment\r\n\r\nfile\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b\r\n\r\n"
        "words\r\n--b--\r\n",
        "words");
    expect_preview("Content-Disposition: attachment\r\n\r\nfile\r\n", "file");
    assert_int_equal(find_text("Content-Type: image/png\r\n\r\nx", &s), ERR_ABSENT);
    assert_int_equal(text_find_preview(SPAN(""), &s.part), ERR_CORRUPT);
}

static void test_long_previews(void **state)
{
    AUTO_BUFFER letter = BUFFER((size_t)1 << 20), out = BUFFER(TEXT_PREVIEW_MAX);
    struct sample s;
    (void)state;
    assert_int_equal(buffer_append_text(&letter, "\r\n"), 0);
    while (letter.len < 300000)
        assert_int_equal(buffer_append_text(&letter, "\U0001f600"), 0);
    assert_int_equal(find_text(buffer_text(&letter), &s), 0);
    assert_int_equal(text_preview(&s.part, s.header, s.body, &out), 0);
    assert_int_equal(out.len, 4 * TEXT_PREVIEW_CHARACTERS);
    assert_true(utf8_is_text(buffer_span(&out)));
}

int text_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_subjects),
        cmocka_unit_test(test_hostile_subjects),
        cmocka_unit_test(test_long_subjects),
        cmocka_unit_test(test_case),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_text_of_parts),
        cmocka_unit_test(test_a_cut_keeps_characters_whole),
        cmocka_unit_test(test_previews),
        cmocka_unit_test(test_long_previews),
    };
    return cmocka_run_group_tests_name("texts", tests, NULL, NULL);
}
