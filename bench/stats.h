/* What a series of figures says. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stdbool.h>
#include <stddef.h>

struct summary {
	size_t count;
	double min, median, p95, max;
	double spread; /* the distance of the quartiles as a part of the median */
};

/* More than that, and no ratio is made of the median. */
#define SPREAD_LIMIT 0.30

/* Of fewer figures there is no ratio either: their quartiles are two figures by name. */
#define RATIO_FIGURES_MIN 5

/* Of at least one figure, in any order. */
struct summary summarize(const double *figures, size_t count);

/* The quantile q (0 … 1) of figures in ascending order, between two of them in proportion. */
double quantile(const double *ascending, size_t count, double q);

/* Of at least one figure, all above 0. */
double geometric_mean(const double *figures, size_t count);

/* How likely two series that differ no more than by chance would stand as far apart as these: the
 * two-sided p of the rank sum test of Mann and Whitney, by the normal approximation corrected for
 * ties and continuity, fit for 5 figures or more on each side. 1 when one side has none. */
double rank_sum_p(const double *a, size_t a_count, const double *b, size_t b_count);

/* The least p that this test can give for so many figures: when all of one series lie on one side
 * of all of the other. 1 when one side has none. */
double rank_sum_least_p(size_t a_count, size_t b_count);

#endif
