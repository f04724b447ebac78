#include "bench/stats.h"

#include "caps/cleanup.h"

#include <math.h>
#include <string.h>

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

double quantile(const double *ascending, size_t count, double q)
{
	double place = q * (double)(count - 1);
	size_t below = (size_t)place;
	if (below + 1 >= count)
		return ascending[count - 1];
	return ascending[below] + (place - (double)below) * (ascending[below + 1] - ascending[below]);
}

struct summary summarize(const double *figures, size_t count)
{
	cleanup_free double *sorted = malloc(count * sizeof *sorted);
	if (sorted == NULL)
		return (struct summary){0};
	memcpy(sorted, figures, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_size);
	double median = quantile(sorted, count, 0.5);
	double quartiles = quantile(sorted, count, 0.75) - quantile(sorted, count, 0.25);
	return (struct summary){.count = count,
	                        .min = sorted[0],
	                        .median = median,
	                        .p95 = quantile(sorted, count, 0.95),
	                        .max = sorted[count - 1],
	                        .spread = median > 0 ? quartiles / median : 0};
}

double geometric_mean(const double *figures, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += log(figures[i]);
	return exp(sum / (double)count);
}

struct ranked {
	double figure;
	bool is_a;
};

static int by_figure(const void *a, const void *b)
{
	return by_size(&((const struct ranked *)a)->figure, &((const struct ranked *)b)->figure);
}

/* `ties`: the sum of t^3 - t over groups of t equal figures. */
static double p_of_u(double u, size_t a_count, size_t b_count, double ties)
{
	double m = (double)a_count, n = (double)b_count, total = m + n;
	double variance = m * n / 12 * (total + 1 - ties / (total * (total - 1)));
	double distance = fabs(u - m * n / 2) - 0.5;
	if (variance <= 0 || distance <= 0)
		return 1;
	return erfc(distance / sqrt(variance) / sqrt(2));
}

double rank_sum_p(const double *a, size_t a_count, const double *b, size_t b_count)
{
	size_t count = a_count + b_count;
	cleanup_free struct ranked *all = calloc(count + 1, sizeof *all);
	if (all == NULL || a_count == 0 || b_count == 0)
		return 1;
	for (size_t i = 0; i < count; i++)
		all[i] = i < a_count ? (struct ranked){a[i], true} : (struct ranked){b[i - a_count], false};
	qsort(all, count, sizeof *all, by_figure);

	double ranks = 0, ties = 0; /* ranks: of a */
	for (size_t first = 0, next; first < count; first = next) {
		for (next = first; next < count && all[next].figure == all[first].figure; next++)
			;
		double size = (double)(next - first), rank = (double)(first + 1 + next) / 2;
		for (size_t i = first; i < next; i++)
			ranks += all[i].is_a ? rank : 0;
		ties += size * size * size - size;
	}
	double m = (double)a_count;
	return p_of_u(ranks - m * (m + 1) / 2, a_count, b_count, ties);
}

double rank_sum_least_p(size_t a_count, size_t b_count)
{
	return a_count == 0 || b_count == 0 ? 1 : p_of_u(0, a_count, b_count, 0);
}
