/* Literal replacement of tags. */
#include "suite.h"

#include "template/substitute.h"

#include <errno.h>

static void test_one_pass(void **state)
{
    const struct substitution tags[] = {{SPAN("-name-"), SPAN("Ben %x% -n-")},
                                        {SPAN("-n-"), SPAN("N")},
                                        {SPAN("-name"), SPAN("short")},
                                        {SPAN("%x%"), SPAN("")},
                                        {SPAN(""), SPAN("never")},
                                        {SPAN("%x%"), SPAN("second")}};
    AUTO_BUFFER out = BUFFER(1000);
    (void)state;
    assert_int_equal(template_substitute(SPAN("-name- -name|-n- %x%| -n -"), tags, 6, &out), 0);
    expect_span(buffer_span(&out), "Ben %x% -n- short|N | -n -");
}

static void test_cap(void **state)
{
    const struct substitution tag = {SPAN("a"), SPAN("bbb")};
    AUTO_BUFFER out = BUFFER(5);
    (void)state;
    assert_int_equal(template_substitute(SPAN("xa"), &tag, 1, &out), 0);
    assert_int_equal(template_substitute(SPAN("a"), &tag, 1, &out), -ENOBUFS);
    expect_span(buffer_span(&out), "xbbb");
    assert_int_equal(template_substitute(SPAN(""), NULL, 0, &out), 0);
}

int substitute_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_pass),
        cmocka_unit_test(test_cap),
    };
    return cmocka_run_group_tests_name("template: substitution", tests, NULL, NULL);
}
