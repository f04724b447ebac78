/* Cold starts: the image or module is in a registry on this machine, and nowhere else. */
#ifndef BENCH_COLD_H
#define BENCH_COLD_H

#include "bench/contenders.h"
#include "bench/results.h"

struct cold_options {
	const char *directory; /* absolute; where contenders_make() made the root filesystems */
	bool no_containers, no_python;
	unsigned rounds;
	double seconds; /* no round begins after that time, from the fourth on; 0: all do */
};

/* `tiphys run REF`, a request to a `tiphys serve` that has just begun, `podman run REF`, and ctr's
 * pull and run, each job's first: before each run, which is all that is timed, the stores are
 * emptied and proved empty, and after it the registry's log must show that it was asked. Notes
 * series of time, of bytes from the registry and of bytes on disk. Contenders that are not
 * installed are left out. */
bool cold_measure(const struct contenders *all, const struct cold_options *options,
                  struct results *results, struct error *err);

#endif
