/* A table in Markdown whose columns stand under each other. */
#ifndef BENCH_SHEET_H
#define BENCH_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct sheet {
	char **cells; /* row by row; the first row is the header */
	size_t columns, count;
	bool is_broken; /* memory ran out; nothing will be printed */
};

/* *sheet is {0} before; the first `columns` cells put are the header. */
void sheet_init(struct sheet *sheet, size_t columns);
void sheet_clear(struct sheet *sheet);
#define cleanup_sheet __attribute__((cleanup(sheet_clear)))

void sheet_put(struct sheet *sheet, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The first column is aligned left, the others right. False when memory ran out. */
bool sheet_print(const struct sheet *sheet, FILE *out);

#endif
