/* The grammar of commands: what is taken, and what is refused (RFC 9051 9). */
#include "../expect.h"
#include "imap/fetch.h"
#include "imap/program.h"

#define ROOM ((size_t)4 * 1024 * 1024)

/* A session with a mailbox of ten messages open, UIDs 101 to 110, and a keyword of its own. */
struct desk {
    struct imap_session session;
    struct imap_selected selected;
    struct arena arena;
    struct imap_parser parser;
};

static struct imap_parser *open_desk(struct desk *desk, const char *text)
{
    *desk = (struct desk){.arena = ARENA(ROOM)};
    desk->session.selected = &desk->selected;
    for (uint32_t uid = 101; uid <= 110; uid++)
        assert_int_equal(view_add(&desk->selected.view, uid), 0);
    desk->selected.keywords.names[KEYWORD_OWN_FIRST] = "Mine";
    struct span copy = exact_copy(span_of(text));
    desk->parser = (struct imap_parser){copy.at, copy.at + copy.len, &desk->arena};
    return &desk->parser;
}

static void close_desk(struct desk *desk, const char *text)
{
    test_free((char *)desk->parser.end - strlen(text));
    view_free(&desk->selected.view);
    arena_free(&desk->arena);
}

/* --- words ----------------------------------------------------------------------------------- */

typedef int word_rule(struct imap_parser *p, struct span *ret);

struct word {
    word_rule *rule;
    const char *text, *value; /* NULL: refused */
    const char *rest;
};

static const struct word words[] = {
    {imap_parse_tag, "a1 NOOP", "a1", " NOOP"},
    {imap_parse_tag, "a+b", "a", "+b"},
    {imap_parse_tag, "+", NULL, NULL},
    {imap_parse_tag, "", NULL, NULL},
    {imap_parse_tag, "]x", "]x", ""},
    {imap_parse_atom, "NOOP\r", "NOOP", "\r"},
    {imap_parse_atom, "a(b", "a", "(b"},
    {imap_parse_atom, "a\x80", "a", "\x80"},
    {imap_parse_atom, "*", NULL, NULL},
    {imap_parse_atom, "%", NULL, NULL},
    {imap_parse_atom, "\"a\"", NULL, NULL},
    {imap_parse_astring, "a]b c", "a]b", " c"},
    {imap_parse_astring, "\"a b\" c", "a b", " c"},
    {imap_parse_astring, "\"a\\\"b\\\\c\"", "a\"b\\c", ""},
    {imap_parse_astring, "\"\"", "", ""},
    {imap_parse_astring, "\"a", NULL, NULL},
    {imap_parse_astring, "\"a\\x\"", NULL, NULL},
    {imap_parse_astring, "\"a\\", NULL, NULL},
    {imap_parse_astring, "\"a\r\nb\"", NULL, NULL},
    {imap_parse_astring, "{3}\r\nabc)", "abc", ")"},
    {imap_parse_astring, "{3+}\r\nabc", "abc", ""},
    {imap_parse_astring, "{0}\r\n", "", ""},
    {imap_parse_astring, "{4}\r\nabc", NULL, NULL},
    {imap_parse_astring, "{3}abc", NULL, NULL},
    {imap_parse_astring, "{-1}\r\nabc", NULL, NULL},
    {imap_parse_astring, "{99999999999999999999}\r\n", NULL, NULL},
    {imap_parse_astring, "{3", NULL, NULL},
    {imap_parse_string, "a", NULL, NULL},
    {imap_parse_nstring, "nil", NULL, ""},
    {imap_parse_list_mailbox, "a*b% c", "a*b%", " c"},
    {imap_parse_list_mailbox, "\"a *\"", "a *", ""},
    {imap_parse_list_mailbox, "(", NULL, NULL},
    {imap_parse_flag, "\\Seen)", "\\Seen", ")"},
    {imap_parse_flag, "$Junk x", "$Junk", " x"},
    {imap_parse_flag, "\\", NULL, NULL},
    {imap_parse_flag, "\\\\x", NULL, NULL},
    {imap_parse_flag, "\\*", NULL, NULL},
};

static void test_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        const struct word *w = &words[i];
        struct desk desk;
        struct span value = SPAN("");
        struct imap_parser *p = open_desk(&desk, w->text);
        int rc = w->rule(p, &value);
        if (!w->rest && rc == 0)
            fail_msg("%s was taken", w->text);
        if (w->rest) {
            assert_int_equal(rc, 0);
            if (w->value)
                expect_span(value, w->value);
            else
                assert_null(value.at);
            expect_span(span_make(p->at, (size_t)(p->end - p->at)), w->rest);
        }
        close_desk(&desk, w->text);
    }
}

/* --- dates and numbers ------------------------------------------------------------------------ */

static void test_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t days; /* -1: refused */
    } dates[] = {{"1-Jan-1970", 0},
                 {"\"1-Feb-1994\"", 8797},
                 {"01-feb-1994", 8797},
                 {" 1-Feb-1994", 8797},
                 {"29-Feb-2000", 11016},
                 {"31-Dec-1999", 10956},
                 {"0-Feb-1994", -1},
                 {"32-Jan-1994", -1},
                 {"1-Fev-1994", -1},
                 {"\"1-Feb-1994", -1},
                 {"1-Feb", -1},
                 {"1-Feb-", -1},
                 {"-Feb-1994", -1},
                 {"", -1},
                 {"1-F", -1},
                 {"1/Feb/1994", -1}};
    (void)state;
    for (unsigned i = 0; i < sizeof dates / sizeof *dates; i++) {
        struct desk desk;
        int64_t days = -2;
        int rc = imap_parse_date(open_desk(&desk, dates[i].text), &days);
        if (dates[i].days < 0)
            assert_true(rc < 0);
        else
            assert_true(rc == 0 && days == dates[i].days);
        close_desk(&desk, dates[i].text);
    }
}

static void test_date_times(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } times[] = {{"\" 1-Jan-1970 00:00:00 +0000\"", 0},
                 {"\"17-Jul-1996 02:44:25 -0700\"", 837596665},
                 {"\"17-Jul-1996 02:44:25 +0530\"", 837551665},
                 {"\"17-Jul-1996 23:59:60 +0000\"", 837648000},
                 {"17-Jul-1996 02:44:25 -0700", -1},
                 {"\"17-Jul-1996 24:00:00 +0000\"", -1},
                 {"\"17-Jul-1996 02:60:25 +0000\"", -1},
                 {"\"17-Jul-1996 02:44:61 +0000\"", -1},
                 {"\"17-Jul-1996 02:44:25 0000\"", -1},
                 {"\"17-Jul-1996 02:44:25 +0060\"", -1},
                 {"\"17-Jul-1996 02:44:25 +9900\"", -1},
                 {"\"17-Jul-1996 02:44:25\"", -1},
                 {"\"17-Jul-1996 02:44:25 +0000", -1}};
    (void)state;
    for (unsigned i = 0; i < sizeof times / sizeof *times; i++) {
        struct desk desk;
        int64_t ms = -2;
        int rc = imap_parse_date_time(open_desk(&desk, times[i].text), &ms);
        if (times[i].seconds < 0)
            assert_true(rc < 0);
        else
            assert_true(rc == 0 && ms == times[i].seconds * 1000);
        close_desk(&desk, times[i].text);
    }
}

static void test_literals_at_the_end_of_a_line(void **state)
{
    static const struct {
        const char *line;
        int octets; /* -1: none */
        bool waits, eight;
    } lines[] = {{"a APPEND x {10}", 10, true, false},
                 {"a APPEND x ~{10+}", 10, false, true},
                 {"a {0}", 0, true, false},
                 {"a {10} ", -1, false, false},
                 {"a {}", -1, false, false},
                 {"a {+}", -1, false, false},
                 {"a {1x}", -1, false, false},
                 {"a {1}{2}", 2, true, false},
                 {"}", -1, false, false},
                 {"", -1, false, false},
                 {"a {-1}", -1, false, false}};
    (void)state;
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct imap_literal literal;
        struct span line = exact_copy(span_of(lines[i].line));
        bool found = imap_find_literal(line, &literal);
        assert_int_equal(found, lines[i].octets >= 0);
        if (found) {
            assert_int_equal(literal.octets, lines[i].octets);
            assert_int_equal(literal.waits, lines[i].waits);
            assert_int_equal(literal.eight, lines[i].eight);
        }
        test_free((char *)line.at);
    }
}

/* --- sets ------------------------------------------------------------------------------------ */

static void test_sets_have_limits(void **state)
{
    static char text[3 * IMAP_RANGES_MAX];
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct desk desk;
        struct imap_set set;
        char *at = text;
        for (unsigned i = 0; i < IMAP_RANGES_MAX + extra; i++) {
            *at++ = (char)('1' + i % 2 * 2);
            *at++ = ',';
        }
        at[-1] = '\0';
        int rc = imap_parse_set(open_desk(&desk, text), 10, &set);
        assert_true(extra ? rc < 0 : rc == 0 && set.count == 2);
        close_desk(&desk, text);
    }
}

static void test_a_range_of_all_is_counted(void **state)
{
    struct desk desk;
    struct imap_set set;
    (void)state;
    assert_int_equal(imap_parse_set(open_desk(&desk, "4294967295:1"), 10, &set), 0);
    assert_true(imap_set_size(&set) == UINT32_MAX && imap_set_has(&set, UINT32_MAX));
    assert_false(imap_set_has(&set, 0));
    close_desk(&desk, "4294967295:1");
}

static void test_gaps_of_a_view(void **state)
{
    struct view v = {0};
    (void)state;
    assert_int_equal(view_next_absent(&v, 1), 1);
    for (uint32_t uid = 3; uid <= 5; uid++)
        assert_int_equal(view_add(&v, uid), 0);
    assert_int_equal(view_add(&v, 7), 0);
    assert_int_equal(view_insert(&v, 6), 0); /* runs that touch */
    assert_int_equal(view_add(&v, UINT32_MAX), 0);
    assert_int_equal(view_next_absent(&v, 1), 1);
    assert_int_equal(view_next_absent(&v, 3), 8);
    assert_int_equal(view_next_absent(&v, 4), 8);
    assert_int_equal(view_next_absent(&v, 9), 9);
    assert_int_equal(view_next_absent(&v, UINT32_MAX), 0);
    view_free(&v);
}

/* --- FETCH ----------------------------------------------------------------------------------- */

static const char *const fetches[] = {
    "FLAGS",
    "ALL",
    "FAST",
    "FULL",
    "(FLAGS UID)",
    "all",
    "BODY",
    "BODY[]",
    "BODY.PEEK[]",
    "BODY[HEADER]",
    "BODY[TEXT]",
    "BODY[1]",
    "BODY[1.2.3.TEXT]",
    "BODY[1.MIME]",
    "BODY[2.HEADER]",
    "BODY[HEADER.FIELDS (To)]",
    "BODY[1.HEADER.FIELDS.NOT (To \"Reply-To\")]",
    "BODY[]<0.1>",
    "BODY[TEXT]<5.4294967295>",
    "BINARY[1]",
    "BINARY.PEEK[1.2]<0.10>",
    "BINARY.SIZE[1]",
    "BINARY[]",
    "RFC822",
    "RFC822.HEADER",
    "RFC822.TEXT",
    "RFC822.SIZE",
    "ENVELOPE",
    "BODYSTRUCTURE",
    "INTERNALDATE",
    "MODSEQ",
    "SAVEDATE",
    "EMAILID",
    "(BODY[] BODY[1])",
    "FLAGS (CHANGEDSINCE 5)",
    "(FLAGS) (CHANGEDSINCE 5 VANISHED)",
    "(FLAGS) (VANISHED CHANGEDSINCE 0)",
};
static const char *const no_fetches[] = {
    "",
    "()",
    "FLAGSX",
    "(FLAGS",
    "(FLAGS  UID)",
    "(FLAGS )",
    "FLAGS UID",
    "(ALL)",
    "ALL FAST",
    "BODY[",
    "BODY[1",
    "BODY[0]",
    "BODY[1.]",
    "BODY[.1]",
    "BODY[MIME]",
    "BODY[1.NONSENSE]",
    "BODY[HEADER.FIELDS]",
    "BODY[HEADER.FIELDS ()]",
    "BODY[HEADER.FIELDS (To]",
    "BODY[]<0>",
    "BODY[]<0.0>",
    "BODY[]<-1.5>",
    "BODY[]<0.1",
    "BODY[]<99999999999999999999.1>",
    "BODY[]x",
    "BINARY[TEXT]",
    "BINARY[1.HEADER]",
    "BODY[4294967296]",
    "(FLAGS) CHANGEDSINCE 5",
    "(FLAGS) (CHANGEDSINCE)",
    "(FLAGS) (CHANGEDSINCE x)",
    "(FLAGS) (VANISHED)",
    "(FLAGS) (CHANGEDSINCE 1) x",
    "(FLAGS)(CHANGEDSINCE 1)",
    "FLAGS (OTHER)",
};

static int parse_fetch(const char *text, struct fetch *f)
{
    struct desk desk;
    *f = (struct fetch){0};
    struct imap_parser *p = open_desk(&desk, text);
    int rc = fetch_parse(p, f);
    bool all = imap_at_end(p);
    close_desk(&desk, text);
    return rc == 0 && !all ? IMAP_BAD : rc;
}

static void test_fetches(void **state)
{
    static struct fetch f;
    (void)state;
    for (unsigned i = 0; i < sizeof fetches / sizeof *fetches; i++)
        if (parse_fetch(fetches[i], &f) < 0)
            fail_msg("%s was refused", fetches[i]);
    for (unsigned i = 0; i < sizeof no_fetches / sizeof *no_fetches; i++)
        if (parse_fetch(no_fetches[i], &f) == 0)
            fail_msg("%s was taken", no_fetches[i]);
    assert_int_equal(parse_fetch("(BODY.PEEK[1] BINARY.SIZE[1] RFC822.HEADER)", &f), 0);
    assert_true(!f.sets_seen && f.section_count == 3 && f.changed_since == -1);
    assert_int_equal(parse_fetch("RFC822.TEXT", &f), 0);
    assert_true(f.sets_seen);
}

static void test_fetches_have_limits(void **state)
{
    static struct fetch f;
    AUTO_BUFFER text = BUFFER(65536);
    (void)state;
    for (unsigned i = 0; i < FETCH_SECTIONS_MAX; i++)
        assert_int_equal(buffer_append_text(&text, i ? " BODY[1]" : "(BODY[1]"), 0);
    size_t len = text.len;
    assert_int_equal(buffer_append_text(&text, ")"), 0);
    assert_int_equal(parse_fetch(buffer_text(&text), &f), 0);
    text.len = len;
    assert_int_equal(buffer_append_text(&text, " BODY[1])"), 0);
    assert_true(parse_fetch(buffer_text(&text), &f) < 0);
    buffer_clear(&text);
    assert_int_equal(buffer_append_text(&text, "BODY[1"), 0);
    for (unsigned i = 0; i < FETCH_NUMBERS_MAX; i++)
        assert_int_equal(buffer_append_text(&text, ".1"), 0);
    assert_int_equal(buffer_append_text(&text, "]"), 0);
    assert_true(parse_fetch(buffer_text(&text), &f) < 0);
}

/* --- SEARCH ---------------------------------------------------------------------------------- */

static const char *const programs[] = {
    "ALL",
    "1:5",
    "*",
    "UID 1:*",
    "$",
    "SEEN UNSEEN",
    "NEW",
    "OLD",
    "RECENT",
    "KEYWORD Mine",
    "UNKEYWORD none",
    "FROM x",
    "HEADER X-y \"\"",
    "SUBJECT {3}\r\nabc",
    "BODY \"a b\"",
    "TEXT x",
    "LARGER 0",
    "SMALLER 99999999999",
    "BEFORE 1-Feb-1994",
    "SENTON \"1-Feb-1994\"",
    "SAVEDSINCE 1-Feb-1994",
    "OLDER 1",
    "YOUNGER 60",
    "MODSEQ 5",
    "MODSEQ \"/flags/\\\\draft\" all 5",
    "EMAILID Eabc",
    "NOT ALL",
    "OR ALL ALL",
    "(ALL ALL)",
    "((ALL))",
    "OR (FROM a TO b) NOT (CC c BCC d)",
    "CHARSET UTF-8 ALL",
    "charset us-ascii all",
};
static const char *const no_programs[] = {
    "",
    " ",
    "ALL ",
    "ALLX",
    "NOT",
    "OR ALL",
    "OR ALL ",
    "(ALL",
    "()",
    "ALL)",
    "FROM",
    "FROM ",
    "HEADER x",
    "KEYWORD",
    "LARGER",
    "LARGER x",
    "LARGER -1",
    "BEFORE x",
    "BEFORE 32-Jan-2000",
    "UID",
    "UID x",
    "0",
    "1:",
    "OLDER 0",
    "MODSEQ x",
    "CHARSET UTF-8",
    "CHARSET KOI8-R ALL",
    "TEXT {3}\r\nab",
    "EMAILID",
    "4294967296",
};

static int parse_program(const char *text)
{
    struct desk desk;
    struct program *program;
    struct imap_parser *p = open_desk(&desk, text);
    int rc = program_parse(&desk.session, p, &program);
    close_desk(&desk, text);
    return rc;
}

static void test_programs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof programs / sizeof *programs; i++)
        if (parse_program(programs[i]) < 0)
            fail_msg("%s was refused", programs[i]);
    for (unsigned i = 0; i < sizeof no_programs / sizeof *no_programs; i++)
        if (parse_program(no_programs[i]) == 0)
            fail_msg("%s was taken", no_programs[i]);
}

static void test_programs_have_limits(void **state)
{
    AUTO_BUFFER text = BUFFER(65536);
    (void)state;
    for (unsigned i = 0; i < PROGRAM_KEYS_MAX; i++)
        assert_int_equal(buffer_append_text(&text, i ? " ALL" : "ALL"), 0);
    assert_int_equal(parse_program(buffer_text(&text)), 0);
    assert_int_equal(buffer_append_text(&text, " ALL"), 0);
    assert_int_equal(parse_program(buffer_text(&text)), ERR_FULL);
    buffer_clear(&text);
    for (unsigned i = 0; i < 20 * PROGRAM_DEPTH_MAX; i++)
        assert_int_equal(buffer_append_text(&text, i % 2 ? "NOT " : "("), 0);
    assert_int_equal(parse_program(buffer_text(&text)), ERR_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_date_times),
        cmocka_unit_test(test_literals_at_the_end_of_a_line),
        cmocka_unit_test(test_sets_have_limits),
        cmocka_unit_test(test_a_range_of_all_is_counted),
        cmocka_unit_test(test_gaps_of_a_view),
        cmocka_unit_test(test_fetches),
        cmocka_unit_test(test_fetches_have_limits),
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_programs_have_limits),
    };
    return cmocka_run_group_tests_name("imap_grammar", tests, NULL, NULL);
}
