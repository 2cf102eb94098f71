/* What an expression is worth: literals, paths; calls are helper.c's. */
#include "template/render_internal.h"

#include <errno.h>

#define UNDEFINED ((struct value){.kind = VALUE_UNDEFINED})

static struct value context_at(const struct frame *f, unsigned depth)
{
    if (depth == 0)
        return f->context;
    const struct scope *scope = f->scope;
    while (scope && depth-- > 0)
        scope = scope->outer;
    return scope ? scope->context : UNDEFINED;
}

/* The frame that the ../ of a path with @ lead to, or NULL. */
static const struct data *data_frame(const struct frame *f, const struct expression *e)
{
    const struct data *data = f->data;
    for (unsigned depth = e->depth; data && depth > 0; depth--)
        data = data->outer;
    return data;
}

/* @name of a frame; the first part of the path is the name. */
static struct value data_at(const struct frame *f, const struct expression *e)
{
    const struct data *data = data_frame(f, e);
    if (!data || (!data->iterates && e->slot != DATA_ROOT))
        return UNDEFINED;
    switch (e->slot) {
    case DATA_ROOT:
        return data->root;
    case DATA_INDEX:
        return value_of_number((double)data->index);
    case DATA_KEY:
        return data->key;
    case DATA_FIRST:
        return value_of_truth(data->index == 0);
    case DATA_LAST:
        return value_of_truth(data->last);
    default:
        return UNDEFINED;
    }
}

static int parameter_at(struct render *r, const struct frame *f, const struct expression *e,
                        struct value *ret_value)
{
    const struct parameters *p = f->parameters;
    for (unsigned depth = e->depth; p && depth > 0; depth--)
        p = p->outer;
    if (!p || p->count < 0)
        return render_fail(r, -EINVAL,
                           "\"%.*s\" has no value: the helper of this block gives none to \"as "
                           "|…|\"",
                           SPAN_PRINT(program_text(f->activation->t, e->text)));
    *ret_value = e->slot < p->count ? p->values[e->slot] : UNDEFINED;
    return 0;
}

/* A variable is not there: an error in a strict template, a notice otherwise. */
static int absent(struct render *r, const struct frame *f, const struct expression *e)
{
    struct span path = program_text(f->activation->t, e->text);
    if (f->activation->t->strict) {
        int rc = render_fail(r, ERR_ABSENT, "the variable \"%.*s\" is not in the data",
                             SPAN_PRINT(span_first(path, 100)));
        if (r->error)
            r->error->variable = path;
        return rc;
    }
    if (r->call->missing)
        r->call->missing(r->call->arg, path, r->node->line, r->node->column);
    return 0;
}

/* Strict templates go no further from nothing, and what is shown must be there. */
static int strict_step(struct render *r, const struct frame *f, const struct expression *e,
                       struct value from, const struct part *part, bool last)
{
    if (value_is_nothing(from))
        return absent(r, f, e);
    if (last && e->shown && (!value_is_object(from) || !value_has(from, f->activation->t, part)))
        return absent(r, f, e);
    return 0;
}

/* The properties of a path, from i on, one after another. */
static int walk(struct render *r, const struct frame *f, const struct expression *e, uint32_t i,
                struct value *v)
{
    const struct template *t = f->activation->t;
    for (; i < e->part_count; i++) {
        const struct part *part = &t->parts[e->parts + i];
        int rc = 0;
        if (t->strict)
            rc = strict_step(r, f, e, *v, part, i + 1 == e->part_count);
        if (rc == 0 && v->kind == VALUE_STRING)
            rc = render_spend(r, value_cost(*v));
        if (rc < 0)
            return rc;
        if (e->root == PATH_DATA && !value_truthy(*v) && !t->strict)
            return 0; /* a falsy value behind @ stays what it is */
        if (value_is_nothing(*v))
            return 0;
        *v = value_property(*v, t, part);
    }
    return 0;
}

int render_path(struct render *r, const struct frame *f, const struct expression *e,
                struct value *ret_value)
{
    struct value v = UNDEFINED;
    uint32_t first = 0;
    int rc = 0;
    if (e->root == PATH_PARAMETER) {
        rc = parameter_at(r, f, e, &v);
    } else if (e->root == PATH_DATA) {
        v = data_at(f, e);
        first = 1;
        bool needed = !data_frame(f, e) || (e->shown && e->part_count == 1);
        if (v.kind == VALUE_UNDEFINED && needed && f->activation->t->strict)
            rc = absent(r, f, e);
    } else {
        v = context_at(f, e->depth);
    }
    if (rc == 0)
        rc = walk(r, f, e, first, &v);
    if (rc == 0 && v.kind == VALUE_UNDEFINED && e->shown && !f->activation->t->strict)
        rc = absent(r, f, e);
    if (rc == 0)
        *ret_value = v;
    return rc;
}

int render_evaluate(struct render *r, const struct frame *f, uint32_t expression,
                    struct value *ret_value)
{
    const struct template *t = f->activation->t;
    const struct expression *e = &t->expressions[expression];
    *ret_value = UNDEFINED;
    switch (e->kind) {
    case EXPRESSION_NULL:
        ret_value->kind = VALUE_NULL;
        return 0;
    case EXPRESSION_BOOLEAN:
        *ret_value = value_of_truth(e->truth);
        return 0;
    case EXPRESSION_NUMBER:
        *ret_value = value_of_number(e->number);
        return 0;
    case EXPRESSION_STRING:
        *ret_value = value_of_text(program_text(t, e->text));
        return 0;
    case EXPRESSION_PATH:
        return render_path(r, f, e, ret_value);
    case EXPRESSION_CALL:
        return render_helper(r, f, e, ret_value);
    default:
        return 0;
    }
}
