#include "bench/pod.h"

#include <sys/prctl.h>

static bool write_member(struct container *member, const struct pod *pod, const char *name,
                         const char *const *args, pid_t joins, struct error *err)
{
	const struct bundle bundle = {.rootfs = pod->rootfs, .args = args, .joins = joins};
	return container_write(member, pod->runtime, pod->state, pod->bundles, name, &bundle, err);
}

/* All but main, which is written only. */
static bool start_members(const struct pod *pod, struct pod_standing *standing, struct error *err)
{
	static const char *const idle[] = {"/bin/sleep", "3600", NULL};
	static const char *const nothing[] = {"/bin/sh", "-c", ":", NULL};
	cleanup_process struct process_result init_result = {0};
	struct container init = {0};
	if (!write_member(&standing->pause, pod, "pause", idle, 0, err) ||
	    !container_start(&standing->pause, err))
		return false;
	pid_t shared = container_pid(&standing->pause);
	if (shared == 0)
		return error_set(err, ERROR_SYSTEM, "%s did not tell the pause container's process",
		                 pod->runtime);
	if (!write_member(&init, pod, "init", nothing, shared, err) ||
	    !container_run(&init, &init_result, err))
		return false;
	if (init_result.status != 0)
		return error_set(err, ERROR_SYSTEM, "the init container ended with status %d: %s",
		                 init_result.status, init_result.complaint);
	return write_member(&standing->wait, pod, "wait", idle, shared, err) &&
	       container_start(&standing->wait, err) &&
	       write_member(&standing->main, pod, "main", pod->args, shared, err);
}

bool pod_start(const struct pod *pod, struct pod_standing *standing, struct error *err)
{
	return start_members(pod, standing, err) && container_start(&standing->main, err);
}

bool pod_end(struct pod_standing *standing, struct error *err)
{
	bool went_well = container_end(&standing->main, err);
	went_well = container_end(&standing->wait, err) && went_well;
	return container_end(&standing->pause, err) && went_well;
}

bool pod_run(void *env, struct process_result *result, struct error *err)
{
	const struct pod *pod = env;
	struct pod_standing standing = {0};
	double began = monotonic_seconds();
	/* What the runtime leaves behind becomes this process' child. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	bool went_well =
	    start_members(pod, &standing, err) && container_run(&standing.main, result, err);
	went_well = pod_end(&standing, err) && went_well;
	result->wall = monotonic_seconds() - began;
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	return went_well;
}
