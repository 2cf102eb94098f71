/*
 * The office's own pages on the HTTP doors: /healthz, /metrics; and which dialect answers a
 * request.
 */
#ifndef CTL_PAGES_H
#define CTL_PAGES_H

#include "http/server.h"

/* For http_settings.co_choose; the requests' arg is the office. */
int pages_co_choose(struct http_request *r, const struct http_table **ret_table);

#endif
