/* postamt suppression: addresses that applications' letters do not go to. */
#include "ctl/verb.h"

#include "reputation/suppression.h"

#include <string.h>

#define PAGE        256
#define PAGE_MEMORY ((size_t)1024 * 1024)

static const char usage[] =
    "suppression list | suppression add ADDRESS [--reason TEXT] | suppression remove ADDRESS"
    "   [--json]";

static void show(struct verb_call *call, struct json_object *list, const struct suppression *one)
{
    char text[TIME_TEXT];
    time_text(one->created_ms, text);
    if (!list) {
        call_print(call, "%.*s  %s  %s  %.*s\n", SPAN_PRINT(one->address), text,
                   suppression_reason_text(one->reason), SPAN_PRINT(one->detail));
        return;
    }
    struct json_object *o = json_object_new_object();
    json_put(o, "address", json_span(one->address));
    json_put(o, "reason", json_object_new_string(suppression_reason_text(one->reason)));
    json_put(o, "detail", json_span(one->detail));
    json_put(o, "created", json_object_new_string(text));
    json_object_array_add(list, o);
}

static int co_list(struct verb_call *call)
{
    struct json_object *all = call->args->json ? json_object_new_array() : NULL;
    AUTO_ARENA arena = ARENA(PAGE_MEMORY);
    char after[ADDRESS_TEXT_MAX] = "";
    size_t count = PAGE;
    int rc = 0;
    while (rc == 0 && count == PAGE) {
        struct suppression *rows;
        arena_reset(&arena);
        rc = suppression_co_list(call->office->store, TENANT_FIRST, span_of(after), PAGE, &arena,
                                 &rows, &count);
        for (size_t i = 0; i < count; i++)
            show(call, all, &rows[i]);
        if (count && !span_to_text(rows[count - 1].address, after, sizeof after))
            rc = ERR_CORRUPT;
    }
    if (rc == 0 && all) {
        call_json(call, all);
        return VERB_OK;
    }
    json_object_put(all);
    return rc < 0 ? call_fail_code(call, "list", "the suppressed addresses", rc) : VERB_OK;
}

static int co_change(struct verb_call *call, bool add, const char *address)
{
    const char *reason = call->args->reason;
    struct suppression one = {
        .address = span_of(address), .reason = SUPPRESSION_BY_HAND, .detail = span_of(reason)};
    int rc = add ? suppression_co_add(call->office->store, TENANT_FIRST, &one)
                 : suppression_co_remove(call->office->store, TENANT_FIRST, one.address);
    if (rc < 0)
        return call_fail_code(call, add ? "add" : "remove", address, rc);
    call_print(call,
               add ? "Letters of applications do not go to %s any more.\n"
                   : "Letters may go to %s again.\n",
               address);
    return VERB_OK;
}

int verb_co_suppression(struct verb_call *call)
{
    const char *action = args_word(call->args, 1), *address = args_word(call->args, 2);
    if (strcmp(action, "list") == 0 && call->args->count == 2)
        return co_list(call);
    bool add = strcmp(action, "add") == 0;
    if ((!add && strcmp(action, "remove") != 0) || call->args->count != 3)
        return call_usage(call, usage);
    return co_change(call, add, address);
}
