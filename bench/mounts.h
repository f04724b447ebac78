/* The mounts that the contenders see. */
#ifndef BENCH_MOUNTS_H
#define BENCH_MOUNTS_H

#include "validator/error.h"

/* Where cgroups are mounted hybrid, crun refuses to run: then this process goes into a mount
 * namespace of its own without the v2 part, and so does every contender that it starts. *note tells
 * in a sentence what was done, or is NULL when nothing was. Needs root. */
bool mounts_without_hybrid(const char **note, struct error *err);

#endif
