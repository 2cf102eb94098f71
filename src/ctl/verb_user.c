/* postamt user: who has a mailbox and a login. */
#include "ctl/verb.h"

#include "box/box.h"

#include <string.h>

static const char usage[] = "user add|list|passwd|remove [ADDRESS] [--password-file F] [--json]";

struct listing {
    struct verb_call *call;
    struct json_object *list;
};

static void print_user(const struct directory_row *row, void *arg)
{
    struct listing *l = arg;
    char created[TIME_TEXT];
    if (!l->list) {
        call_print(l->call, "%.*s\n", SPAN_PRINT(row->name));
        return;
    }
    struct json_object *entry = json_object_new_object();
    json_put(entry, "address", json_span(row->name));
    json_put(entry, "created", json_object_new_string(time_text(row->created_ms, created)));
    json_object_array_add(l->list, entry);
}

static int co_list_users(struct verb_call *call)
{
    struct listing l = {call, call->args->json ? json_object_new_array() : NULL};
    int rc =
        directory_co_list(call->office->directory, TENANT_FIRST, DIRECTORY_USERS, print_user, &l);
    if (l.list && rc == 0)
        call_json(call, l.list);
    else if (l.list)
        json_object_put(l.list);
    return rc < 0 ? call_fail_code(call, "list", "the users", rc) : VERB_OK;
}

static int co_add_user(struct verb_call *call, const char *address)
{
    int64_t user;
    int rc = directory_co_user_add(call->office->directory, TENANT_FIRST, span_of(address),
                                   call->input, &user);
    if (rc == ERR_ABSENT)
        return call_fail(call, "cannot add %s: add its domain first, postamt domain add %s",
                         address, strchr(address, '@') ? strchr(address, '@') + 1 : "NAME");
    if (rc == 0)
        rc = box_co_ensure_user(call->office->store, TENANT_FIRST, user);
    if (rc < 0)
        return call_fail_code(call, "add", address, rc);
    if (call->args->json) {
        struct json_object *entry = json_object_new_object();
        json_put(entry, "address", json_object_new_string(address));
        json_put(entry, "settings", settings_json(call, address, true));
        call_json(call, entry);
    } else {
        call_print(call, "User %s added.\n", address);
        settings_print(call, address, true);
    }
    return VERB_OK;
}

static int co_passwd_user(struct verb_call *call, const char *address)
{
    int rc = directory_co_user_passwd(call->office->directory, TENANT_FIRST, span_of(address),
                                      call->input);
    if (rc < 0)
        return call_fail_code(call, "change the password of", address, rc);
    call_print(call, "Password of %s changed.\n", address);
    return VERB_OK;
}

struct emptying {
    int64_t user;
};

static int empty_mailboxes(struct db_tx *tx, void *arg)
{
    const struct emptying *e = arg;
    return box_remove_user(tx, TENANT_FIRST, e->user);
}

/* The login goes first, so that nothing new comes while the mailboxes are emptied. */
static int co_remove_user(struct verb_call *call, const char *address)
{
    struct emptying e;
    struct directory *d = call->office->directory;
    int rc = directory_co_user_find(d, TENANT_FIRST, span_of(address), &e.user);
    if (rc == 0)
        rc = directory_co_user_remove(d, TENANT_FIRST, span_of(address));
    if (rc == ERR_DENIED)
        return call_fail(call, "cannot remove %s: an alias leads there; see postamt alias list",
                         address);
    if (rc == 0)
        rc = store_co_write(call->office->store, empty_mailboxes, &e);
    if (rc < 0)
        return call_fail_code(call, "remove", address, rc);
    call_print(call, "User %s and all letters removed.\n", address);
    return VERB_OK;
}

int verb_co_user(struct verb_call *call)
{
    const char *action = args_word(call->args, 1), *address = args_word(call->args, 2);
    if (strcmp(action, "list") == 0 && call->args->count == 2)
        return co_list_users(call);
    if (call->args->count != 3)
        return call_usage(call, usage);
    if (strcmp(action, "add") == 0)
        return co_add_user(call, address);
    if (strcmp(action, "passwd") == 0)
        return co_passwd_user(call, address);
    if (strcmp(action, "remove") == 0)
        return co_remove_user(call, address);
    return call_usage(call, usage);
}
