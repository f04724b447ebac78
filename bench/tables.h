/* What was measured, in tables for people: the same on the terminal, in the
 * report and in the README, since all are made from the file of results. */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Row: id, function of tables.c, the bench and the measure of what the table shows. In the order in
 * which they are measured and shown. */
#define TABLES(X)                                                                                  \
	X(TABLE_WARM, warm, "steps", "wall")                                                           \
	X(TABLE_PEAK, peak, "steps", "peak")                                                           \
	X(TABLE_COLD, cold, "cold", "wall")                                                            \
	X(TABLE_LOAD, load, "load", "throughput")                                                      \
	X(TABLE_DENSITY, density, "density", "resident")                                               \
	X(TABLE_KERNELS, tables_kernels, "kernels", "user")                                            \
	X(TABLE_KERNELS_TARGETS, tables_kernels_targets, "kernels", "user")                            \
	X(TABLE_START, tables_start, "start", "wall")                                                  \
	X(TABLE_START_TARGETS, tables_start_targets, "start", "wall")

enum table_kind {
#define X(id, function, bench, measure) id,
	TABLES(X)
#undef X
	    TABLE_COUNT
};

/* What begins the measure of how much longer something takes, round by round. */
#define TABLES_BEYOND "wall beyond "

/* When and where that was measured, in a line. Gives `text`. */
char *tables_machine(const json_t *root, char *text, size_t size);

/* The contender that others are compared with. */
#define TABLES_REFERENCE "tiphys serve, in memory"

/* How idle the machine was before the series of that bench and measure; of several such moments,
 * the busiest. True when it was too busy for their figures to be trusted. */
bool tables_conditions(const json_t *root, const char *bench, const char *measure, char *text,
                       size_t size);

/* Prints a table in Markdown and a paragraph that says how it came about, with a warning above when
 * the machine was not idle then; nothing where the results
 * hold nothing for it. `root` is as bench/results.h says. False when memory ran out. */
bool table_print(const json_t *root, enum table_kind table, FILE *out);

/* All of them, with an empty line between. */
bool tables_print(const json_t *root, FILE *out);

#endif
