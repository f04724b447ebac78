/* plugin/remove: a guest's leavings go, and nothing else. */
#include "plugin/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char outside[] = "/tmp/tiphys-test-outside.XXXXXX";
static char inside[] = "/tmp/tiphys-test-inside.XXXXXX";

static int make_outside(void **state)
{
	(void)state;
	if (mkdtemp(outside) == NULL || mkdtemp(inside) == NULL)
		return 1;
	int dir = open(outside, O_RDONLY | O_DIRECTORY);
	close(openat(dir, "kept", O_CREAT | O_WRONLY, 0600));
	close(dir);
	return 0;
}

static int remove_outside(void **state)
{
	(void)state;
	return remove_tree(outside);
}

static void files_links_and_folders(void **state)
{
	(void)state;
	int dir = open(inside, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 300; i++) {
		char name[32];
		snprintf(name, sizeof name, "d%d", i);
		mkdirat(dir, name, 0700);
		snprintf(name, sizeof name, "d%d/d", i);
		mkdirat(dir, name, 0700);
		snprintf(name, sizeof name, "d%d/d/f", i);
		close(openat(dir, name, O_CREAT | O_WRONLY, 0600));
		snprintf(name, sizeof name, "d%d/link", i);
		symlinkat(outside, dir, name);
	}
	/* The names that are used on the way up, taken by the guest. */
	mkdirat(dir, ".removed-0", 0700);
	mkdirat(dir, ".removed-0/.removed-1", 0700);
	mkdirat(dir, ".removed-0/.removed-1/x", 0700);
	symlinkat("..", dir, "up");
	close(dir);
	assert_int_equal(remove_tree(inside), 0);
	assert_int_equal(access(inside, F_OK), -1);
	char kept[64];
	snprintf(kept, sizeof kept, "%s/kept", outside);
	assert_int_equal(access(kept, F_OK), 0);
}

/* Deeper than a path can be long, or descriptors can be many. */
static void two_thousand_nested(void **state)
{
	(void)state;
	char top[] = "/tmp/tiphys-test-deep.XXXXXX";
	assert_non_null(mkdtemp(top));
	int dir = open(top, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(mkdirat(dir, "nested", 0700), 0);
		int next = openat(dir, "nested", O_RDONLY | O_DIRECTORY);
		close(dir);
		dir = next;
	}
	close(dir);
	assert_int_equal(remove_tree(top), 0);
	assert_int_equal(access(top, F_OK), -1);
}

static void nothing_there_is_no_error(void **state)
{
	(void)state;
	assert_int_equal(remove_tree("/tmp/tiphys-test-never-made"), 0);
}

/* In a mount namespace of its own, where it may mount. Its exit status: 0, 1 for a failure, 2 when
 * it may not. */
static int remove_with_mount(const char *top)
{
	char mount_point[64], file[96], beside[96];
	snprintf(mount_point, sizeof mount_point, "%s/d/mount", top);
	snprintf(beside, sizeof beside, "%s/d/file", top);
	snprintf(file, sizeof file, "%s/kept", mount_point);
	int user = getuid() == 0 ? 0 : CLONE_NEWUSER;
	if (unshare(CLONE_NEWNS | user) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", mount_point, "tmpfs", 0, NULL) != 0)
		return 2;
	close(open(file, O_CREAT | O_WRONLY, 0600));
	if (remove_tree(top) != EBUSY || access(file, F_OK) != 0 || access(beside, F_OK) == 0)
		return 1;
	return umount(mount_point) != 0 || remove_tree(top) != 0;
}

static void a_mount_in_it_stays(void **state)
{
	(void)state;
	char top[] = "/tmp/tiphys-test-mount.XXXXXX";
	assert_non_null(mkdtemp(top));
	int dir = open(top, O_RDONLY | O_DIRECTORY), status;
	assert_int_equal(mkdirat(dir, "d", 0700), 0);
	assert_int_equal(mkdirat(dir, "d/mount", 0700), 0);
	close(openat(dir, "d/file", O_CREAT | O_WRONLY, 0600));
	close(dir);
	pid_t child = fork();
	if (child == 0)
		_exit(remove_with_mount(top));
	assert_int_equal(waitpid(child, &status, 0), child);
	remove_tree(top);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_links_and_folders),
	    cmocka_unit_test(two_thousand_nested),
	    cmocka_unit_test(a_mount_in_it_stays),
	    cmocka_unit_test(nothing_there_is_no_error),
	};
	return cmocka_run_group_tests(tests, make_outside, remove_outside);
}
