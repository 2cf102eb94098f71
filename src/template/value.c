/* Values: truth, comparison, text; see value_internal.h. Properties: property.c. */
#include "template/value_internal.h"

#include "template/number_internal.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#define NUMBER_LONGEST 400 /* bytes of text that may be a number */

struct value value_of_json(struct json_object *json)
{
    switch (json_object_get_type(json)) {
    case json_type_boolean:
        return value_of_truth(json_object_get_boolean(json));
    case json_type_double:
    case json_type_int:
        return value_of_number(json_object_get_double(json));
    case json_type_string:
        return value_of_text(
            (struct span){json_object_get_string(json), (size_t)json_object_get_string_len(json)});
    case json_type_array:
        return (struct value){.kind = VALUE_ARRAY, .json = json};
    case json_type_object:
        return (struct value){.kind = VALUE_OBJECT, .json = json};
    default:
        return (struct value){.kind = VALUE_NULL};
    }
}

bool value_truthy(struct value v)
{
    switch (v.kind) {
    case VALUE_UNDEFINED:
    case VALUE_NULL:
        return false;
    case VALUE_BOOLEAN:
        return v.truth;
    case VALUE_NUMBER:
        return v.number != 0 && !isnan(v.number);
    case VALUE_STRING:
        return v.text.len > 0;
    default:
        return true;
    }
}

bool value_is_empty(struct value v)
{
    if (v.kind == VALUE_ARRAY)
        return json_object_array_length(v.json) == 0;
    return !value_truthy(v) && !(v.kind == VALUE_NUMBER && v.number == 0);
}

/* Objects and arrays as the text that comparisons make of them; others as they are. */
static struct value primitive(struct value v, struct buffer *scratch)
{
    struct span text;
    if (!value_is_object(v))
        return v;
    if (value_text(v, scratch, &text) < 0)
        return value_of_number(NAN); /* too long to be equal to anything */
    return value_of_text(text);
}

static double to_number(struct value v)
{
    switch (v.kind) {
    case VALUE_NULL:
        return 0;
    case VALUE_BOOLEAN:
        return v.truth;
    case VALUE_NUMBER:
        return v.number;
    case VALUE_STRING:
        return number_of(v.text);
    default:
        return NAN;
    }
}

static bool same_object(struct value a, struct value b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind == VALUE_MERGED)
        return a.merged == b.merged;
    return a.kind == VALUE_EMPTY || a.json == b.json;
}

bool value_equal(struct value a, struct value b)
{
    if (value_is_nothing(a) || value_is_nothing(b))
        return value_is_nothing(a) && value_is_nothing(b);
    if (value_is_object(a) && value_is_object(b))
        return same_object(a, b);
    if (a.kind == VALUE_STRING && b.kind == VALUE_STRING)
        return span_equal(a.text, b.text);
    size_t longest = NUMBER_LONGEST; /* text past the other's length need not be made */
    if (a.kind == VALUE_STRING || b.kind == VALUE_STRING)
        longest = (a.kind == VALUE_STRING ? a.text.len : b.text.len) + 1;
    AUTO_BUFFER scratch = BUFFER(longest);
    a = primitive(a, &scratch);
    b = primitive(b, &scratch);
    if (a.kind == VALUE_STRING && b.kind == VALUE_STRING)
        return span_equal(a.text, b.text);
    return to_number(a) == to_number(b);
}

int value_compare(struct value a, struct value b)
{
    AUTO_BUFFER scratch_a = BUFFER(VALUE_TEXT_MAX);
    AUTO_BUFFER scratch_b = BUFFER(VALUE_TEXT_MAX);
    a = primitive(a, &scratch_a);
    b = primitive(b, &scratch_b);
    if (a.kind == VALUE_STRING && b.kind == VALUE_STRING) {
        int order = span_compare(a.text, b.text);
        return (order > 0) - (order < 0);
    }
    double left = to_number(a), right = to_number(b);
    if (isnan(left) || isnan(right))
        return 2;
    return (left > right) - (left < right);
}

static int append_value(struct value v, struct buffer *out, unsigned arrays);

/* Elements with commas between; null and undefined are nothing. */
static int append_array(struct json_object *array, struct buffer *out, unsigned arrays)
{
    if (arrays == VALUE_ARRAYS_MAX)
        return ERR_FULL;
    size_t count = json_object_array_length(array);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct value v = value_of_json(json_object_array_get_idx(array, i));
        if (i > 0)
            rc = buffer_append_byte(out, ',');
        if (rc == 0 && !value_is_nothing(v))
            rc = append_value(v, out, arrays + 1);
    }
    return rc;
}

static int append_value(struct value v, struct buffer *out, unsigned arrays)
{
    char text[NUMBER_TEXT];
    switch (v.kind) {
    case VALUE_UNDEFINED:
        return buffer_append(out, SPAN("undefined"));
    case VALUE_NULL:
        return buffer_append(out, SPAN("null"));
    case VALUE_BOOLEAN:
        return buffer_append(out, v.truth ? SPAN("true") : SPAN("false"));
    case VALUE_NUMBER:
        return buffer_append(out, number_text(v.number, text));
    case VALUE_STRING:
        return buffer_append(out, v.text);
    case VALUE_ARRAY:
        return append_array(v.json, out, arrays);
    default:
        return buffer_append(out, SPAN("[object Object]"));
    }
}

int value_append(struct value v, struct buffer *out)
{
    return append_value(v, out, 0);
}

int value_text(struct value v, struct buffer *scratch, struct span *ret_text)
{
    if (v.kind == VALUE_STRING) {
        *ret_text = v.text;
        return 0;
    }
    size_t start = scratch->len;
    int rc = value_append(v, scratch);
    if (rc < 0)
        return rc;
    *ret_text = span_from(buffer_span(scratch), start);
    return 0;
}
