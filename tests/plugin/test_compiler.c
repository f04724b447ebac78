/* plugin/compiler: which images are made, how often, and what is left of one that was not. The
 * workers are those of worker_child.c. */
#include "plugin/compiler.h"

#include "plugin/metrics.h"
#include "plugin/now.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define BUILD 0xb001d /* of worker_child.c */

static const char *child;

struct fixture {
	char folder[64], cache[96], module[96], images[128];
	struct workers *workers;
	struct load_words load;
	const char *words[1];
	struct compiler *compiler;
	uint64_t made, failed; /* metrics at its start */
};

static void write_module(const struct fixture *f)
{
	char bytes[2000] = "module";
	FILE *file = fopen(f->module, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(f->module, 0600), 0);
}

/* A failure is looked at again after so long, at the earliest. */
#define RETRY_MS 20

/* `what`: what the workers do; each may take so long. */
static struct fixture *begin_within(const char *what, uint64_t time_ms)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct error err = ERROR_INIT;
	assert_non_null(f);
	snprintf(f->folder, sizeof f->folder, "/tmp/tiphys-compiler.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->cache, sizeof f->cache, "%s/cache", f->folder);
	snprintf(f->module, sizeof f->module, "%s/module.wasm", f->folder);
	snprintf(f->images, sizeof f->images, "%s/images", f->cache);
	write_module(f);
	f->words[0] = what;
	f->load.limits = (struct option_texts){f->words, 1};
	f->made = metrics_value(METRIC_IMAGES_MADE);
	f->failed = metrics_value(METRIC_IMAGES_FAILED);
	f->workers = workers_create(child, 0, &err);
	assert_non_null(f->workers);
	const struct compiler_setting setting = {.workers = f->workers,
	                                         .cache_dir = f->cache,
	                                         .images_bytes = 4000000,
	                                         .load = &f->load,
	                                         .time_ms = time_ms,
	                                         .retry_ms = RETRY_MS,
	                                         .look_ms = 50};
	f->compiler = compiler_create(&setting, &err);
	assert_non_null(f->compiler);
	return f;
}

/* For workers that end by themselves, however busy the machine is. */
static struct fixture *begin(const char *what)
{
	return begin_within(what, 60000);
}

static void end(struct fixture *f)
{
	char command[128];
	compiler_stop(f->compiler);
	workers_stop(f->workers);
	assert_true(compiler_wait(f->compiler, 5000));
	compiler_destroy(f->compiler);
	workers_destroy(f->workers);
	snprintf(command, sizeof command, "rm -rf %s", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
}

static uint64_t made(const struct fixture *f)
{
	return metrics_value(METRIC_IMAGES_MADE) - f->made;
}

static uint64_t failed(const struct fixture *f)
{
	return metrics_value(METRIC_IMAGES_FAILED) - f->failed;
}

/* The single file in the folder of images: its name and what stands in it. False when there is
 * none, be it that the compiler removed it while this looked. */
static bool the_image(const struct fixture *f, char name[256], char text[256])
{
	char path[512];
	size_t count = 0;
	DIR *dir = opendir(f->images);
	if (dir == NULL)
		return false;
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (entry->d_name[0] == '.' && strncmp(entry->d_name, ".new-", 5) != 0)
			continue;
		snprintf(name, 256, "%s", entry->d_name);
		count++;
	}
	closedir(dir);
	assert_true(count <= 1);
	if (count == 0)
		return false;
	snprintf(path, sizeof path, "%s/%s", f->images, name);
	FILE *file = fopen(path, "r");
	if (file == NULL && errno == ENOENT)
		return false;
	assert_non_null(file);
	text[fread(text, 1, 255, file)] = '\0';
	fclose(file);
	return true;
}

/* Until there is none, if only for a moment: the next try may begin at once. `doubts`: as steps do
 * that crash. */
static void assert_goes(struct fixture *f, bool doubts)
{
	char name[256], text[256];
	bool is_there = the_image(f, name, text);
	for (int i = 0; i < 10000 && is_there; i++) {
		if (doubts)
			compiler_doubt(f->compiler, f->module);
		usleep(1000);
		is_there = the_image(f, name, text);
	}
	assert_false(is_there);
}

/* As steps do: again and again. */
static void want_until(struct fixture *f, uint64_t (*count)(const struct fixture *),
                       uint64_t wanted)
{
	for (int i = 0; i < 1000 && count(f) < wanted; i++) {
		compiler_want(f->compiler, f->module, "sha256:of-the-module");
		usleep(10000);
	}
	assert_int_equal(count(f), wanted);
}

static void *want_often(void *env)
{
	struct fixture *f = env;
	for (int i = 0; i < 1000; i++)
		compiler_want(f->compiler, f->module, "sha256:of-the-module");
	return NULL;
}

static void sixteen_callers_have_one_image_made(void **state)
{
	(void)state;
	char name[256], text[256], wanted[256];
	pthread_t threads[16];
	struct stat st;
	struct fixture *f = begin("image");
	for (int i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, want_often, f), 0);
	for (int i = 0; i < 16; i++)
		pthread_join(threads[i], NULL);
	want_until(f, made, 1);
	/* Looked at again, and found. */
	for (int i = 0; i < 20; i++) {
		compiler_want(f->compiler, f->module, "sha256:of-the-module");
		usleep(10000);
	}
	assert_int_equal(made(f), 1);
	assert_int_equal(failed(f), 0);
	assert_true(the_image(f, name, text));
	/* The module for reading alone; a quarter of what all may take. */
	assert_string_equal(text, "--limit=image module 0 image 2 old none bytes 1000000;");
	assert_int_equal(stat(f->module, &st), 0);
	image_name(BUILD, 0, &st, wanted);
	assert_string_equal(name, wanted);
	end(f);
}

static void an_image_that_went_is_made_again(void **state)
{
	(void)state;
	char name[256], text[256], path[512];
	struct fixture *f = begin("image");
	want_until(f, made, 1);
	assert_true(the_image(f, name, text));
	snprintf(path, sizeof path, "%s/%s", f->images, name);
	assert_int_equal(unlink(path), 0);
	want_until(f, made, 2);
	end(f);
}

/* An image that every step started from went first, for it was the oldest. */
static void an_image_in_use_stays_young(void **state)
{
	(void)state;
	char name[256], text[256], path[512];
	struct stat st = {0};
	struct fixture *f = begin("image");
	want_until(f, made, 1);
	assert_true(the_image(f, name, text));
	snprintf(path, sizeof path, "%s/%s", f->images, name);
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	for (int i = 0; i < 1000 && (stat(path, &st) != 0 || st.st_mtime == 1000); i++) {
		compiler_want(f->compiler, f->module, "sha256:of-the-module");
		usleep(10000);
	}
	assert_int_not_equal(st.st_mtime, 1000);
	assert_int_equal(made(f), 1);
	end(f);
}

static void a_module_that_left_the_cache_is_no_failure(void **state)
{
	(void)state;
	char name[256], text[256];
	struct fixture *f = begin("fine");
	assert_int_equal(unlink(f->module), 0);
	for (int i = 0; i < 10; i++) {
		compiler_want(f->compiler, f->module, "sha256:of-the-module");
		usleep(10000);
	}
	write_module(f);
	want_until(f, made, 1);
	assert_int_equal(failed(f), 0);
	assert_true(the_image(f, name, text));
	end(f);
}

static void an_image_of_a_changed_module_is_looked_into_by_a_worker(void **state)
{
	(void)state;
	char name[256], text[256];
	struct fixture *f = begin("image");
	want_until(f, made, 1);
	write_module(f);
	want_until(f, made, 2);
	assert_true(the_image(f, name, text));
	assert_non_null(strstr(text, "old --limit=image module 0"));
	end(f);
}

static void an_image_of_another_server_is_kept_when_a_worker_takes_it(void **state)
{
	(void)state;
	char name[256], text[256];
	struct fixture *f = begin("keep");
	want_until(f, made, 1);
	write_module(f); /* the same inode: the old image is handed over, and said to be fine */
	for (int i = 0; i < 30; i++) {
		compiler_want(f->compiler, f->module, "sha256:of-the-module");
		usleep(10000);
	}
	assert_int_equal(made(f), 1);
	assert_int_equal(failed(f), 0);
	assert_true(the_image(f, name, text));
	end(f);
}

/* What was there when it said that it was done was taken for the image. */
static void a_worker_that_says_that_it_is_done_is_waited_for(void **state)
{
	(void)state;
	char name[256], text[256];
	struct fixture *f = begin("lie");
	want_until(f, made, 1);
	assert_true(the_image(f, name, text));
	assert_non_null(strstr(text, "--limit=lie module 0"));
	end(f);
}

/* And anew after a rest: a disk may have been full. How soon this thread sees of it is the
 * machine's affair, so the rest is counted from when there were fewer failures for sure. */
static void a_failure_is_tried_three_times(const char *what, uint64_t time_ms)
{
	struct fixture *f = begin_within(what, time_ms);
	uint64_t before = 0, count = 0;
	for (int i = 0; i < 6000 && count <= COMPILER_TRIES; i++) {
		uint64_t now = now_ms();
		count = failed(f);
		if (count < COMPILER_TRIES)
			before = now;
		compiler_want(f->compiler, f->module, "sha256:of-the-module");
		usleep(10000);
	}
	assert_true(count > COMPILER_TRIES);
	assert_true(now_ms() - before >= RETRY_MS * COMPILER_REST);
	assert_int_equal(made(f), 0);
	assert_goes(f, false);
	end(f);
}

static void a_module_that_hangs_is_given_up(void **state)
{
	(void)state;
	a_failure_is_tried_three_times("loop", 100);
}

static void a_module_that_kills_the_compiler_is_given_up(void **state)
{
	(void)state;
	a_failure_is_tried_three_times("crash", 60000);
}

static void a_module_that_is_refused_is_given_up(void **state)
{
	(void)state;
	a_failure_is_tried_three_times("fail", 60000);
}

static void of_a_module_that_others_can_write_none_is_made(void **state)
{
	(void)state;
	char name[256], text[256];
	struct fixture *f = begin("image");
	assert_int_equal(chmod(f->module, 0666), 0);
	for (int i = 0; i < 20; i++) {
		compiler_want(f->compiler, f->module, "sha256:of-the-module");
		usleep(10000);
	}
	assert_int_equal(made(f) + failed(f), 0);
	assert_false(the_image(f, name, text));
	end(f);
}

/* It crashed every step, until somebody removed it. One that is as bad again is not made for ever.
 */
static void an_image_that_is_doubted_goes_and_another_is_made(void **state)
{
	(void)state;
	struct fixture *f = begin("image");
	compiler_doubt(f->compiler, f->module); /* of which there is none yet */
	for (unsigned i = 1; i <= COMPILER_TRIES; i++) {
		want_until(f, made, i);
		/* What was made is told before it is settled. */
		assert_goes(f, true);
	}
	uint64_t before = now_ms();
	want_until(f, made, COMPILER_TRIES + 1);
	assert_true(now_ms() - before >= RETRY_MS * COMPILER_REST / 2);
	assert_int_equal(failed(f), 0);
	end(f);
}

/* The compiler looked at it again at once, for ever. */
static void a_doubt_of_a_module_without_an_image_keeps_nobody_busy(void **state)
{
	(void)state;
	struct fixture *f = begin("image");
	assert_int_equal(chmod(f->module, 0666), 0);
	compiler_want(f->compiler, f->module, "sha256:of-the-module");
	usleep(20000);
	compiler_doubt(f->compiler, f->module);
	clock_t before = clock();
	usleep(400000);
	assert_true(clock() - before < CLOCKS_PER_SEC / 10);
	end(f);
}

static void many_modules_are_forgotten_not_kept(void **state)
{
	(void)state;
	struct fixture *f = begin("image");
	char path[128];
	/* Files that cannot be opened; each fails, waits for another try, and keeps its place until
	 * then: what finds none is not remembered. */
	for (int i = 0; i < 3 * COMPILER_MODULES_MAX; i++) {
		snprintf(path, sizeof path, "%s/below-%d", f->module, i);
		compiler_want(f->compiler, path, "sha256:below");
	}
	for (int i = 0; i < 1000 && failed(f) < (uint64_t)COMPILER_TRIES * COMPILER_MODULES_MAX; i++)
		usleep(10000);
	assert_true(failed(f) >= (uint64_t)COMPILER_TRIES * COMPILER_MODULES_MAX);
	/* Given up, they make room. */
	want_until(f, made, 1);
	end(f);
}

static void a_server_that_stops_does_not_wait_for_an_image(void **state)
{
	(void)state;
	char name[256], text[256];
	struct fixture *f = begin("loop");
	compiler_want(f->compiler, f->module, "sha256:of-the-module");
	/* The worker is at work once there is a file aside. */
	for (int i = 0; i < 500 && !the_image(f, name, text); i++)
		usleep(1000);
	compiler_stop(f->compiler);
	workers_stop(f->workers);
	assert_true(compiler_wait(f->compiler, 5000));
	assert_false(the_image(f, name, text));
	compiler_destroy(f->compiler);
	workers_destroy(f->workers);
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sixteen_callers_have_one_image_made),
	    cmocka_unit_test(an_image_that_went_is_made_again),
	    cmocka_unit_test(an_image_in_use_stays_young),
	    cmocka_unit_test(a_module_that_left_the_cache_is_no_failure),
	    cmocka_unit_test(an_image_of_a_changed_module_is_looked_into_by_a_worker),
	    cmocka_unit_test(an_image_of_another_server_is_kept_when_a_worker_takes_it),
	    cmocka_unit_test(a_worker_that_says_that_it_is_done_is_waited_for),
	    cmocka_unit_test(a_module_that_hangs_is_given_up),
	    cmocka_unit_test(a_module_that_kills_the_compiler_is_given_up),
	    cmocka_unit_test(a_module_that_is_refused_is_given_up),
	    cmocka_unit_test(of_a_module_that_others_can_write_none_is_made),
	    cmocka_unit_test(an_image_that_is_doubted_goes_and_another_is_made),
	    cmocka_unit_test(a_doubt_of_a_module_without_an_image_keeps_nobody_busy),
	    cmocka_unit_test(many_modules_are_forgotten_not_kept),
	    cmocka_unit_test(a_server_that_stops_does_not_wait_for_an_image),
	};
	if (argc != 2)
		return 2;
	child = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
