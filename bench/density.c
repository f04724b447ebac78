#include "bench/density.h"

#include "bench/load.h"
#include "bench/pod.h"
#include "bench/progress.h"
#include "bench/resident.h"
#include "bench/rootfs.h"
#include "caps/cleanup.h"
#include "plugin/handover.h"

#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum {
	CONTAINERS_MOST = 32, /* more would take minutes to start */
	LEVELS_MAX = 24,
	ATTEMPTS = 4,
	END_SECONDS = 60,
};

/* Between looks at the server, and how long all must stand still to be said to sleep. */
#define LOOK_AGAIN_NS 50000000L
#define STILL_LOOKS 3

/* Steps sleep so long: for those that start with them, and for being looked at. */
#define SLEEP_LEAST 2.0
#define STARTED_A_SECOND 400.0

static void pause_a_moment(void)
{
	const struct timespec moment = {0, LOOK_AGAIN_NS};
	nanosleep(&moment, NULL);
}

/* What was measured of one contender. */
struct levels {
	const char *contender;
	double steps[LEVELS_MAX], bytes[LEVELS_MAX];
	size_t count;
};

static void put_level(struct levels *levels, unsigned steps, double bytes)
{
	if (levels->count == LEVELS_MAX)
		return;
	levels->steps[levels->count] = steps;
	levels->bytes[levels->count++] = bytes;
}

/* One more step, from each level to the next. */
static void note_levels(const struct levels *levels, struct results *results)
{
	double more[LEVELS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < levels->count; i++) {
		char job[16];
		snprintf(job, sizeof job, "%.0f", levels->steps[i]);
		results_series(results, "density", job, levels->contender, "resident", "B",
		               &levels->bytes[i], 1);
		if (i > 0)
			more[count++] = (levels->bytes[i] - levels->bytes[i - 1]) /
			                (levels->steps[i] - levels->steps[i - 1]);
	}
	results_series(results, "density", "one more", levels->contender, "resident", "B", more, count);
}

/* 1, 10, 100 … and the most; the steps of the next level, or 0. */
static unsigned next_level(unsigned level, unsigned most)
{
	if (level >= most)
		return 0;
	return level > most / 10 ? most : 10 * level;
}

/* ---- steps of a server ---- */

struct crowd {
	struct plugin_request request;
	struct load load;
	struct load_result result;
	struct error err;
	bool went_well;
};

static void *send_all(void *env)
{
	struct crowd *crowd = env;
	crowd->went_well = load_run(&crowd->request, &crowd->load, &crowd->result, &crowd->err);
	return NULL;
}

/* Until so many steps have their turn in processes of their own, and none of these does anything
 * any more. False, and no error, when there is no time left for that. */
static bool await_sleep(const struct plugin_server *server, unsigned steps, double deadline,
                        struct resident *sum, struct error *err)
{
	uint64_t ticks = UINT64_MAX;
	unsigned still = 0;
	while (monotonic_seconds() < deadline) {
		uint64_t running;
		if (!plugin_server_running(server, &running, err) ||
		    !resident_of_tree(server->daemon.pid, RESIDENT_COUNTED, NULL, sum, err))
			return false;
		/* The server and the process that forks the workers stand beside them. */
		bool is_full = running == steps && sum->processes >= steps + 2;
		still = is_full && sum->ticks == ticks ? still + 1 : 0;
		ticks = sum->ticks;
		if (still == STILL_LOOKS)
			return resident_of_tree(server->daemon.pid, 0, NULL, sum, err);
		pause_a_moment();
	}
	return false;
}

/* *is_late: some had woken before all slept. */
static bool run_crowd(const struct plugin_server *server, unsigned steps, double sleep,
                      struct resident *sum, bool *is_late, struct error *err)
{
	struct crowd crowd = {
	    .load = {.concurrency = steps, .requests = steps, .expected = "hello from a step\n"}};
	char milliseconds[24];
	pthread_t thread;
	snprintf(milliseconds, sizeof milliseconds, "%.0f", 1e3 * sleep);
	cleanup_free char *body = plugin_request_body(BENCH_MODULE("wait"), milliseconds);
	crowd.request =
	    (struct plugin_request){.server = (struct plugin_server *)(uintptr_t)server, .body = body};
	if (body == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
	double deadline = monotonic_seconds() + sleep;
	int wrong = pthread_create(&thread, NULL, send_all, &crowd);
	if (wrong != 0)
		return error_set_errno(err, wrong, "cannot start a thread");
	bool slept = await_sleep(server, steps, deadline, sum, err);
	*is_late = !slept || monotonic_seconds() > deadline;
	pthread_join(thread, NULL);
	free(crowd.result.latencies);
	if (err->kind != ERROR_NONE)
		return false;
	return crowd.went_well || error_set(err, crowd.err.kind, "%s", crowd.err.message);
}

static bool measure_level(const struct plugin_server *server, unsigned steps, struct levels *levels,
                          struct error *err)
{
	double sleep = SLEEP_LEAST + steps / STARTED_A_SECOND;
	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++, sleep *= 2) {
		struct resident sum;
		bool is_late;
		if (!run_crowd(server, steps, sleep, &sum, &is_late, err)) {
			error_wrap(err, "%u steps at a time", steps);
			return false;
		}
		if (!is_late) {
			put_level(levels, steps, (double)sum.bytes);
			return true;
		}
	}
	return error_set(err, ERROR_SYSTEM,
	                 "%u steps do not all sleep at a time: the first wake after "
	                 "%.0f s, before the last have started",
	                 steps, sleep / 2);
}

static bool measure_server(const struct plugin_server *server,
                           const struct density_options *options, struct levels *levels,
                           const struct progress_line *progress, struct results *results,
                           struct error *err)
{
	for (unsigned level = 1; level != 0; level = next_level(level, options->most)) {
		char what[64];
		snprintf(what, sizeof what, "%u steps at a time", level);
		progress_line_show(progress, levels->count, levels->count + 1, what);
		if (!load_raise_limit(level)) {
			results_refusal(results, "density", "", levels->contender,
			                "more steps: the hard limit of open files is lower (ulimit -Hn)");
			return true;
		}
		if (!measure_level(server, level, levels, err))
			return false;
		if (levels->bytes[levels->count - 1] > (double)options->memory)
			return true;
	}
	return true;
}

static bool measure_steps(const struct contenders *all, const struct density_options *options,
                          const struct progress_line *progress, struct results *results,
                          struct error *err)
{
	struct levels levels = {.contender = "tiphys serve"};
	struct plugin_server server = {0};
	char log[4096];
	cleanup_free char *tiphys = handover_find("tiphys", err);
	snprintf(log, sizeof log, "%s/density.log", options->directory);
	const struct plugin_server_options how = {.tiphys = tiphys,
	                                          .log = log,
	                                          .cache = all->cache,
	                                          .store = all->store,
	                                          .places = options->most};
	if (tiphys == NULL)
		return false;
	results_settle(results);
	bool went_well = plugin_server_start(&server, &how, err) &&
	                 measure_server(&server, options, &levels, progress, results, err);
	plugin_server_end(&server);
	note_levels(&levels, results);
	return went_well;
}

/* ---- containers ---- */

/* Somebody whose containers are started one by one, and ended all at once. */
struct keeper {
	const char *contender, *runtime; /* whose warm series proves that it is there; crun or runc */
	const char *engine;              /* "podman", "ctr", or NULL for the runtime alone */
	bool is_pod;
};

static const struct keeper keepers[] = {
    {"crun, busybox", "crun", NULL, false},       {"runc, busybox", "runc", NULL, false},
    {"podman, busybox", "runc", "podman", false}, {"ctr, busybox", "runc", "ctr", false},
    {"pod of crun, busybox", "crun", NULL, true}, {"pod of runc, busybox", "runc", NULL, true},
};

/* All that stand of one keeper. */
struct ward {
	const struct keeper *keeper;
	const char *directory, *socket, *fifos; /* containerd's */
	char state[4096], bundles[4096], rootfs[4096];
	struct pod_standing pods[CONTAINERS_MOST]; /* a container alone is the main of one */
	char ids[CONTAINERS_MOST][48];
	unsigned count;
};

static const char *const sleeping[] = {"/bin/sleep", "3600", NULL};

static bool do_words(const char *const *words, struct error *err)
{
	const struct process_options options = {.discards_output = true};
	cleanup_process struct process_result result = {0};
	if (!process_run((char *const *)(uintptr_t)words, &options, &result, err))
		return false;
	return result.status == 0 ||
	       error_set(err, ERROR_SYSTEM, "%s %s: status %d", words[0], words[1], result.status);
}

#define DO(err, ...) do_words((const char *const[]){__VA_ARGS__, NULL}, err)

static bool start_by_engine(const struct ward *ward, const char *id, struct error *err)
{
	if (strcmp(ward->keeper->engine, "podman") == 0)
		return DO(err, "podman", "run", podman_parent(), "--detach", "--network=none", "--name", id,
		          CONTAINER_IMAGE("busybox"), "/bin/sleep", "3600");
	return DO(err, "ctr", "--address", ward->socket, "run", "--detach", "--fifo-dir", ward->fifos,
	          CONTAINER_IMAGE("busybox"), id, "/bin/sleep", "3600");
}

static bool start_one(struct ward *ward, struct error *err)
{
	struct pod_standing *standing = &ward->pods[ward->count];
	char *id = ward->ids[ward->count], bundles[4096 + 16];
	leftover_name(id, sizeof ward->ids[0], "stand");
	ward->count++;
	if (ward->keeper->engine != NULL)
		return start_by_engine(ward, id, err);
	snprintf(bundles, sizeof bundles, "%s/%u", ward->bundles, ward->count);
	const struct pod pod = {.runtime = ward->keeper->runtime,
	                        .state = ward->state,
	                        .bundles = bundles,
	                        .rootfs = ward->rootfs,
	                        .args = sleeping};
	if (!make_directories(bundles, err))
		return false;
	if (ward->keeper->is_pod)
		return pod_start(&pod, standing, err);
	const struct bundle bundle = {.rootfs = ward->rootfs, .args = sleeping};
	return container_write(&standing->main, pod.runtime, pod.state, bundles, "main", &bundle,
	                       err) &&
	       container_start(&standing->main, err);
}

static bool end_one(struct ward *ward, unsigned index, struct error *err)
{
	const char *id = ward->ids[index];
	if (ward->keeper->engine == NULL)
		return pod_end(&ward->pods[index], err);
	if (strcmp(ward->keeper->engine, "podman") == 0)
		return DO(err, "podman", "rm", "--force", "--time", "0", id);
	return DO(err, "ctr", "--address", ward->socket, "task", "rm", "--force", id) &&
	       DO(err, "ctr", "--address", ward->socket, "container", "rm", id);
}

/* Reaps what the engines left to this process, until only the `known` are below it. */
static bool await_gone(const struct resident_known *known, struct error *err)
{
	double deadline = monotonic_seconds() + END_SECONDS;
	for (;;) {
		struct resident sum;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (!resident_of_tree(getpid(), RESIDENT_BELOW | RESIDENT_COUNTED, known, &sum, err))
			return false;
		if (sum.processes == 0)
			return true;
		if (monotonic_seconds() > deadline)
			return error_set(err, ERROR_SYSTEM, "containers outlive their end by %d s",
			                 END_SECONDS);
		pause_a_moment();
	}
}

/* What starts them is done a moment after it has said so: until there are as many processes as a
 * look ago, and none has done anything since. */
static bool await_still(const struct resident_known *known, struct resident *sum, struct error *err)
{
	double deadline = monotonic_seconds() + END_SECONDS;
	size_t processes = 0;
	uint64_t ticks = UINT64_MAX;
	for (unsigned still = 0; still < STILL_LOOKS && monotonic_seconds() < deadline;) {
		pause_a_moment();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (!resident_of_tree(getpid(), RESIDENT_BELOW | RESIDENT_COUNTED, known, sum, err))
			return false;
		still = sum->processes == processes && sum->ticks == ticks ? still + 1 : 0;
		processes = sum->processes;
		ticks = sum->ticks;
	}
	return resident_of_tree(getpid(), RESIDENT_BELOW, known, sum, err);
}

/* Levels of more and more of them; all are below this process, which is a subreaper. Daemons that
 * stood before are left out: containerd gives memory back when it likes. */
static bool stand(struct ward *ward, const struct resident_known *before, unsigned most,
                  struct levels *levels, const struct progress_line *progress, struct error *err)
{
	for (unsigned level = 1; level != 0; level = next_level(level, most)) {
		struct resident sum;
		while (ward->count < level) {
			char what[96];
			snprintf(what, sizeof what, "%u by %s", ward->count + 1, ward->keeper->contender);
			progress_line_show(progress, ward->count, most, what);
			if (!start_one(ward, err))
				return false;
		}
		if (!await_still(before, &sum, err))
			return false;
		if (sum.processes < level)
			return error_set(err, ERROR_SYSTEM,
			                 "%u containers were started, and %zu processes stand", level,
			                 sum.processes);
		put_level(levels, level, (double)sum.bytes);
	}
	return true;
}

static bool measure_keeper(const struct contenders *all, const struct density_options *options,
                           const struct keeper *keeper, const struct progress_line *progress,
                           struct results *results, struct error *err)
{
	struct levels levels = {.contender = keeper->contender};
	struct resident ignored;
	struct resident_known before;
	unsigned most = options->most < CONTAINERS_MOST ? options->most : CONTAINERS_MOST;
	cleanup_free struct ward *ward = calloc(1, sizeof *ward);
	if (ward == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the containers");
	results_settle(results);
	ward->keeper = keeper;
	ward->socket = all->containerd.socket;
	ward->fifos = all->containerd.fifos;
	snprintf(ward->state, sizeof ward->state, "%s/%s-state", options->directory, keeper->runtime);
	snprintf(ward->bundles, sizeof ward->bundles, "%s/density-%s", options->directory,
	         keeper->runtime);
	snprintf(ward->rootfs, sizeof ward->rootfs, "%s/busybox", options->directory);
	if (!await_still(NULL, &ignored, err) || !resident_know(getpid(), &before, err))
		return false;
	cleanup_free pid_t *pids = before.pids;
	bool went_well = stand(ward, &before, most, &levels, progress, err);
	for (unsigned i = ward->count; i > 0; i--)
		went_well = end_one(ward, i - 1, err) && went_well;
	went_well = await_gone(&before, err) && went_well;
	note_levels(&levels, results);
	if (!went_well)
		error_wrap(err, "resident containers of %s", keeper->contender);
	return went_well;
}

static bool measure_keepers(const struct contenders *all, const struct density_options *options,
                            const struct progress_line *progress, struct results *results,
                            struct error *err)
{
	bool went_well = true;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (size_t i = 0; went_well && i < sizeof keepers / sizeof keepers[0]; i++)
		if (contenders_have(all, keepers[i].contender))
			went_well = measure_keeper(all, options, &keepers[i], progress, results, err);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	return went_well;
}

bool density_measure(const struct contenders *all, const struct density_options *options,
                     struct results *results, struct error *err)
{
	struct progress_line progress;
	if (options->most == 0)
		return true;
	progress_line_init(&progress, "density");
	bool went_well =
	    measure_steps(all, options, &progress, results, err) &&
	    (options->no_containers || measure_keepers(all, options, &progress, results, err));
	progress_line_clear(&progress);
	return went_well;
}
