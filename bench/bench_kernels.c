/* tiphys bench kernels: computing guests by tiphys and by other runtimes, in user time. */
#include "bench/bench.h"
#include "bench/data.h"
#include "bench/kernel.def"
#include "bench/outcome.h"
#include "bench/stats.h"
#include "bench/sheet.h"
#include "caps/cleanup.h"
#include "plugin/handover.h"
#include "plugin/module_file.h"
#include "validator/feature.h"

#include <string.h>

static const struct {
	const char *name, *what;
} kernels[] = {
#define X(name, what) {name, what},
    KERNELS(X)
#undef X
};

enum { KERNEL_COUNT = sizeof kernels / sizeof kernels[0], ROUNDS = 7, ROUNDS_MIN = 5 };

struct kernels_options {
	struct option_texts peers;
	uint64_t rounds;
	const char *json;
	bool list;
};

static const struct option rows[] = {
    OPTION_PEERS(struct kernels_options, peers),
    OPTION_NUMBER(struct kernels_options, rounds, "rounds", "N", ROUNDS_MIN, 1000,
                  "runs of each guest by each runtime, beside one to warm up (default 7)"),
    OPTION_JSON(struct kernels_options, json),
    OPTION_FLAG(struct kernels_options, list, "list", "show the guests and stop"),
};

static const struct command_line line = {
    .name = "bench kernels",
    .operands = "[KERNEL…]",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .notes =
        "KERNEL is the name of a guest (--list) or the path of a module; all guests without one.\n"
        "Runtimes on the path are found by name: wasm3, iwasm, wasmi, wasmtime, wasmedge, wazero,\n"
        "node. All must print the same. The figure is the median user time; below a ratio of 1\n"
        "tiphys is faster. There is no ratio where a runtime's quartiles lie further apart than\n"
        "30 % of its median.\n",
    .operands_max = OPERANDS_ANY,
};

/* The kernels, the runtimes and a cell for each pair, kernel by kernel. */
struct plan {
	char **names, **paths;
	size_t kernel_count;
	struct peers peers;
	struct cell *cells;
	size_t cell_count;
};

static void plan_clear(struct plan *plan)
{
	cells_clear(plan->cells, plan->cell_count);
	for (size_t i = 0; i < plan->cell_count; i++)
		free(plan->cells[i].env);
	free(plan->cells);
	for (size_t i = 0; i < plan->kernel_count; i++) {
		free(plan->names[i]);
		free(plan->paths[i]);
	}
	free(plan->names);
	free(plan->paths);
	peers_clear(&plan->peers);
}

/* A name from a path: without directory and ".wasm". */
static char *kernel_name(const char *given)
{
	const char *slash = strrchr(given, '/');
	const char *name = slash != NULL ? slash + 1 : given;
	size_t length = strlen(name);
	if (length > 5 && strcmp(name + length - 5, ".wasm") == 0)
		length -= 5;
	return strndup(name, length);
}

static char *kernel_path(const char *given, struct error *err)
{
	cleanup_free char *file = NULL;
	if (strchr(given, '/') != NULL || access(given, R_OK) == 0)
		return strdup(given);
	if (asprintf(&file, "%s.wasm", given) < 0) {
		file = NULL;
		return NULL;
	}
	char *path = data_find(file);
	if (path == NULL)
		error_set(err, ERROR_USAGE,
		          "there is no guest \"%s\"; --list shows them. They are built where clang-19, "
		          "lld-19 and wasi-libc are installed",
		          given);
	return path;
}

static bool add_kernel(struct plan *plan, const char *given, struct error *err)
{
	char *path = kernel_path(given, err);
	if (path == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the guests");
	plan->paths[plan->kernel_count] = path;
	plan->names[plan->kernel_count] = kernel_name(given);
	return plan->names[plan->kernel_count++] != NULL ||
	       error_set(err, ERROR_NO_MEMORY, "no memory for the guests");
}

/* Whether the module wants what an engine may lack with good reason: vectors. */
static bool wants_vectors(const char *path, bool *wants, struct error *err)
{
	cleanup_module_file struct module_file file = {0};
	struct error refusal = ERROR_INIT;
	uint64_t features = FEATURES_DEFAULT & ~FEATURE_BIT(SIMD) & ~FEATURE_BIT(RELAXED_SIMD);
	if (!module_file_map(&file, path, err))
		return false;
	struct module_options options = {.features = features};
	struct module *module = module_load(file.bytes, file.size, &options, &refusal);
	*wants = module == NULL;
	module_destroy(module);
	return true;
}

static bool plan_cells(struct plan *plan, struct error *err)
{
	plan->cells = calloc(plan->kernel_count * plan->peers.count + 1, sizeof *plan->cells);
	for (size_t i = 0; i < plan->kernel_count; i++) {
		bool may_refuse;
		if (!wants_vectors(plan->paths[i], &may_refuse, err))
			return false;
		for (size_t j = 0; plan->cells != NULL && j < plan->peers.count; j++) {
			struct cell *cell = &plan->cells[plan->cell_count++];
			bool is_own = j == 0;
			*cell = (struct cell){.job = plan->names[i],
			                      .contender = plan->peers.items[j].name,
			                      .run = measure_command,
			                      .may_refuse = may_refuse && !is_own,
			                      .env = peer_command(&plan->peers.items[j], NULL,
			                                          (char *const[]){plan->paths[i], NULL})};
			if (cell->env == NULL)
				return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
		}
	}
	return plan->cells != NULL || error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
}

static bool plan_make(struct plan *plan, const struct kernels_options *options,
                      const struct operands *given, struct error *err)
{
	size_t count = given->count > 0 ? given->count : KERNEL_COUNT;
	cleanup_free char *own = handover_find("tiphys", err);
	plan->names = calloc(count, sizeof *plan->names);
	plan->paths = calloc(count, sizeof *plan->paths);
	if (own == NULL)
		return false;
	if (plan->names == NULL || plan->paths == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the guests");
	for (size_t i = 0; i < count; i++)
		if (!add_kernel(plan, given->count > 0 ? given->items[i] : kernels[i].name, err))
			return false;
	return peers_find(&plan->peers, &options->peers, own, NULL, err) && plan_cells(plan, err);
}

/* ---- what is shown ---- */

struct ratios {
	double *items;
	size_t count;
};

static void put_ratio(struct sheet *sheet, const struct cell *peer, const struct cell *own,
                      struct ratios *ratios)
{
	if (peer->count == 0) {
		sheet_put(sheet, "–");
		return;
	}
	struct summary theirs = summarize(peer->user, peer->count);
	struct summary ours = summarize(own->user, own->count);
	if (theirs.spread > SPREAD_LIMIT || ours.spread > SPREAD_LIMIT || theirs.median <= 0) {
		sheet_put(sheet, "spread %.0f %%",
		          100 * (theirs.spread > ours.spread ? theirs.spread : ours.spread));
		return;
	}
	double ratio = ours.median / theirs.median;
	sheet_put(sheet, "%.2f", ratio);
	if (ratio > 0)
		ratios->items[ratios->count++] = ratio;
}

static void put_means(struct sheet *sheet, const struct ratios *ratios, size_t peer_count)
{
	sheet_put(sheet, "geometric mean");
	for (size_t i = 0; i < peer_count; i++)
		sheet_put(sheet, "%s", "");
	for (size_t i = 1; i < peer_count; i++) {
		if (ratios[i].count > 0)
			sheet_put(sheet, "%.2f", geometric_mean(ratios[i].items, ratios[i].count));
		else
			sheet_put(sheet, "–");
	}
}

static bool fill_sheet(const struct plan *plan, struct sheet *sheet)
{
	size_t peer_count = plan->peers.count;
	cleanup_free double *figures = calloc(peer_count * plan->kernel_count, sizeof *figures);
	cleanup_free struct ratios *ratios = calloc(peer_count, sizeof *ratios);
	if (figures == NULL || ratios == NULL)
		return false;
	sheet_init(sheet, 2 * peer_count);
	sheet_put(sheet, "kernel");
	for (size_t i = 0; i < peer_count; i++) {
		sheet_put(sheet, "%s (s)", plan->peers.items[i].name);
		ratios[i].items = figures + i * plan->kernel_count;
	}
	for (size_t i = 1; i < peer_count; i++)
		sheet_put(sheet, "tiphys/%s", plan->peers.items[i].name);
	for (size_t i = 0; i < plan->kernel_count; i++) {
		const struct cell *cells = plan->cells + i * peer_count;
		sheet_put(sheet, "%s", plan->names[i]);
		for (size_t j = 0; j < peer_count; j++) {
			if (cells[j].count > 0)
				sheet_put(sheet, "%.3f", summarize(cells[j].user, cells[j].count).median);
			else
				sheet_put(sheet, "refuses");
		}
		for (size_t j = 1; j < peer_count; j++)
			put_ratio(sheet, &cells[j], &cells[0], &ratios[j]);
	}
	put_means(sheet, ratios, peer_count);
	return true;
}

static bool show(const struct plan *plan, const struct results *results, uint64_t rounds,
                 struct error *err)
{
	cleanup_sheet struct sheet sheet = {0};
	if (!fill_sheet(plan, &sheet) || !sheet_print(&sheet, stdout))
		return error_set(err, ERROR_NO_MEMORY, "no memory for the table");
	printf("\nUser time, median of %u interleaved rounds. ", (unsigned)rounds);
	outcome_print(results, &plan->peers, plan->cells, plan->cell_count, stdout);
	return true;
}

static bool run(struct plan *plan, const struct kernels_options *options,
                const struct operands *given, struct error *err)
{
	cleanup_results struct results results = {0};
	struct measure_options how = {
	    .title = "kernels", .warm_ups = 1, .rounds = (unsigned)options->rounds, .shuffles = true};
	if ((options->json != NULL && !results_probe(options->json, err)) ||
	    !plan_make(plan, options, given, err) ||
	    !results_init(&results, "tiphys bench kernels", err))
		return false;
	results_settle(&results);
	if (!measure_cells(plan->cells, plan->cell_count, &how, err) ||
	    !show(plan, &results, options->rounds, err))
		return false;
	outcome_note(&results, "kernels", FIGURE_USER, &plan->peers, plan->cells, plan->cell_count);
	return options->json == NULL || results_write(&results, options->json, err);
}

int bench_kernels(int argc, char **argv)
{
	struct kernels_options options = {.rounds = ROUNDS};
	struct operands given;
	struct plan plan = {0};
	struct error err = ERROR_INIT;
	int status;
	if (!options_take(&line, argc, argv, &options, &given, &status))
		return status;
	if (options.list) {
		for (size_t i = 0; i < KERNEL_COUNT; i++)
			printf("%-12s%s\n", kernels[i].name, kernels[i].what);
		option_texts_clear(&options.peers);
		return 0;
	}
	run(&plan, &options, &given, &err);
	plan_clear(&plan);
	option_texts_clear(&options.peers);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench kernels: %s\n", err.message);
	return error_exit_status(err.kind);
}
