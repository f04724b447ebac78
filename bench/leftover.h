/* What a measurement that was ended in between leaves: processes, containers, mounts, control
 * groups, and the state of container engines in its directory. */
#ifndef BENCH_LEFTOVER_H
#define BENCH_LEFTOVER_H

#include "validator/error.h"

#include <stdbool.h>

/* The variable of the environment that has the directory, in every process of a measurement. */
#define LEFTOVER_MARK "TIPHYS_BENCH_DIRECTORY"

/* Notes on the disk that there may be something, until leftover_remove() or leftover_forget(). */
bool leftover_note(const char *directory, struct error *err);
void leftover_forget(const char *directory);
bool leftover_is_there(const char *directory);

/* Kills the processes of an earlier measurement in the directory. */
void leftover_kill(const char *directory);

/* Removes containers, mounts, control groups and the engines' state, when the processes are dead,
 * and forgets. May change the mount namespace of this process. */
bool leftover_remove(const char *directory, struct error *err);

#endif
