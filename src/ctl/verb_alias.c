/* postamt alias: addresses that lead to users; "@domain" is the catch-all. */
#include "ctl/verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "alias add ADDRESS TARGET... | alias list [--json] |"
                            " alias remove ADDRESS   (\"@DOMAIN\" is the catch-all)";

struct listing {
    struct verb_call *call;
    struct json_object *list;
};

static void print_alias(const struct directory_row *row, void *arg)
{
    struct listing *l = arg;
    struct span targets = row->detail, target;
    if (!l->list) {
        call_print(l->call, "%.*s -> %.*s\n", SPAN_PRINT(row->name), SPAN_PRINT(row->detail));
        return;
    }
    struct json_object *entry = json_object_new_object(), *list = json_object_new_array();
    json_put(entry, "address", json_span(row->name));
    while (span_cut(&targets, ' ', &target))
        json_object_array_add(list, json_span(target));
    json_put(entry, "targets", list);
    json_object_array_add(l->list, entry);
}

static int co_list_aliases(struct verb_call *call)
{
    struct listing l = {call, call->args->json ? json_object_new_array() : NULL};
    int rc = directory_co_list(call->office->directory, TENANT_FIRST, DIRECTORY_ALIASES,
                               print_alias, &l);
    if (l.list && rc == 0)
        call_json(call, l.list);
    else if (l.list)
        json_object_put(l.list);
    return rc < 0 ? call_fail_code(call, "list", "the aliases", rc) : VERB_OK;
}

static int co_add_alias(struct verb_call *call, const char *address)
{
    size_t count = call->args->count - 3;
    struct span *targets = calloc(count, sizeof *targets);
    if (!targets)
        return call_fail_code(call, "add", address, -ENOMEM);
    for (size_t i = 0; i < count; i++)
        targets[i] = span_of(call->args->words[i + 3]);
    int rc = directory_co_alias_add(call->office->directory, TENANT_FIRST, span_of(address),
                                    targets, count);
    free(targets);
    if (rc == ERR_ABSENT)
        return call_fail(call,
                         "cannot add %s: its domain and its targets must be ours; see postamt "
                         "domain list, postamt user list",
                         address);
    if (rc < 0)
        return call_fail_code(call, "add", address, rc);
    call_print(call, "Alias %s added.\n", address);
    return VERB_OK;
}

int verb_co_alias(struct verb_call *call)
{
    const char *action = args_word(call->args, 1), *address = args_word(call->args, 2);
    if (strcmp(action, "list") == 0 && call->args->count == 2)
        return co_list_aliases(call);
    if (strcmp(action, "add") == 0 && call->args->count >= 4)
        return co_add_alias(call, address);
    if (strcmp(action, "remove") != 0 || call->args->count != 3)
        return call_usage(call, usage);
    int rc = directory_co_alias_remove(call->office->directory, TENANT_FIRST, span_of(address));
    if (rc < 0)
        return call_fail_code(call, "remove", address, rc);
    call_print(call, "Alias %s removed.\n", address);
    return VERB_OK;
}
