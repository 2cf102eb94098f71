/* postamt status: is the server up, and what has it done? */
#include "ctl/verb.h"

#include "base/clock.h"
#include "ctl/counters.h"

#include <stdio.h>
#include <stdlib.h>

/* "http_answers_2xx": a label's value stands behind the name. */
static void put_counter(struct json_object *o, const struct metric *metric)
{
    char key[100];
    snprintf(key, sizeof key, "%s%s%s", metric->name, metric->label ? "_" : "",
             metric->label ? metric->label_value : "");
    json_put(o, key, json_object_new_int64((int64_t)metric->value));
}

static int print_json(struct verb_call *call)
{
    struct office *office = call->office;
    struct metric *metrics = calloc(COUNTERS_MAX, sizeof *metrics);
    if (!metrics)
        return call_fail(call, "out of memory");
    size_t count = counters_list(office, metrics);
    struct json_object *o = json_object_new_object();
    json_put(o, "running", json_object_new_boolean(office->serving));
    json_put(o, "version", json_object_new_string(POSTAMT_VERSION));
    json_put(o, "hostname", json_object_new_string(office->config.hostname));
    for (size_t i = 0; i < count; i++)
        put_counter(o, &metrics[i]);
    free(metrics);
    call_json(call, o);
    return VERB_OK;
}

static void print_text(struct verb_call *call)
{
    struct office *office = call->office;
    struct store_counters store = store_counters(office->store);
    long long up = (clock_wall_ms() - office->started_ms) / 1000;
    call_print(call, "postamt %s on %s, up %lld h %02lld m %02lld s\n", POSTAMT_VERSION,
               office->config.hostname, up / 3600, up / 60 % 60, up % 60);
    call_print(call,
               "connections %u now; SMTP sessions %llu, POP3 sessions %llu, "
               "HTTP requests %llu\n",
               crowd_size(office->crowd), (unsigned long long)office->smtp.sessions,
               (unsigned long long)office->pop3.sessions,
               (unsigned long long)office->http.requests);
    call_print(
        call, "letters accepted %llu (%llu bytes), refused %llu, told to come back %llu\n",
        (unsigned long long)office->smtp.accepted, (unsigned long long)office->smtp.accepted_bytes,
        (unsigned long long)office->smtp.refused, (unsigned long long)office->smtp.tempfailed);
    call_print(call,
               "letters delivered elsewhere %llu, deferred %llu, bounced %llu, expired %llu;"
               " %zu recipients wait\n",
               (unsigned long long)office->delivery.delivered,
               (unsigned long long)office->delivery.deferred,
               (unsigned long long)office->delivery.bounced,
               (unsigned long long)office->delivery.expired, deliver_waiting(office->deliver));
    call_print(call, "store: %llu jobs in %llu commits, %u waiting, %llu commits failed\n",
               (unsigned long long)store.jobs, (unsigned long long)store.groups, store.waiting,
               (unsigned long long)store.commits_failed);
}

int verb_co_status(struct verb_call *call)
{
    if (call->args->count != 1)
        return call_usage(call, "status [--json]");
    if (call->args->json && print_json(call) != VERB_OK)
        return VERB_FAILED;
    if (!call->args->json && call->office->serving)
        print_text(call);
    if (!call->office->serving)
        return call_fail(call, "no server runs on %s: start it with \"postamt serve -d %s\"",
                         call->args->folder, call->args->folder);
    return VERB_OK;
}
