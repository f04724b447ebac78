/* What is said of measurements: met or not, and by which of them. */
#include "tests/plugin/table.h"

#include "bench/tables.h"
#include "bench/targets.h"

#include <stdlib.h>
#include <string.h>

/* One series with seven figures; no scatter but what is said. */
static void add(json_t *root, const char *bench, const char *job, const char *contender,
                const char *measure, double median, double spread)
{
	json_array_append_new(json_object_get(root, "series"),
	                      json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:i}", "bench", bench, "job",
	                                job, "contender", contender, "measure", measure, "median",
	                                median, "spread", spread, "count", 7));
}

static json_t *empty_results(void)
{
	return json_pack("{s:[], s:[], s:[], s:[]}", "series", "contenders", "guests", "refusals");
}

static void add_contender(json_t *root, const char *name)
{
	json_array_append_new(json_object_get(root, "contenders"),
	                      json_pack("{s:s, s:s}", "name", name, "version", ""));
}

/* Of blanks in a row, one is left: widths are the sheet's matter. */
static void narrow(char *text)
{
	char *into = text;
	for (const char *at = text; *at != '\0'; at++)
		if (*at != ' ' || at[1] != ' ')
			*into++ = *at;
	*into = '\0';
}

/* For free(). */
static char *print_targets(const json_t *root, const char *bench)
{
	char *text = NULL;
	size_t size;
	cleanup_sheet struct sheet sheet = {0};
	FILE *out = open_memstream(&text, &size);
	if (targets_table(root, bench, &sheet))
		assert_true(sheet_print(&sheet, out));
	fclose(out);
	narrow(text);
	return text;
}

static void bounds_are_met_or_not(void **state)
{
	(void)state;
	json_t *root = empty_results();
	add(root, "kernels", "fib", "tiphys", "user", 0.5, 0);
	add(root, "kernels", "fib", "wasm3", "user", 1.0, 0);
	add(root, "kernels", "fib", "wasmi", "user", 0.5, 0);
	add(root, "kernels", "dot", "tiphys", "user", 0.8, 0);
	add(root, "kernels", "dot", "wasm3", "user", 1.0, 0);
	add(root, "kernels", "dot-simd", "tiphys", "user", 0.2, 0);
	char *text = print_targets(root, "kernels");
	/* sqrt(0.5 * 0.8) */
	assert_in("≤ 0.60 | 0.63 | of 2 | not met |", text);
	assert_in("each kernel, to wasm3 | ≤ 1.00 | 0.80 | dot, of 2 | met |", text);
	/* As fast is not faster. */
	assert_in("each kernel, to wasmi | < 1.00 | 1.00 | fib, of 1 | not met |", text);
	assert_in("how much faster, dot | ≥ 3.0 | 4.0 | | met |", text);
	assert_in("a call of fib | ≤ 3.5 ns |", text);
	/* Nobody was measured with it. */
	assert_null(strstr(text, "--fuel"));
	assert_null(strstr(text, "WAMR"));
	free(text);
	text = print_targets(root, "start");
	assert_string_equal("", text);
	free(text);
	json_decref(root);
}

static void what_scatters_is_told(void **state)
{
	(void)state;
	json_t *root = empty_results();
	add(root, "kernels", "fib", "tiphys", "user", 0.5, 0);
	add(root, "kernels", "fib", "fuel", "user", 0.54, 0);
	add(root, "kernels", "dot", "tiphys", "user", 0.5, 0.4);
	add(root, "kernels", "dot", "fuel", "user", 0.9, 0);
	char *text = print_targets(root, "kernels");
	assert_in("| ≤ 1.10 | 1.08 | fib, of 1 | met, scatters |", text);
	free(text);
	json_decref(root);
}

static void starts_are_held_to_theirs(void **state)
{
	(void)state;
	json_t *root = empty_results();
	json_array_append_new(json_object_get(root, "guests"),
	                      json_pack("{s:s, s:i}", "name", "go", "bytes", 2500000));
	json_array_append_new(json_object_get(root, "guests"),
	                      json_pack("{s:s, s:i}", "name", "big.wasm", "bytes", 75000000));
	add(root, "start", "hello", "tiphys, cached", "wall", 300e-6, 0);
	add(root, "start", "hello", "wasm3-musl", "wall", 600e-6, 0);
	add(root, "start", "nothing", "a static process", "wall", 150e-6, 0);
	add(root, "start", "hello", "tiphys inside: instantiation alone", "wall", 15e-6, 0);
	add(root, "start", "go", "tiphys inside: decode and validate", "wall", 5e-3, 0);
	add(root, "start", "big.wasm", "tiphys inside: until the first instruction, cached", "wall",
	    2.1e-3, 0);
	add(root, "start", "big.wasm", "tiphys, cached", "peak", 13e6, 0);
	add(root, "start", "big.wasm", "tiphys, cached", "touched", 10e6, 0);
	char *text = print_targets(root, "start");
	assert_in("≤ 0.35 | 0.50 | | not met |", text);
	assert_in("≤ 3.0 | 2.0 | | met |", text);
	assert_in("≤ 15 µs | 15 µs | | met |", text);
	assert_in("≥ 400 MB/s | 500 MB/s | | met |", text);
	assert_in("≤ 2000 µs | 2100 µs | big.wasm | not met |", text);
	assert_in("≤ 1.30 | 1.30 | big.wasm | met |", text);
	free(text);
	json_decref(root);
}

/* A mean over fewer kernels than another one looks like it. */
static void mean_tells_over_how_many_it_is(void **state)
{
	(void)state;
	json_t *root = empty_results();
	char *text = NULL;
	size_t size;
	add_contender(root, "tiphys");
	add_contender(root, "wasm3");
	add_contender(root, "nobody");
	add(root, "kernels", "fib", "tiphys", "user", 0.5, 0);
	add(root, "kernels", "fib", "wasm3", "user", 1.0, 0);
	add(root, "kernels", "dot", "tiphys", "user", 0.5, 0);
	FILE *out = open_memstream(&text, &size);
	assert_true(table_print(root, TABLE_KERNELS, out));
	fclose(out);
	narrow(text);
	assert_in("| fib | 0.500 | 1.000 | refuses | 0.50 | – |", text);
	assert_in("| dot | 0.500 | refuses | refuses | – | – |", text);
	assert_in("| geometric mean | | | | 0.50 of 1 | – |", text);
	free(text);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bounds_are_met_or_not),
	    cmocka_unit_test(what_scatters_is_told),
	    cmocka_unit_test(starts_are_held_to_theirs),
	    cmocka_unit_test(mean_tells_over_how_many_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
