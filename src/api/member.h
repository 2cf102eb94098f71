/*
 * Reading JSON values as dialects need them. Pure; spans point into the value.
 *
 * 1: it is there and of that type; 0: absent, or null; ERR_SYNTAX: of another type.
 */
#ifndef API_MEMBER_H
#define API_MEMBER_H

#include "base/error.h"
#include "base/span.h"

#include <json-c/json.h>

must_check int member_text(struct json_object *o, const char *name, struct span *ret_text);
must_check int member_bool(struct json_object *o, const char *name, bool *ret_value);
must_check int member_int(struct json_object *o, const char *name, int64_t *ret_value);
must_check int member_object(struct json_object *o, const char *name, struct json_object **ret_o);
/* Its items: json_object_array_get_idx. */
must_check int member_array(struct json_object *o, const char *name, struct json_object **ret_list,
                            size_t *ret_count);
/* A string itself. */
must_check int member_is_text(struct json_object *value, struct span *ret_text);

/* Making answers. */
struct json_object *member_from_text(struct span text);
void member_put(struct json_object *o, const char *name, struct json_object *value);
void member_put_text(struct json_object *o, const char *name, struct span text);
/* The value as JSON text in an arena; .at NULL: no memory. */
struct arena;
struct span member_print(struct json_object *value, struct arena *arena);

#endif
