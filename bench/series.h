/* What a file of results (bench/results.h) holds, for tables and verdicts. */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Of an object's key; "" and 0 where there is none. */
const char *text_of(const json_t *object, const char *key);
double number_of(const json_t *object, const char *key);

bool series_is_of(const json_t *series, const char *bench, const char *measure);

/* The series, or NULL. */
const json_t *series_find(const json_t *root, const char *bench, const char *job,
                          const char *contender, const char *measure);

enum { SERIES_NAMES_MAX = 64 };

/* Borrowed from the results. */
struct names {
	const char *items[SERIES_NAMES_MAX];
	size_t count;
};

/* Whoever has a series of that, and the jobs that have one, in the order of the results. `job`
 * NULL: of any. */
struct names series_contenders(const json_t *root, const char *bench, const char *job,
                               const char *measure);
struct names series_jobs(const json_t *root, const char *bench, const char *measure);

/* The fewest figures that a series of that has; 0 without one. */
unsigned series_least_count(const json_t *root, const char *bench, const char *measure);

/* Whether a ratio of its median may be made: of enough figures, which do not scatter too much. */
bool series_is_steady(const json_t *series);

#endif
