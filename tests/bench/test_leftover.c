/* What a measurement leaves, by real processes and folders. */
#include "tests/plugin/table.h"

#include "bench/leftover.h"
#include "tests/plugin/folder.h"

#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process of so many MiB that has the variable, at its work. */
static pid_t start(const char *directory, unsigned mebibytes)
{
	char mark[512], script[128], ready;
	pid_t pid;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	snprintf(mark, sizeof mark, LEFTOVER_MARK "=%s", directory);
	snprintf(script, sizeof script, "$x = 'x' x (%u << 20); syswrite STDOUT, '!'; sleep 600",
	         mebibytes);
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	assert_int_equal(posix_spawnp(&pid, "perl", &actions, NULL,
	                              (char *[]){"perl", "-e", script, NULL}, (char *[]){mark, NULL}),
	                 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	assert_int_equal(read(ends[0], &ready, 1), 1);
	close(ends[0]);
	return pid;
}

/* One that takes its time to die was still there when its mounts were to go. */
static void a_process_is_gone_when_it_is_told_so(void **state)
{
	struct error err = ERROR_INIT;
	char other[256];
	int status;
	snprintf(other, sizeof other, "%s-other", (const char *)*state);
	pid_t large = start(*state, 400), small = start(*state, 1), bystander = start(other, 1);
	if (!leftover_kill(*state, &err))
		fail_msg("%s", err.message);
	/* Without a wait. */
	assert_int_equal(waitpid(large, &status, WNOHANG), large);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(waitpid(small, &status, WNOHANG), small);
	assert_int_equal(waitpid(bystander, &status, WNOHANG), 0);
	kill(bystander, SIGKILL);
	waitpid(bystander, &status, 0);
}

/* Containers of two directories were called alike, and one removed the other's control groups. */
static void containers_are_called_by_their_directory(void **state)
{
	char one[LEFTOVER_PREFIX_SIZE], two[LEFTOVER_PREFIX_SIZE], name[64], next[64];
	(void)state;
	leftover_prefix("/a", one);
	leftover_prefix("/b", two);
	assert_string_not_equal(one, two);
	assert_int_equal(strlen(one), LEFTOVER_PREFIX_SIZE - 1);
	setenv(LEFTOVER_MARK, "/a", 1);
	leftover_name(name, sizeof name, "main");
	leftover_name(next, sizeof next, "main");
	unsetenv(LEFTOVER_MARK);
	assert_memory_equal(name, one, strlen(one));
	assert_string_not_equal(name, next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_process_is_gone_when_it_is_told_so, folder_make,
	                                    folder_remove),
	    cmocka_unit_test(containers_are_called_by_their_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
