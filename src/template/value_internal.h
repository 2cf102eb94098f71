/*
 * Values as JavaScript sees them: json-c's, literals, and the two objects a render makes itself.
 *
 * A value owns nothing: it points into the data, the program, or the frame of a call that has not
 * ended. What is not the data's own property does not exist; there are no prototypes.
 */
#ifndef TEMPLATE_VALUE_INTERNAL_H
#define TEMPLATE_VALUE_INTERNAL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "template/program_internal.h"

struct json_object;
struct merged;

enum value_kind {
    VALUE_UNDEFINED,
    VALUE_NULL,
    VALUE_BOOLEAN,
    VALUE_NUMBER,
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
    VALUE_MERGED, /* a partial's context with its name=value pairs */
    VALUE_EMPTY,  /* the object that stands for a context of null */
};

struct value {
    enum value_kind kind;
    union {
        bool truth;
        double number;
        struct span text;
        struct json_object *json; /* of ARRAY and OBJECT */
        const struct merged *merged;
    };
};

struct merged {
    struct value base;
    const struct template *t;
    const struct pair *pairs;
    uint32_t count;
    struct value values[]; /* of the pairs */
};

#define VALUE_ARRAYS_MAX 64         /* arrays within each other that are turned into text */
#define VALUE_TEXT_MAX   (64 << 10) /* bytes of a value that is turned into text to be compared */

static inline bool value_is_nothing(struct value v) /* undefined or null */
{
    return v.kind <= VALUE_NULL;
}
static inline bool value_is_object(struct value v)
{
    return v.kind >= VALUE_ARRAY;
}
static inline struct value value_of_text(struct span text)
{
    return (struct value){.kind = VALUE_STRING, .text = text};
}
static inline struct value value_of_number(double number)
{
    return (struct value){.kind = VALUE_NUMBER, .number = number};
}
static inline struct value value_of_truth(bool truth)
{
    return (struct value){.kind = VALUE_BOOLEAN, .truth = truth};
}

struct value value_of_json(struct json_object *json); /* NULL is JSON's null */
bool value_truthy(struct value v);
bool value_is_empty(struct value v); /* for if, with: falsy but not 0, or an array of none */
bool value_equal(struct value a, struct value b);  /* == */
int value_compare(struct value a, struct value b); /* -1, 0, 1; 2: not to be compared */
/* The own property, or undefined. t: whose part this is. */
struct value value_property(struct value v, const struct template *t, const struct part *part);
struct value value_named(struct value v, struct span name); /* the same; a NUL behind the name */
bool value_has(struct value v, const struct template *t, const struct part *part); /* "in" */
/* Appends String(v). -ENOBUFS past the buffer's cap, ERR_FULL past VALUE_ARRAYS_MAX. */
must_check int value_append(struct value v, struct buffer *out);
/* The same as a span: v's own text, or into scratch. */
must_check int value_text(struct value v, struct buffer *scratch, struct span *ret_text);

/* The keys of an object in JavaScript's order: indexes by size, then the others as they came. */
must_check int value_keys(struct value v, struct arena *arena, struct span **ret_keys,
                          size_t *ret_count);
uint64_t value_key_cost(struct value v); /* operations that value_keys takes */
uint64_t value_cost(struct value v);     /* operations to look at each byte of a string */
size_t value_length(struct value v);     /* elements of an array, characters of a string, else 0 */

#endif
