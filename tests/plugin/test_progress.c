#include "tests/plugin/table.h"

#include "plugin/progress.h"

static const struct {
	uint64_t done, total, elapsed;
	const char *text;
} rows[] = {
    {0, 10, 0, "sha256:0123456789ab [------------------------] 0.0 of 10.0 B"},
    {5, 10, 100, "sha256:0123456789ab [############------------] 5.0 of 10.0 B"},
    {6 << 20, 10 << 20, 3000,
     "sha256:0123456789ab [###############---------] 6.0 of 10.0 MiB  2.0 MiB/s  2 s left"},
    {1 << 20, 200 << 20, 1000,
     "sha256:0123456789ab [#-----------------------] 1.0 of 200.0 MiB  1.0 MiB/s  3 min 19 s left"},
    {1024, 1 << 20, 100000,
     "sha256:0123456789ab [#-----------------------] 0.0 of 1.0 MiB  0.0 MiB/s  28 h left"},
    {2048, 2048, 1000,
     "sha256:0123456789ab [########################] 2.0 of 2.0 KiB  2.0 KiB/s  0 s left"},
    {0, 0, 1000, "sha256:0123456789ab [########################] 0.0 of 0.0 B"},
};

static void what_is_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[200];
		progress_text(text, sizeof text, "sha256:0123456789abcdef", rows[i].done, rows[i].total,
		              rows[i].elapsed);
		assert_string_equal(text, rows[i].text);
		char small[20];
		progress_text(small, sizeof small, "sha256:0123456789abcdef", rows[i].done, rows[i].total,
		              rows[i].elapsed);
		assert_true(strlen(small) < sizeof small);
	}
}

/* Standard error of a test is no terminal. */
static void quiet_without_terminal(void **state)
{
	(void)state;
	if (freopen("/dev/null", "w", stderr) == NULL)
		fail();
	struct progress progress;
	progress_init(&progress);
	assert_null(progress.out);
	assert_true(progress_moved(&progress, "x", 1, 2));
	assert_false(progress.drawn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_shown),
	    cmocka_unit_test(quiet_without_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
