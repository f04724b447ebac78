/* OCI runtime bundles: a directory with the config.json that crun and runc read. */
#ifndef BENCH_BUNDLE_H
#define BENCH_BUNDLE_H

#include "validator/error.h"

#include <sys/types.h>

struct bundle {
	const char *rootfs;      /* absolute; mounted read-only */
	const char *const *args; /* up to NULL */
	pid_t joins; /* a process whose network, IPC, UTS and PID namespaces are shared; 0: none */
};

/* Makes the directory where it is missing and writes its config.json. The container gets namespaces
 * of its own (mount, PID, IPC, UTS, network), no capabilities, and the usual /proc, /dev and /tmp.
 */
bool bundle_write(const char *directory, const struct bundle *bundle, struct error *err);

#endif
