/* postamt log: what happened to a letter, from the durable event log. */
#include "ctl/verb.h"

#include "base/clock.h"
#include "base/id.h"
#include "event/event.h"

#include <string.h>

#define SHOWN_MAX 1000

static const char usage[] = "log [--id LETTER] [--to ADDRESS] [--from ADDRESS]"
                            " [--since TIME|30m|12h|7d] [--follow] [--json]";

static void print_event(struct verb_call *call, const struct event *event)
{
    char when[TIME_TEXT], letter[ID_TEXT];
    call_print(call, "%s %s %-9s from=<%.*s>", time_text(id_wall_ms(event->id), when),
               id_text(event->letter, letter), event_kind_text(event->kind),
               SPAN_PRINT(event->sender));
    if (event->recipient.len)
        call_print(call, " to=<%.*s>", SPAN_PRINT(event->recipient));
    call_print(call, " bytes=%llu %.*s\n", (unsigned long long)event->bytes,
               SPAN_PRINT(event->detail));
}

static struct json_object *event_json(const struct event *event)
{
    char when[TIME_TEXT], id[ID_TEXT];
    struct json_object *entry = json_object_new_object();
    json_put(entry, "id", json_object_new_string(id_text(event->id, id)));
    json_put(entry, "time", json_object_new_string(time_text(id_wall_ms(event->id), when)));
    json_put(entry, "letter", json_object_new_string(id_text(event->letter, id)));
    json_put(entry, "event", json_object_new_string(event_kind_text(event->kind)));
    json_put(entry, "from", json_span(event->sender));
    json_put(entry, "to", json_span(event->recipient));
    json_put(entry, "bytes", json_object_new_int64((int64_t)event->bytes));
    json_put(entry, "detail", json_span(event->detail));
    return entry;
}

static int take_filter(struct verb_call *call, struct event_filter *filter)
{
    const struct args *args = call->args;
    *filter = (struct event_filter){.tenant = TENANT_FIRST,
                                    .to = span_of(args->to),
                                    .from = span_of(args->from),
                                    .limit = SHOWN_MAX};
    if (args->id && !id_parse(span_of(args->id), &filter->letter))
        return call_fail(call, "%s is no letter's id (13 letters and digits)", args->id);
    if (args->after && !id_parse(span_of(args->after), &filter->after))
        return call_fail(call, "%s is no event's id", args->after);
    if (args->since && !time_parse(args->since, clock_wall_ms(), &filter->since_ms))
        return call_fail(call, "%s is no time: 2026-11-23, 2026-11-23T10:00, 30m, 12h, 7d",
                         args->since);
    return VERB_OK;
}

int verb_co_log(struct verb_call *call)
{
    struct event_filter filter;
    AUTO_ARENA arena = ARENA((size_t)16 * 1024 * 1024);
    struct event *events;
    size_t count;
    if (call->args->count != 1)
        return call_usage(call, usage);
    int status = take_filter(call, &filter);
    if (status != VERB_OK)
        return status;
    int rc = event_co_list(call->office->store, &filter, &arena, &events, &count);
    if (rc < 0)
        return call_fail_code(call, "read", "the log", rc);
    bool lines = call->args->follow; /* JSON then comes as one object a line */
    struct json_object *list = call->args->json && !lines ? json_object_new_array() : NULL;
    for (size_t i = 0; i < count; i++) {
        if (list)
            json_object_array_add(list, event_json(&events[i]));
        else if (call->args->json)
            call_json(call, event_json(&events[i]));
        else
            print_event(call, &events[i]);
    }
    if (list)
        call_json(call, list);
    call->next = count ? events[count - 1].id : filter.after;
    return VERB_OK;
}
