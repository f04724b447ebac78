/* `tiphys serve`: puts the parts together, then waits for the signal that ends it. */
#include "caps/cleanup.h"
#include "caps/sandbox.h"
#include "plugin/cache_dir.h"
#include "plugin/command.h"
#include "plugin/compiler.h"
#include "plugin/handover.h"
#include "plugin/log.h"
#include "plugin/modules.h"
#include "plugin/options.h"
#include "plugin/pool.h"
#include "plugin/processors.h"
#include "plugin/server.h"
#include "plugin/signature.h"
#include "plugin/step.h"
#include "plugin/token.h"
#include "plugin/workdir.h"
#include "plugin/worker.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

/* From SIGTERM to the end 200 ms may pass: for killing the steps, for sending the last replies; the
 * rest is for removing what lies about. */
#define STOP_STEPS_MS 100
#define STOP_REPLIES_MS 30
#define STOP_COMPILER_MS 20

#define REAP_EVERY_S 1

struct serve_options {
	const char *listen;
	const char *token_file;
	bool no_auth;
	bool require_sandbox;
	const char *policy_ceiling;
	const char *work_dir;
	const char *cache_dir;
	struct option_texts stores;
	struct load_words load;
	uint64_t concurrency, queue, ready_workers;
	uint64_t step_timeout, reply_within, result_ttl;
	uint64_t kept_results;
	uint64_t max_memory, max_work, max_output, max_parameter, max_outputs, max_body;
	uint64_t max_module;  /* 0: the default */
	uint64_t cache_bytes; /* 0: no bound */
	uint64_t images_bytes;
	uint64_t image_timeout; /* ms; 0: the default */
	uint64_t max_connections, idle_timeout, request_timeout, reply_timeout;
	struct kv_limits kv; /* 0: the defaults */
	uint64_t blob_bytes; /* 0: the default */
	struct artifacts_options artifacts;
};

#define READY_BY_DEFAULT UINT64_MAX

/* Half of them are forked at a time (crew_refill()), which is a twentieth cheaper for each step
 * than one by one. */
#define READY_PER_STEP 4
#define READY_DEFAULT_MAX 16

#define MIB ((uint64_t)1 << 20)

static const struct option serve_rows[] = {
    OPTION_TEXT(struct serve_options, listen, "listen", "HOST:PORT",
                "where to answer; without HOST on all addresses, port 0 takes any free one "
                "(default :3000)"),
    OPTION_TEXT(struct serve_options, token_file, "token-file", "FILE",
                "the bearer token that callers must have (default /var/run/argo/token)"),
    OPTION_FLAG(struct serve_options, no_auth, "no-auth",
                "let in every caller, whatever the token file holds"),
    OPTION_FLAG(struct serve_options, require_sandbox, "require-sandbox",
                "do not start where the kernel lacks a part of the steps' sandbox"),
    OPTION_TEXT(struct serve_options, policy_ceiling, "policy-ceiling", "FILE",
                "the most that any template may be granted, a document in YAML or JSON"),
    OPTION_TEXT(struct serve_options, work_dir, "work-dir", "DIR",
                "where the steps' /work directories are made (default $TMPDIR or /tmp)"),
    OPTION_TEXT(struct serve_options, cache_dir, "cache-dir", "DIR",
                "where fetched modules are kept (default $FS_CACHE_DIR, $XDG_CACHE_HOME/tiphys or "
                "~/.cache/tiphys)"),
    OPTION_TEXTS(
        struct serve_options, stores, "store", "DIR",
        "an OCI image layout that is asked for modules before any registry; may be given again"),
    OPTION_ENABLE(struct serve_options),
    OPTION_LIMIT(struct serve_options),
    OPTION_NUMBER(
        struct serve_options, concurrency, "concurrency", "N", 1, 16384,
        "steps that run at a time (default: two for each processor that the cgroup's quota "
        "grants; while one waits, the other computes)"),
    OPTION_NUMBER(struct serve_options, queue, "queue", "N", 0, 100000,
                  "steps that may wait for their turn; more are told to come again (default 256)"),
    OPTION_NUMBER(
        struct serve_options, ready_workers, "ready-workers", "N", 0, 16384,
        "processes that are forked before there is a step for them (default: four for each "
        "of --concurrency, and no more than 16)"),
    OPTION_NUMBER(struct serve_options, step_timeout, "step-timeout", "SECONDS", 1, 604800,
                  "how long a step may run (default 300)"),
    OPTION_NUMBER(
        struct serve_options, reply_within, "reply-within", "SECONDS", 1, 29,
        "when a call whose step still runs is told to come again (default 20); Argo waits "
        "for 30"),
    OPTION_NUMBER(struct serve_options, result_ttl, "result-ttl", "SECONDS", 1, 604800,
                  "how long a result waits for the call that collects it (default 600)"),
    OPTION_BYTES(struct serve_options, kept_results, "kept-results",
                 "size of all results that wait; then the oldest are dropped (default 64M)"),
    OPTION_BYTES_FROM(struct serve_options, max_memory, "max-memory", 1,
                      "memory that a module may have (default 1G)"),
    OPTION_BYTES(
        struct serve_options, max_work, "max-work",
        "what a step may add below /work and where its artifacts lie; each file counts 4K besides "
        "its size (default 1G)"),
    OPTION_BYTES(struct serve_options, max_output, "max-output",
                 "what a step may write to stdout, and to stderr (default 1M)"),
    OPTION_BYTES(struct serve_options, max_parameter, "max-parameter",
                 "size of one output parameter, or of outputs.result (default 256K)"),
    OPTION_BYTES(struct serve_options, max_outputs, "max-outputs",
                 "size of all outputs of a step together (default 960K)"),
    OPTION_BYTES_FROM(struct serve_options, max_module, "max-module", 1,
                      "size of a module that is fetched (default 256M)"),
    OPTION_BYTES(
        struct serve_options, cache_bytes, "cache-bytes",
        "keep so much of fetched modules; then those go that were used longest ago, and none "
        "that a step has; 0: no bound (default 4G)"),
    OPTION_BYTES(struct serve_options, images_bytes, "images-bytes",
                 "keep so much of images of modules, which are made while the first steps run; 0: "
                 "neither make nor use any (default 512M)"),
    OPTION_TIME(struct serve_options, image_timeout, "image-timeout",
                "how long one image may take to be made, as 30s (ms, s, m, h; default 60s)",
                .needs = "images-bytes"),
    OPTION_BYTES(struct serve_options, artifacts.limits.bytes, "max-artifact",
                 "size of one artifact, packed and unpacked (default 16G)"),
    OPTION_NUMBER(struct serve_options, artifacts.limits.files, "max-artifact-files", "N", 1,
                  UINT32_MAX, "files and folders in one artifact (default 1000000)"),
    OPTION_NUMBER(struct serve_options, artifacts.limits.depth, "max-artifact-depth", "N", 1, 1024,
                  "folders in folders in one artifact (default 256)"),
    OPTION_NUMBER(struct serve_options, artifacts.limits.ratio, "max-artifact-ratio", "N", 1,
                  UINT32_MAX,
                  "bytes that a packed byte of an artifact may become, beyond 64 MiB (default "
                  "500)"),
    OPTION_NUMBER(struct serve_options, artifacts.seconds, "artifact-timeout", "SECONDS", 1, 604800,
                  "how long an artifact may be on its way (default 3600)"),
    OPTION_NUMBER(struct serve_options, artifacts.stall_seconds, TRANSFER_STALL_OPTION, "SECONDS",
                  1, TRANSFER_STALL_SECONDS_MAX,
                  "how long a registry, a store or another server, of artifacts or that a step "
                  "asks, may send no byte; "
                  "what it had begun to send is then asked for again (default 30)"),
    OPTION_TEXT(struct serve_options, artifacts.repository.endpoint, "artifact-s3-endpoint", "URL",
                "the default artifact repository: HOST[:PORT], or http://HOST[:PORT]"),
    OPTION_TEXT(struct serve_options, artifacts.repository.bucket, "artifact-s3-bucket", "NAME",
                "its bucket", .needs = "artifact-s3-endpoint"),
    OPTION_TEXT(struct serve_options, artifacts.repository.region, "artifact-s3-region", "NAME",
                "its region (default us-east-1)", .needs = "artifact-s3-endpoint"),
    OPTION_TEXT(struct serve_options, artifacts.repository.style, "artifact-s3-style", "STYLE",
                "how its bucket is named in URLs: path, virtual, or auto, which is virtual at "
                "amazonaws.com (default auto)",
                .needs = "artifact-s3-endpoint"),
    OPTION_TEXT(struct serve_options, artifacts.repository.key_id_file,
                "artifact-s3-access-key-file", "FILE", "holds its access key",
                .needs = "artifact-s3-endpoint"),
    OPTION_TEXT(struct serve_options, artifacts.repository.secret_file,
                "artifact-s3-secret-key-file", "FILE", "holds its secret key",
                .needs = "artifact-s3-endpoint"),
    OPTION_TEXT(struct serve_options, artifacts.repository.token_file,
                "artifact-s3-session-token-file", "FILE", "holds its session token",
                .needs = "artifact-s3-endpoint"),
    OPTION_TEXT(struct serve_options, artifacts.repository.authorities_file, "artifact-s3-ca-file",
                "FILE", "certificates that its own is verified by, instead of the system's",
                .needs = "artifact-s3-endpoint"),
    OPTION_TEXT(struct serve_options, artifacts.repository.key_format, "artifact-key-format",
                "FORMAT", "keys there (default " REPOSITORY_KEY_FORMAT ")",
                .needs = "artifact-s3-endpoint"),
    OPTION_TEXT(struct serve_options, artifacts.service_account, "service-account", "DIR",
                "where a pod has token, ca.crt and namespace for the Kubernetes API "
                "(default " KUBERNETES_ACCOUNT ")"),
    OPTION_TEXT(struct serve_options, artifacts.gcs_key_id_file, "artifact-gcs-access-key-file",
                "FILE", "holds the access key of an HMAC pair for Google's store",
                .needs = "artifact-gcs-secret-key-file"),
    OPTION_TEXT(struct serve_options, artifacts.gcs_secret_file, "artifact-gcs-secret-key-file",
                "FILE", "holds the secret key of that pair",
                .needs = "artifact-gcs-access-key-file"),
    OPTION_TEXT(struct serve_options, artifacts.gcs_endpoint, "artifact-gcs-endpoint", "URL",
                "Google's store (default " GCS_ENDPOINT ")",
                .needs = "artifact-gcs-access-key-file"),
    OPTION_BYTES(struct serve_options, artifacts.part_size, "artifact-part-size",
                 "larger artifacts are sent in parts of so many bytes, 5M or more (default 64M)"),
    OPTION_NUMBER(struct serve_options, artifacts.parallel, "artifact-parallel", "N", 1, 16,
                  "parts of an artifact that are sent at a time (default 2)"),
    OPTION_BYTES_FROM(struct serve_options, max_body, "max-body", 1,
                      "size of a request (default 4M)"),
    OPTION_BYTES(struct serve_options, blob_bytes, "blob-bytes",
                 "size of an object that a step reads or writes itself (default 1G)"),
    OPTION_NUMBER(struct serve_options, kv.entries, "kv-values", "N", 1, 1000000,
                  "small values that a workflow may keep (default 1024)"),
    OPTION_BYTES(struct serve_options, kv.space_bytes, "kv-workflow",
                 "size of what a workflow may keep (default 1M)"),
    OPTION_BYTES(struct serve_options, kv.total_bytes, "kv-total",
                 "size of what all workflows may keep (default 64M)"),
    OPTION_NUMBER(struct serve_options, kv.idle_seconds, "kv-idle", "SECONDS", 1, 31536000,
                  "when it is forgotten what nobody asks for (default 86400)"),
    OPTION_NUMBER(struct serve_options, max_connections, "max-connections", "N", 1, 100000,
                  "connections at a time (default 2048)"),
    OPTION_NUMBER(struct serve_options, idle_timeout, "idle-timeout", "SECONDS", 1, 86400,
                  "when a connection is closed on which nothing moves (default 60)"),
    OPTION_NUMBER(struct serve_options, request_timeout, "request-timeout", "SECONDS", 1, 86400,
                  "how long a caller may take to send a request, whatever moves meanwhile; counted "
                  "from when an idle connection would be closed (default 60)"),
    OPTION_NUMBER(struct serve_options, reply_timeout, "reply-timeout", "SECONDS", 1, 86400,
                  "how long a caller may take to take a whole reply (default 60); a result that it "
                  "did not take waits for --result-ttl"),
};

static const struct command_line serve_line = {
    .name = "serve",
    .operands = "",
    .rows = serve_rows,
    .row_count = sizeof serve_rows / sizeof serve_rows[0],
    .notes = "Environment: LOG_LEVEL (debug, info, warn, error, off), INSECURE_OCI_REGISTRIES\n"
             "(HOST[:PORT],… that are reached by plain HTTP), FS_CACHE_DIR, DOCKER_CONFIG.\n",
};

static int report(const struct error *err)
{
	char text[1024];
	fprintf(stderr, "tiphys: serve: %s\n", error_format(err, text, sizeof text));
	return error_exit_status(err->kind);
}

static void warn(const char *message, const char *detail)
{
	struct log_line line = log_begin(LOG_WARN, message);
	log_text(&line, "detail", detail);
	log_end(&line);
}

/* Each connection and each step takes descriptors; where the limit cannot be raised, accept()
 * waits. */
static void raise_open_files(uint64_t wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* ---- modules ---- */

static atomic_bool is_stopping;

/* Abandons a transfer when the server stops. */
static bool go_on(void *env, const char *what, uint64_t done, uint64_t total)
{
	(void)env;
	(void)what;
	(void)done;
	(void)total;
	return !atomic_load(&is_stopping);
}

/* ---- the life of the server ---- */

struct life {
	struct token token;
	struct modules *modules;
	struct kv_store *kv;
	struct artifacts *artifacts;
	struct policy ceiling;
	struct signature_keys *keys; /* NULL: modules need no signature */
	struct workroot root;
	struct workers *workers;
	struct compiler *compiler; /* NULL: no images */
	struct pool *pool;
	struct step_setting step;
	char *cache_dir;
	struct server *server;
};

/* Blocks until SIGTERM, SIGINT or SIGHUP; reaps strangers' children now and then, which a process 1
 * inherits. SIGCHLD is not waited for: each step would wake this thread. The signals are blocked.
 */
static int wait_for_end(struct life *life, const sigset_t *signals)
{
	const struct timespec interval = {.tv_sec = REAP_EVERY_S};
	for (;;) {
		int signal = sigtimedwait(signals, NULL, &interval);
		if (signal > 0)
			return signal;
		workers_reap_others(life->workers);
	}
}

static void log_start(const struct life *life, const struct serve_options *options)
{
	struct log_line line = log_begin(LOG_INFO, "listening");
	log_text(&line, "address", server_address(life->server));
	log_text(&line, "version", TIPHYS_VERSION);
	log_number(&line, "concurrency", (int64_t)options->concurrency);
	log_text(&line, "work", life->root.path);
	if (options->policy_ceiling != NULL)
		log_text(&line, "policy_ceiling", options->policy_ceiling);
	log_end(&line);
	if (options->no_auth)
		warn("every caller is let in", "--no-auth is given");
}

/* Ends within 200 ms whatever the steps do. Does not return: threads that a registry keeps waiting
 * end with the process. */
_Noreturn static void stop(struct life *life, int signal)
{
	struct log_line line = log_begin(LOG_INFO, "stopping");
	log_text(&line, "signal", sigabbrev_np(signal));
	log_end(&line);
	atomic_store(&is_stopping, true);
	server_stop(life->server);
	pool_stop(life->pool);
	if (life->compiler != NULL)
		compiler_stop(life->compiler);
	workers_stop(life->workers);
	bool idle = pool_wait(life->pool, STOP_STEPS_MS) &&
	            (life->compiler == NULL || compiler_wait(life->compiler, STOP_COMPILER_MS));
	server_flush(life->server, STOP_REPLIES_MS);
	if (idle) {
		server_destroy(life->server);
		pool_destroy(life->pool);
		compiler_destroy(life->compiler);
		workers_destroy(life->workers);
		modules_destroy(life->modules);
		kv_store_destroy(life->kv);
		artifacts_destroy(life->artifacts);
		signature_keys_destroy(life->keys);
		policy_clear(&life->ceiling);
		free(life->cache_dir);
	}
	if (idle) {
		workroot_destroy(&life->root);
		token_clear(&life->token);
		exit(0);
	}
	workroot_remove(&life->root);
	_exit(0);
}

/* Says what stands around the steps, and what does not. */
static bool check_sandbox(const struct life *life, bool required, struct error *err)
{
	const struct worker_sandbox *sandbox = workers_sandbox(life->workers);
	struct log_line line = log_begin(LOG_INFO, "sandbox");
	for (int i = 0; i < SANDBOX_PART_COUNT; i++) {
		bool lacks = (sandbox->lacks & 1u << i) != 0;
		const char *how = i == SANDBOX_NETWORK && !lacks
		                      ? (sandbox->network_is_left ? "namespace" : "seccomp")
		                      : NULL;
		log_text(&line, sandbox_part_row((enum sandbox_part)i)->name,
		         lacks         ? "missing"
		         : how != NULL ? how
		                       : "on");
	}
	log_number(&line, "landlock_abi", sandbox->landlock);
	log_end(&line);
	for (int i = 0; i < SANDBOX_PART_COUNT; i++) {
		if ((sandbox->lacks & 1u << i) == 0)
			continue;
		const struct sandbox_part_row *row = sandbox_part_row((enum sandbox_part)i);
		if (required)
			return error_set(err, ERROR_SYSTEM,
			                 "this kernel lacks a part of the steps' sandbox, %s: %s "
			                 "(--require-sandbox is given)",
			                 row->name, row->risk);
		struct log_line lack = log_begin(LOG_WARN, "this kernel lacks a part of the sandbox");
		log_text(&lack, "part", row->name);
		log_text(&lack, "risk", row->risk);
		log_end(&lack);
	}
	return true;
}

/* A template that asks for one of these fails; it may be there by then. */
static void warn_of_directories(const struct policy *ceiling)
{
	char path[64], where[320];
	for (size_t i = 0; i < ceiling->files.count; i++) {
		const struct policy_directory *dir = &ceiling->files.items[i];
		struct stat st;
		int failure = stat(dir->host, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
		if (failure == 0)
			continue;
		snprintf(path, sizeof path, "%s[%zu]", policy_row(POLICY_FILES)->path, i);
		struct log_line line = log_begin(LOG_WARN, "a directory of the ceiling cannot be granted");
		log_text(&line, "where", policy_where(ceiling, path, dir->mark, where, sizeof where));
		log_text(&line, "host", dir->host);
		log_text(&line, "detail", strerror(failure));
		log_text(&line, "remedy", "make it, or take it out of the ceiling");
		log_end(&line);
	}
}

static void warn_of_place(const struct error *err)
{
	warn("a place of modules cannot be used", err->message);
}

/* The ceiling, and the keys that it names. */
static bool load_ceiling(struct life *life, const char *path, struct error *err)
{
	const struct policy_texts *files = &life->ceiling.signatures;
	if (!policy_load(path, POLICY_CEILING, &life->ceiling, err))
		return false;
	warn_of_directories(&life->ceiling);
	if (!life->ceiling.is_given[POLICY_SIGNATURES])
		return true;
	cleanup_free const char **names = calloc(files->count + 1, sizeof *names);
	if (names == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for keys");
	for (size_t i = 0; i < files->count; i++)
		names[i] = files->items[i].text;
	life->keys = signature_keys_create(names, files->count, err);
	if (life->keys == NULL)
		error_wrap(err, "%s: signatures", path);
	return life->keys != NULL;
}

/* Nobody makes images where there is no place for them. */
static bool start_compiler(struct life *life, const struct serve_options *options,
                           struct error *err)
{
	const struct compiler_setting setting = {
	    .workers = life->workers,
	    .cache_dir = life->cache_dir,
	    .images_bytes = options->images_bytes,
	    .memory_bytes = options->max_memory,
	    .load = &options->load,
	    .time_ms = options->image_timeout != 0 ? options->image_timeout : COMPILER_TIME_MS,
	    .retry_ms = COMPILER_RETRY_MS,
	    .look_ms = COMPILER_LOOK_MS,
	};
	if (options->images_bytes == 0 || life->cache_dir == NULL)
		return true;
	life->compiler = compiler_create(&setting, err);
	return life->compiler != NULL;
}

static bool start(struct life *life, const struct serve_options *options, const char *executable,
                  struct error *err)
{
	struct modules_options modules = {
	    .cache_dir = options->cache_dir,
	    .stores = options->stores.items,
	    .store_count = options->stores.count,
	    .max_module_bytes = options->max_module,
	    .cache_bytes = options->cache_bytes,
	    .stall_seconds = (unsigned)options->artifacts.stall_seconds,
	    .stall_option = "--" TRANSFER_STALL_OPTION,
	    .progress = go_on,
	};
	const struct server_setting setting = {
	    .listen = options->listen,
	    .body_max = options->max_body,
	    .connections_max = (unsigned)options->max_connections,
	    .idle_seconds = (unsigned)options->idle_timeout,
	    .request_seconds = (unsigned)options->request_timeout,
	    .reply_seconds = (unsigned)options->reply_timeout,
	    .token = &life->token,
	    .executor = {.step = &life->step,
	                 .reply_within_ms = options->reply_within * 1000,
	                 .result_ttl_ms = options->result_ttl * 1000,
	                 .kept_bytes = options->kept_results},
	};
	struct load_rules rules;
	if (!load_rules_read(&options->load, &rules, err))
		return false;
	if (options->policy_ceiling != NULL && !load_ceiling(life, options->policy_ceiling, err))
		return false;
	modules.keys = life->keys;
	/* The process that workers come from is started first: it never held a secret. */
	if ((life->workers = workers_create(executable, options->ready_workers, err)) == NULL ||
	    !check_sandbox(life, options->require_sandbox, err))
		return false;
	if (!token_init(&life->token, options->no_auth ? NULL : options->token_file, err)) {
		error_wrap(err,
		           "callers cannot be told from strangers (--token-file FILE, or --no-auth to let "
		           "in everyone)");
		return false;
	}
	struct artifacts_options artifacts = options->artifacts;
	artifacts.stopping = &is_stopping;
	artifacts.ceiling = options->policy_ceiling != NULL ? &life->ceiling : NULL;
	if ((life->kv = kv_store_create(&options->kv, err)) == NULL ||
	    (life->modules = modules_create(&modules, err)) == NULL ||
	    (life->artifacts = artifacts_create(&artifacts, err)) == NULL ||
	    !workroot_create(&life->root, options->work_dir, err))
		return false;
	modules_check(life->modules, warn_of_place);
	life->cache_dir = cache_dir_choose(options->cache_dir);
	if (!start_compiler(life, options, err))
		return false;
	life->step = (struct step_setting){
	    .workers = life->workers,
	    .modules = life->modules,
	    .artifacts = life->artifacts,
	    .root = &life->root,
	    .load = &options->load,
	    .cache_dir = life->compiler == NULL ? NULL : life->cache_dir,
	    .compiler = life->compiler,
	    .blob_bytes = options->blob_bytes,
	    .stall_seconds = (unsigned)options->artifacts.stall_seconds,
	    .kv = life->kv,
	    .ceiling = options->policy_ceiling != NULL ? &life->ceiling : NULL,
	    .limits = {.parameter = options->max_parameter, .outputs = options->max_outputs},
	    .time_ms = options->step_timeout * 1000,
	    .output_bytes = options->max_output,
	    .memory_bytes = options->max_memory,
	    .work_bytes = options->max_work,
	};
	struct server_setting with_pool = setting;
	if ((life->pool = pool_create(options->concurrency, options->queue, err)) != NULL) {
		with_pool.executor.pool = life->pool;
		life->server = server_create(&with_pool, err);
	}
	if (life->server == NULL)
		workroot_destroy(&life->root);
	return life->server != NULL;
}

int cmd_serve(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR"), *level = getenv("LOG_LEVEL");
	struct serve_options options = {
	    .listen = ":3000",
	    .token_file = "/var/run/argo/token",
	    .work_dir = tmp == NULL || *tmp == '\0' ? "/tmp" : tmp,
	    .concurrency = 2 * processors_granted("", processors_present()),
	    .queue = 256,
	    .ready_workers = READY_BY_DEFAULT,
	    .step_timeout = 300,
	    .reply_within = 20,
	    .result_ttl = 600,
	    .kept_results = 64 * MIB,
	    .max_memory = 1024 * MIB,
	    .max_work = 1024 * MIB,
	    .max_output = MIB,
	    .cache_bytes = 4096 * MIB,
	    .images_bytes = IMAGES_BYTES_DEFAULT,
	    .max_parameter = REPLY_PARAMETER_DEFAULT,
	    .max_outputs = REPLY_OUTPUTS_DEFAULT,
	    .max_body = 4 * MIB,
	    .max_connections = 2048,
	    .idle_timeout = 60,
	    .request_timeout = 60,
	    .reply_timeout = 60,
	    .artifacts = ARTIFACTS_OPTIONS_DEFAULT,
	};
	struct operands operands;
	int status;
	if (!options_take(&serve_line, argc, argv, &options, &operands, &status))
		return status;
	if (options.ready_workers == READY_BY_DEFAULT)
		options.ready_workers = options.concurrency < READY_DEFAULT_MAX / READY_PER_STEP
		                            ? READY_PER_STEP * options.concurrency
		                            : READY_DEFAULT_MAX;
	if (level != NULL && *level != '\0' && !log_set_level(level))
		warn("LOG_LEVEL is not a level; taking info", level);

	/* Before any thread: all of them have these blocked, and one waits for them. */
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigset_t blocked = signals;
	sigaddset(&blocked, SIGPIPE);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise_open_files(options.max_connections + 16 * options.concurrency +
	                 3 * options.ready_workers + 64);
	json_object_seed(0);

	struct error err = ERROR_INIT;
	cleanup_free char *executable = handover_find("tiphys", &err);
	struct life life = {.root.lock = -1};
	if (executable == NULL || !start(&life, &options, executable, &err)) {
		workers_destroy(life.workers);
		return report(&err);
	}
	log_start(&life, &options);
	stop(&life, wait_for_end(&life, &signals));
}
