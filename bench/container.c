#include "bench/container.h"

#include "bench/leftover.h"
#include "caps/cleanup.h"

#include <poll.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

enum { END_SECONDS = 20 };

#define TEXT(text) ((char *)(uintptr_t)(text))

bool container_write(struct container *container, const char *runtime, const char *state,
                     const char *directory, const char *name, const struct bundle *bundle,
                     struct error *err)
{
	*container = (struct container){.runtime = runtime, .state = state};
	snprintf(container->bundle, sizeof container->bundle, "%s/%s", directory, name);
	snprintf(container->pid_file, sizeof container->pid_file, "%.4000s/pid", container->bundle);
	leftover_name(container->id, sizeof container->id, name);
	return bundle_write(container->bundle, bundle, err);
}

bool container_run(const struct container *container, struct process_result *result,
                   struct error *err)
{
	char *argv[] = {TEXT(container->runtime),
	                "--root",
	                TEXT(container->state),
	                "run",
	                "--bundle",
	                TEXT(container->bundle),
	                TEXT(container->id),
	                NULL};
	return process_run(argv, NULL, result, err);
}

static bool call(const struct container *container, char *const *argv,
                 const struct process_options *options, struct error *err)
{
	cleanup_process struct process_result result = {0};
	if (!process_run(argv, options, &result, err))
		return false;
	return result.status == 0 ||
	       error_set(err, ERROR_SYSTEM, "%s %s: status %d: %s", container->runtime, argv[3],
	                 result.status, result.complaint);
}

bool container_start(struct container *container, struct error *err)
{
	/* The container keeps what it is given as its output, so a pipe would not come to its end. */
	const struct process_options options = {.discards_output = true};
	char *argv[] = {TEXT(container->runtime),
	                "--root",
	                TEXT(container->state),
	                "run",
	                "--detach",
	                "--pid-file",
	                container->pid_file,
	                "--bundle",
	                container->bundle,
	                container->id,
	                NULL};
	container->is_started = true;
	return call(container, argv, &options, err);
}

pid_t container_pid(const struct container *container)
{
	int pid = 0;
	FILE *file = fopen(container->pid_file, "re");
	if (file != NULL && fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file != NULL)
		fclose(file);
	return pid;
}

/* Until the process is gone. It has become a child of this one, which reaps it as a shim would:
 * while a dead one waits for that, the kernel does not end the namespace that it was in. */
static bool await_end(pid_t pid, struct error *err)
{
	cleanup_close int fd = pidfd_open(pid, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};
	if (fd < 0 && errno == ESRCH)
		return true;
	if (fd < 0)
		return error_set_errno(err, errno, "pidfd_open");
	if (poll(&end, 1, END_SECONDS * 1000) <= 0)
		return error_set(err, ERROR_SYSTEM, "a container's process outlives its kill");
	waitpid(pid, NULL, 0);
	return true;
}

static bool do_with(const struct container *container, const char *what, const char *word,
                    struct error *err)
{
	char *argv[] = {TEXT(container->runtime),
	                "--root",
	                TEXT(container->state),
	                TEXT(what),
	                TEXT(container->id),
	                TEXT(word),
	                NULL};
	return call(container, argv, NULL, err);
}

/* As containerd's shim ends one: a kill, and the deletion when the process is gone. The runtime's
 * own `delete --force` would look again every 100 ms. */
bool container_end(struct container *container, struct error *err)
{
	pid_t pid = container->is_started ? container_pid(container) : 0;
	container->is_started = false;
	if (pid == 0)
		return true;
	return do_with(container, "kill", "KILL", err) && await_end(pid, err) &&
	       do_with(container, "delete", NULL, err);
}
