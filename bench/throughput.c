#include "bench/throughput.h"

#include "bench/load.h"
#include "bench/progress.h"
#include "bench/stats.h"
#include "caps/cleanup.h"

#include <string.h>

/* Requests of a repeat: at least so many. Repeats of a measurement: as many as `tiphys bench
 * compare` can tell a change by, unless the first ones take longer than that together. */
enum { REQUESTS_MIN = 1000, REPEATS = 7, REPEATS_MIN = 3, REPEATS_SECONDS = 10 };

/* What the server answers to the request, asked once. */
static char *expected_output(struct plugin_request *request, struct error *err)
{
	cleanup_process struct process_result result = {0};
	if (!plugin_request_run(request, &result, err))
		return NULL;
	char *output = strdup(result.output);
	if (output == NULL)
		error_set(err, ERROR_NO_MEMORY, "no memory for a reply");
	return output;
}

static bool measure(struct plugin_request *request, const struct load *load,
                    struct results *results, struct error *err)
{
	double rates[REPEATS], medians[REPEATS], began = monotonic_seconds();
	size_t repeats = 0;
	char name[16], who[48];
	cleanup_free double *latencies = calloc(REPEATS * load->requests, sizeof *latencies);
	if (latencies == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the figures");
	while (repeats < REPEATS_MIN ||
	       (repeats < REPEATS && monotonic_seconds() < began + REPEATS_SECONDS)) {
		struct load_result result = {0};
		bool went_well = load_run(request, load, &result, err);
		if (went_well) {
			rates[repeats] = (double)load->requests / result.wall;
			medians[repeats] = summarize(result.latencies, load->requests).median;
			memcpy(latencies + repeats * load->requests, result.latencies,
			       load->requests * sizeof *latencies);
			repeats++;
		}
		free(result.latencies);
		if (!went_well) {
			error_wrap(err, "%u requests at a time", load->concurrency);
			return false;
		}
	}
	snprintf(name, sizeof name, "%u", load->concurrency);
	results_series(results, "load", name, "tiphys serve", "throughput", "1/s", rates, repeats);
	snprintf(who, sizeof who, "tiphys serve, %u at a time", load->concurrency);
	/* Requests of one repeat wait for each other and share its second: they are no figures that
	 * `tiphys bench compare` could draw a p from. */
	results_series_of_runs(results, "load", "latency", who, "wall", "s", medians, repeats,
	                       latencies, repeats * load->requests);
	return true;
}

bool throughput_measure(const struct contenders *all, struct results *results, unsigned most,
                        struct error *err)
{
	if (most == 0)
		return true;
	struct plugin_request *request = &all->requests[__builtin_ctz(all->wanted)];
	cleanup_free char *expected = expected_output(request, err);
	struct progress_line progress;
	unsigned level = 1;
	size_t done = 0, levels = 0;
	for (unsigned i = 1; i <= most; i *= 10)
		levels++;
	if (expected == NULL)
		return false;
	results_settle(results);
	progress_line_init(&progress, "load");
	for (; level <= most && load_raise_limit(level); level *= 10) {
		struct load load = {.concurrency = level,
		                    .requests = level > REQUESTS_MIN ? level : REQUESTS_MIN,
		                    .expected = expected};
		char what[64];
		snprintf(what, sizeof what, "%u requests at a time", level);
		progress_line_show(&progress, done++, levels, what);
		if (!measure(request, &load, results, err))
			return false;
	}
	progress_line_clear(&progress);
	if (level <= most) {
		char reason[128];
		snprintf(reason, sizeof reason,
		         "%u requests at a time: the hard limit of open files is lower (ulimit -Hn)",
		         level);
		results_refusal(results, "load", "", "tiphys serve", reason);
	}
	return true;
}
