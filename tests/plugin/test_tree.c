/* plugin/tree: paths from strangers, and walks that follow no symlink. */
#include "plugin/tree.h"

#include "plugin/bytes.h"
#include "tests/plugin/folder.h"
#include "tests/plugin/table.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void paths(void **state)
{
	(void)state;
	static char name[300], many[5000];
	memset(name, 'n', sizeof name - 1);
	memset(many, '/', sizeof many - 1);
	for (size_t i = 0; i < sizeof many - 1; i += 2)
		many[i] = 'd';
	static const struct {
		const char *path, *clean; /* NULL: none */
		unsigned depth;
	} rows[] = {
	    {"a", "a", 1},
	    {"./a//b/./c/", "a/b/c", 3},
	    {"", "", 0},
	    {".", "", 0},
	    {"./", "", 0},
	    {"...", "...", 1},
	    {"..a/b..", "..a/b..", 2},
	    {"/a", NULL, 0},
	    {"..", NULL, 0},
	    {"a/../b", NULL, 0},
	    {"a/..", NULL, 0},
	    {"a//../b", NULL, 0},
	    {name, NULL, 0},
	    {many, NULL, 0},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char clean[TREE_PATH_MAX + 1];
		unsigned depth;
		if (tree_path(rows[i].path, clean, &depth) != (rows[i].clean != NULL))
			fail_msg("row %zu", i);
		if (rows[i].clean == NULL)
			continue;
		assert_string_equal(clean, rows[i].clean);
		assert_int_equal(depth, rows[i].depth);
	}
}

static void targets(void **state)
{
	(void)state;
	static const struct {
		const char *path, *target;
		bool stays;
	} rows[] = {
	    {"l", "a", true},
	    {"l", "./a/../b", true},
	    {"l", ".", true},
	    {"l", "..", false},
	    {"d/l", "..", true},
	    {"d/l", "../..", false},
	    {"d/l", "../x/../../y", false},
	    {"l", "/a", false},
	    {"l", "", false},
	    {"a/b/l", "../../c", true},
	    {"a/b/l", "../../../c", false},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (tree_target_stays(rows[i].path, rows[i].target) != rows[i].stays)
			fail_msg("row %zu", i);
	}
}

static int open_folder(void *const *state)
{
	int fd = open(*state, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	return fd;
}

static void no_symlink_is_followed(void **state)
{
	int root = open_folder(state);
	cleanup_tree struct tree tree = TREE_INIT(root);
	const char *name;
	assert_int_equal(mkdirat(root, "real", 0700), 0);
	assert_int_equal(symlinkat("real", root, "link"), 0);
	assert_int_equal(symlinkat("/tmp", root, "out"), 0);
	assert_int_equal(mknodat(root, "file", S_IFREG | 0600, 0), 0);
	assert_true(tree_above(&tree, "real/new/x", true, &name) >= 0);
	assert_string_equal(name, "x");
	assert_int_equal(faccessat(root, "real/new", F_OK, 0), 0);
	assert_int_equal(tree_above(&tree, "link/x", true, &name), -ELOOP);
	assert_int_equal(tree_above(&tree, "out/x", true, &name), -ELOOP);
	assert_int_equal(tree_above(&tree, "file/x", true, &name), -ENOTDIR);
	assert_int_equal(tree_above(&tree, "none/x", false, &name), -ENOENT);
	assert_int_equal(tree_folder(&tree, "link", false), -ELOOP);
	close(root);
}

static bool note(void *env, int fd, const char *name, const char *path)
{
	struct stat st;
	assert_int_equal(fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return bytes_print(env, "%s ", path);
}

static void walks_are_in_order(void **state)
{
	int root = open_folder(state);
	cleanup_tree struct tree tree = TREE_INIT(root);
	cleanup_bytes struct bytes seen = {0};
	const char *name;
	int fd = tree_folder(&tree, "b/c/d", true);
	assert_true(fd >= 0);
	assert_int_equal(symlinkat("..", fd, "up"), 0);
	close(fd);
	assert_true(tree_above(&tree, "a/x", true, &name) >= 0);
	assert_int_equal(mknodat(root, "Z", S_IFREG | 0600, 0), 0);
	assert_int_equal(tree_walk(root, 4, note, &seen), 0);
	assert_string_equal(seen.data, "Z a b b/c b/c/d b/c/d/up ");
	assert_int_equal(tree_walk(root, 3, note, &seen), -ENAMETOOLONG);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths),
	    cmocka_unit_test(targets),
	    cmocka_unit_test_setup_teardown(no_symlink_is_followed, folder_make, folder_remove),
	    cmocka_unit_test_setup_teardown(walks_are_in_order, folder_make, folder_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
