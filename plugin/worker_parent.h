/* The process that workers are forked from: the slim executable, started before the server holds a
 * secret, with nothing but a socket to the server. It opens no file and looks at no guest's byte,
 * so that each worker starts as clean as the first. */
#ifndef PLUGIN_WORKER_PARENT_H
#define PLUGIN_WORKER_PARENT_H

#include "plugin/order.h"
#include "plugin/run.h"

#include <stdbool.h>
#include <stdint.h>

/* What is the same for all workers. */
struct worker_terms {
	bool has_left_network; /* sandbox_leave_network() */
	uint32_t lacks;        /* parts of the sandbox that this kernel does not grant */
};

/* Runs in the worker when it has a job, behind stdin, stdout, stderr and JOB_SOCKET, which holds
 * its arguments to its end; the exit status of the worker. */
typedef int worker_function(const struct worker_terms *terms, const struct worker_job *job);

/* Tells the server how this worker ends, before the kernel has taken it apart. For the function
 * above, where it ends the process itself: all that it has to write is written, and nothing comes
 * after it. JOB_SOCKET must be open. */
void worker_say_end(const struct run_end *end);

/* With `prepared` what is the same for the sandboxes of all workers is put up once, in this
 * process: then work->run may make no other calls than those of caps/sandbox_calls.def and
 * caps/sandbox_ancestor_calls.def. Forks a worker for each order until the socket ends; the exit
 * status of the worker parent. The workers are children of the server (CLONE_PARENT): it waits for
 * them, and they are its to kill.
 */
struct worker_work {
	worker_function *run;
	uint64_t build; /* for the hello (plugin/order.h) */
	uint32_t image_mode;
};
int worker_parent(const struct worker_work *work, bool prepared);

#endif
