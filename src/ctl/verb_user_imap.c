/* postamt user imap: the capabilities that a user's mail programs are not told of. */
#include "ctl/verb.h"
#include "imap/capability.h"

#include <string.h>

static int co_set_hidden(struct verb_call *call, const char *address, const char *names)
{
    AUTO_BUFFER list = BUFFER(DIRECTORY_IMAP_HIDDEN_MAX);
    AUTO_BUFFER known = BUFFER(4096);
    struct span wrong;
    uint64_t rows = imap_hide(strcmp(names, "none") == 0 ? SPAN("") : span_of(names), &wrong);
    if (wrong.len) {
        (void)!imap_write_hidden(0, true, ' ', &known);
        return call_fail(call, "%.*s cannot be hidden; these can, with commas between: %.*s",
                         SPAN_PRINT(wrong), SPAN_PRINT(buffer_span(&known)));
    }
    int rc = imap_write_hidden(rows, false, ' ', &list);
    if (rc == 0)
        rc = directory_co_user_hide(call->office->directory, TENANT_FIRST, span_of(address),
                                    buffer_span(&list));
    return rc < 0 ? call_fail_code(call, "change", address, rc) : VERB_OK;
}

static int co_show_hidden(struct verb_call *call, const char *address)
{
    char names[DIRECTORY_IMAP_HIDDEN_MAX + 1];
    struct span rest, name;
    int rc =
        directory_co_user_hidden(call->office->directory, TENANT_FIRST, span_of(address), names);
    if (rc < 0)
        return call_fail_code(call, "show", address, rc);
    if (!call->args->json) {
        call_print(call, "%s: IMAP capabilities hidden: %s\n", address, names[0] ? names : "none");
        return VERB_OK;
    }
    struct json_object *entry = json_object_new_object(), *list = json_object_new_array();
    for (rest = span_of(names); rest.len && span_cut(&rest, ' ', &name);)
        json_object_array_add(list, json_span(name));
    json_put(entry, "address", json_object_new_string(address));
    json_put(entry, "hidden", list);
    call_json(call, entry);
    return VERB_OK;
}

/* Read at login: sessions that are open keep what they were told. */
int verb_co_user_imap(struct verb_call *call, const char *address)
{
    const char *names = call->args->hide;
    int status = names ? co_set_hidden(call, address, names) : VERB_OK;
    return status == VERB_OK ? co_show_hidden(call, address) : status;
}
