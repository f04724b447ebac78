/* One line on a terminal: what is being done, how much is, and how long the rest will take. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stddef.h>
#include <stdio.h>

struct progress_line {
	FILE *out; /* NULL: nothing is shown */
	const char *title;
	double began; /* CLOCK_MONOTONIC, seconds */
};

/* Shows on stderr when that is a terminal, else not at all. `title` is borrowed. */
void progress_line_init(struct progress_line *line, const char *title);

/* `done` of `all` are done; `what` comes next. */
void progress_line_show(const struct progress_line *line, size_t done, size_t all,
                        const char *what);

/* Wipes it. */
void progress_line_clear(const struct progress_line *line);

/* The text, for `elapsed` seconds: "kernels: 3 of 12, fib by wasm3, 9 s left". */
char *progress_line_text(char *text, size_t size, const char *title, size_t done, size_t all,
                         const char *what, double elapsed);

#endif
