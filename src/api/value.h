/*
 * Reading JSON values as dialects need them. Pure; spans point into the value.
 *
 * 1: it is there and of that type; 0: absent, or null; ERR_SYNTAX: of another type.
 */
#ifndef API_VALUE_H
#define API_VALUE_H

#include "base/error.h"
#include "base/span.h"

#include <json-c/json.h>

must_check int value_text(struct json_object *o, const char *name, struct span *ret_text);
must_check int value_bool(struct json_object *o, const char *name, bool *ret_value);
must_check int value_int(struct json_object *o, const char *name, int64_t *ret_value);
must_check int value_object(struct json_object *o, const char *name, struct json_object **ret_o);
/* Its items: json_object_array_get_idx. */
must_check int value_array(struct json_object *o, const char *name, struct json_object **ret_list,
                           size_t *ret_count);
/* A string itself. */
must_check int value_is_text(struct json_object *value, struct span *ret_text);

/* Making answers. */
struct json_object *value_from_text(struct span text);
void value_put(struct json_object *o, const char *name, struct json_object *value);
void value_put_text(struct json_object *o, const char *name, struct span text);
/* The value as JSON text in an arena; .at NULL: no memory. */
struct arena;
struct span value_print(struct json_object *value, struct arena *arena);

#endif
