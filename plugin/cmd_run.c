/* tiphys run FILE|REF [ARGS…]: runs a module with what was granted, and nothing else. */
#include "plugin/args_from.h"
#include "plugin/broker_start.h"
#include "plugin/command.h"
#include "plugin/load_rules.h"
#include "plugin/grants.h"
#include "plugin/handover.h"
#include "plugin/images.h"
#include "plugin/invoke.h"
#include "plugin/module_file.h"
#include "plugin/policy_handover.h"
#include "plugin/run.h"
#include "plugin/time_limit.h"
#include "plugin/transfer.h"
#include "caps/broker.h"
#include "caps/cleanup.h"
#include "wasi/wasi.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run_options {
	struct option_texts policies; /* at most one */
	struct grants grants;
	uint64_t fuel;    /* instructions; 0: no limit */
	uint64_t timeout; /* ms; 0: none */
	struct broker_options broker;
	uint64_t broker_fd;             /* a descriptor, or NOT_GIVEN */
	struct option_texts stores;     /* image layouts for REF */
	uint64_t max_memory, max_stack; /* bytes; 0: the default */
	uint64_t args_from;             /* a descriptor, or NOT_GIVEN */
	const char *invoke;             /* an export, or NULL for _start */
	const char *name;               /* what the guest is told, or NULL for the file's */
	struct load_words load;         /* what its module may use, and how large it may be */
	bool unfolded, checked_memory;
	const char *cache_dir; /* NULL: where it is by default */
	uint64_t images_bytes; /* that all images may take; at first NOT_GIVEN */
	bool no_cache, verbose;
};

#define NOT_GIVEN UINT64_MAX /* of a descriptor, or of bytes whose default is another number */

#define ROW(KIND, field, ...) OPTION_##KIND(struct run_options, field, __VA_ARGS__)

static const struct option rows[] = {
    ROW(TEXTS, policies, "policy", "FILE",
        "grant what that document says, in YAML or JSON; the other options are added"),
    ROW(TEXTS, grants.dirs, "dir", "HOST::GUEST[:ro|:quota=BYTES]",
        "grant the directory HOST, which the guest sees as GUEST; a quota limits what it adds, "
        "alone or (quota=/OTHER) together with one that was granted before"),
    ROW(TEXTS, grants.env, "env", "NAME=VALUE", "grant an environment variable"),
    ROW(FLAG, grants.has_stdin, "stdin", "grant standard input"),
    ROW(FLAG, grants.no_stdout, "no-stdout", "do not grant standard output"),
    ROW(FLAG, grants.no_stderr, "no-stderr", "do not grant standard error"),
    ROW(OPTIONAL_TEXT, grants.clock, "clock", "real|coarse|fixed[:TIME]",
        "grant the clock; coarse: whole milliseconds, fixed: stands at TIME, or at 1970"),
    ROW(OPTIONAL_TEXT, grants.random, "random", "SEED",
        "grant random bytes; with a seed the same ones each time"),
    BROKER_ROWS(struct run_options),
    ROW(BYTES, grants.stdout_limit, "stdout-limit", "end standard output there (0: no limit)"),
    ROW(BYTES, grants.stderr_limit, "stderr-limit", "end standard error there (0: no limit)"),
    ROW(NUMBER, grants.open_files, "open-files", "N", 4, CAPS_OPEN_FILES_MAX,
        "descriptors at a time, the streams included (256)"),
    ROW(BYTES, max_memory, "memory",
        "memory that the guest may have (0: 4G each, or 64G at 64-bit addresses, and 4G of "
        "objects)"),
    ROW(NUMBER, fuel, "fuel", "N", 1, INT64_MAX, "instructions that the guest may execute"),
    ROW(TIME, timeout, "timeout", "end the run after TIME, as 30s (ms, s, m, h)"),
    ROW(BYTES, max_stack, "max-stack", "stack for the guest's calls (0: 1M)"),
    ROW(TEXTS, stores, "store", "DIR",
        "look for REF in this image layout before any registry; may be given again"),
    ROW(TEXT_OR_EMPTY, invoke, "invoke", "NAME",
        "call this export with ARGS read by its type, and print its results"),
    ROW(TEXT, name, "name", "NAME", "tell the guest that it is called so, not as its file is"),
    OPTION_ENABLE(struct run_options),
    OPTION_LIMIT(struct run_options),
    OPTION_THREADS(struct run_options),
    ROW(FLAG, unfolded, "unfolded", "lower without folding: slow, to look for faults of tiphys"),
    ROW(FLAG, checked_memory, "checked-memory",
        "check each access to memory, as where address space is short: slow"),
    OPTION_IMAGES(struct run_options),
    ROW(FLAG, no_cache, "no-cache", "neither use an image of the module nor keep one"),
    ROW(FLAG, verbose, "verbose", "say what became of the module's image"),
    ROW(NUMBER, args_from, "args-from", "FD", 0, INT32_MAX,
        "read options and operands from that descriptor, each ended by a NUL"),
    ROW(NUMBER, broker_fd, "broker", "FD", 0, INT32_MAX,
        "reach out by the broker at that descriptor, which knows what is granted"),
};

static const struct command_line line = {
    .name = "run",
    .operands = "FILE|REF [ARGS…]",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .notes = "FILE is a WebAssembly module; REF is one in a registry: HOST[:PORT]/REPOSITORY:TAG.\n"
             "The guest gets ARGS, standard output and standard error, and nothing that is not "
             "granted.\n"
             "Exit status: the guest's own; 134 after a trap; 124 at the end of --timeout; 1 when "
             "it could "
             "not run; 2 wrong usage.\n",
    .operands_min = 0, /* checked below: they may come by --args-from */
    .operands_max = OPERANDS_ANY,
    .stops_at_operand = true,
    .comes_in_parts = true,
};

/* Everything that belongs to one run, freed in the order it depends on each other. */
struct run {
	const struct run_wall *wall; /* NULL: none */
	struct run_options options;
	struct args_from args_from;
	int argc;
	char **argv;              /* "run", options, operands: as typed or from --args-from */
	struct operands operands; /* FILE and the guest's arguments */
	struct module_file file;
	struct load_rules rules;
	struct images images;
	struct image *image; /* that the module is from; NULL: none */
	struct caps *caps;
	pid_t broker; /* a child that ends when caps does; 0: none */
	struct wasi *wasi;
	struct store *store;
	struct instance *instance; /* NULL until there is one */
};

static void run_clear(struct run *run)
{
	store_destroy(run->store);
	wasi_destroy(run->wasi);
	caps_destroy(run->caps);
	broker_wait(run->broker);
	broker_options_clear(&run->options.broker);
	module_file_clear(&run->file);
	image_close(run->image);
	option_texts_clear(&run->options.grants.dirs);
	option_texts_clear(&run->options.grants.env);
	load_words_clear(&run->options.load);
	option_texts_clear(&run->options.stores);
	option_texts_clear(&run->options.policies);
	args_from_clear(&run->args_from);
}

/* "host.or:port/repository…": what no file is named like by accident. */
static bool looks_like_reference(const char *text)
{
	size_t host = strcspn(text, "/");
	if (text[host] != '/' || host == 0 || text[0] == '.')
		return false;
	return memchr(text, '.', host) != NULL || memchr(text, ':', host) != NULL ||
	       (host == strlen("localhost") && strncmp(text, "localhost", host) == 0);
}

/* Lets tiphys-net find REF; it runs `tiphys run` anew with a path in its place:
 * run-ref [--store DIR] [--stall-timeout SECONDS] … -- REF run [OPTIONS] REF [ARGS…] */
static int hand_over_reference(struct run *run)
{
	const struct option_texts *stores = &run->options.stores;
	char **argv = calloc(2 * stores->count + (size_t)run->argc + 8, sizeof *argv);
	char seconds[24];
	size_t count = 0;
	if (argv == NULL) {
		fprintf(stderr, "tiphys run: no memory\n");
		return 1;
	}
	argv[count++] = "run-ref";
	for (size_t i = 0; i < stores->count; i++) {
		argv[count++] = "--store";
		argv[count++] = (char *)(uintptr_t)stores->items[i];
	}
	if (run->options.cache_dir != NULL) {
		argv[count++] = "--cache";
		argv[count++] = (char *)(uintptr_t)run->options.cache_dir;
	}
	if (run->options.broker.stall_seconds != 0) {
		snprintf(seconds, sizeof seconds, "%" PRIu64, run->options.broker.stall_seconds);
		argv[count++] = "--" TRANSFER_STALL_OPTION;
		argv[count++] = seconds;
	}
	argv[count++] = "--";
	argv[count++] = run->operands.items[0];
	memcpy(argv + count, run->argv, (size_t)run->argc * sizeof *argv);
	int status = handover(command_find("run-ref")->executable, argv);
	free(argv);
	return status;
}

/* Reads the options of --args-from into the same struct. */
static bool take_args_from(struct run *run, int *status)
{
	struct error err = ERROR_INIT;
	int fd = (int)run->options.args_from;

	if (run->operands.count > 0)
		error_set(&err, ERROR_USAGE, "--args-from brings the operands; \"%s\" is one too many",
		          run->operands.items[0]);
	else if (args_from_read(&run->args_from, run->argv[0], fd, &err) && run->wall == NULL)
		close(fd); /* behind a wall it is also what the end is told by */
	if (err.kind != ERROR_NONE) {
		fprintf(stderr, "tiphys run: %s\n", err.message);
		*status = error_exit_status(err.kind);
		return false;
	}
	run->argc = run->args_from.argc;
	run->argv = run->args_from.argv;
	return options_take(&line, run->argc, run->argv, &run->options, &run->operands, status);
}

/* What was typed at one and says two things. A policy's limits say nothing against its streams. */
static bool check_typed(const struct run_options *typed, struct error *err)
{
	const struct {
		bool is_given, is_void;
		const char *option, *other;
	} pairs[] = {
	    {typed->grants.stdout_limit != 0, typed->grants.no_stdout, "stdout-limit", "no-stdout"},
	    {typed->grants.stderr_limit != 0, typed->grants.no_stderr, "stderr-limit", "no-stderr"},
	    {typed->name != NULL, typed->invoke != NULL, "name", "invoke"},
	    {typed->images_bytes != NOT_GIVEN, typed->no_cache, "images-bytes", "no-cache"},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		if (pairs[i].is_given && pairs[i].is_void)
			return error_set(err, ERROR_USAGE,
			                 "--%s does nothing beside --%s; leave one of them out",
			                 pairs[i].option, pairs[i].other);
	return true;
}

static bool misused(const struct error *err, int *status)
{
	fprintf(stderr, "tiphys run: %s\nSee: tiphys run --help\n", err->message);
	*status = error_exit_status(err->kind);
	return false;
}

static bool take_command_line(struct run *run, int *status)
{
	struct error err = ERROR_INIT;
	run->options.args_from = run->options.broker_fd = NOT_GIVEN;
	run->options.images_bytes = NOT_GIVEN;
	if (!options_take(&line, run->argc, run->argv, &run->options, &run->operands, status))
		return false;
	if (!check_typed(&run->options, &err))
		return misused(&err, status);
	if (run->options.images_bytes == NOT_GIVEN)
		run->options.images_bytes = IMAGES_BYTES_DEFAULT;
	if (run->options.args_from != NOT_GIVEN && !take_args_from(run, status))
		return false;
	if (run->operands.count == 0)
		error_set(&err, ERROR_USAGE, "no FILE or REF to run");
	else if (run->options.policies.count == 0) /* it may grant what an option qualifies */
		options_check(&line, &run->options, &err);
	return err.kind == ERROR_NONE || misused(&err, status);
}

/* A reactor (a module without _start) is initialised before its functions are called. */
static bool call_guest(struct run *run, struct instance *inst, const struct operands *args,
                       struct error *err)
{
	const char *name = run->options.invoke;
	struct func *start = instance_export_func(inst, "_start");
	struct func *initialize = instance_export_func(inst, "_initialize");

	if (name == NULL && start == NULL)
		return error_set(err, run->wall != NULL ? ERROR_LINK : ERROR_USAGE,
		                 "is no command: it exports no _start; %s",
		                 run->wall != NULL
		                     ? "a step runs commands alone, no libraries: build it as one"
		                     : "call one of its exports with --invoke NAME (`tiphys inspect` "
		                       "lists them)");
	if (name == NULL) {
		const struct functype *type = func_type(start);
		if (type->param_count != 0 || type->result_count != 0)
			return error_set(err, ERROR_LINK,
			                 "is no command: its _start has parameters or results");
		return func_call(run->store, start, NULL, NULL, err);
	}
	if (start == NULL && initialize != NULL && func_type(initialize)->param_count == 0 &&
	    func_type(initialize)->result_count == 0 &&
	    !func_call(run->store, initialize, NULL, NULL, err))
		return false;
	return invoke(run->store, inst, name, args, stdout, err);
}

/* What the run reaches through a process outside of it: one that is there, or a child. */
static bool open_broker(struct run *run, struct error *err)
{
	const struct run_options *options = &run->options;
	const char *kv = options->broker.kv;
	if (kv != NULL && *kv != '\0' && strcmp(kv, "ro") != 0 && strcmp(kv, "rw") != 0)
		return error_set(err, ERROR_USAGE, "--kv is ro or rw, not \"%s\"", kv);
	if (options->broker_fd != NOT_GIVEN) {
		if (broker_take(run->caps, (int)options->broker_fd, err))
			return true;
		/* Who reads it behind a wall has not written the option. */
		if (run->wall == NULL)
			error_wrap(err, "--broker %d", (int)options->broker_fd);
		return false;
	}
	return !broker_options_grant(&options->broker) ||
	       broker_start(&options->broker, run->caps, &run->broker, err);
}

static bool open_grants(struct run *run, const struct operands *args, struct error *err)
{
	/* The guest learns its own name, not where the host keeps it. */
	const char *path = run->operands.items[0];
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	if (run->options.name != NULL)
		name = run->options.name;

	run->caps = caps_create();
	if (run->caps == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the grants");
	/* Steps run behind a wall. */
	run->options.grants.are_of_step = run->wall != NULL;
	if (run->wall != NULL)
		caps_set_granter(run->caps, CAPS_GRANTER_TEMPLATE);
	if (!grants_apply(&run->options.grants, run->caps, err) || !open_broker(run, err))
		return false;
	return run->options.invoke != NULL || grants_apply_args(run->caps, name, args, err);
}

static bool put_up_wall(struct run *run, const struct operands *args, struct error *err)
{
	const struct run_options *options = &run->options;
	const struct run_needs needs = {
	    .args = args,
	    .module_bytes = run->file.size,
	    .memory_bytes = options->max_memory,
	    .stack_bytes = options->max_stack,
	    .open_files = (uint32_t)options->grants.open_files,
	};
	return run->wall->put_up(run->wall->env, run->caps, &needs, err);
}

static bool limit_time(const struct run *run, struct error *err)
{
	return run->options.timeout == 0 ||
	       time_limit_set(run->options.timeout, run->operands.items[0], err);
}

static void say_of_image(void *env, const char *line)
{
	(void)env;
	fprintf(stderr, "tiphys run: image: %s\n", line);
}

/* Behind a wall nothing is kept, and used is what stands in the folder that is named. */
static bool uses_images(const struct run *run)
{
	return !run->options.no_cache && (run->wall == NULL || run->options.cache_dir != NULL);
}

static bool keeps_images(const struct run *run)
{
	return run->instance != NULL && run->wall == NULL && !run->options.no_cache;
}

/* A descriptor for use_image(), or -1. */
static int find_image(struct run *run, const struct store_options *store_options)
{
	run->images = (struct images){
	    .folder = {.dir = run->options.cache_dir,
	               .bytes = run->options.images_bytes,
	               .log = run->options.verbose ? say_of_image : NULL},
	    .mode = image_mode(store_options),
	    .removes_at_crash = run->wall == NULL,
	};
	return uses_images(run) ? images_find(&run->images, &run->file) : -1;
}

/* From its image, when there is one. Closes the module's descriptor. */
static bool decode(struct run *run, int module, struct error *err)
{
	const struct image *image = run->image;
	const uint8_t *bytes = image != NULL ? image_module(image, run->file.size) : NULL;
	const struct module_parts *parts = image != NULL ? image_parts(image) : NULL;
	return module_file_take(&run->file, module, bytes, err) &&
	       module_file_decode(&run->file, &run->rules, parts, err);
}

static bool run_module(struct run *run, struct error *err)
{
	struct operands args = {run->operands.items + 1, run->operands.count - 1};
	struct store_options store_options = {
	    .memory_limit = run->options.max_memory,
	    .stack_size = (size_t)run->options.max_stack,
	    .fuel = run->options.fuel,
	    .unfolded = run->options.unfolded,
	    .checked_memory = run->options.checked_memory,
	};
	if (!limit_time(run, err) || !load_rules_read(&run->options.load, &run->rules, err))
		return false;
	/* Behind a wall no thread may start. */
	if (run->wall != NULL)
		run->rules.threads = 0;
	/* What is the granter's is opened first, the image too; then comes the wall, and only behind it
	 * is looked at what is in the image and the module. */
	cleanup_close int module = module_file_open(&run->file, run->operands.items[0], err);
	if (module < 0)
		return false;
	cleanup_close int image = find_image(run, &store_options);
	if (!open_grants(run, &args, err) || (run->wall != NULL && !put_up_wall(run, &args, err)))
		return false;
	run->image = images_use(&run->images, take_fd(&image), &run->file, &run->rules);
	if (!decode(run, take_fd(&module), err))
		return false;
	run->wasi = wasi_create(run->caps, err);
	run->store = run->wasi != NULL ? store_create(&store_options, err) : NULL;
	if (run->store == NULL)
		return false;
	time_limit_watch(run->store);
	if (run->image != NULL)
		store_use_image(run->store, run->file.module, run->image);
	run->instance = instance_create(run->store, run->file.module, wasi_resolve, run->wasi, err);
	return run->instance != NULL && call_guest(run, run->instance, &args, err);
}

/* A status that does not fit into the 8 bits of an exit status must not turn into success. */
static int guest_status(uint32_t status)
{
	return (status & 0xff) == 0 && status != 0 ? 1 : (int)(status & 0xff);
}

static int exit_status(const struct run *run, const struct error *err)
{
	if (err->kind == ERROR_EXIT)
		return guest_status(store_exit_status(run->store));
	/* Whatever it was, it came of the interruption. */
	if (err->kind != ERROR_NONE && time_limit_is_over())
		return TIME_LIMIT_STATUS;
	return error_exit_status(err->kind);
}

/* Whoever reads it behind a wall knows who speaks, and of what file. */
static const char *speaker(const struct run *run)
{
	return run->wall == NULL ? "tiphys run: " : "";
}

static void report_memory_limit(const struct run *run, FILE *to)
{
	if (run->options.max_memory != 0)
		fprintf(to, "%smemory is limited to %" PRIu64 " bytes\n", speaker(run),
		        run->options.max_memory);
	else
		fprintf(to,
		        "%sgarbage-collected objects are limited to %" PRIu64
		        " bytes; --memory BYTES sets a limit for all memory\n",
		        speaker(run), INTERP_HEAP_LIMIT_DEFAULT);
}

/* What the guest could not have, though it may have ended in its own words. */
static void report_refusals(const struct run *run, const struct error *err, FILE *to)
{
	char text[sizeof err->message + 128];
	const char *denial = caps_denial(run->caps);
	const char *limit = caps_limit_reached(run->caps);
	if (denial != NULL && strstr(err->message, denial) == NULL)
		fprintf(to, "%s%s\n", speaker(run), denial);
	if (limit != NULL && strstr(err->message, limit) == NULL)
		fprintf(to, "%s%s\n", speaker(run), limit);
	const char *unknown =
	    run->wasi != NULL ? wasi_unknown_called(run->wasi, text, sizeof text) : NULL;
	if (unknown != NULL)
		fprintf(to, "%s%s\n", speaker(run), unknown);
	const char *failure = caps_broker_failure(run->caps);
	if (failure != NULL && err->kind != ERROR_NETWORK &&
	    (denial == NULL || strstr(denial, failure) == NULL))
		fprintf(to, "%swhat the module last reached out for failed: %s\n", speaker(run), failure);
}

/* Tells why the run ended that did not end well. An error without words has been told. */
static void report(const struct run *run, const struct error *err, FILE *to)
{
	char text[sizeof err->message + 128];
	if (err->kind != ERROR_NONE && err->kind != ERROR_EXIT && err->message[0] != '\0') {
		if (time_limit_is_over())
			fputs(time_limit_message(), to);
		else if (run->wall == NULL)
			fprintf(to, "tiphys run: %s: %s\n", run->operands.items[0],
			        error_format(err, text, sizeof text));
		else
			fprintf(to, "%s\n", error_format(err, text, sizeof text));
		if (err->kind == ERROR_TRAP)
			trap_report_print(store_trap(run->store), to);
	}
	if (run->store != NULL && store_memory_limit_reached(run->store))
		report_memory_limit(run, to);
	if (run->wall == NULL && err->kind == ERROR_TRAP &&
	    store_trap(run->store)->trap == TRAP_STACK_EXHAUSTED)
		fprintf(to,
		        "tiphys run: the call stack is limited to %" PRIu64
		        " bytes; --max-stack BYTES sets another limit\n",
		        run->options.max_stack != 0 ? run->options.max_stack : INTERP_STACK_DEFAULT);
	if (run->caps != NULL)
		report_refusals(run, err, to);
}

static unsigned limits_reached(const struct run *run, const struct error *err)
{
	unsigned reached = 0;
	if (run->store == NULL)
		return 0;
	if (store_memory_limit_reached(run->store))
		reached |= 1u << RUN_REACHED_MEMORY;
	if (err->kind == ERROR_TRAP && store_trap(run->store)->trap == TRAP_FUEL)
		reached |= 1u << RUN_REACHED_FUEL;
	if (err->kind == ERROR_TRAP && store_trap(run->store)->trap == TRAP_STACK_EXHAUSTED)
		reached |= 1u << RUN_REACHED_STACK;
	return reached;
}

/* The guest shares stderr behind a wall, so what is said of it goes another way. Apart, for most
 * runs end well and should not pay for this much of the stack. */
__attribute__((noinline)) static void report_behind(const struct run *run, const struct error *err,
                                                    int status)
{
	char text[RUN_TEXT_MAX] = "";
	/* A guest that has used up all memory may leave none for this. */
	FILE *to = fmemopen(text, sizeof text, "w");
	if (to != NULL) {
		report(run, err, to);
		fclose(to);
	}
	const struct run_end end = {.status = status,
	                            .kind = err->kind,
	                            .reached = limits_reached(run, err),
	                            .text = text,
	                            .size = strnlen(text, sizeof text)};
	run->wall->say_end(&end);
}

int run_behind(const struct run_wall *wall, int argc, char **argv)
{
	struct error err = ERROR_INIT;
	__attribute__((cleanup(run_clear))) struct run run = {.wall = wall, .argc = argc, .argv = argv};
	int status;

	if (!take_command_line(&run, &status))
		return status;
	if (wall == NULL && run.options.policies.count > 0)
		return policy_handover("run-policy", &run.options.policies, run.argc, run.argv,
		                       &run.operands);
	const char *file = run.operands.items[0];
	if (wall == NULL && looks_like_reference(file) && access(file, F_OK) != 0) {
		if (run.options.args_from == NOT_GIVEN)
			return hand_over_reference(&run);
		/* What came by a descriptor for its size or its secrecy must not go on by argv. */
		fprintf(stderr,
		        "tiphys run: %s: --args-from wants a FILE; fetch the module first "
		        "(tiphys pull %s FILE)\n",
		        file, file);
		return error_exit_status(ERROR_USAGE);
	}

	/* A write to a pipe that nobody reads is an error for the guest, not the end of tiphys. */
	signal(SIGPIPE, SIG_IGN);
	run_module(&run, &err);
	if (fflush(stdout) != 0)
		error_set_errno(&err, errno, "cannot write the results");
	if (run.options.timeout != 0)
		time_limit_clear();
	status = exit_status(&run, &err);
	if (status != 0 && wall == NULL)
		report(&run, &err, stderr);
	/* Whatever became of the guest, what was found out about the module is worth as much; only, the
	 * code of a run that was interrupted cannot be read any more. */
	if (keeps_images(&run) && !time_limit_is_over())
		images_keep(&run.images, &run.file, &run.rules, run.store);
	/* The process gives its memory back as a whole. Piece by piece would cost a fifth of a short
	 * run. */
	fflush(NULL);
	if (wall != NULL && status != 0)
		report_behind(&run, &err, status);
	else if (wall != NULL)
		wall->say_end(&(struct run_end){.status = status});
	_exit(status);
}

int cmd_run(int argc, char **argv)
{
	return run_behind(NULL, argc, argv);
}
