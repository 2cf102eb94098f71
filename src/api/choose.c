/*
 * Which dialect answers a request; see api.h.
 *
 * The scheme of the credential decides where it can: Bearer SG.… is SendGrid, AWS4-HMAC-SHA256 SES,
 * X-SMTPCOM-API or ?api_key= SMTP.com. Basic "api:KEY" is what clients of Mailgun and of SMTP.com
 * both send, so the key itself is asked. Without a credential the path decides who refuses.
 */
#include "api/api.h"

#include "api/ses.h"
#include "http/uri.h"

#include <string.h>

static bool path_starts(const struct http_request *r, const char *prefix)
{
    return span_starts(r->head.path, span_of(prefix));
}

static bool has_query(struct http_request *r, const char *name)
{
    struct span value;
    return http_query(r, name, &value) == 0 && value.len > 0;
}

static bool has_path(const struct http_request *r, const struct http_table *table)
{
    struct span segments[HTTP_SEGMENTS_MAX];
    unsigned count;
    struct http_match match;
    AUTO_ARENA arena = ARENA(64 * 1024);
    if (http_split_path(r->head.path, &arena, segments, &count) < 0)
        return false;
    http_match(table, r->head.method, segments, count, &match);
    return match.allowed != 0;
}

/* Basic: Mailgun, or SMTP.com by its official PHP client. */
static int co_choose_basic(struct http_request *r, const struct http_table **ret_table)
{
    struct identity who;
    struct span user, password;
    *ret_table =
        path_starts(r, "/v4/") && !has_path(r, &mailgun_table) ? &smtpcom_table : &mailgun_table;
    if (!path_starts(r, "/v4/") || http_basic(r, &user, &password) < 0)
        return 0;
    int rc = directory_co_key_by_secret(api_of(r)->directory, KEY_SMTPCOM, password, &who);
    if (rc == 0)
        *ret_table = &smtpcom_table;
    if (rc == ERR_DENIED) {
        rc = directory_co_key_by_secret(api_of(r)->directory, KEY_MAILGUN, password, &who);
        if (rc == 0)
            *ret_table = &mailgun_table;
    }
    return rc == ERR_DENIED ? 0 : rc;
}

static const struct http_table *choose_by_path(struct http_request *r)
{
    if (path_starts(r, "/v2/email/"))
        return &ses_table;
    if (span_equal(r->head.path, SPAN("/")) && r->head.method == METHOD_POST)
        return &ses_table;
    if (has_path(r, &sendgrid_table))
        return &sendgrid_table;
    if (has_path(r, &mailgun_table))
        return &mailgun_table;
    if (has_path(r, &smtpcom_table))
        return &smtpcom_table;
    if (path_starts(r, "/v4/"))
        return &smtpcom_table;
    return path_starts(r, "/v3/") ? &sendgrid_table : NULL;
}

static int co_choose(struct http_request *r, const struct http_table **ret_table)
{
    struct span token;
    if (path_starts(r, "/api/")) {
        *ret_table = &native_table;
        return 0;
    }
    if (http_scheme(r) == HTTP_AWS4 || has_query(r, "X-Amz-Algorithm")) {
        *ret_table = &ses_table;
        return 0;
    }
    if (http_field(r, "X-SMTPCOM-API").len || (path_starts(r, "/v4/") && has_query(r, "api_key"))) {
        *ret_table = &smtpcom_table;
        return 0;
    }
    if (http_bearer(r, &token) == 0) {
        *ret_table = &sendgrid_table;
        return 0;
    }
    if (http_scheme(r) == HTTP_BASIC)
        return co_choose_basic(r, ret_table);
    *ret_table = choose_by_path(r);
    return *ret_table ? 0 : ERR_ABSENT;
}

int api_co_choose(struct http_request *r, const struct http_table **ret_table)
{
    int rc = co_choose(r, ret_table);
    if (rc == 0 && *ret_table == &ses_table)
        ses_begin(r);
    return rc;
}

/* --- who asks -------------------------------------------------------------------------------- */

/* Basic with user "api", as Mailgun's and SMTP.com's clients send it. */
static int take_basic(struct http_request *r, struct span *ret_secret)
{
    struct span user;
    int rc = http_basic(r, &user, ret_secret);
    return rc < 0 || !span_equal(user, SPAN("api")) ? ERR_DENIED : 0;
}

static int take_smtpcom(struct http_request *r, struct span *ret_secret)
{
    *ret_secret = http_field(r, "X-SMTPCOM-API");
    if (ret_secret->len)
        return 0;
    if (http_query(r, "api_key", ret_secret) == 0 && ret_secret->len)
        return 0;
    return take_basic(r, ret_secret);
}

int api_co_identify(struct http_request *r, enum key_dialect dialect, struct identity *ret_who)
{
    struct span secret;
    int rc;
    if (dialect == KEY_MAILGUN)
        rc = take_basic(r, &secret);
    else if (dialect == KEY_SMTPCOM)
        rc = take_smtpcom(r, &secret);
    else
        rc = http_bearer(r, &secret);
    if (rc < 0)
        return ERR_DENIED;
    return directory_co_key_by_secret(api_of(r)->directory, dialect, secret, ret_who);
}
