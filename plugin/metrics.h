/* Numbers of this process for Prometheus: one table, metric.def, and how long steps took. From any
 * thread. */
#ifndef PLUGIN_METRICS_H
#define PLUGIN_METRICS_H

#include "plugin/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum metric {
#define METRIC(id, kind, name, labels, help) id,
#include "plugin/metric.def"
#undef METRIC
	METRIC_COUNT,
};

/* A counter. */
void metrics_add(enum metric metric, uint64_t amount);
/* A gauge. */
void metrics_set(enum metric metric, uint64_t value);
uint64_t metrics_value(enum metric metric);

/* A step has run for so long. */
void metrics_step_took(uint64_t milliseconds);

/* Appends all of them in Prometheus' text format, version 0.0.4. */
bool metrics_write(struct bytes *out);

#endif
