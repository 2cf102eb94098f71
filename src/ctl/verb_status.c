/* postamt status: is the server up, and what has it done? */
#include "ctl/verb.h"

#include "base/clock.h"
#include "run/co.h"

static struct json_object *counter(uint64_t value)
{
    return json_object_new_int64((int64_t)value);
}

static void print_json(struct verb_call *call)
{
    struct office *office = call->office;
    struct store_counters store = store_counters(office->store);
    struct co_census census = co_census();
    struct json_object *o = json_object_new_object();
    json_put(o, "running", json_object_new_boolean(office->serving));
    json_put(o, "version", json_object_new_string(POSTAMT_VERSION));
    json_put(o, "hostname", json_object_new_string(office->config.hostname));
    json_put(o, "uptime_seconds", counter((uint64_t)(clock_wall_ms() - office->started_ms) / 1000));
    json_put(o, "connections", counter(crowd_size(office->crowd)));
    json_put(o, "smtp_sessions", counter(office->smtp.sessions));
    json_put(o, "letters_accepted", counter(office->smtp.accepted));
    json_put(o, "bytes_accepted", counter(office->smtp.accepted_bytes));
    json_put(o, "refused", counter(office->smtp.refused));
    json_put(o, "tempfailed", counter(office->smtp.tempfailed));
    json_put(o, "pop3_sessions", counter(office->pop3.sessions));
    json_put(o, "pop3_logins", counter(office->pop3.logins));
    json_put(o, "pop3_retrieved", counter(office->pop3.retrieved));
    json_put(o, "queue_waiting", counter(office->deliver ? deliver_waiting(office->deliver) : 0));
    json_put(o, "delivery_sessions", counter(office->delivery.sessions));
    json_put(o, "delivery_connections", counter(office->delivery.connections));
    json_put(o, "delivered", counter(office->delivery.delivered));
    json_put(o, "deferred", counter(office->delivery.deferred));
    json_put(o, "bounced", counter(office->delivery.bounced));
    json_put(o, "expired", counter(office->delivery.expired));
    json_put(o, "store_jobs", counter(store.jobs));
    json_put(o, "store_groups", counter(store.groups));
    json_put(o, "store_retried_groups", counter(store.retried_groups));
    json_put(o, "store_commits_failed", counter(store.commits_failed));
    json_put(o, "store_waiting", counter(store.waiting));
    json_put(o, "coroutines", counter(census.live));
    json_put(o, "stacks", counter(census.stacks));
    call_json(call, o);
}

static void print_text(struct verb_call *call)
{
    struct office *office = call->office;
    struct store_counters store = store_counters(office->store);
    long long up = (clock_wall_ms() - office->started_ms) / 1000;
    call_print(call, "postamt %s on %s, up %lld h %02lld m %02lld s\n", POSTAMT_VERSION,
               office->config.hostname, up / 3600, up / 60 % 60, up % 60);
    call_print(call, "connections %u now; SMTP sessions %llu, POP3 sessions %llu\n",
               crowd_size(office->crowd), (unsigned long long)office->smtp.sessions,
               (unsigned long long)office->pop3.sessions);
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
    if (call->args->json)
        print_json(call);
    else if (call->office->serving)
        print_text(call);
    if (!call->office->serving)
        return call_fail(call, "no server runs on %s: start it with \"postamt serve -d %s\"",
                         call->args->folder, call->args->folder);
    return VERB_OK;
}
