/* What emit.c (statements) and emit_expression.c share. */
#ifndef TEMPLATE_EMIT_INTERNAL_H
#define TEMPLATE_EMIT_INTERNAL_H

#include "template/program_internal.h"
#include "template/tree_internal.h"

/* The block parameters of one body, and of those around it. */
struct emitter_scope {
    const struct tree_name *parameters;
    const struct emitter_scope *outer;
};

struct emitter {
    struct template *t;
    struct template_options options;
    struct {
        uint32_t nodes, bodies, expressions, parts, pairs, partials, inlines, text;
    } used; /* never more than the tree's count, which gave the arrays their size */
    const struct emitter_scope *scope;
    struct template_error *error;
    int rc; /* the first failure */
};

struct text_ref emit_text(struct emitter *e, struct span text);
struct part emit_part(struct emitter *e, struct span name);
/* Fill the expression at that index, which is taken. */
void emit_value(struct emitter *e, const struct tree_expression *value, uint32_t at);
void emit_call(struct emitter *e, const struct tree_expression *call, bool sexpr, uint32_t at);
/* These return the index of what they made. */
uint32_t emit_partial_name(struct emitter *e, const struct tree_expression *name);
uint32_t emit_context(struct emitter *e, const struct tree_expression *context); /* NULL: this */
uint32_t emit_pairs(struct emitter *e, const struct tree_expression *pairs, uint32_t count);

#endif
