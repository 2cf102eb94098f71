/*
 * postamt domain check: does the world see the records that domain dns prints? Asks the machine's
 * own resolver, in a lane.
 */
#include "ctl/verb.h"

#include "run/lane.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX 4096
#define TIMEOUT_MS (60 * 1000)

struct question {
    const struct directory_record *record;
    bool found;
    char seen[600]; /* what is there instead, the last of them */
};

/* What a look-up works with. */
struct lookup {
    struct __res_state state;
    unsigned char answer[ANSWER_MAX];
    ns_msg message;
    ns_rr rr;
    char seen[600];
};

static int type_of(const char *name)
{
    if (strcmp(name, "MX") == 0)
        return ns_t_mx;
    return strcmp(name, "SRV") == 0 ? ns_t_srv : ns_t_txt;
}

/* A record in the form of struct directory_record. */
static void print_record(const ns_msg *message, const ns_rr *rr, char *out, size_t size)
{
    const unsigned char *data = ns_rr_rdata(*rr);
    char host[NS_MAXDNAME] = "";
    size_t len = ns_rr_rdlen(*rr), fixed = ns_rr_type(*rr) == ns_t_mx ? 2 : 6;
    out[0] = '\0';
    if (ns_rr_type(*rr) == ns_t_txt) {
        for (size_t at = 0, end = 0; at < len && end + 256 < size; at += 1U + data[at]) {
            size_t part = at + 1 + data[at] <= len ? data[at] : 0;
            memcpy(out + end, data + at + 1, part);
            end += part;
            out[end] = '\0';
        }
        return;
    }
    if (len <= fixed ||
        dn_expand(ns_msg_base(*message), ns_msg_end(*message), data + fixed, host, sizeof host) < 0)
        return;
    if (fixed == 2)
        snprintf(out, size, "%u %.255s.", ns_get16(data), host);
    else
        snprintf(out, size, "%u %u %u %.255s.", ns_get16(data), ns_get16(data + 2),
                 ns_get16(data + 4), host);
}

/* The first word decides what a TXT record is about. */
static bool is_about(const struct directory_record *record, const char *seen)
{
    size_t word = strcspn(record->value, " ;");
    return strcmp(record->type, "TXT") != 0 || strncmp(seen, record->value, word) == 0;
}

static void compare(struct question *question, struct lookup *lookup, int len)
{
    int type = type_of(question->record->type);
    if (len <= 0 || len > ANSWER_MAX || ns_initparse(lookup->answer, len, &lookup->message) < 0)
        return;
    for (int i = 0; i < ns_msg_count(lookup->message, ns_s_an) && !question->found; i++) {
        if (ns_parserr(&lookup->message, ns_s_an, i, &lookup->rr) < 0 ||
            ns_rr_type(lookup->rr) != type)
            continue;
        print_record(&lookup->message, &lookup->rr, lookup->seen, sizeof lookup->seen);
        question->found = strcasecmp(lookup->seen, question->record->value) == 0;
        if (is_about(question->record, lookup->seen))
            memcpy(question->seen, lookup->seen, sizeof question->seen);
    }
}

static int ask(void *arg)
{
    struct question *question = arg;
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return -ENOMEM;
    if (res_ninit(&lookup->state) == 0) {
        int len = res_nquery(&lookup->state, question->record->name, ns_c_in,
                             type_of(question->record->type), lookup->answer, ANSWER_MAX);
        compare(question, lookup, len);
        res_nclose(&lookup->state);
    }
    free(lookup);
    return 0;
}

static void print_answer(struct verb_call *call, const struct question *question,
                         struct json_object *list)
{
    const struct directory_record *record = question->record;
    const char *state = question->found ? "ok" : question->seen[0] ? "differs" : "missing";
    if (!list) {
        call_print(call, "%-8s %s %s: ", state, record->name, record->type);
        if (question->found)
            call_print(call, "%s\n", record->value);
        else if (question->seen[0])
            call_print(call, "the world sees \"%s\", publish \"%s\"\n", question->seen,
                       record->value);
        else
            call_print(call, "publish \"%s\"\n", record->value);
        return;
    }
    struct json_object *entry = json_object_new_object();
    json_put(entry, "type", json_object_new_string(record->type));
    json_put(entry, "name", json_object_new_string(record->name));
    json_put(entry, "value", json_object_new_string(record->value));
    json_put(entry, "seen", json_object_new_string(question->seen));
    json_put(entry, "state", json_object_new_string(state));
    json_object_array_add(list, entry);
}

int verb_co_domain_check(struct verb_call *call, const char *name)
{
    char folded[ADDRESS_DOMAIN_MAX + 1];
    int rc = address_fold_domain(span_of(name), folded), missing = 0;
    struct directory_record *records = calloc(DIRECTORY_RECORDS_MAX, sizeof *records);
    struct json_object *list = call->args->json ? json_object_new_array() : NULL;
    if (rc == 0 && !records)
        rc = -ENOMEM;
    size_t count = 0;
    if (rc == 0)
        rc = domain_co_records(call, folded, records, &count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct question question = {.record = &records[i]};
        rc = lane_co_run(call->office->passwords, ask, &question, TIMEOUT_MS);
        missing += !question.found;
        if (rc == 0)
            print_answer(call, &question, list);
    }
    free(records);
    if (list && rc == 0)
        call_json(call, list);
    else if (list)
        json_object_put(list);
    if (rc < 0)
        return call_fail_code(call, "check", name, rc);
    return missing ? VERB_FAILED : VERB_OK;
}
