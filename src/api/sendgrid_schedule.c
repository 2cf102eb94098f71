/*
 * Batches (mail/batch) and what becomes of them (user/scheduled_sends): paused letters are held,
 * cancelled ones dropped, and those that a tenant releases go when they were to go.
 *
 * The state is set first, so that letters which come in now are treated alike; then what waits in
 * the queue already is steered. What an operator holds stays held.
 */
#include "api/sendgrid.h"

#include "deliver/steer.h"
#include "http/json.h"
#include "submit/batch.h"

#include <errno.h>

#define NOT_FOUND "batch id not found"
#define BAD_STATE "status must be pause or cancel"

/* --- batches --------------------------------------------------------------------------------- */

static int answer_id(struct http_request *r, int status, struct span id)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, "batch_id", id);
    return json_answer(r, status, o);
}

int sendgrid_batch_co_post(struct http_request *r)
{
    struct identity who;
    struct span id = SPAN("");
    int rc = sendgrid_co_enter(r, "mail.batch.create", &who);
    if (rc == 0)
        rc = batch_co_make(api_of(r)->store, who.tenant, &r->arena, &id);
    return rc < 0 ? rc : answer_id(r, 201, id);
}

int sendgrid_batch_co_get(struct http_request *r)
{
    struct identity who;
    struct batch batch;
    int rc = sendgrid_co_enter(r, "mail.batch.read", &who);
    if (rc < 0)
        return rc;
    rc = batch_co_find(api_of(r)->store, who.tenant, http_parameter(r, "batch"), &r->arena, &batch);
    if (rc == ERR_ABSENT)
        return sendgrid_fail(r, 400, NULL, SENDGRID_INVALID_BATCH);
    return rc < 0 ? rc : answer_id(r, 200, batch.id);
}

/* --- what becomes of them -------------------------------------------------------------------- */

struct schedule_call {
    struct http_request *r;
    struct identity who;
    struct batch batch;
};

static int co_set(struct schedule_call *c, enum batch_state state)
{
    const struct api *api = api_of(c->r);
    const struct settler settler = {api->door, api->directory, api->hostname};
    return steer_co_batch(&settler, api->deliver, c->who.tenant, c->batch.id, state);
}

static const char *state_name(enum batch_state state)
{
    return state == BATCH_PAUSED ? "pause" : "cancel";
}

static struct json_object *state_json(const struct batch *batch)
{
    struct json_object *o = json_object_new_object();
    member_put_text(o, "batch_id", batch->id);
    member_put(o, "status", json_object_new_string(state_name(batch->state)));
    return o;
}

/* ERR_SYNTAX: it is none. */
static int take_state(struct json_object *o, enum batch_state *ret_state)
{
    struct span text;
    if (member_text(o, "status", &text) <= 0)
        return ERR_SYNTAX;
    *ret_state = span_equal(text, SPAN("pause")) ? BATCH_PAUSED : BATCH_CANCELLED;
    return *ret_state == BATCH_PAUSED || span_equal(text, SPAN("cancel")) ? 0 : ERR_SYNTAX;
}

/* The batch of the path, which must have a state: 0, or the answer has been given or chosen; then
 * *ret_told. */
static int co_find_stated(struct schedule_call *c, bool *ret_told)
{
    int rc = batch_co_find(api_of(c->r)->store, c->who.tenant, http_parameter(c->r, "batch"),
                           &c->r->arena, &c->batch);
    *ret_told = rc == ERR_ABSENT || (rc == 0 && c->batch.state == BATCH_OPEN);
    return *ret_told ? sendgrid_fail(c->r, 404, "batch_id", NOT_FOUND) : rc;
}

static int co_post(struct schedule_call *c, struct json_object *o)
{
    enum batch_state state;
    struct span id;
    if (member_text(o, "batch_id", &id) <= 0)
        return sendgrid_fail(c->r, 400, "batch_id", "batch_id is required and must be a string");
    if (take_state(o, &state) < 0)
        return sendgrid_fail(c->r, 400, "status", BAD_STATE);
    int rc = batch_co_find(api_of(c->r)->store, c->who.tenant, id, &c->r->arena, &c->batch);
    if (rc == ERR_ABSENT)
        return sendgrid_fail(c->r, 400, "batch_id", SENDGRID_INVALID_BATCH);
    if (rc == 0 && c->batch.state != BATCH_OPEN)
        return sendgrid_fail(c->r, 400, "batch_id",
                             "a status for this batch id exists, try PATCH to update the status");
    if (rc == 0)
        rc = co_set(c, state);
    c->batch.state = state;
    return rc < 0 ? rc : json_answer(c->r, 201, state_json(&c->batch));
}

int sendgrid_scheduled_co_post(struct http_request *r)
{
    struct schedule_call c = {.r = r};
    struct json_object *o = NULL;
    int rc = sendgrid_co_enter(r, "user.scheduled_sends.create", &c.who);
    if (rc == 0)
        rc = sendgrid_co_body(r, SENDGRID_SMALL_MAX, &o);
    if (rc == 0)
        rc = co_post(&c, o);
    json_object_put(o);
    return rc;
}

int sendgrid_scheduled_co_list(struct http_request *r)
{
    struct identity who;
    struct batch *list = NULL;
    size_t count = 0;
    int rc = sendgrid_co_enter(r, "user.scheduled_sends.read", &who);
    if (rc == 0)
        rc = batch_co_list(api_of(r)->store, who.tenant, &r->arena, &list, &count);
    if (rc < 0)
        return rc;
    struct json_object *all = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(all, state_json(&list[i]));
    return json_answer(r, 200, all);
}

/* A list of one; empty when nothing was said of the batch. */
int sendgrid_scheduled_co_get(struct http_request *r)
{
    struct schedule_call c = {.r = r};
    int rc = sendgrid_co_enter(r, "user.scheduled_sends.read", &c.who);
    if (rc < 0)
        return rc;
    rc = batch_co_find(api_of(r)->store, c.who.tenant, http_parameter(r, "batch"), &r->arena,
                       &c.batch);
    if (rc == ERR_ABSENT)
        return sendgrid_fail(r, 404, "batch_id", NOT_FOUND);
    if (rc < 0)
        return rc;
    struct json_object *all = json_object_new_array();
    if (c.batch.state != BATCH_OPEN)
        json_object_array_add(all, state_json(&c.batch));
    return json_answer(r, 200, all);
}

static int co_patch(struct schedule_call *c, struct json_object *o)
{
    enum batch_state state;
    bool told;
    if (take_state(o, &state) < 0)
        return sendgrid_fail(c->r, 400, "status", BAD_STATE);
    int rc = co_find_stated(c, &told);
    if (rc < 0 || told)
        return rc;
    rc = co_set(c, state);
    return rc < 0 ? rc : sendgrid_done(c->r, 204);
}

int sendgrid_scheduled_co_patch(struct http_request *r)
{
    struct schedule_call c = {.r = r};
    struct json_object *o = NULL;
    int rc = sendgrid_co_enter(r, "user.scheduled_sends.update", &c.who);
    if (rc == 0)
        rc = sendgrid_co_body(r, SENDGRID_SMALL_MAX, &o);
    if (rc == 0)
        rc = co_patch(&c, o);
    json_object_put(o);
    return rc;
}

/* What was cancelled stays dropped; the batch itself is as new. */
int sendgrid_scheduled_co_delete(struct http_request *r)
{
    struct schedule_call c = {.r = r};
    bool told = false;
    int rc = sendgrid_co_enter(r, "user.scheduled_sends.delete", &c.who);
    if (rc == 0)
        rc = co_find_stated(&c, &told);
    if (rc < 0 || told)
        return rc;
    rc = co_set(&c, BATCH_OPEN);
    return rc < 0 ? rc : sendgrid_done(r, 204);
}
