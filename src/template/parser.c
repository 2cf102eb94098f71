/* Statements: text, tags, blocks with their else chains, partials, raw blocks. */
#include "template/number_internal.h"
#include "template/tree_internal.h"

#include <errno.h>

static int parse_body(struct parser *p, struct tree_body **ret_body);

static struct tree_statement *new_statement(struct parser *p, enum tree_kind kind)
{
    struct tree_statement *s = arena_zero(p->arena, sizeof *s);
    if (s) {
        s->kind = kind;
        s->line = p->token.line;
        s->column = p->token.column;
        p->count.nodes++;
    }
    return s;
}

static struct tree_body *new_body(struct parser *p)
{
    struct tree_body *body = arena_zero(p->arena, sizeof *body);
    if (body)
        p->count.bodies++;
    return body;
}

static void append(struct tree_body *body, struct tree_statement *s)
{
    s->previous = body->last;
    *(body->last ? &body->last->next : &body->first) = s;
    body->last = s;
}

static struct tree_strip strip_of(struct token open, struct token close)
{
    return (struct tree_strip){open.strip_left, close.strip_right};
}

/* as |a b| */
static int parse_parameters(struct parser *p, struct tree_body *body)
{
    if (p->token.kind != TOKEN_OPEN_BLOCK_PARAMS)
        return 0;
    parse_advance(p);
    if (p->token.kind != TOKEN_ID)
        return parse_fault(p, "a name");
    struct tree_name **end = &body->parameters;
    for (; p->token.kind == TOKEN_ID; parse_advance(p)) {
        struct tree_name *name = arena_zero(p->arena, sizeof *name);
        if (!name)
            return -ENOMEM;
        name->text = p->token.text;
        *end = name;
        end = &name->next;
        body->parameter_count++;
    }
    return parse_expect(p, TOKEN_CLOSE_BLOCK_PARAMS);
}

/* Both were written alike, and as the same kind of thing. */
static bool same_name(const struct tree_expression *a, const struct tree_expression *b)
{
    bool text_a = a->kind == TREE_PATH || a->kind == TREE_STRING,
         text_b = b->kind == TREE_PATH || b->kind == TREE_STRING;
    if (a->kind == TREE_CALL || text_a != text_b || (!text_a && a->kind != b->kind))
        return false;
    return a->kind == TREE_NUMBER ? number_of(a->text) == number_of(b->text)
                                  : span_equal(a->text, b->text);
}

/* {{/name}}, which must name what was opened. */
static int parse_close(struct parser *p, const struct tree_expression *open,
                       struct tree_strip *ret_strip)
{
    struct tree_expression *name = NULL;
    struct token start = p->token;
    if (start.kind != TOKEN_OPEN_END_BLOCK)
        return template_fail(p->error, ERR_SYNTAX, start.line, start.column,
                             "here is %s, but the block \"%.*s\" of line %u is not closed",
                             token_words(start.kind), SPAN_PRINT(open->text), open->line);
    parse_advance(p);
    int rc = parse_operand(p, false, &name);
    if (rc < 0)
        return rc;
    if (!same_name(open, name))
        return template_fail(p->error, ERR_SYNTAX, start.line, start.column,
                             "\"%.*s\" is closed here, but the open block is \"%.*s\" of line %u",
                             SPAN_PRINT(name->text), SPAN_PRINT(open->text), open->line);
    *ret_strip = strip_of(start, p->token);
    return parse_expect(p, TOKEN_CLOSE);
}

/* The head of a block, from the opening token to }}; its body's parameters go into body. */
static int parse_head(struct parser *p, bool dynamic, struct tree_statement *s,
                      struct tree_body *body)
{
    struct token open = p->token;
    parse_advance(p);
    int rc = parse_call(p, dynamic, &s->call);
    if (rc == 0 && body)
        rc = parse_parameters(p, body);
    s->open = strip_of(open, p->token);
    return rc < 0 ? rc : parse_expect(p, TOKEN_CLOSE);
}

/* The statements of a body whose head has been read (and gave it parameters). */
static int fill_body(struct parser *p, struct tree_body *body)
{
    struct tree_body *inner = NULL;
    int rc = parse_body(p, &inner);
    if (rc < 0)
        return rc;
    body->first = inner->first;
    body->last = inner->last;
    p->count.bodies--;
    return 0;
}

static int parse_else(struct parser *p, struct tree_statement *s)
{
    s->middle = strip_of(p->token, p->token);
    parse_advance(p);
    return parse_body(p, &s->inverse);
}

/*
 * {{else if …}}…: a block within the inverse of the one before. Its end, as far as tildes go, is
 * the tag that ends the whole for the first, its own head for the others, as Handlebars has it.
 */
static int parse_chain(struct parser *p, struct tree_statement *s)
{
    unsigned entered = 0;
    struct tree_statement *first = NULL;
    int rc = 0;
    while (rc == 0 && p->token.kind == TOKEN_OPEN_CHAIN) {
        struct tree_statement *link = new_statement(p, TREE_BLOCK);
        struct tree_body *holder = new_body(p), *body = new_body(p);
        if (!link || !holder || !body)
            return -ENOMEM;
        entered++;
        rc = parse_enter(p);
        if (rc == 0)
            rc = parse_head(p, false, link, body);
        if (rc == 0)
            rc = fill_body(p, body);
        link->body = body;
        link->close = link->open;
        append(holder, link);
        holder->chained = true;
        s->inverse = holder;
        s->middle = link->open;
        first = first ? first : link;
        s = link;
    }
    if (rc == 0 && p->token.kind == TOKEN_INVERSE)
        rc = parse_else(p, s);
    p->nesting -= entered;
    return rc;
}

static int parse_block(struct parser *p, struct tree_body *into)
{
    bool inverted = p->token.kind == TOKEN_OPEN_INVERSE, star = p->token.star;
    struct tree_statement *s = new_statement(p, star ? TREE_INLINE : TREE_BLOCK);
    struct tree_body *body = new_body(p);
    if (!s || !body)
        return -ENOMEM;
    append(into, s);
    int rc = parse_head(p, false, s, body);
    if (rc == 0)
        rc = fill_body(p, body);
    if (rc < 0)
        return rc;
    s->body = body;
    if (star && (p->token.kind == TOKEN_INVERSE || p->token.kind == TOKEN_OPEN_CHAIN))
        return template_fail(p->error, ERR_SYNTAX, p->token.line, p->token.column,
                             "an inline partial has no {{else}}; close it with {{/inline}}");
    if (p->token.kind == TOKEN_INVERSE)
        rc = parse_else(p, s);
    else if (p->token.kind == TOKEN_OPEN_CHAIN && !inverted)
        rc = parse_chain(p, s);
    if (rc == 0)
        rc = parse_close(p, s->call->callee, &s->close);
    if (rc == 0 && s->inverse && s->inverse->chained)
        s->inverse->first->close = s->close;
    if (inverted) {
        s->body = s->inverse;
        s->inverse = body;
    }
    p->count.inlines += star;
    return rc;
}

static int parse_mustache(struct parser *p, struct tree_body *into)
{
    struct token open = p->token;
    struct tree_statement *s = new_statement(p, open.star ? TREE_INLINE : TREE_MUSTACHE);
    if (!s)
        return -ENOMEM;
    append(into, s);
    p->count.inlines += open.star;
    s->escaped = open.kind == TOKEN_OPEN && !open.raw;
    parse_advance(p);
    int rc = parse_call(p, false, &s->call);
    s->open = strip_of(open, p->token);
    if (rc < 0)
        return rc;
    return parse_expect(p, open.kind == TOKEN_OPEN ? TOKEN_CLOSE : TOKEN_CLOSE_UNESCAPED);
}

static int parse_partial(struct parser *p, struct tree_body *into)
{
    bool block = p->token.kind == TOKEN_OPEN_PARTIAL_BLOCK;
    struct tree_statement *s = new_statement(p, TREE_PARTIAL);
    if (!s)
        return -ENOMEM;
    append(into, s);
    p->count.partials++;
    p->count.expressions++; /* the context, when none is given */
    int rc = parse_head(p, true, s, NULL);
    if (rc == 0 && s->call->argument_count > 1)
        return template_fail(p->error, ERR_SYNTAX, s->line, s->column,
                             "a partial takes one context and name=value pairs, here are %u "
                             "arguments",
                             s->call->argument_count);
    if (rc == 0 && block)
        rc = parse_body(p, &s->body);
    if (rc == 0 && block)
        rc = parse_close(p, s->call->callee, &s->close);
    return rc;
}

static int parse_content(struct parser *p, struct tree_body *into)
{
    struct tree_statement *s =
        new_statement(p, p->token.kind == TOKEN_COMMENT ? TREE_COMMENT : TREE_CONTENT);
    if (!s)
        return -ENOMEM;
    append(into, s);
    if (s->kind == TREE_COMMENT) {
        s->open = strip_of(p->token, p->token);
    } else {
        s->original = s->value = p->token.text;
        p->count.text += s->value.len + 1;
    }
    parse_advance(p);
    return 0;
}

static int parse_raw_block(struct parser *p, struct tree_body *into)
{
    struct tree_statement *s = new_statement(p, TREE_BLOCK);
    struct tree_body *body = new_body(p);
    if (!s || !body)
        return -ENOMEM;
    s->body = body;
    append(into, s);
    parse_advance(p);
    int rc = parse_call(p, false, &s->call);
    if (rc == 0)
        rc = parse_expect(p, TOKEN_CLOSE_RAW_BLOCK);
    while (rc == 0 && p->token.kind == TOKEN_CONTENT)
        rc = parse_content(p, s->body);
    if (rc < 0)
        return rc;
    const struct tree_expression *open = s->call->callee;
    if (p->token.kind != TOKEN_END_RAW_BLOCK ||
        (open->kind != TREE_PATH && open->kind != TREE_STRING) ||
        !span_equal(open->text, p->token.text))
        return template_fail(p->error, ERR_SYNTAX, p->token.line, p->token.column,
                             "the raw block \"%.*s\" of line %u is not closed by {{{{/%.*s}}}}",
                             SPAN_PRINT(open->text), open->line, SPAN_PRINT(open->text));
    parse_advance(p);
    return 0;
}

static int parse_statement(struct parser *p, struct tree_body *into, bool *ret_more)
{
    switch (p->token.kind) {
    case TOKEN_CONTENT:
    case TOKEN_COMMENT:
        return parse_content(p, into);
    case TOKEN_OPEN:
    case TOKEN_OPEN_UNESCAPED:
        return parse_mustache(p, into);
    case TOKEN_OPEN_BLOCK:
    case TOKEN_OPEN_INVERSE:
        return parse_block(p, into);
    case TOKEN_OPEN_PARTIAL:
    case TOKEN_OPEN_PARTIAL_BLOCK:
        return parse_partial(p, into);
    case TOKEN_OPEN_RAW_BLOCK:
        return parse_raw_block(p, into);
    default:
        *ret_more = false;
        return 0;
    }
}

/* Statements up to what none begins with. */
static int parse_body(struct parser *p, struct tree_body **ret_body)
{
    struct tree_body *body = new_body(p);
    if (!body)
        return -ENOMEM;
    int rc = parse_enter(p);
    for (bool more = true; rc == 0 && more;)
        rc = parse_statement(p, body, &more);
    p->nesting--;
    *ret_body = body;
    return rc;
}

int parse_template(struct parser *p, struct tree_body **ret_root)
{
    parse_advance(p);
    int rc = parse_body(p, ret_root);
    if (rc < 0)
        return rc;
    return p->token.kind == TOKEN_END ? 0 : parse_fault(p, "text or a tag");
}
