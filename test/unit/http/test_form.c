/* Forms, urlencoded and multipart. */
#include "../expect.h"
#include "http/form.h"
#include "suite.h"

#include <errno.h>

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART  "multipart/form-data; boundary=b"

/* "name=value;" of each field, "name[file,type]=value;" of a part that says so. */
static void expect_form_at(struct span type, struct span body, const char *expected, int line)
{
    AUTO_ARENA arena = ARENA(200000);
    AUTO_BUFFER out = BUFFER(100000);
    struct form form = {0};
    struct span copy = exact_copy(body);
    int rc = form_parse(type, copy, &arena, &form);
    if (rc < 0)
        rc = buffer_append_text(&out, rc == ERR_SYNTAX   ? "bad"
                                      : rc == ERR_ABSENT ? "other"
                                      : rc == -E2BIG     ? "many"
                                      : rc == -EMSGSIZE  ? "long"
                                                         : "?");
    for (size_t i = 0; i < form.count; i++) {
        const struct form_field *f = &form.fields[i];
        rc |= buffer_append(&out, f->name);
        if (f->is_file || f->type.len)
            rc |= buffer_printf(&out, "[%.*s%s,%.*s]", SPAN_PRINT(f->file_name),
                                f->is_file ? "" : "-", SPAN_PRINT(f->type));
        rc |= buffer_printf(&out, "=%.*s;", SPAN_PRINT(f->value));
    }
    assert_int_equal(rc, 0);
    expect_span_at(buffer_span(&out), expected, __FILE__, line);
    test_free((void *)copy.at);
}
#define expect_form(type, body, expected) expect_form_at(SPAN(type), SPAN(body), expected, __LINE__)

static void test_urlencoded(void **state)
{
    (void)state;
    expect_form(URLENCODED, "a=b&c=d", "a=b;c=d;");
    expect_form(URLENCODED "; charset=utf-8", "to=x%40y+z&to=2", "to=x@y z;to=2;");
    expect_form(URLENCODED, "a&b=&=c&&", "a=;b=;=c;");
    expect_form(URLENCODED, "a=1=2", "a=1=2;");
    expect_form(URLENCODED, "", "");
    expect_form(URLENCODED, "%C3%BC=%e2%82%ac", "\303\274=\342\202\254;");
    expect_form(URLENCODED, "a=%0D%0A", "a=\r\n;");
    expect_form(URLENCODED, "a=%", "bad");
    expect_form(URLENCODED, "a=%zz", "bad");
    expect_form(URLENCODED, "a=%00", "bad");
    expect_form(URLENCODED, "a=%ff", "bad");
    expect_form("text/plain", "a=b", "other");
    expect_form("", "a=b", "other");
}

static void test_multipart(void **state)
{
    (void)state;
    expect_form(MULTIPART,
                "--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nx@y\r\n--b\r\n"
                "content-disposition: form-data; name=attachment; filename=\"a b.txt\"\r\n"
                "Content-Type: text/plain\r\n\r\nline\r\n--\r\nb\r\n\r\n--b--\r\n",
                "to=x@y;attachment[a b.txt,text/plain]=line\r\n--\r\nb\r\n;");
    expect_form("Multipart/Form-Data; boundary=\"b b\"", "", "bad");
    expect_form("multipart/form-data; boundary=\"b:b\"",
                "--b:b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n--b:b--", "=;");
    expect_form(MULTIPART, "--b--\r\n", "");
    expect_form(MULTIPART,
                "--b\r\nContent-Disposition: form-data; name=a; filename=\"\"\r\n\r\n\r\n--b--",
                "a[,]=;");
    expect_form("multipart/form-data", "--b--", "bad");
    expect_form("multipart/mixed; boundary=b", "--b--", "other");
}

#define PART(header) "--b\r\n" header "\r\n\r\nv\r\n--b--\r\n"

static void test_broken_multipart(void **state)
{
    (void)state;
    expect_form(MULTIPART, "", "bad");
    expect_form(MULTIPART, "preamble\r\n--b--\r\n", "bad");
    expect_form(MULTIPART, "--b\nContent-Disposition: form-data; name=a\n\nv\n--b--", "bad");
    expect_form(MULTIPART, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nv", "bad");
    expect_form(MULTIPART, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--b", "bad");
    expect_form(MULTIPART, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--b \r\n",
                "bad");
    expect_form(MULTIPART, "--bContent-Disposition: form-data; name=a\r\n\r\nv\r\n--b--", "bad");
    expect_form(MULTIPART, PART("Content-Disposition: form-data; name=a"), "a=v;");
    expect_form(MULTIPART, PART("Content-Disposition: form-data; name=a\r\n\r\nx\r\n--bx"), "bad");
    expect_form(MULTIPART, PART("Content-Disposition: attachment; name=a"), "bad");
    expect_form(MULTIPART, PART("Content-Disposition: form-data"), "bad");
    expect_form(MULTIPART, PART("Content-Disposition: form-data; filename=a"), "bad");
    expect_form(MULTIPART, PART("Content-Type: text/plain"), "bad");
    expect_form(MULTIPART, PART("Content-Disposition: form-data; name=a\r\n folded"), "bad");
    expect_form(MULTIPART, PART("Content-Disposition : form-data; name=a"), "bad");
    expect_form(MULTIPART, PART("Content-Disposition: form-data; name=\"a\rb\""), "bad");
    expect_form(MULTIPART, PART("Content-Disposition: form-data; name=\"a\nb\""), "bad");
    expect_form(MULTIPART, PART("Content-Disposition: form-data; name=\"a\0b\""), "bad");
    expect_form(MULTIPART, PART("Content-Disposition: form-data; name=\"\377\""), "bad");
    expect_form(MULTIPART,
                PART("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; "
                     "name=b"),
                "bad");
}

static void test_limits_of_forms(void **state)
{
    (void)state;
    AUTO_BUFFER body = BUFFER(100000);
    int rc = 0;
    for (int i = 0; i <= FORM_FIELDS_MAX; i++)
        rc |= buffer_append_text(&body, "a=&");
    expect_form_at(SPAN(URLENCODED), buffer_span(&body), "many", __LINE__);
    buffer_clear(&body);
    rc |= buffer_append_text(&body, "--b\r\nX: ");
    for (int i = 0; i < 5000; i++)
        rc |= buffer_append_byte(&body, 'x');
    expect_form_at(SPAN(MULTIPART), buffer_span(&body), "long", __LINE__);
    assert_int_equal(rc, 0);
}

int form_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urlencoded),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_broken_multipart),
        cmocka_unit_test(test_limits_of_forms),
    };
    return cmocka_run_group_tests_name("forms", tests, NULL, NULL);
}
