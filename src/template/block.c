/* Blocks: if, unless, each, with, tests, and the value that stands for itself. */
#include "template/render_internal.h"

#include <errno.h>
#include <json-c/json.h>

/* The context a helper of Handlebars' own passes on: never null. */
static struct value own_context(const struct frame *f)
{
    return value_is_nothing(f->context) ? (struct value){.kind = VALUE_EMPTY} : f->context;
}

/* One pass of each. */
struct pass {
    struct data data;
    struct parameters parameters;
    struct entry entry;
};

static int run_pass(struct render *r, const struct frame *f, const struct node *node,
                    struct pass *pass, struct value v)
{
    int rc = render_spend(r, 1);
    if (rc < 0)
        return rc;
    pass->parameters.values[0] = v;
    pass->parameters.values[1] = pass->data.key;
    pass->parameters.count = 2;
    pass->entry = (struct entry){v, &pass->data, &pass->parameters};
    return render_body(r, f, node->body, &pass->entry);
}

static int each_element(struct render *r, const struct frame *f, const struct node *node,
                        struct pass *pass, struct json_object *array)
{
    size_t count = json_object_array_length(array);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        pass->data.index = i;
        pass->data.key = value_of_number((double)i);
        pass->data.last = i + 1 == count;
        rc = run_pass(r, f, node, pass, value_of_json(json_object_array_get_idx(array, i)));
    }
    return rc;
}

static beside_descent int each_property(struct render *r, const struct frame *f,
                                        const struct node *node, struct pass *pass, struct value v,
                                        size_t *ret_count)
{
    AUTO_ARENA arena = ARENA((size_t)64 << 20);
    struct span *keys = NULL;
    int rc = render_spend(r, value_key_cost(v));
    if (rc == 0)
        rc = value_keys(v, &arena, &keys, ret_count);
    if (rc == -ENOMEM)
        return render_fail(r, rc, "out of memory");
    for (size_t i = 0; rc == 0 && i < *ret_count; i++) {
        pass->data.index = i;
        pass->data.key = value_of_text(keys[i]);
        pass->data.last = i + 1 == *ret_count;
        rc = run_pass(r, f, node, pass, value_named(v, keys[i]));
    }
    return rc;
}

/* ret_none: there was nothing to go through. */
static beside_descent int run_each(struct render *r, const struct frame *f, const struct node *node,
                                   struct value v, bool *ret_none)
{
    struct pass pass = {.data = *f->data};
    size_t count = 0;
    int rc = 0;
    pass.data.outer = f->data;
    pass.data.iterates = true;
    if (v.kind == VALUE_ARRAY) {
        count = json_object_array_length(v.json);
        rc = each_element(r, f, node, &pass, v.json);
    } else if (value_is_object(v)) {
        rc = each_property(r, f, node, &pass, v, &count);
    }
    *ret_none = count == 0;
    return rc;
}

static beside_descent int run_with(struct render *r, const struct frame *f, const struct node *node,
                                   struct value v)
{
    struct parameters parameters = {.values[0] = v, .count = 1};
    return render_body(r, f, node->body, &(struct entry){v, f->data, &parameters});
}

static int run_plain(struct render *r, const struct frame *f, uint32_t body, struct value context)
{
    return render_body(r, f, body, &(struct entry){context, f->data, NULL});
}

/* {{#name}} without a helper of that name: the value decides, and is the context. */
static beside_descent int run_named(struct render *r, const struct frame *f,
                                    const struct node *node, const struct expression *e)
{
    static const struct parameters none;
    struct value v = {0};
    bool empty = false;
    int rc = render_path(r, f, e, &v);
    if (rc < 0)
        return rc;
    if (value_is_nothing(v) || (v.kind == VALUE_BOOLEAN && !v.truth))
        return run_plain(r, f, node->inverse, f->context);
    if (v.kind == VALUE_BOOLEAN)
        return run_plain(r, f, node->body, f->context);
    if (v.kind != VALUE_ARRAY)
        return render_body(r, f, node->body, &(struct entry){v, f->data, &none});
    rc = run_each(r, f, node, v, &empty);
    return rc == 0 && empty ? run_plain(r, f, node->inverse, f->context) : rc;
}

/* if and unless: does the body (or else the inverse) run? */
static beside_descent int test_if(struct render *r, const struct frame *f,
                                  const struct expression *e, bool *ret_true)
{
    struct value v = {0}, zero = {0};
    int rc = render_count_arguments(r, e, 1, 1);
    if (rc == 0)
        rc = render_evaluate(r, f, e->arguments, &v);
    if (rc == 0)
        rc = render_pair(r, f, e, SPAN("includeZero"), &zero);
    if (rc < 0)
        return rc;
    bool includes_zero = value_truthy(zero);
    *ret_true = (includes_zero || value_truthy(v)) && !value_is_empty(v);
    *ret_true ^= e->helper == HELPER_UNLESS;
    return 0;
}

static beside_descent int loop_block(struct render *r, const struct frame *f,
                                     const struct node *node, const struct expression *e,
                                     bool *ret_else)
{
    struct value v = {0};
    int rc = render_count_arguments(r, e, 1, 1);
    if (rc == 0)
        rc = render_evaluate(r, f, e->arguments, &v);
    if (rc < 0)
        return rc;
    if (e->helper == HELPER_EACH)
        return run_each(r, f, node, v, ret_else);
    *ret_else = value_is_empty(v);
    return *ret_else ? 0 : run_with(r, f, node, v);
}

/* A helper that gives a value: tests choose a body, others show what they give. */
static beside_descent int value_block(struct render *r, const struct frame *f,
                                      const struct node *node, const struct expression *e,
                                      bool *ret_else)
{
    struct value v = {0};
    int rc = render_helper(r, f, e, &v);
    if (rc < 0)
        return rc;
    bool tests =
        (e->helper >= HELPER_EQUALS && e->helper <= HELPER_OR) || e->helper == HELPER_EQUAL;
    if (!tests)
        return render_value(r, v, false);
    *ret_else = !value_truthy(v);
    return *ret_else ? 0 : run_plain(r, f, node->body, own_context(f));
}

static int run_helper_block(struct render *r, const struct frame *f, const struct node *node,
                            const struct expression *e, bool *ret_else)
{
    bool truth = false;
    int rc;
    switch (e->helper) {
    case HELPER_IF:
    case HELPER_UNLESS:
        rc = test_if(r, f, e, &truth);
        *ret_else = !truth;
        return rc < 0 || !truth ? rc : run_plain(r, f, node->body, own_context(f));
    case HELPER_EACH:
    case HELPER_WITH:
        return loop_block(r, f, node, e, ret_else);
    default:
        return value_block(r, f, node, e, ret_else);
    }
}

/* Else chains are a loop, not a descent: {{else if}} is a block alone in the inverse. */
int render_block(struct render *r, const struct frame *f, const struct node *node)
{
    const struct template *t = f->activation->t;
    for (;;) {
        const struct expression *e = &t->expressions[node->expression];
        bool otherwise = false;
        if (e->kind == EXPRESSION_PATH)
            return run_named(r, f, node, e);
        int rc = run_helper_block(r, f, node, e, &otherwise);
        if (rc < 0 || !otherwise || !node->inverse)
            return rc;
        const struct body *inverse = &t->bodies[node->inverse - 1];
        if (!inverse->chained || value_is_nothing(f->context))
            return run_plain(r, f, node->inverse, own_context(f));
        rc = render_spend(r, 1);
        if (rc < 0)
            return rc;
        node = &t->nodes[inverse->first];
        r->node = node;
    }
}
