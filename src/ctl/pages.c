/* The office's own pages; see pages.h. */
#include "ctl/pages.h"

#include "autoconfig/autoconfig.h"
#include "ctl/counters.h"

#include <errno.h>
#include <string.h>

#define METRICS_MAX ((size_t)64 * 1024)

static struct office *office_of(const struct http_request *r)
{
    return api_of(r)->office;
}

/* --- /healthz: does the store answer? -------------------------------------------------------- */

static const struct db_statement trivial = {.sql = "SELECT 1"};

static int read_one(struct db_tx *tx, void *arg)
{
    struct db_query *q;
    (void)arg;
    int rc = db_prepare(tx, &trivial, &q);
    return rc < 0 ? rc : db_step(q);
}

static int healthz_co_get(struct http_request *r)
{
    const struct office *office = office_of(r);
    int rc = store_co_read(office->store, read_one, NULL);
    if (rc < 0)
        return http_fail(r, 503, "the store does not answer");
    return http_answer(r, 200, "text/plain", SPAN("ok\n"));
}

/* --- /metrics: for the machine itself, and for whom metrics-from names ------------------------ */

static bool may_see_metrics(const struct http_request *r)
{
    const struct config *config = &office_of(r)->config;
    if (http_peer_is_loopback(r))
        return true;
    for (unsigned i = 0; i < config->metrics_from_count; i++)
        if (strcmp(config->metrics_from[i], http_peer_text(r)) == 0)
            return true;
    return false;
}

static int metrics_co_get(struct http_request *r)
{
    AUTO_BUFFER text = BUFFER(METRICS_MAX);
    if (!may_see_metrics(r))
        return http_fail(r, 403, "metrics are for loopback and for metrics-from in postamt.conf");
    struct metric *metrics = arena_alloc(&r->arena, COUNTERS_MAX * sizeof *metrics);
    if (!metrics)
        return -ENOMEM;
    int rc = metrics_print(metrics, counters_list(office_of(r), metrics), &text);
    return rc < 0 ? rc : http_answer(r, 200, METRICS_TYPE, buffer_span(&text));
}

static const struct http_route routes[] = {
    {METHOD_GET, "/healthz", healthz_co_get, 0},
    {METHOD_GET, "/metrics", metrics_co_get, 0},
};
static const struct http_table pages = {.name = "office", HTTP_ROUTES(routes)};

int pages_co_choose(struct http_request *r, const struct http_table **ret_table)
{
    *ret_table = autoconfig_choose(r);
    if (*ret_table)
        return 0;
    int rc = api_co_choose(r, ret_table);
    if (rc == ERR_ABSENT)
        *ret_table = &pages;
    return rc == ERR_ABSENT ? 0 : rc;
}
