/* The routes of the dialect mailgun. */
#include "api/api.h"

const struct http_table mailgun_table = {.name = "mailgun"};
