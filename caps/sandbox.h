/* What the process of a run may do to the machine, should the interpreter be broken: the second
 * wall behind the set of capabilities. The kernel keeps it, so it holds whatever code runs in the
 * process.
 *
 * It goes up when all that was granted is open, before a byte of the module is looked at, and never
 * comes down. Nothing here wants a privilege: it works for an unprivileged user without
 * capabilities. */
#ifndef CAPS_SANDBOX_H
#define CAPS_SANDBOX_H

#include "caps/caps.h"

enum sandbox_part {
#define SANDBOX_PART(id, name, risk) id,
#include "caps/sandbox.def"
#undef SANDBOX_PART
	SANDBOX_PART_COUNT,
};

struct sandbox_part_row {
	const char *name;
	const char *risk;
};

/* NULL when id is none of the table. */
const struct sandbox_part_row *sandbox_part_row(enum sandbox_part id);

/* Where processes may come to use more than their runs were granted. */
struct sandbox_limits {
	uint64_t data_bytes;  /* private writable memory, what is mapped already included */
	uint64_t cpu_seconds; /* processor time; at its end SIGXCPU, a second later SIGKILL */
	uint32_t open_files;  /* descriptors of the host */
	uint64_t file_bytes;  /* a file may grow to; 0: no limit but that of what it was granted */
};

/* Cuts this process and its later children off every network, by a namespace. False where the
 * kernel does not let it; then only the system-call filter denies sockets. For a process with one
 * thread. */
bool sandbox_leave_network(void);

/* For a process whose children enter the sandbox: puts up beforehand what is the same for all of
 * them, which is cheaper for each of them. It may still fork workers and open files. 0, or a
 * negative errno; -ENOSYS where the kernel has no such thing. */
int sandbox_prepare(void);

/* For a child of a process that has prepared: does what needs neither grants nor limits to be
 * known. sandbox_enter() does what is left. */
void sandbox_stand(void);

/* Puts the calling process, which has one thread, behind the wall: files below the directories of
 * the set and no others (read-only ones for reading), the system calls of sandbox_calls.def,
 * the limits, no capability and no new one, no dump and no tracing, no name but `tiphys-step`.
 * *lacks gets the bits 1 << enum sandbox_part of what the kernel does not grant; has_left_network
 * tells what sandbox_leave_network() answered. 0, or a negative errno when a part that the kernel
 * has could not be put up: then the run must not start. */
int sandbox_enter(struct caps *caps, const struct sandbox_limits *limits, bool has_left_network,
                  unsigned *lacks);

/* The version of Landlock's interface; 0: the kernel has none. */
int sandbox_landlock_version(void);

#endif
