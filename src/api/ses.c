/* The routes of the dialect ses. */
#include "api/api.h"

const struct http_table ses_table = {.name = "ses"};
