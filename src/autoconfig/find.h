/*
 * Whose settings does a request ask for? By the address it gives, else by the host it came to.
 */
#ifndef AUTOCONFIG_FIND_H
#define AUTOCONFIG_FIND_H

#include "autoconfig/settings.h"
#include "http/request.h"

/* A parameter of the query, its name in any case of letters; empty without one. HTTP_CODE(400). */
must_check int find_query(struct http_request *r, const char *name, struct span *ret_value);
/* "emailaddress" or "email" of the query; empty without one. HTTP_CODE(400). */
must_check int find_address(struct http_request *r, struct span *ret_address);
/* The address's domain must be ours; without an address the host, or what stands behind its first
 * label (autoconfig.example.org), or it is the office's own name. HTTP_CODE(400): no address,
 * HTTP_CODE(404): not our domain; a store's error. Values live as long as the request. Yields. */
must_check int find_co_settings(struct http_request *r, struct span address,
                                struct settings *ret_settings);

#endif
