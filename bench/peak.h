/* How much memory a command takes at most. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include "validator/error.h"

#include <stdint.h>
#include <sys/types.h>

/* Runs the command, its output thrown away, and sums the peaks of resident memory of all processes
 * that it started, each as the kernel tells it at the process' end and before an execve() (VmHWM):
 * what they share is counted for each. The command is traced for that, so its time means nothing.
 * False when it ends with a status other than 0. */
bool peak_of_command(char *const *argv, uint64_t *bytes, struct error *err);

#endif
