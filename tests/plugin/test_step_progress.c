/* plugin/step_progress: what a guest may write to /work/progress. */
#include "plugin/step_progress.h"
#include "tests/plugin/table.h"

static void texts(void **state)
{
	(void)state;
	static const struct {
		const char *text, *progress; /* NULL: refused */
	} rows[] = {
	    {"1/2", "1/2"},
	    {"0/1\n", "0/1"},
	    {" 7/7 \r\n", "7/7"},
	    {"007/010", "7/10"},
	    {"999999999999999999/999999999999999999", "999999999999999999/999999999999999999"},
	    {"", NULL},
	    {"/", NULL},
	    {"1/", NULL},
	    {"/2", NULL},
	    {"1", NULL},
	    {"3/2", NULL},
	    {"0/0", NULL},
	    {"-1/2", NULL},
	    {"1/2/3", NULL},
	    {"1 / 2", NULL},
	    {"1/2x", NULL},
	    {"1.5/2", NULL},
	    {"1000000000000000000/1000000000000000000", NULL},
	    {"50%", NULL},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char progress[STEP_PROGRESS_SIZE] = "untouched";
		bool taken = step_progress_parse(rows[i].text, strlen(rows[i].text), progress);
		assert_int_equal(taken, rows[i].progress != NULL);
		assert_string_equal(progress, taken ? rows[i].progress : "untouched");
	}
	char progress[STEP_PROGRESS_SIZE];
	assert_false(step_progress_parse("1/2\0", 4, progress));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(texts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
