/* How many steps can be there at once: what one more that waits adds to the memory. */
#ifndef BENCH_DENSITY_H
#define BENCH_DENSITY_H

#include "bench/contenders.h"
#include "bench/results.h"

struct density_options {
	const char *directory; /* absolute; where contenders_make() made the root filesystems */
	bool no_containers;
	unsigned most;   /* steps at a time; 0: not measured */
	uint64_t memory; /* bytes that they may take: the levels above are left out */
};

/* Steps that sleep, more and more at a time: by a `tiphys serve` of its own, whose replies are all
 * checked when they wake, and fewer as containers of busybox and in pods. Notes series "resident"
 * (the job is the number of steps) and "one more". */
bool density_measure(const struct contenders *all, const struct density_options *options,
                     struct results *results, struct error *err);

#endif
