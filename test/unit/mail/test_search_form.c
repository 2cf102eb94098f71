/* Letters as SEARCH sees them: the whole form, its parts one by one, and the short ways. */
#include "suite.h"

#include "../expect.h"
#include "mail/casemap.h"
#include "mail/decode.h"
#include "mail/header.h"
#include "mail/search_form.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void expect_form_at(const char *letter, const char *header, const char *parts,
                           const char *text, int line)
{
    struct search_form form = SEARCH_FORM;
    assert_int_equal(search_form_header(span_of(letter), &form), 0);
    assert_int_equal(search_form_body(span_of(letter), &form), 0);
    expect_span_at(buffer_span(&form.header), header, __FILE__, line);
    expect_span_at(buffer_span(&form.parts), parts, __FILE__, line);
    expect_span_at(buffer_span(&form.text), text, __FILE__, line);
    search_form_free(&form);
}
#define expect_form(letter, ...) expect_form_at(letter, __VA_ARGS__, __LINE__)

static void test_search_form(void **state)
{
    (void)state;
    expect_form("", "", "", "\xff");
    expect_form("Subject: a\r\n b\r\n\r\nWord\r\n", "SUBJECT: A B\xff", "", "WORD\r\n\xff");
    expect_form("X:=?latin1?q?=E9?=\r\nContent-Type: text/plain; charset=latin1\r\n\r\n\xe9",
                "X: E\u0301\xff"
                "CONTENT-TYPE: TEXT/PLAIN; CHARSET=LATIN1\xff",
                "", "E\u0301\xff");
    expect_form("Content-Type: multipart/x; boundary=b\r\n\r\nno\r\n--b\r\nX-In: y\r\n\r\none\r\n"
                "--b\r\nContent-Type: image/x; name*=utf-8''%c3%a9\r\n\r\ntwo\r\n--b--\r\n",
                "CONTENT-TYPE: MULTIPART/X; BOUNDARY=B\xff",
                "X-IN: Y\xff"
                "CONTENT-TYPE: IMAGE/X; NAME*=UTF-8''%C3%A9\xff"
                "E\u0301\xff",
                "ONE\xff");
}

/* Bodies that need no decoding take a short way to the same result. */
static void test_search_form_of_plain_fields(void **state)
{
    static const char bytes[] = "ab =?_\r\n\t\"(.z9~Q";
    (void)state;
    srand(11);
    for (unsigned turn = 0; turn < 20000; turn++) {
        char letter[64] = "X: a";
        size_t len = 4, more = (size_t)rand() % 40;
        for (size_t i = 0; i < more; i++) {
            char c = bytes[(size_t)rand() % (sizeof bytes - 1)];
            bool fold = c == '\r' || c == '\n';
            len += (size_t)snprintf(letter + len, sizeof letter - len, fold ? "\r\n %c" : "%c",
                                    fold ? 'f' : c);
            if (len > sizeof letter - 8)
                break;
        }
        memcpy(letter + len, "\r\n", 3);
        struct search_form form = SEARCH_FORM;
        struct header_field field;
        struct span rest = span_of(letter);
        AUTO_BUFFER decoded = BUFFER(1000), folded = BUFFER(1000);
        assert_true(header_next(&rest, &field));
        assert_int_equal(decode_words(field.body, &decoded), 0);
        assert_int_equal(buffer_append_text(&folded, "X: "), 0);
        assert_int_equal(search_form_fold(buffer_span(&decoded), &folded), 0);
        assert_int_equal(buffer_append_text(&folded, "\xff"), 0);
        assert_int_equal(search_form_header(span_of(letter), &form), 0);
        expect_span(buffer_span(&form.header), buffer_text(&folded));
        search_form_free(&form);
    }
}

/* --- part by part ---------------------------------------------------------------------------- */

#define PLAIN  "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
#define QUOTED "Content-Transfer-Encoding: quoted-printable\r\n"
#define TWO    "Content-Type: multipart/mixed; boundary=b\r\n\r\nbefore\r\n"
#define LETTER                                                                                     \
    "Subject: subject\r\n" TWO PLAIN "X-In: of-part\r\n\r\none ends\r\n" PLAIN                     \
    "\r\nhere \xe9\xe8 three\r\n" PLAIN QUOTED "\r\nover a s=\r\noft break, =C0=00=E9\r\n"         \
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"  \
    "bGluZXMgb2YgYm\r\nFzZTY0IO+sgWZ0eSDihKogxLE=\r\n"                                             \
    "--b\r\nContent-Type: image/x\r\n\r\nsecret\r\n--b--\r\nbehind\r\n"

/* Is the text there, when nothing was taken yet, and when everything was? */
static void expect_found(const char *letter, struct span text, bool in_text, bool anywhere)
{
    AUTO_BUFFER needle = BUFFER(1000);
    struct span copy = exact_copy(span_of(letter));
    struct search_form form = SEARCH_FORM;
    assert_int_equal(search_form_fold(text, &needle), 0);
    for (unsigned turn = 0; turn < 3; turn++) {
        if (turn < 2)
            assert_int_equal(search_form_begin(copy, &form), 0);
        if (turn < 1)
            assert_int_equal(search_form_find(copy, &form, buffer_span(&needle)), anywhere);
        assert_int_equal(search_form_find_text(copy, &form, buffer_span(&needle)), in_text);
        assert_int_equal(search_form_find(copy, &form, buffer_span(&needle)), anywhere);
    }
    search_form_free(&form);
    test_free((void *)copy.at);
}

static void test_what_is_found_in_parts(void **state)
{
    (void)state;
    expect_found(LETTER, SPAN("ONE ends"), true, true);
    expect_found(LETTER, SPAN("three"), true, true);
    expect_found(LETTER, SPAN("soft break"), true, true);
    expect_found(LETTER, SPAN("of base64"), true, true);
    expect_found(LETTER, SPAN("of-part"), false, true);
    expect_found(LETTER, SPAN("X-IN: of"), false, true);
    expect_found(LETTER, SPAN("secret"), false, false);
    expect_found(LETTER, SPAN("before"), false, false);
    expect_found(LETTER, SPAN("behind"), false, false);
    expect_found(LETTER, SPAN("subject"), false, false); /* it is the header's */
    expect_found(LETTER, SPAN("s=\r\noft"), false, false);
    expect_found(LETTER, SPAN("bGluZX"), false, false);
    expect_found("", SPAN("x"), false, false);
}

static void test_no_text_reaches_from_part_to_part(void **state)
{
    (void)state;
    expect_found(LETTER, SPAN("ends\r\nhere"), false, false);
    expect_found(LETTER, SPAN("endshere"), false, false);
    expect_found(LETTER, SPAN("three\r\nover"), false, false);
    expect_found(LETTER, SPAN("ends"), true, true);
    expect_found(LETTER, SPAN("here"), true, true);
}

static void test_case_beyond_ascii(void **state)
{
    (void)state;
    expect_found(LETTER, SPAN("here \u00e9\u00e8"), true, true);
    expect_found(LETTER, SPAN("HERE \u00c9\u00c8 T"), true, true);
    expect_found(LETTER, SPAN("e\u0301e\u0300"), true, true); /* the same, decomposed */
    expect_found(LETTER, SPAN("\u00e8\u00e9"), false, false);
    expect_found(LETTER, SPAN("\xe9\xe8"), false, false); /* no UTF-8 */
    expect_found(LETTER, SPAN("fifty k i"), true, true);  /* a ligature, the Kelvin, no dot */
    expect_found(LETTER, SPAN("\ufb01FTY"), true, true);
}

static void test_nothing_and_nul(void **state)
{
    (void)state;
    expect_found(LETTER, SPAN(""), true, true);
    expect_found("", SPAN(""), true, true);
    expect_found(LETTER, SPAN("\u00c0\ufffd\u00e9"), true, true); /* a NUL is no character */
    expect_found(LETTER, SPAN("\u00e0\0\u00e9"), false, false);
}

/* Parts behind the one that tells enough are not taken. */
static void test_no_more_is_taken_than_needed(void **state)
{
    struct span letter = SPAN(LETTER);
    struct search_form form = SEARCH_FORM;
    (void)state;
    assert_int_equal(search_form_begin(letter, &form), 0);
    assert_int_equal(form.count, 6);
    assert_int_equal(search_form_find_text(letter, &form, SPAN("ONE ENDS")), 1);
    assert_int_equal(form.next, 2);
    assert_int_equal(search_form_find(letter, &form, SPAN("OF-PART")), 1);
    assert_int_equal(form.next, 2);
    assert_int_equal(search_form_find_text(letter, &form, SPAN("SOFT")), 1);
    assert_int_equal(form.next, 4);
    assert_int_equal(search_form_find_text(letter, &form, SPAN("NOWHERE")), 0);
    assert_int_equal(form.next, 6);
    search_form_free(&form);
}

/* --- the header at a glance ------------------------------------------------------------------ */

static bool may_have(struct span letter, const char *text)
{
    AUTO_BUFFER needle = BUFFER(1000);
    struct span copy = exact_copy(letter);
    struct search_form form = SEARCH_FORM;
    assert_int_equal(search_form_fold(span_of(text), &needle), 0);
    bool may = search_form_may_have_in_header(copy, &form, buffer_span(&needle));
    search_form_free(&form);
    test_free((void *)copy.at);
    return may;
}

static void test_what_a_header_surely_has_not(void **state)
{
    struct span plain = SPAN("Subject: a word,\r\n\tfolded\r\nTo : x=y@z\r\n\r\nbody \xe9");
    (void)state;
    assert_true(may_have(plain, "WORD,"));
    assert_true(may_have(plain, "subject"));
    assert_true(may_have(plain, "x=Y@z"));
    assert_false(may_have(plain, "words"));
    assert_false(may_have(plain, "wordfolded"));
    assert_false(may_have(plain, "body"));
    assert_false(may_have(SPAN(""), "x"));
    assert_false(may_have(SPAN("A: b\r\nC: without an end"), "x"));
}

/* What looks otherwise in the letter than in the form cannot be denied at a glance. */
static void test_what_is_not_denied_at_a_glance(void **state)
{
    struct span plain = SPAN("Subject: a word,\r\n\tfolded\r\nTo : x\r\n\r\nbody");
    (void)state;
    assert_true(may_have(plain, ""));
    assert_true(may_have(plain, "word, folded"));
    assert_true(may_have(plain, "To:"));
    assert_true(may_have(plain, "\u00e9"));
    assert_true(may_have(SPAN("X: =?utf-8?q?wo?= =?utf-8?q?rd?=\r\n\r\n"), "word"));
    assert_true(may_have(SPAN("X: \xef\xac\x81n\r\n\r\n"), "fin"));
    assert_true(may_have(SPAN("X: wo\rrd\r\n\r\n"), "word"));
    assert_true(may_have(SPAN("X: wo\0rd\r\n\r\n"), "word"));
    assert_true(may_have(SPAN("X: \x7f\r\n\r\n"), "word"));
}

static void test_a_glance_never_denies_what_is_there(void **state)
{
    static const char bytes[] = "aAbB=? \t\r\n:.\xc3\xa9";
    unsigned denied = 0;
    (void)state;
    srand(12);
    for (unsigned turn = 0; turn < 20000; turn++) {
        char letter[48] = "Xa: ", text[4] = "";
        for (size_t i = 4; i < sizeof letter; i++)
            letter[i] = bytes[(size_t)rand() % (turn % 3 ? 8 : sizeof bytes - 1)];
        for (size_t i = 0; i < 1 + turn % 3; i++)
            text[i] = "AB=X:."[rand() % 6];
        struct span copy = exact_copy(span_make(letter, sizeof letter));
        struct search_form form = SEARCH_FORM;
        assert_int_equal(search_form_header(copy, &form), 0);
        bool has = search_form_has_in_header(&form, span_of(text));
        bool may = search_form_may_have_in_header(copy, &form, span_of(text));
        assert_true(may || !has);
        denied += !may;
        search_form_free(&form);
        test_free((void *)copy.at);
    }
    assert_true(denied > 1000);
}

int search_form_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_form),
        cmocka_unit_test(test_search_form_of_plain_fields),
        cmocka_unit_test(test_what_is_found_in_parts),
        cmocka_unit_test(test_no_text_reaches_from_part_to_part),
        cmocka_unit_test(test_case_beyond_ascii),
        cmocka_unit_test(test_nothing_and_nul),
        cmocka_unit_test(test_no_more_is_taken_than_needed),
        cmocka_unit_test(test_what_a_header_surely_has_not),
        cmocka_unit_test(test_what_is_not_denied_at_a_glance),
        cmocka_unit_test(test_a_glance_never_denies_what_is_there),
    };
    return cmocka_run_group_tests_name("search form", tests, NULL, NULL);
}
