#include "bench/contenders.h"

#include "bench/bundle.h"
#include "bench/data.h"
#include "bench/job.def"
#include "bench/mounts.h"
#include "bench/pod.h"
#include "bench/rootfs.h"
#include "bench/tables.h"
#include "caps/cleanup.h"
#include "plugin/handover.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

const struct job jobs[] = {
#define X(name, what) {name, what},
    JOBS(X)
#undef X
};
const size_t job_count = sizeof jobs / sizeof jobs[0];

/* After that time a file's time of change tells it from a later one. */
#define SETTLED_NS 100000000L

enum { JOB_COUNT = sizeof jobs / sizeof jobs[0], OWNED_MAX = 4096, WORDS_MAX = 24 };

/* ---- memory that lives as long as the contenders ---- */

static void *keep(struct contenders *all, void *made)
{
	if (made != NULL && all->owned_count < OWNED_MAX) {
		all->owned[all->owned_count++] = made;
		return made;
	}
	free(made);
	return NULL;
}

static char *text(struct contenders *all, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static char *text(struct contenders *all, const char *fmt, ...)
{
	char *made = NULL;
	va_list args;
	va_start(args, fmt);
	if (vasprintf(&made, fmt, args) < 0)
		made = NULL;
	va_end(args);
	return keep(all, made);
}

/* ---- commands, some of which want a fresh name for each run ---- */

struct command {
	char *argv[WORDS_MAX];
	size_t fresh; /* the word that is the container's name; 0: none */
	char name[48];
};

static char *const *take_fresh_name(struct command *command)
{
	leftover_name(command->name, sizeof command->name, "run");
	command->argv[command->fresh] = command->name;
	return command->argv;
}

static bool run_fresh(void *env, struct process_result *result, struct error *err)
{
	return process_run(take_fresh_name(env), NULL, result, err);
}

char *const *contender_command(const struct cell *cell)
{
	if (cell->run == run_fresh)
		return take_fresh_name(cell->env);
	return cell->run == measure_command ? cell->env : NULL;
}

/* Words up to NULL; "@name" is the fresh name. */
static struct command *command(struct contenders *all, const char *const *words)
{
	struct command *made = keep(all, calloc(1, sizeof *made));
	for (size_t i = 0; made != NULL && words[i] != NULL; i++) {
		if (strcmp(words[i], "@name") == 0)
			made->fresh = i;
		else
			made->argv[i] = text(all, "%s", words[i]);
	}
	return made;
}

#define COMMAND(...) command(all, (const char *const[]){__VA_ARGS__, NULL})

/* ---- contenders and cells ---- */

static struct contender *add(struct contenders *all, const char *name, const char *how)
{
	struct contender *contender = &all->items[all->count];
	if (all->count == CONTENDERS_MAX)
		return NULL;
	*contender = (struct contender){.name = name, .how = how};
	all->count++;
	return contender;
}

static void ask_version(struct contender *contender, const char *executable, const char *word)
{
	char *argv[] = {(char *)(uintptr_t)executable, (char *)(uintptr_t)word, NULL};
	cleanup_process struct process_result result = {0};
	struct error ignored = ERROR_INIT;
	if (!process_run(argv, &(struct process_options){.seconds = 10}, &result, &ignored) ||
	    result.output == NULL)
		return;
	result.output[strcspn(result.output, "\n")] = '\0';
	snprintf(contender->version, sizeof contender->version, "%.90s", result.output);
}

static bool add_cell(struct contenders *all, const struct contender *contender, size_t job,
                     cell_function *run, void *env, struct error *err)
{
	if ((all->wanted & 1u << job) == 0)
		return true;
	if (env == NULL || all->cell_count == all->cell_room)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the contenders");
	all->cells[all->cell_count++] =
	    (struct cell){.job = jobs[job].name, .contender = contender->name, .run = run, .env = env};
	return true;
}

static bool add_command(struct contenders *all, const struct contender *contender, size_t job,
                        struct command *made, struct error *err)
{
	if (made == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a command");
	return made->fresh != 0 ? add_cell(all, contender, job, run_fresh, made, err)
	                        : add_cell(all, contender, job, measure_command, made->argv, err);
}

/* Takes the reason from *err. */
static void leave_out(struct contender *contender, struct error *err)
{
	snprintf(contender->left_out, sizeof contender->left_out, "%.500s", err->message);
	error_clear(err);
}

/* Runs a contender's first cell once: what the machine forbids it is known then, and it takes no
 * part. One that does something else than its job stays, to be found out. */
static void probe(struct contenders *all, struct contender *contender, size_t first_cell)
{
	cleanup_process struct process_result result = {0};
	struct error err = ERROR_INIT;
	const struct cell *cell = &all->cells[first_cell];
	if (first_cell == all->cell_count)
		return;
	if (cell->run(cell->env, &result, &err) && result.status != 0)
		error_put(&err, ERROR_SYSTEM, "does not run here: status %d: %s", result.status,
		          result.complaint);
	if (err.kind == ERROR_NONE)
		return;
	leave_out(contender, &err);
	all->cell_count = first_cell;
}

static bool is_installed(struct contender *contender, const char *executable)
{
	cleanup_free char *path = find_on_path(executable);
	if (path == NULL)
		snprintf(contender->left_out, sizeof contender->left_out, "%s is not installed",
		         executable);
	else if (getuid() != 0) {
		snprintf(contender->left_out, sizeof contender->left_out, "wants root");
		return false;
	}
	return path != NULL;
}

/* ---- processes and modules ---- */

static bool add_process(struct contenders *all, struct error *err)
{
	const struct contender *contender =
	    add(all, "process", "the job's source as a static native program: no isolation at all");
	for (size_t i = 0; i < JOB_COUNT; i++) {
		char name[64];
		snprintf(name, sizeof name, "static/step-%s", jobs[i].name);
		char *path = keep(all, data_find(name));
		if (path == NULL)
			return error_set(err, ERROR_SYSTEM, "%s is missing; it is built with tiphys", name);
		if (!add_command(all, contender, i, COMMAND(path), err))
			return false;
	}
	return true;
}

static char *module_path(struct contenders *all, size_t job, struct error *err)
{
	char name[64];
	snprintf(name, sizeof name, "step-%s.wasm", jobs[job].name);
	char *path = keep(all, data_find(name));
	if (path == NULL)
		error_set(err, ERROR_SYSTEM,
		          "%s is missing; it is built where clang-19, lld-19 and wasi-libc are installed",
		          name);
	return path;
}

static bool add_peers(struct contenders *all, const struct contenders_options *options,
                      const char *tiphys, struct error *err)
{
	if (!peers_find(&all->peers, &options->peers, tiphys,
	                text(all, "%s/images", options->directory), err))
		return false;
	for (size_t i = 0; i < all->peers.count; i++) {
		const struct peer *peer = &all->peers.items[i];
		static const char *const own[] = {"tiphys run, nothing cached",
		                                  "tiphys run, cached on disk"};
		static const char *const how[] = {"FILE, in the process of the command, without a "
		                                  "sandboxed worker; no image of the module",
		                                  "FILE, in the process of the command, without a "
		                                  "sandboxed worker; its image in the cache"};
		struct contender *contender = add(all, peer->is_own ? own[i] : text(all, "%s", peer->name),
		                                  peer->is_own ? how[i] : "a WebAssembly runtime");
		if (contender == NULL)
			return error_set(err, ERROR_LIMIT, "more than %d contenders", CONTENDERS_MAX);
		snprintf(contender->version, sizeof contender->version, "%.90s", peer->version);
		for (size_t job = 0; job < JOB_COUNT; job++) {
			char *path = module_path(all, job, err);
			char **argv = path != NULL
			                  ? keep(all, peer_command(peer, NULL, (char *const[]){path, NULL}))
			                  : NULL;
			if (!add_cell(all, contender, job, measure_command, argv, err))
				return false;
		}
	}
	return true;
}

/* What `run` cannot be: it is a process, whose module comes from a file. */
static bool add_inside(struct contenders *all, struct error *err)
{
	const struct contender *contender =
	    add(all, "tiphys inside, in memory",
	        "the interpreter called by a process that has the module and its image in memory: "
	        "without a process of its own, a sandboxed worker or a server");
	for (size_t i = 0; i < JOB_COUNT; i++) {
		char *path = module_path(all, i, err);
		if (contender == NULL || path == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for the contenders");
		if (!inside_open(&all->insides[i], (char *const[]){path, NULL}, NULL, INSIDE_RUN, err) ||
		    !add_cell(all, contender, i, inside_run, &all->insides[i], err))
			return false;
	}
	return true;
}

bool module_push(const char *tiphys, const char *path, const char *store, const char *reference,
                 struct error *err)
{
	char *argv[] = {(char *)(uintptr_t)tiphys,
	                "push",
	                "--store",
	                (char *)(uintptr_t)store,
	                (char *)(uintptr_t)path,
	                (char *)(uintptr_t)reference,
	                NULL};
	cleanup_process struct process_result result = {0};
	if (!process_run(argv, NULL, &result, err))
		return false;
	return result.status == 0 || error_set(err, ERROR_SYSTEM, "tiphys push: status %d: %s",
	                                       result.status, result.complaint);
}

/* Keeps the image of the module in the cache, as an administrator does for the steps to come. */
static bool compile(const struct contenders *all, const char *tiphys, const char *reference,
                    struct error *err)
{
	char *pull[] = {(char *)(uintptr_t)tiphys,    "pull", "--store", (char *)(uintptr_t)all->store,
	                (char *)(uintptr_t)reference, NULL};
	cleanup_process struct process_result pulled = {0};
	if (!process_run(pull, NULL, &pulled, err))
		return false;
	/* DIGEST, a tab, PATH, and the end of the line. */
	char *path = pulled.output != NULL ? strchr(pulled.output, '\t') : NULL;
	if (pulled.status != 0 || path == NULL)
		return error_set(err, ERROR_SYSTEM, "tiphys pull: status %d: %s", pulled.status,
		                 pulled.complaint);
	path++;
	path[strcspn(path, "\n")] = '\0';
	char *argv[] = {(char *)(uintptr_t)tiphys,     "compile", "--cache-dir",
	                (char *)(uintptr_t)all->cache, path,      NULL};
	cleanup_process struct process_result result = {0};
	if (!process_run(argv, NULL, &result, err))
		return false;
	return result.status == 0 || error_set(err, ERROR_SYSTEM, "tiphys compile: status %d: %s",
	                                       result.status, result.complaint);
}

static bool store_modules(struct contenders *all, const char *tiphys, struct error *err)
{
	char *wait = keep(all, data_find("step-wait.wasm"));
	if (wait == NULL)
		return error_set(err, ERROR_SYSTEM, "step-wait.wasm is missing; it is built with tiphys");
	if (!remove_directory(all->store, err) || !remove_directory(all->cache, err) ||
	    !module_push(tiphys, wait, all->store, BENCH_MODULE("wait"), err))
		return false;
	for (size_t i = 0; i < JOB_COUNT; i++) {
		char *path = module_path(all, i, err);
		all->references[i] = text(all, BENCH_MODULE("%s"), jobs[i].name);
		if (path == NULL || all->references[i] == NULL ||
		    !module_push(tiphys, path, all->store, all->references[i], err))
			return false;
	}
	/* What was written just now could still change unseen: no image of it would be kept. */
	const struct timespec moment = {0, SETTLED_NS};
	nanosleep(&moment, NULL);
	for (size_t i = 0; i < JOB_COUNT; i++)
		if (!compile(all, tiphys, all->references[i], err))
			return false;
	return true;
}

/* By its reference: what `run` does for a module of a registry or store. */
static bool add_reference(struct contenders *all, const char *tiphys, struct error *err)
{
	const struct contender *contender =
	    add(all, "tiphys run REF, cached on disk",
	        "REF, its digest in an image layout and its image in the cache; without a sandboxed "
	        "worker");
	for (size_t i = 0; contender != NULL && i < JOB_COUNT; i++)
		if (!add_command(all, contender, i,
		                 COMMAND(tiphys, "run", "--cache-dir", all->cache, "--store", all->store,
		                         all->references[i]),
		                 err))
			return false;
	return contender != NULL ||
	       error_set(err, ERROR_LIMIT, "more than %d contenders", CONTENDERS_MAX);
}

static bool add_first_requests(struct contenders *all, const struct contenders_options *options,
                               const char *tiphys, struct error *err)
{
	enum { STARTS = 3 }; /* of a server, in each round */
	const struct contender *contender =
	    add(all, "tiphys serve, cached on disk",
	        "the first request for the module to a server that has begun, the digest in an image "
	        "layout, no image; sandboxed worker");
	struct plugin_server_options how = {.tiphys = tiphys,
	                                    .log = text(all, "%s/first.log", options->directory),
	                                    .cache = text(all, "%s/first-cache", options->directory),
	                                    .store = all->store};
	char *before = keep(all, plugin_request_body(BENCH_MODULE("wait"), "0"));
	for (size_t i = 0; i < JOB_COUNT; i++) {
		struct plugin_first_request *first = keep(all, calloc(1, sizeof *first));
		if (contender == NULL || before == NULL || how.log == NULL || how.cache == NULL ||
		    first == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for the requests");
		*first = (struct plugin_first_request){
		    .server = how,
		    .before = before,
		    .body = keep(all, plugin_request_body(all->references[i], NULL))};
		size_t count = all->cell_count;
		if (!add_cell(all, contender, i, plugin_first_request_run, first, err))
			return false;
		if (all->cell_count > count)
			all->cells[count].burst_max = STARTS;
	}
	return true;
}

static bool add_server(struct contenders *all, const struct contenders_options *options,
                       const char *tiphys, struct error *err)
{
	const struct contender *contender =
	    add(all, TABLES_REFERENCE,
	        "a request on an open connection to a server that was asked for the module before, its "
	        "image in the cache; sandboxed worker");
	struct contender *bare = add(all, "tiphys serve without a sandboxed worker", NULL);
	struct plugin_server_options how = {.tiphys = tiphys,
	                                    .log = text(all, "%s/serve.log", options->directory),
	                                    .cache = all->cache,
	                                    .store = all->store};
	all->requests = calloc(JOB_COUNT, sizeof *all->requests);
	if (contender == NULL || bare == NULL || how.log == NULL || all->requests == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the requests");
	snprintf(
	    bare->left_out, sizeof bare->left_out,
	    "there is no such thing: each step of a server runs in a sandboxed process of its own");
	for (size_t i = 0; i < JOB_COUNT; i++) {
		all->requests[i].server = &all->server;
		all->requests[i].body = keep(all, plugin_request_body(all->references[i], NULL));
		if (all->requests[i].body == NULL ||
		    !add_cell(all, contender, i, plugin_request_run, &all->requests[i], err))
			return error_set(err, ERROR_NO_MEMORY, "no memory for the requests");
	}
	return plugin_server_start(&all->server, &how, err);
}

/* ---- containers ---- */

/* A root filesystem, and the words that do a job in it. */
struct image {
	const char *name; /* "busybox", "python3" */
	char *rootfs;
	const char *reference;
};

static void job_words(struct contenders *all, const struct image *image, size_t job,
                      const char *words[3])
{
	bool is_python = strcmp(image->name, "python3") == 0;
	words[0] = is_python ? "/usr/bin/python3" : text(all, "/job/%s", jobs[job].name);
	words[1] = is_python ? text(all, "/job/%s.py", jobs[job].name) : NULL;
	words[2] = NULL;
}

static bool add_low_level(struct contenders *all, const struct contenders_options *options,
                          const struct image *image, const char *runtime, struct error *err)
{
	struct contender *contender = add(all, text(all, "%s, %s", runtime, image->name), NULL);
	if (contender == NULL || !is_installed(contender, runtime))
		return true;
	ask_version(contender, runtime, "--version");
	const char *state = text(all, "%s/%s-state", options->directory, runtime);
	size_t first_cell = all->cell_count;
	for (size_t i = 0; i < JOB_COUNT; i++) {
		const char *words[3];
		const char *bundle =
		    text(all, "%s/bundle-%s-%s", options->directory, image->name, jobs[i].name);
		job_words(all, image, i, words);
		if (!bundle_write(bundle, &(struct bundle){.rootfs = image->rootfs, .args = words}, err) ||
		    !add_command(all, contender, i,
		                 COMMAND(runtime, "--root", state, "run", "--bundle", bundle, "@name"),
		                 err))
			return false;
	}
	probe(all, contender, first_cell);
	return true;
}

static bool add_pod(struct contenders *all, const struct contenders_options *options,
                    const struct image *image, const char *runtime, struct error *err)
{
	struct contender *contender =
	    add(all, text(all, "pod of %s, %s", runtime, image->name),
	        "pause, init, wait and main, which share namespaces: a lower bound, without kubelet, "
	        "scheduler and API server");
	if (contender == NULL || !is_installed(contender, runtime))
		return true;
	ask_version(contender, runtime, "--version");
	char *bundles = text(all, "%s/pod-%s", options->directory, runtime);
	if (!make_directories(bundles, err))
		return false;
	size_t first_cell = all->cell_count;
	for (size_t i = 0; i < JOB_COUNT; i++) {
		const char **words = keep(all, calloc(3, sizeof *words));
		struct pod *pod = keep(all, calloc(1, sizeof *pod));
		if (words == NULL || pod == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for a pod");
		job_words(all, image, i, words);
		*pod = (struct pod){.runtime = runtime,
		                    .state = text(all, "%s/%s-state", options->directory, runtime),
		                    .bundles = bundles,
		                    .rootfs = image->rootfs,
		                    .args = words};
		if (!add_cell(all, contender, i, pod_run, pod, err))
			return false;
	}
	probe(all, contender, first_cell);
	return true;
}

static bool add_podman(struct contenders *all, const struct image *image, bool is_ready,
                       struct error *err)
{
	struct contender *contender =
	    add(all, text(all, "podman, %s", image->name), "run --rm --network=none, runtime runc");
	if (contender == NULL || !is_installed(contender, "podman"))
		return true;
	ask_version(contender, "podman", "--version");
	if (!is_ready || !podman_import(image->rootfs, image->reference, err)) {
		leave_out(contender, err);
		return true;
	}
	size_t first_cell = all->cell_count;
	for (size_t i = 0; i < JOB_COUNT; i++) {
		const char *words[3];
		job_words(all, image, i, words);
		if (!add_command(all, contender, i,
		                 COMMAND("podman", "run", podman_parent(), "--rm", "--network=none",
		                         image->reference, words[0], words[1]),
		                 err))
			return false;
	}
	probe(all, contender, first_cell);
	return true;
}

static bool import_for_containerd(struct contenders *all, const struct contenders_options *options,
                                  const struct image *image, struct error *err)
{
	const char *file = text(all, "%s/%s.oci.tar", options->directory, image->name);
	const char *home = text(all, "%s/containerd", options->directory);
	if (all->containerd.daemon.pid == 0 && !containerd_start(&all->containerd, home, err))
		return false;
	bool went_well =
	    podman_save(image->reference, file, err) && containerd_import(&all->containerd, file, err);
	unlink(file);
	return went_well;
}

static bool add_ctr(struct contenders *all, const struct contenders_options *options,
                    const struct image *image, struct error *err)
{
	struct contender *contender = add(all, text(all, "ctr, %s", image->name),
	                                  "run --rm under a containerd of its own, runtime runc");
	if (contender == NULL || !is_installed(contender, "containerd") ||
	    !is_installed(contender, "ctr") || !is_installed(contender, "podman"))
		return true;
	ask_version(contender, "containerd", "--version");
	if (!import_for_containerd(all, options, image, err)) {
		leave_out(contender, err);
		return true;
	}
	size_t first_cell = all->cell_count;
	for (size_t i = 0; i < JOB_COUNT; i++) {
		const char *words[3];
		job_words(all, image, i, words);
		if (!add_command(all, contender, i,
		                 COMMAND("ctr", "--address", all->containerd.socket, "run", "--rm",
		                         "--fifo-dir", all->containerd.fifos, image->reference, "@name",
		                         words[0], words[1]),
		                 err))
			return false;
	}
	probe(all, contender, first_cell);
	return true;
}

static bool add_image(struct contenders *all, const struct contenders_options *options,
                      const struct image *image, struct error *err)
{
	struct error trouble = ERROR_INIT;
	all->uses_podman = true;
	bool is_ready = podman_set_up(text(all, "%s/podman", options->directory), &trouble);
	if (!add_low_level(all, options, image, "crun", err) ||
	    !add_low_level(all, options, image, "runc", err) ||
	    !add_podman(all, image, is_ready, err) || !add_ctr(all, options, image, err) ||
	    !add_pod(all, options, image, "crun", err) || !add_pod(all, options, image, "runc", err))
		return false;
	return true;
}

static bool add_containers(struct contenders *all, const struct contenders_options *options,
                           struct error *err)
{
	struct image busybox = {.name = "busybox", .reference = CONTAINER_IMAGE("busybox")};
	struct image python = {.name = "python3", .reference = CONTAINER_IMAGE("python3")};
	struct error trouble = ERROR_INIT;
	const char *note = NULL;
	busybox.rootfs = text(all, "%s/busybox", options->directory);
	python.rootfs = text(all, "%s/python3", options->directory);
	if (getuid() == 0 && !mounts_without_hybrid(&note, &trouble))
		note = text(all, "%s", trouble.message);
	all->note = note;

	error_clear(&trouble);
	/* runc takes no root that is a symbolic link. */
	char *real = realpath(python.rootfs, NULL);
	if (real != NULL)
		python.rootfs = keep(all, real);
	if (!rootfs_busybox(busybox.rootfs, &trouble))
		leave_out(add(all, "containers of busybox", NULL), &trouble);
	else if (!add_image(all, options, &busybox, err))
		return false;
	if (options->no_python)
		return true;
	if (!rootfs_python(python.rootfs, &trouble))
		leave_out(add(all, "containers of python3", NULL), &trouble);
	else if (!add_image(all, options, &python, err))
		return false;
	return true;
}

bool contenders_make(struct contenders *all, const struct contenders_options *options,
                     struct error *err)
{
	all->cell_room = CONTENDERS_MAX * JOB_COUNT;
	all->wanted = options->jobs != 0 ? options->jobs : (1u << JOB_COUNT) - 1;
	all->owned = calloc(OWNED_MAX, sizeof *all->owned);
	all->cells = calloc(all->cell_room, sizeof *all->cells);
	if (all->owned == NULL || all->cells == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the contenders");
	const char *tiphys = keep(all, handover_find("tiphys", err));
	if (tiphys == NULL)
		return false;
	all->store = text(all, "%s/modules", options->directory);
	all->cache = text(all, "%s/cache", options->directory);
	all->references = keep(all, calloc(JOB_COUNT, sizeof *all->references));
	all->insides = calloc(JOB_COUNT, sizeof *all->insides);
	if (all->store == NULL || all->cache == NULL || all->references == NULL || all->insides == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the contenders");
	return make_directories(options->directory, err) && store_modules(all, tiphys, err) &&
	       add_process(all, err) && add_inside(all, err) && add_peers(all, options, tiphys, err) &&
	       add_reference(all, tiphys, err) && add_first_requests(all, options, tiphys, err) &&
	       add_server(all, options, tiphys, err) &&
	       (options->no_containers || add_containers(all, options, err));
}

bool contenders_have(const struct contenders *all, const char *name)
{
	for (size_t i = 0; i < all->cell_count; i++)
		if (strcmp(all->cells[i].contender, name) == 0)
			return true;
	return false;
}

void contenders_clear(struct contenders *all)
{
	cells_clear(all->cells, all->cell_count);
	plugin_server_end(&all->server);
	containerd_end(&all->containerd);
	if (all->uses_podman)
		leftover_groups(leftover_directory());
	peers_clear(&all->peers);
	for (size_t i = 0; all->insides != NULL && i < JOB_COUNT; i++)
		inside_close(&all->insides[i]);
	free(all->insides);
	for (size_t i = 0; i < all->owned_count; i++)
		free(all->owned[i]);
	free(all->owned);
	free(all->requests);
	free(all->cells);
	*all = (struct contenders){0};
}
