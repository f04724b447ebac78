/* What Kubernetes makes of an Argo step, as far as containers go: pause, then init, then wait and
 * main, which share the pause container's namespaces. No kubelet, scheduler or API server: a lower
 * bound. */
#ifndef BENCH_POD_H
#define BENCH_POD_H

#include "bench/container.h"
#include "bench/measure.h"

struct pod {
	const char *runtime; /* "crun" or "runc" */
	const char *state;   /* directory of the runtime's state */
	const char *bundles; /* directory for this pod's four bundles */
	const char *rootfs;
	const char *const *args; /* of main */
};

/* A cell_function; env is a struct pod. The output is main's; the time is from the first
 * container's creation until all four are gone. */
cell_function pod_run;

/* The containers of a pod whose main runs on. */
struct pod_standing {
	struct container pause, wait, main;
};

/* Starts main in the background. *standing is {0} before and is for pod_end() after, on failure
 * too. The calling process must be a subreaper. */
bool pod_start(const struct pod *pod, struct pod_standing *standing, struct error *err);
bool pod_end(struct pod_standing *standing, struct error *err);

#endif
