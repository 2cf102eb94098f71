/* The description of our own API (OpenAPI 3.1): openapi.json as it stands here, embedded when the
 * program is built. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_len;

#endif
