/*
 * AWS's query protocol: names of a form become a tree, a tree becomes XML; see ses.h. Pure.
 *
 * A name is a path of words with dots between them; "member" and a number make a list.
 */
#include "api/ses.h"

#include "http/form.h"

#include <errno.h>

#define FORM_MEMORY ((size_t)96 * 1024 * 1024)
#define DEPTH_MAX   12
#define PAIRS_MAX   5000
#define LIST_MAX    200

/* --- reading ---------------------------------------------------------------------------------- */

/* What stands under a name of an object, or under a number of a list; NULL: nothing yet. */
struct place {
    struct json_object *parent;
    char name[128]; /* of an object's member */
    bool in_list;
    size_t index;
};

static struct json_object *child_of(const struct place *place)
{
    if (place->in_list)
        return json_object_array_get_idx(place->parent, place->index);
    return json_object_object_get(place->parent, place->name);
}

static int put(const struct place *place, struct json_object *value)
{
    int rc = -ENOMEM;
    if (value && place->in_list)
        rc = json_object_array_put_idx(place->parent, place->index, value);
    else if (value)
        rc = json_object_object_add(place->parent, place->name, value);
    if (rc < 0)
        json_object_put(value);
    return rc < 0 ? -ENOMEM : 0;
}

/* The container at this place, made if there is none. */
static int enter(const struct place *place, enum json_type type, struct json_object **ret_child)
{
    struct json_object *child = child_of(place);
    if (!child) {
        child = type == json_type_array ? json_object_new_array() : json_object_new_object();
        int rc = put(place, child);
        if (rc < 0)
            return rc;
    }
    *ret_child = child;
    return json_object_is_type(child, type) ? 0 : ERR_SYNTAX;
}

/* What can be a member's name. */
static bool take_name(struct span word, struct place *place)
{
    bool good = word.len > 0;
    for (size_t i = 0; good && i < word.len; i++)
        good = ascii_is_alpha(word.at[i]) || ascii_is_digit(word.at[i]) || word.at[i] == '-';
    return good && span_to_text(word, place->name, sizeof place->name);
}

/* The next part of a name, below the place. Items may come in any order. */
static int descend(struct place *place, struct span word, struct span *path)
{
    uint64_t number;
    struct span next;
    bool list = span_equal(word, SPAN("member")) || span_equal(word, SPAN("entry"));
    struct json_object *parent;
    int rc = enter(place, list ? json_type_array : json_type_object, &parent);
    if (rc < 0)
        return rc;
    place->parent = parent;
    place->in_list = list;
    if (!list)
        return take_name(word, place) ? 0 : ERR_SYNTAX;
    if (!span_cut(path, '.', &next) || !span_to_uint(next, LIST_MAX, &number) || number == 0)
        return ERR_SYNTAX;
    place->index = (size_t)number - 1;
    return 0;
}

static int add_pair(struct json_object *tree, const struct form_pair *pair)
{
    struct place place = {.parent = tree};
    struct span path = pair->name, word;
    if (!span_cut(&path, '.', &word) || !take_name(word, &place))
        return ERR_SYNTAX;
    for (int depth = 0; span_cut(&path, '.', &word); depth++) {
        int rc = depth == DEPTH_MAX ? -E2BIG : descend(&place, word, &path);
        if (rc < 0)
            return rc;
    }
    if (child_of(&place))
        return ERR_SYNTAX; /* twice */
    return put(&place, member_from_text(pair->value));
}

int ses_query_read(struct span form, struct json_object **ret_tree)
{
    AUTO_ARENA arena = ARENA(FORM_MEMORY);
    struct json_object *tree = json_object_new_object();
    struct form_pair pair;
    int rc = tree ? 1 : -ENOMEM;
    for (size_t count = 0; rc > 0; count++) {
        rc = form_next_pair(&form, &arena, &pair);
        if (rc > 0)
            rc = count == PAIRS_MAX ? -E2BIG : add_pair(tree, &pair);
        else
            break;
        rc = rc < 0 ? rc : 1;
    }
    if (rc < 0)
        json_object_put(tree);
    else
        *ret_tree = tree;
    return rc < 0 ? rc : 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Control characters that XML 1.0 cannot have become blanks. */
int ses_xml_text(struct buffer *out, struct span text)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        char c = text.at[i];
        switch (c) {
        case '<':
            rc = buffer_append_text(out, "&lt;");
            break;
        case '>':
            rc = buffer_append_text(out, "&gt;");
            break;
        case '&':
            rc = buffer_append_text(out, "&amp;");
            break;
        case '\r':
            rc = buffer_append_text(out, "&#13;");
            break;
        default:
            rc = buffer_append_byte(out, (unsigned char)c < 32 && c != '\n' && c != '\t' ? ' ' : c);
        }
    }
    return rc;
}

static int print_element(const char *name, struct json_object *value, int depth,
                         struct buffer *out);

static int print_members(struct json_object *tree, int depth, struct buffer *out)
{
    int rc = 0;
    json_object_object_foreach(tree, name, value)
    {
        if (rc == 0)
            rc = print_element(name, value, depth, out);
    }
    return rc;
}

static int print_items(struct json_object *list, const char *name, int depth, struct buffer *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_object_array_length(list); i++)
        rc = print_element(name, json_object_array_get_idx(list, i), depth, out);
    return rc;
}

/* Trees are ours, and flat: the depth is a guard. */
static int print_element(const char *name, struct json_object *value, int depth, struct buffer *out)
{
    bool list = json_object_is_type(value, json_type_array);
    if (depth == DEPTH_MAX)
        return -E2BIG;
    if (list && span_equal(span_of(name), SPAN("entry")))
        return print_items(value, name, depth + 1, out);
    int rc = buffer_printf(out, "<%s>", name);
    if (rc < 0)
        return rc;
    if (list)
        rc = print_items(value, "member", depth + 1, out);
    else if (json_object_is_type(value, json_type_object))
        rc = print_members(value, depth + 1, out);
    else
        rc = ses_xml_text(out, span_of(json_object_get_string(value)));
    return rc < 0 ? rc : buffer_printf(out, "</%s>", name);
}

int ses_query_print(struct json_object *tree, struct buffer *out)
{
    return print_members(tree, 0, out);
}
