/* What people see: the table and the progress line. */
#include "tests/plugin/table.h"

#include "bench/progress.h"
#include "bench/table.h"

static void columns_stand_under_each_other(void **state)
{
	(void)state;
	cleanup_table struct table table = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	table_init(&table, 2);
	table_put(&table, "kernel");
	table_put(&table, "s");
	table_put(&table, "café");
	table_put(&table, "%.3f", 0.25);
	table_put(&table, "x");
	table_put(&table, "–");
	assert_true(table_print(&table, out));
	fclose(out);
	assert_string_equal("| kernel |     s |\n"
	                    "|--------|------:|\n"
	                    "| café   | 0.250 |\n"
	                    "| x      |     – |\n",
	                    text);
	free(text);
}

static void time_left_is_in_proportion(void **state)
{
	(void)state;
	char text[128];
	assert_string_equal("kernels: 0 of 12, fib by wasm3",
	                    progress_line_text(text, sizeof text, "kernels", 0, 12, "fib by wasm3", 0));
	assert_string_equal("kernels: 3 of 12, fib by wasm3, 9 s left",
	                    progress_line_text(text, sizeof text, "kernels", 3, 12, "fib by wasm3", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_stand_under_each_other),
	    cmocka_unit_test(time_left_is_in_proportion),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
