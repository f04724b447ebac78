/* plugin/workdir: directories that serve one run after another, and are empty for each. */
#include "plugin/workdir.h"
#include "tests/plugin/table.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char parent[] = "/tmp/tiphys-test-workdir.XXXXXX";
static struct workroot root;

static int make_root(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	return mkdtemp(parent) == NULL || !workroot_create(&root, parent, &err);
}

static int remove_root(void **state)
{
	(void)state;
	workroot_destroy(&root);
	return rmdir(parent);
}

static size_t entries(const char *path)
{
	size_t count = 0;
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

static struct workdir create(void)
{
	struct workdir dir = WORKDIR_INIT;
	struct error err = ERROR_INIT;
	if (!workdir_create(&dir, &root, &err))
		fail_msg("%s", err.message);
	assert_int_equal(entries(dir.path), 0);
	return dir;
}

static void the_next_run_finds_nothing(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct workdir first = create();
	char path[256];
	snprintf(path, sizeof path, "%s", first.path);
	assert_true(workdir_write(&first, "a/b/c", "text", 4, &err));
	assert_true(workdir_write(&first, "result.json", "{}", 2, &err));
	char link[300];
	snprintf(link, sizeof link, "%s/link", path);
	assert_int_equal(symlink("a", link), 0);
	workdir_destroy(&first);
	assert_null(first.path);

	struct workdir second = create();
	assert_string_equal(second.path, path);
	cleanup_bytes struct bytes text = {0};
	assert_false(workdir_read(&second, "result.json", 100, &text, &err));
	assert_true(workdir_write(&second, "a/b/c", "text", 4, &(struct error)ERROR_INIT));
	workdir_destroy(&second);
}

static void two_at_once_are_apart(void **state)
{
	(void)state;
	struct workdir first = create(), second = create();
	assert_string_not_equal(first.path, second.path);
	workdir_destroy(&first);
	workdir_destroy(&second);
	assert_int_equal(entries(root.path), 3); /* both, and the lock */
}

/* What a guest made of it shall not slow down the next run. */
static void one_that_has_grown_is_removed(void **state)
{
	(void)state;
	struct workdir dir = create();
	char path[256], name[512];
	struct stat st;
	snprintf(path, sizeof path, "%s", dir.path);
	int i = 0;
	do {
		snprintf(name, sizeof name, "%s/%0200d", path, i++);
		int fd = open(name, O_CREAT | O_WRONLY, 0600);
		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(stat(path, &st), 0);
	} while (st.st_size <= 64 << 10 && i < 2000);
	workdir_destroy(&dir);
	/* A file system that does not grow its directories keeps it. */
	assert_int_equal(access(path, F_OK) == 0, st.st_size <= 64 << 10);
}

static void no_root_is_left(void **state)
{
	(void)state;
	struct workroot other;
	struct error err = ERROR_INIT;
	assert_true(workroot_create(&other, parent, &err));
	struct workdir dirs[3];
	for (size_t i = 0; i < COUNT(dirs); i++) {
		dirs[i] = (struct workdir)WORKDIR_INIT;
		assert_true(workdir_create(&dirs[i], &other, &err));
	}
	for (size_t i = 0; i < COUNT(dirs); i++)
		workdir_destroy(&dirs[i]);
	workroot_destroy(&other);
	assert_int_equal(entries(parent), 1); /* this test's */
}

/* The server does not wait for steps when it stops. */
static void a_run_may_outlive_its_root(void **state)
{
	(void)state;
	struct workroot other;
	struct error err = ERROR_INIT;
	struct workdir dir = WORKDIR_INIT;
	assert_true(workroot_create(&other, parent, &err));
	assert_true(workdir_create(&dir, &other, &err));
	workroot_destroy(&other);
	workdir_destroy(&dir);
	assert_int_equal(entries(parent), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_next_run_finds_nothing),    cmocka_unit_test(two_at_once_are_apart),
	    cmocka_unit_test(one_that_has_grown_is_removed), cmocka_unit_test(no_root_is_left),
	    cmocka_unit_test(a_run_may_outlive_its_root),
	};
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
