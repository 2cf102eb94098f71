/* Batches of scheduled sends by our own API: made, paused, opened again, cancelled. */
#include "api/native.h"

#include "deliver/steer.h"

#include <errno.h>

static const char *const states[] = {
    [BATCH_OPEN] = "open", [BATCH_PAUSED] = "paused", [BATCH_CANCELLED] = "cancelled"};
#define STATES (sizeof states / sizeof *states)

static struct json_object *batch_json(const struct batch *batch)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, "id", batch->id);
    member_put(o, "state", json_object_new_string(states[batch->state]));
    member_put(o, "created", native_time(batch->created_ms));
    return o;
}

/* Those that are not open, 256 at most: there is one page. */
int native_batches_co_get(struct http_request *r)
{
    static const char *const names[] = {NULL};
    struct identity who = {0};
    struct batch *list;
    size_t count;
    int rc = native_co_enter(r, "mail.batch.read", &who);
    if (rc == 0)
        rc = native_check_query(r, names);
    if (rc == 0)
        rc = batch_co_list(api_of(r)->store, who.tenant, &r->arena, &list, &count);
    if (rc != 0)
        return native_end(rc);
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(items, batch_json(&list[i]));
    return native_answer_page(r, items, NULL);
}

static int native_co_answer_batch(struct http_request *r, const struct identity *who, int status,
                                  struct span id)
{
    struct batch batch;
    int rc = batch_co_find(api_of(r)->store, who->tenant, id, &r->arena, &batch);
    if (rc < 0)
        return native_problem_of(r, rc, "id");
    return json_answer(r, status, batch_json(&batch));
}

int native_batches_co_post(struct http_request *r)
{
    struct identity who = {0};
    struct span id;
    int rc = native_co_enter(r, "mail.batch.create", &who);
    if (rc == 0)
        rc = batch_co_make(api_of(r)->store, who.tenant, &r->arena, &id);
    return native_end(rc == 0 ? native_co_answer_batch(r, &who, 201, id) : rc);
}

int native_batch_co_get(struct http_request *r)
{
    struct identity who = {0};
    int rc = native_co_enter(r, "mail.batch.read", &who);
    if (rc == 0)
        rc = native_co_answer_batch(r, &who, 200, http_parameter(r, "id"));
    return native_end(rc);
}

static int take_state(struct http_request *r, struct json_object *o, enum batch_state *ret_state)
{
    struct span text = SPAN("");
    int rc = native_text(r, o, "state", &text);
    for (unsigned i = 0; rc == 0 && i < STATES; i++)
        if (span_equal(text, span_of(states[i]))) {
            *ret_state = (enum batch_state)i;
            return 0;
        }
    return rc != 0 ? rc
                   : native_problem(r, 400, "state", "is none of a batch",
                                    "Give open, paused or cancelled");
}

int native_batch_co_patch(struct http_request *r)
{
    static const char *const members[] = {"state", NULL};
    struct identity who = {0};
    struct json_object *o = NULL;
    enum batch_state state = BATCH_OPEN;
    const struct api *api = api_of(r);
    const struct settler settler = {api->door, api->directory, api->hostname};
    struct span id = http_parameter(r, "id");
    int rc = native_co_enter(r, "user.scheduled_sends.update", &who);
    if (rc == 0)
        rc = native_co_body(r, NATIVE_SMALL_MAX, members, &o);
    if (rc == 0)
        rc = take_state(r, o, &state);
    if (rc == 0) {
        rc = steer_co_batch(&settler, api->deliver, who.tenant, id, state);
        rc = rc == ERR_ABSENT ? native_problem_of(r, rc, "id") : rc;
    }
    if (rc == 0)
        rc = native_co_answer_batch(r, &who, 200, id);
    json_object_put(o);
    return native_end(rc);
}
