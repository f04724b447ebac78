/* What a measurement that was ended in between leaves: processes, containers, mounts, control
 * groups, containerd's sockets, folders of steps, and the state of container engines in its
 * directory. A directory is named as realpath() has it. */
#ifndef BENCH_LEFTOVER_H
#define BENCH_LEFTOVER_H

#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>

/* The variable of the environment that has the directory, in every process of a measurement. */
#define LEFTOVER_MARK "TIPHYS_BENCH_DIRECTORY"

/* What all containers of measurements in a directory are called by, and so their control groups. */
enum { LEFTOVER_PREFIX_SIZE = 16 };
void leftover_prefix(const char *directory, char prefix[LEFTOVER_PREFIX_SIZE]);

/* The directory of the measurement that this process belongs to; "" when it has none. Borrowed. */
const char *leftover_directory(void);

/* Removes the control groups of measurements in a directory, and what is below these, but none that
 * has processes. */
void leftover_groups(const char *directory);

/* A name for a container of the measurement that this process belongs to, which has no other. */
void leftover_name(char *name, size_t size, const char *what);

/* Makes a folder below /tmp, where the steps of a server have theirs by default, and notes it. */
enum { LEFTOVER_FOLDER_SIZE = 32 };
bool leftover_folder(char path[LEFTOVER_FOLDER_SIZE], struct error *err);

/* Notes on the disk that there may be something, until leftover_remove() or leftover_forget(). */
bool leftover_note(const char *directory, struct error *err);
void leftover_forget(const char *directory);
bool leftover_is_there(const char *directory);

/* Kills the processes of an earlier measurement in the directory, and what they start meanwhile,
 * until none is left. */
bool leftover_kill(const char *directory, struct error *err);

/* Removes all else, when the processes are dead, and forgets. May change the mount namespace of
 * this process. */
bool leftover_remove(const char *directory, struct error *err);

#endif
