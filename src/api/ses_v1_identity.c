/* Version 1's identities and account; see ses_v1.c. */
#include "api/ses_v1_internal.h"

static const struct rename page[] = SES_V1_PAGE;
static const struct rename next_token[] = SES_V1_NEXT_TOKEN;

int ses_v1_identity_co_list(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    struct json_object *call = json_object_new_object(), *found = json_object_new_object();
    struct json_object *list = json_object_new_array();
    struct span type;
    COPY(in, page, call);
    int rc = ses_text(c, in, "IdentityType", &type);
    if (rc == 0)
        rc = ses_identity_co_list(c, call, found);
    struct json_object *from = json_object_object_get(found, "EmailIdentities");
    bool domains = !span_equal(type, SPAN("EmailAddress"));
    member_put(out, "Identities", list);
    for (size_t i = 0; rc == 0 && domains && i < json_object_array_length(from); i++)
        json_object_array_add(list, json_object_get(json_object_object_get(
                                        json_object_array_get_idx(from, i), "IdentityName")));
    if (domains)
        COPY(found, next_token, out);
    json_object_put(found);
    json_object_put(call);
    return rc;
}

/* Of ours, or refused; found is what version 2 says of it. */
static int co_verify(struct ses_call *c, struct json_object *in, const char *member,
                     struct json_object *found)
{
    const struct rename name[] = {{member, "EmailIdentity"}};
    struct json_object *call = json_object_new_object();
    COPY(in, name, call);
    int rc = ses_identity_co_create(c, call, found);
    json_object_put(call);
    return rc;
}

int ses_v1_identity_co_verify_address(struct ses_call *c, struct json_object *in,
                                      struct json_object *out)
{
    struct json_object *found = json_object_new_object();
    (void)out;
    int rc = co_verify(c, in, "EmailAddress", found);
    json_object_put(found);
    return rc;
}

/* Tokens are the selectors of its keys. */
static int co_verify_domain(struct ses_call *c, struct json_object *in, bool all,
                            struct json_object *out)
{
    struct json_object *found = json_object_new_object();
    int rc = co_verify(c, in, "Domain", found);
    if (rc == 0) {
        struct json_object *dkim = json_object_object_get(found, "DkimAttributes");
        struct json_object *tokens = json_object_object_get(dkim, "Tokens");
        if (all)
            member_put(out, "DkimTokens", json_object_get(tokens));
        else
            member_put(out, "VerificationToken",
                       json_object_get(json_object_array_get_idx(tokens, 0)));
    }
    json_object_put(found);
    return rc;
}

int ses_v1_identity_co_verify_domain(struct ses_call *c, struct json_object *in,
                                     struct json_object *out)
{
    return co_verify_domain(c, in, false, out);
}

int ses_v1_identity_co_verify_dkim(struct ses_call *c, struct json_object *in,
                                   struct json_object *out)
{
    return co_verify_domain(c, in, true, out);
}

int ses_v1_identity_co_delete(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    static const struct rename name[] = {{"Identity", "EmailIdentity"}};
    struct json_object *call = json_object_new_object();
    COPY(in, name, call);
    int rc = ses_identity_co_delete(c, call, out);
    json_object_put(call);
    return rc;
}

int ses_v1_identity_co_verification(struct ses_call *c, struct json_object *in,
                                    struct json_object *out)
{
    return ses_identity_co_attributes(c, in, false, ses_v1_put_new(out, "VerificationAttributes"));
}

int ses_v1_identity_co_dkim(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    return ses_identity_co_attributes(c, in, true, ses_v1_put_new(out, "DkimAttributes"));
}

/* --- the account ------------------------------------------------------------------------------ */

int ses_v1_account_co_quota(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    (void)in;
    return ses_co_quota(c, out);
}

int ses_v1_account_co_enabled(struct ses_call *c, struct json_object *in, struct json_object *out)
{
    (void)c;
    (void)in;
    member_put(out, "Enabled", json_object_new_boolean(true));
    return 0;
}
