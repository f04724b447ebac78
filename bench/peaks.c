#include "bench/peaks.h"

#include "bench/peak.h"

#include <string.h>

/* As many as `tiphys bench compare` can tell a change by. */
enum { REPEATS = 7 };

static bool measure(const struct cell *cell, struct results *results, struct error *err)
{
	double peaks[REPEATS];
	for (size_t i = 0; i < REPEATS; i++) {
		char *const *argv = contender_command(cell);
		uint64_t bytes;
		if (argv == NULL)
			return true;
		if (!peak_of_command(argv, &bytes, err)) {
			error_wrap(err, "memory of %s by %s", cell->job, cell->contender);
			return false;
		}
		peaks[i] = (double)bytes;
	}
	results_series(results, "steps", cell->job, cell->contender, "peak", "B", peaks, REPEATS);
	return true;
}

bool peaks_measure(const struct contenders *all, struct results *results, struct error *err)
{
	const char *job = jobs[__builtin_ctz(all->wanted)].name;
	results_settle(results);
	for (size_t i = 0; i < all->cell_count; i++)
		if (strcmp(all->cells[i].job, job) == 0 && !measure(&all->cells[i], results, err))
			return false;
	return true;
}
