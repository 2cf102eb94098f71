/* Inline partials: those of a body, made known while it runs. */
#include "template/render_internal.h"

#include <errno.h>
#include <stdlib.h>

/* The name is looked for in the context around the body, as Handlebars does. */
static int inline_name(struct render *r, const struct frame *f, uint32_t expression,
                       struct span *ret_name)
{
    struct frame around = *f;
    struct value name;
    around.context = f->scope ? f->scope->context : (struct value){.kind = VALUE_UNDEFINED};
    int rc = render_evaluate(r, &around, expression, &name);
    if (rc < 0)
        return rc;
    AUTO_BUFFER scratch = BUFFER(VALUE_TEXT_MAX);
    rc = value_text(name, &scratch, ret_name);
    if (rc == 0) {
        *ret_name = arena_copy(r->texts, *ret_name);
        rc = ret_name->at ? 0 : ERR_FULL;
    }
    return rc < 0 ? render_fail(r, ERR_FULL, "the names of inline partials are too long") : 0;
}

int registry_make(struct render *r, const struct frame *f, const struct parameters *parameters,
                  const struct body *body, struct registry **ret_registry)
{
    const struct template *t = f->activation->t;
    struct registry *made = malloc(sizeof *made + body->inline_count * sizeof made->entries[0]);
    if (!made)
        return render_fail(r, -ENOMEM, "out of memory");
    *made = (struct registry){.outer = f->activation->registry};
    for (uint32_t i = 0; i < body->inline_count; i++) {
        const struct inline_partial *from = &t->inlines[body->inlines + i];
        int rc = inline_name(r, f, from->name, &made->entries[i].name);
        if (rc < 0) {
            free(made);
            return rc;
        }
        made->entries[i].closure = (struct closure){.activation = f->activation,
                                                    .body = from->body,
                                                    .scope = f->scope,
                                                    .parameters = parameters};
    }
    made->count = body->inline_count;
    *ret_registry = made;
    return render_spend(r, body->inline_count);
}
