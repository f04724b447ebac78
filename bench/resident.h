/* How much memory a process and all that came of it hold. */
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

#include "validator/error.h"

#include <stdint.h>
#include <sys/types.h>

struct resident {
	size_t processes;
	uint64_t bytes; /* their proportional set sizes (what k share counts 1/k for each), and their
	                   page tables; the kernel's own stacks and objects are not known by process */
	uint64_t ticks; /* of processor time that they have used */
};

enum resident_how {
	RESIDENT_BELOW = 1, /* the process itself is left out */
	RESIDENT_COUNTED =
	    2, /* .bytes is left 0: adding them up takes a quarter of a millisecond each */
};

/* Processes that stood at one moment, in the order of their ids; pids is for free(). */
struct resident_known {
	pid_t *pids;
	size_t count;
};

/* A process and its living descendants. With false *known is empty. */
bool resident_know(pid_t root, struct resident_known *known, struct error *err);

/* Sums over a process and its living descendants; `how` holds bits of enum resident_how. Those that
 * are `known` (NULL: none) and those that end meanwhile are left out. */
bool resident_of_tree(pid_t root, unsigned how, const struct resident_known *known,
                      struct resident *sum, struct error *err);

/* Kills a process' living descendants; *killed: how many. Those that begin meanwhile are left. */
bool resident_kill_below(pid_t root, size_t *killed, struct error *err);

#endif
