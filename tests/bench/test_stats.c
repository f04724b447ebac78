/* Figures worked out by hand, or by another implementation where that is said. */
#include "tests/plugin/table.h"

#include "bench/stats.h"

#include <math.h>

static void assert_near(double expected, double got)
{
	if (fabs(expected - got) > 1e-6)
		fail_msg("expected %.9f, not %.9f", expected, got);
}

static void quantiles_lie_between_figures(void **state)
{
	(void)state;
	static const double figures[] = {1, 2, 4, 8};
	assert_near(1, quantile(figures, 4, 0));
	assert_near(3, quantile(figures, 4, 0.5));
	assert_near(1.75, quantile(figures, 4, 0.25));
	assert_near(8, quantile(figures, 4, 1));
	assert_near(7, quantile((double[]){7}, 1, 0.95));
}

static void summary_of_unsorted_figures(void **state)
{
	(void)state;
	static const double figures[] = {10, 2, 6, 4, 8};
	struct summary summary = summarize(figures, 5);
	assert_int_equal(5, summary.count);
	assert_near(2, summary.min);
	assert_near(6, summary.median);
	assert_near(10, summary.max);
	/* Place 0.95 * 4 = 3.8, between 8 and 10. */
	assert_near(9.6, summary.p95);
	/* Quartiles 4 and 8, 4 apart, of 6. */
	assert_near(4.0 / 6, summary.spread);
}

static void equal_figures_have_no_spread(void **state)
{
	(void)state;
	assert_near(0, summarize((double[]){3, 3, 3}, 3).spread);
}

static void mean_of_ratios(void **state)
{
	(void)state;
	assert_near(2, geometric_mean((double[]){1, 4}, 2));
	assert_near(0.5, geometric_mean((double[]){0.25, 0.5, 1}, 3));
}

/* a = 1 2 3 4 5, b = 6 7 8 9 10: U = 0, mean 12.5, variance 25 * 11 / 12; with the correction of
 * 0.5, z = 12 / 4.787136 = 2.506717, p = 0.0121857. */
static void apart_is_significant(void **state)
{
	(void)state;
	static const double a[] = {5, 1, 4, 2, 3}, b[] = {6, 10, 7, 9, 8};
	assert_near(0.0121857, round(rank_sum_p(a, 5, b, 5) * 1e7) / 1e7);
	assert_near(rank_sum_p(a, 5, b, 5), rank_sum_p(b, 5, a, 5));
}

/* a = 1 2 2 3, b = 2 3 3 4: ranks 1, 3 3 3, 6 6 6, 8. The ranks of a sum up to 13, U = 3, mean 8,
 * ties 24 + 24; variance 16 / 12 * (9 - 48 / 56) = 10.857143, z = 4.5 / 3.295018 = 1.365698,
 * p = 0.1720336. */
static void ties_share_their_rank(void **state)
{
	(void)state;
	static const double a[] = {1, 2, 2, 3}, b[] = {2, 3, 3, 4};
	assert_near(0.172034, round(rank_sum_p(a, 4, b, 4) * 1e6) / 1e6);
}

static void alike_is_not_significant(void **state)
{
	(void)state;
	static const double a[] = {1, 2, 3, 4, 5}, same[] = {2, 2, 2};
	assert_true(rank_sum_p(a, 5, a, 5) > 0.9);
	assert_near(1, rank_sum_p(same, 3, same, 3));
	assert_near(1, rank_sum_p(a, 5, a, 0));
}

/* Five a side never come below 0.01, six do; what all lies apart gives just that p. */
static void few_figures_have_a_least_p(void **state)
{
	(void)state;
	static const double a[] = {1, 2, 3, 4, 5, 6}, b[] = {11, 12, 13, 14, 15, 16, 17};
	for (size_t m = 1; m <= 6; m++)
		for (size_t n = 1; n <= 7; n++)
			assert_near(rank_sum_p(a, m, b, n), rank_sum_least_p(m, n));
	assert_true(rank_sum_least_p(1, 1000) > 0.01);
	assert_true(rank_sum_least_p(5, 5) > 0.01);
	assert_true(rank_sum_least_p(6, 6) < 0.01);
	assert_near(1, rank_sum_least_p(0, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quantiles_lie_between_figures),
	    cmocka_unit_test(summary_of_unsorted_figures),
	    cmocka_unit_test(equal_figures_have_no_spread),
	    cmocka_unit_test(mean_of_ratios),
	    cmocka_unit_test(apart_is_significant),
	    cmocka_unit_test(ties_share_their_rank),
	    cmocka_unit_test(alike_is_not_significant),
	    cmocka_unit_test(few_figures_have_a_least_p),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
