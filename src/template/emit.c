/*
 * From the tree to the flat program. Here it is decided what a name is: a helper, a block
 * parameter, a variable. The rules are those of Handlebars' compiler.
 */
#include "template/emit_internal.h"

#include "template/number_internal.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

struct text_ref emit_text(struct emitter *e, struct span text)
{
    struct text_ref ref = {e->used.text, (uint32_t)text.len};
    if (text.len)
        memcpy(e->t->pool + ref.at, text.at, text.len);
    e->t->pool[ref.at + text.len] = '\0';
    e->used.text += (uint32_t)text.len + 1;
    return ref;
}

uint32_t array_index(struct span key)
{
    uint64_t value;
    if (!span_to_uint(key, UINT32_MAX - 1, &value) || (key.len > 1 && key.at[0] == '0'))
        return PART_NO_INDEX;
    return (uint32_t)value;
}

struct part emit_part(struct emitter *e, struct span name)
{
    struct part part = {.text = emit_text(e, name), .index = array_index(name)};
    part.hash = e->t->hash(e->t->pool + part.text.at);
    return part;
}

static uint32_t emit_body(struct emitter *e, const struct tree_body *body);

static struct node emit_block(struct emitter *e, const struct tree_statement *s, struct node node)
{
    node.kind = NODE_BLOCK;
    node.expression = e->used.expressions++;
    emit_call(e, s->call, false, node.expression);
    node.body = s->body ? emit_body(e, s->body) + 1 : 0;
    node.inverse = s->inverse ? emit_body(e, s->inverse) + 1 : 0;
    return node;
}

static struct node emit_partial(struct emitter *e, const struct tree_statement *s, struct node node)
{
    const struct tree_expression *call = s->call;
    struct partial partial = {.indent = emit_text(e, s->indent)};
    node.kind = NODE_PARTIAL;
    node.partial = e->used.partials++;
    partial.name = emit_partial_name(e, call->callee);
    partial.context = emit_context(e, call->arguments);
    partial.pairs = emit_pairs(e, call->pairs, call->pair_count);
    partial.pair_count = call->pair_count;
    partial.body = s->body ? emit_body(e, s->body) + 1 : 0;
    e->t->partials[node.partial] = partial;
    return node;
}

/* The most common of all values has a kind of its own. */
static void name_node(const struct expression *e, struct node *node)
{
    if (e->kind != EXPRESSION_PATH || e->root != PATH_CONTEXT || e->depth || e->part_count != 1)
        return;
    node->kind = NODE_NAME;
    node->part = e->parts;
}

/* false: the statement leaves nothing to do. */
static bool emit_node(struct emitter *e, const struct tree_statement *s, struct node *ret_node)
{
    struct node node = {.line = s->line,
                        .column = s->column < UINT16_MAX ? (uint16_t)s->column : UINT16_MAX};
    switch (s->kind) {
    case TREE_CONTENT:
        node.kind = NODE_TEXT;
        if (s->value.len == 0)
            return false;
        node.text = emit_text(e, s->value);
        break;
    case TREE_MUSTACHE:
        node.kind = NODE_VALUE;
        node.escaped = s->escaped && !e->options.plain;
        node.expression = e->used.expressions++;
        emit_call(e, s->call, false, node.expression);
        name_node(&e->t->expressions[node.expression], &node);
        break;
    case TREE_BLOCK:
        node = emit_block(e, s, node);
        break;
    case TREE_PARTIAL:
        node = emit_partial(e, s, node);
        break;
    default:
        return false;
    }
    *ret_node = node;
    return true;
}

/* The one argument of {{#*inline name}}. */
static void emit_inline(struct emitter *e, const struct tree_statement *s, uint32_t at)
{
    const struct tree_expression *call = s->call;
    if (!span_equal(call->callee->text, SPAN("inline")) || call->argument_count != 1) {
        if (e->rc == 0)
            e->rc = template_fail(e->error, ERR_SYNTAX, s->line, s->column,
                                  "the only decorator is {{#*inline \"name\"}}, with one name");
        return;
    }
    struct inline_partial made = {.name = e->used.expressions++};
    emit_value(e, call->arguments, made.name);
    made.body = s->body ? emit_body(e, s->body) + 1 : 0;
    e->t->inlines[at] = made;
}

static uint32_t count_of(const struct tree_body *body, enum tree_kind kind)
{
    uint32_t count = 0;
    for (const struct tree_statement *s = body->first; s; s = s->next)
        count += s->kind == kind;
    return count;
}

static uint32_t emit_body(struct emitter *e, const struct tree_body *body)
{
    uint32_t index = e->used.bodies++;
    struct body made = {.first = e->used.nodes,
                        .inlines = e->used.inlines,
                        .parameters = body->parameters != NULL,
                        .chained = body->chained};
    struct emitter_scope scope = {body->parameters, e->scope};
    uint32_t at = made.first;
    for (const struct tree_statement *s = body->first; s; s = s->next)
        e->used.nodes += s->kind != TREE_COMMENT && s->kind != TREE_INLINE;
    e->used.inlines += count_of(body, TREE_INLINE);
    if (made.parameters)
        e->scope = &scope;
    for (const struct tree_statement *s = body->first; s; s = s->next) {
        if (s->kind == TREE_INLINE)
            emit_inline(e, s, made.inlines + made.inline_count++);
        else if (emit_node(e, s, &e->t->nodes[at]))
            at++;
    }
    made.count = at - made.first;
    if (made.parameters)
        e->scope = scope.outer;
    e->t->bodies[index] = made;
    return index;
}

/* Cuts an array of that many elements off the block. */
static void *cut(char **rest, size_t count, size_t size)
{
    void *at = *rest;
    *rest += (count * size + 15) & ~(size_t)15;
    return at;
}

static struct template *new_template(const struct tree_count *n)
{
    size_t size = sizeof(struct template) + n->nodes * sizeof(struct node) +
                  n->bodies * sizeof(struct body) + n->expressions * sizeof(struct expression) +
                  n->parts * sizeof(struct part) + n->pairs * sizeof(struct pair) +
                  n->partials * sizeof(struct partial) +
                  n->inlines * sizeof(struct inline_partial) + n->text + 9 * (size_t)16;
    struct template *t = calloc(1, size);
    if (!t)
        return NULL;
    char *rest = (char *)t;
    cut(&rest, 1, sizeof *t);
    t->size = size;
    t->nodes = cut(&rest, n->nodes, sizeof *t->nodes);
    t->bodies = cut(&rest, n->bodies, sizeof *t->bodies);
    t->expressions = cut(&rest, n->expressions, sizeof *t->expressions);
    t->parts = cut(&rest, n->parts, sizeof *t->parts);
    t->pairs = cut(&rest, n->pairs, sizeof *t->pairs);
    t->partials = cut(&rest, n->partials, sizeof *t->partials);
    t->inlines = cut(&rest, n->inlines, sizeof *t->inlines);
    t->pool = rest;
    return t;
}

/* json-c's hash of strings is the same for all objects of a process, but only they know it. */
static int learn_hash(struct template *t)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return -ENOMEM;
    t->hash = json_object_get_object(object)->hash_fn;
    json_object_put(object);
    return 0;
}

int program_emit(const struct tree_body *root, const struct tree_count *count,
                 const struct template_options *options, struct template_error *ret_error,
                 struct template **ret_template)
{
    struct tree_count room = *count;
    room.text += 64 * (uint64_t)room.partials + 64;
    struct emitter e = {.options = *options, .error = ret_error};
    e.t = room.text < UINT32_MAX ? new_template(&room) : NULL;
    if (!e.t)
        return -ENOMEM;
    int rc = learn_hash(e.t);
    if (rc == 0) {
        e.t->strict = options->strict;
        emit_body(&e, root);
        rc = e.rc;
    }
    if (rc < 0)
        free(e.t);
    else
        *ret_template = e.t;
    return rc;
}
