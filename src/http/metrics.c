/* Prometheus's text format; see metrics.h. */
#include "http/metrics.h"

#include <inttypes.h>
#include <string.h>

static int print_one(const struct metric *metric, bool first, struct buffer *out)
{
    const char *end = metric->kind == METRIC_COUNTER ? "_total" : "";
    int rc = 0;
    if (first)
        rc = buffer_printf(out, "# HELP postamt_%s%s %s\n# TYPE postamt_%s%s %s\n", metric->name,
                           end, metric->help, metric->name, end, *end ? "counter" : "gauge");
    if (rc == 0)
        rc = buffer_printf(out, "postamt_%s%s", metric->name, end);
    if (rc == 0 && metric->label)
        rc = buffer_printf(out, "{%s=\"%s\"}", metric->label, metric->label_value);
    return rc < 0 ? rc : buffer_printf(out, " %" PRIu64 "\n", metric->value);
}

int metrics_print(const struct metric *metrics, size_t count, struct buffer *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = print_one(&metrics[i], i == 0 || strcmp(metrics[i].name, metrics[i - 1].name) != 0,
                       out);
    return rc;
}
