/*
 * Renders of a template with ten variables, in one thread: template TEMPLATE.hbs DATA.json SECONDS
 * prints renders a second. bench/template.py runs it beside npm's handlebars.
 */
#include "template/template.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int read_file(const char *path, struct buffer *b)
{
    FILE *file = fopen(path, "r");
    int c, rc = file ? 0 : -1;
    while (rc == 0 && (c = getc(file)) != EOF)
        rc = buffer_append_byte(b, (char)c);
    if (file)
        fclose(file);
    return rc;
}

int main(int argc, char **argv)
{
    AUTO_BUFFER source = BUFFER(1 << 20);
    AUTO_BUFFER text = BUFFER(1 << 20);
    AUTO_BUFFER out = BUFFER(1 << 20);
    struct template *made;
    struct template_error error = {0};
    if (argc != 4 || read_file(argv[1], &source) < 0 || read_file(argv[2], &text) < 0) {
        fprintf(stderr, "usage: template TEMPLATE DATA SECONDS\n");
        return 2;
    }
    struct json_object *data = json_tokener_parse(buffer_text(&text));
    if (!data || template_compile(buffer_span(&source), NULL, &made, &error) < 0) {
        fprintf(stderr, "template: %s\n", data ? error.text : "the data is not JSON");
        return 1;
    }
    double start = now(), end = start + atof(argv[3]), at;
    long renders = 0;
    do {
        for (int i = 0; i < 1000; i++, renders++) {
            buffer_clear(&out);
            if (template_render(made, data, NULL, &out, &error) < 0) {
                fprintf(stderr, "template: %s\n", error.text);
                return 1;
            }
        }
        at = now();
    } while (at < end);
    printf("%.0f %zu\n", (double)renders / (at - start), out.len);
    template_free(made);
    json_object_put(data);
    return 0;
}
