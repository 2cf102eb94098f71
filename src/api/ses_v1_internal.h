/* What the files of version 1 share; see ses_v1.c. */
#ifndef API_SES_V1_INTERNAL_H
#define API_SES_V1_INTERNAL_H

#include "api/ses.h"

/* A member of one version, and what the other calls it. */
struct rename {
    const char *from, *to;
};

/* Members of in under their other names; both trees then share the values. */
void ses_v1_copy(struct json_object *in, const struct rename *names, size_t count,
                 struct json_object *out);
#define COPY(in, names, out) ses_v1_copy(in, names, sizeof(names) / sizeof *(names), out)
/* A new object as a member of o. */
struct json_object *ses_v1_put_new(struct json_object *o, const char *name);

/* A page of a list: on the way in, and on the way out. */
#define SES_V1_PAGE                                                                                \
    {                                                                                              \
        {"NextToken", "NextToken"},                                                                \
        {                                                                                          \
            "MaxItems", "PageSize"                                                                 \
        }                                                                                          \
    }
#define SES_V1_NEXT_TOKEN                                                                          \
    {                                                                                              \
        {                                                                                          \
            "NextToken", "NextToken"                                                               \
        }                                                                                          \
    }

/* The actions. */
ses_co_operation ses_v1_send_co_email, ses_v1_send_co_raw, ses_v1_send_co_templated,
    ses_v1_send_co_bulk, ses_v1_template_co_create, ses_v1_template_co_update,
    ses_v1_template_co_get, ses_v1_template_co_list, ses_v1_identity_co_list,
    ses_v1_identity_co_verify_address, ses_v1_identity_co_verify_domain,
    ses_v1_identity_co_verify_dkim, ses_v1_identity_co_delete, ses_v1_identity_co_verification,
    ses_v1_identity_co_dkim, ses_v1_account_co_quota, ses_v1_account_co_enabled;

#endif
