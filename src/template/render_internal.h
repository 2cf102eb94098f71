/*
 * Rendering: what the walk of a program carries. All of it lies on the C stack and ends with the
 * call that made it; the walk goes no deeper than TEMPLATE_DEPTH_MAX.
 *
 *   render       one call of template_render: output, budgets, the error
 *   activation   one running template: the root, or a partial
 *   frame        one running body: its context, what ../, @ and block parameters lead to
 */
#ifndef TEMPLATE_RENDER_INTERNAL_H
#define TEMPLATE_RENDER_INTERNAL_H

#include "template/value_internal.h"

/* Functions beside the descent stay out of the frames of those within it, which add up. */
#define beside_descent __attribute__((noinline))

/* Contexts from the inside out: ../ goes to outer. */
struct scope {
    struct value context;
    const struct scope *outer;
};

/* Values of a body's block parameters. */
struct parameters {
    struct value values[2];
    int count; /* -1: the helper gave none, and naming one is an error */
    const struct parameters *outer;
};

/* A body that runs later, with what is around it now: an inline partial, a partial block. */
struct closure {
    struct activation *activation;
    uint32_t body; /* plus one; 0 shows nothing */
    const struct scope *scope;
    const struct parameters *parameters;
    const struct closure *block; /* the @partial-block there */
};

/* What @ reaches. */
struct data {
    struct value root, key;
    size_t index;
    bool iterates, last;         /* iterates: key, index and last are set */
    const struct closure *block; /* @partial-block */
    const struct data *outer;
};

/* Inline partials that a body knows beside those around it. */
struct registry {
    const struct registry *outer;
    uint32_t count;
    struct {
        struct span name;
        struct closure closure;
    } entries[];
};

struct activation {
    const struct template *t;
    struct span name; /* of the partial; empty for the root */
    const struct registry *registry;
};

struct frame {
    struct activation *activation;
    struct value context;
    const struct scope *scope;
    const struct parameters *parameters;
    const struct data *data;
};

struct render {
    const struct template_call *call;
    struct buffer *out;
    size_t limit; /* of out->len */
    uint64_t operations;
    unsigned depth;
    const struct node *node; /* being rendered, of that activation: the place of errors */
    const struct activation *activation;
    struct arena *texts; /* what helpers make; ends with the render */
    struct template_error *error;
};

/* render.c */
int render_fail(struct render *r, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
must_check int render_spend(struct render *r, uint64_t operations);
must_check int render_bytes(struct render *r, struct span bytes);
must_check int render_value(struct render *r, struct value v, bool escaped);
/* How a body is entered. NULL parameters: the helper gives none. */
struct entry {
    struct value context;
    const struct data *data;
    const struct parameters *parameters; /* its outer is not looked at */
};
/* Runs a body of f's template; body plus one, 0 does nothing. */
must_check int render_body(struct render *r, const struct frame *f, uint32_t body,
                           const struct entry *entry);
/* Runs a template from its root: as a partial, or the render itself. */
must_check int render_root(struct render *r, struct activation *activation, struct value context,
                           const struct data *data);

/* path.c: what an expression is worth. */
must_check int render_evaluate(struct render *r, const struct frame *f, uint32_t expression,
                               struct value *ret_value);
must_check int render_path(struct render *r, const struct frame *f, const struct expression *e,
                           struct value *ret_value);
/* helper.c: a call that gives a value. */
must_check int render_helper(struct render *r, const struct frame *f, const struct expression *e,
                             struct value *ret_value);
/* The value of name=value; undefined when there is none. */
must_check int render_pair(struct render *r, const struct frame *f, const struct expression *e,
                           struct span name, struct value *ret_value);
must_check int render_count_arguments(struct render *r, const struct expression *e, unsigned least,
                                      unsigned most);
/* block.c, partial.c */
must_check int render_block(struct render *r, const struct frame *f, const struct node *node);
must_check int render_partial(struct render *r, const struct frame *f, const struct node *node);
/* inline.c: the inline partials of a body, known beside f's; to be freed. NULL: no memory. */
must_check int registry_make(struct render *r, const struct frame *f,
                             const struct parameters *parameters, const struct body *body,
                             struct registry **ret_registry);

#endif
