/* Networks; see network.h. */
#include "base/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool bit_of(const unsigned char address[16], unsigned bit)
{
    return address[bit / 8] & 0x80 >> bit % 8;
}

static bool is_v4(const struct network *network)
{
    return network->bits >= 96 && memcmp(network->address, v4_prefix, sizeof v4_prefix) == 0;
}

/* The address; how many bits its family has. 0: it is none. */
static unsigned parse_address(struct span text, unsigned char ret_address[16])
{
    char given[INET6_ADDRSTRLEN];
    if (!span_to_text(text, given, sizeof given))
        return 0;
    if (inet_pton(AF_INET6, given, ret_address) == 1)
        return 128;
    memcpy(ret_address, v4_prefix, sizeof v4_prefix);
    return inet_pton(AF_INET, given, ret_address + 12) == 1 ? 32 : 0;
}

int network_parse(struct span text, struct network *ret_network)
{
    struct network network;
    struct span rest = text, address = SPAN("");
    span_cut(&rest, '/', &address);
    unsigned family = parse_address(address, network.address);
    uint64_t length = family;
    if (family == 0 || (address.len < text.len && !span_to_uint(rest, family, &length)))
        return ERR_SYNTAX;
    network.bits = 128 - family + (unsigned)length;
    for (unsigned bit = network.bits; bit < 128; bit++)
        if (bit_of(network.address, bit))
            return ERR_SYNTAX;
    *ret_network = network;
    return 0;
}

bool network_holds(const struct network *network, const struct sockaddr *peer)
{
    unsigned char address[16];
    if (peer->sa_family == AF_INET) {
        memcpy(address, v4_prefix, sizeof v4_prefix);
        memcpy(address + 12, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    } else if (peer->sa_family == AF_INET6) {
        memcpy(address, &((const struct sockaddr_in6 *)peer)->sin6_addr, 16);
    } else {
        return false;
    }
    for (unsigned bit = 0; bit < network->bits; bit++)
        if (bit_of(address, bit) != bit_of(network->address, bit))
            return false;
    return true;
}

const char *network_text(const struct network *network, char text[NETWORK_TEXT])
{
    char address[INET6_ADDRSTRLEN];
    bool v4 = is_v4(network);
    unsigned all = v4 ? 32 : 128, bits = v4 ? network->bits - 96 : network->bits;
    inet_ntop(v4 ? AF_INET : AF_INET6, network->address + (v4 ? 12 : 0), address, sizeof address);
    if (bits == all)
        snprintf(text, NETWORK_TEXT, "%s", address);
    else
        snprintf(text, NETWORK_TEXT, "%s/%u", address, bits);
    return text;
}
