/* How trees of a measurement go. */
#include "tests/plugin/table.h"

#include "bench/rootfs.h"
#include "tests/plugin/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* It was removed by paths, which reach 4096 bytes deep; and who put a symlink in the place of a
 * directory meanwhile had another tree removed. */
static void a_tree_deeper_than_a_path_goes(void **state)
{
	struct error err = ERROR_INIT;
	char top[256], kept[256], link[256];
	snprintf(top, sizeof top, "%s/top", (const char *)*state);
	snprintf(kept, sizeof kept, "%s/kept", (const char *)*state);
	snprintf(link, sizeof link, "%s/top/link", (const char *)*state);
	assert_int_equal(mkdir(top, 0700), 0);
	assert_int_equal(mkdir(kept, 0700), 0);
	assert_int_equal(symlink(kept, link), 0);
	int dir = open(top, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(mkdirat(dir, "nested", 0700), 0);
		int next = openat(dir, "nested", O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		close(dir);
		dir = next;
	}
	close(openat(dir, "file", O_CREAT | O_WRONLY, 0600));
	close(dir);
	if (!remove_directory(top, &err))
		fail_msg("%s", err.message);
	assert_int_equal(access(top, F_OK), -1);
	assert_int_equal(access(kept, F_OK), 0);
	/* What is not there is removed. */
	assert_true(remove_directory(top, &err));
	assert_false(remove_directory("/proc/self/fd", &err));
	assert_non_null(strstr(err.message, "cannot remove /proc/self/fd: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_tree_deeper_than_a_path_goes, folder_make, folder_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
