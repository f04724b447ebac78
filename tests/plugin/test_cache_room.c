/* plugin/cache_room: what goes when the cache is full, and what never does. */
#include "plugin/cache_room.h"

#include "tests/plugin/folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_BYTES 8192

static char *path_of(const char *root, const char *name)
{
	static char path[8][512];
	static unsigned next;
	char *at = path[next++ % 8];
	snprintf(at, sizeof path[0], "%s/%s", root, name);
	return at;
}

/* A file that was last used so many seconds ago. */
static const char *put(const char *root, const char *name, int ago)
{
	const char *path = path_of(root, name);
	char bytes[FILE_BYTES];
	memset(bytes, 'x', sizeof bytes);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
	struct timespec times[2];
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= ago;
	times[1] = times[0];
	assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(fsync(fd), 0);
	close(fd);
	return path;
}

static struct cache_room *create(const char *root, uint64_t files, uint64_t spare_s)
{
	struct error err = ERROR_INIT;
	static const char *const folders[] = {"blobs", "blobs/sha256", "blobs/sha512", "unpacked"};
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		mkdir(path_of(root, folders[i]), 0700);
	struct cache_room *room = cache_room_create(root, files * FILE_BYTES, spare_s, &err);
	assert_non_null(room);
	return room;
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void those_used_longest_ago_go(void **state)
{
	struct cache_room *room = create(*state, 2, 60);
	const char *old = put(*state, "blobs/sha256/old", 5000);
	const char *older = put(*state, "unpacked/older", 7000);
	const char *oldest = put(*state, "blobs/sha512/oldest", 9000);
	const char *young = put(*state, "blobs/sha256/young", 1000);
	cache_room_make(room);
	assert_true(is_there(young));
	assert_true(is_there(old));
	assert_false(is_there(older));
	assert_false(is_there(oldest));
	cache_room_destroy(room);
}

static void within_the_bound_nothing_goes(void **state)
{
	struct cache_room *room = create(*state, 2, 60);
	const char *one = put(*state, "blobs/sha256/one", 5000);
	const char *other = put(*state, "blobs/sha256/other", 5000);
	cache_room_make(room);
	assert_true(is_there(one) && is_there(other));
	cache_room_destroy(room);
}

static void what_a_step_has_stays(void **state)
{
	struct cache_room *room = create(*state, 1, 0);
	const char *held = put(*state, "blobs/sha256/held", 9000);
	const char *other = put(*state, "blobs/sha256/other", 5000);
	assert_true(cache_room_hold(room, held));
	assert_true(cache_room_hold(room, held));
	cache_room_make(room);
	assert_true(is_there(held));
	assert_false(is_there(other));
	/* It was held twice. */
	cache_room_let_go(room, held);
	other = put(*state, "blobs/sha256/other", -100);
	cache_room_grew(room);
	cache_room_make(room);
	assert_true(is_there(held));
	assert_true(is_there(other));
	cache_room_let_go(room, held);
	/* Where nothing could go, it looks again a second later. */
	sleep(2);
	cache_room_make(room);
	assert_false(is_there(held));
	assert_true(is_there(other));
	cache_room_destroy(room);
}

static void what_was_used_just_now_stays(void **state)
{
	struct cache_room *room = create(*state, 1, 60);
	const char *used = put(*state, "blobs/sha256/used", 9000);
	const char *fresh = put(*state, "blobs/sha256/fresh", 0);
	const char *old = put(*state, "blobs/sha256/old", 100);
	assert_true(cache_room_hold(room, used));
	cache_room_let_go(room, used);
	cache_room_make(room);
	assert_true(is_there(used));
	assert_true(is_there(fresh));
	assert_false(is_there(old));
	cache_room_destroy(room);
}

static void what_is_gone_is_not_held(void **state)
{
	struct cache_room *room = create(*state, 1, 60);
	assert_false(cache_room_hold(room, path_of(*state, "blobs/sha256/nothing")));
	/* Stores lie elsewhere. */
	assert_true(cache_room_hold(room, "/nonexistent/store/blob"));
	assert_true(cache_room_hold(NULL, path_of(*state, "blobs/sha256/nothing")));
	cache_room_let_go(room, "/nonexistent/store/blob");
	cache_room_let_go(room, path_of(*state, "blobs/sha256/nothing"));
	cache_room_let_go(NULL, "any");
	cache_room_make(NULL);
	cache_room_grew(NULL);
	cache_room_destroy(room);
}

static void it_looks_only_when_something_was_added(void **state)
{
	struct cache_room *room = create(*state, 1, 60);
	cache_room_make(room);
	const char *one = put(*state, "blobs/sha256/one", 5000);
	const char *other = put(*state, "blobs/sha256/other", 6000);
	cache_room_make(room);
	assert_true(is_there(one) && is_there(other));
	cache_room_grew(room);
	cache_room_make(room);
	assert_true(is_there(one));
	assert_false(is_there(other));
	cache_room_destroy(room);
}

static void more_uses_than_are_remembered(void **state)
{
	struct cache_room *room = create(*state, 100000, 60);
	const char *held = put(*state, "blobs/sha256/held", 9000);
	char name[64];
	assert_true(cache_room_hold(room, held));
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof name, "blobs/sha256/%d", i);
		const char *path = path_of(*state, name);
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fclose(file);
		assert_true(cache_room_hold(room, path));
		cache_room_let_go(room, path);
	}
	cache_room_let_go(room, held);
	cache_room_make(room);
	assert_true(is_there(held));
	cache_room_destroy(room);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(those_used_longest_ago_go),     CASE(within_the_bound_nothing_goes),
	    CASE(what_a_step_has_stays),         CASE(what_was_used_just_now_stays),
	    CASE(what_is_gone_is_not_held),      CASE(it_looks_only_when_something_was_added),
	    CASE(more_uses_than_are_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
