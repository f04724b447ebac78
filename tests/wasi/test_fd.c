/* Descriptors: rights, layouts of both snapshots, directory listings, limits of output. */
#include "tests/wasi/guest_module.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define IOV 300u
#define DONE 400u

/* One buffer of `size` bytes at 200. */
static void put_iov(struct guest_run *run, uint32_t size)
{
	put_u32(run, IOV, 200);
	put_u32(run, IOV + 4, size);
}

static void rights_only_shrink(void **state)
{
	struct guest_run *run = *state;
	uint32_t fd = guest_open(run, "file");
	put_iov(run, 4);
	uint64_t less = RIGHTS_FILE & ~RIGHT(FD_WRITE);
	assert_int_equal(CALL(run, fd_write, fd, IOV, 1, DONE), WASI_ESUCCESS);
	assert_int_equal(CALL(run, fd_fdstat_set_rights, fd, less, 0), WASI_ESUCCESS);
	assert_int_equal(CALL(run, fd_write, fd, IOV, 1, DONE), WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, fd_fdstat_set_rights, fd, RIGHTS_FILE, 0), WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, fd_fdstat_set_rights, fd, less, 1), WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, fd_fdstat_get, fd, 1000), WASI_ESUCCESS);
	assert_int_equal(run->memory[1000], FILETYPE_REGULAR_FILE);
	assert_true(get_u64(run, 1008) == less);
	assert_true(get_u64(run, 1016) == 0);
}

/* What is opened through a directory has no more than the directory passes on. */
static void rights_are_inherited(void **state)
{
	struct guest_run *run = *state;
	guest_open(run, "file");
	uint64_t base = RIGHT(PATH_OPEN) | RIGHT(FD_READDIR), passed = RIGHT(FD_READ);
	assert_int_equal(CALL(run, fd_fdstat_set_rights, ROOT_FD, base, passed), WASI_ESUCCESS);
	uint32_t len = put_text(run, 100, "file");
	assert_int_equal(
	    CALL(run, path_open, ROOT_FD, 0, 100, len, 0, RIGHTS_FILE, RIGHTS_FILE, 0, DONE),
	    WASI_ESUCCESS);
	assert_int_equal(CALL(run, fd_fdstat_get, get_u32(run, DONE), 1000), WASI_ESUCCESS);
	assert_true(get_u64(run, 1008) == passed);
	assert_int_equal(CALL(run, path_open, ROOT_FD, 0, 100, len, OFLAG_CREAT, 0, 0, 0, DONE),
	                 WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, path_open, ROOT_FD, 0, 100, len, OFLAG_TRUNC, 0, 0, 0, DONE),
	                 WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, path_unlink_file, ROOT_FD, 100, len), WASI_ENOTCAPABLE);
}

/* The three whences stand in another order in each snapshot. */
static void whence(struct guest_run *run, uint32_t set, uint32_t cur, uint32_t end)
{
	uint32_t fd = guest_open(run, "file");
	assert_int_equal(CALL(run, fd_filestat_set_size, fd, 100), WASI_ESUCCESS);
	assert_int_equal(CALL(run, fd_seek, fd, 10, set, 0), WASI_ESUCCESS);
	assert_int_equal(get_u64(run, 0), 10);
	assert_int_equal(CALL(run, fd_seek, fd, 5, cur, 0), WASI_ESUCCESS);
	assert_int_equal(get_u64(run, 0), 15);
	assert_int_equal(CALL(run, fd_seek, fd, (uint64_t)-1, end, 0), WASI_ESUCCESS);
	assert_int_equal(get_u64(run, 0), 99);
	assert_int_equal(CALL(run, fd_tell, fd, 0), WASI_ESUCCESS);
	assert_int_equal(get_u64(run, 0), 99);
}

static void whence_of_snapshot_1(void **state)
{
	whence(*state, 0, 1, 2);
}

static void whence_of_snapshot_0(void **state)
{
	whence(*state, 2, 0, 1);
}

static void filestat(struct guest_run *run, uint32_t size_at, uint32_t end)
{
	uint32_t fd = guest_open(run, "file");
	assert_int_equal(CALL(run, fd_filestat_set_size, fd, 1234), WASI_ESUCCESS);
	assert_int_equal(
	    CALL(run, fd_filestat_set_times, fd, 1000000001, 2000000002, FSTFLAG_ATIM | FSTFLAG_MTIM),
	    WASI_ESUCCESS);
	memset(run->memory + 1000, 0xaa, 80);
	assert_int_equal(CALL(run, fd_filestat_get, fd, 1000), WASI_ESUCCESS);
	struct stat st;
	char path[128];
	snprintf(path, sizeof path, "%s/file", run->root);
	assert_int_equal(stat(path, &st), 0);
	assert_true(get_u64(run, 1008) == st.st_ino);
	assert_int_equal(run->memory[1016], FILETYPE_REGULAR_FILE);
	assert_int_equal(run->memory[1000 + size_at - (end == 64 ? 8 : 4)], 1); /* links */
	assert_int_equal(get_u64(run, 1000 + size_at), 1234);
	assert_int_equal(get_u64(run, 1000 + size_at + 8), 1000000001);
	assert_int_equal(get_u64(run, 1000 + size_at + 16), 2000000002);
	assert_int_equal(run->memory[1000 + end], 0xaa);
	assert_true(get_u64(run, 1000 + end - 8) ==
	            (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec);
}

static void filestat_of_snapshot_1(void **state)
{
	filestat(*state, 32, 64);
}

static void filestat_of_snapshot_0(void **state)
{
	filestat(*state, 24, 56);
}

static void times_are_not_given_twice(void **state)
{
	struct guest_run *run = *state;
	uint32_t fd = guest_open(run, "file");
	assert_int_equal(CALL(run, fd_filestat_set_times, fd, 1, 1, FSTFLAG_ATIM | FSTFLAG_ATIM_NOW),
	                 WASI_EINVAL);
	assert_int_equal(CALL(run, fd_filestat_set_times, fd, 1, 1, FSTFLAG_MTIM | FSTFLAG_MTIM_NOW),
	                 WASI_EINVAL);
	assert_int_equal(CALL(run, fd_filestat_set_times, fd, 1, 1, 16), WASI_EINVAL);
}

/* ---- directories ---- */

/* Reads the whole directory through a buffer of `size` bytes as C libraries do; the number of
 * entries. Each of the 40 files must come once. */
static int list(struct guest_run *run, uint32_t size)
{
	bool seen[40] = {false};
	uint64_t cookie = 0;
	int count = 0;
	for (;;) {
		assert_int_equal(CALL(run, fd_readdir, ROOT_FD, 1000, size, cookie, DONE), WASI_ESUCCESS);
		uint32_t used = get_u32(run, DONE), at = 0;
		while (used - at >= DIRENT_SIZE) {
			uint32_t len = get_u32(run, 1000 + at + 16);
			if (at + DIRENT_SIZE + len > used)
				break;
			char name[256];
			memcpy(name, run->memory + 1000 + at + DIRENT_SIZE, len);
			name[len] = '\0';
			int number;
			if (sscanf(name, "file-%d", &number) == 1) {
				assert_false(seen[number]);
				seen[number] = true;
			}
			cookie = get_u64(run, 1000 + at);
			at += DIRENT_SIZE + len;
			count++;
		}
		if (used < size)
			return count;
		assert_true(at > 0);
	}
}

static void listings_are_whole_in_any_buffer(void **state)
{
	struct guest_run *run = *state;
	for (int i = 0; i < 40; i++) {
		char name[32];
		snprintf(name, sizeof name, "file-%d", i);
		assert_int_equal(CALL(run, fd_close, guest_open(run, name)), WASI_ESUCCESS);
	}
	assert_int_equal(list(run, 40), 42);
	assert_int_equal(list(run, 100), 42);
	assert_int_equal(list(run, 4096), 42);
	assert_int_equal(list(run, 50000), 42);
}

static void foreign_cookies_are_survived(void **state)
{
	struct guest_run *run = *state;
	static const uint64_t cookies[] = {1, 12345, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
	for (size_t i = 0; i < sizeof cookies / sizeof *cookies; i++) {
		uint32_t rc = CALL(run, fd_readdir, ROOT_FD, 1000, 4096, cookies[i], DONE);
		assert_true(rc == WASI_ESUCCESS || rc == WASI_EINVAL);
	}
	assert_int_equal(list(run, 4096), 2);
	uint32_t fd = guest_open(run, "file");
	assert_int_equal(CALL(run, fd_readdir, fd, 1000, 64, 0, DONE), WASI_ENOTCAPABLE);
}

static void granted_directory_tells_its_name(void **state)
{
	struct guest_run *run = *state;
	assert_int_equal(CALL(run, fd_prestat_get, ROOT_FD, 0), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, 0), 0);
	assert_int_equal(get_u32(run, 4), 1);
	assert_int_equal(CALL(run, fd_prestat_dir_name, ROOT_FD, 8, 1), WASI_ESUCCESS);
	assert_int_equal(run->memory[8], '/');
	assert_int_equal(CALL(run, fd_prestat_get, ROOT_FD + 1, 0), WASI_EBADF);
}

/* ---- flags ---- */

static void flags_of_an_open_file(void **state)
{
	struct guest_run *run = *state;
	uint32_t fd = guest_open(run, "file");
	put_iov(run, 4);
	assert_int_equal(CALL(run, fd_fdstat_set_flags, fd, FDFLAG_APPEND), WASI_ESUCCESS);
	assert_int_equal(CALL(run, fd_fdstat_get, fd, 1000), WASI_ESUCCESS);
	assert_int_equal(run->memory[1002], FDFLAG_APPEND);
	assert_int_equal(CALL(run, fd_write, fd, IOV, 1, DONE), WASI_ESUCCESS);
	assert_int_equal(CALL(run, fd_seek, fd, 0, 0, 0), WASI_ESUCCESS);
	assert_int_equal(CALL(run, fd_write, fd, IOV, 1, DONE), WASI_ESUCCESS);
	/* pwrite goes to its offset even then */
	assert_int_equal(CALL(run, fd_pwrite, fd, IOV, 1, 0, DONE), WASI_ESUCCESS);
	assert_int_equal(CALL(run, fd_filestat_get, fd, 1000), WASI_ESUCCESS);
	assert_int_equal(get_u64(run, 1032), 8);
	assert_int_equal(CALL(run, fd_fdstat_set_flags, fd, FDFLAG_SYNC), WASI_ENOTSUP);
	assert_int_equal(CALL(run, fd_fdstat_set_flags, fd, 32), WASI_EINVAL);
}

/* ---- streams ---- */

static void output_beyond_its_limit_ends_the_run(void **state)
{
	struct guest_run *run = *state;
	size_t size;
	put_iov(run, 50);
	assert_int_equal(CALL(run, fd_write, 1, IOV, 1, DONE), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, DONE), 50);
	assert_int_equal(CALL(run, fd_write, 1, IOV, 1, DONE), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, DONE), 14);
	assert_int_equal(CALL(run, fd_write, 1, IOV, 1, DONE), CALL_ENDED);
	assert_int_equal(run->err.kind, ERROR_TRAP);
	assert_non_null(strstr(run->err.message, "stdout is limited to 64 bytes"));
	caps_captured(run->caps, CAPS_STDOUT, &size);
	assert_int_equal(size, 64);
	assert_int_equal(CALL(run, fd_write, 2, IOV, 1, DONE), WASI_ESUCCESS);
}

static void streams_have_no_position(void **state)
{
	struct guest_run *run = *state;
	put_iov(run, 50);
	assert_int_equal(CALL(run, fd_seek, 0, 0, 1, 0), WASI_ESPIPE);
	assert_int_equal(CALL(run, fd_seek, 1, 5, 0, 0), WASI_ESPIPE);
	assert_int_equal(CALL(run, fd_read, 0, IOV, 1, DONE), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, DONE), 5);
	assert_memory_equal(run->memory + 200, "input", 5);
	assert_int_equal(CALL(run, fd_read, 0, IOV, 1, DONE), WASI_ESUCCESS);
	assert_int_equal(get_u32(run, DONE), 0);
	assert_int_equal(CALL(run, fd_write, 0, IOV, 1, DONE), WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, fd_read, 1, IOV, 1, DONE), WASI_ENOTCAPABLE);
}

static uint64_t shown_rights(struct guest_run *run, uint32_t fd)
{
	assert_int_equal(CALL(run, fd_fdstat_get, fd, 1000), WASI_ESUCCESS);
	return get_u64(run, 1008);
}

/* Not even the one that is found out late. */
static void streams_have_the_rights_of_their_kind(void **state)
{
	struct guest_run *run = *state;
	assert_true(shown_rights(run, 0) == (RIGHTS_STREAM | RIGHT(FD_READ)));
	uint64_t output = RIGHTS_STREAM | RIGHT(FD_WRITE) | RIGHT(FD_SYNC) | RIGHT(FD_DATASYNC);
	assert_true(shown_rights(run, 1) == output);
	assert_true(shown_rights(run, 2) == output);
}

#define SEEKS (RIGHT(FD_SEEK) | RIGHT(FD_TELL))

/* C libraries take what cannot seek for a terminal. Asked first is what asks last. */
static void a_device_that_is_no_terminal_may_seek(void **state)
{
	struct guest_run *run = *state;
	put_iov(run, 4);
	assert_int_equal(CALL(run, fd_write, 1, IOV, 1, DONE), WASI_ESUCCESS);
	assert_int_equal(CALL(run, fd_tell, 1, 0), WASI_ESPIPE);
	assert_true(shown_rights(run, 1) ==
	            (RIGHTS_STREAM | RIGHT(FD_WRITE) | RIGHT(FD_SYNC) | RIGHT(FD_DATASYNC) | SEEKS));
	assert_int_equal(CALL(run, fd_read, 1, IOV, 1, DONE), WASI_ENOTCAPABLE);

	uint64_t less = RIGHT(FD_READ) | SEEKS;
	assert_int_equal(CALL(run, fd_fdstat_set_rights, 0, RIGHTS_FILE, 0), WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, fd_fdstat_set_rights, 0, less, 0), WASI_ESUCCESS);
	assert_true(shown_rights(run, 0) == less);
	assert_int_equal(CALL(run, fd_fdstat_set_rights, 0, RIGHT(FD_READ), 0), WASI_ESUCCESS);
	/* What was given up does not come back by being found out again. */
	assert_int_equal(CALL(run, fd_fdstat_set_rights, 0, less, 0), WASI_ENOTCAPABLE);
	assert_true(shown_rights(run, 0) == RIGHT(FD_READ));
	assert_int_equal(CALL(run, fd_fdstat_get, 2, 1000), WASI_EBADF);
}

static void directories_are_no_files(void **state)
{
	struct guest_run *run = *state;
	put_iov(run, 8);
	assert_int_equal(CALL(run, fd_read, ROOT_FD, IOV, 1, DONE), WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, fd_write, ROOT_FD, IOV, 1, DONE), WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, fd_seek, ROOT_FD, 0, 0, 0), WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, fd_filestat_set_size, ROOT_FD, 0), WASI_ENOTCAPABLE);
	assert_int_equal(CALL(run, fd_allocate, ROOT_FD, 0, 1), WASI_ENOTCAPABLE);
}

#define FULL(test) cmocka_unit_test_setup_teardown(test, guest_setup_full, guest_teardown)
#define OLD(test) cmocka_unit_test_setup_teardown(test, guest_setup_snapshot_0, guest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    FULL(rights_only_shrink),
	    FULL(rights_are_inherited),
	    FULL(whence_of_snapshot_1),
	    OLD(whence_of_snapshot_0),
	    FULL(filestat_of_snapshot_1),
	    OLD(filestat_of_snapshot_0),
	    FULL(times_are_not_given_twice),
	    FULL(listings_are_whole_in_any_buffer),
	    FULL(foreign_cookies_are_survived),
	    FULL(granted_directory_tells_its_name),
	    FULL(flags_of_an_open_file),
	    FULL(output_beyond_its_limit_ends_the_run),
	    FULL(streams_have_no_position),
	    FULL(directories_are_no_files),
	    FULL(streams_have_the_rights_of_their_kind),
	    cmocka_unit_test_setup_teardown(a_device_that_is_no_terminal_may_seek, guest_setup_devices,
	                                    guest_teardown),
	};
	return cmocka_run_group_tests_name("wasi/fd", tests, NULL, NULL);
}
