/* JSON: what the scan takes json-c takes too, and what json-c prints of it is the same value. */
#include "fuzz.h"

#include "http/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct json_error error = {0};
    struct json_object *value = NULL, *again = NULL;
    if (json_scan(text, &error) < 0) {
        CLAIM(error.what && error.offset <= size && error.line >= 1 && error.column >= 1);
        return 0;
    }
    CLAIM(json_read(text, &value, &error) == 0);
    const char *printed = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    CLAIM(json_read(span_of(printed), &again, &error) == 0);
    CLAIM(json_object_equal(value, again));
    json_object_put(value);
    json_object_put(again);
    return 0;
}
