/* Runs a guest in a process of its own, which the kernel lets do nothing but run a guest. How it is
 * launched is known here, in plugin/crew.h and in plugin/launcher.h, and nowhere else.
 *
 * A worker has an empty environment, four descriptors (stdin, stdout, stderr, and the socket that
 * its job comes through), a process group of its own, the walls of caps/sandbox.h, and dies with
 * the server. Whatever a guest does to its process, the server sees an exit status and some bytes.
 * Some workers stand ready, forked before there is a step for them; each runs one step and is gone.
 *
 * To hand a worker one more thing: a text becomes an option of `tiphys run` among its strings; a
 * number becomes a field of struct worker_job; a descriptor becomes a row of JOB_DESCRIPTORS
 * (plugin/order.h), and worker_run() (send_job() in worker.c) sends it when the task has it. */
#ifndef PLUGIN_WORKER_H
#define PLUGIN_WORKER_H

#include "plugin/bytes.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct workers;

/* Starts the process that workers are forked from: the executable's `worker-parent`. Call it before
 * any secret is read, from the thread that lives as long as the server. `executable` is borrowed.
 * Once there was a step, `ready` workers stand ready as soon as the worker parent gets round to it.
 * NULL with *err set when it cannot be started. */
struct workers *workers_create(const char *executable, size_t ready, struct error *err);

/* What this machine's kernel puts around workers, as a first one found out. */
struct worker_sandbox {
	unsigned lacks;       /* bits 1 << enum sandbox_part */
	int landlock;         /* version of its interface; 0: none */
	bool network_is_left; /* by a namespace; else sockets are denied by the system-call filter */
	uint64_t build; /* of the executable, as its images have it (plugin/image_folder.h); 0: none */
	unsigned image_mode;
};

const struct worker_sandbox *workers_sandbox(const struct workers *workers);

/* No worker may run. NULL is allowed. */
void workers_destroy(struct workers *workers);

/* Kills every worker and lets no other start. From any thread; worker_run() then returns
 * WORKER_STOPPED. */
void workers_stop(struct workers *workers);

/* Reaps children that are no workers: what a process 1 inherits. Returns true when some child may
 * be left that is to be looked at again soon. */
bool workers_reap_others(struct workers *workers);

struct worker_task {
	const char *const *strings; /* options and operands of `tiphys run` */
	size_t string_count;
	/* For stdin; NULL: stdin is /dev/null. A worker may end without reading it, so whoever gives it
	 * blocks or ignores SIGPIPE. */
	const char *input;
	size_t input_size;
	uint64_t time_ms;    /* wall time until it is killed */
	size_t output_bytes; /* of stdout, and of stderr, until it is killed */
	bool has_broker;     /* broker_fd is its end of the socket to a broker (JOB_BROKER) */
	int broker_fd;
	const struct worker_compile *compile; /* NULL: a module is run */
};

/* Has an image made (JOB_COMPILE): then the strings are --enable and --limit. The descriptors stay
 * the caller's. */
struct worker_compile {
	int module_fd;       /* for reading */
	int image_fd;        /* an empty file, for reading and writing */
	int old_image_fd;    /* -1: there is none */
	uint64_t file_bytes; /* as large may the image become */
	uint64_t data_bytes; /* memory that it may take; 0: as the module's size wants */
};

enum worker_end {
	WORKER_EXITED,    /* status: the exit status */
	WORKER_SIGNALLED, /* status: the signal, which did not come from here */
	WORKER_TIME,      /* killed at time_ms */
	WORKER_STDOUT,    /* killed when it wrote more than output_bytes there */
	WORKER_STDERR,
	WORKER_NO_MEMORY, /* killed since the server had no memory for what it wrote */
	WORKER_STOPPED,   /* killed by workers_stop(), or not started for it */
};

/* Starts as {0}. */
struct worker_outcome {
	enum worker_end end;
	int status;
	struct bytes out; /* at most output_bytes of each */
	struct bytes err;
	/* Where the worker said how it ended, which WORKER_EXITED alone tells; what of that is
	 * verified, plugin/order.h says: */
	uint32_t kind;    /* enum error_kind: what ended it; ERROR_NONE, ERROR_EXIT: the guest itself */
	uint32_t reached; /* bits 1 << enum run_reached (plugin/run.h) */
	struct bytes said; /* why, in lines that no guest writes; at most WORKER_TEXT_MAX bytes */
	uint64_t took_ms;
};

void worker_outcome_clear(struct worker_outcome *outcome);
#define cleanup_worker_outcome __attribute__((cleanup(worker_outcome_clear)))

/* Runs one worker to its end (worker_settle()); blocks, and is called by many threads at once.
 * False with *err set when it could not be started. Nothing of the worker is left when it returns.
 */
bool worker_run(struct workers *workers, const struct worker_task *task,
                struct worker_outcome *outcome, struct error *err);

/* A worker that was killed and may not be gone yet. */
struct hand;

/* As worker_run(), but returns as soon as the outcome is known: taking a process apart takes longer
 * than many a step. *left is what is left of the worker, or NULL, for worker_bury().
 *
 * Until it is buried, what it was given (directories, its broker) may still change: one whose
 * interpreter is broken may have lied, say that it is done and run on until the signal reaches it.
 * What is in *outcome does not change. So whoever reads what a worker leaves in files buries it
 * first, and so does who gives away what it had. */
bool worker_run_to_word(struct workers *workers, const struct worker_task *task,
                        struct worker_outcome *outcome, struct hand **left, struct error *err);

/* Blocks until the worker is gone. NULL is allowed. */
void worker_bury(struct workers *workers, struct hand *left);

/* As worker_bury(), and mends *outcome, which worker_run_to_word() gave: where the kernel tells of
 * another end than the worker did, that one counts, and nothing that the worker said of it. */
void worker_settle(struct workers *workers, struct hand *left, struct worker_outcome *outcome);

#endif
