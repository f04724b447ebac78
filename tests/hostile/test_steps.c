/* Steps that misuse what they have, on one server: each fails by the name of its limit, the next
 * step works, and nothing of it is left. */
#include "tests/e2e/serve/client.h"
#include "tests/e2e/serve/server.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#define RUN(args) "{\"module\":\"127.0.0.1:1/test/command:1\",\"args\":" args "}"

static struct site site;
static struct server_process server;

/* Nothing is at work. */
static struct server_rest look(void)
{
	struct server_rest rest = server_settle(&site, &server);
	assert_int_equal(rest.workers, 0);
	return rest;
}

static void the_next_step_works(void)
{
	json_t *node = client_execute(server.address, RUN("[\"echo\",\"next\"]"), "");
	assert_string_equal(node_text(node, "phase"), "Succeeded");
	assert_string_equal(node_output(node, "result"), "next");
	json_decref(node);
}

static void start(const char *seconds)
{
	const char *const more[] = {"--ready-workers", /* so few are replaced one by one */
	                            "2",
	                            "--step-timeout",
	                            seconds,
	                            "--max-output",
	                            "100K",
	                            "--max-memory",
	                            "64M",
	                            "--concurrency", /* one directory serves them all */
	                            "1",
	                            NULL};
	server_start(&site, &server, NULL, more);
	/* The workers that stand ready come with the first step. */
	the_next_step_works();
}

/* Where files are slow to make, 10,000 take many seconds. */
static int set_up(void **state)
{
	(void)state;
	site_create(&site);
	start("60");
	return 0;
}

static int tear_down(void **state)
{
	int status;
	(void)state;
	server_end(&server, SIGTERM, &status);
	site_destroy(&site);
	return 0;
}

static void assert_message(const json_t *node, const char *phase, const char *words)
{
	const char *message = node_text(node, "message");
	if (strcmp(node_text(node, "phase"), phase) != 0)
		fail_msg("it %s: %s", node_text(node, "phase"), message == NULL ? "" : message);
	if (words != NULL && (message == NULL || strstr(message, words) == NULL))
		fail_msg("\"%s\" is not in: %s", words, message == NULL ? "(no message)" : message);
}

struct row {
	const char *name, *wasm, *phase, *words;
};

static const struct row rows[] = {
    {"a stack overflow", RUN("[\"recurse\"]"), "Failed",
     "trapped (exit code 134) at the end of its call stack of 1048576 bytes, which is the same for "
     "all: call stack exhausted"},
    {"a memory bomb", RUN("[\"memory\"]"), "Failed", "memory is limited to 67108864 bytes"},
    {"a flood of output", RUN("[\"flood\"]"), "Failed", "more than 102400 bytes to stdout"},
    {"10,000 files", RUN("[\"files\"]"), "Succeeded", NULL},
    {"10,000 open files", RUN("[\"open\"]"), "Failed", "No file descriptors available"},
    {"1,000 nested directories", RUN("[\"nest\"]"), "Succeeded", NULL},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static void misuse(void **state)
{
	const struct row *row = *state;
	struct server_rest before = look();
	json_t *node = client_execute(server.address, row->wasm, "");
	assert_message(node, row->phase, row->words);
	json_decref(node);
	the_next_step_works();
	assert_nothing_is_left(&site, &server, &before);
}

static void *call_loop(void *env)
{
	json_t **node = env;
	*node = client_execute(server.address, RUN("[\"loop\"]"), "");
	return NULL;
}

static void a_killed_worker(void **state)
{
	pthread_t caller;
	json_t *node = NULL;
	struct server_rest before = look();
	(void)state;
	assert_int_equal(pthread_create(&caller, NULL, call_loop, &node), 0);
	pid_t worker = wait_for_child(server.pid);
	kill(worker, SIGKILL);
	pthread_join(caller, NULL);
	assert_message(node, "Failed", "something outside killed it");
	json_decref(node);
	assert_false(is_alive(worker));
	the_next_step_works();
	assert_nothing_is_left(&site, &server, &before);
}

static void an_endless_loop(void **state)
{
	int status;
	(void)state;
	server_end(&server, SIGTERM, &status);
	start("2");
	struct server_rest before = look();
	json_t *node = client_execute(server.address, RUN("[\"loop\"]"), "");
	assert_message(node, "Failed", "its time limit of 2 s (--step-timeout)");
	json_decref(node);
	the_next_step_works();
	assert_nothing_is_left(&site, &server, &before);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[ROW_COUNT + 2];
	size_t count = 0;
	if (!site_take(&site, argc, argv))
		return 2;
	for (size_t i = 0; i < ROW_COUNT; i++)
		tests[count++] = (struct CMUnitTest){.name = rows[i].name,
		                                     .test_func = misuse,
		                                     .initial_state = (void *)(uintptr_t)&rows[i]};
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_killed_worker);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(an_endless_loop);
	return _cmocka_run_group_tests("steps", tests, count, set_up, tear_down);
}
