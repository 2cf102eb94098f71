/*
 * The names that stand in the objects of a JSON text, to find one that stands twice. Pure.
 *
 * A set of (object, name); names are kept as they stand in the text, and compared decoded.
 */
#ifndef HTTP_JSON_NAMES_H
#define HTTP_JSON_NAMES_H

#include "base/error.h"
#include "base/span.h"

struct json_name {
    uint64_t hash;
    struct span text; /* between its quotes; .at NULL: an empty place */
    uint32_t object;
};
struct json_names {
    struct json_name *places;
    size_t count, size; /* size is a power of two, or 0 */
    unsigned char key[16];
};

void json_names_open(struct json_names *names);
void json_names_close(struct json_names *names);
/* 0; ERR_EXISTS: the object has that name; -ENOMEM. text is well-formed. */
must_check int json_names_add(struct json_names *names, uint32_t object, struct span text);

#endif
