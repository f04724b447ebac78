/* tiphys bench start: how long from "run this module" to its end, for guests that do next to
 * nothing; as processes, inside one process, and by the sandboxed workers of `tiphys serve`. */
#include "bench/bench.h"
#include "bench/data.h"
#include "bench/first_run.h"
#include "bench/guard.h"
#include "bench/inside.h"
#include "bench/outcome.h"
#include "bench/peak.h"
#include "bench/sandboxed.h"
#include "bench/tables.h"
#include "bench/touched.h"
#include "bench/words.h"
#include "caps/cleanup.h"
#include "plugin/handover.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { STARTS = 200, WARM_UPS = 3, PEAKS = 5, GUESTS_MAX = 64 };

/* Inside a process one start follows the other, as in a server, and not what a process of another
 * contender left of the caches. */
#define FARM_MS 1

#define CACHED "tiphys, cached"

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
} in_workers[] = {
    {"tiphys serve: sandboxed worker, until it is gone", sandboxed_run},
    {"tiphys serve: sandboxed worker, until its answer", sandboxed_answer},
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
	bool touched, alone;
	const char *json;
};

static const struct option rows[] = {
    OPTION_TEXTS(struct start_options, modules, "module", "'FILE ARGUMENT…'",
                 "a further module, and up to 16 arguments for it, parted at blanks outside of "
                 "quotes; what it prints must be the same each time. May be given again"),
    OPTION_PEERS(struct start_options, peers),
    OPTION_NUMBER(struct start_options, starts, "starts", "N", 5, 100000,
                  "of each guest by each contender, beside three to warm up (default 200)"),
    OPTION_FLAG(struct start_options, alone, "alone",
                "only what --module names, and neither the program in C nor that in Go"),
    OPTION_FLAG(struct start_options, touched, "touched",
                "count the pages of memory that a cached run of each guest touches, by valgrind, "
                "which takes a minute or more for a large module"),
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
        "does nothing. \"tiphys\" runs with --no-cache; \"first run\" finds an empty cache and "
        "keeps "
        "an\n"
        "image there; \"cached\" runs from it. \"validated\" is validation alone, of one thread; "
        "wasmi\n"
        "has no such command, so it is told to translate nothing and to call a function that is "
        "not\n"
        "there. \"inside\" is without a process of its own, one after the other for a "
        "millisecond;\n"
        "a \"sandboxed worker\" is a process that stood ready, as for a step of `tiphys serve`.\n"
        "Files are in the page cache.\n"
        "All are granted the clock, random bytes and an empty standard input. \"resident\" is "
        "what a\n"
        "process takes at most, the pages of files included.\n"
        "Runtimes on the path are found by name, as by `tiphys bench kernels`.\n",
};

struct guest {
	const char *name;
	char **command; /* path and arguments, then NULL; for words_free() */
	char validated[96];
	struct first_run first;
	struct validation own, wasmi; /* wasmi's only where it takes part */
	struct sandboxed sandboxed;
};

struct plan {
	struct guest guests[GUESTS_MAX];
	size_t guest_count;
	struct peers peers;
	struct inside *insides;
	size_t inside_count;
	struct workers *workers;
	char *floor[2];                     /* its command */
	char *own;                          /* the path of tiphys */
	char folder[GUARD_FOLDER_SIZE];     /* for all that is below; removed by the guard */
	char cache[GUARD_FOLDER_SIZE + 16]; /* a directory for images of modules */
	char work[GUARD_FOLDER_SIZE + 16];  /* what steps have as /work */
	struct cell *cells;
	size_t cell_count;
};

static void guest_clear(struct guest *guest)
{
	sandboxed_close(&guest->sandboxed);
	free(guest->first.argv);
	free(guest->own.argv);
	free(guest->wasmi.argv);
	words_free(guest->command);
}

static void plan_clear(struct plan *plan)
{
	cells_clear(plan->cells, plan->cell_count);
	for (size_t i = 0; i < plan->cell_count; i++)
		if (plan->cells[i].run == measure_command && plan->cells[i].env != plan->floor)
			free(plan->cells[i].env);
	free(plan->cells);
	for (size_t i = 0; i < plan->inside_count; i++)
		inside_close(&plan->insides[i]);
	free(plan->insides);
	workers_destroy(plan->workers);
	for (size_t i = 0; i < plan->guest_count; i++)
		guest_clear(&plan->guests[i]);
	free(plan->floor[0]);
	free(plan->own);
	peers_clear(&plan->peers);
}

/* `name` NULL: what the path ends with. */
static bool add_command(struct plan *plan, const char *name, const char *text, struct error *err)
{
	size_t count;
	if (plan->guest_count == GUESTS_MAX)
		return error_set(err, ERROR_USAGE, "--module: more than %d", GUESTS_MAX);
	char **command = words_split(text, &count, err);
	if (command == NULL) {
		error_wrap(err, "--module");
		return false;
	}
	struct guest *guest = &plan->guests[plan->guest_count++];
	guest->command = command;
	if (count == 0)
		return error_set(err, ERROR_USAGE, "--module: it names no file");
	if (count > SANDBOXED_ARGUMENTS + 1)
		return error_set(err, ERROR_USAGE, "--module: more than %d arguments", SANDBOXED_ARGUMENTS);
	const char *slash = strrchr(command[0], '/');
	guest->name = name != NULL ? name : slash != NULL ? slash + 1 : command[0];
	for (size_t i = 0; i + 1 < plan->guest_count; i++)
		if (strcmp(plan->guests[i].name, guest->name) == 0)
			return error_set(err, ERROR_USAGE, "--module: two guests are called \"%s\"",
			                 guest->name);
	snprintf(guest->validated, sizeof guest->validated, "%.80s validated", guest->name);
	return true;
}

/* A file whose path may hold anything. */
static bool add_file(struct plan *plan, const char *name, const char *path, struct error *err)
{
	struct guest *guest = &plan->guests[plan->guest_count];
	if (!add_command(plan, name, "-", err))
		return false;
	free(guest->command[0]);
	guest->command[0] = strdup(path);
	return guest->command[0] != NULL || error_set(err, ERROR_NO_MEMORY, "no memory for a path");
}

static bool find_guests(struct plan *plan, const struct start_options *options, struct error *err)
{
	const struct option_texts *modules = &options->modules;
	for (size_t i = 0; !options->alone && i < GUEST_COUNT; i++) {
		cleanup_free char *path = data_find(guests[i].file);
		if (path != NULL && !add_file(plan, guests[i].name, path, err))
			return false;
	}
	for (size_t i = 0; i < modules->count; i++)
		if (!add_command(plan, NULL, modules->items[i], err))
			return false;
	return plan->guest_count > 0 ||
	       error_set(err, ERROR_USAGE,
	                 "there is no guest to start. They are built where clang-19, lld-19 and "
	                 "wasi-libc are installed; or name one by --module FILE");
}

/* A run time such as Go's does not start without them; the peers grant them unasked. */
#define GRANTS "--clock", "--random", "--stdin"

static struct cell *add_cell(struct plan *plan, const char *job, const char *contender,
                             cell_function *run, void *env)
{
	struct cell *cell = &plan->cells[plan->cell_count++];
	*cell = (struct cell){.job = job, .contender = contender, .run = run, .env = env};
	cell->burst_max = run == inside_run ? 0 : 1;
	return cell;
}

static bool add_peers(struct plan *plan, struct guest *guest, struct error *err)
{
	static const char *const grants[] = {GRANTS, NULL};
	for (size_t i = 0; i < plan->peers.count; i++) {
		const struct peer *peer = &plan->peers.items[i];
		char **command = peer_command(peer, peer->is_own ? grants : NULL, guest->command);
		if (command == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
		struct cell *cell = add_cell(plan, guest->name, peer->name, measure_command, command);
		/* Large modules go beyond what some engines are made for; the smallest does not. */
		cell->may_refuse = !peer->is_own && strcmp(guest->name, guests[0].name) != 0;
	}
	return true;
}

static bool add_first_run(struct plan *plan, struct guest *guest, struct error *err)
{
	snprintf(guest->first.cache, sizeof guest->first.cache, "%s/first", plan->cache);
	const char *const words[] = {"run", "--cache-dir", guest->first.cache, GRANTS, NULL};
	const struct peer own = {.words = &plan->own, .word_count = 1};
	guest->first.argv = peer_command(&own, words, guest->command);
	if (guest->first.argv == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
	add_cell(plan, guest->name, "tiphys, first run", first_run_run, &guest->first);
	return true;
}

/* Of the module alone, whatever its arguments. */
static bool add_validations(struct plan *plan, struct guest *guest, struct error *err)
{
	static const char *const own_words[] = {"validate", "--validate-threads", "1", NULL};
	static const char *const wasmi_words[] = {"--compilation-mode", "lazy-translation", "--invoke",
	                                          "none", NULL};
	char *const module[] = {guest->command[0], NULL};
	const struct peer own = {.words = &plan->own, .word_count = 1};
	guest->own.argv = peer_command(&own, own_words, module);
	if (guest->own.argv == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
	add_cell(plan, guest->validated, "tiphys validate", validation_run, &guest->own)->expected = "";
	for (size_t i = 0; i < plan->peers.count; i++) {
		if (strcmp(plan->peers.items[i].name, "wasmi") != 0)
			continue;
		guest->wasmi.argv = peer_command(&plan->peers.items[i], wasmi_words, module);
		if (guest->wasmi.argv == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
		struct cell *cell =
		    add_cell(plan, guest->validated, "wasmi", validation_run, &guest->wasmi);
		cell->expected = "";
		cell->expected_status = 1;
		cell->may_refuse = true;
	}
	return true;
}

static bool add_insides(struct plan *plan, struct guest *guest, struct error *err)
{
	for (size_t i = 0; i < INSIDE_COUNT; i++) {
		struct inside *inside = &plan->insides[plan->inside_count++];
		if (!inside_open(inside, guest->command, plan->cache, insides[i].what, err)) {
			error_wrap(err, "%s", guest->command[0]);
			return false;
		}
		add_cell(plan, guest->name, insides[i].contender, inside_run, inside);
	}
	if (!sandboxed_open(&guest->sandboxed, plan->workers, guest->command, plan->work, plan->cache,
	                    err))
		return false;
	for (size_t i = 0; i < IN_WORKER_COUNT; i++)
		add_cell(plan, guest->name, in_workers[i].contender, in_workers[i].run, &guest->sandboxed);
	return true;
}

static bool make_folders(struct plan *plan, struct error *err)
{
	snprintf(plan->cache, sizeof plan->cache, "%s/cache", plan->folder);
	snprintf(plan->work, sizeof plan->work, "%s/work", plan->folder);
	if (mkdir(plan->cache, 0700) != 0 || mkdir(plan->work, 0700) != 0)
		return error_set_errno(err, errno, "cannot make a directory in %s", plan->folder);
	return true;
}

static bool plan_make(struct plan *plan, const struct start_options *options, struct error *err)
{
	plan->own = handover_find("tiphys", err);
	if (plan->own == NULL || !make_folders(plan, err) || !find_guests(plan, options, err) ||
	    !peers_find(&plan->peers, &options->peers, plan->own, plan->cache, err))
		return false;
	/* Each guest's: the peers, a first run, two validations, what is inside, and by workers. */
	size_t each = plan->peers.count + 3 + INSIDE_COUNT + IN_WORKER_COUNT;
	plan->cells = calloc(plan->guest_count * each + 1, sizeof *plan->cells);
	plan->insides = calloc(plan->guest_count * INSIDE_COUNT, sizeof *plan->insides);
	plan->floor[0] = data_find("static/floor");
	if (plan->cells == NULL || plan->insides == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the runs");
	plan->workers = workers_create(plan->own, WORKERS_READY, err);
	if (plan->workers == NULL)
		return false;
	if (plan->floor[0] != NULL)
		add_cell(plan, "nothing", "a static process", measure_command, plan->floor)->expected = "";
	for (size_t i = 0; i < plan->guest_count; i++) {
		struct guest *guest = &plan->guests[i];
		if (!add_peers(plan, guest, err) || !add_first_run(plan, guest, err) ||
		    !add_insides(plan, guest, err) || !add_validations(plan, guest, err))
			return false;
	}
	return true;
}

/* ---- what is noted ---- */

/* The command of a process, or NULL. */
static char *const *command_of(const struct cell *cell)
{
	return cell->run == measure_command ? cell->env
	       : cell->run == first_run_run ? ((const struct first_run *)cell->env)->argv
	                                    : NULL;
}

static bool note_peak(struct results *results, const struct cell *cell, struct error *err)
{
	double figures[PEAKS];
	char *const *command = command_of(cell);
	for (size_t i = 0; command != NULL && i < PEAKS; i++) {
		uint64_t bytes;
		if ((cell->run == first_run_run && !first_run_prepare(cell->env, err)) ||
		    !peak_of_command(command, &bytes, err)) {
			error_wrap(err, "memory of %s by %s", cell->job, cell->contender);
			return false;
		}
		figures[i] = (double)bytes;
	}
	if (command != NULL)
		results_series(results, "start", cell->job, cell->contender, "peak", "B", figures, PEAKS);
	return true;
}

static bool note_touched(struct results *results, const struct cell *cell, struct error *err)
{
	uint64_t bytes;
	if (strcmp(cell->contender, CACHED) != 0)
		return true;
	fprintf(stderr, "Counting the pages that %s touches\n", cell->job);
	if (!touched_by_command(cell->env, &bytes, err)) {
		error_wrap(err, "pages touched by %s", cell->job);
		return false;
	}
	results_series(results, "start", cell->job, cell->contender, "touched", "B",
	               (const double[]){(double)bytes}, 1);
	return true;
}

static bool note_memory(const struct plan *plan, bool touched, struct results *results,
                        struct error *err)
{
	for (size_t i = 0; i < plan->cell_count; i++) {
		const struct cell *cell = &plan->cells[i];
		if (cell->count > 0 &&
		    (!note_peak(results, cell, err) || (touched && !note_touched(results, cell, err))))
			return false;
	}
	return true;
}

/* The job's cell by that contender, or NULL. */
static const struct cell *find_cell(const struct plan *plan, const char *job, const char *contender)
{
	for (size_t i = 0; i < plan->cell_count; i++)
		if (strcmp(plan->cells[i].job, job) == 0 &&
		    strcmp(plan->cells[i].contender, contender) == 0)
			return &plan->cells[i];
	return NULL;
}

/* How much longer a step's worker takes than the same run inside the process, round by round. */
static bool note_worker(struct results *results, const struct cell *worker,
                        const struct cell *inside, struct error *err)
{
	cleanup_free double *more = calloc(worker->count, sizeof *more);
	if (more == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the differences");
	for (size_t round = 0; round < worker->count; round++)
		more[round] = worker->wall[round] - inside->wall[round];
	results_series(results, "start", worker->job, worker->contender, TABLES_BEYOND IN_MEMORY, "s",
	               more, worker->count);
	return true;
}

static bool note(const struct plan *plan, bool touched, struct results *results, struct error *err)
{
	outcome_note(results, "start", FIGURE_WALL, &plan->peers, plan->cells, plan->cell_count);
	for (size_t i = 0; i < plan->guest_count; i++) {
		const struct guest *guest = &plan->guests[i];
		const struct cell *inside = find_cell(plan, guest->name, IN_MEMORY);
		struct stat st;
		if (stat(guest->command[0], &st) != 0)
			return error_set_errno(err, errno, "cannot read %s", guest->command[0]);
		results_guest(results, guest->name, (uint64_t)st.st_size);
		for (size_t how = 0; how < IN_WORKER_COUNT; how++)
			if (!note_worker(results, find_cell(plan, guest->name, in_workers[how].contender),
			                 inside, err))
				return false;
	}
	return note_memory(plan, touched, results, err);
}

/* What the process below the guard does. */
struct measurement {
	struct plan plan;
	const struct start_options *options;
	int argc;
	char **argv;
};

static bool run(struct measurement *measurement, struct error *err)
{
	struct plan *plan = &measurement->plan;
	const struct start_options *options = measurement->options;
	cleanup_results struct results results = {0};
	struct measure_options how = {.title = "start",
	                              .warm_ups = WARM_UPS,
	                              .rounds = (unsigned)options->starts,
	                              .shuffles = true,
	                              .burst_seconds = FARM_MS / 1e3};
	if (!plan_make(plan, options, err) || !results_init(&results, "tiphys bench start", err))
		return false;
	results_arguments(&results, measurement->argc, measurement->argv);
	results_settle(&results);
	if (!measure_cells(plan->cells, plan->cell_count, &how, err) ||
	    !note(plan, options->touched, &results, err))
		return false;
	return outcome_tell(&results, options->json, err);
}

static int measure(void *env)
{
	struct measurement *measurement = env;
	struct error err = ERROR_INIT;
	run(measurement, &err);
	plan_clear(&measurement->plan);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench start: %s\n", err.message);
	return error_exit_status(err.kind);
}

int bench_start(int argc, char **argv)
{
	struct start_options options = {.starts = STARTS};
	struct operands none;
	struct measurement measurement = {.options = &options, .argc = argc, .argv = argv};
	struct error err = ERROR_INIT;
	int status;
	if (!options_take(&line, argc, argv, &options, &none, &status))
		return status;
	if (peers_check(&options.peers, &err) &&
	    (options.json == NULL || results_probe(options.json, &err)))
		guard_run_in_folder(measurement.plan.folder, measure, &measurement, &status, &err);
	option_texts_clear(&options.peers);
	option_texts_clear(&options.modules);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys bench start: %s\n", err.message);
	return err.kind != ERROR_NONE ? error_exit_status(err.kind) : status;
}
