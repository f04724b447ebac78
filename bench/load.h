/* Many requests to a `tiphys serve` at a time. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "bench/plugin_server.h"

#include <stddef.h>

struct load {
	unsigned concurrency; /* requests that are under way at any time */
	size_t requests;      /* all of them */
	const char *expected; /* the step's output, checked for each */
};

struct load_result {
	double wall;       /* seconds from the first request to the last reply */
	double *latencies; /* seconds, one for each request; for free() */
};

/* Keeps `concurrency` connections open, each with a request on it, until all are answered. False
 * when one is not answered as expected. *result is {0} before. */
bool load_run(const struct plugin_request *request, const struct load *load,
              struct load_result *result, struct error *err);

/* Descriptors for so many connections; false when the hard limit does not allow them. */
bool load_raise_limit(unsigned connections);

#endif
