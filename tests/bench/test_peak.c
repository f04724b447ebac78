/* Memory, disk and traffic, told by real processes, files and lines of a registry's log. */
#include "tests/plugin/table.h"

#include "bench/disk.h"
#include "bench/peak.h"
#include "bench/registry_server.h"

#include <sys/stat.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

static uint64_t peak_of(char *script)
{
	struct error err = ERROR_INIT;
	uint64_t bytes = 0;
	if (!peak_of_command((char *[]){"/bin/sh", "-c", script, NULL}, &bytes, &err))
		fail_msg("%s", err.message);
	return bytes;
}

/* dd holds one block of that size, and reads into all of it. */
static void peak_grows_with_what_is_touched(void **state)
{
	(void)state;
	uint64_t small = peak_of("dd if=/dev/zero of=/dev/null bs=1M count=1");
	uint64_t large = peak_of("dd if=/dev/zero of=/dev/null bs=64M count=1");
	assert_in_range(large - small, 60 * MIB, 66 * MIB);
}

static void processes_are_summed(void **state)
{
	(void)state;
	uint64_t one = peak_of("dd if=/dev/zero of=/dev/null bs=32M count=1");
	uint64_t two = peak_of("dd if=/dev/zero of=/dev/null bs=32M count=1;"
	                       "dd if=/dev/zero of=/dev/null bs=32M count=1");
	assert_in_range(two - one, 30 * MIB, 36 * MIB);
}

/* An executable that hands over to another one, as `tiphys run REF` does: the kernel forgets the
 * first one's peak. */
static void peak_before_an_exec_counts(void **state)
{
	(void)state;
	uint64_t small = peak_of("exec true");
	uint64_t large = peak_of("x=$(head -c 33554432 /dev/zero | tr '\\0' x); exec true");
	assert_true(large > small + 30 * MIB);
}

/* What a child shares with its parent until its execve() is not the child's. */
static void memory_shared_until_an_exec_counts_once(void **state)
{
	(void)state;
	uint64_t one = peak_of("x=$(head -c 33554432 /dev/zero | tr '\\0' x); true");
	uint64_t two = peak_of("x=$(head -c 33554432 /dev/zero | tr '\\0' x); /bin/true");
	assert_true(two < one + 20 * MIB);
}

static void failing_command_has_no_peak(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	uint64_t bytes = 1;
	assert_false(peak_of_command((char *[]){"false", NULL}, &bytes, &err));
	assert_string_equal("false ended with status 1", err.message);
	error_clear(&err);
	assert_false(peak_of_command((char *[]){"/no/such/program", NULL}, &bytes, &err));
	assert_string_equal("/no/such/program cannot be traced", err.message);
}

static void files_with_two_names_count_once(void **state)
{
	(void)state;
	char directory[] = "/tmp/tiphys-disk-XXXXXX", path[64], other[64];
	static char block[1 << 20];
	assert_non_null(mkdtemp(directory));
	uint64_t empty = disk_bytes(directory);
	snprintf(path, sizeof path, "%s/one", directory);
	snprintf(other, sizeof other, "%s/two", directory);
	FILE *file = fopen(path, "w");
	memset(block, 1, sizeof block);
	assert_int_equal(sizeof block, fwrite(block, 1, sizeof block, file));
	assert_int_equal(0, fflush(file));
	assert_int_equal(0, fsync(fileno(file)));
	fclose(file);
	assert_in_range(disk_bytes(directory) - empty, MIB, MIB + (64 << 10));
	assert_int_equal(0, link(path, other));
	assert_in_range(disk_bytes(directory) - empty, MIB, MIB + (64 << 10));
	assert_int_equal(0, remove(path));
	assert_int_equal(0, remove(other));
	assert_int_equal(0, rmdir(directory));
	assert_int_equal(0, disk_bytes(directory));
}

static void answered_gets_are_traffic(void **state)
{
	(void)state;
	struct registry_traffic traffic = {0};
	assert_true(registry_traffic_add(
	    &traffic,
	    "127.0.0.1 - - [25/Nov/2026:22:00:00 +0000] \"GET /v2/a/manifests/1 HTTP/1.1\" 200 "
	    "500 \"\" \"tiphys\"\n"));
	assert_int_equal(0, traffic.blobs);
	assert_true(registry_traffic_add(
	    &traffic,
	    "127.0.0.1 - - [25/Nov/2026:22:00:00 +0000] \"GET /v2/a/blobs/sha256:00 HTTP/1.1\" "
	    "200 4805 \"\" \"tiphys\"\n"));
	assert_int_equal(1, traffic.blobs);
	assert_int_equal(5305, traffic.bytes);
	static const char *const others[] = {
	    "127.0.0.1 - - [x] \"HEAD /v2/a/blobs/sha256:00 HTTP/1.1\" 200 4805 \"\" \"t\"\n",
	    "127.0.0.1 - - [x] \"GET /v2/a/blobs/sha256:00 HTTP/1.1\" 404 180 \"\" \"t\"\n",
	    "time=\"2026\" level=info msg=\"response completed\" http.request.uri=\"/v2/a/blobs/x\"\n",
	    "",
	};
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(registry_traffic_add(&traffic, others[i]));
	assert_int_equal(5305, traffic.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(peak_grows_with_what_is_touched),
	    cmocka_unit_test(processes_are_summed),
	    cmocka_unit_test(peak_before_an_exec_counts),
	    cmocka_unit_test(memory_shared_until_an_exec_counts_once),
	    cmocka_unit_test(failing_command_has_no_peak),
	    cmocka_unit_test(files_with_two_names_count_once),
	    cmocka_unit_test(answered_gets_are_traffic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
