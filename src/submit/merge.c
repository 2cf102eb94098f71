/*
 * Merging; see merge.h.
 *
 * Each field of a content that may be a template is a part: compiled once for Handlebars, looked
 * over once for tags. A part without anything to replace is used as it stands.
 */
#include "submit/merge.h"

#include "base/error.h"
#include "template/substitute.h"
#include "template/template.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RENDERED_MAX      ((size_t)16 * 1024 * 1024)
#define SUBSTITUTIONS_MAX 10000
#define SECTION_ROUNDS    4  /* sections within sections */
#define DATA_DEPTH_MAX    40 /* data may have 32 */

enum part_kind { PART_TEXT, PART_HTML };

struct merge {
    const struct content *content;
    struct json_object *data; /* the content's */
    struct template *subject, *text, *amp, *html;
    struct template *headers[MERGE_PARTS_MAX];
    struct template_partial *partials;
    size_t partial_count;
};

/* What one group's merging shares. */
struct merging {
    const struct merge *merge;
    struct json_object *data; /* Handlebars' */
    struct substitution *tags;
    size_t tag_count;
    struct arena *arena;
    struct merge_letter *letter;
    struct merge_fault *fault;
};

static int fail(struct merge_fault *fault, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int fail(struct merge_fault *fault, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return code;
}

/* --- compiling ------------------------------------------------------------------------------- */

static bool has_handlebars(const struct content *content, struct span source)
{
    return (content->syntax == CONTENT_HANDLEBARS || content->syntax == CONTENT_BOTH) &&
           span_find_span(source, SPAN("{{")) >= 0;
}

static int compile(const struct content *content, struct span source, enum part_kind kind,
                   const char *what, struct template **ret_template, struct merge_fault *fault)
{
    struct template_error error;
    struct template_options options = {.helpers = content->helpers,
                                       .plain = kind == PART_TEXT || content->plain_html,
                                       .strict = content->strict};
    if (!has_handlebars(content, source))
        return 0;
    int rc = template_compile(source, &options, ret_template, &error);
    return rc < 0 ? fail(fault, rc, "%s: %s", what, error.text) : 0;
}

static int compile_partials(struct merge *merge, struct merge_fault *fault)
{
    const struct content *content = merge->content;
    if (content->partial_count == 0)
        return 0;
    merge->partials = calloc(content->partial_count, sizeof *merge->partials);
    if (!merge->partials)
        return -ENOMEM;
    for (size_t i = 0; i < content->partial_count; i++) {
        const struct content_partial *partial = &content->partials[i];
        struct template_options options = {
            .helpers = content->helpers, .plain = content->plain_html, .strict = content->strict};
        struct template_error error;
        struct template *template;
        int rc = template_compile(partial->source, &options, &template, &error);
        if (rc < 0)
            return fail(fault, rc, "partial %.*s: %s", SPAN_PRINT(partial->name), error.text);
        merge->partials[merge->partial_count++] =
            (struct template_partial){partial->name, template};
    }
    return 0;
}

static int read_data(struct merge *merge, struct merge_fault *fault)
{
    struct span text = merge->content->data;
    if (text.len == 0)
        return 0;
    struct json_tokener *tokener = json_tokener_new_ex(DATA_DEPTH_MAX);
    if (!tokener)
        return -ENOMEM;
    merge->data = json_tokener_parse_ex(tokener, text.at, (int)text.len);
    json_tokener_free(tokener);
    if (json_object_is_type(merge->data, json_type_object))
        return 0;
    return fail(fault, ERR_SYNTAX, "the data is no JSON object");
}

static int compile_all(struct merge *merge, struct merge_fault *fault)
{
    const struct content *content = merge->content;
    const struct compose_letter *letter = &content->letter;
    int rc = read_data(merge, fault);
    if (rc == 0)
        rc = compile_partials(merge, fault);
    if (rc == 0)
        rc = compile(content, letter->subject, PART_TEXT, "subject", &merge->subject, fault);
    if (rc == 0)
        rc = compile(content, letter->text, PART_TEXT, "text", &merge->text, fault);
    if (rc == 0)
        rc = compile(content, letter->amp, PART_HTML, "amp", &merge->amp, fault);
    if (rc == 0)
        rc = compile(content, letter->html, PART_HTML, "html", &merge->html, fault);
    for (size_t i = 0; rc == 0 && i < letter->header_count; i++)
        rc = compile(content, letter->headers[i].value, PART_TEXT, "header", &merge->headers[i],
                     fault);
    return rc;
}

int merge_open(const struct content *content, struct merge **ret_merge,
               struct merge_fault *ret_fault)
{
    *ret_fault = (struct merge_fault){0};
    if (content->letter.header_count > MERGE_PARTS_MAX)
        return fail(ret_fault, -E2BIG, "more than %d header fields", MERGE_PARTS_MAX);
    struct merge *merge = calloc(1, sizeof *merge);
    if (!merge)
        return -ENOMEM;
    merge->content = content;
    int rc = compile_all(merge, ret_fault);
    if (rc < 0) {
        merge_free(merge);
        return rc;
    }
    *ret_merge = merge;
    return 0;
}

void merge_free(struct merge *merge)
{
    if (!merge)
        return;
    template_free(merge->subject);
    template_free(merge->text);
    template_free(merge->amp);
    template_free(merge->html);
    for (size_t i = 0; i < MERGE_PARTS_MAX; i++)
        template_free(merge->headers[i]);
    for (size_t i = 0; i < merge->partial_count; i++)
        template_free((struct template *)merge->partials[i].template);
    free(merge->partials);
    json_object_put(merge->data);
    free(merge);
}

/* --- one group ------------------------------------------------------------------------------- */

static void note_missing(void *arg, struct span path, unsigned line, unsigned column)
{
    struct merging *m = arg;
    (void)line;
    (void)column;
    if (m->letter->missing.len == 0)
        m->letter->missing = arena_copy(m->arena, path);
}

/* Each key of the data is a tag, each value its text; sections come behind them. */
static int take_tags(struct merging *m, struct json_object *data)
{
    const struct content *content = m->merge->content;
    bool sections = content->syntax == CONTENT_SUBSTITUTE;
    size_t count = data ? (size_t)json_object_object_length(data) : 0;
    count += sections ? content->partial_count : 0;
    if (count > SUBSTITUTIONS_MAX)
        return fail(m->fault, -E2BIG, "more than %d substitutions", SUBSTITUTIONS_MAX);
    m->tags = arena_alloc(m->arena, (count + 1) * sizeof *m->tags);
    if (!m->tags)
        return -ENOMEM;
    if (data) {
        json_object_object_foreach(data, key, value)
        {
            const char *text = value ? json_object_get_string(value) : "";
            struct span copy = arena_copy(m->arena, span_of(text));
            if (!copy.at)
                return -ENOMEM;
            m->tags[m->tag_count++] = (struct substitution){span_of(key), copy};
        }
    }
    for (size_t i = 0; sections && i < content->partial_count; i++)
        m->tags[m->tag_count++] =
            (struct substitution){content->partials[i].name, content->partials[i].source};
    return 0;
}

/* In rounds while there are sections: their text has tags, too. */
static int substitute(const struct merging *m, struct span text, struct buffer *out)
{
    bool sections = m->merge->content->syntax == CONTENT_SUBSTITUTE;
    int rounds = sections && m->merge->content->partial_count ? SECTION_ROUNDS : 1;
    int rc = template_substitute(text, m->tags, m->tag_count, out);
    while (rc == 0 && --rounds > 0) {
        AUTO_BUFFER next = BUFFER(RENDERED_MAX);
        rc = template_substitute(buffer_span(out), m->tags, m->tag_count, &next);
        if (rc < 0 || span_equal(buffer_span(&next), buffer_span(out)))
            return rc;
        buffer_clear(out);
        rc = buffer_append(out, buffer_span(&next));
    }
    return rc;
}

static int replace(struct merging *m, struct span *text)
{
    AUTO_BUFFER out = BUFFER(RENDERED_MAX);
    if (m->tag_count == 0 || text->len == 0)
        return 0;
    int rc = substitute(m, *text, &out);
    if (rc < 0)
        return rc;
    *text = arena_copy(m->arena, buffer_span(&out));
    return text->at ? 0 : -ENOMEM;
}

/* The same value with the tags in its texts replaced; the names of members stay. */
static int replace_in(struct merging *m, struct json_object *value, int depth,
                      struct json_object **ret_value)
{
    struct json_object *copy = NULL, *item;
    int rc = depth > DATA_DEPTH_MAX ? -E2BIG : 0;
    if (rc == 0 && json_object_is_type(value, json_type_string)) {
        struct span text =
            span_make(json_object_get_string(value), (size_t)json_object_get_string_len(value));
        rc = replace(m, &text);
        copy = rc == 0 ? json_object_new_string_len(text.at, (int)text.len) : NULL;
    } else if (rc == 0 && json_object_is_type(value, json_type_array)) {
        copy = json_object_new_array();
        for (size_t i = 0; rc == 0 && i < json_object_array_length(value); i++) {
            rc = replace_in(m, json_object_array_get_idx(value, i), depth + 1, &item);
            if (rc == 0)
                json_object_array_add(copy, item);
        }
    } else if (rc == 0 && json_object_is_type(value, json_type_object)) {
        copy = json_object_new_object();
        json_object_object_foreach(value, name, member)
        {
            if (rc == 0 && (rc = replace_in(m, member, depth + 1, &item)) == 0)
                json_object_object_add(copy, name, item);
        }
    } else if (rc == 0) {
        copy = json_object_get(value);
    }
    if (rc < 0)
        json_object_put(copy);
    else
        *ret_value = copy;
    return rc;
}

/* What the group's data is for: Handlebars, or tags. *ret_own is to be given back. */
static int take_data(struct merging *m, struct json_object *data, struct json_object **ret_own)
{
    const struct merge *merge = m->merge;
    enum content_syntax syntax = merge->content->syntax;
    m->data = syntax == CONTENT_HANDLEBARS && data ? data : merge->data;
    if (syntax != CONTENT_SUBSTITUTE && (syntax != CONTENT_BOTH || !data))
        return 0;
    int rc = take_tags(m, data);
    if (rc == 0 && syntax == CONTENT_BOTH && m->data)
        rc = replace_in(m, m->data, 0, ret_own);
    if (rc == 0 && *ret_own)
        m->data = *ret_own;
    return rc;
}

static int render(struct merging *m, const struct template *template, const char *what,
                  struct span *ret_text)
{
    AUTO_BUFFER out = BUFFER(RENDERED_MAX);
    struct template_error error;
    struct template_call call = {.partials = m->merge->partials,
                                 .partial_count = m->merge->partial_count,
                                 .missing = note_missing,
                                 .arg = m};
    int rc = template_render(template, m->data, &call, &out, &error);
    if (rc == -ENOBUFS)
        return rc;
    if (rc == ERR_ABSENT)
        snprintf(m->fault->variable, sizeof m->fault->variable, "%.*s",
                 SPAN_PRINT(span_first(error.variable, sizeof m->fault->variable - 1)));
    if (rc < 0)
        return fail(m->fault, rc, "%s: %s", what, error.text);
    *ret_text = arena_copy(m->arena, buffer_span(&out));
    return ret_text->at ? 0 : -ENOMEM;
}

/* Replaces *text by what it becomes. */
static int fill(struct merging *m, const struct template *template, const char *what,
                struct span *text)
{
    int rc = template ? render(m, template, what, text) : 0;
    if (rc == 0)
        rc = replace(m, text);
    if (rc == -ENOBUFS)
        return fail(m->fault, ERR_FULL, "%s: becomes larger than 16 MiB", what);
    return rc;
}

/* A subject of a group's own is a template too, compiled for it alone. */
static int fill_subject(struct merging *m, const struct content_group *group, struct span *subject)
{
    struct template *own = NULL;
    if (group->subject.len == 0)
        return fill(m, m->merge->subject, "subject", subject);
    *subject = group->subject;
    int rc = compile(m->merge->content, group->subject, PART_TEXT, "subject", &own, m->fault);
    if (rc == 0)
        rc = fill(m, own, "subject", subject);
    template_free(own);
    return rc;
}

/* A field of the group replaces one of the content with its name. */
static int fill_headers(struct merging *m, const struct content_group *group,
                        struct compose_letter *letter)
{
    size_t max = letter->header_count + group->header_count, count = 0;
    struct compose_header *all = arena_alloc(m->arena, (max + 1) * sizeof *all);
    int rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < letter->header_count; i++) {
        bool replaced = false;
        for (size_t k = 0; k < group->header_count; k++)
            replaced |= span_equal_nocase(group->headers[k].name, letter->headers[i].name);
        all[count] = letter->headers[i];
        if (!replaced)
            rc = fill(m, m->merge->headers[i], "header", &all[count++].value);
    }
    for (size_t i = 0; rc == 0 && i < group->header_count; i++) {
        all[count] = group->headers[i];
        rc = fill(m, NULL, "header", &all[count++].value);
    }
    letter->headers = all;
    letter->header_count = count;
    return rc;
}

/* Tags stand in display names, and in addresses of Reply-To; who the author is stays. */
static int fill_boxes(struct merging *m, struct compose_letter *letter)
{
    struct compose_list *const lists[] = {&letter->from, &letter->sender, &letter->reply_to};
    int rc = 0;
    for (size_t i = 0; m->tag_count && rc == 0 && i < sizeof lists / sizeof *lists; i++) {
        struct mailbox *all = arena_alloc(m->arena, (lists[i]->count + 1) * sizeof *all);
        rc = all ? 0 : -ENOMEM;
        for (size_t k = 0; rc == 0 && k < lists[i]->count; k++) {
            all[k] = lists[i]->at[k];
            rc = replace(m, &all[k].name);
            if (rc == 0 && lists[i] == &letter->reply_to)
                rc = replace(m, &all[k].local);
            if (rc == 0 && lists[i] == &letter->reply_to)
                rc = replace(m, &all[k].domain);
        }
        lists[i]->at = all;
    }
    return rc;
}

static int fill_bodies(struct merging *m, struct compose_letter *letter)
{
    struct compose_body *all = arena_alloc(m->arena, (letter->body_count + 1) * sizeof *all);
    int rc = all ? 0 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < letter->body_count; i++) {
        all[i] = letter->bodies[i];
        rc = fill(m, NULL, "text", &all[i].text);
    }
    letter->bodies = all;
    return rc;
}

int merge_group(const struct merge *merge, const struct content_group *group,
                struct merge_letter *letter, struct arena *arena, struct compose *ret_compose,
                struct merge_fault *ret_fault)
{
    struct merging m = {.merge = merge, .arena = arena, .letter = letter, .fault = ret_fault};
    struct compose_letter out = merge->content->letter;
    struct json_object *own = NULL;
    *ret_fault = (struct merge_fault){0};
    out.id = letter->id;
    out.domain = letter->domain;
    out.date_ms = letter->date_ms;
    if (group->message_id.len)
        out.message_id = group->message_id;
    else if (out.message_id.len == 0)
        out.message_id = letter->msg_id;
    out.to = group->shown ? group->shown->to : group->to;
    out.cc = group->shown ? group->shown->cc : group->cc;
    if (group->from)
        out.from = (struct compose_list){group->from, 1};
    int rc = take_data(&m, group->data, &own);
    if (rc == 0)
        rc = fill_subject(&m, group, &out.subject);
    if (rc == 0)
        rc = fill(&m, merge->text, "text", &out.text);
    if (rc == 0)
        rc = fill(&m, merge->amp, "amp", &out.amp);
    if (rc == 0)
        rc = fill(&m, merge->html, "html", &out.html);
    if (rc == 0)
        rc = fill_headers(&m, group, &out);
    if (rc == 0)
        rc = fill_boxes(&m, &out);
    if (rc == 0 && m.tag_count)
        rc = fill_bodies(&m, &out);
    letter->subject = out.subject;
    letter->text = out.text;
    letter->html = out.html;
    letter->amp = out.amp;
    json_object_put(own);
    return rc < 0 ? rc : compose_open(&out, arena, ret_compose, &ret_fault->compose);
}
