/* JSON in and out of requests; see json.h, json_scan.c. */
#include "http/json.h"

#include "http/internal.h"
#include "run/lane.h"

#include <errno.h>
#include <limits.h>

#define LOOP_MAX ((size_t)64 * 1024) /* what takes longer than a millisecond goes to the lane */

static int parse(struct span text, struct json_object **ret_value)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
    if (!tokener)
        return -ENOMEM;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT); /* the scan has seen to its UTF-8 */
    struct json_object *value = json_tokener_parse_ex(tokener, text.at, (int)text.len);
    if (json_tokener_get_error(tokener) == json_tokener_continue)
        value = json_tokener_parse_ex(tokener, "", 1); /* a number ends where the text does */
    bool good = json_tokener_get_error(tokener) == json_tokener_success;
    json_tokener_free(tokener);
    if (!good)
        return ERR_SYNTAX;
    *ret_value = value;
    return 0;
}

int json_read(struct span text, struct json_object **ret_value, struct json_error *ret_error)
{
    int rc = json_scan(text, ret_error);
    if (rc < 0)
        return rc;
    rc = text.len < INT_MAX ? parse(text, ret_value) : -E2BIG;
    if (rc < 0)
        *ret_error = (struct json_error){.what = "it cannot be read", .line = 1, .column = 1};
    return rc;
}

struct reading {
    struct span text;
    struct json_object *value;
    struct json_error error;
};

static int read_in_lane(void *arg)
{
    struct reading *reading = arg;
    return json_read(reading->text, &reading->value, &reading->error);
}

static int json_co_read(struct http_request *r, struct reading *reading)
{
    struct lane *lane = r->session->settings->parsing;
    if (!lane || reading->text.len <= LOOP_MAX)
        return json_read(reading->text, &reading->value, &reading->error);
    return lane_co_run(lane, read_in_lane, reading, CO_FOREVER);
}

int json_co_body(struct http_request *r, size_t max, struct json_object **ret_value)
{
    struct reading reading = {.value = NULL};
    int rc = http_co_body(r, max, &reading.text);
    if (rc == 0)
        rc = json_co_read(r, &reading);
    if (rc == ERR_SYNTAX || rc == -E2BIG)
        return http_fail(r, 400, "the JSON is wrong at line %zu, column %zu: %s",
                         reading.error.line, reading.error.column, reading.error.what);
    if (rc == 0)
        *ret_value = reading.value;
    return rc;
}

int json_answer(struct http_request *r, int status, struct json_object *value)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    int rc = text ? http_answer(r, status, "application/json", span_make(text, len)) : -ENOMEM;
    json_object_put(value);
    return rc;
}
