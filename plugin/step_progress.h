/* How far a step has come: "n/m", as a guest writes it to /work/progress and Argo shows it. */
#ifndef PLUGIN_STEP_PROGRESS_H
#define PLUGIN_STEP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

/* The file's name below /work, and what it may hold. */
#define STEP_PROGRESS_FILE "progress"
#define STEP_PROGRESS_MAX 64

/* Two numbers of up to 18 digits with their terminator. */
#define STEP_PROGRESS_SIZE 38

/* Takes "n/m" with 0 ≤ n ≤ m and 0 < m, white space around it, as Argo does. False, with
 * `progress` untouched, for anything else. */
bool step_progress_parse(const char *text, size_t size, char progress[STEP_PROGRESS_SIZE]);

#endif
