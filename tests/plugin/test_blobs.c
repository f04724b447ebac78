#include "tests/plugin/table.h"

#include "plugin/blobs.h"
#include "plugin/cache.h"
#include "tests/plugin/folder.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct blobs *open_blobs(const char *folder)
{
	struct error err = ERROR_INIT;
	struct blobs *blobs = blobs_create(folder, 0700, 0600, true, &err);
	assert_non_null(blobs);
	return blobs;
}

static struct digest digest_for(const char *text)
{
	struct error err = ERROR_INIT;
	struct digest digest;
	assert_true(digest_of_bytes(text, strlen(text), DIGEST_SHA256, &digest, &err));
	return digest;
}

static bool is_there(struct blobs *blobs, const struct digest *digest)
{
	struct error err = ERROR_INIT;
	char *path = NULL;
	assert_true(blobs_find(blobs, digest, BLOBS_ANY_SIZE, &path, &err));
	bool there = path != NULL;
	free(path);
	return there;
}

static void writes_and_reads(void **state)
{
	struct error err = ERROR_INIT;
	struct blobs *blobs = open_blobs(*state);
	struct digest digest = digest_for("hello");
	assert_false(is_there(blobs, &digest));
	assert_true(blobs_write(blobs, "hello", 5, &digest, &err));
	assert_true(blobs_write(blobs, "hello", 5, &digest, &err));
	assert_true(is_there(blobs, &digest));
	char *bytes, *path;
	size_t size;
	assert_true(blobs_read(blobs, &digest, 5, &bytes, &size, &err));
	assert_string_equal(bytes, "hello");
	free(bytes);
	assert_true(blobs_find(blobs, &digest, 4, &path, &err));
	assert_null(path);
	assert_false(blobs_read(blobs, &digest, 4, &bytes, &size, &err));
	assert_int_equal(err.kind, ERROR_LIMIT);
	assert_int_equal(folder_count(*state, "ingest"), 0);
	blobs_destroy(blobs);
}

static void wrong_bytes_are_deleted(void **state)
{
	struct error err = ERROR_INIT;
	struct blobs *blobs = open_blobs(*state);
	struct digest wanted = digest_for("hello"), got;
	struct blob_writer writer = BLOB_WRITER_INIT;
	assert_true(blob_writer_open(&writer, blobs, "x", DIGEST_SHA256, 100, NULL, NULL, &err));
	assert_true(blob_writer_add(&writer, "jello", 5, &err));
	assert_false(blob_writer_commit(&writer, &wanted, &got, &err));
	assert_in("expected sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824, "
	          "received 5 bytes of sha256:",
	          err.message);
	assert_false(is_there(blobs, &wanted));
	assert_false(is_there(blobs, &got));
	assert_int_equal(folder_count(*state, "ingest"), 0);
	assert_int_equal(folder_count(*state, "blobs/sha256"), 0);
	blobs_destroy(blobs);
}

static void too_many_bytes(void **state)
{
	struct error err = ERROR_INIT;
	struct blobs *blobs = open_blobs(*state);
	struct blob_writer writer = BLOB_WRITER_INIT;
	assert_true(blob_writer_open(&writer, blobs, "x", DIGEST_SHA256, 5, NULL, NULL, &err));
	assert_true(blob_writer_add(&writer, "hel", 3, &err));
	assert_false(blob_writer_add(&writer, "low", 3, &err));
	assert_int_equal(err.kind, ERROR_LIMIT);
	blob_writer_close(&writer);
	assert_int_equal(folder_count(*state, "ingest"), 0);
	blobs_destroy(blobs);
}

static void restarts(void **state)
{
	struct error err = ERROR_INIT;
	struct blobs *blobs = open_blobs(*state);
	struct digest wanted = digest_for("hello"), got;
	struct blob_writer writer = BLOB_WRITER_INIT;
	assert_true(blob_writer_open(&writer, blobs, "x", DIGEST_SHA256, 5, NULL, NULL, &err));
	assert_true(blob_writer_add(&writer, "hel", 3, &err));
	assert_true(blob_writer_restart(&writer, &err));
	assert_true(blob_writer_add(&writer, "hello", 5, &err));
	assert_true(blob_writer_commit(&writer, &wanted, &got, &err));
	assert_true(is_there(blobs, &wanted));
	blobs_destroy(blobs);
}

/* A blob is checked when it is first seen, and again once it was changed. */
static void damage_is_seen(void **state)
{
	struct error err = ERROR_INIT;
	struct blobs *blobs = open_blobs(*state);
	struct digest digest = digest_for("hello");
	char *path;
	assert_true(blobs_write(blobs, "hello", 5, &digest, &err));
	assert_true(blobs_find(blobs, &digest, 5, &path, &err));
	folder_scratch(path, 0, "j");
	assert_false(is_there(blobs, &digest));
	struct blobs *other = open_blobs(*state);
	assert_false(is_there(other, &digest));
	assert_true(blobs_write(blobs, "hello", 5, &digest, &err));
	assert_true(is_there(blobs, &digest));
	assert_true(is_there(other, &digest));

	assert_int_equal(chmod(path, 0666), 0); /* others could write: not ours any more */
	assert_false(is_there(blobs, &digest));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_false(is_there(blobs, &digest));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(is_there(blobs, &digest));
	free(path);
	blobs_destroy(other);
	blobs_destroy(blobs);
}

/* A writer that dies with its file half-written, as by SIGKILL. */
static void die_writing(const char *folder, const char *name)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct error err = ERROR_INIT;
		struct blob_writer writer = BLOB_WRITER_INIT;
		struct blobs *blobs = blobs_create(folder, 0700, 0600, true, &err);
		if (blobs != NULL &&
		    blob_writer_open(&writer, blobs, name, DIGEST_SHA256, 100, NULL, NULL, &err) &&
		    blob_writer_add(&writer, "hel", 3, &err))
			raise(SIGKILL);
		_exit(1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void leftovers_are_taken_over(void **state)
{
	struct error err = ERROR_INIT;
	struct digest digest = digest_for("hello");
	char name[DIGEST_TEXT_SIZE];
	die_writing(*state, digest_format(&digest, name));
	assert_int_equal(folder_count(*state, "ingest"), 1);
	struct blobs *blobs = open_blobs(*state);
	assert_false(is_there(blobs, &digest));
	assert_true(blobs_write(blobs, "hello", 5, &digest, &err));
	assert_true(is_there(blobs, &digest));
	assert_int_equal(folder_count(*state, "ingest"), 0);
	blobs_destroy(blobs);
}

static void leftovers_are_swept(void **state)
{
	struct error err = ERROR_INIT;
	die_writing(*state, "dead");
	struct blobs *blobs = open_blobs(*state);
	struct blob_writer alive = BLOB_WRITER_INIT;
	assert_true(blob_writer_open(&alive, blobs, "alive", DIGEST_SHA256, 100, NULL, NULL, &err));
	struct cache *cache = cache_create(*state, &err);
	assert_non_null(cache_open(cache, &err));
	assert_int_equal(folder_count(*state, "ingest"), 1);
	struct digest digest;
	assert_true(blob_writer_add(&alive, "hello", 5, &err));
	assert_true(blob_writer_commit(&alive, NULL, &digest, &err));
	assert_true(is_there(blobs, &digest));
	cache_destroy(cache);
	blobs_destroy(blobs);
}

static bool give_up(void *env)
{
	return ++*(int *)env < 3;
}

static void waits_for_the_other_writer(void **state)
{
	struct error err = ERROR_INIT;
	struct blobs *blobs = open_blobs(*state);
	struct blob_writer first = BLOB_WRITER_INIT, second = BLOB_WRITER_INIT;
	int asked = 0;
	assert_true(blob_writer_open(&first, blobs, "x", DIGEST_SHA256, 100, NULL, NULL, &err));
	assert_false(blob_writer_open(&second, blobs, "x", DIGEST_SHA256, 100, give_up, &asked, &err));
	assert_int_equal(asked, 3);
	assert_in("another process was writing", err.message);
	error_clear(&err);
	blob_writer_close(&first);
	assert_true(blob_writer_open(&second, blobs, "x", DIGEST_SHA256, 100, give_up, &asked, &err));
	blob_writer_close(&second);
	blobs_destroy(blobs);
}

#define WRITERS 8
#define ROUNDS 40

static void *write_many(void *env)
{
	struct error err = ERROR_INIT;
	struct blobs *blobs = blobs_create(env, 0700, 0600, true, &err);
	for (int i = 0; i < ROUNDS && err.kind == ERROR_NONE; i++) {
		char text[32];
		snprintf(text, sizeof text, "blob %d", i);
		struct digest digest;
		digest_of_bytes(text, strlen(text), DIGEST_SHA256, &digest, &err);
		blobs_write(blobs, text, strlen(text), &digest, &err);
		blobs_sweep(blobs); /* may take nothing from those that write */
	}
	blobs_destroy(blobs);
	return err.kind == ERROR_NONE ? NULL : strdup(err.message);
}

static void many_writers_of_the_same(void **state)
{
	pthread_t threads[WRITERS];
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, *state), 0);
	for (int i = 0; i < WRITERS; i++) {
		void *message;
		pthread_join(threads[i], &message);
		if (message != NULL)
			fail_msg("%s", (char *)message);
	}
	assert_int_equal(folder_count(*state, "blobs/sha256"), ROUNDS);
	assert_int_equal(folder_count(*state, "ingest"), 0);
}

static void cache_is_private(void **state)
{
	struct error err = ERROR_INIT;
	assert_int_equal(chmod(*state, 0770), 0);
	struct cache *cache = cache_create(*state, &err);
	assert_null(cache_open(cache, &err));
	assert_int_equal(err.kind, ERROR_DENIED);
	error_clear(&err);
	assert_int_equal(chmod(*state, 0755), 0);
	assert_non_null(cache_open(cache, &err));
	cache_destroy(cache);
}

static void cache_is_where_it_should(void **state)
{
	static const struct {
		const char *fs, *xdg, *home, *expected;
	} rows[] = {
	    {"fs", "xdg", "home", "fs/blobs"},
	    {NULL, "xdg", "home", "xdg/tiphys/blobs"},
	    {NULL, NULL, "home", "home/.cache/tiphys/blobs"},
	    {"", "", "home2", "home2/.cache/tiphys/blobs"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err = ERROR_INIT;
		const char *names[] = {"FS_CACHE_DIR", "XDG_CACHE_HOME", "HOME"};
		const char *values[] = {rows[i].fs, rows[i].xdg, rows[i].home};
		for (int k = 0; k < 3; k++) {
			char path[256];
			snprintf(path, sizeof path, "%s/%s", (char *)*state, values[k] ? values[k] : "");
			if (values[k] == NULL)
				unsetenv(names[k]);
			else
				setenv(names[k], values[k][0] != '\0' ? path : "", 1);
		}
		struct cache *cache = cache_create(NULL, &err);
		assert_non_null(cache);
		assert_non_null(cache_open(cache, &err));
		assert_int_equal(folder_count(*state, rows[i].expected), 2);
		cache_destroy(cache);
	}
	unsetenv("FS_CACHE_DIR");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	struct error err = ERROR_INIT;
	assert_null(cache_create(NULL, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(writes_and_reads),         TEST(wrong_bytes_are_deleted),
	    TEST(too_many_bytes),           TEST(restarts),
	    TEST(damage_is_seen),           TEST(leftovers_are_taken_over),
	    TEST(leftovers_are_swept),      TEST(waits_for_the_other_writer),
	    TEST(many_writers_of_the_same), TEST(cache_is_private),
	    TEST(cache_is_where_it_should),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
