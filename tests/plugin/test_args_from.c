#include "plugin/args_from.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int filled(const void *bytes, size_t size)
{
	int fd = memfd_create("arguments", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void reads_strings(void **state)
{
	static const char bytes[] = "--stdin\0\0file\0a b";
	cleanup_args_from struct args_from args = {0};
	struct error err = ERROR_INIT;
	int fd = filled(bytes, sizeof bytes);
	(void)state;

	assert_true(args_from_read(&args, "run", fd, &err));
	assert_int_equal(args.argc, 5);
	assert_string_equal(args.argv[0], "run");
	assert_string_equal(args.argv[1], "--stdin");
	assert_string_equal(args.argv[2], "");
	assert_string_equal(args.argv[3], "file");
	assert_string_equal(args.argv[4], "a b");
	assert_null(args.argv[5]);
	/* It stays the caller's. */
	assert_int_equal(close(fd), 0);
}

static void nothing_is_no_arguments(void **state)
{
	cleanup_args_from struct args_from args = {0};
	struct error err = ERROR_INIT;
	(void)state;
	int fd = filled("", 0);
	assert_true(args_from_read(&args, "run", fd, &err));
	close(fd);
	assert_int_equal(args.argc, 1);
	assert_null(args.argv[1]);
}

static void a_string_may_be_longer_than_the_kernel_lets_argv_be(void **state)
{
	enum { LONG = 3 << 20 };
	char *bytes = malloc(LONG);
	cleanup_args_from struct args_from args = {0};
	struct error err = ERROR_INIT;
	(void)state;

	assert_non_null(bytes);
	memset(bytes, 'x', LONG);
	bytes[LONG - 1] = '\0';
	int fd = filled(bytes, LONG);
	assert_true(args_from_read(&args, "run", fd, &err));
	close(fd);
	free(bytes);
	assert_int_equal(args.argc, 2);
	assert_int_equal(strlen(args.argv[1]), LONG - 1);
}

static void a_cut_off_string_is_refused(void **state)
{
	cleanup_args_from struct args_from args = {0};
	struct error err = ERROR_INIT;
	int fd = filled("--stdin\0fil", 11);
	(void)state;

	assert_false(args_from_read(&args, "run", fd, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.message, "cut off"));
	/* It stays the caller's. */
	assert_int_equal(close(fd), 0);
}

static void a_bad_descriptor_is_told(void **state)
{
	cleanup_args_from struct args_from args = {0};
	struct error err = ERROR_INIT;
	int fd = filled("", 0);
	(void)state;

	close(fd);
	assert_false(args_from_read(&args, "run", fd, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.message, "--args-from"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_strings),
	    cmocka_unit_test(nothing_is_no_arguments),
	    cmocka_unit_test(a_string_may_be_longer_than_the_kernel_lets_argv_be),
	    cmocka_unit_test(a_cut_off_string_is_refused),
	    cmocka_unit_test(a_bad_descriptor_is_told),
	};
	return cmocka_run_group_tests_name("args_from", tests, NULL, NULL);
}
