/* SASL messages of clients. Pure. */
#ifndef DIRECTORY_SASL_H
#define DIRECTORY_SASL_H

#include "base/error.h"
#include "base/span.h"

/* PLAIN (RFC 4616): [authzid] NUL authcid NUL passwd. authcid and passwd are not empty. ERR_SYNTAX.
 * The spans point into message. */
must_check int sasl_parse_plain(struct span message, struct span *ret_authzid,
                                struct span *ret_authcid, struct span *ret_password);

#endif
