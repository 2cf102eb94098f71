/* Compiling: source to tree to program; see template.h. */
#include "template/template.h"

#include "base/utf8.h"
#include "template/program_internal.h"
#include "template/tree_internal.h"

#include <errno.h>
#include <stdlib.h>

#define TREE_MAX ((size_t)512 << 20) /* bytes: about 120 for each of the source */

int template_compile(struct span source, const struct template_options *options,
                     struct template **ret_template, struct template_error *ret_error)
{
    static const struct template_options plain;
    if (source.len > TEMPLATE_SOURCE_MAX)
        return template_fail(ret_error, ERR_FULL, 0, 0, "the template is longer than %u bytes",
                             TEMPLATE_SOURCE_MAX);
    if (!utf8_is_text(source))
        return template_fail(ret_error, ERR_SYNTAX, 0, 0,
                             "the template is not UTF-8, or holds a NUL");
    AUTO_ARENA arena = ARENA(TREE_MAX);
    struct parser parser = {.lexer = LEXER(source), .arena = &arena, .error = ret_error};
    struct tree_body *root = NULL;
    int rc = parse_template(&parser, &root);
    if (rc == 0) {
        whitespace_control(root);
        rc = program_emit(root, &parser.count, options ? options : &plain, ret_error, ret_template);
    }
    if (rc == -ENOMEM)
        rc = template_fail(ret_error, rc, 0, 0, "out of memory");
    return rc;
}

void template_free(struct template *t)
{
    free(t);
}

size_t template_size(const struct template *t)
{
    return t->size;
}
