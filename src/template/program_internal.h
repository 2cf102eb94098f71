/*
 * The program of a template: flat arrays in one block of memory, read-only once emit.c has made it.
 *
 * A body is a run of nodes; arguments of a call are a run of expressions. References are indexes,
 * texts are offsets into one pool where each ends with a NUL. "plus one" says that 0 is none.
 */
#ifndef TEMPLATE_PROGRAM_INTERNAL_H
#define TEMPLATE_PROGRAM_INTERNAL_H

#include "template/template.h"

struct text_ref {
    uint32_t at, len;
};

/* A key of an object. Its hash is json-c's, see template.hash. */
struct part {
    struct text_ref text;
    uint32_t index; /* of an array; PART_NO_INDEX when it is not one */
    unsigned long hash;
};
#define PART_NO_INDEX UINT32_MAX

enum expression_kind {
    EXPRESSION_UNDEFINED,
    EXPRESSION_NULL,
    EXPRESSION_BOOLEAN,
    EXPRESSION_NUMBER,
    EXPRESSION_STRING,
    EXPRESSION_PATH,
    EXPRESSION_CALL,
};

enum path_root {
    PATH_CONTEXT,   /* the context `depth` levels up */
    PATH_DATA,      /* @name, `depth` frames up; `slot` is one of enum data_name */
    PATH_PARAMETER, /* a block parameter: `slot` of the frame `depth` levels up */
};

enum data_name { DATA_NONE, DATA_ROOT, DATA_INDEX, DATA_KEY, DATA_FIRST, DATA_LAST };

enum helper {
    HELPER_NONE,    /* a value, not a call */
    HELPER_MISSING, /* no helper of that name */
    HELPER_HOOK,    /* helperMissing, blockHelperMissing: not to be called */
    HELPER_IF,
    HELPER_UNLESS,
    HELPER_EACH,
    HELPER_WITH,
    HELPER_LOOKUP,
    HELPER_LOG,
    HELPER_EQUALS,
    HELPER_NOT_EQUALS,
    HELPER_GREATER_THAN,
    HELPER_LESS_THAN,
    HELPER_AND,
    HELPER_OR,
    HELPER_LENGTH,
    HELPER_INSERT,
    HELPER_FORMAT_DATE,
    HELPER_EQUAL, /* Mailgun */
};

struct expression {
    uint8_t kind;
    uint8_t root;         /* PATH */
    bool shown;           /* PATH: its value is what a tag shows; when missing, strict fails */
    uint8_t helper;       /* CALL */
    struct text_ref text; /* STRING: value; PATH, CALL: as written */
    union {
        bool truth;
        double number;
        struct {
            uint32_t parts, part_count;
            uint16_t depth, slot;
        };
        struct {
            uint32_t arguments, pairs, callee; /* callee: of HELPER_MISSING */
            uint16_t argument_count, pair_count;
        };
    };
};

struct pair { /* name=value */
    struct part key;
    uint32_t value; /* expression; PAIR_NONE for name=undefined, which is as if not written */
};
#define PAIR_NONE UINT32_MAX

enum node_kind {
    NODE_TEXT,
    NODE_NAME, /* a value by the one name of a path: {{name}} */
    NODE_VALUE,
    NODE_BLOCK,
    NODE_PARTIAL
};

struct node {
    uint8_t kind;
    bool escaped;
    uint16_t column;
    uint32_t line;
    union {
        struct text_ref text;
        struct {
            uint32_t expression, body, inverse; /* bodies plus one */
        };
        uint32_t partial;
    };
    uint32_t part; /* NODE_NAME */
};

struct partial {
    uint32_t name, context; /* expressions */
    uint32_t pairs, pair_count;
    uint32_t body; /* plus one: a partial block */
    struct text_ref indent;
};

/* {{#*inline "name"}} of a body */
struct inline_partial {
    uint32_t name; /* expression */
    uint32_t body; /* plus one */
};

struct body {
    uint32_t first, count;          /* nodes */
    uint32_t inlines, inline_count; /* known within the body */
    bool parameters;                /* as |…|: pushes a frame of them */
    bool chained;                   /* one block, of {{else if …}} */
};

struct template
{
    size_t size;
    bool strict;
    unsigned long (*hash)(const void *); /* what part.hash was made with */
    struct node *nodes;
    struct body *bodies; /* the first is the root */
    struct expression *expressions;
    struct part *parts;
    struct pair *pairs;
    struct partial *partials;
    struct inline_partial *inlines;
    char *pool;
};

static inline struct span program_text(const struct template *t, struct text_ref text)
{
    return (struct span){t->pool + text.at, text.len};
}

struct tree_body;
struct tree_count;
/* emit.c */
must_check int program_emit(const struct tree_body *root, const struct tree_count *count,
                            const struct template_options *options,
                            struct template_error *ret_error, struct template **ret_template);
/* helper_name.c: Handlebars' own helper of this name, or one of those dialects (of enum
 * template_helpers); HELPER_MISSING when there is none. */
enum helper helper_named(struct span name, unsigned helpers);

/* "0", "12": what JavaScript takes for an index of an array; else PART_NO_INDEX. */
uint32_t array_index(struct span key);

#endif
