/* Properties of values: one by its name, all keys in order; see value_internal.h. */
#include "template/value_internal.h"

#include "template/lookup_internal.h"
#include "template/number_internal.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define UNDEFINED ((struct value){.kind = VALUE_UNDEFINED})

/* How many of JavaScript's UTF-16 units the character that begins with this byte takes. */
static unsigned units_of(unsigned char byte)
{
    return (byte & 0xc0) == 0x80 ? 0 : byte >= 0xf0 ? 2 : 1;
}

static size_t utf16_length(struct span text)
{
    size_t units = 0;
    for (size_t i = 0; i < text.len; i++)
        units += units_of((unsigned char)text.at[i]);
    return units;
}

/* The character at this UTF-16 unit; half of a pair cannot be shown and becomes U+FFFD. */
static struct value character_at(struct span text, uint32_t index)
{
    uint32_t unit = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned units = units_of((unsigned char)text.at[i]);
        if (units && index >= unit && index < unit + units) {
            size_t end = i + 1;
            while (end < text.len && units_of((unsigned char)text.at[end]) == 0)
                end++;
            return value_of_text(units == 2 ? SPAN("\xef\xbf\xbd")
                                            : span_first(span_from(text, i), end - i));
        }
        unit += units;
    }
    return UNDEFINED;
}

static struct value element(struct json_object *array, uint32_t index)
{
    if (index >= json_object_array_length(array))
        return UNDEFINED;
    return value_of_json(json_object_array_get_idx(array, index));
}

/* What this many bytes of key find where every kind of value has its own way. */
struct key {
    struct span name;
    uint32_t index;
    unsigned long hash;
    lh_hash_fn *hashed_with; /* NULL: there is no hash */
};

static inline struct value object_property(struct json_object *json, const char *name,
                                           unsigned long hash, lh_hash_fn *hashed_with)
{
    struct lh_table *table = json_object_get_object(json);
    struct lh_entry *entry = lookup_hashed(table, name, hash, hashed_with);
    return entry ? value_of_json((struct json_object *)lh_entry_v(entry)) : UNDEFINED;
}

static struct value property(struct value v, const struct key *key, bool enumerable);

static struct value merged_property(const struct merged *merged, const struct key *key)
{
    for (uint32_t i = 0; i < merged->count; i++) /* of two alike the first counts */
        if (merged->pairs[i].value != PAIR_NONE &&
            span_equal(program_text(merged->t, merged->pairs[i].key.text), key->name))
            return merged->values[i];
    return property(merged->base, key, true);
}

/* enumerable: without the length of arrays and strings. */
static struct value property(struct value v, const struct key *key, bool enumerable)
{
    switch (v.kind) {
    case VALUE_OBJECT:
        return object_property(v.json, key->name.at, key->hash, key->hashed_with);
    case VALUE_ARRAY:
        if (key->index != PART_NO_INDEX)
            return element(v.json, key->index);
        if (!enumerable && span_equal(key->name, SPAN("length")))
            return value_of_number((double)json_object_array_length(v.json));
        return UNDEFINED;
    case VALUE_STRING:
        if (key->index != PART_NO_INDEX)
            return character_at(v.text, key->index);
        if (!enumerable && span_equal(key->name, SPAN("length")))
            return value_of_number((double)utf16_length(v.text));
        return UNDEFINED;
    case VALUE_MERGED:
        return merged_property(v.merged, key);
    default:
        return UNDEFINED;
    }
}

static struct key key_of_part(const struct template *t, const struct part *part)
{
    return (struct key){program_text(t, part->text), part->index, part->hash, t->hash};
}

struct value value_property(struct value v, const struct template *t, const struct part *part)
{
    if (v.kind == VALUE_OBJECT)
        return object_property(v.json, t->pool + part->text.at, part->hash, t->hash);
    struct key key = key_of_part(t, part);
    return property(v, &key, false);
}

struct value value_named(struct value v, struct span name)
{
    struct key key = {.name = name, .index = array_index(name)};
    if (name.len && memchr(name.at, '\0', name.len))
        return UNDEFINED; /* json-c's keys cannot hold one */
    return property(v, &key, false);
}

bool value_has(struct value v, const struct template *t, const struct part *part)
{
    struct span name = program_text(t, part->text);
    const struct merged *merged = v.kind == VALUE_MERGED ? v.merged : NULL;
    for (uint32_t i = 0; merged && i < merged->count; i++)
        if (merged->pairs[i].value != PAIR_NONE &&
            span_equal(program_text(merged->t, merged->pairs[i].key.text), name))
            return true; /* be its value undefined */
    return value_property(v, t, part).kind != VALUE_UNDEFINED;
}

size_t value_length(struct value v)
{
    size_t count = 0;
    if (v.kind == VALUE_ARRAY)
        return json_object_array_length(v.json);
    for (size_t i = 0; v.kind == VALUE_STRING && i < v.text.len; i++)
        count += ((unsigned char)v.text.at[i] & 0xc0) != 0x80;
    return count;
}

uint64_t value_cost(struct value v)
{
    return v.kind == VALUE_STRING ? v.text.len / 64 : 0;
}

uint64_t value_key_cost(struct value v)
{
    switch (v.kind) {
    case VALUE_OBJECT:
        return (uint64_t)json_object_object_length(v.json);
    case VALUE_ARRAY:
        return json_object_array_length(v.json);
    case VALUE_STRING:
        return v.text.len;
    case VALUE_MERGED: {
        uint64_t base = value_key_cost(v.merged->base);
        return base + v.merged->count * (base + v.merged->count);
    }
    default:
        return 0;
    }
}

/* A growing list of keys. */
struct keys {
    struct arena *arena;
    struct span *at;
    size_t count, room;
};

static int add_key(struct keys *keys, struct span key)
{
    if (keys->count == keys->room) {
        size_t room = keys->room ? keys->room * 2 : 16;
        struct span *grown = arena_alloc(keys->arena, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        if (keys->count)
            memcpy(grown, keys->at, keys->count * sizeof *grown);
        keys->at = grown;
        keys->room = room;
    }
    keys->at[keys->count++] = key;
    return 0;
}

static int add_indexes(struct keys *keys, size_t count)
{
    char text[NUMBER_TEXT];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct span copy = arena_copy(keys->arena, number_text((double)i, text));
        rc = copy.at ? add_key(keys, copy) : -ENOMEM;
    }
    return rc;
}

static int add_keys(struct keys *keys, struct value v);

static int add_merged(struct keys *keys, const struct merged *merged)
{
    int rc = add_keys(keys, merged->base);
    for (uint32_t i = merged->count; rc == 0 && i-- > 0;) { /* Handlebars has them backwards */
        struct span key = program_text(merged->t, merged->pairs[i].key.text);
        size_t k = 0;
        while (k < keys->count && !span_equal(keys->at[k], key))
            k++;
        if (k == keys->count && merged->pairs[i].value != PAIR_NONE)
            rc = add_key(keys, key);
    }
    return rc;
}

static int add_keys(struct keys *keys, struct value v)
{
    int rc = 0;
    switch (v.kind) {
    case VALUE_OBJECT: {
        struct lh_entry *entry;
        lh_foreach(json_object_get_object(v.json), entry)
        {
            rc = add_key(keys, span_of(lh_entry_k(entry)));
            if (rc < 0)
                return rc;
        }
        return 0;
    }
    case VALUE_ARRAY:
        return add_indexes(keys, json_object_array_length(v.json));
    case VALUE_STRING:
        return add_indexes(keys, utf16_length(v.text));
    case VALUE_MERGED:
        return add_merged(keys, v.merged);
    default:
        return 0;
    }
}

static int by_index(const void *a, const void *b)
{
    uint32_t left = array_index(*(const struct span *)a),
             right = array_index(*(const struct span *)b);
    return (left > right) - (left < right);
}

/* Indexes to the front, by size; the others keep their order. */
static int sort_keys(struct keys *keys)
{
    size_t indexes = 0, others = 0;
    for (size_t i = 0; i < keys->count; i++)
        indexes += array_index(keys->at[i]) != PART_NO_INDEX;
    if (indexes == 0)
        return 0;
    struct span *sorted = arena_alloc(keys->arena, keys->count * sizeof *sorted);
    if (!sorted)
        return -ENOMEM;
    size_t at = 0;
    for (size_t i = 0; i < keys->count; i++) {
        bool index = array_index(keys->at[i]) != PART_NO_INDEX;
        sorted[index ? at++ : indexes + others++] = keys->at[i];
    }
    qsort(sorted, indexes, sizeof *sorted, by_index);
    keys->at = sorted;
    return 0;
}

int value_keys(struct value v, struct arena *arena, struct span **ret_keys, size_t *ret_count)
{
    struct keys keys = {.arena = arena};
    int rc = add_keys(&keys, v);
    if (rc == 0)
        rc = sort_keys(&keys);
    if (rc < 0)
        return rc;
    *ret_keys = keys.at;
    *ret_count = keys.count;
    return 0;
}
