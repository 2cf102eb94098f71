/* Base64, strict; see base64.h. */
#include "base/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(struct buffer *out, struct span bytes)
{
    int rc = buffer_reserve(out, (bytes.len + 2) / 3 * 4);
    for (size_t i = 0; rc == 0 && i < bytes.len; i += 3) {
        size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned char in[3] = {0};
        memcpy(in, bytes.at + i, have);
        unsigned value = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        char group[4] = {digits[value >> 18], digits[value >> 12 & 63],
                         have > 1 ? digits[value >> 6 & 63] : '=',
                         have > 2 ? digits[value & 63] : '='};
        rc = buffer_append(out, (struct span){group, 4});
    }
    return rc;
}

static int digit_value(char c)
{
    const char *hit = c ? strchr(digits, c) : NULL;
    return hit ? (int)(hit - digits) : -1;
}

/* One group of four; ret_count says how many bytes it holds. */
static int decode_group(const char *group, bool last, char out[3], size_t *ret_count)
{
    size_t pad =
        last ? (size_t)(group[3] == '=') + (size_t)(group[2] == '=' && group[3] == '=') : 0;
    unsigned value = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i >= 4 - pad ? 0 : digit_value(group[i]);
        if (digit < 0)
            return ERR_SYNTAX;
        value = value << 6 | (unsigned)digit;
    }
    if ((pad == 1 && value & 0xff) || (pad == 2 && value & 0xffff))
        return ERR_SYNTAX;
    out[0] = (char)(value >> 16);
    out[1] = (char)(value >> 8);
    out[2] = (char)value;
    *ret_count = 3 - pad;
    return 0;
}

int base64_decode(struct buffer *out, struct span text)
{
    if (text.len % 4)
        return ERR_SYNTAX;
    for (size_t i = 0; i < text.len; i += 4) {
        char bytes[3];
        size_t count;
        int rc = decode_group(text.at + i, i + 4 == text.len, bytes, &count);
        if (rc == 0)
            rc = buffer_append(out, (struct span){bytes, count});
        if (rc < 0)
            return rc;
    }
    return 0;
}
