/* What templates and their versions share in our own API. */
#ifndef API_NATIVE_TEMPLATE_H
#define API_NATIVE_TEMPLATE_H

#include "api/native_read.h"

/* Members of a version: subject, text, html, amp, test_data, title, version, active, metadata. */
#define NATIVE_VERSION_MEMBERS "subject", "text", "html", "amp", "test_data"

/* The members that are there into *version; the others stay. A step. */
must_check int native_take_version(struct http_request *r, struct json_object *o,
                                   struct stored_version *version);
struct json_object *native_version_json(const struct stored_version *version, bool whole);

#endif
