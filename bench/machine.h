/* What was measured on, and whether it was idle. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine {
	char processor[128];      /* "AMD EPYC 7B13", or "unknown" */
	char kernel[128];         /* "Linux 6.1.0 x86_64" */
	char system[128];         /* "Debian GNU/Linux 12 (bookworm)" */
	char virtualisation[128]; /* "none seen", "a hypervisor (KVM)" … */
	char cgroups[32];         /* "v1", "v2", "hybrid", "none" */
	unsigned processors;      /* that this process may use */
	uint64_t memory_bytes;
	double load; /* over the last minute, when asked */
};

void machine_describe(struct machine *machine);

/* In one line. */
char *machine_text(const struct machine *machine, char *text, size_t size);

/* The part of the processors' time that nobody used while this waited. Below 0 when the kernel does
 * not tell. */
double machine_idle_share(unsigned milliseconds);

#define MACHINE_IDLE_ENOUGH 0.90

/* Waits until the machine is idle, for at most so many seconds. Gives the last share seen. */
double machine_wait_idle(double seconds);

#endif
