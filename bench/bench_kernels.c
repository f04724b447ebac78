/* tiphys bench kernels: computing guests by tiphys and by other runtimes, in user time. */
#include "bench/bench.h"
#include "bench/data.h"
#include "bench/guard.h"
#include "bench/kernel.def"
#include "bench/outcome.h"
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
        "Runtimes on the path are found by name: wasm3, wasm3-musl, iwasm, wasmi, silverfir, "
        "wasmtime,\n"
        "wasmedge, wazero, node. All must print the same. The figure is the median user time; "
        "below a ratio of 1\n"
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
	char *name = kernel_name(given);
	plan->paths[plan->kernel_count] = path;
	plan->names[plan->kernel_count++] = name;
	if (name == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the guests");
	for (size_t i = 0; i + 1 < plan->kernel_count; i++)
		if (strcmp(plan->names[i], name) == 0)
			return error_set(err, ERROR_USAGE, "two guests are called \"%s\": it would count twice",
			                 name);
	return true;
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

/* What the process below the guard does. */
struct measurement {
	struct plan plan;
	const struct kernels_options *options;
	const struct operands *given;
	int argc;
	char **argv;
};

static bool run(struct measurement *measurement, struct error *err)
{
	struct plan *plan = &measurement->plan;
	const struct kernels_options *options = measurement->options;
	cleanup_results struct results results = {0};
	struct measure_options how = {
	    .title = "kernels", .warm_ups = 1, .rounds = (unsigned)options->rounds, .shuffles = true};
	if (!plan_make(plan, options, measurement->given, err) ||
	    !results_init(&results, "tiphys bench kernels", err))
		return false;
	results_arguments(&results, measurement->argc, measurement->argv);
	results_settle(&results);
	if (!measure_cells(plan->cells, plan->cell_count, &how, err))
		return false;
	outcome_note(&results, "kernels", FIGURE_USER, &plan->peers, plan->cells, plan->cell_count);
	return outcome_tell(&results, options->json, err);
}

static int measure(void *env)
{
	struct measurement *measurement = env;
	struct error err = ERROR_INIT;
	run(measurement, &err);
	plan_clear(&measurement->plan);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench kernels: %s\n", err.message);
	return error_exit_status(err.kind);
}

int bench_kernels(int argc, char **argv)
{
	struct kernels_options options = {.rounds = ROUNDS};
	struct operands given;
	struct measurement measurement = {
	    .options = &options, .given = &given, .argc = argc, .argv = argv};
	struct error err = ERROR_INIT;
	char folder[GUARD_FOLDER_SIZE];
	int status;
	if (!options_take(&line, argc, argv, &options, &given, &status))
		return status;
	if (options.list)
		for (size_t i = 0; i < KERNEL_COUNT; i++)
			printf("%-12s%s\n", kernels[i].name, kernels[i].what);
	else if (peers_check(&options.peers, &err) &&
	         (options.json == NULL || results_probe(options.json, &err)))
		guard_run_in_folder(folder, measure, &measurement, &status, &err);
	option_texts_clear(&options.peers);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench kernels: %s\n", err.message);
	return err.kind != ERROR_NONE ? error_exit_status(err.kind) : options.list ? 0 : status;
}
