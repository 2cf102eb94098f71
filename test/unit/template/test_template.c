/* Templates: the language one by one. That it is Handlebars' is test/oracle's to show. */
#include "suite.h"

static int render(struct span source, const char *data, const struct template_options *options,
                  const struct template_call *call, struct buffer *out,
                  struct template_error *error)
{
    struct template *made = NULL;
    struct span copy = exact_copy(source);
    int rc = template_compile(copy, options, &made, error);
    test_free((void *)copy.at);
    if (rc < 0)
        return rc;
    struct json_object *parsed = json_tokener_parse(data);
    rc = template_render(made, parsed, call, out, error);
    json_object_put(parsed);
    template_free(made);
    return rc;
}

void expect_render_at(struct span source, const char *data, const struct template_options *options,
                      const struct template_call *call, const char *expected, const char *file,
                      int line)
{
    AUTO_BUFFER out = BUFFER(1 << 20);
    struct template_error error = {0};
    int rc = render(source, data, options, call, &out, &error);
    if (rc < 0) {
        print_error("%.*s\nfails: %s\n", SPAN_PRINT(source), error.text);
        _fail(file, line);
    }
    expect_span_at(buffer_span(&out), expected, file, line);
}

void expect_failure_at(struct span source, const char *data, const struct template_options *options,
                       const struct template_call *call, int code, const char *words,
                       const char *file, int line)
{
    AUTO_BUFFER out = BUFFER(1 << 20);
    struct template_error error = {0};
    assert_int_equal(buffer_append(&out, SPAN("before")), 0);
    int rc = render(source, data, options, call, &out, &error);
    expect_span_at(buffer_span(&out), "before", file, line);
    if (rc == code && strstr(error.text, words))
        return;
    print_error("found:    %d \"%s\"\nexpected: %d \"%s\"\n", rc, error.text, code, words);
    _fail(file, line);
}

struct template *compiled(const char *source)
{
    struct template *made = NULL;
    struct template_error error;
    assert_int_equal(template_compile(span_of(source), NULL, &made, &error), 0);
    return made;
}

int main(void)
{
    return language_tests() + whitespace_tests() + partial_tests() + dialect_tests() +
           limit_tests() + substitute_tests();
}
