/* Open files and directories: reading, writing, positions, listings. */
#include "tests/caps/fixture.h"

static void reading_and_writing(void **state)
{
	struct fixture *f = *state;
	char a[4] = "", b[8] = "";
	uint32_t fd = (uint32_t)open_write(f, "file");
	struct iovec out[2] = {iov_of("abc", 3), iov_of("defg", 4)};
	struct iovec in[2] = {iov_of(a, 2), iov_of(b, 7)};
	assert_int_equal(caps_fd_write(f->caps, fd, out, 2), 7);
	assert_int_equal(caps_fd_seek(f->caps, fd, 1, SEEK_SET), 1);
	assert_int_equal(caps_fd_read(f->caps, fd, in, 2), 6);
	assert_string_equal(a, "bc");
	assert_string_equal(b, "defg");
	assert_int_equal(caps_fd_pwrite(f->caps, fd, out, 1, 2), 3);
	assert_int_equal(caps_fd_pread(f->caps, fd, in, 1, 2), 2);
	assert_string_equal(a, "ab");
	assert_int_equal(caps_fd_seek(f->caps, fd, 0, SEEK_CUR), 7);
	assert_string_equal(host_read(f, "root/file"), "ababcfg");
	assert_int_equal(caps_fd_seek(f->caps, fd, -1, SEEK_SET), -EINVAL);
	assert_int_equal(caps_fd_seek(f->caps, fd, 0, 3), -EINVAL);
	assert_int_equal(caps_fd_pread(f->caps, fd, in, 1, -1), -EINVAL);
	assert_int_equal(caps_fd_read(f->caps, fd, in, CAPS_IOV_MAX + 1), -EINVAL);
	struct iovec wrap[2] = {iov_of(a, SIZE_MAX), iov_of(b, 2)};
	assert_int_equal(caps_fd_read(f->caps, fd, wrap, 2), -EINVAL);
	assert_int_equal(caps_fd_write(f->caps, fd, wrap, 2), -EINVAL);
}

static void sizes_and_times(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	uint32_t fd = (uint32_t)open_write(f, "file");
	assert_int_equal(caps_fd_set_size(f->caps, fd, 100), 0);
	assert_int_equal(caps_fd_set_size(f->caps, fd, -1), -EINVAL);
	assert_int_equal(caps_fd_allocate(f->caps, fd, 90, 20), 0);
	assert_int_equal(caps_fd_allocate(f->caps, fd, 0, 0), -EINVAL);
	assert_int_equal(caps_fd_advise(f->caps, fd, 0, 0, POSIX_FADV_NORMAL), 0);
	assert_int_equal(caps_fd_advise(f->caps, fd, 0, 0, 99), -EINVAL);
	assert_int_equal(caps_fd_sync(f->caps, fd, true), 0);
	assert_int_equal(caps_fd_sync(f->caps, fd, false), 0);
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {5, 6}};
	assert_int_equal(caps_fd_set_times(f->caps, fd, times), 0);
	assert_int_equal(caps_fd_stat(f->caps, fd, &st), 0);
	assert_int_equal(st.st_size, 110);
	assert_int_equal(st.st_mtim.tv_sec, 5);
	assert_int_equal(st.st_mtim.tv_nsec, 6);
	assert_true(st.st_atim.tv_sec > 5);
}

/* The offset of a write stands although the file appends. */
static void pwrite_does_not_append(void **state)
{
	struct fixture *f = *state;
	struct iovec iov = iov_of("xy", 2);
	uint32_t fd = (uint32_t)open_write(f, "file");
	assert_int_equal(caps_fd_set_flags(f->caps, fd, O_APPEND), 0);
	assert_int_equal(caps_fd_write(f->caps, fd, &iov, 1), 2);
	assert_int_equal(caps_fd_pwrite(f->caps, fd, &iov, 1, 1), 2);
	assert_int_equal(caps_fd_write(f->caps, fd, &iov, 1), 2);
	assert_string_equal(host_read(f, "root/file"), "xxyxy");
}

struct names {
	char text[4096];
	uint64_t parent;
	uint64_t next;
	int left; /* entries still wanted */
	int count;
};

static bool add_name(void *env, const struct caps_dirent *entry)
{
	struct names *names = env;
	strcat(names->text, entry->name);
	strcat(names->text, entry->type == CAPS_TYPE_DIRECTORY ? "/ " : " ");
	names->next = entry->next;
	if (strcmp(entry->name, "..") == 0)
		names->parent = entry->ino;
	names->count++;
	return --names->left != 0;
}

static void listing_goes_on_at_a_cookie(void **state)
{
	struct fixture *f = *state;
	host_mkdir(f, "root/d");
	for (int i = 0; i < 300; i++) {
		char name[32];
		snprintf(name, sizeof name, "root/d/f%d", i);
		host_write(f, name, "");
	}
	uint32_t fd = (uint32_t)open_read(f, "d");
	struct names whole = {0}, parts = {0};
	assert_int_equal(caps_fd_readdir(f->caps, fd, 0, add_name, &whole), 0);
	assert_int_equal(whole.count, 302);
	assert_non_null(strstr(whole.text, "../ "));
	do {
		parts.left = 7;
		assert_int_equal(caps_fd_readdir(f->caps, fd, parts.next, add_name, &parts), 0);
	} while (parts.left == 0);
	assert_string_equal(parts.text, whole.text);
}

/* Entries that were not there or not yet removed do not confuse where a listing goes on. */
static void listing_survives_changes(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof name, "root/f%d", i);
		host_write(f, name, "");
	}
	struct names names = {.left = 1};
	int removed = 0;
	for (;;) {
		names.text[0] = '\0';
		names.left = 1;
		int before = names.count;
		assert_int_equal(caps_fd_readdir(f->caps, ROOT_FD, names.next, add_name, &names), 0);
		if (names.count == before)
			break;
		names.text[strcspn(names.text, " ")] = '\0';
		if (names.text[0] == 'f') {
			assert_int_equal(caps_path_unlink(f->caps, ROOT_FD, names.text), 0);
			removed++;
		}
	}
	assert_int_equal(removed, 20);
}

/* The number of what lies above a granted directory is not told. */
static void parent_of_a_grant_is_hidden(void **state)
{
	struct fixture *f = *state;
	struct stat top;
	assert_int_equal(stat(f->top, &top), 0);
	struct names names = {0};
	assert_int_equal(caps_fd_readdir(f->caps, ROOT_FD, 0, add_name, &names), 0);
	assert_true(names.parent != 0 && names.parent != top.st_ino);
	struct stat st;
	assert_int_equal(caps_path_stat(f->caps, ROOT_FD, "..", true, &st), -EPERM);
	uint32_t fd = (uint32_t)open_write(f, "file");
	assert_int_equal(caps_fd_readdir(f->caps, fd, 0, add_name, &names), -ENOTDIR);
}

static void directories_have_no_position(void **state)
{
	struct fixture *f = *state;
	char byte;
	struct iovec iov = iov_of(&byte, 1);
	assert_int_equal(caps_fd_seek(f->caps, ROOT_FD, 0, SEEK_SET), -EISDIR);
	assert_int_equal(caps_fd_read(f->caps, ROOT_FD, &iov, 1), -EISDIR);
	assert_int_equal(caps_fd_write(f->caps, ROOT_FD, &iov, 1), -EBADF);
}

#define WRITABLE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WRITABLE(reading_and_writing),          WRITABLE(sizes_and_times),
	    WRITABLE(pwrite_does_not_append),       WRITABLE(listing_goes_on_at_a_cookie),
	    WRITABLE(listing_survives_changes),     WRITABLE(parent_of_a_grant_is_hidden),
	    WRITABLE(directories_have_no_position),
	};
	return cmocka_run_group_tests_name("caps/file", tests, NULL, NULL);
}
