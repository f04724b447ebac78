#include "bench/cold.h"

#include "bench/data.h"
#include "bench/disk.h"
#include "bench/leftover.h"
#include "bench/progress.h"
#include "bench/registry_server.h"
#include "bench/rootfs.h"
#include "bench/stats.h"
#include "caps/cleanup.h"
#include "plugin/handover.h"

#include <string.h>

enum { PARTIES_MAX = 8, COMMANDS_MAX = 3, WORDS_MAX = 16, WORD_SIZE = 512, ROUNDS_MAX = 1000 };

struct command {
	char words[WORDS_MAX][WORD_SIZE];
	size_t count;
};

/* Somebody who fetches and runs. */
struct party {
	char name[64];
	struct command empty;               /* makes its store empty */
	struct command prove[COMMANDS_MAX]; /* must print nothing then */
	struct command timed[COMMANDS_MAX]; /* one after the other; the last one prints the line */
	char store[4096];                   /* its directory, for the bytes on disk */
	bool is_removed;                    /* the store is emptied by removing it */
	bool is_request; /* to a `tiphys serve` that has just begun; timed[0] is its reference */
	bool is_listed;  /* `empty` wants a line of what prove[0] prints behind it */
	double wall[ROUNDS_MAX], network[ROUNDS_MAX], disk[ROUNDS_MAX];
};

struct cold {
	const struct contenders *all;
	const struct cold_options *options;
	struct registry_server registry;
	struct party *parties;
	size_t count;
	unsigned rounds; /* that took place */
};

static const char *const line_words[] = {"/job/line", NULL};
static const char *const python_words[] = {"/usr/bin/python3", "/job/line.py", NULL};
static const char expected[] = "hello from a step\n";

/* Words up to NULL, behind those that it has. */
static void put_words(struct command *command, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL && command->count < WORDS_MAX; i++)
		snprintf(command->words[command->count++], WORD_SIZE, "%s", words[i]);
}

#define PUT(command, ...) put_words(command, (const char *const[]){__VA_ARGS__, NULL})

static bool run_command(const struct command *command, struct process_result *result,
                        struct error *err)
{
	char *argv[WORDS_MAX + 1] = {NULL};
	for (size_t i = 0; i < command->count; i++)
		argv[i] = (char *)(uintptr_t)command->words[i];
	if (!process_run(argv, NULL, result, err))
		return false;
	return result->status == 0 || error_set(err, ERROR_SYSTEM, "%s %s: status %d: %s", argv[0],
	                                        argv[1], result->status, result->complaint);
}

static bool do_command(const struct command *command, struct error *err)
{
	cleanup_process struct process_result result = {0};
	return run_command(command, &result, err);
}

/* ---- who takes part ---- */

static struct party *add(struct cold *cold, const char *name, const char *image)
{
	struct party *party = &cold->parties[cold->count++];
	snprintf(party->name, sizeof party->name, "%s%s%s", name, *image != '\0' ? ", " : "", image);
	return party;
}

static bool add_tiphys(struct cold *cold, struct error *err)
{
	struct command push = {0};
	struct party *party = add(cold, "tiphys run", "");
	char reference[WORD_SIZE];
	cleanup_free char *tiphys = handover_find("tiphys", err);
	cleanup_free char *module = data_find("step-line.wasm");
	if (tiphys == NULL || module == NULL)
		return error_set(err, ERROR_SYSTEM, "step-line.wasm is missing; it is built with tiphys");
	snprintf(party->store, sizeof party->store, "%s/cold-tiphys", cold->options->directory);
	snprintf(reference, sizeof reference, "%s/steps/line:1", cold->registry.address);
	PUT(&push, tiphys, "push", module, reference);
	party->is_removed = true;
	PUT(&party->timed[0], tiphys, "run", "--cache-dir", party->store, reference);

	struct party *server = add(cold, "tiphys serve", "");
	snprintf(server->store, sizeof server->store, "%s/cold-serve", cold->options->directory);
	server->is_removed = true;
	server->is_request = true;
	PUT(&server->timed[0], reference);
	return do_command(&push, err);
}

/* Out of podman's warm store into the registry. */
static bool push_image(const struct cold *cold, const char *image, char *reference, size_t size,
                       struct error *err)
{
	struct command push = {0};
	char local[WORD_SIZE];
	snprintf(local, sizeof local, "localhost/bench/%s:1", image);
	snprintf(reference, size, "%s/bench/%s:1", cold->registry.address, image);
	PUT(&push, "podman", "push", "--quiet", "--tls-verify=false", local, reference);
	return do_command(&push, err);
}

/* With options that name the cold store; the environment names the warm one. */
static void put_podman(struct command *command, const struct party *party)
{
	char root[WORD_SIZE], run[WORD_SIZE];
	snprintf(root, sizeof root, "%.400s/graph", party->store);
	snprintf(run, sizeof run, "%.400s/run", party->store);
	PUT(command, "podman", "--root", root, "--runroot", run);
}

static void add_podman(struct cold *cold, const char *image, const char *reference,
                       const char *const *words)
{
	struct party *party = add(cold, "podman", image);
	snprintf(party->store, sizeof party->store, "%s/cold-podman", cold->options->directory);
	put_podman(&party->empty, party);
	PUT(&party->empty, "rmi", "--all", "--force");
	put_podman(&party->prove[0], party);
	PUT(&party->prove[0], "images", "--quiet", "--all");
	put_podman(&party->timed[0], party);
	PUT(&party->timed[0], "run", podman_parent(), "--rm", "--network=none", "--tls-verify=false",
	    "--quiet", reference);
	put_words(&party->timed[0], words);
}

static void put_ctr(struct command *command, const struct cold *cold)
{
	/* A namespace of its own holds none of the warm images. */
	PUT(command, "ctr", "--address", cold->all->containerd.socket, "--namespace", "cold");
}

static void add_ctr(struct cold *cold, const char *image, const char *reference,
                    const char *const *words)
{
	struct party *party = add(cold, "ctr", image);
	char name[64];
	leftover_name(name, sizeof name, "cold");
	snprintf(party->store, sizeof party->store, "%s/containerd/root", cold->options->directory);
	party->is_listed = true;
	put_ctr(&party->empty, cold);
	PUT(&party->empty, "image", "rm", "--sync");
	put_ctr(&party->prove[0], cold);
	PUT(&party->prove[0], "image", "ls", "--quiet");
	put_ctr(&party->prove[1], cold);
	PUT(&party->prove[1], "content", "ls", "--quiet");
	put_ctr(&party->timed[0], cold);
	PUT(&party->timed[0], "image", "pull", "--plain-http", reference);
	put_ctr(&party->timed[1], cold);
	PUT(&party->timed[1], "run", "--rm", "--fifo-dir", cold->all->containerd.fifos, reference,
	    name);
	put_words(&party->timed[1], words);
}

static bool add_image(struct cold *cold, const char *image, const char *const *words,
                      struct error *err)
{
	char reference[WORD_SIZE], warm[64];
	snprintf(warm, sizeof warm, "podman, %s", image);
	if (!contenders_have(cold->all, warm))
		return true;
	if (!push_image(cold, image, reference, sizeof reference, err))
		return false;
	add_podman(cold, image, reference, words);
	snprintf(warm, sizeof warm, "ctr, %s", image);
	if (contenders_have(cold->all, warm))
		add_ctr(cold, image, reference, words);
	return true;
}

/* ---- the runs ---- */

/* Runs the emptying command for each line of the listing. */
static bool empty_listed(const struct party *party, struct error *err)
{
	cleanup_process struct process_result listing = {0};
	if (!run_command(&party->prove[0], &listing, err))
		return false;
	char *rest = listing.output;
	for (char *item; rest != NULL && (item = strsep(&rest, "\n")) != NULL;) {
		struct command command = party->empty;
		if (*item == '\0')
			continue;
		PUT(&command, item);
		if (!do_command(&command, err))
			return false;
	}
	return true;
}

static bool make_empty(const struct party *party, struct error *err)
{
	bool is_done = party->is_listed ? empty_listed(party, err)
	                                : party->empty.count == 0 || do_command(&party->empty, err);
	if (!is_done)
		return false;
	if (party->is_removed)
		return remove_directory(party->store, err) &&
		       (disk_bytes(party->store) == 0 ||
		        error_set(err, ERROR_SYSTEM, "%s is not empty", party->store));
	for (size_t i = 0; i < COMMANDS_MAX && party->prove[i].count > 0; i++) {
		cleanup_process struct process_result result = {0};
		if (!run_command(&party->prove[i], &result, err))
			return false;
		if (result.output_size > 0)
			return error_set(err, ERROR_SYSTEM, "its store is not empty: %.100s", result.output);
	}
	return true;
}

static bool check_line(const struct process_result *result, struct error *err)
{
	if (result->output != NULL && strcmp(result->output, expected) == 0)
		return true;
	return error_set(err, ERROR_SYSTEM, "prints \"%.100s\", not \"%s\": %s",
	                 result->output != NULL ? result->output : "", expected, result->complaint);
}

/* The first request to a server that was started for it. */
static bool run_request(const struct cold *cold, const struct party *party, double *wall,
                        struct error *err)
{
	char log[4096];
	cleanup_process struct process_result result = {0};
	cleanup_free char *tiphys = handover_find("tiphys", err);
	cleanup_free char *body = plugin_request_body(party->timed[0].words[0], NULL);
	snprintf(log, sizeof log, "%s/cold-serve.log", cold->options->directory);
	struct plugin_first_request first = {
	    .server = {.tiphys = tiphys, .log = log, .cache = party->store}, .body = body};
	if (tiphys == NULL || body == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	bool went_well = plugin_first_request_run(&first, &result, err) && check_line(&result, err);
	*wall = result.wall;
	return went_well;
}

static bool run_timed(const struct party *party, double *wall, struct error *err)
{
	double began = monotonic_seconds();
	for (size_t i = 0; i < COMMANDS_MAX && party->timed[i].count > 0; i++) {
		bool is_last = i + 1 == COMMANDS_MAX || party->timed[i + 1].count == 0;
		cleanup_process struct process_result result = {0};
		if (!run_command(&party->timed[i], &result, err))
			return false;
		*wall = monotonic_seconds() - began;
		if (is_last && !check_line(&result, err))
			return false;
	}
	return true;
}

static bool run_party(struct cold *cold, struct party *party, unsigned round, struct error *err)
{
	struct registry_traffic before, after;
	if (!make_empty(party, err) || !registry_server_traffic(&cold->registry, &before, err) ||
	    !(party->is_request ? run_request(cold, party, &party->wall[round], err)
	                        : run_timed(party, &party->wall[round], err)) ||
	    !registry_server_traffic(&cold->registry, &after, err))
		return false;
	if (after.blobs == before.blobs)
		return error_set(err, ERROR_SYSTEM, "the registry was not asked for anything");
	party->network[round] = (double)(after.bytes - before.bytes);
	party->disk[round] = (double)disk_bytes(party->store);
	return true;
}

static bool run_rounds(struct cold *cold, struct error *err)
{
	struct progress_line progress;
	size_t runs = cold->options->rounds * cold->count;
	double began = monotonic_seconds(), limit = cold->options->seconds;
	progress_line_init(&progress, "cold");
	for (size_t i = 0; i < runs; i++) {
		struct party *party = &cold->parties[i % cold->count];
		unsigned round = (unsigned)(i / cold->count);
		if (i % cold->count == 0 && limit > 0 && round >= RATIO_FIGURES_MIN &&
		    monotonic_seconds() > began + limit)
			break;
		cold->rounds = round + 1;
		progress_line_show(&progress, i, runs, party->name);
		if (!run_party(cold, party, round, err)) {
			progress_line_clear(&progress);
			error_wrap(err, "cold start by %s", party->name);
			return false;
		}
	}
	progress_line_clear(&progress);
	return true;
}

static void note(const struct cold *cold, struct results *results)
{
	unsigned rounds = cold->rounds;
	for (size_t i = 0; i < cold->count; i++) {
		const struct party *party = &cold->parties[i];
		const char *name = party->name;
		results_series(results, "cold", "line", name, "wall", "s", party->wall, rounds);
		results_series(results, "cold", "line", name, "network", "B", party->network, rounds);
		results_series(results, "cold", "line", name, "disk", "B", party->disk, rounds);
	}
}

bool cold_measure(const struct contenders *all, const struct cold_options *options,
                  struct results *results, struct error *err)
{
	struct cold cold = {.all = all, .options = options};
	cleanup_free char *found = find_on_path("docker-registry");
	char directory[4096];
	if (options->rounds == 0)
		return true;
	if (found == NULL) {
		results_refusal(results, "cold", "", "cold starts", "docker-registry is not installed");
		return true;
	}
	snprintf(directory, sizeof directory, "%s/registry", options->directory);
	results_settle(results);
	cold.parties = calloc(PARTIES_MAX, sizeof *cold.parties);
	if (cold.parties == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for cold starts");
	bool went_well = registry_server_start(&cold.registry, directory, err) &&
	                 setenv("INSECURE_OCI_REGISTRIES", cold.registry.address, 1) == 0 &&
	                 add_tiphys(&cold, err) &&
	                 (options->no_containers || add_image(&cold, "busybox", line_words, err)) &&
	                 (options->no_containers || options->no_python ||
	                  add_image(&cold, "python3", python_words, err)) &&
	                 run_rounds(&cold, err);
	if (went_well)
		note(&cold, results);
	registry_server_end(&cold.registry);
	free(cold.parties);
	return went_well;
}
