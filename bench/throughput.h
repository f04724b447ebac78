/* How many steps a second a `tiphys serve` answers, with more and more requests at a time. */
#ifndef BENCH_THROUGHPUT_H
#define BENCH_THROUGHPUT_H

#include "bench/contenders.h"
#include "bench/results.h"

/* With 1, 10, 100 … requests of the first wanted job under way, up to `most`. Notes
 * series of throughput, whose job is the number of requests, and of latency. What the limit
 * of descriptors forbids is said and left out. */
bool throughput_measure(const struct contenders *all, struct results *results, unsigned most,
                        struct error *err);

#endif
