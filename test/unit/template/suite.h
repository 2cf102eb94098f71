/* What the files of the template suite share. */
#ifndef TEST_TEMPLATE_SUITE_H
#define TEST_TEMPLATE_SUITE_H

#include "../expect.h"
#include "template/template.h"

#include <json-c/json.h>

int language_tests(void);
int whitespace_tests(void);
int partial_tests(void);
int dialect_tests(void);
int limit_tests(void);
int substitute_tests(void);

/* What a template makes of JSON data. */
#define expect_render(source, data, expected)                                                      \
    expect_render_at(SPAN(source), data, NULL, NULL, expected, __FILE__, __LINE__)
#define expect_render_with(source, data, options, call, expected)                                  \
    expect_render_at(SPAN(source), data, options, call, expected, __FILE__, __LINE__)
/* The same for one that fails, when it is compiled or when it is rendered: code and words. */
#define expect_failure(source, data, options, call, code, words)                                   \
    expect_failure_at(SPAN(source), data, options, call, code, words, __FILE__, __LINE__)

void expect_render_at(struct span source, const char *data, const struct template_options *options,
                      const struct template_call *call, const char *expected, const char *file,
                      int line);
void expect_failure_at(struct span source, const char *data, const struct template_options *options,
                       const struct template_call *call, int code, const char *words,
                       const char *file, int line);
struct template *compiled(const char *source);

#endif
