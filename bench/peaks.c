#include "bench/peaks.h"

#include "bench/peak.h"
#include "bench/sheet.h"
#include "bench/stats.h"

#include <string.h>

enum { REPEATS = 3 };

static bool measure(const struct cell *cell, struct results *results, struct sheet *sheet,
                    struct error *err)
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
	sheet_put(sheet, "%s", cell->contender);
	sheet_put(sheet, "%.2f", summarize(peaks, REPEATS).median / (1 << 20));
	return true;
}

bool peaks_measure(const struct contenders *all, struct results *results, FILE *out,
                   struct error *err)
{
	const char *job = jobs[__builtin_ctz(all->wanted)].name;
	cleanup_sheet struct sheet sheet = {0};
	sheet_init(&sheet, 2);
	sheet_put(&sheet, "%s, by whom", job);
	sheet_put(&sheet, "peak memory (MiB)");
	for (size_t i = 0; i < all->cell_count; i++)
		if (strcmp(all->cells[i].job, job) == 0 && !measure(&all->cells[i], results, &sheet, err))
			return false;
	fputc('\n', out);
	if (!sheet_print(&sheet, out))
		return error_set(err, ERROR_NO_MEMORY, "no memory for the table");
	fprintf(out,
	        "\nThe peaks of resident memory of all processes that the command started, summed; "
	        "daemons that were there before (containerd) are not among them.\n");
	return true;
}
