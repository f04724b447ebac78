/* caps/quota: what a run adds below a granted directory never is more than its quota, whatever it
 * does; the disk is asked, not the set. */
#include "tests/caps/fixture.h"

#include <dirent.h>

#define QUOTA ((uint64_t)40000)
#define ENTRY ((int64_t)CAPS_ENTRY_BYTES)

static int quota_setup(void **state)
{
	fixture_setup(state);
	struct fixture *f = *state;
	host_write(f, "root/before", "0123456789");
	return caps_limit_dir(f->caps, QUOTA, "--quota");
}

/* The bytes and entries below the granted directory, as the rules count them. */
static int64_t on_disk(const char *path)
{
	int64_t sum = 0;
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		char below[PATH_MAX * 2];
		struct stat st;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
		assert_int_equal(lstat(below, &st), 0);
		sum += ENTRY + (S_ISREG(st.st_mode) ? st.st_size / (int64_t)st.st_nlink : 0);
		if (S_ISDIR(st.st_mode))
			sum += on_disk(below);
	}
	closedir(dir);
	return sum;
}

static int64_t added(const struct fixture *f)
{
	return on_disk(f->root) - ENTRY - 10;
}

static ssize_t put(struct fixture *f, int fd, size_t size)
{
	static char bytes[100000];
	struct iovec iov = iov_of(bytes, size);
	return caps_fd_write(f->caps, (uint32_t)fd, &iov, 1);
}

static void a_write_writes_what_fits(void **state)
{
	struct fixture *f = *state;
	int fd = open_write(f, "a");
	assert_true(fd > 0);
	assert_int_equal(put(f, fd, 30000), 30000);
	assert_null(caps_limit_reached(f->caps));
	assert_int_equal(put(f, fd, 30000), QUOTA - ENTRY - 30000);
	assert_string_equal(caps_limit_reached(f->caps),
	                    "files below / are limited to 40000 bytes (--quota)");
	assert_int_equal(put(f, fd, 1), -EDQUOT);
	assert_int_equal(put(f, fd, 0), 0);
	assert_int_equal(added(f), QUOTA);
	/* What lies within the file can be written anew. */
	assert_int_equal(caps_fd_seek(f->caps, (uint32_t)fd, 0, SEEK_SET), 0);
	assert_int_equal(put(f, fd, 30000), 30000);
	assert_int_equal(added(f), QUOTA);
}

static void writing_at_an_offset_counts_the_hole(void **state)
{
	struct fixture *f = *state;
	struct iovec iov = iov_of("x", 1);
	int fd = open_write(f, "a");
	assert_int_equal(caps_fd_pwrite(f->caps, (uint32_t)fd, &iov, 1, 1000000), -EDQUOT);
	assert_int_equal(caps_fd_pwrite(f->caps, (uint32_t)fd, &iov, 1, INT64_MAX - 1), -EDQUOT);
	assert_int_equal(caps_fd_pwrite(f->caps, (uint32_t)fd, &iov, 1, 29999), 1);
	assert_int_equal(put(f, fd, 30000), 30000); /* over the hole */
	assert_int_equal(put(f, fd, 30000), QUOTA - ENTRY - 30000);
	assert_int_equal(added(f), QUOTA);
}

static void appending_counts_from_the_end(void **state)
{
	struct fixture *f = *state;
	int fd = caps_path_open(f->caps, ROOT_FD, "before",
	                        &(struct caps_open){.write = true, .flags = O_APPEND});
	assert_true(fd > 0);
	assert_int_equal(put(f, fd, 50000), QUOTA);
	assert_int_equal(put(f, fd, 1), -EDQUOT);
	assert_int_equal(added(f), QUOTA);
}

static void sizes_that_are_set_count(void **state)
{
	struct fixture *f = *state;
	uint32_t fd = (uint32_t)open_write(f, "a");
	assert_int_equal(caps_fd_set_size(f->caps, fd, INT64_C(1) << 40), -EDQUOT);
	assert_int_equal(caps_fd_set_size(f->caps, fd, 30000), 0);
	assert_int_equal(caps_fd_set_size(f->caps, fd, 40000), -EDQUOT);
	assert_int_equal(caps_fd_set_size(f->caps, fd, 0), 0);
	assert_int_equal(caps_fd_set_size(f->caps, fd, QUOTA - ENTRY), 0);
	assert_int_equal(added(f), QUOTA);
	assert_int_equal(caps_fd_allocate(f->caps, fd, 0, 10000), 0); /* within */
	assert_int_equal(caps_fd_allocate(f->caps, fd, QUOTA, 1), -EDQUOT);
	assert_int_equal(caps_fd_allocate(f->caps, fd, INT64_MAX, INT64_MAX), -EFBIG);
	assert_int_equal(added(f), QUOTA);
}

static void entries_count_also_when_they_are_empty(void **state)
{
	struct fixture *f = *state;
	int made = 0;
	char name[16];
	for (; made < 100; made++) {
		snprintf(name, sizeof name, "d%d", made);
		int rc = made % 3 == 0   ? caps_path_mkdir(f->caps, ROOT_FD, name)
		         : made % 3 == 1 ? caps_path_symlink(f->caps, "before", ROOT_FD, name)
		                         : caps_path_link(f->caps, ROOT_FD, "before", false, ROOT_FD, name);
		if (rc < 0) {
			assert_int_equal(rc, -EDQUOT);
			break;
		}
	}
	assert_int_equal(made, QUOTA / ENTRY);
	assert_int_equal(open_write(f, "file"), -EDQUOT);
	assert_false(host_exists(f, "root/file"));
	/* A failure takes nothing, and what goes makes room. */
	assert_int_equal(caps_path_rmdir(f->caps, ROOT_FD, "d0"), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(caps_path_mkdir(f->caps, ROOT_FD, "d1"), -EEXIST);
	assert_true(open_write(f, "file") > 0);
}

static void what_is_taken_away_counts_back(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 10; i++) {
		int fd = open_write(f, "a");
		assert_int_equal(put(f, fd, 30000), 30000);
		assert_int_equal(caps_fd_close(f->caps, (uint32_t)fd), 0);
		assert_int_equal(caps_path_unlink(f->caps, ROOT_FD, "a"), 0);
	}
	for (int i = 0; i < 10; i++) {
		int fd =
		    caps_path_open(f->caps, ROOT_FD, "a",
		                   &(struct caps_open){.write = true, .create = true, .truncate = true});
		assert_int_equal(put(f, fd, 30000), 30000);
		assert_int_equal(caps_fd_close(f->caps, (uint32_t)fd), 0);
	}
	assert_int_equal(added(f), ENTRY + 30000);
	/* Replaced by a rename. */
	int fd = open_write(f, "b");
	assert_true(fd > 0);
	assert_int_equal(put(f, fd, 100000), QUOTA - 2 * ENTRY - 30000);
	assert_int_equal(caps_path_rename(f->caps, ROOT_FD, "b", ROOT_FD, "a"), 0);
	assert_int_equal(put(f, fd, 1), 1);
	assert_true(added(f) <= (int64_t)QUOTA);
}

static void files_of_before_make_no_room(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(caps_path_unlink(f->caps, ROOT_FD, "before"), 0);
	int fd = open_write(f, "a");
	assert_int_equal(put(f, fd, 100000), QUOTA - ENTRY);
}

/* Unlinked, and still on the disk: the room comes back when the last descriptor is closed. */
static void an_unlinked_file_that_is_open_counts(void **state)
{
	struct fixture *f = *state;
	int fd = open_write(f, "a"), other = open_read(f, "a");
	assert_int_equal(put(f, fd, 30000), 30000);
	assert_int_equal(caps_path_unlink(f->caps, ROOT_FD, "a"), 0);
	int next = open_write(f, "b");
	assert_int_equal(put(f, next, 30000), QUOTA - ENTRY - 30000);
	assert_int_equal(caps_fd_close(f->caps, (uint32_t)fd), 0);
	assert_int_equal(put(f, next, 1), -EDQUOT);
	/* Closed by becoming another one. */
	assert_int_equal(caps_fd_renumber(f->caps, (uint32_t)open_read(f, "before"), (uint32_t)other),
	                 0);
	assert_int_equal(put(f, next, 30000), 30000);
	assert_true(added(f) <= (int64_t)QUOTA);
}

static void each_directory_has_its_own(void **state)
{
	struct fixture *f = *state;
	host_mkdir(f, "other");
	char path[PATH_MAX * 2];
	snprintf(path, sizeof path, "%s/other", f->top);
	assert_int_equal(caps_grant_dir(f->caps, path, "/other", CAPS_READ_WRITE), 0);
	int fd = caps_path_open(f->caps, ROOT_FD + 1, "a",
	                        &(struct caps_open){.write = true, .create = true});
	assert_int_equal(put(f, fd, 100000), 100000);
	assert_null(caps_limit_reached(f->caps));
}

/* A second directory of one name once had none, and set the first one's anew. */
static void a_quota_is_of_the_directory_granted_last(void **state)
{
	struct fixture *f = *state;
	host_mkdir(f, "other");
	char path[PATH_MAX * 2];
	snprintf(path, sizeof path, "%s/other", f->top);
	assert_int_equal(caps_grant_dir(f->caps, path, "/", CAPS_READ_WRITE), -EEXIST);
	assert_int_equal(caps_grant_dir(f->caps, path, "/other", CAPS_READ_WRITE), 0);
	assert_int_equal(caps_limit_dir(f->caps, ENTRY + 10, "--quota"), 0);
	int fd = caps_path_open(f->caps, ROOT_FD + 1, "a",
	                        &(struct caps_open){.write = true, .create = true});
	assert_int_equal(put(f, fd, 100), 10);
	assert_int_equal(put(f, open_write(f, "b"), 30000), 30000);

	struct caps *empty = caps_create();
	assert_int_equal(caps_limit_dir(empty, 1, "--quota"), -ENOENT);
	caps_destroy(empty);
}

/* Two names of one directory, or of one inside another, were two quotas. */
static void directories_share_a_quota(void **state)
{
	struct fixture *f = *state;
	host_mkdir(f, "root/below");
	char path[PATH_MAX * 2];
	snprintf(path, sizeof path, "%s/below", f->root);
	assert_int_equal(caps_grant_dir(f->caps, path, ".", CAPS_READ_WRITE), 0);
	assert_int_equal(caps_share_limit(f->caps, "/other"), -ENOENT);
	assert_int_equal(caps_share_limit(f->caps, "."), -ENOENT); /* not its own */
	assert_int_equal(caps_share_limit(f->caps, "/"), 0);
	const struct caps_open how = {.write = true, .create = true};
	int below = caps_path_open(f->caps, ROOT_FD + 1, "a", &how);
	int above = open_write(f, "b");
	assert_int_equal(put(f, below, 20000), 20000);
	assert_int_equal(put(f, above, 20000), QUOTA - 2 * ENTRY - 20000);
	assert_int_equal(put(f, below, 1), -EDQUOT);
	assert_string_equal(caps_limit_reached(f->caps),
	                    "files below / are limited to 40000 bytes (--quota)");
	/* What is taken away by the one makes room for the other. */
	assert_int_equal(caps_fd_close(f->caps, (uint32_t)below), 0);
	assert_int_equal(caps_path_unlink(f->caps, ROOT_FD, "below/a"), 0);
	assert_int_equal(put(f, above, 30000), 20000 + ENTRY);
	below = caps_path_open(f->caps, ROOT_FD + 1, "a", &how);
	assert_int_equal(below, -EDQUOT);
	assert_true(added(f) <= (int64_t)QUOTA + ENTRY); /* root/below is the host's */
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, quota_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	    CASE(a_write_writes_what_fits),
	    CASE(writing_at_an_offset_counts_the_hole),
	    CASE(appending_counts_from_the_end),
	    CASE(sizes_that_are_set_count),
	    CASE(entries_count_also_when_they_are_empty),
	    CASE(what_is_taken_away_counts_back),
	    CASE(files_of_before_make_no_room),
	    CASE(an_unlinked_file_that_is_open_counts),
	    CASE(each_directory_has_its_own),
	    CASE(a_quota_is_of_the_directory_granted_last),
	    CASE(directories_share_a_quota),
	};
	return cmocka_run_group_tests_name("caps/quota", tests, NULL, NULL);
}
