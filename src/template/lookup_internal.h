/*
 * A key of json-c's objects, found without a call: most of a render is spent here. The probing is
 * that of json-c's lh_table, whose layout is part of its interface.
 */
#ifndef TEMPLATE_LOOKUP_INTERNAL_H
#define TEMPLATE_LOOKUP_INTERNAL_H

#include "template/program_internal.h"

#include <json-c/json.h>
#include <string.h>

static inline struct lh_entry *lookup_name(struct lh_table *table, const char *name,
                                           unsigned long hash)
{
    unsigned long size = (unsigned long)table->size;
    unsigned long n = (size & (size - 1)) == 0 ? hash & (size - 1) : hash % size;
    for (unsigned long tried = 0; tried < size; tried++) {
        struct lh_entry *entry = &table->table[n];
        const char *key = entry->k;
        if (key == LH_EMPTY)
            return NULL;
        if (key != LH_FREED && key[0] == name[0] && strcmp(key, name) == 0)
            return entry;
        n = n + 1 == size ? 0 : n + 1;
    }
    return NULL;
}

/* hash: of the name, made with hashed_with (which may be NULL). */
static inline struct lh_entry *lookup_hashed(struct lh_table *table, const char *name,
                                             unsigned long hash, lh_hash_fn *hashed_with)
{
    return lookup_name(table, name, table->hash_fn == hashed_with ? hash : table->hash_fn(name));
}

static inline struct lh_entry *lookup_part(struct lh_table *table, const struct template *t,
                                           const struct part *part)
{
    return lookup_hashed(table, t->pool + part->text.at, part->hash, t->hash);
}

#endif
