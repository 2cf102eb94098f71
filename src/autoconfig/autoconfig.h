/*
 * How mail programs find their settings: pages on the HTTP doors that need no key.
 *
 *     /mail/config-v1.1.xml, /.well-known/autoconfig/mail/config-v1.1.xml    Thunderbird and kin
 *     /autodiscover/autodiscover.xml    Outlook, GET and POST, in any case of letters
 *     /autodiscover/autodiscover.json   Outlook, "version 2"
 *     /mail/apple.mobileconfig          Apple's profile
 *     /mail/setup                       a page for people, with a QR code that leads to it
 *
 * Nothing here tells whether an address exists (P8): only its domain is looked up.
 */
#ifndef AUTOCONFIG_AUTOCONFIG_H
#define AUTOCONFIG_AUTOCONFIG_H

#include "http/route.h"

/* The table that answers the request, by its path; NULL: none of these. The requests' arg is a
 * struct api. Does not yield. */
const struct http_table *autoconfig_choose(const struct http_request *r);

extern const struct http_table thunderbird_table, outlook_table, outlook_json_table, people_table;

#endif
