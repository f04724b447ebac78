/* What people see: the table and the progress line. */
#include "tests/plugin/table.h"

#include "bench/progress.h"
#include "bench/sheet.h"

static void columns_stand_under_each_other(void **state)
{
	(void)state;
	cleanup_sheet struct sheet sheet = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	sheet_init(&sheet, 2);
	sheet_put(&sheet, "kernel");
	sheet_put(&sheet, "s");
	sheet_put(&sheet, "café");
	sheet_put(&sheet, "%.3f", 0.25);
	sheet_put(&sheet, "x");
	sheet_put(&sheet, "–");
	assert_true(sheet_print(&sheet, out));
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
