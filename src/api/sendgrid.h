/*
 * SendGrid's Web API v3: JSON in and out, errors as {"errors": [{"message", "field"}]} with the
 * field as a path of dots: "personalizations.0.to.0.email".
 *
 * Built: mail/send, mail/batch, user/scheduled_sends, templates with versions, api_keys, scopes;
 * and the X-SMTPAPI field of letters that come by SMTP. What is not built is not found.
 */
#ifndef API_SENDGRID_H
#define API_SENDGRID_H

#include "api/api.h"
#include "api/member.h"

#define SENDGRID_BODY_MAX (30 * 1024 * 1024) /* of a mail/send: SendGrid's own limit */
#define SENDGRID_SMALL_MAX                                                                         \
    (8 * 1024 * 1024) /* of the others: two bodies of a template, escaped                          \
                       */
#define SENDGRID_FIELD_MAX 200

/* Who asks, and that the key may do it: 0, or the answer has been chosen. scope NULL: any key may.
 * Also gives the answer its X-RateLimit fields. Yields. */
must_check int sendgrid_co_enter(struct http_request *r, const char *scope,
                                 struct identity *ret_who);
/* The body, an object; to be given back with json_object_put. Yields. */
must_check int sendgrid_co_body(struct http_request *r, size_t max, struct json_object **ret_o);

/* Answers with one error. field NULL: of no field. */
must_check int sendgrid_fail(struct http_request *r, int status, const char *field,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same with the words that SendGrid has for the status. */
must_check int sendgrid_refuse(struct http_request *r, int status);
/* Answers without a body. */
must_check int sendgrid_done(struct http_request *r, int status);

/* Words of SendGrid's that more than one file needs. */
#define SENDGRID_INVALID_BATCH "invalid batch id"
#define SENDGRID_NO_TEMPLATE                                                                       \
    "The Template ID must be a valid template id for your account. You provided %.*s."
/* Template ids say their generation; each has a space of its own (submit/templates.h). */
struct span sendgrid_space(struct span template_id);
#define SENDGRID_LEGACY  SPAN("sendgrid")
#define SENDGRID_DYNAMIC SPAN("sendgrid:dynamic")

int sendgrid_mail_send_co_post(struct http_request *r);

int sendgrid_batch_co_post(struct http_request *r);
int sendgrid_batch_co_get(struct http_request *r);
int sendgrid_scheduled_co_post(struct http_request *r);
int sendgrid_scheduled_co_list(struct http_request *r);
int sendgrid_scheduled_co_get(struct http_request *r);
int sendgrid_scheduled_co_patch(struct http_request *r);
int sendgrid_scheduled_co_delete(struct http_request *r);

int sendgrid_templates_co_post(struct http_request *r);
int sendgrid_templates_co_list(struct http_request *r);
int sendgrid_template_co_get(struct http_request *r);
int sendgrid_template_co_patch(struct http_request *r);
int sendgrid_template_co_delete(struct http_request *r);
int sendgrid_template_co_duplicate(struct http_request *r);
int sendgrid_versions_co_post(struct http_request *r);
int sendgrid_version_co_get(struct http_request *r);
int sendgrid_version_co_patch(struct http_request *r);
int sendgrid_version_co_delete(struct http_request *r);
int sendgrid_version_co_activate(struct http_request *r);

int sendgrid_keys_co_post(struct http_request *r);
int sendgrid_keys_co_list(struct http_request *r);
int sendgrid_key_co_get(struct http_request *r);
int sendgrid_key_co_patch(struct http_request *r);
int sendgrid_key_co_put(struct http_request *r);
int sendgrid_key_co_delete(struct http_request *r);
int sendgrid_scopes_co_get(struct http_request *r);

#endif
