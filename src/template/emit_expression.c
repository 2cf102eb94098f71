/* Expressions of the program: what is a helper, a block parameter, a variable; see emit.c. */
#include "template/emit_internal.h"

#include "template/number_internal.h"

#include <string.h>

/* A path as the rules below see it; a literal in a callee's place is a path of its one name. */
struct named {
    struct span text, first; /* as written; its first name */
    const struct tree_name *names;
    uint32_t parts;
    unsigned depth;
    bool data, scoped; /* scoped: begins with a dot or holds the word this */
};

static bool is_word(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_';
}

/* Begins with a dot, or "this" stands at the end of a word, wherever: Handlebars' rule. */
static bool is_scoped(struct span text)
{
    if (text.len && text.at[0] == '.')
        return true;
    for (size_t i = 0; i + 4 <= text.len; i++)
        if (memcmp(text.at + i, "this", 4) == 0 && (i + 4 == text.len || !is_word(text.at[i + 4])))
            return true;
    return false;
}

/* The name a literal in a callee's place stands for: 12.0 is "12". */
static struct span literal_name(const struct tree_expression *e, char text[NUMBER_TEXT])
{
    return e->kind == TREE_NUMBER ? number_text(number_of(e->text), text) : e->text;
}

static struct named named(const struct tree_expression *e, char text[NUMBER_TEXT])
{
    if (e->kind == TREE_PATH)
        return (struct named){.text = e->text,
                              .first = e->names ? e->names->text : SPAN(""),
                              .names = e->names,
                              .parts = e->parts,
                              .depth = e->depth,
                              .data = e->data,
                              .scoped = is_scoped(e->text)};
    struct span name = literal_name(e, text);
    return (struct named){.text = name, .first = name, .parts = 1, .scoped = is_scoped(name)};
}

/* Where a block parameter of this name is: levels up, slot. */
static bool find_parameter(const struct emitter *e, const struct named *n, uint16_t *ret_depth,
                           uint16_t *ret_slot)
{
    if (n->depth || n->scoped || n->parts == 0)
        return false;
    uint16_t depth = 0;
    for (const struct emitter_scope *scope = e->scope; scope; scope = scope->outer, depth++) {
        uint16_t slot = 0;
        for (const struct tree_name *p = scope->parameters; p; p = p->next, slot++) {
            if (span_equal(p->text, n->first)) {
                *ret_depth = depth;
                *ret_slot = slot;
                return true;
            }
        }
    }
    return false;
}

static uint32_t emit_parts(struct emitter *e, const struct named *n, uint32_t skip)
{
    uint32_t first = e->used.parts, i = 0;
    if (!n->names && n->parts > skip)
        e->t->parts[e->used.parts++] = emit_part(e, n->text);
    for (const struct tree_name *name = n->names; name; name = name->next)
        if (i++ >= skip)
            e->t->parts[e->used.parts++] = emit_part(e, name->text);
    return first;
}

static enum data_name data_named(struct span name)
{
    static const char *const names[] = {[DATA_ROOT] = "root",
                                        [DATA_INDEX] = "index",
                                        [DATA_KEY] = "key",
                                        [DATA_FIRST] = "first",
                                        [DATA_LAST] = "last"};
    for (int i = DATA_ROOT; i <= DATA_LAST; i++)
        if (span_equal(name, span_of(names[i])))
            return (enum data_name)i;
    return DATA_NONE;
}

static struct expression path(struct emitter *e, const struct named *n, bool shown)
{
    struct expression made = {.kind = EXPRESSION_PATH,
                              .shown = shown,
                              .text = emit_text(e, n->text),
                              .depth = n->depth < UINT16_MAX ? (uint16_t)n->depth : UINT16_MAX};
    uint16_t depth, slot;
    if (find_parameter(e, n, &depth, &slot)) {
        made.root = PATH_PARAMETER;
        made.depth = depth;
        made.slot = slot;
        made.shown = false;
        made.part_count = n->parts - 1;
        made.parts = emit_parts(e, n, 1);
    } else if (n->first.len == 0) { /* no name, or the name []: the context itself */
        made.root = PATH_CONTEXT;
    } else {
        made.root = n->data ? PATH_DATA : PATH_CONTEXT;
        made.slot = n->data ? data_named(n->first) : 0;
        made.part_count = n->parts;
        made.parts = emit_parts(e, n, 0);
    }
    return made;
}

static struct expression literal(struct emitter *e, const struct tree_expression *value)
{
    struct expression made = {.kind = EXPRESSION_UNDEFINED};
    switch (value->kind) {
    case TREE_STRING:
        made.kind = EXPRESSION_STRING;
        made.text = emit_text(e, value->text);
        break;
    case TREE_NUMBER:
        made.kind = EXPRESSION_NUMBER;
        made.number = number_of(value->text);
        break;
    case TREE_BOOLEAN:
        made.kind = EXPRESSION_BOOLEAN;
        made.truth = span_equal(value->text, SPAN("true"));
        break;
    case TREE_NULL:
        made.kind = EXPRESSION_NULL;
        break;
    default:
        break;
    }
    return made;
}

void emit_value(struct emitter *e, const struct tree_expression *value, uint32_t at)
{
    char text[NUMBER_TEXT];
    if (value->kind == TREE_CALL) {
        emit_call(e, value, true, at);
    } else if (value->kind == TREE_PATH) {
        struct named n = named(value, text);
        e->t->expressions[at] = path(e, &n, false);
    } else {
        e->t->expressions[at] = literal(e, value);
    }
}

uint32_t emit_pairs(struct emitter *e, const struct tree_expression *pairs, uint32_t count)
{
    uint32_t first = e->used.pairs, at = first;
    e->used.pairs += count;
    for (const struct tree_expression *p = pairs; p; p = p->next, at++) {
        e->t->pairs[at].key = emit_part(e, p->key);
        e->t->pairs[at].value = p->kind == TREE_UNDEFINED ? PAIR_NONE : e->used.expressions++;
        if (p->kind != TREE_UNDEFINED)
            emit_value(e, p, e->t->pairs[at].value);
    }
    return first;
}

/* SendGrid writes (length x) without parentheses: {{#greaterThan 0 length x}}. */
static bool is_bare_length(const struct emitter *e, enum helper helper,
                           const struct tree_expression *call, const struct tree_expression *a)
{
    return (e->options.helpers & TEMPLATE_SENDGRID) && helper >= HELPER_EQUALS &&
           helper <= HELPER_OR && call->argument_count == 3 && a->next && a->kind == TREE_PATH &&
           span_equal(a->text, SPAN("length"));
}

static void emit_arguments(struct emitter *e, const struct tree_expression *call,
                           struct expression *made)
{
    uint32_t at = e->used.expressions;
    made->arguments = at;
    e->used.expressions += call->argument_count;
    for (const struct tree_expression *a = call->arguments; a; a = a->next, at++) {
        if (!is_bare_length(e, made->helper, call, a)) {
            emit_value(e, a, at);
            continue;
        }
        struct tree_expression length = {.kind = TREE_CALL,
                                         .callee = (struct tree_expression *)a,
                                         .arguments = a->next,
                                         .argument_count = 1};
        struct tree_expression argument = *a->next, *after = argument.next;
        argument.next = NULL;
        length.arguments = &argument;
        emit_call(e, &length, true, at);
        made->argument_count--;
        a = a->next;
        if (!after)
            break;
    }
}

/* The helper that a name means here, or HELPER_NONE: it is a value. */
static enum helper classify(const struct emitter *e, const struct named *n,
                            const struct tree_expression *call, bool sexpr)
{
    uint16_t depth, slot;
    bool simple = n->parts == 1 && !n->scoped && !n->depth;
    if (simple && find_parameter(e, n, &depth, &slot))
        return HELPER_NONE;
    enum helper own = n->parts ? helper_named(n->first, 0) : HELPER_MISSING;
    bool arguments = call->argument_count || call->pairs;
    if (!sexpr && !arguments)
        return simple && own != HELPER_MISSING ? own : HELPER_NONE;
    if (own != HELPER_MISSING || !simple || call->argument_count == 0)
        return own;
    return helper_named(n->first, e->options.helpers);
}

void emit_call(struct emitter *e, const struct tree_expression *call, bool sexpr, uint32_t at)
{
    char text[NUMBER_TEXT];
    struct named n = named(call->callee, text);
    struct expression made = {.kind = EXPRESSION_CALL};
    enum helper helper = classify(e, &n, call, sexpr);
    if (helper == HELPER_NONE) {
        e->t->expressions[at] = path(e, &n, true);
        return;
    }
    made.helper = helper;
    made.argument_count = (uint16_t)call->argument_count;
    made.pair_count = (uint16_t)call->pair_count;
    if (helper == HELPER_MISSING) {
        made.callee = e->used.expressions++;
        e->t->expressions[made.callee] = path(e, &n, true);
        made.text = e->t->expressions[made.callee].text;
    } else {
        made.text = emit_text(e, n.text);
    }
    emit_arguments(e, call, &made);
    made.pairs = emit_pairs(e, call->pairs, call->pair_count);
    e->t->expressions[at] = made;
}

uint32_t emit_partial_name(struct emitter *e, const struct tree_expression *name)
{
    char text[NUMBER_TEXT];
    uint32_t at = e->used.expressions++;
    if (name->kind == TREE_CALL)
        emit_call(e, name, true, at);
    else
        e->t->expressions[at] = (struct expression){.kind = EXPRESSION_STRING,
                                                    .text = emit_text(e, named(name, text).text)};
    return at;
}

uint32_t emit_context(struct emitter *e, const struct tree_expression *context)
{
    uint32_t at = e->used.expressions++;
    if (context)
        emit_value(e, context, at);
    else
        e->t->expressions[at] = (struct expression){.kind = EXPRESSION_PATH, .root = PATH_CONTEXT};
    return at;
}
