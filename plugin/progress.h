/* The bar that shows a transfer on a terminal: bytes, rate, time left. */
#ifndef PLUGIN_PROGRESS_H
#define PLUGIN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
	FILE *out; /* NULL: nothing is shown */
	char what[160];
	uint64_t began_milliseconds;
	bool drawn;
};

/* Shows on stderr when that is a terminal that can redraw a line; else not at all. */
void progress_init(struct progress *progress);

/* A modules_progress; `env` is a struct progress. */
bool progress_moved(void *env, const char *what, uint64_t done, uint64_t total);

/* Wipes the bar, so that what is printed next stands on a clean line. */
void progress_clear(struct progress *progress);

/* The bar's text for `elapsed` milliseconds of a transfer, without colours or line ends:
 * "sha256:0123456789ab [######----]  6.0 of 10.0 MiB  2.0 MiB/s  2 s left". */
char *progress_text(char *text, size_t size, const char *what, uint64_t done, uint64_t total,
                    uint64_t elapsed);

#endif
