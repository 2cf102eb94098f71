/* The routes of the dialect smtpcom. */
#include "api/api.h"

const struct http_table smtpcom_table = {.name = "smtpcom"};
