/* Dots (RFC 5321 4.5.2), against a plain reading of the RFC, byte by byte, for all short inputs. */
#include "suite.h"

#include "../expect.h"
#include "smtp/dot.h"

#define LENGTH 8
static const char letters[] = {'.', '\r', '\n', 'a'};

struct reading {
    bool ended, bad;
    size_t used, longest; /* bytes taken, its longest line */
    struct buffer content;
};

static bool at_line_start(struct span input, size_t i)
{
    return i == 0 || (i >= 2 && input.at[i - 2] == '\r' && input.at[i - 1] == '\n');
}

/* What the RFC says: end of data is CRLF.CRLF, a dot at the start of a line is taken away. */
static void read_plainly(struct span input, struct reading *r)
{
    size_t line = 0;
    for (size_t i = 0; i < input.len; i++) {
        char c = input.at[i], next = i + 1 < input.len ? input.at[i + 1] : '\0';
        if (at_line_start(input, i)) {
            line = 0;
            if (span_starts(span_from(input, i), SPAN(".\r\n"))) {
                r->ended = true;
                r->used = i + 3;
                return;
            }
            if (c == '.')
                continue;
        }
        if (c == '\0' || (c == '\r' && next != '\n' && i + 1 < input.len) ||
            (c == '\n' && (i == 0 || input.at[i - 1] != '\r')))
            r->bad = true;
        if (c != '\r' && c != '\n' && ++line > r->longest)
            r->longest = line;
        assert_int_equal(buffer_append_byte(&r->content, c), 0);
    }
    r->used = input.len;
}

static void read_piece(struct dot_reader *reader, struct span piece, struct reading *r)
{
    struct span copy = exact_copy(piece), rest = copy, clean;
    while (!r->ended && rest.len) {
        size_t before = rest.len;
        r->ended = dot_read(reader, &rest, &clean);
        assert_true(r->ended || rest.len < before);
        assert_int_equal(buffer_append(&r->content, clean), 0);
    }
    r->used += piece.len - rest.len;
    test_free((void *)copy.at);
}

static void compare(struct span input, const struct reading *plain, size_t first, size_t second)
{
    struct reading r = {.content = BUFFER(100)};
    struct dot_reader reader = DOT_READER;
    read_piece(&reader, span_first(input, first), &r);
    if (!r.ended)
        read_piece(&reader, span_first(span_from(input, first), second - first), &r);
    if (!r.ended)
        read_piece(&reader, span_from(input, second), &r);
    bool same = r.ended == plain->ended && r.used == plain->used && reader.bad == plain->bad;
    /* an open ".\r" is held back until the next byte says what it is */
    if (same && !plain->bad && plain->ended)
        same = span_equal(buffer_span(&r.content), buffer_span(&plain->content)) &&
               reader.longest == plain->longest;
    buffer_free(&r.content);
    if (same)
        return;
    for (size_t i = 0; i < input.len; i++)
        print_error(input.at[i] < 32 ? "\\%d " : "%c ", input.at[i]);
    fail_msg("cut at %zu and %zu: ended %d used %zu bad %d, by the RFC %d %zu %d", first, second,
             r.ended, r.used, reader.bad, plain->ended, plain->used, plain->bad);
}

static void compare_all_cuts(struct span input)
{
    struct reading plain = {.content = BUFFER(100)};
    read_plainly(input, &plain);
    for (size_t first = 0; first <= input.len; first++)
        for (size_t second = first; second <= input.len; second++)
            compare(input, &plain, first, second);
    buffer_free(&plain.content);
}

static void test_all_short_inputs_at_all_cuts(void **state)
{
    char input[LENGTH + 5];
    (void)state;
    for (unsigned number = 0; number < 1U << (2 * LENGTH); number += 1) {
        for (unsigned i = 0; i < LENGTH; i++)
            input[i] = letters[number >> (2 * i) & 3];
        memcpy(input + LENGTH, "\r\n.\r\n", 5); /* so that each has an end */
        struct reading plain = {.content = BUFFER(100)};
        read_plainly(span_make(input, sizeof input), &plain);
        compare(span_make(input, sizeof input), &plain, sizeof input, sizeof input);
        buffer_free(&plain.content);
        if (number % 61 == 0)
            compare_all_cuts(span_make(input, sizeof input));
    }
}

static void test_what_ends_the_data_and_what_does_not(void **state)
{
    static const struct {
        const char *input;
        bool ended, bad;
    } cases[] = {
        {".\r\n", true, false},        {"a\r\n.\r\n", true, false}, {"a\n.\n", false, true},
        {"a\n.\r\n", false, true},     {"a\r\n.\n", false, true},   {"a\r.\r\n", false, true},
        {"a\r\r\n.\r\n", true, true},  {"a\r\n.\r", false, false},  {"a\r\n.\r\r\n", false, true},
        {"a\r\n..\r\n", false, false}, {"\n.\r\n", false, true},    {"\r.\r\n", false, true},
        {"a\rb\r\n.\r\n", true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span rest = span_of(cases[i].input), clean;
        struct dot_reader reader = DOT_READER;
        bool ended = false;
        while (rest.len && !ended)
            ended = dot_read(&reader, &rest, &clean);
        if (ended != cases[i].ended || reader.bad != cases[i].bad)
            fail_msg("case %zu: ended %d, bad %d", i, ended, reader.bad);
        compare_all_cuts(span_of(cases[i].input));
    }
    compare_all_cuts(SPAN("a\0b\r\n.\r\n"));
    compare_all_cuts(SPAN("\0\r\n.\r\nQUIT\r\n"));
}

static void test_writing_reads_back(void **state)
{
    static const char *const bodies[] = {"",     ".",  "a",      ".a\r\n..\r\n.\r\nb\r\n",
                                         "\r\n", "..", ".\r\n.", "a\r\n.\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct span body = span_of(bodies[i]);
        for (size_t cut = 0; cut <= body.len; cut++) {
            AUTO_BUFFER wire = BUFFER(100), back = BUFFER(100);
            struct dot_writer writer = DOT_WRITER;
            struct dot_reader reader = DOT_READER;
            assert_int_equal(dot_write(&writer, span_first(body, cut), &wire), 0);
            assert_int_equal(dot_write(&writer, span_from(body, cut), &wire), 0);
            assert_int_equal(dot_finish(&writer, &wire), 0);
            struct span rest = buffer_span(&wire), clean;
            bool ended = false;
            while (rest.len && !ended) {
                ended = dot_read(&reader, &rest, &clean);
                assert_int_equal(buffer_append(&back, clean), 0);
            }
            assert_true(ended && rest.len == 0 && !reader.bad);
            if (body.len && !span_ends_nocase(body, SPAN("\r\n")))
                back.len -= 2;
            expect_span(buffer_span(&back), bodies[i]);
        }
    }
}

int dot_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_short_inputs_at_all_cuts),
        cmocka_unit_test(test_what_ends_the_data_and_what_does_not),
        cmocka_unit_test(test_writing_reads_back),
    };
    return cmocka_run_group_tests_name("dots", tests, NULL, NULL);
}
