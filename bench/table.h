/* A table in Markdown whose columns stand under each other. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table {
	char **cells; /* row by row; the first row is the header */
	size_t columns, count;
	bool is_broken; /* memory ran out; nothing will be printed */
};

/* *table is {0} before; the first `columns` cells put are the header. */
void table_init(struct table *table, size_t columns);
void table_clear(struct table *table);
#define cleanup_table __attribute__((cleanup(table_clear)))

void table_put(struct table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The first column is aligned left, the others right. False when memory ran out. */
bool table_print(const struct table *table, FILE *out);

#endif
