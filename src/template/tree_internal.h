/*
 * The tree of a template, between source and program: made by parser.c (statements) and
 * expression.c, trimmed by whitespace.c, turned into the flat program by emit.c. It lives in one
 * arena and points into the source.
 */
#ifndef TEMPLATE_TREE_INTERNAL_H
#define TEMPLATE_TREE_INTERNAL_H

#include "base/arena.h"
#include "template/error_internal.h"
#include "template/lexer_internal.h"
#include "template/template.h"

/* A name: a part of a path, a block parameter. */
struct tree_name {
    struct span text;
    struct tree_name *next;
};

enum tree_literal {
    TREE_STRING,
    TREE_NUMBER,
    TREE_BOOLEAN,
    TREE_UNDEFINED,
    TREE_NULL,
    TREE_PATH,
    TREE_CALL
};

struct tree_expression {
    enum tree_literal kind;
    uint32_t line, column;
    struct span text; /* a string's value; a path as written, without brackets; a literal */
    /* TREE_PATH */
    bool data;      /* @ */
    unsigned depth; /* how many ../ */
    uint32_t parts; /* how many names follow */
    struct tree_name *names;
    /* TREE_CALL: callee (a path or literal), arguments, name=value pairs */
    struct tree_expression *callee, *arguments, *pairs;
    uint32_t argument_count, pair_count;
    struct span key;              /* of a pair */
    struct tree_expression *next; /* in a list of arguments or pairs */
};

enum tree_kind {
    TREE_CONTENT,
    TREE_COMMENT,
    TREE_MUSTACHE,
    TREE_BLOCK,
    TREE_PARTIAL, /* with a body: a partial block */
    TREE_INLINE,
};

/* The tildes of one tag. */
struct tree_strip {
    bool left, right;
};

struct tree_body;
struct tree_statement {
    enum tree_kind kind;
    uint32_t line, column;
    struct tree_statement *previous, *next;
    union {
        struct { /* content: as written; what is left of it */
            struct span original, value;
            bool left_stripped, right_stripped;
        };
        struct {
            struct tree_expression *call;
            struct tree_body *body, *inverse;
            struct tree_strip open, middle, close; /* a statement without an end has only open */
            struct span indent;                    /* of a partial alone on its line */
            bool escaped;
        };
    };
};

struct tree_body {
    struct tree_statement *first, *last;
    struct tree_name *parameters;
    uint32_t parameter_count;
    bool chained; /* holds the one block of {{else if …}} */
};

/* What the program will need room for. */
struct tree_count {
    uint32_t nodes, bodies, expressions, parts, pairs, partials, inlines;
    uint64_t text;
};

struct parser {
    struct lexer lexer;
    struct token token, ahead; /* the next one, and the one behind it when has_ahead */
    bool has_ahead;
    unsigned nesting;
    struct arena *arena;
    struct tree_count count;
    struct template_error *error;
};

/* parser.c: the whole source. */
must_check int parse_template(struct parser *parser, struct tree_body **ret_root);
/* expression.c */
void parse_advance(struct parser *parser);
enum token_kind parse_peek(struct parser *parser); /* the token behind the next */
must_check int parse_fault(struct parser *parser, const char *expected);
must_check int parse_expect(struct parser *parser, enum token_kind kind);
/* What a call begins with: a path or a literal; with sexpr also (…). */
must_check int parse_operand(struct parser *parser, bool sexpr, struct tree_expression **ret_value);
/* Callee, arguments and pairs of a tag or subexpression; dynamic: the callee may be (…). */
must_check int parse_call(struct parser *parser, bool dynamic, struct tree_expression **ret_call);
must_check int parse_enter(struct parser *parser); /* one level deeper, or ERR_FULL */

/* whitespace.c */
void whitespace_control(struct tree_body *root);

#endif
