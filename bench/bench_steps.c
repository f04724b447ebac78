/* tiphys bench steps: the same jobs as a WebAssembly step and as a container step, end to end. */
#include "bench/bench.h"
#include "bench/cold.h"
#include "bench/peaks.h"
#include "bench/report.h"
#include "bench/sheet.h"
#include "bench/stats.h"
#include "bench/throughput.h"
#include "caps/cleanup.h"

#include <string.h>

enum { ROUNDS = 11, ROUNDS_MIN = 5, WARM_UPS = 1, LOAD_MAX = 10000, COLD = 5 };

struct steps_options {
	struct contenders_options contenders;
	uint64_t rounds;
	const char *directory;
	uint64_t load; /* requests at a time, at most */
	uint64_t cold; /* rounds of cold starts */
	const char *json, *out;
};

static const struct option rows[] = {
    OPTION_NUMBER(struct steps_options, rounds, "rounds", "N", ROUNDS_MIN, 1000,
                  "runs of each job by each contender, beside one to warm up (default 11)"),
    OPTION_TEXT(struct steps_options, directory, "directory", "DIR",
                "root filesystems and stores; kept between runs, to be removed at will (default "
                "$XDG_CACHE_HOME/tiphys-bench or ~/.cache/tiphys-bench)"),
    OPTION_FLAG(struct steps_options, contenders.no_containers, "no-containers",
                "processes and WebAssembly alone"),
    OPTION_FLAG(struct steps_options, contenders.no_python, "no-python",
                "without the image of Debian with python3, which debootstrap makes"),
    OPTION_TEXTS(struct steps_options, contenders.peers, "peer", "NAME=COMMAND",
                 "another WebAssembly runtime; the module's path is put behind COMMAND"),
    OPTION_NUMBER(
        struct steps_options, load, "load", "N", 0, 10000,
        "throughput with 1, 10, 100 … requests to `tiphys serve` at a time, up to N (default "
        "10000; 0: not measured)"),
    OPTION_NUMBER(struct steps_options, cold, "cold", "N", 0, 1000,
                  "rounds of cold starts from a docker-registry on 127.0.0.1 (default 5; 0: none)"),
    OPTION_TEXT(struct steps_options, json, "json", "FILE", "write all figures there"),
    OPTION_TEXT(struct steps_options, out, "out", "DIR",
                "write results.json, report.md and report.html there"),
};

static const struct command_line line = {
    .name = "bench steps",
    .operands = "[JOB…]",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .notes =
        "Contenders are used when they are installed: crun, runc, podman, containerd, and\n"
        "WebAssembly runtimes as by `tiphys bench kernels`. Containers want root, busybox-static "
        "and\n"
        "debootstrap. Images are unpacked and files in the page cache: warm starts. Every run's\n"
        "output and exit status are checked. JOB is line, count, hash or resize; all without "
        "one.\n",
    .operands_max = OPERANDS_ANY,
};

static char *default_directory(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int length = cache != NULL && *cache == '/'
	                 ? asprintf(&path, "%s/tiphys-bench", cache)
	                 : asprintf(&path, "%s/.cache/tiphys-bench", home != NULL ? home : "/tmp");
	return length < 0 ? NULL : path;
}

/* Absolute, since containers and their engines look from elsewhere. */
static char *work_directory(const char *given)
{
	char *path = NULL;
	if (given == NULL)
		return default_directory();
	if (*given == '/')
		return strdup(given);
	cleanup_free char *here = getcwd(NULL, 0);
	return here == NULL || asprintf(&path, "%s/%s", here, given) < 0 ? NULL : path;
}

static bool choose_jobs(const struct operands *given, unsigned *chosen, struct error *err)
{
	for (unsigned i = 0; i < given->count; i++) {
		size_t job = 0;
		while (job < job_count && strcmp(jobs[job].name, given->items[i]) != 0)
			job++;
		if (job == job_count)
			return error_set(err, ERROR_USAGE, "there is no job \"%s\"", given->items[i]);
		*chosen |= 1u << job;
	}
	return true;
}

/* ---- what is shown ---- */

static bool is_wanted(const struct contenders *all, size_t job)
{
	return (all->wanted & 1u << job) != 0;
}

/* The job whose figures are shown in full. */
static const char *main_job(const struct contenders *all)
{
	size_t job = 0;
	while (!is_wanted(all, job))
		job++;
	return jobs[job].name;
}

static const struct cell *find_cell(const struct contenders *all, const char *contender,
                                    const char *job)
{
	for (size_t i = 0; i < all->cell_count; i++)
		if (strcmp(all->cells[i].contender, contender) == 0 &&
		    strcmp(all->cells[i].job, job) == 0 && all->cells[i].count > 0)
			return &all->cells[i];
	return NULL;
}

static void put_milliseconds(struct sheet *sheet, double seconds)
{
	double milliseconds = 1e3 * seconds;
	sheet_put(sheet, milliseconds < 10 ? "%.2f" : "%.0f", milliseconds);
}

/* How many times longer the contender's first job takes than a request to `tiphys serve`. */
static void put_ratio(struct sheet *sheet, const struct contenders *all, const struct cell *cell)
{
	const struct cell *own = find_cell(all, "tiphys serve", main_job(all));
	if (own == NULL || cell == NULL) {
		sheet_put(sheet, "–");
		return;
	}
	struct summary theirs = summarize(cell->wall, cell->count);
	struct summary ours = summarize(own->wall, own->count);
	if (theirs.spread > SPREAD_LIMIT || ours.spread > SPREAD_LIMIT)
		sheet_put(sheet, "–");
	else
		sheet_put(sheet, "%.1f", theirs.median / ours.median);
}

static void put_contender(struct sheet *sheet, const struct contenders *all,
                          const struct contender *contender)
{
	const struct cell *first = find_cell(all, contender->name, main_job(all));
	struct summary summary = {0};
	if (first != NULL)
		summary = summarize(first->wall, first->count);
	sheet_put(sheet, "%s", contender->name);
	put_milliseconds(sheet, summary.median);
	put_milliseconds(sheet, summary.min);
	put_milliseconds(sheet, summary.p95);
	sheet_put(sheet, "%.0f %%", 100 * summary.spread);
	put_ratio(sheet, all, first);
	for (size_t i = 0; i < job_count; i++) {
		if (!is_wanted(all, i) || strcmp(jobs[i].name, main_job(all)) == 0)
			continue;
		const struct cell *cell = find_cell(all, contender->name, jobs[i].name);
		if (cell == NULL)
			sheet_put(sheet, "–");
		else
			put_milliseconds(sheet, summarize(cell->wall, cell->count).median);
	}
}

static void print_notes(const struct contenders *all, const struct results *results, FILE *out)
{
	results_print_machine(results, out);
	for (size_t i = 0; i < job_count; i++)
		if (is_wanted(all, i))
			fprintf(out, "%s: %s\n", jobs[i].name, jobs[i].what);
	if (all->note != NULL)
		fprintf(out, "Note: %s.\n", all->note);
	for (size_t i = 0; i < all->count; i++) {
		const struct contender *contender = &all->items[i];
		if (contender->left_out[0] != '\0')
			fprintf(out, "%s is left out: %s\n", contender->name, contender->left_out);
		else
			fprintf(out, "%s: %s%s%s\n", contender->name, contender->version,
			        contender->version[0] != '\0' && contender->how != NULL ? "; " : "",
			        contender->how != NULL ? contender->how : "");
	}
}

static bool show(const struct contenders *all, const struct results *results, uint64_t rounds,
                 struct error *err)
{
	cleanup_sheet struct sheet sheet = {0};
	sheet_init(&sheet, 5 + (size_t)__builtin_popcount(all->wanted));
	sheet_put(&sheet, "by whom (ms)");
	sheet_put(&sheet, "%s", main_job(all));
	sheet_put(&sheet, "min");
	sheet_put(&sheet, "p95");
	sheet_put(&sheet, "spread");
	sheet_put(&sheet, "to serve");
	for (size_t i = 0; i < job_count; i++)
		if (is_wanted(all, i) && strcmp(jobs[i].name, main_job(all)) != 0)
			sheet_put(&sheet, "%s", jobs[i].name);
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].left_out[0] == '\0')
			put_contender(&sheet, all, &all->items[i]);
	if (!sheet_print(&sheet, stdout))
		return error_set(err, ERROR_NO_MEMORY, "no memory for the table");
	printf(
	    "\nTime of the clock, median of %u interleaved rounds, warm: images unpacked, files in the "
	    "page cache. ",
	    (unsigned)rounds);
	print_notes(all, results, stdout);
	return true;
}

static void note(const struct contenders *all, struct results *results)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct contender *contender = &all->items[i];
		results_contender(results, contender->name, contender->version, contender->how);
		if (contender->left_out[0] != '\0')
			results_refusal(results, "steps", "", contender->name, contender->left_out);
	}
	if (all->note != NULL)
		results_refusal(results, "steps", "", "machine", all->note);
	for (size_t i = 0; i < all->cell_count; i++)
		results_series(results, "steps", all->cells[i].job, all->cells[i].contender, "wall", "s",
		               all->cells[i].wall, all->cells[i].count);
}

static bool run(struct contenders *all, const struct steps_options *options, struct error *err)
{
	cleanup_results struct results results = {0};
	struct measure_options how = {
	    .title = "steps", .warm_ups = WARM_UPS, .rounds = (unsigned)options->rounds};
	fprintf(stderr, "Making what the contenders need in %s\n", options->contenders.directory);
	if (!results_init(&results, "tiphys bench steps", err) ||
	    !contenders_make(all, &options->contenders, err) || !results_settle(&results, err) ||
	    !measure_cells(all->cells, all->cell_count, &how, err) ||
	    !show(all, &results, options->rounds, err))
		return false;
	note(all, &results);
	struct cold_options cold = {.directory = options->contenders.directory,
	                            .no_containers = options->contenders.no_containers,
	                            .no_python = options->contenders.no_python,
	                            .rounds = (unsigned)options->cold};
	if (!peaks_measure(all, &results, stdout, err) ||
	    !cold_measure(all, &cold, &results, stdout, err) ||
	    !throughput_measure(all, &results, (unsigned)options->load, stdout, err) ||
	    (options->json != NULL && !results_write(&results, options->json, err)) ||
	    (options->out != NULL && !report_write(&results, options->out, err)))
		return false;
	if (options->out != NULL)
		printf("\nReport: %s/report.html\n", options->out);
	return true;
}

int bench_steps(int argc, char **argv)
{
	struct steps_options options = {.rounds = ROUNDS, .load = LOAD_MAX, .cold = COLD};
	struct operands given;
	struct contenders all = {0};
	struct error err = ERROR_INIT;
	int status;
	if (!options_take(&line, argc, argv, &options, &given, &status))
		return status;
	cleanup_free char *directory = work_directory(options.directory);
	options.contenders.directory = directory;
	if (directory == NULL)
		error_set(&err, ERROR_NO_MEMORY, "no memory for a path");
	else if (choose_jobs(&given, &options.contenders.jobs, &err))
		run(&all, &options, &err);
	contenders_clear(&all);
	option_texts_clear(&options.contenders.peers);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench steps: %s\n", err.message);
	return error_exit_status(err.kind);
}
