/* postamt domain: the domains we take mail for, and what to publish about them. */
#include "ctl/verb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "domain add|list|show|remove|dns|check|quota [NAME]"
                            " [--bytes N|none] [--messages N|none] [--json]";

struct listing {
    struct verb_call *call;
    struct json_object *list; /* NULL: lines */
    struct span suffix;       /* show: "@domain" */
    unsigned users, aliases;
    int64_t created_ms;
};

static void print_domain(const struct directory_row *row, void *arg)
{
    struct listing *l = arg;
    char created[TIME_TEXT];
    if (!l->list) {
        call_print(l->call, "%.*s\n", SPAN_PRINT(row->name));
        return;
    }
    struct json_object *entry = json_object_new_object();
    json_put(entry, "name", json_span(row->name));
    json_put(entry, "created", json_object_new_string(time_text(row->created_ms, created)));
    json_object_array_add(l->list, entry);
}

static int co_list_domains(struct verb_call *call)
{
    struct listing l = {.call = call, .list = call->args->json ? json_object_new_array() : NULL};
    int rc = directory_co_list(call->office->directory, TENANT_FIRST, DIRECTORY_DOMAINS,
                               print_domain, &l);
    if (rc == 0 && l.list)
        call_json(call, l.list);
    else if (l.list)
        json_object_put(l.list);
    return rc < 0 ? call_fail_code(call, "list", "the domains", rc) : VERB_OK;
}

/* --- one domain ------------------------------------------------------------------------------ */

static void find_domain(const struct directory_row *row, void *arg)
{
    struct listing *l = arg;
    if (span_equal(row->name, span_from(l->suffix, 1)))
        l->created_ms = row->created_ms;
}

static void count_user(const struct directory_row *row, void *arg)
{
    struct listing *l = arg;
    l->users += span_ends_nocase(row->name, l->suffix);
}

static void count_alias(const struct directory_row *row, void *arg)
{
    struct listing *l = arg;
    l->aliases += span_ends_nocase(row->name, l->suffix);
}

/* Folds the name and looks that it is ours. */
static int co_find_domain(struct verb_call *call, const char *name, char *suffix, struct listing *l)
{
    suffix[0] = '@';
    int rc = address_fold_domain(span_of(name), suffix + 1);
    *l = (struct listing){.call = call, .suffix = rc == 0 ? span_of(suffix) : SPAN("@")};
    if (rc == 0)
        rc = directory_co_list(call->office->directory, TENANT_FIRST, DIRECTORY_DOMAINS,
                               find_domain, l);
    return rc == 0 && l->created_ms == 0 ? ERR_ABSENT : rc;
}

static int co_show_domain(struct verb_call *call, const char *name)
{
    char suffix[ADDRESS_DOMAIN_MAX + 2], created[TIME_TEXT];
    struct listing l;
    struct directory *d = call->office->directory;
    int rc = co_find_domain(call, name, suffix, &l);
    if (rc == 0)
        rc = directory_co_list(d, TENANT_FIRST, DIRECTORY_USERS, count_user, &l);
    if (rc == 0)
        rc = directory_co_list(d, TENANT_FIRST, DIRECTORY_ALIASES, count_alias, &l);
    if (rc < 0)
        return call_fail_code(call, "show", name, rc);
    time_text(l.created_ms, created);
    if (call->args->json) {
        struct json_object *entry = json_object_new_object();
        json_put(entry, "name", json_object_new_string(suffix + 1));
        json_put(entry, "created", json_object_new_string(created));
        json_put(entry, "users", json_object_new_int((int)l.users));
        json_put(entry, "aliases", json_object_new_int((int)l.aliases));
        call_json(call, entry);
    } else {
        call_print(call, "%s: %u users, %u aliases, since %s\n", suffix + 1, l.users, l.aliases,
                   created);
    }
    return VERB_OK;
}

/* --- what to publish ------------------------------------------------------------------------- */

int domain_co_records(struct verb_call *call, const char *domain,
                      struct directory_record records[DIRECTORY_RECORDS_MAX], size_t *ret_count)
{
    const struct config *config = &call->office->config;
    struct directory_node node = {config->hostname, config->port_offset};
    return directory_co_records(call->office->directory, &node, domain, records, ret_count);
}

/* A character-string of TXT has at most 255 bytes (RFC 1035 3.3.14). */
static void print_text_value(struct verb_call *call, const char *value)
{
    struct span rest = span_of(value);
    while (rest.len) {
        struct span part = span_first(rest, 255);
        call_print(call, " \"%.*s\"", SPAN_PRINT(part));
        rest = span_from(rest, part.len);
    }
    call_print(call, "\n");
}

static int co_dns_domain(struct verb_call *call, const char *name)
{
    char suffix[ADDRESS_DOMAIN_MAX + 2];
    struct listing l;
    int rc = co_find_domain(call, name, suffix, &l);
    struct directory_record *records = calloc(DIRECTORY_RECORDS_MAX, sizeof *records);
    size_t count = 0;
    if (rc == 0 && !records)
        rc = -ENOMEM;
    if (rc == 0)
        rc = domain_co_records(call, suffix + 1, records, &count);
    struct json_object *list = call->args->json ? json_object_new_array() : NULL;
    for (size_t i = 0; i < count; i++) {
        if (!list) {
            call_print(call, "%s. IN %s", records[i].name, records[i].type);
            if (strcmp(records[i].type, "TXT") == 0)
                print_text_value(call, records[i].value);
            else
                call_print(call, " %s\n", records[i].value);
            continue;
        }
        struct json_object *entry = json_object_new_object();
        json_put(entry, "type", json_object_new_string(records[i].type));
        json_put(entry, "name", json_object_new_string(records[i].name));
        json_put(entry, "value", json_object_new_string(records[i].value));
        json_object_array_add(list, entry);
    }
    if (list && rc == 0)
        call_json(call, list);
    else if (list)
        json_object_put(list);
    free(records);
    return rc < 0 ? call_fail_code(call, "show the records of", name, rc) : VERB_OK;
}

/* --- the verb -------------------------------------------------------------------------------- */

static int co_change_domain(struct verb_call *call, const char *name, bool add)
{
    struct directory *d = call->office->directory;
    int rc = add ? directory_co_domain_add(d, TENANT_FIRST, span_of(name))
                 : directory_co_domain_remove(d, TENANT_FIRST, span_of(name));
    if (rc == ERR_DENIED)
        return call_fail(call, "cannot remove %s: its users, aliases and keys go first", name);
    if (rc < 0)
        return call_fail_code(call, add ? "add" : "remove", name, rc);
    if (add)
        call_print(call,
                   "Domain %s added. What to publish: postamt domain dns %s\n"
                   "Now add people: postamt user add NAME@%s\n",
                   name, name, name);
    else
        call_print(call, "Domain %s removed.\n", name);
    return VERB_OK;
}

int verb_co_domain(struct verb_call *call)
{
    const char *action = args_word(call->args, 1), *name = args_word(call->args, 2);
    if (strcmp(action, "list") == 0 && call->args->count == 2)
        return co_list_domains(call);
    if (call->args->count != 3)
        return call_usage(call, usage);
    if (strcmp(action, "add") == 0 || strcmp(action, "remove") == 0)
        return co_change_domain(call, name, action[0] == 'a');
    if (strcmp(action, "show") == 0)
        return co_show_domain(call, name);
    if (strcmp(action, "dns") == 0)
        return co_dns_domain(call, name);
    if (strcmp(action, "quota") == 0)
        return verb_co_domain_quota(call, name);
    if (strcmp(action, "check") == 0)
        return verb_co_domain_check(call, name);
    return call_usage(call, usage);
}
