/* Standard streams: buffers, the granter's descriptors, limits. */
#include "tests/caps/fixture.h"

static ssize_t write_text(struct caps *caps, uint32_t fd, const char *text)
{
	struct iovec iov = iov_of((void *)(uintptr_t)text, strlen(text));
	return caps_fd_write(caps, fd, &iov, 1);
}

static int set_setup(void **state)
{
	*state = caps_create();
	return *state ? 0 : -1;
}

static int set_teardown(void **state)
{
	caps_destroy(*state);
	return 0;
}

static void output_is_captured(void **state)
{
	struct caps *caps = *state;
	size_t size;
	assert_string_equal(caps_captured(caps, CAPS_STDOUT, &size), "");
	assert_int_equal(caps_grant_output_capture(caps, CAPS_STDOUT, CAPS_OUTPUT_UNLIMITED), 0);
	assert_string_equal(caps_captured(caps, CAPS_STDOUT, &size), "");
	struct iovec iov[3] = {iov_of("ab", 2), iov_of(NULL, 0), iov_of("c\0d", 3)};
	assert_int_equal(caps_fd_write(caps, 1, iov, 3), 5);
	assert_memory_equal(caps_captured(caps, CAPS_STDOUT, &size), "abc\0d", 6);
	assert_int_equal(size, 5);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(write_text(caps, 1, "0123456789"), 10);
	caps_captured(caps, CAPS_STDOUT, &size);
	assert_int_equal(size, 100005);
	assert_int_equal(write_text(caps, 2, "x"), -EBADF);
}

static void output_stops_at_its_limit(void **state)
{
	struct caps *caps = *state;
	size_t size;
	assert_int_equal(caps_grant_output_capture(caps, CAPS_STDERR, 7), 0);
	assert_int_equal(write_text(caps, 2, "12345"), 5);
	assert_null(caps_limit_reached(caps));
	assert_int_equal(write_text(caps, 2, "67"), 2);
	assert_null(caps_limit_reached(caps)); /* as much as allowed is not too much */
	assert_int_equal(write_text(caps, 2, ""), 0);
	assert_int_equal(write_text(caps, 2, "8"), -EFBIG);
	assert_string_equal(caps_limit_reached(caps), "stderr is limited to 7 bytes");
	assert_string_equal(caps_captured(caps, CAPS_STDERR, &size), "1234567");
}

static void output_is_cut_at_its_limit(void **state)
{
	struct caps *caps = *state;
	int ends[2];
	char got[16] = "";
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(caps_grant_output_fd(caps, CAPS_STDOUT, ends[1], 7), 0);
	close(ends[1]);
	struct iovec iov[3] = {iov_of("1234", 4), iov_of("5678", 4), iov_of("9", 1)};
	assert_int_equal(caps_fd_write(caps, 1, iov, 3), 7);
	assert_int_equal(caps_fd_write(caps, 1, iov, 3), -EFBIG);
	assert_int_equal(read(ends[0], got, sizeof got), 7);
	assert_string_equal(got, "1234567");
	close(ends[0]);
}

static void input_bytes_end(void **state)
{
	struct caps *caps = *state;
	char a[3], b[3];
	struct iovec iov[2] = {iov_of(a, 3), iov_of(b, 3)};
	assert_int_equal(caps_grant_stdin_bytes(caps, "hello", 5), 0);
	assert_int_equal(caps_fd_read(caps, 0, iov, 2), 5);
	assert_memory_equal(a, "hel", 3);
	assert_memory_equal(b, "lo", 2);
	assert_int_equal(caps_fd_read(caps, 0, iov, 2), 0);
	assert_int_equal(write_text(caps, 0, "x"), -EBADF);
	assert_int_equal(caps_fd_seek(caps, 0, 0, SEEK_SET), -ESPIPE);
	assert_int_equal(caps_fd_pread(caps, 0, iov, 1, 0), -ESPIPE);
}

static void streams_are_granted_once(void **state)
{
	struct caps *caps = *state;
	assert_int_equal(caps_grant_stdin_bytes(caps, "", 0), 0);
	assert_int_equal(caps_grant_stdin_bytes(caps, "", 0), -EALREADY);
	assert_int_equal(caps_grant_output_capture(caps, CAPS_STDIN, 1), -EINVAL);
	assert_int_equal(caps_grant_output_fd(caps, CAPS_STDIN, 1, 1), -EINVAL);
	assert_int_equal(caps_grant_output_fd(caps, CAPS_STDOUT, 12345, 1), -EBADF);
	assert_false(caps_is_granted(caps, CAP_STDOUT));
}

/* "Do not wait" is the guest's wish, not the granter's: his descriptor keeps its flags. */
static void granters_flags_stay(void **state)
{
	struct caps *caps = *state;
	int ends[2];
	char byte;
	struct iovec iov = iov_of(&byte, 1);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(caps_grant_stdin_fd(caps, ends[0]), 0);
	assert_int_equal(caps_fd_set_flags(caps, 0, O_NONBLOCK), 0);
	assert_int_equal(caps_fd_read(caps, 0, &iov, 1), -EAGAIN);
	assert_int_equal(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(caps_fd_read(caps, 0, &iov, 1), 1);
	/* Closing the guest's descriptor leaves the granter's open. */
	assert_int_equal(caps_fd_close(caps, 0), 0);
	assert_int_equal(caps_fd_read(caps, 0, &iov, 1), -EBADF);
	assert_true(fcntl(ends[0], F_GETFD) >= 0);
	close(ends[0]);
	close(ends[1]);
}

#define SET(test) cmocka_unit_test_setup_teardown(test, set_setup, set_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SET(output_is_captured), SET(output_stops_at_its_limit), SET(output_is_cut_at_its_limit),
	    SET(input_bytes_end),    SET(streams_are_granted_once),  SET(granters_flags_stay),
	};
	return cmocka_run_group_tests_name("caps/stream", tests, NULL, NULL);
}
