/* tiphys bench steps: the same jobs as a WebAssembly step and as a container step, end to end. */
#include "bench/bench.h"
#include "bench/cold.h"
#include "bench/density.h"
#include "bench/guard.h"
#include "bench/peaks.h"
#include "bench/report.h"
#include "bench/rootfs.h"
#include "bench/stats.h"
#include "bench/tables.h"
#include "bench/throughput.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <string.h>

enum {
	ROUNDS = 11,
	ROUNDS_MIN = 3,
	ROUNDS_SETTLED = 4, /* so many times the rounds at most, for what scatters */
	WITHIN_SECONDS = 150,
	SETTLE_SECONDS = 30,
	WARM_UPS = 1,
	BURST_MS = 20,
	LOAD_MAX = 10000,
	COLD = 6, /* fewer, and `tiphys bench compare` could not tell a change */
	RESIDENT = 2000,
	MEMORY_MIN_MIB = 64, /* tiphys serve alone takes half of it */
};

struct steps_options {
	struct contenders_options contenders;
	uint64_t rounds;
	const char *directory;
	uint64_t load;             /* requests at a time, at most */
	uint64_t cold;             /* rounds of cold starts */
	uint64_t within, settle;   /* seconds */
	uint64_t resident, memory; /* steps at a time, and bytes that they may take */
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
    OPTION_PEERS(struct steps_options, contenders.peers),
    OPTION_NUMBER(
        struct steps_options, load, "load", "N", 0, 10000,
        "throughput with 1, 10, 100 … requests to `tiphys serve` at a time, up to N (default "
        "10000; 0: not measured)"),
    OPTION_NUMBER(struct steps_options, cold, "cold", "N", 0, 1000,
                  "rounds of cold starts from a docker-registry on 127.0.0.1 (default 6; 0: none)"),
    OPTION_NUMBER(
        struct steps_options, within, "within", "SECONDS", 0, 86400,
        "when no further round begins, and half of that for cold starts; five rounds take "
        "place in any case (default 150; 0: whenever)"),
    OPTION_NUMBER(struct steps_options, settle, "settle", "SECONDS", 0, 3600,
                  "how long those go on whose rounds spread by more than 30 % (default 30)"),
    OPTION_NUMBER(
        struct steps_options, resident, "resident", "N", 0, 16384,
        "memory of 1, 10, 100 … steps that sleep at a time, up to N (default 2000; 0: not "
        "measured)"),
    OPTION_BYTES(
        struct steps_options, memory, "memory",
        "how much the steps that sleep may take together, 64M or more; it is told how many fit "
        "(4G)"),
    OPTION_JSON(struct steps_options, json),
    OPTION_TEXT(struct steps_options, out, "out", "DIR",
                "write results.json, report.md, report.html and chart.svg there"),
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
        "output and exit status are checked. Beside --directory, containerd's shims keep their\n"
        "sockets in /run/containerd/s and its runc what it knows in /run/containerd/runc, all\n"
        "containers have control groups in /sys/fs/cgroup, and steps of `tiphys serve` their\n"
        "folders in /tmp. JOB is line, count, hash or resize; all "
        "without "
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

/* Made, and as the kernel shows it: containers and their engines look from elsewhere, and what an
 * earlier run left is known by it. For free(); NULL with *err set. */
static char *work_directory(const char *given, struct error *err)
{
	cleanup_free char *path = given == NULL ? default_directory() : strdup(given);
	if (path == NULL) {
		error_put(err, ERROR_NO_MEMORY, "no memory for a path");
		return NULL;
	}
	if (!make_directories(path, err))
		return NULL;
	char *resolved = realpath(path, NULL);
	if (resolved == NULL)
		error_put_errno(err, errno, "cannot find the directory %s (--directory)", path);
	return resolved;
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

static void print_notes(const struct contenders *all, const struct results *results, FILE *out)
{
	results_print_machine(results, out);
	for (size_t i = 0; i < job_count; i++)
		if ((all->wanted & 1u << i) != 0)
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

/* Each table when it is measured, since the whole takes minutes. */
static bool show(const struct results *results, enum table_kind table, struct error *err)
{
	bool is_shown = table_print(results->root, table, stdout);
	putchar('\n');
	fflush(stdout);
	return is_shown || error_set(err, ERROR_NO_MEMORY, "no memory for the table");
}

static void note(const struct contenders *all, const struct measure_options *how,
                 struct results *results)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct contender *contender = &all->items[i];
		results_contender(results, contender->name, contender->version, contender->how);
		if (contender->left_out[0] != '\0')
			results_refusal(results, "steps", "", contender->name, contender->left_out);
	}
	if (all->note != NULL)
		results_refusal(results, "steps", "", "machine", all->note);
	for (size_t i = 0; i < all->cell_count; i++) {
		const struct cell *cell = &all->cells[i];
		results_series_of_runs(results, "steps", cell->job, cell->contender, "wall", "s",
		                       cell->wall, cell->count, cell->runs, cell->run_count);
	}
	results_number(results, "burst_ms", BURST_MS);
	results_number(results, "rounds", how->rounds);
	results_number(results, "rounds_max", how->rounds_max);
	results_number(results, "within", how->seconds);
	results_number(results, "settle", how->settle_seconds);
}

static bool measure_warm(struct contenders *all, const struct steps_options *options,
                         struct results *results, struct error *err)
{
	const struct measure_options how = {.title = "steps",
	                                    .warm_ups = WARM_UPS,
	                                    .rounds = (unsigned)options->rounds,
	                                    .seconds = (double)options->within,
	                                    .rounds_min = RATIO_FIGURES_MIN,
	                                    .burst_seconds = BURST_MS / 1e3,
	                                    .settle_seconds = (double)options->settle,
	                                    .rounds_max = ROUNDS_SETTLED * (unsigned)options->rounds,
	                                    .reference = TABLES_REFERENCE};
	results_settle(results);
	if (!measure_cells(all->cells, all->cell_count, &how, err))
		return false;
	note(all, &how, results);
	bool is_shown = show(results, TABLE_WARM, err);
	print_notes(all, results, stdout);
	return is_shown;
}

static bool measure_all(struct contenders *all, const struct steps_options *options,
                        struct results *results, struct error *err)
{
	const char *directory = options->contenders.directory;
	bool no_containers = options->contenders.no_containers;
	const struct cold_options cold = {.directory = directory,
	                                  .no_containers = no_containers,
	                                  .no_python = options->contenders.no_python,
	                                  .rounds = (unsigned)options->cold,
	                                  .seconds = (double)options->within / 2};
	const struct density_options density = {.directory = directory,
	                                        .no_containers = no_containers,
	                                        .most = (unsigned)options->resident,
	                                        .memory = options->memory};
	results_number(results, "budget", (double)options->memory);
	return measure_warm(all, options, results, err) && peaks_measure(all, results, err) &&
	       show(results, TABLE_PEAK, err) && cold_measure(all, &cold, results, err) &&
	       show(results, TABLE_COLD, err) &&
	       throughput_measure(all, results, (unsigned)options->load, err) &&
	       show(results, TABLE_LOAD, err) && density_measure(all, &density, results, err) &&
	       show(results, TABLE_DENSITY, err);
}

/* What can be known to be wrong before anything is made or measured. */
static bool check(const struct steps_options *options, struct error *err)
{
	if (options->memory >> 20 < MEMORY_MIN_MIB)
		return error_set(err, ERROR_USAGE,
		                 "--memory wants %dM or more: with less, tiphys serve leaves no room for "
		                 "steps",
		                 MEMORY_MIN_MIB);
	return peers_check(&options->contenders.peers, err) &&
	       (options->json == NULL || results_probe(options->json, err)) &&
	       (options->out == NULL || report_probe(options->out, err));
}

static bool run(struct contenders *all, const struct steps_options *options, struct error *err)
{
	cleanup_results struct results results = {0};
	fprintf(stderr, "Making what the contenders need in %s\n", options->contenders.directory);
	if (!results_init(&results, "tiphys bench steps", err) ||
	    !contenders_make(all, &options->contenders, err) ||
	    !measure_all(all, options, &results, err) ||
	    (options->json != NULL && !results_write(&results, options->json, err)) ||
	    (options->out != NULL && !report_write(&results, options->out, err)))
		return false;
	if (options->out != NULL)
		printf("Report: %s/report.html\n", options->out);
	return true;
}

/* What the process below the guard does. */
struct measurement {
	struct contenders all;
	const struct steps_options *options;
};

static int measure(void *env)
{
	struct measurement *measurement = env;
	struct error err = ERROR_INIT;
	run(&measurement->all, measurement->options, &err);
	contenders_clear(&measurement->all);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench steps: %s\n", err.message);
	return error_exit_status(err.kind);
}

int bench_steps(int argc, char **argv)
{
	struct steps_options options = {.rounds = ROUNDS,
	                                .load = LOAD_MAX,
	                                .cold = COLD,
	                                .within = WITHIN_SECONDS,
	                                .settle = SETTLE_SECONDS,
	                                .resident = RESIDENT,
	                                .memory = (uint64_t)4 << 30};
	struct operands given;
	struct measurement measurement = {.options = &options};
	struct error err = ERROR_INIT;
	int status;
	if (!options_take(&line, argc, argv, &options, &given, &status))
		return status;
	cleanup_free char *directory = NULL;
	if (choose_jobs(&given, &options.contenders.jobs, &err) && check(&options, &err) &&
	    (directory = work_directory(options.directory, &err)) != NULL) {
		options.contenders.directory = directory;
		guard_run(directory, measure, &measurement, &status, &err);
	}
	option_texts_clear(&options.contenders.peers);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench steps: %s\n", err.message);
	return err.kind != ERROR_NONE ? error_exit_status(err.kind) : status;
}
