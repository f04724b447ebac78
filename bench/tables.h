/* What `tiphys bench steps` has measured, in tables for people: the same on the terminal, in the
 * report and in the README, since all are made from the file of results. */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Row: id, function of tables.c. In the order in which they are measured and shown. */
#define TABLES(X)                                                                                  \
	X(TABLE_WARM, warm)                                                                            \
	X(TABLE_PEAK, peak)                                                                            \
	X(TABLE_COLD, cold)                                                                            \
	X(TABLE_LOAD, load)                                                                            \
	X(TABLE_DENSITY, density)

enum table_kind {
#define X(id, function) id,
	TABLES(X)
#undef X
	    TABLE_COUNT
};

/* The contender that others are compared with. */
#define TABLES_REFERENCE "tiphys serve, in memory"

/* Prints a table in Markdown and a paragraph that says how it came about; nothing where the results
 * hold nothing for it. `root` is as bench/results.h says. False when memory ran out. */
bool table_print(const json_t *root, enum table_kind table, FILE *out);

/* All of them, with an empty line between. */
bool tables_print(const json_t *root, FILE *out);

#endif
