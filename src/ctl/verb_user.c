/* postamt user: who has a mailbox and a login. */
#include "ctl/verb.h"

#include <errno.h>
#include <string.h>

static const char usage[] =
    "user add|list|passwd|remove|quota|imap [ADDRESS] [--password-file F]"
    " [--bytes N|none|default] [--messages N|none|default] [--hide NAMES|none] [--json]";

#define PAGE        256
#define PAGE_MEMORY ((size_t)4 * 1024 * 1024)

static void print_user(struct verb_call *call, struct json_object *list,
                       const struct directory_row *row, const struct box_usage *used)
{
    char created[TIME_TEXT];
    if (!list) {
        call_print(call, "%.*s  ", SPAN_PRINT(row->name));
        quota_print(call, used, &row->quota);
        return;
    }
    struct json_object *entry = json_object_new_object();
    json_put(entry, "address", json_span(row->name));
    json_put(entry, "created", json_object_new_string(time_text(row->created_ms, created)));
    quota_put(entry, used, &row->quota);
    json_object_array_add(list, entry);
}

/* The users behind `after`, which becomes the last of them. How many, or an error. */
static int co_list_page(struct verb_call *call, struct json_object *list,
                        char after[ADDRESS_TEXT_MAX])
{
    AUTO_ARENA arena = ARENA(PAGE_MEMORY);
    struct directory_row *rows;
    size_t count;
    int64_t *users = arena_alloc(&arena, PAGE * sizeof *users);
    struct box_usage *used = arena_alloc(&arena, PAGE * sizeof *used);
    int rc = users && used
                 ? directory_co_page(call->office->directory, TENANT_FIRST, DIRECTORY_USERS,
                                     span_of(after), PAGE, &arena, &rows, &count)
                 : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++)
        users[i] = rows[i].id;
    if (rc == 0)
        rc = box_co_usages(call->office->store, TENANT_FIRST, users, count, used);
    for (size_t i = 0; rc == 0 && i < count; i++)
        print_user(call, list, &rows[i], &used[i]);
    if (rc == 0 && count && !span_to_text(rows[count - 1].name, after, ADDRESS_TEXT_MAX))
        rc = ERR_CORRUPT;
    return rc < 0 ? rc : (int)count;
}

static int co_list_users(struct verb_call *call)
{
    struct json_object *list = call->args->json ? json_object_new_array() : NULL;
    char after[ADDRESS_TEXT_MAX] = "";
    int count;
    do {
        count = co_list_page(call, list, after);
    } while (count == PAGE);
    if (list && count >= 0)
        call_json(call, list);
    else if (list)
        json_object_put(list);
    return count < 0 ? call_fail_code(call, "list", "the users", count) : VERB_OK;
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

/* The login goes first, so that nothing new comes while the mailboxes are emptied. */
static int co_remove_user(struct verb_call *call, const char *address)
{
    int64_t user;
    struct directory *d = call->office->directory;
    int rc = directory_co_user_find(d, TENANT_FIRST, span_of(address), &user);
    if (rc == 0)
        rc = directory_co_user_remove(d, TENANT_FIRST, span_of(address));
    if (rc == ERR_DENIED)
        return call_fail(call, "cannot remove %s: an alias leads there; see postamt alias list",
                         address);
    if (rc == 0)
        rc = box_co_remove_user(call->office->store, TENANT_FIRST, user);
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
    if (strcmp(action, "quota") == 0)
        return verb_co_user_quota(call, address);
    if (strcmp(action, "imap") == 0)
        return verb_co_user_imap(call, address);
    if (strcmp(action, "remove") == 0)
        return co_remove_user(call, address);
    return call_usage(call, usage);
}
