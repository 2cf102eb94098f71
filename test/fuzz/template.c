/* Templates: compile and render with data of every kind; the same twice, within the budgets. */
#include "fuzz.h"

#include "base/utf8.h"
#include "template/template.h"

#include <json-c/json.h>

#define OUTPUT 20000

static const char data_text[] =
    "{\"a\": {\"b\": [1, 2.5, \"<x>\", null, {\"c\": []}], \"name\": \"Ben\"}, \"list\": [{\"a\": "
    "1}, \"s\", 3],"
    " \"1\": true, \"empty\": \"\", \"zero\": 0, \"no\": false, \"yes\": true, \"none\": null,"
    " \"text\": \"\xc3\xa9\xf0\x9f\x99\x82 & more\", \"when\": \"2026-11-23T10:00:00Z\"}";

static struct template *compile(struct span source, const struct template_options *options)
{
    struct template *made = NULL;
    struct template_error error;
    if (template_compile(source, options, &made, &error) == 0)
        return made;
    CLAIM(error.text[0]);
    CLAIM(!utf8_is_text(source) || error.line || error.text[0] == 'm' || error.text[0] == 't');
    return NULL;
}

static void render(const struct template *made, const struct template *partial,
                   struct json_object *data, struct buffer *out)
{
    struct template_partial partials[] = {{SPAN("p"), partial}};
    struct template_call call = {.partials = partials,
                                 .partial_count = partial ? 1 : 0,
                                 .operations = 20000,
                                 .output_max = OUTPUT};
    struct template_error error;
    int rc = template_render(made, data, &call, out, &error);
    CLAIM(rc == 0 || (out->len == 0 && error.text[0]));
    CLAIM(out->len <= OUTPUT);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct json_object *data;
    if (!data)
        data = json_tokener_parse(data_text);
    struct template_options options = {.helpers = TEMPLATE_SENDGRID | TEMPLATE_MAILGUN,
                                       .plain = size & 1,
                                       .strict = (size & 6) == 6};
    struct template *made = compile(span_make(bytes, size), &options);
    if (!made)
        return 0;
    AUTO_BUFFER first = BUFFER(2 * OUTPUT);
    AUTO_BUFFER again = BUFFER(2 * OUTPUT);
    CLAIM(template_size(made) <= 400 * (size + 10));
    render(made, made, data, &first); /* its own partial, too */
    render(made, made, data, &again);
    CLAIM(span_equal(buffer_span(&first), buffer_span(&again)));
    buffer_clear(&again);
    render(made, NULL, NULL, &again);
    template_free(made);
    return 0;
}
