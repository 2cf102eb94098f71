/* Partials: found by name, given their context, indented as the tag is. */
#include "template/render_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a name leads to: one of the two, or neither. */
struct target {
    const struct closure *closure;
    const struct template *t;
    bool is_block; /* the closure is the @partial-block */
    struct span name;
};

/* false: no inline partial of that name. The last of two of one name counts. */
static bool find_inline(const struct registry *registry, struct span name,
                        const struct closure **ret_closure)
{
    for (; registry; registry = registry->outer) {
        for (uint32_t i = registry->count; i-- > 0;) {
            if (span_equal(registry->entries[i].name, name)) {
                *ret_closure =
                    registry->entries[i].closure.body ? &registry->entries[i].closure : NULL;
                return true;
            }
        }
    }
    return false;
}

static struct target find(const struct render *r, const struct frame *f, struct span name,
                          bool dynamic)
{
    struct target target = {.name = name};
    if (!find_inline(f->activation->registry, name, &target.closure))
        for (size_t i = 0; i < r->call->partial_count && !target.t; i++)
            if (span_equal(r->call->partials[i].name, name))
                target.t = r->call->partials[i].template;
    if (!target.closure && !target.t && !dynamic && span_equal(name, SPAN("@partial-block"))) {
        target.closure = f->data->block;
        target.is_block = true;
    }
    return target;
}

/* Runs a body later than it was written, with what was around it then. */
static int run_closure(struct render *r, const struct closure *closure, struct value context,
                       const struct data *data)
{
    struct frame f = {.activation = closure->activation,
                      .context = context,
                      .scope = closure->scope,
                      .parameters = closure->parameters,
                      .data = data};
    return render_body(r, &f, closure->body, &(struct entry){context, data, NULL});
}

/* A partial block sees the data of where it is shown, but the block around where it is written. */
static beside_descent int run_block(struct render *r, const struct closure *block,
                                    struct value context, const struct data *data)
{
    struct data inner = *data;
    inner.outer = data;
    inner.block = block->block;
    return run_closure(r, block, context, &inner);
}

static int run_target(struct render *r, const struct frame *f, const struct target *target,
                      struct value context, const struct data *data,
                      const struct registry *registry)
{
    if (target->closure && target->is_block)
        return run_block(r, target->closure, context, data);
    if (target->closure)
        return run_closure(r, target->closure, context, data);
    struct activation activation = {.t = target->t, .name = target->name, .registry = registry};
    (void)f;
    return render_root(r, &activation, context, data);
}

static beside_descent int not_found(struct render *r, struct span name)
{
    if (span_equal(name, SPAN("@partial-block")))
        return render_fail(r, ERR_ABSENT,
                           "@partial-block is only there in a partial that was "
                           "called as a block: {{#> name}}…{{/name}}");
    return render_fail(r, ERR_ABSENT, "the partial \"%.*s\" does not exist",
                       SPAN_PRINT(span_first(name, 100)));
}

/* {{#> name}}…{{/name}}: the body is the partial's @partial-block, or stands in for it. */
static beside_descent int run_with_block(struct render *r, const struct frame *f,
                                         struct target *target, struct value context, uint32_t body)
{
    struct closure block = {.activation = f->activation,
                            .body = body,
                            .scope = f->scope,
                            .parameters = f->parameters,
                            .block = f->data->block};
    struct data data = *f->data;
    struct registry *own = NULL;
    const struct body *written = &f->activation->t->bodies[body - 1];
    int rc = 0;
    data.outer = f->data;
    data.block = &block;
    if (!target->closure && !target->t)
        return run_block(r, &block, context, &data);
    if (written->inline_count)
        rc = registry_make(r, f, f->parameters, written, &own);
    if (rc == 0)
        rc = run_target(r, f, target, context, &data, own ? own : f->activation->registry);
    free(own);
    return rc;
}

static int run_partial(struct render *r, const struct frame *f, const struct partial *partial,
                       struct target *target, struct value context)
{
    if (partial->body)
        return run_with_block(r, f, target, context, partial->body);
    if (!target->closure && !target->t)
        return not_found(r, target->name);
    return run_target(r, f, target, context, f->data, f->activation->registry);
}

/* Puts the indent before each line of the output from start on, but not behind the last. */
static beside_descent int indent_lines(struct render *r, size_t start, struct span indent)
{
    struct buffer *out = r->out;
    size_t lines = out->len > start, end = out->len;
    for (size_t i = start; i + 1 < end; i++)
        lines += out->at[i] == '\n';
    size_t more = lines * indent.len;
    int rc = render_spend(r, (end - start) / 64);
    if (rc < 0 || more == 0)
        return rc;
    if (more > r->limit - out->len || buffer_reserve(out, more) < 0)
        return render_fail(r, ERR_FULL, "the result is longer than allowed; give it less data");
    char *to = out->at + end + more;
    for (size_t i = end; i-- > start;) {
        *--to = out->at[i];
        if (i == start || out->at[i - 1] == '\n') {
            to -= indent.len;
            memcpy(to, indent.at, indent.len);
        }
    }
    out->len += more;
    return 0;
}

/* The context with the call's name=value pairs over it; to be freed. */
static beside_descent int merge(struct render *r, const struct frame *f,
                                const struct partial *partial, struct value base,
                                struct merged **ret_merged)
{
    const struct template *t = f->activation->t;
    struct merged *merged = malloc(sizeof *merged + partial->pair_count * sizeof merged->values[0]);
    if (!merged)
        return render_fail(r, -ENOMEM, "out of memory");
    *merged = (struct merged){
        .base = base, .t = t, .pairs = &t->pairs[partial->pairs], .count = partial->pair_count};
    int rc = render_spend(r, partial->pair_count);
    for (uint32_t i = 0; rc == 0 && i < partial->pair_count; i++)
        if (merged->pairs[i].value != PAIR_NONE)
            rc = render_evaluate(r, f, merged->pairs[i].value, &merged->values[i]);
    if (rc < 0)
        free(merged);
    else
        *ret_merged = merged;
    return rc;
}

static beside_descent int target_of(struct render *r, const struct frame *f,
                                    const struct partial *partial, struct target *ret_target)
{
    struct value name = {0};
    struct span text = SPAN("");
    AUTO_BUFFER scratch = BUFFER(1000);
    bool dynamic = f->activation->t->expressions[partial->name].kind == EXPRESSION_CALL;
    int rc = render_evaluate(r, f, partial->name, &name);
    if (rc < 0)
        return rc;
    if (dynamic && !value_truthy(name))
        name = (struct value){.kind = VALUE_UNDEFINED};
    if (value_text(name, &scratch, &text) < 0)
        return render_fail(r, -EINVAL, "the name of a partial is too long");
    *ret_target = find(r, f, text, dynamic);
    if (name.kind == VALUE_STRING)
        return render_spend(r, 1 + r->call->partial_count / 16);
    ret_target->name = arena_copy(r->texts, text);
    return ret_target->name.at ? 0 : render_fail(r, ERR_FULL, "too many names of partials");
}

int render_partial(struct render *r, const struct frame *f, const struct node *node)
{
    const struct template *t = f->activation->t;
    const struct partial *partial = &t->partials[node->partial];
    struct merged *merged = NULL;
    struct target target = {0};
    struct value context = {0};
    size_t start = r->out->len;
    int rc = target_of(r, f, partial, &target);
    if (rc == 0)
        rc = render_evaluate(r, f, partial->context, &context);
    if (rc == 0 && partial->pair_count) {
        rc = merge(r, f, partial, context, &merged);
        context = (struct value){.kind = VALUE_MERGED, .merged = merged};
    }
    if (rc == 0)
        rc = run_partial(r, f, partial, &target, context);
    if (rc == 0 && partial->indent.len)
        rc = indent_lines(r, start, program_text(t, partial->indent));
    free(merged);
    return rc;
}
