/* plugin/workdir: directories that serve one run after another, and are empty for each. */
#include "plugin/workdir.h"
#include "tests/plugin/table.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
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

/* As the next run's guest would look at it. */
static struct stat look(const struct workdir *dir)
{
	struct stat st;
	assert_int_equal(caps_fd_stat(dir->caps, (uint32_t)dir->fd, &st), 0);
	return st;
}

static void leave_files(const struct workdir *dir)
{
	char name[512];
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof name, "%s/%0200d", dir->path, i);
		int fd = open(name, O_CREAT | O_WRONLY, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void leave_nothing(const struct workdir *dir)
{
	char name[512];
	snprintf(name, sizeof name, "%s/brief", dir->path);
	assert_int_equal(mkdir(name, 0700), 0);
	assert_int_equal(rmdir(name), 0);
}

static void set_its_times(const struct workdir *dir)
{
	const struct timespec times[2] = {{.tv_sec = 7}, {.tv_sec = 7}};
	assert_int_equal(utimensat(AT_FDCWD, dir->path, times, 0), 0);
}

static void list_it(const struct workdir *dir)
{
	assert_int_equal(entries(dir->path), 0);
}

static int64_t since(struct timespec time, struct timespec begin)
{
	return (int64_t)(time.tv_sec - begin.tv_sec) * 1000000000 + time.tv_nsec - begin.tv_nsec;
}

/* An emptied directory told the next step how many files there had been, and by its times that and
 * when there had been some. */
static void nothing_of_a_run_is_seen_by_the_next(void **state)
{
	static void (*const deeds[])(const struct workdir *) = {leave_files, leave_nothing,
	                                                        set_its_times, list_it};
	/* Times are those of a clock that stands so long. */
	const struct timespec moment = {.tv_nsec = 20000000};
	(void)state;
	for (size_t i = 0; i < COUNT(deeds); i++) {
		struct workroot other;
		struct error err = ERROR_INIT;
		struct workdir first = WORKDIR_INIT, second = WORKDIR_INIT;
		assert_true(workroot_create(&other, parent, &err));
		assert_true(workdir_create(&first, &other, &err));
		struct stat made = look(&first);
		nanosleep(&moment, NULL);
		deeds[i](&first);
		nanosleep(&moment, NULL);
		struct timespec begin;
		workdir_destroy(&first);
		nanosleep(&moment, NULL);
		clock_gettime(CLOCK_REALTIME_COARSE, &begin);
		assert_true(workdir_create(&second, &other, &err));
		struct stat seen = look(&second);
		assert_int_equal(seen.st_size, made.st_size);
		assert_int_equal(seen.st_nlink, made.st_nlink);
		/* All three are of one moment, that of its own begin. */
		assert_true(since(seen.st_mtim, begin) >= 0);
		assert_int_equal(since(seen.st_mtim, seen.st_atim), 0);
		assert_int_equal(since(seen.st_mtim, seen.st_ctim), 0);
		workdir_destroy(&second);
		workroot_destroy(&other);
	}
}

/* What the server does to it between two runs is not seen either, nor when a run before ended. */
static void one_that_was_left_alone_is_as_if_new(void **state)
{
	const struct timespec moment = {.tv_nsec = 20000000};
	struct workdir dir = WORKDIR_INIT;
	struct workroot other;
	struct error err = ERROR_INIT;
	char path[256];
	(void)state;
	assert_true(workroot_create(&other, parent, &err));
	assert_true(workdir_create(&dir, &other, &err));
	struct stat made = look(&dir);
	snprintf(path, sizeof path, "%s", dir.path);
	for (int i = 0; i < 3; i++) {
		nanosleep(&moment, NULL);
		workdir_destroy(&dir);
		nanosleep(&moment, NULL);
		struct timespec begin;
		clock_gettime(CLOCK_REALTIME_COARSE, &begin);
		assert_true(workdir_create(&dir, &other, &err));
		assert_string_equal(dir.path, path);
		struct stat seen = look(&dir);
		assert_int_equal(seen.st_size, made.st_size);
		assert_true(since(seen.st_mtim, begin) >= 0);
		assert_int_equal(since(seen.st_mtim, seen.st_atim), 0);
		assert_int_equal(since(seen.st_mtim, seen.st_ctim), 0);
	}
	workdir_destroy(&dir);
	workroot_destroy(&other);
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

/* The two system calls that have to meet, here in place of the C library's: a directory that is
 * made in the root by a run that ends, and the removal of the root, which was emptied before. */
static struct {
	const char *root; /* NULL: nothing has to meet */
	atomic_bool makes, is_emptied, is_made;
} meeting;
static _Thread_local bool is_maker;

static void wait_until(atomic_bool *what)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	for (int i = 0; i < 300 && !atomic_load(what); i++)
		nanosleep(&moment, NULL);
}

int mkdir(const char *path, mode_t mode)
{
	if (is_maker) {
		atomic_store(&meeting.makes, true);
		wait_until(&meeting.is_emptied);
	}
	int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
	atomic_store(&meeting.is_made, is_maker);
	return result;
}

int rmdir(const char *path)
{
	if (meeting.root != NULL && strcmp(path, meeting.root) == 0) {
		atomic_store(&meeting.is_emptied, true);
		wait_until(&meeting.is_made);
	}
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

static void *end_a_run(void *dir)
{
	is_maker = true;
	workdir_destroy(dir);
	return NULL;
}

/* A spare that was made while the root was removed kept it on the disk. */
static void a_late_spare_keeps_no_root(void **state)
{
	(void)state;
	pthread_t thread;
	struct workroot other;
	struct error err = ERROR_INIT;
	struct workdir dir = WORKDIR_INIT, late = WORKDIR_INIT;
	assert_true(workroot_create(&other, parent, &err));
	assert_true(workdir_create(&dir, &other, &err));
	set_its_times(&dir); /* it is followed by a spare */
	meeting.root = other.path;
	assert_int_equal(pthread_create(&thread, NULL, end_a_run, &dir), 0);
	wait_until(&meeting.makes);
	workroot_remove(&other);
	pthread_join(thread, NULL);
	meeting.root = NULL;
	assert_int_equal(access(other.path, F_OK), -1);
	/* And one that begins then is told why there is no directory. */
	assert_false(workdir_create(&late, &other, &err));
	assert_in("the server stops", err.message);
	workdir_destroy(&late);
	workroot_destroy(&other);
	assert_int_equal(entries(parent), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_next_run_finds_nothing),
	    cmocka_unit_test(two_at_once_are_apart),
	    cmocka_unit_test(nothing_of_a_run_is_seen_by_the_next),
	    cmocka_unit_test(one_that_was_left_alone_is_as_if_new),
	    cmocka_unit_test(no_root_is_left),
	    cmocka_unit_test(a_run_may_outlive_its_root),
	    cmocka_unit_test(a_late_spare_keeps_no_root),
	};
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
