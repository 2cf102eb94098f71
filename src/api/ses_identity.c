/*
 * Identities of SES are our domains, and the addresses in them; the account is the tenant. See
 * ses.h.
 *
 * A domain comes by "postamt domain add", not by a key: who may send as a domain here also gets its
 * mail. So creating one that is not there is refused, and all that are there are verified.
 */
#include "api/ses.h"

#include <errno.h>
#include <string.h>

#define PAGE_MAX     1000
#define PAGE_DEFAULT 100
#define UNLIMITED    (-1.0) /* Max24HourSend: no quota */
#define MAX_SEND_RATE                                                                              \
    1000.0 /* letters a second; there is no such limit, but clients divide by it */

struct identity_found {
    bool address; /* not a domain */
    struct mailbox box;
    char domain[ADDRESS_DOMAIN_MAX + 1];
};

/* --- whose is it ------------------------------------------------------------------------------ */

/* The one domain of the key; empty: all of the tenant's. */
static int co_key_domain(struct ses_call *c, struct span *ret_domain)
{
    struct key key;
    *ret_domain = SPAN("");
    if (!c->who.key_domain)
        return 0;
    int rc = directory_co_key_find(api_of(c->r)->directory, c->who.tenant, span_of(c->who.login),
                                   &c->arena, &key);
    if (rc == 0)
        *ret_domain = key.domain;
    return rc;
}

/* 1: of ours, and the key's; 0: not. */
static int co_has_domain(struct ses_call *c, const char *domain)
{
    struct span own;
    int64_t tenant = 0;
    int rc = directory_co_domain_owner(api_of(c->r)->directory, span_of(domain), &tenant);
    if (rc < 0 || tenant != c->who.tenant)
        return rc == ERR_ABSENT ? 0 : rc < 0 ? rc : 0;
    rc = co_key_domain(c, &own);
    return rc < 0 ? rc : own.len == 0 || span_equal(own, span_of(domain));
}

/* "example.org", or "anna@example.org": 1, 0, or an error. */
static int co_find(struct ses_call *c, struct span name, struct identity_found *ret_found)
{
    struct address_fault fault;
    ret_found->address = span_find(name, '@') >= 0;
    struct span domain = name;
    if (ret_found->address) {
        int count = address_parse_given(name, &c->arena, &ret_found->box, 1, &fault);
        if (count != 1)
            return count == -ENOMEM ? count
                                    : ses_refuse(c, SES_BAD_REQUEST, "Invalid email address.");
        domain = ret_found->box.domain;
    }
    if (address_fold_domain(domain, ret_found->domain) < 0)
        return ses_refuse(c, SES_BAD_REQUEST, "Invalid domain name %.*s.",
                          SPAN_PRINT(span_first(name, 200)));
    if (!ret_found->address)
        return co_has_domain(c, ret_found->domain);
    int rc = directory_co_may_send(api_of(c->r)->directory, &c->who, ret_found->box.local,
                                   ret_found->box.domain);
    return rc == ERR_SYNTAX ? 0 : rc;
}

static int refuse_absent(struct ses_call *c, struct span name)
{
    return ses_refuse(c, SES_NO_IDENTITY, "Email identity %.*s does not exist.",
                      SPAN_PRINT(span_first(name, 200)));
}

/* --- what it is ------------------------------------------------------------------------------- */

/* The selectors of its keys, which stand in its DNS records (postamt domain dns). */
static int co_add_tokens(struct ses_call *c, const char *domain, struct json_object *list)
{
    struct dkim_keys *keys;
    int rc = directory_co_dkim_keys(api_of(c->r)->directory, domain, &keys);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < keys->count; i++)
        json_object_array_add(list, json_object_new_string(keys->list[i].selector));
    dkim_keys_release(keys);
    return 0;
}

static int co_describe(struct ses_call *c, const struct identity_found *found,
                       struct json_object *out)
{
    struct json_object *dkim = json_object_new_object(), *tokens = json_object_new_array();
    member_put(out, "IdentityType",
               json_object_new_string(found->address ? "EMAIL_ADDRESS" : "DOMAIN"));
    member_put(out, "VerifiedForSendingStatus", json_object_new_boolean(true));
    member_put(out, "DkimAttributes", dkim);
    member_put(dkim, "SigningEnabled", json_object_new_boolean(true));
    member_put(dkim, "Status", json_object_new_string("SUCCESS"));
    member_put(dkim, "Tokens", tokens);
    member_put(dkim, "SigningAttributesOrigin", json_object_new_string("AWS_SES"));
    return co_add_tokens(c, found->domain, tokens);
}

int ses_identity_co_get(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct identity_found found;
    struct span name;
    int rc = ses_need_text(c, in, "EmailIdentity", &name);
    if (rc == 0)
        rc = co_find(c, name, &found);
    else
        return rc;
    if (rc <= 0)
        return rc < 0 ? rc : refuse_absent(c, name);
    member_put(out, "FeedbackForwardingStatus", json_object_new_boolean(false));
    member_put(out, "VerificationStatus", json_object_new_string("SUCCESS"));
    member_put(out, "Policies", json_object_new_object());
    member_put(out, "Tags", json_object_new_array());
    return co_describe(c, &found, out);
}

int ses_identity_co_create(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct identity_found found;
    struct span name;
    int rc = ses_need_text(c, in, "EmailIdentity", &name);
    if (rc == 0)
        rc = co_find(c, name, &found);
    else
        return rc;
    if (rc < 0)
        return rc;
    if (rc == 0)
        return ses_refuse(c, SES_BAD_REQUEST,
                          "%s is not one of your domains. Add it with \"postamt domain add %s\".",
                          found.domain, found.domain);
    if (!found.address && !c->query)
        return ses_refuse(c, SES_EXISTS, "Email identity %s already exist.", found.domain);
    return co_describe(c, &found, out);
}

int ses_identity_co_delete(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct identity_found found;
    struct span name;
    (void)out;
    int rc = ses_need_text(c, in, "EmailIdentity", &name);
    if (rc == 0)
        rc = co_find(c, name, &found);
    else
        return rc;
    if (rc < 0 || (rc == 0 && c->query))
        return rc;
    if (rc == 0)
        return refuse_absent(c, name);
    if (found.address)
        return ses_refuse(c, SES_BAD_REQUEST, "%.*s is verified by its domain %s.",
                          SPAN_PRINT(span_first(name, 200)), found.domain);
    rc = directory_co_domain_remove(api_of(c->r)->directory, c->who.tenant, span_of(found.domain));
    if (rc == ERR_DENIED)
        return ses_refuse(c, SES_BAD_REQUEST, "%s has users, aliases or keys: remove them first.",
                          found.domain);
    return rc;
}

/* --- lists ------------------------------------------------------------------------------------ */

struct listing {
    struct json_object *list;
    struct span after, only; /* only: the key's one domain; empty: all */
    unsigned size;
    bool more;
};

static void add_domain(const struct directory_row *row, void *arg)
{
    struct listing *l = arg;
    if (span_compare(row->name, l->after) <= 0 || (l->only.len && !span_equal(row->name, l->only)))
        return;
    l->more = json_object_array_length(l->list) == l->size;
    if (l->more)
        return;
    struct json_object *one = json_object_new_object();
    json_object_array_add(l->list, one);
    member_put(one, "IdentityType", json_object_new_string("DOMAIN"));
    member_put_text(one, "IdentityName", row->name);
    member_put(one, "SendingEnabled", json_object_new_boolean(true));
    member_put(one, "VerificationStatus", json_object_new_string("SUCCESS"));
}

int ses_identity_co_list(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct listing l = {.list = json_object_new_array()};
    member_put(out, "EmailIdentities", l.list);
    int rc = ses_take_page(c, in, PAGE_MAX, PAGE_DEFAULT, &l.after, &l.size);
    if (rc == 0)
        rc = co_key_domain(c, &l.only);
    if (rc == 0)
        rc = directory_co_list(api_of(c->r)->directory, c->who.tenant, DIRECTORY_DOMAINS,
                               add_domain, &l);
    if (rc == 0 && l.more) {
        struct json_object *last = json_object_array_get_idx(l.list, l.size - 1);
        member_put(out, "NextToken", json_object_get(json_object_object_get(last, "IdentityName")));
    }
    return rc;
}

/* --- the account ------------------------------------------------------------------------------ */

/* Max24HourSend, MaxSendRate, SentLast24Hours. */
int ses_co_quota(struct ses_call *c, struct json_object *out)
{
    struct send_quota quota;
    int rc = submit_co_quota(api_of(c->r)->door, c->who.tenant, &quota);
    if (rc < 0)
        return rc;
    member_put(out, "Max24HourSend",
               json_object_new_double(quota.limit ? (double)quota.limit : UNLIMITED));
    member_put(out, "MaxSendRate", json_object_new_double(MAX_SEND_RATE));
    member_put(out, "SentLast24Hours", json_object_new_double((double)quota.sent));
    return 0;
}

int ses_account_co_get(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct json_object *quota = json_object_new_object(), *reasons = json_object_new_array(),
                       *suppression = json_object_new_object();
    (void)in;
    json_object_array_add(reasons, json_object_new_string("BOUNCE"));
    member_put(suppression, "SuppressedReasons", reasons);
    member_put(out, "DedicatedIpAutoWarmupEnabled", json_object_new_boolean(false));
    member_put(out, "EnforcementStatus", json_object_new_string("HEALTHY"));
    member_put(out, "ProductionAccessEnabled", json_object_new_boolean(true));
    member_put(out, "SendingEnabled", json_object_new_boolean(true));
    member_put(out, "SuppressionAttributes", suppression);
    member_put(out, "SendQuota", quota);
    return ses_co_quota(c, quota);
}

/* --- version 1's attributes ------------------------------------------------------------------- */

/* {"entry": [{"key", "value"}]} of those in Identities that are of ours. */
int ses_identity_co_attributes(struct ses_call *c, struct json_object *in, bool dkim,
                               struct json_object *ret_map)
{
    struct json_object *names, *entries = json_object_new_array();
    size_t count;
    member_put(ret_map, "entry", entries);
    int rc = ses_array(c, in, "Identities", &names, &count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct identity_found found;
        struct span name;
        if (member_is_text(json_object_array_get_idx(names, i), &name) <= 0)
            return ses_refuse_member(c, "Identities", "a list of strings");
        rc = co_find(c, name, &found);
        if (rc < 0)
            return rc;
        if (rc == 0)
            continue;
        struct json_object *one = json_object_new_object(), *value = json_object_new_object();
        json_object_array_add(entries, one);
        member_put_text(one, "key", name);
        member_put(one, "value", value);
        rc = 0;
        if (!dkim) {
            member_put(value, "VerificationStatus", json_object_new_string("Success"));
            continue;
        }
        struct json_object *tokens = json_object_new_array();
        member_put(value, "DkimEnabled", json_object_new_boolean(true));
        member_put(value, "DkimVerificationStatus", json_object_new_string("Success"));
        member_put(value, "DkimTokens", tokens);
        rc = co_add_tokens(c, found.domain, tokens);
    }
    return rc;
}
