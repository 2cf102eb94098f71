/*
 * Renders templates for tests that have an oracle: a JSON object a line on standard input, another
 * on standard output.
 *
 *   {"template": "…", "data": …, "partials": {"name": "…"}, "options": {"noEscape", "strict",
 *    "sendgrid", "mailgun": true}}   →   {"text": "…", "missing": ["…"]} or {"error": "…"}
 *
 * As in npm's handlebars, a partial that does not compile is an error only when it is called.
 */
#include "template/template.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTIALS 30

static bool option(struct json_object *options, const char *name)
{
    struct json_object *value = json_object_object_get(options, name);
    return json_object_get_boolean(value);
}

static struct span text_of(struct json_object *value)
{
    return span_make(json_object_get_string(value), (size_t)json_object_get_string_len(value));
}

static void note_missing(void *arg, struct span path, unsigned line, unsigned column)
{
    (void)line, (void)column;
    json_object_array_add(arg, json_object_new_string_len(path.at, (int)path.len));
}

/* A partial that does not compile stands for an error when it is called: it calls what is not. */
static struct template *compile_partial(struct span source, const struct template_options *options)
{
    struct template *made = NULL;
    struct template_error error;
    if (template_compile(source, options, &made, &error) < 0 &&
        template_compile(SPAN("{{> [a partial that does not compile]}}"), options, &made, &error) <
            0)
        abort();
    return made;
}

static void answer(struct json_object *request, struct json_object *reply)
{
    struct json_object *from = json_object_object_get(request, "options"),
                       *missing = json_object_new_array();
    struct template_options options = {.plain = option(from, "noEscape"),
                                       .strict = option(from, "strict")};
    options.helpers = (option(from, "sendgrid") ? TEMPLATE_SENDGRID : 0) |
                      (option(from, "mailgun") ? TEMPLATE_MAILGUN : 0);
    struct template_partial partials[PARTIALS];
    struct template_call call = {.partials = partials, .missing = note_missing, .arg = missing};
    struct json_object *named = json_object_object_get(request, "partials");
    struct template *made = NULL;
    struct template_error error = {0};
    AUTO_BUFFER out = BUFFER(64 << 20);
    json_object_object_add(reply, "missing", missing);
    if (named) {
        json_object_object_foreach(named, name, source)
        {
            if (call.partial_count == PARTIALS)
                break;
            partials[call.partial_count++] = (struct template_partial){
                span_of(name), compile_partial(text_of(source), &options)};
        }
    }
    int rc = template_compile(text_of(json_object_object_get(request, "template")), &options, &made,
                              &error);
    if (rc == 0)
        rc = template_render(made, json_object_object_get(request, "data"), &call, &out, &error);
    if (rc < 0)
        json_object_object_add(reply, "error", json_object_new_string(error.text));
    else
        json_object_object_add(reply, "text",
                               json_object_new_string_len(buffer_span(&out).at, (int)out.len));
    template_free(made);
    for (size_t i = 0; i < call.partial_count; i++)
        template_free((struct template *)partials[i].template);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        struct json_object *request = json_tokener_parse(line), *reply = json_object_new_object();
        if (!request) {
            fprintf(stderr, "template_render: not JSON: %s", line);
            return 1;
        }
        answer(request, reply);
        printf("%s\n", json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN));
        json_object_put(reply);
        json_object_put(request);
    }
    free(line);
    return 0;
}
