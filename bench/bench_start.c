/* tiphys bench start: how long from "run this module" to its end, for guests that do next to
 * nothing; as processes, and inside one process. */
#include "bench/bench.h"
#include "bench/data.h"
#include "bench/inside.h"
#include "bench/outcome.h"
#include "bench/stats.h"
#include "bench/rootfs.h"
#include "bench/sheet.h"
#include "caps/cleanup.h"
#include "plugin/handover.h"

#include <string.h>

enum { STARTS = 200, WARM_UPS = 3 };

/* What is started, beside what --module names. A guest whose toolchain was missing is left out. */
static const struct {
	const char *name, *file;
} guests[] = {{"hello", "step-line.wasm"}, {"go", "start-go.wasm"}};

enum { GUEST_COUNT = sizeof guests / sizeof guests[0] };

static const struct {
	enum inside_what what;
	const char *contender;
} insides[] = {
    {INSIDE_DECODE, "tiphys inside: decode and validate"},
    {INSIDE_RUN, "tiphys inside: module in memory"},
    {INSIDE_INSTANTIATE, "tiphys inside: instantiation alone"},
};

enum { INSIDE_COUNT = sizeof insides / sizeof insides[0] };

struct start_options {
	struct option_texts peers, modules;
	uint64_t starts;
	const char *json;
};

static const struct option rows[] = {
    OPTION_TEXTS(struct start_options, modules, "module", "FILE",
                 "a further module; what it prints without arguments must be the same each time. "
                 "May be given again"),
    OPTION_TEXTS(struct start_options, peers, "peer", "NAME=COMMAND",
                 "another runtime; the module's path is put behind COMMAND. May be given again"),
    OPTION_NUMBER(struct start_options, starts, "starts", "N", 5, 100000,
                  "of each guest by each contender, beside three to warm up (default 200)"),
    OPTION_TEXT(struct start_options, json, "json", "FILE", "write all figures there"),
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
        "does nothing. \"inside\" is without a process of its own. Files are in the page cache.\n"
        "All are granted the clock and random bytes.\n"
        "Runtimes on the path are found by name, as by `tiphys bench kernels`.\n",
};

struct plan {
	char *paths[GUEST_COUNT + 64];
	const char *names[GUEST_COUNT + 64];
	size_t guest_count;
	struct peers peers;
	struct inside *insides;
	size_t inside_count;
	char *floor[2]; /* its command */
	char cache[32]; /* a directory for images of modules; "" when it is not made */
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
	for (size_t i = 0; i < plan->guest_count; i++)
		free(plan->paths[i]);
	free(plan->floor[0]);
	if (plan->cache[0] != '\0')
		remove_tree(plan->cache, &ignored);
	peers_clear(&plan->peers);
}

static bool find_guests(struct plan *plan, const struct option_texts *modules, struct error *err)
{
	for (size_t i = 0; i < GUEST_COUNT; i++) {
		char *path = data_find(guests[i].file);
		if (path == NULL)
			continue;
		plan->names[plan->guest_count] = guests[i].name;
		plan->paths[plan->guest_count++] = path;
	}
	for (size_t i = 0; i < modules->count; i++) {
		const char *given = modules->items[i], *slash = strrchr(given, '/');
		if (plan->guest_count == sizeof plan->paths / sizeof plan->paths[0])
			return error_set(err, ERROR_USAGE, "--module: more than 64");
		plan->names[plan->guest_count] = slash != NULL ? slash + 1 : given;
		plan->paths[plan->guest_count] = strdup(given);
		if (plan->paths[plan->guest_count++] == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for a path");
	}
	return plan->guest_count > 0 ||
	       error_set(err, ERROR_USAGE,
	                 "there is no guest to start. They are built where clang-19, lld-19 and "
	                 "wasi-libc are installed; or name one by --module FILE");
}

static bool add_guest(struct plan *plan, size_t guest, struct error *err)
{
	/* A run time such as Go's does not start without them; the peers grant them unasked. */
	static const char *const grants[] = {"--clock", "--random", NULL};
	const struct cell cell = {.job = plan->names[guest]};
	for (size_t i = 0; i < plan->peers.count; i++) {
		struct cell *next = &plan->cells[plan->cell_count++];
		*next = cell;
		next->contender = plan->peers.items[i].name;
		next->run = measure_command;
		/* Large modules go beyond what some engines are made for; the smallest does not. */
		next->may_refuse = !plan->peers.items[i].is_own && guest > 0;
		next->env = peer_command(&plan->peers.items[i], plan->peers.items[i].is_own ? grants : NULL,
		                         plan->paths[guest]);
		if (next->env == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
	}
	for (size_t i = 0; i < INSIDE_COUNT; i++) {
		struct inside *inside = &plan->insides[plan->inside_count++];
		struct cell *next = &plan->cells[plan->cell_count++];
		if (!inside_open(inside, plan->paths[guest], insides[i].what, err)) {
			plan->cell_count--;
			error_wrap(err, "%s", plan->paths[guest]);
			return false;
		}
		*next = cell;
		next->contender = insides[i].contender;
		next->run = inside_run;
		next->env = inside;
	}
	return true;
}

static bool plan_make(struct plan *plan, const struct start_options *options, struct error *err)
{
	cleanup_free char *own = handover_find("tiphys", err);
	snprintf(plan->cache, sizeof plan->cache, "/tmp/tiphys-bench-XXXXXX");
	if (mkdtemp(plan->cache) == NULL) {
		plan->cache[0] = '\0';
		return error_set_errno(err, errno, "cannot make a directory in /tmp");
	}
	if (own == NULL || !find_guests(plan, &options->modules, err) ||
	    !peers_find(&plan->peers, &options->peers, own, plan->cache, err))
		return false;
	plan->cells =
	    calloc(plan->guest_count * (plan->peers.count + INSIDE_COUNT) + 1, sizeof *plan->cells);
	plan->insides = calloc(plan->guest_count * INSIDE_COUNT, sizeof *plan->insides);
	plan->floor[0] = data_find("static/floor");
	if (plan->cells == NULL || plan->insides == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
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

/* The cell of the same job that is tiphys as a process, or NULL. */
static const struct cell *own_cell(const struct plan *plan, const char *job)
{
	for (size_t i = 0; i < plan->cell_count; i++)
		if (strcmp(plan->cells[i].job, job) == 0 && strcmp(plan->cells[i].contender, "tiphys") == 0)
			return &plan->cells[i];
	return NULL;
}

/* tiphys as a process to the cell. */
static void put_ratio(struct sheet *sheet, const struct plan *plan, const struct cell *cell)
{
	const struct cell *own = own_cell(plan, cell->job);
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

static bool show(const struct plan *plan, const struct results *results, uint64_t starts,
                 struct error *err)
{
	cleanup_sheet struct sheet sheet = {0};
	sheet_init(&sheet, 6);
	sheet_put(&sheet, "guest, by whom");
	sheet_put(&sheet, "median (µs)");
	sheet_put(&sheet, "min");
	sheet_put(&sheet, "p95");
	sheet_put(&sheet, "spread");
	sheet_put(&sheet, "tiphys to it");
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
	}
	if (!sheet_print(&sheet, stdout))
		return error_set(err, ERROR_NO_MEMORY, "no memory for the table");
	printf("\nTime of the clock, median of %u interleaved starts, files in the page cache. ",
	       (unsigned)starts);
	outcome_print(results, &plan->peers, plan->cells, plan->cell_count, stdout);
	return true;
}

static bool run(struct plan *plan, const struct start_options *options, struct error *err)
{
	cleanup_results struct results results = {0};
	struct measure_options how = {
	    .title = "start", .warm_ups = WARM_UPS, .rounds = (unsigned)options->starts};
	if (!plan_make(plan, options, err) || !results_init(&results, "tiphys bench start", err) ||
	    !results_settle(&results, err) ||
	    !measure_cells(plan->cells, plan->cell_count, &how, err) ||
	    !show(plan, &results, options->starts, err))
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
