/* Charts as SVG, drawn with the colours of the page they stand in (CSS variables: --ink, --faint,
 * --grid, --bar, --own, --line0 …), so that they follow light and dark. */
#ifndef BENCH_CHART_H
#define BENCH_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One bar: the median, with the quartiles as a box and a whisker from the least to the 95th of a
 * hundred. Where there is only one figure, all are the same. */
struct bar {
	const char *label;
	double min, low, median, high, p95;
	bool is_own; /* tiphys: in another colour */
};

/* Horizontal bars on a logarithmic axis. `unit` stands behind the figures ("ms"). `style` NULL: a
 * part of a page, which has the colours; else a picture of its own, with these rules of CSS, the
 * title above and paper below. */
void chart_bars(FILE *out, const char *title, const char *unit, const struct bar *bars,
                size_t count, const char *style);

struct point {
	double x, y;
};

/* A line through points in ascending x, which is logarithmic; y starts at 0. */
void chart_line(FILE *out, const char *title, const char *x_title, const char *y_title,
                const struct point *points, size_t count);

/* Text with what HTML reserves escaped. */
void put_escaped(FILE *out, const char *text);

#endif
