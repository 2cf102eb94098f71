/* Threads: the answers that RFC 5256 shows, the grouping by subject, a link-cut forest in all its
 * turns. Random letters are held against a model by test/oracle/test_thread.py. */
#include "suite.h"

#include "../expect.h"
#include "mail/thread_internal.h"

#include <errno.h>

#define DAY ((int64_t)86400000)

/* number, day, subject, ids ("own\nreference\n"), reply */
struct sample {
    uint32_t number;
    int64_t day;
    const char *subject, *ids;
    bool reply;
};

static struct thread *gather(const struct sample *letters, size_t count)
{
    struct thread *t = NULL;
    assert_int_equal(thread_open(&t), 0);
    for (size_t i = 0; i < count; i++) {
        struct thread_letter letter = {.number = letters[i].number,
                                       .sent_ms = letters[i].day * DAY,
                                       .ids = span_of(letters[i].ids),
                                       .subject = span_of(letters[i].subject),
                                       .reply = letters[i].reply};
        assert_int_equal(thread_add(t, &letter), 0);
    }
    return t;
}

#define EXPECT_THREADS(letters, by, expected)                                                      \
    do {                                                                                           \
        AUTO_BUFFER out = BUFFER(4096);                                                            \
        struct thread *t = gather(letters, sizeof(letters) / sizeof *(letters));                   \
        assert_int_equal(by(t, &out), 0);                                                          \
        expect_span(buffer_span(&out), expected);                                                  \
        thread_free(t);                                                                            \
    } while (0)

/* "* THREAD (2)(3 6 (4 23)(44 7 96))" of RFC 5256 4. */
static void test_the_answer_of_the_rfc(void **state)
{
    static const struct sample letters[] = {
        {2, 1, "a", "2\n", false},           {3, 2, "b", "3\n", false},
        {4, 4, "b", "4\n3\n6\n", false},     {6, 3, "b", "6\n3\n", false},
        {7, 6, "b", "7\n3\n6\n44\n", false}, {23, 7, "b", "23\n3\n6\n4\n", false},
        {44, 5, "b", "44\n3\n6\n", false},   {96, 8, "b", "96\n3\n6\n44\n7\n", false},
    };
    (void)state;
    EXPECT_THREADS(letters, thread_by_references, "(2)(3 6 (4 23)(44 7 96))");
    EXPECT_THREADS(letters, thread_by_subject, "(2)(3 (6)(4)(44)(7)(23)(96))");
}

/* "* THREAD ((3)(5))": their parent is not there. */
static void test_a_parent_that_is_missing(void **state)
{
    static const struct sample letters[] = {{3, 1, "a", "3\nx\n", false},
                                            {5, 2, "b", "5\nx\n", false}};
    static const struct sample alone[] = {{3, 1, "a", "3\nx\n", false}};
    static const struct sample nested[] = {{3, 1, "a", "3\nx\ny\n", false},
                                           {5, 2, "b", "5\nx\nz\n", false}};
    (void)state;
    EXPECT_THREADS(letters, thread_by_references, "((3)(5))");
    EXPECT_THREADS(alone, thread_by_references, "(3)");
    EXPECT_THREADS(nested, thread_by_references, "((3)(5))");
}

static void test_subjects_gather(void **state)
{
    static const struct sample two_dummies[] = {{1, 1, "s", "1\nx\n", false},
                                                {2, 2, "t", "2\nx\n", false},
                                                {3, 3, "s", "3\ny\n", false},
                                                {4, 4, "u", "4\ny\n", false}};
    static const struct sample into_dummy[] = {
        {1, 3, "s", "1\nx\n", false}, {2, 4, "t", "2\nx\n", false}, {3, 1, "s", "3\n", false}};
    static const struct sample three[] = {
        {1, 1, "s", "1\n", false}, {2, 2, "s", "2\n", false}, {3, 3, "s", "3\n", true}};
    static const struct sample empty[] = {{1, 1, "", "1\n", false}, {2, 2, "", "2\n", true}};
    (void)state;
    EXPECT_THREADS(two_dummies, thread_by_references, "((1)(2)(3)(4))");
    EXPECT_THREADS(into_dummy, thread_by_references, "((3)(1)(2))");
    EXPECT_THREADS(three, thread_by_references, "((1)(2)(3))");
    EXPECT_THREADS(empty, thread_by_references, "(1)(2)");
    EXPECT_THREADS(empty, thread_by_subject, "(1 2)");
}

static void test_no_letters(void **state)
{
    AUTO_BUFFER out = BUFFER(4096);
    struct thread *t = gather(NULL, 0);
    (void)state;
    assert_int_equal(thread_by_references(t, &out), 0);
    assert_int_equal(thread_by_subject(t, &out), 0);
    assert_int_equal(out.len, 0);
    thread_free(t);
    thread_free(NULL);
}

/* Past the buffer's cap there is an error, and nothing is lost but the answer. */
static void test_too_long_an_answer(void **state)
{
    static const struct sample letters[] = {{1000, 1, "a", "1\n", false}};
    AUTO_BUFFER out = BUFFER(3);
    struct thread *t = gather(letters, 1);
    (void)state;
    assert_int_equal(thread_by_references(t, &out), -ENOBUFS);
    thread_free(t);
}

#define NODES 200

static uint32_t walk_up(const uint32_t *parents, uint32_t node)
{
    while (parents[node] != THREAD_NONE)
        node = parents[node];
    return node;
}

/* Links and cuts at random; each root is what walking up finds. */
static void test_the_forest(void **state)
{
    struct thread_node *nodes = test_calloc(NODES, sizeof *nodes);
    uint32_t parents[NODES];
    uint64_t random = 5;
    (void)state;
    for (uint32_t i = 0; i < NODES; i++) {
        nodes[i].up = nodes[i].left = nodes[i].right = THREAD_NONE;
        parents[i] = THREAD_NONE;
    }
    for (unsigned turn = 0; turn < 20000; turn++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint32_t a = (uint32_t)(random >> 33) % NODES, b = (uint32_t)(random >> 45) % NODES;
        if (parents[a] != THREAD_NONE && random >> 62 == 0) {
            thread_cut(nodes, a);
            parents[a] = THREAD_NONE;
        } else if (parents[a] == THREAD_NONE && walk_up(parents, b) != a) {
            thread_link(nodes, a, b);
            parents[a] = b;
        }
        assert_int_equal(thread_find_root(nodes, b), walk_up(parents, b));
    }
    test_free(nodes);
}

int thread_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_answer_of_the_rfc),
        cmocka_unit_test(test_a_parent_that_is_missing),
        cmocka_unit_test(test_subjects_gather),
        cmocka_unit_test(test_no_letters),
        cmocka_unit_test(test_too_long_an_answer),
        cmocka_unit_test(test_the_forest),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
