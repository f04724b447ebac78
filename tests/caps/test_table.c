/* The descriptor table: numbers, limits, renumbering, what the host sees. */
#include "tests/caps/fixture.h"

#include <dirent.h>

static void lowest_free_number_from_three(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(open_write(f, "a"), 4);
	assert_int_equal(open_write(f, "b"), 5);
	assert_int_equal(caps_fd_close(f->caps, 4), 0);
	assert_int_equal(caps_fd_close(f->caps, 4), -EBADF);
	assert_int_equal(open_write(f, "c"), 4);
	assert_int_equal(caps_fd_close(f->caps, 3), 0);
	assert_int_equal(caps_path_mkdir(f->caps, 3, "d"), -EBADF);
}

static void open_files_are_limited(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(caps_limit_open_files(f->caps, 0), -EINVAL);
	assert_int_equal(caps_limit_open_files(f->caps, CAPS_OPEN_FILES_MAX + 1), -EINVAL);
	assert_int_equal(caps_limit_open_files(f->caps, 5), 0);
	for (int fd = 4; fd < 8; fd++)
		assert_int_equal(open_write(f, "a"), fd);
	assert_null(caps_limit_reached(f->caps));
	assert_int_equal(open_write(f, "new"), -EMFILE);
	assert_false(host_exists(f, "root/new"));
	assert_string_equal(caps_limit_reached(f->caps), "open files are limited to 5");
	assert_int_equal(caps_fd_close(f->caps, 5), 0);
	assert_int_equal(open_write(f, "a"), 5);
}

/* A step's own options are none that its author knows. */
static void a_steps_limit_is_told_by_its_field(void **state)
{
	struct fixture *f = *state;
	caps_set_granter(f->caps, CAPS_GRANTER_TEMPLATE);
	assert_int_equal(caps_limit_open_files(f->caps, 5), 0);
	while (open_write(f, "a") >= 0)
		;
	assert_string_equal(caps_limit_reached(f->caps),
	                    "open files are limited to 5 (permissions.limits.open_files)");
}

static void default_limit_holds(void **state)
{
	struct fixture *f = *state;
	int fd, count = 1;
	while ((fd = open_write(f, "a")) >= 0)
		count++;
	assert_int_equal(fd, -EMFILE);
	assert_int_equal(count, CAPS_OPEN_FILES_DEFAULT);
}

static void renumbering_moves_everything(void **state)
{
	struct fixture *f = *state;
	struct caps_fd_info info;
	assert_int_equal(open_write(f, "a"), 4);
	assert_int_equal(open_write(f, "b"), 5);
	assert_int_equal(caps_fd_set_label(f->caps, 4, (struct caps_label){7, 9}), 0);
	assert_int_equal(caps_fd_renumber(f->caps, 4, 5), 0);
	assert_int_equal(caps_fd_info(f->caps, 4, &info), -EBADF);
	assert_int_equal(caps_fd_info(f->caps, 5, &info), 0);
	assert_true(info.label.base == 7 && info.label.inheriting == 9);
	assert_int_equal(caps_fd_renumber(f->caps, 5, 5), 0);
	assert_int_equal(caps_fd_renumber(f->caps, 5, 4), -EBADF);
	assert_int_equal(caps_fd_renumber(f->caps, 5, 1000000), -EBADF);
	/* Over a granted directory: it is a file then, and grants nothing. */
	assert_int_equal(caps_fd_renumber(f->caps, 5, ROOT_FD), 0);
	assert_int_equal(caps_fd_info(f->caps, ROOT_FD, &info), 0);
	assert_null(info.preopen);
	assert_int_equal(caps_path_mkdir(f->caps, ROOT_FD, "d"), -ENOTDIR);
}

static void flags_are_the_files_own(void **state)
{
	struct fixture *f = *state;
	struct caps_fd_info info;
	uint32_t fd = (uint32_t)open_write(f, "a");
	assert_int_equal(caps_fd_set_flags(f->caps, fd, O_APPEND | O_NONBLOCK), 0);
	assert_int_equal(caps_fd_info(f->caps, fd, &info), 0);
	assert_int_equal(info.flags, O_APPEND | O_NONBLOCK);
	assert_int_equal(caps_fd_set_flags(f->caps, fd, 0), 0);
	assert_int_equal(caps_fd_info(f->caps, fd, &info), 0);
	assert_int_equal(info.flags, 0);
	assert_int_equal(caps_fd_set_flags(f->caps, fd, O_DIRECT), -EINVAL);
	assert_int_equal(caps_fd_set_flags(f->caps, fd, O_TRUNC), -EINVAL);
}

/* The open descriptors of this process; or only those that a child would get. */
static int host_descriptors(bool inheritable_only)
{
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	int count = 0;
	struct dirent *entry;
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);
		if (entry->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		count += !inheritable_only || !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	closedir(dir);
	return count;
}

static void nothing_leaks_to_children_or_after_the_run(void **state)
{
	struct fixture *f = *state;
	int before = host_descriptors(false), inheritable = host_descriptors(true);
	struct caps *caps = caps_create();
	for (int fd = 0; fd <= 2; fd++) {
		int rc = fd == 0 ? caps_grant_stdin_fd(caps, 1)
		                 : caps_grant_output_fd(caps, (enum caps_stream)fd, 1, 100);
		assert_int_equal(rc, 0);
	}
	assert_int_equal(caps_grant_dir(caps, f->root, "/", CAPS_READ_WRITE), 0);
	for (int walk = 0; walk < 2; walk++) {
		caps_force_walk(walk);
		struct caps_open how = {.write = true, .create = true, .follow = true};
		assert_true(caps_path_open(caps, ROOT_FD, "x/../y", &how) == -ENOENT);
		assert_true(caps_path_open(caps, ROOT_FD, "./y", &how) > 0);
		assert_true(caps_path_open(caps, ROOT_FD, "./y/z", &how) == -ENOTDIR);
	}
	caps_force_walk(false);
	assert_int_equal(host_descriptors(false), before + 3 + 1 + 2);
	assert_int_equal(host_descriptors(true), inheritable);
	caps_destroy(caps);
	assert_int_equal(host_descriptors(false), before);
}

#define WRITABLE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WRITABLE(lowest_free_number_from_three),
	    WRITABLE(open_files_are_limited),
	    WRITABLE(a_steps_limit_is_told_by_its_field),
	    WRITABLE(default_limit_holds),
	    WRITABLE(renumbering_moves_everything),
	    WRITABLE(flags_are_the_files_own),
	    WRITABLE(nothing_leaks_to_children_or_after_the_run),
	};
	return cmocka_run_group_tests_name("caps/table", tests, NULL, NULL);
}
