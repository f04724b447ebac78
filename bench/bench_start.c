/* tiphys bench start: how long from "run this module" to its end, for guests that do next to
 * nothing; as processes, inside one process, and by the sandboxed workers of `tiphys serve`. */
#include "bench/bench.h"
#include "bench/data.h"
#include "bench/inside.h"
#include "bench/outcome.h"
#include "bench/peak.h"
#include "bench/rootfs.h"
#include "bench/sandboxed.h"
#include "bench/sheet.h"
#include "bench/stats.h"
#include "caps/cleanup.h"
#include "plugin/handover.h"

#include <string.h>

enum { STARTS = 200, WARM_UPS = 3 };

/* What is started, beside what --module names. A guest whose toolchain was missing is left out. */
static const struct {
	const char *name, *file;
} guests[] = {{"hello", "step-line.wasm"}, {"go", "start-go.wasm"}};

enum { GUEST_COUNT = sizeof guests / sizeof guests[0] };

/* A step's worker, and what it is compared with. */
#define IN_MEMORY "tiphys inside: module in memory"
static const struct {
	const char *contender;
	cell_function *run;
	const char *until;
} in_workers[] = {
    {"tiphys serve: sandboxed worker", sandboxed_run, "it is gone"},
    {"tiphys serve: sandboxed worker, its answer", sandboxed_answer, "its answer is there"},
};

enum { IN_WORKER_COUNT = sizeof in_workers / sizeof in_workers[0] };

/* One stands ready while another ends, as in a server that has something to do. */
#define WORKERS_READY 2

static const struct {
	enum inside_what what;
	const char *contender;
} insides[] = {
    {INSIDE_DECODE, "tiphys inside: decode and validate"},
    {INSIDE_DECODE_ALL, "tiphys inside: decode and validate, all processors"},
    {INSIDE_RUN, IN_MEMORY},
    {INSIDE_INSTANTIATE, "tiphys inside: instantiation alone"},
    {INSIDE_FIRST, "tiphys inside: until the first instruction"},
    {INSIDE_FIRST_IMAGE, "tiphys inside: until the first instruction, cached"},
};

enum { INSIDE_COUNT = sizeof insides / sizeof insides[0] };

struct start_options {
	struct option_texts peers, modules;
	uint64_t starts;
	const char *json;
};

static const struct option rows[] = {
    OPTION_TEXTS(struct start_options, modules, "module", "'FILE ARGUMENT…'",
                 "a further module, and up to 16 arguments for it; what it prints must be the same "
                 "each time. May be given again"),
    OPTION_PEERS(struct start_options, peers),
    OPTION_NUMBER(struct start_options, starts, "starts", "N", 5, 100000,
                  "of each guest by each contender, beside three to warm up (default 200)"),
    OPTION_JSON(struct start_options, json),
};

static const struct command_line line = {
    .name = "bench start",
    .operands = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .notes =
        "Starts a program in C of 5 KB and, where it was built, one in Go of 2 MB. The times are "
        "of\n"
        "the clock, from before the start to after the end. The first row is a static program "
        "that\n"
        "does nothing. \"inside\" is without a process of its own; a \"sandboxed worker\" is a "
        "process "
        "that stood\n"
        "ready, as for a step of `tiphys serve`. Files are in the page cache.\n"
        "All are granted the clock, random bytes and an empty standard input. \"resident\" is "
        "what a\n"
        "process takes at most, the pages of files included.\n"
        "Runtimes on the path are found by name, as by `tiphys bench kernels`.\n",
};

struct plan {
	char *texts[GUEST_COUNT + 64]; /* the words of commands, parted by NUL */
	char *commands[GUEST_COUNT + 64][SANDBOXED_ARGUMENTS + 2]; /* path and arguments, then NULL */
	const char *names[GUEST_COUNT + 64];
	size_t guest_count;
	struct peers peers;
	struct inside *insides;
	size_t inside_count;
	struct workers *workers;
	struct sandboxed *sandboxed; /* one for each guest */
	char *floor[2];              /* its command */
	char *own;                   /* the path of tiphys */
	char cache[32];              /* a directory for images of modules; "" when it is not made */
	char work[40];               /* in it, what steps have as /work */
	struct cell *cells;
	size_t cell_count;
};

static void plan_clear(struct plan *plan)
{
	struct error ignored = ERROR_INIT;
	cells_clear(plan->cells, plan->cell_count);
	for (size_t i = 0; i < plan->cell_count; i++)
		if (plan->cells[i].run == measure_command && plan->cells[i].env != plan->floor)
			free(plan->cells[i].env);
	free(plan->cells);
	for (size_t i = 0; i < plan->inside_count; i++)
		inside_close(&plan->insides[i]);
	free(plan->insides);
	for (size_t i = 0; plan->sandboxed != NULL && i < plan->guest_count; i++)
		sandboxed_close(&plan->sandboxed[i]);
	free(plan->sandboxed);
	workers_destroy(plan->workers);
	for (size_t i = 0; i < plan->guest_count; i++)
		free(plan->texts[i]);
	free(plan->floor[0]);
	free(plan->own);
	if (plan->cache[0] != '\0')
		remove_tree(plan->cache, &ignored);
	peers_clear(&plan->peers);
}

/* Parts the words of a guest, whose text is the plan's from now on. */
static bool add_words(struct plan *plan, char *text, struct error *err)
{
	char *rest = NULL;
	size_t count = 0;
	if (text == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a path");
	size_t guest = plan->guest_count++;
	plan->texts[guest] = text;
	for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		if (count == SANDBOXED_ARGUMENTS + 1)
			return error_set(err, ERROR_USAGE, "--module: more than %d arguments",
			                 SANDBOXED_ARGUMENTS);
		plan->commands[guest][count++] = word;
	}
	if (count == 0)
		return error_set(err, ERROR_USAGE, "--module: it names no file");
	const char *slash = strrchr(plan->commands[guest][0], '/');
	plan->names[guest] = slash != NULL ? slash + 1 : plan->commands[guest][0];
	return true;
}

static bool find_guests(struct plan *plan, const struct option_texts *modules, struct error *err)
{
	for (size_t i = 0; i < GUEST_COUNT; i++) {
		char *path = data_find(guests[i].file);
		if (path == NULL)
			continue;
		size_t guest = plan->guest_count++;
		plan->names[guest] = guests[i].name;
		plan->texts[guest] = plan->commands[guest][0] = path;
	}
	for (size_t i = 0; i < modules->count; i++) {
		if (plan->guest_count == sizeof plan->texts / sizeof plan->texts[0])
			return error_set(err, ERROR_USAGE, "--module: more than 64");
		if (!add_words(plan, strdup(modules->items[i]), err))
			return false;
	}
	return plan->guest_count > 0 ||
	       error_set(err, ERROR_USAGE,
	                 "there is no guest to start. They are built where clang-19, lld-19 and "
	                 "wasi-libc are installed; or name one by --module FILE");
}

static bool add_guest(struct plan *plan, size_t guest, struct error *err)
{
	/* A run time such as Go's does not start without them; the peers grant them unasked. */
	static const char *const grants[] = {"--clock", "--random", "--stdin", NULL};
	char *const *command = plan->commands[guest];
	const struct cell cell = {.job = plan->names[guest]};
	for (size_t i = 0; i < plan->peers.count; i++) {
		struct cell *next = &plan->cells[plan->cell_count++];
		*next = cell;
		next->contender = plan->peers.items[i].name;
		next->run = measure_command;
		/* Large modules go beyond what some engines are made for; the smallest does not. */
		next->may_refuse = !plan->peers.items[i].is_own && guest > 0;
		next->env = peer_command(&plan->peers.items[i], plan->peers.items[i].is_own ? grants : NULL,
		                         command);
		if (next->env == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
	}
	for (size_t i = 0; i < INSIDE_COUNT; i++) {
		struct inside *inside = &plan->insides[plan->inside_count++];
		struct cell *next = &plan->cells[plan->cell_count++];
		if (!inside_open(inside, command, plan->cache, insides[i].what, err)) {
			plan->cell_count--;
			error_wrap(err, "%s", command[0]);
			return false;
		}
		*next = cell;
		next->contender = insides[i].contender;
		next->run = inside_run;
		next->env = inside;
	}
	if (!sandboxed_open(&plan->sandboxed[guest], plan->workers, command, plan->work, plan->cache,
	                    err))
		return false;
	for (size_t i = 0; i < IN_WORKER_COUNT; i++) {
		struct cell *next = &plan->cells[plan->cell_count++];
		*next = cell;
		next->contender = in_workers[i].contender;
		next->run = in_workers[i].run;
		next->env = &plan->sandboxed[guest];
	}
	return true;
}

static bool plan_make(struct plan *plan, const struct start_options *options, struct error *err)
{
	snprintf(plan->cache, sizeof plan->cache, "/tmp/tiphys-bench-XXXXXX");
	if (mkdtemp(plan->cache) == NULL) {
		plan->cache[0] = '\0';
		return error_set_errno(err, errno, "cannot make a directory in /tmp");
	}
	snprintf(plan->work, sizeof plan->work, "%s/work", plan->cache);
	if (mkdir(plan->work, 0700) != 0)
		return error_set_errno(err, errno, "cannot make %s", plan->work);
	plan->own = handover_find("tiphys", err);
	if (plan->own == NULL || !find_guests(plan, &options->modules, err) ||
	    !peers_find(&plan->peers, &options->peers, plan->own, plan->cache, err))
		return false;
	plan->cells =
	    calloc(plan->guest_count * (plan->peers.count + INSIDE_COUNT + IN_WORKER_COUNT) + 1,
	           sizeof *plan->cells);
	plan->insides = calloc(plan->guest_count * INSIDE_COUNT, sizeof *plan->insides);
	plan->sandboxed = calloc(plan->guest_count, sizeof *plan->sandboxed);
	plan->floor[0] = data_find("static/floor");
	if (plan->cells == NULL || plan->insides == NULL || plan->sandboxed == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
	plan->workers = workers_create(plan->own, WORKERS_READY, err);
	if (plan->workers == NULL)
		return false;
	if (plan->floor[0] != NULL)
		plan->cells[plan->cell_count++] = (struct cell){.job = "nothing",
		                                                .contender = "a static process",
		                                                .run = measure_command,
		                                                .env = plan->floor,
		                                                .expected = ""};
	for (size_t i = 0; i < plan->guest_count; i++)
		if (!add_guest(plan, i, err))
			return false;
	return true;
}

/* ---- what is shown ---- */

/* The job's cell by that contender, or NULL. */
static const struct cell *find_cell(const struct plan *plan, const char *job, const char *contender)
{
	for (size_t i = 0; i < plan->cell_count; i++)
		if (strcmp(plan->cells[i].job, job) == 0 &&
		    strcmp(plan->cells[i].contender, contender) == 0)
			return &plan->cells[i];
	return NULL;
}

/* tiphys as a process to the cell. */
static void put_ratio(struct sheet *sheet, const struct plan *plan, const struct cell *cell)
{
	const struct cell *own = find_cell(plan, cell->job, "tiphys");
	if (own == NULL || own == cell || cell->run != measure_command) {
		sheet_put(sheet, "%s", "");
		return;
	}
	struct summary theirs = summarize(cell->wall, cell->count);
	struct summary ours = summarize(own->wall, own->count);
	if (theirs.spread > SPREAD_LIMIT || ours.spread > SPREAD_LIMIT)
		sheet_put(sheet, "–");
	else
		sheet_put(sheet, "%.2f", ours.median / theirs.median);
}

/* Once: it hardly differs from one run to the next. */
static bool put_peak(struct sheet *sheet, const struct cell *cell, struct results *results,
                     struct error *err)
{
	uint64_t bytes;
	if (cell->run != measure_command) {
		sheet_put(sheet, "%s", "");
		return true;
	}
	if (!peak_of_command(cell->env, &bytes, err)) {
		error_wrap(err, "memory of %s by %s", cell->job, cell->contender);
		return false;
	}
	double figure = (double)bytes;
	results_series(results, "start", cell->job, cell->contender, "peak", "B", &figure, 1);
	sheet_put(sheet, "%.2f", figure / (1 << 20));
	return true;
}

static bool show(const struct plan *plan, struct results *results, uint64_t starts,
                 struct error *err)
{
	cleanup_sheet struct sheet sheet = {0};
	sheet_init(&sheet, 7);
	sheet_put(&sheet, "guest, by whom");
	sheet_put(&sheet, "median (µs)");
	sheet_put(&sheet, "min");
	sheet_put(&sheet, "p95");
	sheet_put(&sheet, "spread");
	sheet_put(&sheet, "tiphys to it");
	sheet_put(&sheet, "resident (MiB)");
	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct cell *cell = &plan->cells[i];
		if (cell->count == 0)
			continue;
		struct summary summary = summarize(cell->wall, cell->count);
		sheet_put(&sheet, "%s, %s", cell->job, cell->contender);
		sheet_put(&sheet, "%.1f", 1e6 * summary.median);
		sheet_put(&sheet, "%.1f", 1e6 * summary.min);
		sheet_put(&sheet, "%.1f", 1e6 * summary.p95);
		sheet_put(&sheet, "%.0f %%", 100 * summary.spread);
		put_ratio(&sheet, plan, cell);
		if (!put_peak(&sheet, cell, results, err))
			return false;
	}
	if (!sheet_print(&sheet, stdout))
		return error_set(err, ERROR_NO_MEMORY, "no memory for the table");
	printf("\nTime of the clock, median of %u interleaved starts, files in the page cache. ",
	       (unsigned)starts);
	outcome_print(results, &plan->peers, plan->cells, plan->cell_count, stdout);
	return true;
}

/* How much longer a step's worker takes than the same run inside the process. The two stand side by
 * side in each round, so their difference is taken there, and the median is that of differences. */
static bool show_worker(const struct cell *worker, const struct cell *inside, const char *until,
                        struct results *results, struct error *err)
{
	cleanup_free double *more = calloc(worker->count, sizeof *more);
	if (more == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the differences");
	for (size_t round = 0; round < worker->count; round++)
		more[round] = worker->wall[round] - inside->wall[round];
	struct summary summary = summarize(more, worker->count);
	printf("%s: a sandboxed worker takes %.1f µs a step more than the module in memory until %s "
	       "(median of the differences; min %.1f, p95 %.1f)\n",
	       worker->job, 1e6 * summary.median, until, 1e6 * summary.min, 1e6 * summary.p95);
	results_series(results, "start", worker->job, worker->contender, "wall beyond " IN_MEMORY, "s",
	               more, worker->count);
	return true;
}

static bool show_workers(const struct plan *plan, struct results *results, struct error *err)
{
	for (size_t i = 0; i < plan->guest_count; i++) {
		const char *job = plan->names[i];
		const struct cell *inside = find_cell(plan, job, IN_MEMORY);
		for (size_t how = 0; how < IN_WORKER_COUNT; how++) {
			const struct cell *worker = find_cell(plan, job, in_workers[how].contender);
			if (!show_worker(worker, inside, in_workers[how].until, results, err))
				return false;
		}
	}
	return true;
}

static bool run(struct plan *plan, const struct start_options *options, struct error *err)
{
	cleanup_results struct results results = {0};
	struct measure_options how = {.title = "start",
	                              .warm_ups = WARM_UPS,
	                              .rounds = (unsigned)options->starts,
	                              .shuffles = true};
	if ((options->json != NULL && !results_probe(options->json, err)) ||
	    !plan_make(plan, options, err) || !results_init(&results, "tiphys bench start", err))
		return false;
	results_settle(&results);
	if (!measure_cells(plan->cells, plan->cell_count, &how, err) ||
	    !show(plan, &results, options->starts, err))
		return false;
	if (!show_workers(plan, &results, err))
		return false;
	outcome_note(&results, "start", FIGURE_WALL, &plan->peers, plan->cells, plan->cell_count);
	return options->json == NULL || results_write(&results, options->json, err);
}

int bench_start(int argc, char **argv)
{
	struct start_options options = {.starts = STARTS};
	struct operands none;
	struct plan plan = {0};
	struct error err = ERROR_INIT;
	int status;
	if (!options_take(&line, argc, argv, &options, &none, &status))
		return status;
	run(&plan, &options, &err);
	plan_clear(&plan);
	option_texts_clear(&options.peers);
	option_texts_clear(&options.modules);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench start: %s\n", err.message);
	return error_exit_status(err.kind);
}
