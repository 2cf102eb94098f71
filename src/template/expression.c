/* Paths, literals, arguments and subexpressions: what stands inside of tags. */
#include "template/tree_internal.h"

#include <errno.h>
#include <string.h>

void parse_advance(struct parser *p)
{
    p->token = p->has_ahead ? p->ahead : lexer_next(&p->lexer);
    p->has_ahead = false;
}

enum token_kind parse_peek(struct parser *p)
{
    if (!p->has_ahead)
        p->ahead = lexer_next(&p->lexer);
    p->has_ahead = true;
    return p->ahead.kind;
}

int parse_fault(struct parser *p, const char *expected)
{
    return template_fail(p->error, ERR_SYNTAX, p->token.line, p->token.column,
                         "here is %s where %s is expected", token_words(p->token.kind), expected);
}

int parse_expect(struct parser *p, enum token_kind kind)
{
    if (p->token.kind != kind)
        return parse_fault(p, token_words(kind));
    parse_advance(p);
    return 0;
}

int parse_enter(struct parser *p)
{
    if (++p->nesting > TEMPLATE_NESTING_MAX)
        return template_fail(p->error, ERR_FULL, p->token.line, p->token.column,
                             "more than %d levels within each other; use partials or fewer blocks",
                             TEMPLATE_NESTING_MAX);
    return 0;
}

/* The token's text without the backslashes that protect: in strings the quote, in [] also \. */
static int token_text(struct parser *p, struct span *ret_text)
{
    struct span from = p->token.text;
    if (!p->token.escape) {
        *ret_text = from;
        return 0;
    }
    struct span copy = arena_copy(p->arena, from);
    if (!copy.at)
        return -ENOMEM;
    char *to = (char *)copy.at;
    size_t used = 0;
    for (size_t i = 0; i < from.len; i++) {
        bool drops =
            from.at[i] == '\\' && i + 1 < from.len &&
            (from.at[i + 1] == p->token.escape || (p->token.bracketed && from.at[i + 1] == '\\'));
        to[used++] = from.at[i += drops];
    }
    *ret_text = span_first(copy, used);
    return 0;
}

static bool has_line_end(struct span s)
{
    return span_find(s, '\n') >= 0 || span_find(s, '\r') >= 0 ||
           span_find_span(s, SPAN("\xe2\x80\xa8")) >= 0 ||
           span_find_span(s, SPAN("\xe2\x80\xa9")) >= 0;
}

/* A name; ret_literal: it is not one of the words . .. this. [With a line end] brackets stay. */
static int parse_name(struct parser *p, struct span *ret_name, bool *ret_literal)
{
    int rc = token_text(p, ret_name);
    if (rc < 0)
        return rc;
    *ret_literal = p->token.bracketed;
    if (p->token.bracketed && has_line_end(*ret_name)) {
        AUTO_BUFFER whole = BUFFER(ret_name->len + 2);
        if (buffer_append_byte(&whole, '[') < 0 || buffer_append(&whole, *ret_name) < 0 ||
            buffer_append_byte(&whole, ']') < 0)
            return -ENOMEM;
        *ret_name = arena_copy(p->arena, buffer_span(&whole));
        *ret_literal = false;
    }
    return ret_name->at ? 0 : -ENOMEM;
}

static struct tree_expression *new_expression(struct parser *p, enum tree_literal kind)
{
    struct tree_expression *e = arena_zero(p->arena, sizeof *e);
    if (!e)
        return NULL;
    e->kind = kind;
    e->line = p->token.line;
    e->column = p->token.column;
    e->text = p->token.text;
    p->count.expressions++;
    return e;
}

/* One name of a path: .. and this lead upwards, but only at its start. */
static int add_part(struct parser *p, struct tree_expression *path, struct tree_name ***end)
{
    struct span name;
    bool literal;
    int rc = parse_name(p, &name, &literal);
    if (rc < 0)
        return rc;
    bool up = span_equal(name, SPAN("..")),
         here = span_equal(name, SPAN(".")) || span_equal(name, SPAN("this"));
    if (!literal && (up || here)) {
        if (path->parts)
            return template_fail(p->error, ERR_SYNTAX, p->token.line, p->token.column,
                                 "\"%.*s\" may only stand at the start of a path; write [%.*s] for "
                                 "a property of that name",
                                 SPAN_PRINT(name), SPAN_PRINT(name));
        path->depth += up;
        return 0;
    }
    struct tree_name *part = arena_alloc(p->arena, sizeof *part);
    if (!part)
        return -ENOMEM;
    *part = (struct tree_name){.text = name};
    **end = part;
    *end = &part->next;
    path->parts++;
    p->count.parts++;
    p->count.text += name.len + 1;
    return 0;
}

/* The path as written, without its brackets. */
static int path_text(struct parser *p, struct buffer *text, struct tree_expression *path)
{
    path->text = arena_copy(p->arena, buffer_span(text));
    p->count.text += path->text.len + 1;
    return path->text.at ? 0 : -ENOMEM;
}

static bool is_part(const struct token *t, bool first)
{
    return t->kind == TOKEN_ID || (!first && (t->kind == TOKEN_NUMBER || t->kind == TOKEN_BOOLEAN ||
                                              t->kind == TOKEN_UNDEFINED || t->kind == TOKEN_NULL));
}

/* The number at the end of a.0.1 is two names: the lexer goes back to what follows the first. */
static void split_number(struct parser *p)
{
    ptrdiff_t dot = span_find(p->token.text, '.');
    if (p->token.kind != TOKEN_NUMBER || dot < 0)
        return;
    p->lexer.at -= p->token.text.len - (size_t)dot;
    p->token.text.len = (size_t)dot;
}

static int parse_path(struct parser *p, struct tree_expression **ret_path)
{
    struct tree_expression *path = new_expression(p, TREE_PATH);
    AUTO_BUFFER text = BUFFER(TEMPLATE_SOURCE_MAX + 1);
    if (!path)
        return -ENOMEM;
    struct tree_name **end = &path->names;
    path->data = p->token.kind == TOKEN_DATA;
    if (path->data) {
        if (buffer_append_byte(&text, '@') < 0)
            return -ENOMEM;
        parse_advance(p);
    }
    for (bool first = true;; first = false) {
        struct span name;
        bool literal;
        if (!is_part(&p->token, first))
            return parse_fault(p, "a name");
        split_number(p);
        int rc = parse_name(p, &name, &literal);
        if (rc < 0 || buffer_append(&text, name) < 0)
            return -ENOMEM;
        rc = add_part(p, path, &end);
        if (rc < 0)
            return rc;
        parse_advance(p);
        if (p->token.kind != TOKEN_SEP)
            break;
        if (buffer_append(&text, p->token.text) < 0)
            return -ENOMEM;
        parse_advance(p);
    }
    *ret_path = path;
    return path_text(p, &text, path);
}

static int parse_literal(struct parser *p, enum tree_literal kind,
                         struct tree_expression **ret_value)
{
    struct tree_expression *e = new_expression(p, kind);
    if (!e)
        return -ENOMEM;
    int rc = token_text(p, &e->text);
    if (rc < 0)
        return rc;
    p->count.text += 2 * (e->text.len + 32); /* it may become a path: its text and its one name */
    p->count.parts++;
    parse_advance(p);
    *ret_value = e;
    return 0;
}

static int parse_sexpr(struct parser *p, struct tree_expression **ret_value)
{
    int rc = parse_enter(p);
    if (rc < 0)
        return rc;
    parse_advance(p);
    rc = parse_call(p, false, ret_value);
    if (rc < 0)
        return rc;
    p->nesting--;
    return parse_expect(p, TOKEN_CLOSE_SEXPR);
}

int parse_operand(struct parser *p, bool sexpr, struct tree_expression **ret_value)
{
    switch (p->token.kind) {
    case TOKEN_ID:
    case TOKEN_DATA:
        return parse_path(p, ret_value);
    case TOKEN_STRING:
        return parse_literal(p, TREE_STRING, ret_value);
    case TOKEN_NUMBER:
        return parse_literal(p, TREE_NUMBER, ret_value);
    case TOKEN_BOOLEAN:
        return parse_literal(p, TREE_BOOLEAN, ret_value);
    case TOKEN_UNDEFINED:
        return parse_literal(p, TREE_UNDEFINED, ret_value);
    case TOKEN_NULL:
        return parse_literal(p, TREE_NULL, ret_value);
    case TOKEN_OPEN_SEXPR:
        return sexpr ? parse_sexpr(p, ret_value) : parse_fault(p, "a name or a value");
    default:
        return parse_fault(p, "a name or a value");
    }
}

static bool starts_operand(enum token_kind kind)
{
    return kind == TOKEN_ID || kind == TOKEN_DATA || kind == TOKEN_OPEN_SEXPR ||
           (kind >= TOKEN_STRING && kind <= TOKEN_NULL);
}

static int too_many(struct parser *p)
{
    return template_fail(p->error, ERR_FULL, p->token.line, p->token.column,
                         "more than %d arguments; use a loop", TEMPLATE_ARGUMENTS_MAX);
}

/* The list's end, after a pair of this key, if there is one, has moved there. */
static struct tree_expression **move_pair(struct tree_expression *call, struct span key,
                                          struct tree_expression **ret_found)
{
    struct tree_expression **end = &call->pairs;
    *ret_found = NULL;
    while (*end) {
        if (span_equal((*end)->key, key)) {
            *ret_found = *end;
            *end = (*end)->next;
        } else {
            end = &(*end)->next;
        }
    }
    if (*ret_found) {
        (*ret_found)->next = NULL;
        *end = *ret_found;
    }
    return end;
}

/* One name=value. Of two alike the first value counts, at the place of the last. */
static int parse_pair(struct parser *p, struct tree_expression *call)
{
    struct span key;
    bool literal;
    struct tree_expression *value = NULL, *found;
    int rc = parse_name(p, &key, &literal);
    if (rc < 0)
        return rc;
    parse_advance(p);
    parse_advance(p);
    rc = parse_operand(p, true, &value);
    if (rc < 0 || !value)
        return rc;
    struct tree_expression **end = move_pair(call, key, &found);
    if (found)
        return 0;
    value->key = key;
    *end = value;
    p->count.pairs++;
    p->count.text += key.len + 1;
    return ++call->pair_count > TEMPLATE_ARGUMENTS_MAX ? too_many(p) : 0;
}

static int parse_pairs(struct parser *p, struct tree_expression *call)
{
    int rc = 0;
    while (rc == 0 && p->token.kind == TOKEN_ID && parse_peek(p) == TOKEN_EQUALS)
        rc = parse_pair(p, call);
    return rc;
}

static int parse_arguments(struct parser *p, struct tree_expression *call)
{
    struct tree_expression **end = &call->arguments;
    while (starts_operand(p->token.kind) &&
           !(p->token.kind == TOKEN_ID && parse_peek(p) == TOKEN_EQUALS)) {
        int rc = parse_operand(p, true, end);
        if (rc < 0)
            return rc;
        end = &(*end)->next;
        if (++call->argument_count > TEMPLATE_ARGUMENTS_MAX)
            return too_many(p);
    }
    return 0;
}

int parse_call(struct parser *p, bool dynamic, struct tree_expression **ret_call)
{
    struct tree_expression *call = new_expression(p, TREE_CALL);
    if (!call)
        return -ENOMEM;
    int rc = parse_operand(p, dynamic, &call->callee);
    if (rc == 0)
        rc = parse_arguments(p, call);
    if (rc == 0)
        rc = parse_pairs(p, call);
    *ret_call = call;
    return rc;
}
