/* Pages that a command touches, as valgrind sees it. */
#include "tests/plugin/table.h"

#include "bench/process.h"
#include "bench/touched.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* This program itself, as a command: touches so many pages of a large array, one byte each. */
static volatile char many[4096 * 4096];

static int touch(unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		many[4096 * (size_t)i] = 1;
	return 0;
}

static char *own;

static uint64_t touched(char *pages)
{
	struct error err = ERROR_INIT;
	uint64_t bytes = 0;
	if (!touched_by_command((char *[]){own, "touch", pages, NULL}, &bytes, &err))
		print_error("%s\n", err.message);
	assert_int_equal(ERROR_NONE, err.kind);
	return bytes;
}

static bool has_valgrind(void)
{
	struct error ignored = ERROR_INIT;
	return process_do((char *[]){"valgrind", "--version", NULL}, 60, &ignored);
}

static void each_page_counts_once(void **state)
{
	(void)state;
	if (!has_valgrind())
		skip();
	uint64_t few = touched("100"), more = touched("1100");
	assert_in_range(few, 100 * 4096, 1000 * 4096);
	/* The array's own pages; a page more or less may lie in between. */
	assert_in_range(more - few, 999 * 4096, 1001 * 4096);
}

/* As in the runs whose memory is compared with it. */
static void standard_output_is_a_pipe(void **state)
{
	(void)state;
	if (!has_valgrind())
		skip();
	struct error err = ERROR_INIT;
	uint64_t bytes;
	assert_true(touched_by_command((char *[]){own, "pipe", NULL}, &bytes, &err));
}

static void command_that_fails_is_told(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	uint64_t bytes;
	if (!has_valgrind())
		skip();
	assert_false(touched_by_command((char *[]){own, "fail", NULL}, &bytes, &err));
	assert_string_equal("valgrind ended with wait status 768", err.message);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_page_counts_once),
	    cmocka_unit_test(standard_output_is_a_pipe),
	    cmocka_unit_test(command_that_fails_is_told),
	};
	own = argv[0];
	if (argc > 1 && strcmp(argv[1], "fail") == 0)
		return 3;
	if (argc > 1 && strcmp(argv[1], "pipe") == 0) {
		/* More than a pipe holds. */
		static const char many_bytes[1 << 18];
		struct stat out, complaints;
		return fstat(1, &out) != 0 || fstat(2, &complaints) != 0 || !S_ISFIFO(out.st_mode) ||
		       !S_ISFIFO(complaints.st_mode) ||
		       write(1, many_bytes, sizeof many_bytes) != (ssize_t)sizeof many_bytes;
	}
	if (argc > 2 && strcmp(argv[1], "touch") == 0)
		return touch((unsigned)atoi(argv[2]));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
