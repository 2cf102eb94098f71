/*
 * All counters of an office, once: "postamt status" and /metrics show the same ones.
 */
#ifndef CTL_COUNTERS_H
#define CTL_COUNTERS_H

#include "ctl/office.h"
#include "http/metrics.h"

#define COUNTERS_MAX 64

/* How many. Any thread. */
size_t counters_list(const struct office *office, struct metric ret_metrics[COUNTERS_MAX]);

#endif
