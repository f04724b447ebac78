/* The file that a measurement leaves: JSON that `tiphys bench compare` and the report read.
 *
 *   {"tiphys": VERSION, "date": "2026-01-31T12:00:00Z", "command": "tiphys bench …",
 *    "arguments": ["--rounds", "5", …],       what stood behind it, paths without directories
 *    "guests": [{"name": "go", "bytes": 2600000}],
 *    "machine": {"processor": …, …},
 *    "contenders": [{"name": "wasm3", "version": …, "how": "the flags used",
 *                    "words": ["wasm3"]}],    the command, the guest's path left out
 *    "series": [{"bench": "kernels", "job": "fib", "contender": "wasm3", "measure": "user",
 *                "unit": "s", "figures": [0.81, …], "count": 7, "median": …, "min": …, "p95": …,
 *                "spread": …, "runs": 105,     runs: behind the figures, each the median of some;
 *                                              min and p95 are of them
 *                "idle": 0.98, "load": 0.12}], of the machine right before the series: the part of
 *                                              its time that was free (below 0: not known), and
 *                                              the load of the last minute
 *    "budget": …, "burst_ms": …,              of `tiphys bench steps`: bytes for density, and how
 *    "rounds": 11, "rounds_max": 44,          rounds of warm steps ended: as many were planned,
 * none "within": 150, "settle": 30,             began after `within` seconds (0: all did), those
 * that scattered went on for `settle` seconds at most "refusals": [{"bench": …, "job": …,
 * "contender": …, "reason": …}]} */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "bench/machine.h"
#include "plugin/options.h"
#include "validator/error.h"

#include <jansson.h>

/* The row for a command whose struct has `const char *` in that field. */
#define OPTION_JSON(type, field) OPTION_TEXT(type, field, "json", "FILE", "write all figures there")

struct results {
	json_t *root;
	double idle, load; /* of results_settle(), for the series that follow */
	bool is_settled;
	bool is_broken; /* memory ran out */
};

/* Describes the machine. */
bool results_init(struct results *results, const char *command, struct error *err);
void results_clear(struct results *results);

/* Right before series: waits for other work on the machine to end, though not for long, and notes
 * how idle it is then; all series up to the next call tell that. */
void results_settle(struct results *results);
#define cleanup_results __attribute__((cleanup(results_clear)))

/* A series of more figures is kept as so many of its quantiles. */
#define RESULTS_FIGURES_MAX 1000

/* `how` may be NULL. */
void results_contender(struct results *results, const char *name, const char *version,
                       const char *how);
/* The command line; `argv` begins with the command's name. Paths are told without their
 * directories, here and in results_words(), which are the last contender's. */
void results_arguments(struct results *results, int argc, char **argv);
void results_words(struct results *results, char *const *words, size_t count);
void results_guest(struct results *results, const char *name, uint64_t bytes);
void results_series(struct results *results, const char *bench, const char *job,
                    const char *contender, const char *measure, const char *unit,
                    const double *figures, size_t count);
/* As results_series(), where each figure is the median of some of the runs. */
void results_series_of_runs(struct results *results, const char *bench, const char *job,
                            const char *contender, const char *measure, const char *unit,
                            const double *figures, size_t count, const double *runs,
                            size_t run_count);
/* A number at the root, for who reads the file. */
void results_number(struct results *results, const char *key, double number);
void results_refusal(struct results *results, const char *bench, const char *job,
                     const char *contender, const char *reason);

/* Reads a file that results_write() wrote; *results is {0} before. */
bool results_read(struct results *results, const char *path, struct error *err);

/* Before a measurement, which takes minutes: tries whether results_write() can write there, and
 * leaves nothing. Refuses a directory; what is written through (below) is looked
 * at and not opened. */
bool results_probe(const char *path, struct error *err);

/* Writes the file whole, by renaming, where symlinks lead. A FIFO or a device is written to and not
 * replaced, so that --json /dev/stdout does what it says. */
bool results_write(const struct results *results, const char *path, struct error *err);

/* One line for people: the machine, how idle it was, the date. */
void results_print_machine(const struct results *results, FILE *out);

#endif
