/* postamt user quota, domain quota: what mailboxes may hold, and what they do. */
#include "ctl/verb.h"

#include <stdio.h>
#include <string.h>

#define SIZE_TEXT 40

/* --- limits as words ------------------------------------------------------------------------- */

/* "1G", "500000", "none", or for a user "default". NULL: it stays as it is. */
static bool parse_limit(const char *text, bool of_user, bool sized, int64_t *ret_limit)
{
    static const char units[] = "KMGT";
    const char *unit = text && text[0] ? strchr(units, text[strlen(text) - 1] & ~0x20) : NULL;
    unsigned shift = unit && sized && *unit ? 10 * (unsigned)(unit - units + 1) : 0;
    uint64_t number;
    *ret_limit = DIRECTORY_QUOTA_KEEP;
    if (!text)
        return true;
    if (strcmp(text, "none") == 0 || (of_user && strcmp(text, "default") == 0)) {
        *ret_limit = text[0] == 'n' ? 0 : DIRECTORY_QUOTA_INHERIT;
        return true;
    }
    struct span digits = span_first(span_of(text), strlen(text) - (shift > 0));
    if (!span_to_uint(digits, (uint64_t)DIRECTORY_QUOTA_MAX >> shift, &number) || number == 0)
        return false;
    *ret_limit = (int64_t)(number << shift);
    return true;
}

/* "1.5 GiB", for people */
static const char *size_text(uint64_t octets, char text[SIZE_TEXT])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    double value = (double)octets;
    for (; value >= 1024 && unit < 6; unit++)
        value /= 1024;
    snprintf(text, SIZE_TEXT, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

void quota_print(struct verb_call *call, const struct box_usage *usage,
                 const struct directory_quota *quota)
{
    char used[SIZE_TEXT], limit[SIZE_TEXT];
    call_print(call, "%s", size_text(usage->octets, used));
    if (quota->octets)
        call_print(call, " of %s", size_text((uint64_t)quota->octets, limit));
    call_print(call, ", %llu", (unsigned long long)usage->messages);
    if (quota->messages)
        call_print(call, " of %lld", (long long)quota->messages);
    call_print(call, " letters\n");
}

static struct json_object *limit_json(int64_t limit)
{
    return limit > 0 ? json_object_new_int64(limit) : NULL;
}

static void limits_put(struct json_object *entry, const struct directory_quota *quota)
{
    json_put(entry, "bytes_limit", limit_json(quota->octets));
    json_put(entry, "messages_limit", limit_json(quota->messages));
}

void quota_put(struct json_object *entry, const struct box_usage *usage,
               const struct directory_quota *quota)
{
    json_put(entry, "bytes", json_object_new_int64((int64_t)usage->octets));
    json_put(entry, "messages", json_object_new_int64((int64_t)usage->messages));
    limits_put(entry, quota);
}

/* --- the verbs ------------------------------------------------------------------------------- */

/* 1: something is to be set. */
static int take_limits(struct verb_call *call, bool of_user, struct directory_quota *ret_quota)
{
    const struct args *args = call->args;
    const char *also = of_user ? ", or default: the domain's" : "";
    if (!parse_limit(args->bytes, of_user, true, &ret_quota->octets))
        return call_fail(call, "--bytes takes a number (512M, 1G, 1T: of 1024), none%s", also);
    if (!parse_limit(args->messages, of_user, false, &ret_quota->messages))
        return call_fail(call, "--messages takes a number, none%s", also);
    return VERB_OK;
}

static const char *whose(int64_t own)
{
    return own == DIRECTORY_QUOTA_INHERIT ? "domain" : "user";
}

static int co_show_user(struct verb_call *call, const char *address)
{
    struct directory_quota quota = {0}, own = {0};
    struct box_usage usage = {0};
    int64_t user = 0;
    int rc = directory_co_user_quota(call->office->directory, TENANT_FIRST, span_of(address), &user,
                                     &quota, &own);
    if (rc == 0)
        rc = box_co_usage(call->office->store, TENANT_FIRST, user, &usage);
    if (rc < 0)
        return call_fail_code(call, "show the quota of", address, rc);
    if (!call->args->json) {
        call_print(call, "%s: ", address);
        quota_print(call, &usage, &quota);
        return VERB_OK;
    }
    struct json_object *entry = json_object_new_object();
    json_put(entry, "address", json_object_new_string(address));
    quota_put(entry, &usage, &quota);
    json_put(entry, "bytes_limit_of", json_object_new_string(whose(own.octets)));
    json_put(entry, "messages_limit_of", json_object_new_string(whose(own.messages)));
    call_json(call, entry);
    return VERB_OK;
}

int verb_co_user_quota(struct verb_call *call, const char *address)
{
    struct directory_quota quota = {0};
    int rc = 0, status = take_limits(call, true, &quota);
    if (status != VERB_OK)
        return status;
    if (quota.octets != DIRECTORY_QUOTA_KEEP || quota.messages != DIRECTORY_QUOTA_KEEP)
        rc = directory_co_user_set_quota(call->office->directory, TENANT_FIRST, span_of(address),
                                         &quota);
    return rc < 0 ? call_fail_code(call, "set the quota of", address, rc)
                  : co_show_user(call, address);
}

static int co_show_domain(struct verb_call *call, const char *name)
{
    char limit[SIZE_TEXT];
    struct directory_quota quota;
    int rc =
        directory_co_domain_quota(call->office->directory, TENANT_FIRST, span_of(name), &quota);
    if (rc < 0)
        return call_fail_code(call, "show the quota of", name, rc);
    if (call->args->json) {
        struct json_object *entry = json_object_new_object();
        json_put(entry, "name", json_object_new_string(name));
        limits_put(entry, &quota);
        call_json(call, entry);
        return VERB_OK;
    }
    call_print(call, "%s: each user without limits of its own may have %s, ", name,
               quota.octets ? size_text((uint64_t)quota.octets, limit) : "any number of bytes");
    if (quota.messages)
        call_print(call, "%lld letters\n", (long long)quota.messages);
    else
        call_print(call, "any number of letters\n");
    return VERB_OK;
}

int verb_co_domain_quota(struct verb_call *call, const char *name)
{
    struct directory_quota quota = {0};
    int rc = 0, status = take_limits(call, false, &quota);
    if (status != VERB_OK)
        return status;
    if (quota.octets != DIRECTORY_QUOTA_KEEP || quota.messages != DIRECTORY_QUOTA_KEEP)
        rc = directory_co_domain_set_quota(call->office->directory, TENANT_FIRST, span_of(name),
                                           &quota);
    return rc < 0 ? call_fail_code(call, "set the quota of", name, rc) : co_show_domain(call, name);
}
