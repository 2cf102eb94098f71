/*
 * What Outlook asks by POST: MS-OXDSCLI's Autodiscover request (2.2.3). Pure; expat reads the XML.
 */
#ifndef AUTOCONFIG_OUTLOOK_REQUEST_H
#define AUTOCONFIG_OUTLOOK_REQUEST_H

#include "base/arena.h"

#define OUTLOOK_REQUEST_MAX ((size_t)16 * 1024)

struct outlook_request {
    struct span address; /* EMailAddress, without blanks around it */
    struct span schema;  /* AcceptableResponseSchema; empty: any */
};
/* Values are UTF-8 and live in the arena. ERR_SYNTAX: no such request, no address, or a document
 * type (nothing of entities is ever expanded); -ENOMEM. */
must_check int outlook_parse_request(struct span body, struct arena *arena,
                                     struct outlook_request *ret_request);

#endif
