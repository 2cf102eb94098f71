/* Templates and their versions on the engine under test. */
#include "../store/suite.h"
#include "base/clock.h"
#include "submit/schema.h"
#include "submit/templates.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TENANT 1
#define OTHER  2
#define MEMORY ((size_t)16 * 1024 * 1024)
#define THEN   INT64_C(1750000000000)
#define LATER  (THEN + 5000)

#define expect_text(found, literal) assert_true(span_equal(found, SPAN(literal)))

struct shelf {
    struct store *store;
    struct arena arena;
};

static const struct span native = SPAN("native"), ses = SPAN("ses");

static void co_add(struct shelf *s, int64_t tenant, struct span space, struct span name, int code)
{
    struct stored_template one = {
        .name = name, .title = SPAN("Für Leute"), .meta = SPAN("{\"a\":1}")};
    assert_int_equal(templates_co_add(s->store, tenant, space, &one), code);
}

static void co_add_version(struct shelf *s, struct span name, struct span tag, bool active,
                           int code)
{
    struct stored_version version = {.tag = tag, .active = active, .subject = tag};
    assert_int_equal(templates_co_version_add(s->store, TENANT, native, name, &version), code);
}

static size_t co_count(struct shelf *s, int64_t tenant, struct span space)
{
    size_t count = 99;
    assert_int_equal(templates_co_count(s->store, tenant, space, &count), 0);
    return count;
}

/* Which one is active: its tag; empty: none. Found by key and by list. */
static struct span co_active(struct shelf *s, struct span name)
{
    struct stored_version found, *list;
    size_t count, active = 0;
    struct span tag = SPAN("");
    assert_int_equal(
        templates_co_version_list(s->store, TENANT, native, name, &s->arena, &list, &count), 0);
    for (size_t i = 0; i < count; i++)
        if (list[i].active && ++active)
            tag = list[i].tag;
    assert_true(active <= 1);
    int rc = templates_co_version_find(s->store, TENANT, native, name, SPAN(""), &s->arena, &found);
    assert_int_equal(rc, active ? 0 : ERR_ABSENT);
    if (rc == 0)
        assert_true(found.active && span_equal(found.tag, tag));
    return tag;
}

/* --- templates ------------------------------------------------------------------------------- */

static void names_co_main(struct shelf *s)
{
    struct stored_template one, change = {.name = SPAN("welcome"), .title = SPAN("Neu")};
    struct span name = SPAN("welcome");
    clock_fake(THEN, 1000);
    co_add(s, TENANT, native, name, 0);
    co_add(s, TENANT, native, name, ERR_EXISTS);
    co_add(s, TENANT, native, SPAN("Welcome"), 0); /* another name */
    co_add(s, TENANT, ses, name, 0);
    co_add(s, OTHER, native, name, 0);
    assert_int_equal(templates_co_find(s->store, TENANT, native, name, &s->arena, &one), 0);
    expect_text(one.name, "welcome");
    expect_text(one.title, "Für Leute");
    expect_text(one.meta, "{\"a\":1}");
    assert_true(one.id > 0 && one.created_ms == THEN && one.updated_ms == THEN);
    clock_fake(LATER, 2000);
    assert_int_equal(templates_co_change(s->store, TENANT, native, &change), 0);
    int64_t id = one.id;
    assert_int_equal(templates_co_find(s->store, TENANT, native, name, &s->arena, &one), 0);
    expect_text(one.title, "Neu");
    assert_true(one.id == id && one.meta.len == 0);
    assert_true(one.created_ms == THEN && one.updated_ms == LATER);
    clock_unfake();
    change.name = SPAN("nobody");
    assert_int_equal(templates_co_change(s->store, TENANT, native, &change), ERR_ABSENT);
    /* Nobody else's has changed. */
    assert_int_equal(templates_co_find(s->store, OTHER, native, name, &s->arena, &one), 0);
    expect_text(one.title, "Für Leute");
    assert_int_equal(templates_co_find(s->store, TENANT, ses, name, &s->arena, &one), 0);
    expect_text(one.title, "Für Leute");
    assert_int_equal(co_count(s, TENANT, native), 2);
    assert_int_equal(templates_co_remove(s->store, TENANT, native, name), 0);
    assert_int_equal(templates_co_remove(s->store, TENANT, native, name), ERR_ABSENT);
    assert_int_equal(templates_co_find(s->store, TENANT, native, name, &s->arena, &one),
                     ERR_ABSENT);
    assert_int_equal(co_count(s, TENANT, native), 1);
    assert_int_equal(co_count(s, TENANT, ses), 1);
    assert_int_equal(co_count(s, OTHER, native), 1);
    assert_int_equal(co_count(s, OTHER, ses), 0);
    co_add(s, TENANT, native, name, 0); /* the name is free again */
}

static void co_expect_page(struct shelf *s, struct span after, bool backwards, unsigned limit,
                           const char *names)
{
    struct stored_template *list;
    char found[100] = "";
    size_t count;
    assert_int_equal(templates_co_list(s->store, TENANT, native, after, backwards, limit, &s->arena,
                                       &list, &count),
                     0);
    for (size_t i = 0; i < count; i++) {
        assert_true(list[i].id > 0 && list[i].created_ms > 0 && list[i].meta.len == 7);
        snprintf(found + strlen(found), sizeof found - strlen(found), "%.*s ",
                 SPAN_PRINT(list[i].name));
    }
    assert_string_equal(found, names);
}

static void paging_co_main(struct shelf *s)
{
    static const struct span names[] = {SPAN("d"), SPAN("b"), SPAN("e"), SPAN("a"), SPAN("c")};
    co_expect_page(s, SPAN(""), false, 10, "");
    co_expect_page(s, SPAN(""), true, 10, "");
    for (int i = 0; i < 5; i++)
        co_add(s, TENANT, native, names[i], 0);
    co_add(s, TENANT, ses, SPAN("bb"), 0);
    co_add(s, OTHER, native, SPAN("bbb"), 0);
    co_expect_page(s, SPAN(""), false, 2, "a b ");
    co_expect_page(s, SPAN("b"), false, 2, "c d ");
    co_expect_page(s, SPAN("d"), false, 2, "e ");
    co_expect_page(s, SPAN("e"), false, 2, "");
    co_expect_page(s, SPAN("c"), true, 1, "b ");
    co_expect_page(s, SPAN("c"), true, 2, "b a ");
    co_expect_page(s, SPAN("cc"), true, 10, "c b a "); /* one that is not there */
    co_expect_page(s, SPAN("a"), true, 2, "");
    co_expect_page(s, SPAN(""), true, 2, "e d ");
    co_expect_page(s, SPAN(""), false, 0, "");
}

static void long_list_co_main(struct shelf *s)
{
    struct stored_template *list;
    size_t count;
    char name[20];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "t%03d", i);
        co_add(s, TENANT, native, span_of(name), 0);
    }
    for (int backwards = 0; backwards < 2; backwards++) {
        assert_int_equal(templates_co_list(s->store, TENANT, native, SPAN(""), backwards, 1000,
                                           &s->arena, &list, &count),
                         0);
        assert_int_equal(count, 256);
        assert_true(span_equal(list[255].name, backwards ? SPAN("t044") : SPAN("t255")));
    }
    assert_int_equal(co_count(s, TENANT, native), 300);
}

/* --- versions -------------------------------------------------------------------------------- */

static const struct stored_version full = {.tag = SPAN("v1"),
                                           .title = SPAN("first"),
                                           .subject = SPAN("Hi {{name}}"),
                                           .text = SPAN("text"),
                                           .html = SPAN("<p>\xc3\xbc</p>"),
                                           .amp = SPAN("<html amp4email>"),
                                           .test_data = SPAN("{\"name\":\"Ann\"}"),
                                           .meta = SPAN("{\"editor\":\"code\"}")};

static void expect_full(const struct stored_version *found, bool bodies)
{
    assert_true(span_equal(found->tag, full.tag) && span_equal(found->title, full.title));
    assert_true(span_equal(found->subject, full.subject) && span_equal(found->meta, full.meta));
    assert_true(span_equal(found->test_data, full.test_data));
    assert_true(span_equal(found->text, bodies ? full.text : SPAN("")));
    assert_true(span_equal(found->html, bodies ? full.html : SPAN("")));
    assert_true(span_equal(found->amp, bodies ? full.amp : SPAN("")));
}

static void contents_co_main(struct shelf *s)
{
    struct stored_template one = {.name = SPAN("t")};
    struct stored_version found, *list, change = {.tag = SPAN("v1"), .html = SPAN("<b>")};
    size_t count;
    clock_fake(THEN, 1000);
    assert_int_equal(templates_co_add_with(s->store, TENANT, native, &one, &full), 0);
    assert_int_equal(templates_co_add_with(s->store, TENANT, native, &one, &full), ERR_EXISTS);
    assert_int_equal(templates_co_version_find(s->store, TENANT, native, one.name, SPAN("v1"),
                                               &s->arena, &found),
                     0);
    expect_full(&found, true);
    assert_true(found.active && found.created_ms == THEN && found.updated_ms == THEN);
    expect_text(co_active(s, one.name), "v1");
    assert_int_equal(
        templates_co_version_list(s->store, TENANT, native, one.name, &s->arena, &list, &count), 0);
    assert_int_equal(count, 1);
    expect_full(&list[0], false);
    clock_fake(LATER, 2000);
    assert_int_equal(templates_co_version_change(s->store, TENANT, native, one.name, &change), 0);
    clock_unfake();
    assert_int_equal(templates_co_version_find(s->store, TENANT, native, one.name, SPAN("v1"),
                                               &s->arena, &found),
                     0);
    expect_text(found.html, "<b>");
    assert_true(!found.active && !found.text.len && !found.subject.len && !found.meta.len &&
                !found.test_data.len && !found.title.len && !found.amp.len);
    assert_true(found.created_ms == THEN && found.updated_ms == LATER);
    assert_int_equal(templates_co_find(s->store, TENANT, native, one.name, &s->arena, &one), 0);
    assert_int_equal(one.updated_ms, LATER);
}

static void one_active_co_main(struct shelf *s)
{
    struct span t = SPAN("t"), a = SPAN("a"), b = SPAN("b"), c = SPAN("c");
    struct stored_version *list, change = {.tag = a, .active = true};
    size_t count;
    co_add(s, TENANT, native, t, 0);
    expect_text(co_active(s, t), "");
    co_add_version(s, t, c, false, 0);
    expect_text(co_active(s, t), "");
    co_add_version(s, t, b, true, 0);
    co_add_version(s, t, a, false, 0);
    expect_text(co_active(s, t), "b");
    co_add_version(s, t, a, true, ERR_EXISTS); /* changes nothing */
    expect_text(co_active(s, t), "b");
    assert_int_equal(templates_co_version_change(s->store, TENANT, native, t, &change), 0);
    expect_text(co_active(s, t), "a");
    change = (struct stored_version){.tag = b};
    assert_int_equal(templates_co_version_change(s->store, TENANT, native, t, &change), 0);
    expect_text(co_active(s, t), "a"); /* another one is not active: nothing new */
    assert_int_equal(templates_co_version_remove(s->store, TENANT, native, t, b), 0);
    expect_text(co_active(s, t), "a");
    co_add_version(s, t, b, false, 0);
    assert_int_equal(
        templates_co_version_list(s->store, TENANT, native, t, &s->arena, &list, &count), 0);
    assert_int_equal(count, 3); /* oldest first */
    assert_true(span_equal(list[0].tag, c) && span_equal(list[1].tag, a) &&
                span_equal(list[2].tag, b));
    change = (struct stored_version){.tag = a};
    assert_int_equal(templates_co_version_change(s->store, TENANT, native, t, &change), 0);
    expect_text(co_active(s, t), "");
    change.active = true;
    assert_int_equal(templates_co_version_change(s->store, TENANT, native, t, &change), 0);
    assert_int_equal(templates_co_version_remove(s->store, TENANT, native, t, a), 0);
    expect_text(co_active(s, t), "");
}

/* What is absent, of whom ever. */
static void absent_co_main(struct shelf *s)
{
    struct span t = SPAN("t"), v1 = SPAN("v1"), gone = SPAN("gone");
    struct stored_template one = {.name = t}, *list;
    struct stored_version found, *versions, other = {.tag = gone};
    size_t count;
    assert_int_equal(templates_co_add_with(s->store, TENANT, native, &one, &full), 0);
    const struct {
        int64_t tenant;
        struct span space, name, tag;
    } places[] = {{OTHER, native, t, v1},
                  {TENANT, ses, t, v1},
                  {TENANT, native, gone, v1},
                  {TENANT, native, t, gone}};
    for (int i = 0; i < 4; i++) {
        int64_t tenant = places[i].tenant;
        struct span space = places[i].space, name = places[i].name, tag = places[i].tag;
        struct stored_version change = {.tag = tag, .active = true};
        assert_int_equal(
            templates_co_version_find(s->store, tenant, space, name, tag, &s->arena, &found),
            ERR_ABSENT);
        assert_int_equal(templates_co_version_change(s->store, tenant, space, name, &change),
                         ERR_ABSENT);
        assert_int_equal(templates_co_version_remove(s->store, tenant, space, name, tag),
                         ERR_ABSENT);
        if (i == 3)
            break;
        assert_int_equal(
            templates_co_version_find(s->store, tenant, space, name, SPAN(""), &s->arena, &found),
            ERR_ABSENT);
        assert_int_equal(templates_co_version_add(s->store, tenant, space, name, &other),
                         ERR_ABSENT);
        assert_int_equal(
            templates_co_version_list(s->store, tenant, space, name, &s->arena, &versions, &count),
            ERR_ABSENT);
        assert_int_equal(templates_co_remove(s->store, tenant, space, name), ERR_ABSENT);
        assert_int_equal(templates_co_find(s->store, tenant, space, name, &s->arena, &one),
                         ERR_ABSENT);
    }
    assert_int_equal(
        templates_co_list(s->store, OTHER, native, SPAN(""), false, 10, &s->arena, &list, &count),
        0);
    assert_int_equal(count, 0);
    expect_text(co_active(s, t), "v1");
    assert_int_equal(templates_co_version_find(s->store, TENANT, native, t, v1, &s->arena, &found),
                     0);
    expect_full(&found, true);
}

static const struct db_statement count_rows = {.sql = "SELECT COUNT(*) FROM submit_version"};

/* Also of what nobody could find any more. */
static int count_versions(struct db_tx *tx, void *ret_count)
{
    struct db_query *q;
    int rc = db_prepare(tx, &count_rows, &q);
    if (rc == 0)
        rc = db_step(q);
    if (rc == DB_ROW)
        *(int64_t *)ret_count = db_column_int(q, 0);
    return rc;
}

/* So many that removing takes several jobs; and no more than that. */
static void many_versions_co_main(struct shelf *s)
{
    struct span t = SPAN("t"), other = SPAN("other");
    struct stored_version *list;
    size_t count;
    int64_t rows;
    char tag[20];
    co_add(s, TENANT, native, t, 0);
    co_add(s, TENANT, native, other, 0);
    co_add_version(s, other, SPAN("kept"), true, 0);
    for (int i = 0; i < TEMPLATES_VERSIONS_MAX; i++) {
        snprintf(tag, sizeof tag, "%d", i);
        co_add_version(s, t, span_of(tag), i == 100, 0);
    }
    co_add_version(s, t, SPAN("one more"), true, -E2BIG);
    expect_text(co_active(s, t), "100");
    assert_int_equal(templates_co_remove(s->store, TENANT, native, t), 0);
    assert_int_equal(store_co_scan(s->store, count_versions, &rows), DB_ROW);
    assert_int_equal(rows, 1);
    co_add(s, TENANT, native, t, 0);
    assert_int_equal(
        templates_co_version_list(s->store, TENANT, native, t, &s->arena, &list, &count), 0);
    assert_int_equal(count, 0);
    expect_text(co_active(s, other), "kept");
}

static void limits_co_main(struct shelf *s)
{
    struct stored_template one = {.name = SPAN("t")};
    static const struct {
        size_t offset, max;
    } fields[] = {
        {offsetof(struct stored_version, tag), TEMPLATES_NAME_MAX},
        {offsetof(struct stored_version, title), TEMPLATES_TITLE_MAX},
        {offsetof(struct stored_version, subject), TEMPLATES_SUBJECT_MAX},
        {offsetof(struct stored_version, text), TEMPLATES_BODY_MAX},
        {offsetof(struct stored_version, html), TEMPLATES_BODY_MAX},
        {offsetof(struct stored_version, amp), TEMPLATES_BODY_MAX},
        {offsetof(struct stored_version, test_data), TEMPLATES_META_MAX},
        {offsetof(struct stored_version, meta), TEMPLATES_META_MAX},
    };
    char *bytes = malloc(TEMPLATES_BODY_MAX + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', TEMPLATES_BODY_MAX + 1);
    struct stored_version largest = {.tag = SPAN("largest")}, found;
    for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct stored_version version = {.tag = SPAN("v")};
        struct span *field = (struct span *)((char *)&version + fields[i].offset);
        *field = span_make(bytes, fields[i].max + 1);
        assert_int_equal(templates_co_add_with(s->store, TENANT, native, &one, &version), -E2BIG);
        *field = SPAN("\xff");
        assert_int_equal(templates_co_add_with(s->store, TENANT, native, &one, &version),
                         ERR_SYNTAX);
        *field = span_make("a\0b", 3);
        assert_int_equal(templates_co_version_add(s->store, TENANT, native, one.name, &version),
                         ERR_SYNTAX);
        assert_int_equal(templates_co_version_change(s->store, TENANT, native, one.name, &version),
                         ERR_SYNTAX);
        *(struct span *)((char *)&largest + fields[i].offset) = span_make(bytes, fields[i].max);
    }
    assert_int_equal(co_count(s, TENANT, native), 0);
    assert_int_equal(templates_co_add_with(s->store, TENANT, native, &one, &largest), 0);
    assert_int_equal(
        templates_co_version_find(s->store, TENANT, native, one.name, SPAN(""), &s->arena, &found),
        0);
    assert_true(span_equal(found.html, largest.html) && span_equal(found.amp, largest.amp));
    assert_true(span_equal(found.tag, largest.tag) && span_equal(found.meta, largest.meta));
    co_add(s, TENANT, native, span_make(bytes, TEMPLATES_NAME_MAX), 0);
    co_add(s, TENANT, native, span_make(bytes, TEMPLATES_NAME_MAX + 1), -E2BIG);
    co_add(s, TENANT, native, SPAN("\xc3"), ERR_SYNTAX);
    co_add(s, TENANT, native, SPAN(""), ERR_SYNTAX);
    co_add_version(s, one.name, SPAN(""), false, ERR_SYNTAX);
    one = (struct stored_template){.name = SPAN("t"), .meta = SPAN("\xff")};
    assert_int_equal(templates_co_change(s->store, TENANT, native, &one), ERR_SYNTAX);
    one.meta = span_make(bytes, TEMPLATES_META_MAX + 1);
    assert_int_equal(templates_co_change(s->store, TENANT, native, &one), -E2BIG);
    one = (struct stored_template){.name = SPAN("u"), .title = one.meta};
    assert_int_equal(templates_co_add(s->store, TENANT, native, &one), -E2BIG);
    assert_int_equal(co_count(s, TENANT, native), 2);
    free(bytes);
}

/* A caller's arena that is too small is told, and nothing is written there. */
static void small_arena_co_main(struct shelf *s)
{
    AUTO_ARENA small = ARENA(100);
    struct stored_template one = {.name = SPAN("t")}, *list = NULL;
    struct stored_version *versions = NULL, found = {.tag = SPAN("as before")};
    size_t count = 99;
    assert_int_equal(templates_co_add_with(s->store, TENANT, native, &one, &full), 0);
    assert_int_equal(
        templates_co_version_find(s->store, TENANT, native, one.name, SPAN("v1"), &small, &found),
        -ENOMEM);
    expect_text(found.tag, "as before");
    assert_int_equal(
        templates_co_list(s->store, TENANT, native, SPAN(""), false, 256, &small, &list, &count),
        -ENOMEM);
    assert_int_equal(
        templates_co_version_list(s->store, TENANT, native, one.name, &small, &versions, &count),
        -ENOMEM);
    assert_true(!list && !versions && count == 99);
}

/* --- running them ---------------------------------------------------------------------------- */

struct call {
    struct shelf *shelf;
    void (*co_fn)(struct shelf *s);
};

static int call_co_main(void *arg)
{
    struct call *call = arg;
    call->co_fn(call->shelf);
    return 0;
}

static void run(void (*co_fn)(struct shelf *s))
{
    struct shelf s = {.arena = ARENA(MEMORY)};
    struct place place;
    struct call call = {&s, co_fn};
    place_make(&place);
    s.store = place_open(&place, &submit_schema);
    assert_int_equal(loop_run_main("main", call_co_main, &call), 0);
    store_close(s.store);
    arena_free(&s.arena);
    place_remove(&place);
}

static void test_a_name_is_unique_in_its_space(void **state)
{
    (void)state;
    run(names_co_main);
}

static void test_pages_go_both_ways(void **state)
{
    (void)state;
    run(paging_co_main);
}

static void test_a_page_has_256_at_most(void **state)
{
    (void)state;
    run(long_list_co_main);
}

static void test_a_version_is_kept_whole(void **state)
{
    (void)state;
    run(contents_co_main);
}

static void test_one_version_at_most_is_active(void **state)
{
    (void)state;
    run(one_active_co_main);
}

static void test_the_absent_and_the_foreign(void **state)
{
    (void)state;
    run(absent_co_main);
}

static void test_all_versions_go_with_their_template(void **state)
{
    (void)state;
    run(many_versions_co_main);
}

static void test_limits(void **state)
{
    (void)state;
    run(limits_co_main);
}

static void test_a_small_arena(void **state)
{
    (void)state;
    run(small_arena_co_main);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_is_unique_in_its_space),
        cmocka_unit_test(test_pages_go_both_ways),
        cmocka_unit_test(test_a_page_has_256_at_most),
        cmocka_unit_test(test_a_version_is_kept_whole),
        cmocka_unit_test(test_one_version_at_most_is_active),
        cmocka_unit_test(test_the_absent_and_the_foreign),
        cmocka_unit_test(test_all_versions_go_with_their_template),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_a_small_arena),
    };
    return cmocka_run_group_tests_name("templates", tests, NULL, NULL);
}
