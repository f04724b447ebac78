/* The most memory that a contender takes for a job. */
#ifndef BENCH_PEAKS_H
#define BENCH_PEAKS_H

#include "bench/contenders.h"
#include "bench/results.h"

/* For the first wanted job by each contender that is a command of its own: series of peaks.
 * Requests to a server and pods, whose containers are not its children, are left out. */
bool peaks_measure(const struct contenders *all, struct results *results, struct error *err);

#endif
