/*
 * SMTP.com's API v4: JSON in, {"status": "success"|"fail", "data": …} out; what is wrong stands in
 * data.errors by its field. Calls other than sends take their values from the query, as the
 * specification says, or from a body in JSON, as the official client sends them; paths end with a
 * slash or not.
 *
 * Built: messages, messages/mime, channels; and the X-SMTPAPI field of letters that come by SMTP.
 */
#ifndef API_SMTPCOM_H
#define API_SMTPCOM_H

#include "api/api.h"
#include "api/member.h"

#define SMTPCOM_BODY_MAX       (30 * 1024 * 1024)
#define SMTPCOM_LETTER_MAX     ((size_t)10 * 1024 * 1024)
#define SMTPCOM_RECIPIENTS_MAX 1000

/* Who asks, and that the key may do it: 0, or the answer has been chosen. Yields. */
must_check int smtpcom_co_enter(struct http_request *r, const char *scope,
                                struct identity *ret_who);
/* {"status": "fail", "data": {"errors": {field: words}}} */
must_check int smtpcom_fail(struct http_request *r, int status, const char *field,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));
/* {"status": "success", "data": data} */
must_check int smtpcom_done(struct http_request *r, struct json_object *data);
/* The values of a call, an object to be given back: of the query, and of the body over them.
 * Yields. */
must_check int smtpcom_co_values(struct http_request *r, struct json_object **ret_values);

int smtpcom_messages_co_post(struct http_request *r);
int smtpcom_mime_co_post(struct http_request *r);
int smtpcom_channels_co_get(struct http_request *r);
int smtpcom_channels_co_post(struct http_request *r);
int smtpcom_channel_co_get(struct http_request *r);
int smtpcom_channel_co_patch(struct http_request *r);
int smtpcom_channel_co_delete(struct http_request *r);

#endif
