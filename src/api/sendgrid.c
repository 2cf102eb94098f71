/* The routes of the dialect sendgrid. */
#include "api/api.h"

const struct http_table sendgrid_table = {.name = "sendgrid"};
