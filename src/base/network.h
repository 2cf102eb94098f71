/*
 * Networks: "192.0.2.0/24", "2001:db8::/32", or one address. Pure.
 */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include "base/error.h"
#include "base/span.h"

#include <sys/socket.h>

#define NETWORK_TEXT 64

struct network {
    unsigned char address[16]; /* IPv4 as ::ffff:0:0/96 */
    unsigned bits;             /* of the 128 */
};

/* ERR_SYNTAX: no address, a length beyond it, or bits set behind the length (a mistyped network).
 */
must_check int network_parse(struct span text, struct network *ret_network);
/* False for what is no IP address. */
bool network_holds(const struct network *network, const struct sockaddr *peer);
/* As network_parse reads it. */
const char *network_text(const struct network *network, char text[NETWORK_TEXT]);

#endif
