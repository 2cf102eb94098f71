/* Composing: words of header fields, parameters, encodings, the letter, letters of clients. */
#include "suite.h"

#include "../expect.h"
#include "mail/compose.h"
#include "mail/edit.h"
#include "mail/encode_word.h"
#include "mail/mime.h"
#include "mail/parameter.h"

#include <errno.h>

/* --- words and parameters -------------------------------------------------------------------- */

typedef int write_function(struct fold *f, struct span text);

static void expect_field(write_function *write, const char *text, const char *field)
{
    AUTO_BUFFER out = BUFFER(10000);
    struct fold f;
    assert_int_equal(fold_begin(&f, &out, SPAN("Subject")), 0);
    assert_int_equal(write(&f, span_of(text)), 0);
    assert_int_equal(fold_end(&f), 0);
    expect_span(buffer_span(&out), field);
}

static void test_text_is_encoded_where_it_must(void **state)
{
    (void)state;
    expect_field(encode_word_text, "", "Subject:\r\n");
    expect_field(encode_word_text, " plain  text\t. ", "Subject: plain  text\t.\r\n");
    expect_field(encode_word_text, "caf\303\251 au lait",
                 "Subject: =?utf-8?b?Y2Fmw6k=?= au lait\r\n");
    expect_field(encode_word_text, "on arr\303\251te-exactement",
                 "Subject: on =?utf-8?q?arr=C3=A9te-exactement?=\r\n");
    expect_field(encode_word_text, "\303\251 \303\251 a", "Subject: =?utf-8?b?w6kgw6k=?= a\r\n");
    expect_field(encode_word_text, "a =?b", "Subject: a =?utf-8?b?PT9i?=\r\n");
    expect_field(encode_word_text,
                 "Words that fill one line of the header up to its end, and then more of them.",
                 "Subject: Words that fill one line of the header up to its end, and then more\r\n"
                 " of them.\r\n");
    expect_field(encode_word_text, "a                         b",
                 "Subject: =?utf-8?q?a_________________________b?=\r\n");
}

static void test_phrases(void **state)
{
    (void)state;
    expect_field(encode_word_phrase, "Anna O'Neil", "Subject: Anna O'Neil\r\n");
    expect_field(encode_word_phrase, "Dr. \"A\" \\ B", "Subject: \"Dr. \\\"A\\\" \\\\ B\"\r\n");
    expect_field(encode_word_phrase, "a  b", "Subject: \"a  b\"\r\n");
    expect_field(encode_word_phrase, "a\tb", "Subject: =?utf-8?b?YQli?=\r\n");
    expect_field(encode_word_phrase, "J\303\274rgen Muster-Mensch, Inc.",
                 "Subject: =?utf-8?q?J=C3=BCrgen_Muster-Mensch=2C_Inc=2E?=\r\n");
}

static int write_filename(struct fold *f, struct span value)
{
    return parameter_write(f, SPAN("filename"), value);
}

static void test_parameters(void **state)
{
    (void)state;
    expect_field(write_filename, "a.pdf", "Subject:; filename=a.pdf\r\n");
    expect_field(write_filename, "", "Subject:; filename=\"\"\r\n");
    expect_field(write_filename, "a \"b\".pdf", "Subject:; filename=\"a \\\"b\\\".pdf\"\r\n");
    expect_field(write_filename, "M\303\244rz 1.pdf",
                 "Subject:; filename*=UTF-8''M%C3%A4rz%201.pdf\r\n");
    expect_field(write_filename,
                 "\346\227\245\346\234\254\350\252\236\346\227\245\346\234\254\350\252\236.x",
                 "Subject:; filename*0*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E%E6%97%A5%E6%9C%AC;\r\n"
                 " filename*1*=%E8%AA%9E.x\r\n");
    AUTO_BUFFER out = BUFFER(10000);
    struct fold f = {.out = &out};
    assert_int_equal(parameter_write(&f, SPAN("a"), SPAN("x\r\ny")), ERR_SYNTAX);
    assert_int_equal(parameter_write(&f, SPAN("a b"), SPAN("x")), ERR_SYNTAX);
    assert_int_equal(parameter_plain(&out, SPAN("M\303\244rz\t\"1\".pdf")), 0);
    expect_span(buffer_span(&out), "M_rz__1_.pdf");
}

/* --- encodings ------------------------------------------------------------------------------- */

static void expect_transfer(enum transfer_encoding encoding, struct span bytes, const char *text)
{
    for (size_t max = 1; max < 100; max += 33) {
        AUTO_BUFFER out = BUFFER(10000);
        struct transfer t;
        transfer_begin(&t, encoding, bytes);
        while (t.rest.len)
            assert_int_equal(transfer_next(&t, max, &out), 0);
        expect_span(buffer_span(&out), text);
    }
}

static void test_transfer_encodings(void **state)
{
    (void)state;
    expect_transfer(TRANSFER_7BIT, SPAN("a b\r\n"), "a b\r\n");
    expect_transfer(TRANSFER_QUOTED_PRINTABLE, SPAN("a=\303\251 \r\n\t\r\nx \n.\r\n end "),
                    "a=3D=C3=A9=20\r\n=09\r\nx =0A.\r\n end=20");
    expect_transfer(TRANSFER_QUOTED_PRINTABLE,
                    SPAN("1234567890123456789012345678901234567890123456789012345678901234567890"
                         "1234\303\251"),
                    "1234567890123456789012345678901234567890123456789012345678901234567890"
                    "1234=\r\n=C3=A9");
    expect_transfer(TRANSFER_QUOTED_PRINTABLE,
                    SPAN("1234567890123456789012345678901234567890123456789012345678901234567890"
                         "1234 \r\n1234567890123456789012345678901234567890123456789012345678901"
                         "23456789012345\r\n"),
                    "1234567890123456789012345678901234567890123456789012345678901234567890"
                    "1234=\r\n=20\r\n1234567890123456789012345678901234567890123456789012345678901"
                    "23456789012345\r\n");
    expect_transfer(TRANSFER_BASE64,
                    SPAN("123456789012345678901234567890123456789012345678901234567\n"),
                    "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3"
                    "\r\nCg==\r\n");
}

static void test_the_content_chooses(void **state)
{
    char line[1000];
    (void)state;
    memset(line, 'a', sizeof line);
    assert_int_equal(transfer_choose(SPAN("")), TRANSFER_7BIT);
    assert_int_equal(transfer_choose(span_make(line, 998)), TRANSFER_7BIT);
    assert_int_equal(transfer_choose(span_make(line, 999)), TRANSFER_QUOTED_PRINTABLE);
    assert_int_equal(transfer_choose(SPAN("caf\303\251 au lait, un\r\n")),
                     TRANSFER_QUOTED_PRINTABLE);
    assert_int_equal(transfer_choose(SPAN("\346\227\245\346\234\254\r\n")), TRANSFER_BASE64);
    for (size_t at = 0; at < 30; at++) { /* a sixth of it is the most that is escaped */
        char some[32];
        memset(some, 'a', sizeof some);
        memcpy(some + at, "\303\251", 2);
        for (size_t len = at + 2; len <= sizeof some; len++)
            assert_int_equal(transfer_choose(span_make(some, len)),
                             len < 12 ? TRANSFER_BASE64 : TRANSFER_QUOTED_PRINTABLE);
    }
    assert_false(transfer_is_7bit(SPAN("a\0b")) || transfer_is_7bit(SPAN("a\nb")) ||
                 transfer_is_7bit(SPAN("a\r")));
    AUTO_BUFFER out = BUFFER(100);
    assert_int_equal(transfer_line_ends(&out, SPAN("a\nb\r\n\rc\r\n\n\r")), 0);
    expect_span(buffer_span(&out), "a\r\nb\r\n\r\nc\r\n\r\n\r\n");
}

static void test_long_lines_keep_their_ends(void **state)
{
    char text[1102];
    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t len = 990; len < 1010; len++) {
        AUTO_BUFFER out = BUFFER(2000), lines = BUFFER(2000);
        struct transfer t;
        text[len] = '\n';
        assert_int_equal(transfer_line_ends(&out, span_make(text, sizeof text)), 0);
        assert_int_equal(out.len, sizeof text + 1);
        assert_memory_equal(out.at, text, len);
        assert_memory_equal(out.at + len, "\r\na", 3);
        assert_int_equal(transfer_is_7bit(span_first(buffer_span(&out), len + 3)), len <= 998);
        transfer_begin(&t, TRANSFER_QUOTED_PRINTABLE, buffer_span(&out));
        while (t.rest.len)
            assert_int_equal(transfer_next(&t, 100, &lines), 0);
        struct span soft = SPAN("=\r\n"), line;
        out.len = 0;
        for (struct span rest = buffer_span(&lines); rest.len; rest = span_from(rest, line.len)) {
            ptrdiff_t end = span_find(rest, '\n');
            line = end < 0 ? rest : span_first(rest, (size_t)end + 1);
            assert_in_range(line.len, 1, 78);
            bool goes_on = line.len > 3 && span_equal(span_from(line, line.len - 3), soft);
            assert_int_equal(buffer_append(&out, goes_on ? span_first(line, line.len - 3) : line),
                             0);
        }
        assert_int_equal(out.len, sizeof text + 1);
        assert_memory_equal(out.at + len, "\r\na", 3);
        text[len] = 'a';
    }
}

/* --- letters --------------------------------------------------------------------------------- */

static const struct mailbox anna = {SPAN("Anna"), SPAN("anna"), SPAN("b\303\274cher.example")};

static void test_a_plain_letter_in_full(void **state)
{
    const struct compose_header headers[] = {{SPAN("X-Tag"), SPAN("t\303\244g")},
                                             {SPAN("Errors-To"), SPAN("J\303\266 <j@x.test>")}};
    struct compose_letter letter = {.id = 7,
                                    .domain = "mail.example.test",
                                    .from = {&anna, 1},
                                    .subject = SPAN("Hello"),
                                    .text = SPAN("one\ntwo"),
                                    .headers = headers,
                                    .header_count = 2};
    AUTO_ARENA arena = ARENA(100000);
    AUTO_BUFFER body = BUFFER(10000);
    struct compose_fault fault;
    struct compose c;
    (void)state;
    assert_int_equal(compose_open(&letter, &arena, &c, &fault), 0);
    expect_span(c.header, "From: Anna <anna@xn--bcher-kva.example>\r\n"
                          "To: undisclosed-recipients:;\r\n"
                          "Subject: Hello\r\n"
                          "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
                          "Message-ID: <0000000000007@mail.example.test>\r\n"
                          "X-Tag: =?utf-8?q?t=C3=A4g?=\r\n"
                          "Errors-To: =?utf-8?b?SsO2?= <j@x.test>\r\n"
                          "MIME-Version: 1.0\r\n"
                          "Content-Type: text/plain; charset=us-ascii\r\n"
                          "Content-Transfer-Encoding: 7bit\r\n");
    expect_span(c.message_id, "<0000000000007@mail.example.test>");
    assert_int_equal(compose_next(&c, &body), 0);
    expect_span(buffer_span(&body), "one\r\ntwo\r\n");
    assert_false(c.smtputf8);
}

struct sink {
    struct buffer out;
    size_t pieces, most;
    size_t fail_at;
};

static int take_piece(void *arg, struct span bytes)
{
    struct sink *sink = arg;
    sink->most = bytes.len > sink->most ? bytes.len : sink->most;
    return ++sink->pieces == sink->fail_at ? -ENOSPC : buffer_append(&sink->out, bytes);
}

static void co_test_a_large_letter_comes_in_pieces(void **state)
{
    AUTO_BUFFER file = BUFFER((size_t)1 << 22);
    (void)state;
    for (unsigned i = 0; i < 250000; i++)
        assert_int_equal(buffer_printf(&file, "%u,", i), 0);
    const struct compose_attachment attachment = {SPAN("n.bin"), SPAN(""), SPAN(""),
                                                  buffer_span(&file), false};
    struct compose_letter letter = {.domain = "d.test",
                                    .from = {&anna, 1},
                                    .html = SPAN("<p>\303\251\303\251\303\251"),
                                    .attachments = &attachment,
                                    .attachment_count = 1};
    AUTO_ARENA arena = ARENA(100000); /* no copy of the file fits */
    struct compose_fault fault;
    struct compose c;
    struct sink sink = {.out = BUFFER((size_t)1 << 23)}, again = {.out = BUFFER((size_t)1 << 23)};
    assert_int_equal(compose_open(&letter, &arena, &c, &fault), 0);
    assert_int_equal(compose_co_write(&c, take_piece, &sink), 0);
    assert_true(sink.pieces > 20 && sink.most < 100000);
    compose_rewind(&c);
    again.fail_at = 3;
    assert_int_equal(compose_co_write(&c, take_piece, &again), -ENOSPC);
    buffer_clear(&again.out);
    again.fail_at = 0;
    compose_rewind(&c);
    assert_int_equal(compose_co_write(&c, take_piece, &again), 0);
    assert_true(span_equal(buffer_span(&sink.out), buffer_span(&again.out)));
    buffer_free(&sink.out);
    buffer_free(&again.out);
}

static void test_a_header_past_its_limit_is_refused(void **state)
{
    static char value[COMPOSE_VALUE_MAX];
    struct compose_header headers[20];
    (void)state;
    memset(value, 'a', sizeof value);
    for (size_t i = 0; i < 20; i++)
        headers[i] = (struct compose_header){SPAN("X-Long"), span_make(value, sizeof value)};
    struct compose_letter letter = {
        .domain = "d.test", .from = {&anna, 1}, .headers = headers, .header_count = 20};
    AUTO_ARENA arena = ARENA((size_t)1 << 20);
    struct compose_fault fault;
    struct compose c;
    assert_int_equal(compose_open(&letter, &arena, &c, &fault), -E2BIG);
    assert_int_equal(fault.field, COMPOSE_HEADERS);
    letter.header_count = 2;
    assert_int_equal(compose_open(&letter, &arena, &c, &fault), 0);
}

static void test_kinds_of_fields(void **state)
{
    (void)state;
    assert_int_equal(compose_header_kind(SPAN("X-Any")), COMPOSE_HEADER_TEXT);
    assert_int_equal(compose_header_kind(SPAN("reply-TO")), COMPOSE_HEADER_OWN);
    assert_int_equal(compose_header_kind(SPAN("References")), COMPOSE_HEADER_TOKENS);
    assert_int_equal(compose_header_kind(SPAN("Resent-To")), COMPOSE_HEADER_ADDRESSES);
    assert_int_equal(compose_header_kind(SPAN("BCC")), COMPOSE_HEADER_RESERVED);
    assert_int_equal(compose_header_kind(SPAN("arc-seal")), COMPOSE_HEADER_RESERVED);
    assert_int_equal(compose_header_kind(SPAN("Content-Anything")), COMPOSE_HEADER_RESERVED);
    assert_int_equal(compose_header_kind(SPAN("X:Y")), COMPOSE_HEADER_INVALID);
    assert_int_equal(compose_header_kind(SPAN("")), COMPOSE_HEADER_INVALID);
}

static void test_a_field_alone(void **state)
{
    static const struct {
        struct compose_header header;
        struct span written; /* empty: refused */
    } cases[] = {
        {{SPAN("X-Any"), SPAN("value")}, SPAN("X-Any: value\r\n")},
        {{SPAN("X-Any"), SPAN("\303\244")}, SPAN("X-Any: =?utf-8?b?w6Q=?=\r\n")},
        {{SPAN("reply-to"), SPAN("A B <a@b.test>")}, SPAN("reply-to: A B <a@b.test>\r\n")},
        {{SPAN("Reply-To"), SPAN("a@b.test\r\nBcc: c@d.test")}, SPAN("")},
        {{SPAN("X-Any"), SPAN("a\r\nBcc: c@d.test")}, SPAN("")},
        {{SPAN("X-Any\r\nBcc"), SPAN("a")}, SPAN("")},
        {{SPAN("From"), SPAN("a@b.test")}, SPAN("")},
        {{SPAN("Received"), SPAN("from x")}, SPAN("")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = ARENA(100000);
        AUTO_BUFFER out = BUFFER(1000);
        struct compose_fault fault = {0};
        int rc = compose_field(&cases[i].header, &arena, &out, &fault);
        assert_int_equal(rc, cases[i].written.len ? 0 : ERR_SYNTAX);
        assert_true(span_equal(buffer_span(&out), cases[i].written));
        assert_true(rc == 0 || fault.why);
    }
}

/* --- addresses as programs give them --------------------------------------------------------- */

static void test_given_lists(void **state)
{
    AUTO_ARENA arena = ARENA(100000);
    struct address_fault fault;
    struct mailbox found[4];
    (void)state;
    assert_int_equal(address_parse_given(SPAN("J\303\274rgen (x@y) [z]: a <a@b.test>, c@d.test,,"
                                              " \"Doe, J\" <\"j d\"@e.test>,"),
                                         &arena, found, 4, &fault),
                     3);
    expect_span(found[0].name, "J\303\274rgen (x@y) [z]: a");
    expect_span(found[0].local, "a");
    expect_span(found[1].domain, "d.test");
    expect_span(found[2].name, "Doe, J");
    expect_span(found[2].local, "j d");
    AUTO_BUFFER out = BUFFER(100);
    assert_int_equal(address_write(&found[2], &out), 0);
    expect_span(buffer_span(&out), "\"j d\"@e.test");
}

static void test_faults_of_given_lists(void **state)
{
    static const struct {
        const char *text;
        int error;
        size_t item, offset;
    } cases[] = {
        {"a@b.test,  nobody", ERR_SYNTAX, 1, 11},
        {"a@b.test, c@", ERR_SYNTAX, 1, 10},
        {"A <a@b.test> x", ERR_SYNTAX, 0, 0},
        {"A <a@b.test", ERR_SYNTAX, 0, 0},
        {"a@b.test\r\nBcc: c@d.test", ERR_SYNTAX, 0, 8},
        {"a@b.test,\303", ERR_SYNTAX, 0, 9},
        {"a@-b.test", ERR_SYNTAX, 0, 0},
        {"<>", ERR_SYNTAX, 0, 0},
        {"\"open <a@b.test>", ERR_SYNTAX, 0, 0},
        {"a@b.c,a@b.c,a@b.c", -E2BIG, 2, 12},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = ARENA(100000);
        struct address_fault fault = {99, 99, NULL};
        struct mailbox found[2];
        assert_int_equal(address_parse_given(span_of(cases[i].text), &arena, found, 2, &fault),
                         cases[i].error);
        assert_int_equal(fault.item, cases[i].item);
        assert_int_equal(fault.offset, cases[i].offset);
        assert_non_null(fault.why);
    }
    AUTO_ARENA arena = ARENA(0);
    struct address_fault fault;
    struct mailbox found[2];
    assert_int_equal(address_parse_given(SPAN("a@b.c"), &arena, found, 2, &fault), -ENOMEM);
}

/* --- letters of clients ---------------------------------------------------------------------- */

static void test_edited_headers(void **state)
{
    const struct edit edit = {7, "mail.example.test", 0};
    AUTO_BUFFER out = BUFFER(10000);
    (void)state;
    assert_int_equal(
        edit_header(SPAN("From:  a@b\r\nbcc: x@y,\r\n z@w\r\nX: \377\r\nBCC : v\r\n\r\n"), &edit,
                    &out),
        0);
    expect_span(buffer_span(&out), "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
                                   "Message-ID: <0000000000007@mail.example.test>\r\n"
                                   "MIME-Version: 1.0\r\nFrom:  a@b\r\nX: \377\r\n\r\n");
    buffer_clear(&out);
    struct span whole = SPAN("date: d\r\nMessage-Id: m\r\nMIME-version: 2\r\n\r\n");
    assert_int_equal(edit_header(whole, &edit, &out), 0);
    expect_span(buffer_span(&out), whole.at);
    buffer_clear(&out);
    assert_int_equal(edit_header(SPAN("From me\r\nBcc: x@y\r\n\r\n"), &edit, &out), ERR_SYNTAX);
    assert_int_equal(edit_header(SPAN("A: b\r\nno field\r\nBcc: x@y\r\n"), &edit, &out),
                     ERR_SYNTAX);
    assert_int_equal(out.len, 0);
}

static void test_line_ends_in_pieces(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= 8; cut++) {
        struct span text = SPAN("a\nb\r\n\n\r\n");
        struct edit_lines lines = {0};
        AUTO_BUFFER out = BUFFER(100);
        assert_int_equal(edit_lines(&lines, span_first(text, cut), &out), 0);
        assert_int_equal(edit_lines(&lines, span_from(text, cut), &out), 0);
        assert_int_equal(edit_lines_end(&lines), 0);
        expect_span(buffer_span(&out), "a\r\nb\r\n\r\n\r\n");
        assert_int_equal(edit_lines(&lines, SPAN("a\r"), &out), 0);
        assert_int_equal(edit_lines_end(&lines), ERR_SYNTAX);
        assert_int_equal(edit_lines(&lines, SPAN("b"), &out), ERR_SYNTAX);
        lines = (struct edit_lines){0};
        assert_int_equal(edit_lines(&lines, SPAN("a\0"), &out), ERR_SYNTAX);
    }
}

int compose_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_encoded_where_it_must),
        cmocka_unit_test(test_phrases),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_transfer_encodings),
        cmocka_unit_test(test_long_lines_keep_their_ends),
        cmocka_unit_test(test_the_content_chooses),
        cmocka_unit_test(test_a_plain_letter_in_full),
        cmocka_unit_test(co_test_a_large_letter_comes_in_pieces),
        cmocka_unit_test(test_a_header_past_its_limit_is_refused),
        cmocka_unit_test(test_kinds_of_fields),
        cmocka_unit_test(test_a_field_alone),
        cmocka_unit_test(test_given_lists),
        cmocka_unit_test(test_faults_of_given_lists),
        cmocka_unit_test(test_edited_headers),
        cmocka_unit_test(test_line_ends_in_pieces),
    };
    return cmocka_run_group_tests_name("composing", tests, NULL, NULL);
}
