/* Commands as one text, and what of them goes into a file that others read. */
#include "tests/plugin/table.h"

#include "bench/words.h"

#include <stdlib.h>
#include <string.h>

static void words_are_parted_at_blanks_outside_of_quotes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *words[5];
	} rows[] = {
	    {"", {NULL}},
	    {"   ", {NULL}},
	    {"a", {"a", NULL}},
	    {" a  bc ", {"a", "bc", NULL}},
	    {"'/a b/c.wasm' --x", {"/a b/c.wasm", "--x", NULL}},
	    {"x=\"a b\" 'it \"is\"' ''", {"x=a b", "it \"is\"", "", NULL}},
	    {"\"it's\" '-'\"-\"", {"it's", "--", NULL}},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err = ERROR_INIT;
		size_t count, j = 0;
		char **words = words_split(rows[i].text, &count, &err);
		assert_non_null(words);
		for (; rows[i].words[j] != NULL; j++)
			assert_string_equal(rows[i].words[j], words[j]);
		assert_null(words[j]);
		assert_int_equal(j, count);
		words_free(words);
	}
}

static void quote_without_end_is_told(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	size_t count;
	assert_null(words_split("a 'b c", &count, &err));
	assert_int_equal(ERROR_USAGE, err.kind);
	assert_string_equal("a 'b c: a quote does not end", err.message);
}

static void directories_are_left_out(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"", ""},
	    {"tiphys run --no-cache", "tiphys run --no-cache"},
	    {"/usr/bin/wasm3", "wasm3"},
	    {"--json=/tmp/x y.json", "--json=x y.json"},
	    {"--peer a=/opt/b/tiphys run /srv/m.wasm", "--peer a=tiphys run m.wasm"},
	    {"'/a/b.wasm' x/y", "'b.wasm' x/y"},
	    {"/srv/", "srv/"},
	    {"/", ""},
	    {"/srv/data::/work:ro", "data::work:ro"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *told = words_without_directories(rows[i][0]);
		assert_string_equal(rows[i][1], told);
		free(told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_are_parted_at_blanks_outside_of_quotes),
	    cmocka_unit_test(quote_without_end_is_told),
	    cmocka_unit_test(directories_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
