/* JSON values; see member.h. */
#include "api/member.h"

#include "base/arena.h"

#include <errno.h>

/* 1 with the value, 0 without or null, ERR_SYNTAX. */
static int find(struct json_object *o, const char *name, enum json_type type,
                struct json_object **ret_value)
{
    struct json_object *value;
    if (!json_object_object_get_ex(o, name, &value) || !value)
        return 0;
    if (!json_object_is_type(value, type))
        return ERR_SYNTAX;
    *ret_value = value;
    return 1;
}

int member_is_text(struct json_object *value, struct span *ret_text)
{
    if (!value)
        return 0;
    if (!json_object_is_type(value, json_type_string))
        return ERR_SYNTAX;
    *ret_text = span_make(json_object_get_string(value), (size_t)json_object_get_string_len(value));
    return 1;
}

int member_text(struct json_object *o, const char *name, struct span *ret_text)
{
    struct json_object *value;
    int rc = find(o, name, json_type_string, &value);
    return rc <= 0 ? rc : member_is_text(value, ret_text);
}

int member_bool(struct json_object *o, const char *name, bool *ret_value)
{
    struct json_object *value;
    int rc = find(o, name, json_type_boolean, &value);
    if (rc > 0)
        *ret_value = json_object_get_boolean(value);
    return rc;
}

int member_int(struct json_object *o, const char *name, int64_t *ret_value)
{
    struct json_object *value;
    int rc = find(o, name, json_type_int, &value);
    if (rc > 0)
        *ret_value = json_object_get_int64(value);
    return rc;
}

int member_object(struct json_object *o, const char *name, struct json_object **ret_o)
{
    return find(o, name, json_type_object, ret_o);
}

int member_array(struct json_object *o, const char *name, struct json_object **ret_list,
                 size_t *ret_count)
{
    int rc = find(o, name, json_type_array, ret_list);
    *ret_count = rc > 0 ? json_object_array_length(*ret_list) : 0;
    return rc;
}

struct json_object *member_from_text(struct span text)
{
    return json_object_new_string_len(text.at ? text.at : "", (int)text.len);
}

void member_put(struct json_object *o, const char *name, struct json_object *value)
{
    json_object_object_add(o, name, value);
}

void member_put_text(struct json_object *o, const char *name, struct span text)
{
    json_object_object_add(o, name, member_from_text(text));
}

struct span member_print(struct json_object *value, struct arena *arena)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    return text ? arena_copy(arena, span_make(text, len)) : (struct span){0};
}
