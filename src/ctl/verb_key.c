/* postamt key: passwords for applications, printed once. */
#include "ctl/verb.h"

#include "directory/key.h"

#include <sodium.h>
#include <string.h>

static const char usage[] =
    "key add --dialect native|sendgrid|mailgun|ses|smtpcom [--domain D] [--scope \"S …\"]"
    " [--address \"A …\"] [--title T] | key list | key revoke ID   [--json]";

struct listing {
    struct verb_call *call;
    struct json_object *list;
};

static void print_key(const struct directory_row *row, void *arg)
{
    struct listing *l = arg;
    char created[TIME_TEXT];
    time_text(row->created_ms, created);
    if (!l->list) {
        call_print(l->call, "%.*s  %-8.*s  %s  %.*s\n", SPAN_PRINT(row->name),
                   SPAN_PRINT(row->detail), created, SPAN_PRINT(row->domain));
        return;
    }
    struct json_object *entry = json_object_new_object();
    json_put(entry, "id", json_span(row->name));
    json_put(entry, "dialect", json_span(row->detail));
    json_put(entry, "domain", json_span(row->domain));
    json_put(entry, "created", json_object_new_string(created));
    json_object_array_add(l->list, entry);
}

static int co_list_keys(struct verb_call *call)
{
    struct listing l = {call, call->args->json ? json_object_new_array() : NULL};
    int rc =
        directory_co_list(call->office->directory, TENANT_FIRST, DIRECTORY_KEYS, print_key, &l);
    if (l.list && rc == 0)
        call_json(call, l.list);
    else if (l.list)
        json_object_put(l.list);
    return rc < 0 ? call_fail_code(call, "list", "the keys", rc) : VERB_OK;
}

static void print_new_key(struct verb_call *call, const char *id, const char *secret,
                          const char *dialect, const char *domain)
{
    if (!call->args->json) {
        call_print(call, "id      %s\nsecret  %s\nThe secret is not kept: copy it now.\n", id,
                   secret);
        settings_print(call, id, false);
        return;
    }
    struct json_object *entry = json_object_new_object();
    json_put(entry, "id", json_object_new_string(id));
    json_put(entry, "secret", json_object_new_string(secret));
    json_put(entry, "dialect", json_object_new_string(dialect));
    if (strcmp(dialect, "smtpcom") == 0)
        json_put(entry, "channel", json_object_new_string(*domain ? domain : "default"));
    json_put(entry, "settings", settings_json(call, id, false));
    call_json(call, entry);
}

static int co_add_key(struct verb_call *call)
{
    const char *dialect = call->args->dialect ? call->args->dialect : "native";
    const char *domain = call->args->domain ? call->args->domain : "";
    struct key_new key = {.dialect = key_dialect_of(span_of(dialect)),
                          .domain = span_of(domain),
                          .title = span_of(call->args->title),
                          .scopes = span_of(call->args->scope),
                          .addresses = span_of(call->args->address)};
    AUTO_BUFFER id = BUFFER(64), secret = BUFFER(256);
    int rc = key.dialect == KEY_DIALECTS ? ERR_SYNTAX : 0;
    if (rc == 0)
        rc = directory_co_key_add(call->office->directory, TENANT_FIRST, &key, &id, &secret);
    if (rc == ERR_ABSENT)
        return call_fail(call, "cannot add the key: %s is no domain of ours", domain);
    if (rc == ERR_SYNTAX)
        return call_usage(call, usage);
    if (rc < 0 || !buffer_text(&id) || !buffer_text(&secret))
        return call_fail_code(call, "add", "the key", rc);
    print_new_key(call, buffer_text(&id), buffer_text(&secret), dialect, domain);
    sodium_memzero(secret.at, secret.size);
    return VERB_OK;
}

int verb_co_key(struct verb_call *call)
{
    const char *action = args_word(call->args, 1), *id = args_word(call->args, 2);
    if (strcmp(action, "list") == 0 && call->args->count == 2)
        return co_list_keys(call);
    if (strcmp(action, "add") == 0 && call->args->count == 2)
        return co_add_key(call);
    if (strcmp(action, "revoke") != 0 || call->args->count != 3)
        return call_usage(call, usage);
    int rc = directory_co_key_revoke(call->office->directory, TENANT_FIRST, span_of(id));
    if (rc < 0)
        return call_fail_code(call, "revoke", id, rc);
    call_print(call, "Key %s revoked.\n", id);
    return VERB_OK;
}
