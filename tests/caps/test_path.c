/* Operations on paths: what they do, what a read-only grant refuses, and that grants stay apart. */
#include "tests/caps/fixture.h"

static const struct timespec epoch[2] = {{1, 2}, {3, 4}};

static void files_are_made_and_removed(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	assert_int_equal(caps_path_mkdir(f->caps, ROOT_FD, "d"), 0);
	assert_int_equal(caps_path_mkdir(f->caps, ROOT_FD, "d/e/"), 0);
	assert_int_equal(caps_path_mkdir(f->caps, ROOT_FD, "d"), -EEXIST);
	int fd = open_write(f, "d/e/file");
	assert_true(fd > 3);
	assert_true(host_exists(f, "root/d/e/file"));
	assert_int_equal(caps_path_rmdir(f->caps, ROOT_FD, "d/e"), -ENOTEMPTY);
	assert_int_equal(caps_path_unlink(f->caps, ROOT_FD, "d/e"), -EISDIR);
	assert_int_equal(caps_path_unlink(f->caps, ROOT_FD, "d/e/file/"), -ENOTDIR);
	assert_int_equal(caps_path_stat(f->caps, ROOT_FD, "d/e/file", false, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(caps_path_unlink(f->caps, ROOT_FD, "d/e/file"), 0);
	assert_int_equal(caps_path_stat(f->caps, ROOT_FD, "d/e/file", false, &st), -ENOENT);
	assert_int_equal(caps_path_rmdir(f->caps, ROOT_FD, "d/e/"), 0);
	assert_int_equal(caps_path_rmdir(f->caps, ROOT_FD, "."), -EINVAL);
	assert_false(host_exists(f, "root/d/e"));
}

static void open_does_what_it_is_asked(void **state)
{
	struct fixture *f = *state;
	struct caps *caps = f->caps;
	host_write(f, "root/file", "text");
	assert_int_equal(caps_path_open(caps, ROOT_FD, "file",
	                                &(struct caps_open){.create = true, .exclusive = true}),
	                 -EEXIST);
	assert_int_equal(caps_path_open(caps, ROOT_FD, "file", &(struct caps_open){.directory = true}),
	                 -ENOTDIR);
	assert_int_equal(caps_path_open(caps, ROOT_FD, "none", &(struct caps_open){.read = true}),
	                 -ENOENT);
	assert_int_equal(
	    caps_path_open(caps, ROOT_FD, ".", &(struct caps_open){.read = true, .write = true}),
	    -EISDIR);
	assert_true(caps_path_open(caps, ROOT_FD, "file",
	                           &(struct caps_open){.write = true, .truncate = true}) > 0);
	assert_string_equal(host_read(f, "root/file"), "");
	assert_int_equal(caps_path_open(caps, 1, "file", &(struct caps_open){.read = true}), -EBADF);
}

/* A FIFO of the host that nobody writes to does not hold up the run. */
static void fifo_does_not_block(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX * 2];
	snprintf(path, sizeof path, "%s/fifo", f->root);
	assert_int_equal(mkfifo(path, 0666), 0);
	int fd = open_read(f, "fifo");
	assert_true(fd > 0);
	struct caps_fd_info info;
	assert_int_equal(caps_fd_info(f->caps, (uint32_t)fd, &info), 0);
	assert_int_equal(info.type, CAPS_TYPE_FIFO);
	assert_int_equal(info.flags & O_NONBLOCK, 0);
}

static void links_and_times(void **state)
{
	struct fixture *f = *state;
	struct stat st, linked;
	char buf[8];
	host_write(f, "root/file", "text");
	assert_int_equal(caps_path_link(f->caps, ROOT_FD, "file", false, ROOT_FD, "hard"), 0);
	assert_int_equal(caps_path_link(f->caps, ROOT_FD, "file", false, ROOT_FD, "hard"), -EEXIST);
	assert_int_equal(caps_path_link(f->caps, ROOT_FD, "file", false, ROOT_FD, "new/"), -ENOENT);
	assert_int_equal(caps_path_symlink(f->caps, "file", ROOT_FD, "soft"), 0);
	assert_int_equal(caps_path_symlink(f->caps, "file", ROOT_FD, "new/"), -ENOENT);
	assert_int_equal(caps_path_readlink(f->caps, ROOT_FD, "soft", buf, sizeof buf), 4);
	assert_memory_equal(buf, "file", 4);
	assert_int_equal(caps_path_readlink(f->caps, ROOT_FD, "soft", buf, 2), 2);
	assert_int_equal(caps_path_readlink(f->caps, ROOT_FD, "file", buf, 2), -EINVAL);
	assert_int_equal(caps_path_set_times(f->caps, ROOT_FD, "soft", true, epoch), 0);
	assert_int_equal(caps_path_stat(f->caps, ROOT_FD, "soft", false, &st), 0);
	assert_true(S_ISLNK(st.st_mode) && st.st_mtim.tv_sec > 3);
	assert_int_equal(caps_path_stat(f->caps, ROOT_FD, "soft", true, &st), 0);
	assert_int_equal(caps_path_stat(f->caps, ROOT_FD, "hard", false, &linked), 0);
	assert_true(st.st_ino == linked.st_ino && st.st_nlink == 2);
	assert_int_equal(st.st_mtim.tv_sec, 3);
	assert_int_equal(st.st_atim.tv_nsec, 2);
	assert_int_equal(caps_path_set_times(f->caps, ROOT_FD, "soft", false, epoch), 0);
	assert_int_equal(caps_path_stat(f->caps, ROOT_FD, "soft", false, &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 3);
}

static void renames(void **state)
{
	struct fixture *f = *state;
	host_write(f, "root/a", "a");
	host_mkdir(f, "root/d");
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "a", ROOT_FD, "b"), 0);
	assert_string_equal(host_read(f, "root/b"), "a");
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "b", ROOT_FD, "d"), -EISDIR);
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "b", ROOT_FD, "c/"), -ENOTDIR);
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "b/", ROOT_FD, "c"), -ENOTDIR);
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "d/", ROOT_FD, "e/"), 0);
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "e", ROOT_FD, "e/x"), -EINVAL);
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, ".", ROOT_FD, "x"), -EBUSY);
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "b", ROOT_FD, "e/.."), -EBUSY);
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "none", ROOT_FD, "x"), -ENOENT);
}

/* ---- read-only ---- */

static void read_only_refuses_every_change(void **state)
{
	struct fixture *f = *state;
	struct caps *caps = f->caps;
	host_write(f, "root/file", "text");
	host_mkdir(f, "root/dir");
	host_symlink(f, "file", "root/link");
	char writable[PATH_MAX * 2];
	host_mkdir(f, "writable");
	snprintf(writable, sizeof writable, "%s/writable", f->top);
	assert_int_equal(caps_grant_dir(caps, writable, "/w", CAPS_READ_WRITE), 0);
	uint32_t w = ROOT_FD + 1;

	struct caps_open refused[] = {{.write = true},
	                              {.read = true, .write = true},
	                              {.read = true, .truncate = true},
	                              {.read = true, .create = true, .exclusive = true}};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		assert_int_equal(caps_path_open(caps, ROOT_FD, "file", &refused[i]), -EROFS);
	struct caps_open create = {.read = true, .create = true};
	assert_int_equal(caps_path_open(caps, ROOT_FD, "new", &create), -EROFS);
	assert_true(caps_path_open(caps, ROOT_FD, "file", &create) > 0);
	assert_int_equal(caps_path_mkdir(caps, ROOT_FD, "new"), -EROFS);
	assert_int_equal(caps_path_rmdir(caps, ROOT_FD, "dir"), -EROFS);
	assert_int_equal(caps_path_unlink(caps, ROOT_FD, "file"), -EROFS);
	assert_int_equal(caps_path_rename(caps, ROOT_FD, "file", ROOT_FD, "new"), -EROFS);
	assert_int_equal(caps_path_rename(caps, ROOT_FD, "file", w, "new"), -EROFS);
	assert_int_equal(caps_path_link(caps, ROOT_FD, "file", false, ROOT_FD, "new"), -EROFS);
	/* A hard link elsewhere would be a way to write to the file. */
	assert_int_equal(caps_path_link(caps, ROOT_FD, "file", false, w, "new"), -EROFS);
	assert_int_equal(caps_path_symlink(caps, "file", ROOT_FD, "new"), -EROFS);
	assert_int_equal(caps_path_set_times(caps, ROOT_FD, "file", true, epoch), -EROFS);

	int fd = open_read(f, "file"), dir = open_read(f, "dir");
	assert_true(fd > 0 && dir > 0);
	assert_int_equal(caps_fd_set_times(caps, (uint32_t)fd, epoch), -EROFS);
	assert_int_equal(caps_fd_set_size(caps, (uint32_t)fd, 0), -EINVAL);
	struct iovec iov = iov_of("x", 1);
	assert_int_equal(caps_fd_write(caps, (uint32_t)fd, &iov, 1), -EBADF);
	assert_int_equal(caps_path_mkdir(caps, (uint32_t)dir, "new"), -EROFS);
	assert_int_equal(caps_fd_renumber(caps, (uint32_t)dir, w), 0);
	assert_int_equal(caps_path_mkdir(caps, w, "new"), -EROFS);

	assert_string_equal(host_read(f, "root/file"), "text");
	assert_false(host_exists(f, "root/new"));
	assert_false(host_exists(f, "writable/new"));
	assert_string_equal(caps_denial(caps),
	                    "the module tried to change files below /, which is granted read-only; "
	                    "leave away the :ro of its --dir");
}

static void grants_stay_apart(void **state)
{
	struct fixture *f = *state;
	char other[PATH_MAX * 2];
	host_mkdir(f, "other");
	host_write(f, "root/file", "text");
	snprintf(other, sizeof other, "%s/other", f->top);
	assert_int_equal(caps_grant_dir(f->caps, other, "/other", CAPS_READ_WRITE), 0);
	uint32_t to = ROOT_FD + 1;
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "file", to, "file"), -EXDEV);
	assert_int_equal(caps_path_link(f->caps, ROOT_FD, "file", false, to, "file"), -EXDEV);
	assert_false(host_exists(f, "other/file"));
	assert_true(host_exists(f, "root/file"));
}

static void grant_needs_a_directory(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX * 2];
	host_write(f, "file", "");
	snprintf(path, sizeof path, "%s/file", f->top);
	assert_int_equal(caps_grant_dir(f->caps, path, "/f", CAPS_READ_WRITE), -ENOTDIR);
	assert_int_equal(caps_grant_dir(f->caps, "/nowhere/at/all", "/f", CAPS_READ_WRITE), -ENOENT);
	assert_int_equal(caps_grant_dir(f->caps, f->top, "", CAPS_READ_WRITE), -EINVAL);
}

#define WRITABLE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WRITABLE(files_are_made_and_removed),
	    WRITABLE(open_does_what_it_is_asked),
	    WRITABLE(fifo_does_not_block),
	    WRITABLE(links_and_times),
	    WRITABLE(renames),
	    cmocka_unit_test_setup_teardown(read_only_refuses_every_change, fixture_setup_read_only,
	                                    fixture_teardown),
	    WRITABLE(grants_stay_apart),
	    WRITABLE(grant_needs_a_directory),
	};
	return cmocka_run_group_tests_name("caps/path", tests, NULL, NULL);
}
