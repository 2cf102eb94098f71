/*
 * Metrics in Prometheus's text format (version 0.0.4). Pure.
 */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "base/buffer.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };
struct metric {
    const char *name; /* "letters_accepted": postamt_ and _total are added */
    const char *help;
    enum metric_kind kind;
    const char *label, *label_value; /* NULL: none */
    uint64_t value;
};

/* Metrics of one name stand together. */
must_check int metrics_print(const struct metric *metrics, size_t count, struct buffer *out);

#endif
