/* The routes of the dialect native. */
#include "api/api.h"

const struct http_table native_table = {.name = "native"};
