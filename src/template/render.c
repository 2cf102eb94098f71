/*
 * The walk of a program: a loop over the nodes of a body that appends to the output. Blocks
 * (block.c) and partials (partial.c) come back here for their bodies.
 */
#include "template/render_internal.h"

#include "template/error_internal.h"
#include "template/escape_internal.h"
#include "template/lookup_internal.h"
#include "template/number_internal.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define unlikely(condition) __builtin_expect(condition, 0)

#define TEXTS_MAX (4 << 20) /* bytes that helpers may make in one render */

int render_fail(struct render *r, int code, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct span partial = r->activation->name;
    uint32_t line = r->node ? r->node->line : 0, column = r->node ? r->node->column : 0;
    if (partial.len)
        return template_fail(r->error, code, line, column, "in the partial \"%.*s\": %s",
                             (int)(partial.len > 40 ? 40 : partial.len), partial.at, text);
    return template_fail(r->error, code, line, column, "%s", text);
}

int render_spend(struct render *r, uint64_t operations)
{
    if (r->operations >= operations) {
        r->operations -= operations;
        return 0;
    }
    return render_fail(r, ERR_FULL,
                       "the template takes too many steps; give it less data, or loop "
                       "less");
}

static int output_full(struct render *r, int code)
{
    if (code == -ENOMEM)
        return render_fail(r, code, "out of memory");
    return render_fail(r, ERR_FULL, "the result is longer than allowed; give it less data");
}

/* The room that bytes need is not there, or not allowed. */
static int make_room(struct render *r, size_t bytes)
{
    if (bytes > r->limit - r->out->len)
        return output_full(r, ERR_FULL);
    int rc = buffer_reserve(r->out, bytes);
    return rc < 0 ? output_full(r, rc) : 0;
}

/* memcpy without its call for the sizes of most pieces: from both ends, which may overlap. */
static inline void copy(char *to, const char *from, size_t size)
{
    if (size >= 16 && size <= 32) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8 && size < 16) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else {
        memcpy(to, from, size);
    }
}

static inline int append(struct render *r, struct span bytes)
{
    struct buffer *out = r->out;
    size_t room = out->size < r->limit ? out->size : r->limit;
    if (unlikely(bytes.len > room - out->len)) {
        int rc = make_room(r, bytes.len);
        if (rc < 0)
            return rc;
    }
    if (bytes.len == 0)
        return 0;
    copy(out->at + out->len, bytes.at, bytes.len);
    out->len += bytes.len;
    return 0;
}

int render_bytes(struct render *r, struct span bytes)
{
    return append(r, bytes);
}

static int render_escaped(struct render *r, struct span text)
{
    for (;;) {
        size_t plain = escape_plain_length(text);
        int rc = render_bytes(r, (struct span){text.at, plain});
        if (rc < 0 || plain == text.len)
            return rc;
        rc = append(r, escape_entity(text.at[plain]));
        if (rc < 0)
            return rc;
        text = (struct span){text.at + plain + 1, text.len - plain - 1};
    }
}

/* Arrays, and what is written like them: through a buffer of its own, as arrays hold strings. */
static int render_long(struct render *r, struct value v, bool escaped)
{
    AUTO_BUFFER text = BUFFER(r->limit - r->out->len + 1);
    int rc = value_append(v, &text);
    if (rc == -ENOMEM || rc == -ENOBUFS)
        return output_full(r, rc);
    if (rc < 0)
        return render_fail(r, rc, "arrays are more than %d levels deep", VALUE_ARRAYS_MAX);
    rc = render_spend(r, text.len / 64);
    if (rc < 0)
        return rc;
    return escaped ? render_escaped(r, buffer_span(&text)) : render_bytes(r, buffer_span(&text));
}

static int render_other(struct render *r, struct value v, bool escaped)
{
    char text[NUMBER_TEXT];
    if (v.kind == VALUE_NUMBER)
        return append(r, number_text(v.number, text));
    if (v.kind == VALUE_BOOLEAN)
        return append(r, v.truth ? SPAN("true") : SPAN("false"));
    return value_is_nothing(v) ? 0 : render_long(r, v, escaped);
}

int render_value(struct render *r, struct value v, bool escaped)
{
    if (v.kind == VALUE_STRING)
        return escaped ? render_escaped(r, v.text) : render_bytes(r, v.text);
    return render_other(r, v, escaped);
}

static beside_descent int run_value(struct render *r, const struct frame *f,
                                    const struct node *node)
{
    const struct expression *e = &f->activation->t->expressions[node->expression];
    struct value v;
    int rc = e->kind == EXPRESSION_PATH ? render_path(r, f, e, &v) : render_helper(r, f, e, &v);
    return rc < 0 ? rc : render_value(r, v, node->escaped);
}

/* {{name}} of an object, which is text: nothing is made on the way. Everything else as run_value.
 */
static inline int run_name(struct render *r, const struct frame *f, const struct node *node,
                           struct lh_table *table)
{
    const struct template *t = f->activation->t;
    struct lh_entry *entry = table ? lookup_part(table, t, &t->parts[node->part]) : NULL;
    struct json_object *json = entry ? (struct json_object *)lh_entry_v(entry) : NULL;
    int length = json ? json_object_get_string_len(json) : 0; /* 0 of what is not a string, too */
    if (length <= 0)
        return run_value(r, f, node);
    struct span text = {json_object_get_string(json), (size_t)length};
    if (node->escaped && escape_plain_length(text) != text.len)
        return render_escaped(r, text);
    return append(r, text);
}

static int run_nodes(struct render *r, const struct frame *f, const struct body *body)
{
    const struct template *t = f->activation->t;
    const struct node *node = &t->nodes[body->first], *end = node + body->count;
    struct lh_table *table =
        f->context.kind == VALUE_OBJECT ? json_object_get_object(f->context.json) : NULL;
    int rc = render_spend(r, body->count);
    for (; rc == 0 && node < end; node++) {
        r->node = node;
        switch (node->kind) {
        case NODE_TEXT:
            rc = append(r, program_text(t, node->text));
            break;
        case NODE_NAME:
            rc = run_name(r, f, node, table);
            break;
        case NODE_VALUE:
            rc = run_value(r, f, node);
            break;
        case NODE_BLOCK:
            rc = render_block(r, f, node);
            break;
        default:
            rc = render_partial(r, f, node);
        }
    }
    return rc;
}

/* Runs the nodes of a body in its frame, with the inline partials that it brings. */
static int run_body(struct render *r, const struct frame *outer, const struct frame *f,
                    const struct body *body)
{
    struct activation *activation = f->activation;
    const struct registry *around = activation->registry;
    const struct activation *caller = r->activation;
    const struct node *node = r->node;
    struct registry *own = NULL;
    if (r->depth == TEMPLATE_DEPTH_MAX)
        return render_fail(r, ERR_FULL,
                           "blocks and partials are more than %d levels deep; does a partial call "
                           "itself without end?",
                           TEMPLATE_DEPTH_MAX);
    r->depth++;
    r->activation = activation;
    int rc = 0;
    if (body->inline_count) {
        rc = registry_make(r, outer, f->parameters, body, &own);
        if (rc == 0)
            activation->registry = own;
    }
    if (rc == 0)
        rc = run_nodes(r, f, body);
    activation->registry = around;
    free(own);
    if (rc == 0) { /* a failure keeps its place */
        r->activation = caller;
        r->node = node;
    }
    r->depth--;
    return rc;
}

static beside_descent bool is_other_context(struct value context, const struct scope *scope)
{
    struct value around = scope ? scope->context : (struct value){.kind = VALUE_UNDEFINED};
    if (context.kind == VALUE_EMPTY && around.kind == VALUE_NULL)
        return false;
    return !value_equal(context, around);
}

/* Is this context another than the one that ../ would leave? */
static inline bool is_new_context(const struct value *context, const struct scope *scope)
{
    if (scope && context->kind == VALUE_OBJECT && scope->context.kind == VALUE_OBJECT)
        return context->json != scope->context.json;
    return is_other_context(*context, scope);
}

int render_body(struct render *r, const struct frame *f, uint32_t body_plus_one,
                const struct entry *entry)
{
    if (body_plus_one == 0)
        return 0;
    const struct body *body = &f->activation->t->bodies[body_plus_one - 1];
    struct scope scope = {entry->context, f->scope};
    struct parameters parameters = {.count = -1};
    struct frame inner = {.activation = f->activation,
                          .context = entry->context,
                          .scope = is_new_context(&entry->context, f->scope) ? &scope : f->scope,
                          .parameters = f->parameters,
                          .data = entry->data};
    if (body->parameters) {
        if (entry->parameters)
            parameters = *entry->parameters;
        parameters.outer = f->parameters;
        inner.parameters = &parameters;
    }
    return run_body(r, f, &inner, body);
}

int render_root(struct render *r, struct activation *activation, struct value context,
                const struct data *data)
{
    struct scope scope = {context, NULL};
    struct frame outside = {.activation = activation, .data = data},
                 inner = {
                     .activation = activation, .context = context, .scope = &scope, .data = data};
    return run_body(r, &outside, &inner, &activation->t->bodies[0]);
}

static size_t limit_of(const struct buffer *out, const struct template_call *call)
{
    size_t most = call->output_max ? call->output_max : TEMPLATE_OUTPUT_MAX;
    size_t room = out->cap > out->len ? out->cap - out->len : 0;
    return out->len + (most < room ? most : room);
}

int template_render(const struct template *t, struct json_object *data,
                    const struct template_call *call, struct buffer *out,
                    struct template_error *ret_error)
{
    static const struct template_call plain;
    call = call ? call : &plain;
    AUTO_ARENA texts = ARENA(TEXTS_MAX);
    struct activation activation = {.t = t, .name = SPAN("")};
    struct render r = {.call = call,
                       .out = out,
                       .limit = limit_of(out, call),
                       .operations = call->operations ? call->operations : TEMPLATE_OPERATIONS,
                       .activation = &activation,
                       .texts = &texts,
                       .error = ret_error};
    size_t before = out->len;
    struct data top = {.root = value_of_json(data)};
    int rc = render_root(&r, &activation, top.root, &top);
    if (rc < 0)
        out->len = before;
    return rc;
}
