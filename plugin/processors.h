/* How many processors this process may use at a time. */
#ifndef PLUGIN_PROCESSORS_H
#define PLUGIN_PROCESSORS_H

#include <stdint.h>

/* Those that it may be scheduled on. */
uint64_t processors_present(void);

/* Of `present` ones, as many as the processor time that the cgroup and those above it grant can
 * keep busy, rounded up, at least 1: cpu.max of version 2, cpu.cfs_quota_us of version 1. `root`
 * stands before /proc and /sys; "" for this machine's. */
uint64_t processors_granted(const char *root, uint64_t present);

#endif
