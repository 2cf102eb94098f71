/* Base64 (RFC 4648 section 4), strict: full groups, right padding, no foreign bytes, no spare bits.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buffer.h"

must_check int base64_encode(struct buffer *out, struct span bytes);
/* ERR_SYNTAX, or the buffer's errors; out then may hold a part. */
must_check int base64_decode(struct buffer *out, struct span text);

#endif
