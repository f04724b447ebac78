#include "bench/pod.h"

#include "bench/bundle.h"
#include "caps/cleanup.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { PATH_SIZE = 4096, END_SECONDS = 20 };

/* One container of the pod. */
struct member {
	const struct pod *pod;
	char bundle[PATH_SIZE], id[64], pid_file[PATH_SIZE];
	bool is_made;
};

static bool member_write(struct member *member, const struct pod *pod, const char *name,
                         const char *const *args, pid_t joins, struct error *err)
{
	static unsigned number;
	const struct bundle bundle = {.rootfs = pod->rootfs, .args = args, .joins = joins};
	member->pod = pod;
	snprintf(member->bundle, sizeof member->bundle, "%s/%s", pod->bundles, name);
	snprintf(member->pid_file, sizeof member->pid_file, "%.4000s/pid", member->bundle);
	snprintf(member->id, sizeof member->id, "bench-pod-%d-%u", (int)getpid(), number++);
	return bundle_write(member->bundle, &bundle, err);
}

static bool call(const struct member *member, char *const *argv,
                 const struct process_options *options, struct process_result *result,
                 struct error *err)
{
	if (!process_run(argv, options, result, err))
		return false;
	if (result->status != 0)
		return error_set(err, ERROR_SYSTEM, "%s %s: status %d: %s", member->pod->runtime, argv[3],
		                 result->status, result->complaint);
	return true;
}

#define TEXT(text) ((char *)(uintptr_t)(text))

/* Starts it in the background. */
static bool member_start(struct member *member, struct error *err)
{
	/* The container keeps what it is given as its output, so a pipe would not come to its end. */
	const struct process_options options = {.discards_output = true};
	cleanup_process struct process_result result = {0};
	char *argv[] = {TEXT(member->pod->runtime),
	                "--root",
	                TEXT(member->pod->state),
	                "run",
	                "--detach",
	                "--pid-file",
	                member->pid_file,
	                "--bundle",
	                member->bundle,
	                member->id,
	                NULL};
	member->is_made = true;
	return call(member, argv, &options, &result, err);
}

static pid_t member_pid(const struct member *member)
{
	int pid = 0;
	FILE *file = fopen(member->pid_file, "re");
	if (file != NULL && fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file != NULL)
		fclose(file);
	return pid;
}

/* Runs it to its end. */
static bool member_run(const struct member *member, struct process_result *result,
                       struct error *err)
{
	char *argv[] = {TEXT(member->pod->runtime),
	                "--root",
	                TEXT(member->pod->state),
	                "run",
	                "--bundle",
	                TEXT(member->bundle),
	                TEXT(member->id),
	                NULL};
	return process_run(argv, NULL, result, err);
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

static bool do_with(const struct member *member, const char *what, const char *word,
                    struct error *err)
{
	cleanup_process struct process_result result = {0};
	char *argv[] = {TEXT(member->pod->runtime),
	                "--root",
	                TEXT(member->pod->state),
	                TEXT(what),
	                TEXT(member->id),
	                TEXT(word),
	                NULL};
	return call(member, argv, NULL, &result, err);
}

/* As containerd's shim ends one: a kill, and the deletion when the process is gone. The runtime's
 * own `delete --force` would look again every 100 ms. */
static bool member_end(const struct member *member, struct error *err)
{
	pid_t pid = member->is_made ? member_pid(member) : 0;
	if (pid == 0)
		return true;
	return do_with(member, "kill", "KILL", err) && await_end(pid, err) &&
	       do_with(member, "delete", NULL, err);
}

static bool run_members(const struct pod *pod, struct member *pause, struct member *wait,
                        struct process_result *result, struct error *err)
{
	static const char *const idle[] = {"/bin/sleep", "3600", NULL};
	static const char *const nothing[] = {"/bin/sh", "-c", ":", NULL};
	cleanup_process struct process_result init_result = {0};
	struct member init = {0}, main = {0};
	if (!member_write(pause, pod, "pause", idle, 0, err) || !member_start(pause, err))
		return false;
	pid_t shared = member_pid(pause);
	if (shared == 0)
		return error_set(err, ERROR_SYSTEM, "%s did not tell the pause container's process",
		                 pod->runtime);
	if (!member_write(&init, pod, "init", nothing, shared, err) ||
	    !member_run(&init, &init_result, err))
		return false;
	if (init_result.status != 0)
		return error_set(err, ERROR_SYSTEM, "the init container ended with status %d: %s",
		                 init_result.status, init_result.complaint);
	return member_write(wait, pod, "wait", idle, shared, err) && member_start(wait, err) &&
	       member_write(&main, pod, "main", pod->args, shared, err) &&
	       member_run(&main, result, err);
}

bool pod_run(void *env, struct process_result *result, struct error *err)
{
	const struct pod *pod = env;
	struct member pause = {0}, wait = {0};
	double began = monotonic_seconds();
	/* What the runtime leaves behind becomes this process' child. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	bool went_well = run_members(pod, &pause, &wait, result, err);
	went_well = member_end(&wait, err) && went_well;
	went_well = member_end(&pause, err) && went_well;
	result->wall = monotonic_seconds() - began;
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	return went_well;
}
