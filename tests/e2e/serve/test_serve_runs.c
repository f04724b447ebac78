/* Steps that take longer than a call may: they are answered Running, go on, and are joined again.
 * N equal nodes get N runs and N results, whatever becomes of their callers. */
#include "tests/e2e/serve/client.h"
#include "tests/e2e/serve/server.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#define NODES_MAX 16

static struct site site;

static int start(void **state)
{
	(void)state;
	site_create(&site);
	return 0;
}

static int end(void **state)
{
	(void)state;
	site_destroy(&site);
	return 0;
}

/* ---- nodes, each in a thread that asks until its step is over ---- */

struct node {
	pthread_t thread;
	const char *address, *args;
	const char *workflow; /* its name and uid; NULL: wf */
	char result[64], phase[16], message[256], progress[40];
	atomic_uint running; /* answers */
	atomic_bool is_over;
	bool is_begun; /* and not joined */
	long status;   /* of the last call */
};

/* A test that fails leaves its frame, not its threads. */
static struct server_process server;
static struct node nodes[NODES_MAX];

static void take_text(const json_t *node, const char *key, char *into, size_t size)
{
	if (*node_text(node, key) != '\0')
		snprintf(into, size, "%s", node_text(node, key));
}

/* One call. True when it is to be asked again. */
static bool ask(struct node *node)
{
	const char *workflow = node->workflow == NULL ? "wf" : node->workflow;
	char body[512];
	snprintf(body, sizeof body,
	         "{\"workflow\":{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\"}},\"template\":{\"name\":"
	         "\"main\",\"plugin\":{\"wasm\":{\"module\":\"127.0.0.1:1/test/command:1\",\"args\":%s}"
	         "}}}",
	         workflow, workflow, node->args);
	cleanup_answer struct answer answer = client_call(node->address, (struct call){.body = body});
	node->status = answer.status;
	json_t *reply = json_loadb(answer.body == NULL ? "" : answer.body, answer.size, 0, NULL);
	const json_t *told = json_object_get(reply, "node");
	take_text(told, "phase", node->phase, sizeof node->phase);
	take_text(told, "message", node->message, sizeof node->message);
	take_text(told, "progress", node->progress, sizeof node->progress);
	bool again = strcmp(node_text(told, "phase"), "Running") == 0;
	if (again && *node_text(reply, "requeue") != '\0')
		atomic_fetch_add(&node->running, 1);
	if (node_output(told, "result") != NULL)
		snprintf(node->result, sizeof node->result, "%s", node_output(told, "result"));
	json_decref(reply);
	return again;
}

static void *ask_until_it_is_over(void *env)
{
	struct node *node = env;
	while (ask(node))
		sleep_ms(200);
	atomic_store(&node->is_over, true);
	return NULL;
}

static void begin_in(const char *workflow, struct node *node, const char *address, const char *args)
{
	*node = (struct node){.address = address, .args = args, .workflow = workflow};
	assert_int_equal(pthread_create(&node->thread, NULL, ask_until_it_is_over, node), 0);
	node->is_begun = true;
}

static void begin(struct node *node, const char *address, const char *args)
{
	begin_in(NULL, node, address, args);
}

/* Each has been told so many times that its step goes on. */
static void wait_until_running(size_t count, unsigned times)
{
	for (size_t i = 0; i < count; i++) {
		for (double until = now_ms() + PATIENCE_MS;
		     atomic_load(&nodes[i].running) < times && now_ms() < until;)
			sleep_ms(10);
		if (atomic_load(&nodes[i].running) < times)
			fail_msg("node %zu was not told %u times that its step goes on", i, times);
	}
}

/* Whatever is held, or comes to be, ends until they are over. */
static void let_all_go(size_t count)
{
	double until = now_ms() + PATIENCE_MS;
	for (size_t i = 0; i < count; i++) {
		while (!atomic_load(&nodes[i].is_over) && now_ms() < until) {
			work_let_go(&site);
			sleep_ms(20);
		}
		if (!atomic_load(&nodes[i].is_over))
			fail_msg("node %zu is not over", i);
	}
}

static void join(struct node *node)
{
	pthread_join(node->thread, NULL);
	node->is_begun = false;
}

/* Without a server no node asks again. */
static int clear_up(void **state)
{
	(void)state;
	end_children();
	for (size_t i = 0; i < NODES_MAX; i++) {
		if (nodes[i].is_begun)
			join(&nodes[i]);
	}
	return 0;
}

/* All come to succeed, each with the result of a run of its own. */
static void assert_own_results(size_t count)
{
	let_all_go(count);
	for (size_t i = 0; i < count; i++) {
		join(&nodes[i]);
		if (strcmp(nodes[i].phase, "Succeeded") != 0)
			fail_msg("node %zu: %s %s", i, nodes[i].phase, nodes[i].message);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(nodes[i].result, nodes[j].result);
	}
}

/* --reply-within of all servers here. */
#define REPLY_WITHIN_S "1"
#define REPLY_WITHIN_MS 1000

static void start_server(const char *concurrency, const char *ttl)
{
	const char *const more[] = {
	    "--reply-within", REPLY_WITHIN_S, "--concurrency", concurrency, "--result-ttl", ttl, NULL};
	server = (struct server_process){0};
	server_start(&site, &server, NULL, more);
}

/* ---- */

static void equal_long_nodes(void **state)
{
	(void)state;
	int status;
	start_server("3", "60");
	for (size_t i = 0; i < 3; i++)
		begin(&nodes[i], server.address, "[\"hold\"]");
	wait_for_held(&site, 3);
	wait_until_running(3, 2);
	assert_own_results(3);
	assert_int_equal(log_lines(&server, "\"step finished\""), 3);
	server_end(&server, SIGTERM, &status);
}

static void sixteen_callers_of_few_turns(void **state)
{
	(void)state;
	bool has_waited = false;
	int status;
	start_server("4", "60");
	for (size_t i = 0; i < NODES_MAX; i++)
		begin(&nodes[i], server.address, "[\"toil\",0.7]");
	assert_own_results(NODES_MAX);
	for (size_t i = 0; i < NODES_MAX; i++)
		has_waited = has_waited || strstr(nodes[i].message, "waits for its turn") != NULL;
	assert_true(has_waited);
	assert_int_equal(log_lines(&server, "\"step finished\""), NODES_MAX);
	server_end(&server, SIGTERM, &status);
}

/* The agent is killed while it waits: what it asked for goes on, and its successor gets it. */
static void an_agent_that_is_killed(void **state)
{
	(void)state;
	int status;
	start_server("3", "60");
	pid_t agent = fork();
	if (agent == 0) {
		for (size_t i = 0; i < 3; i++)
			begin(&nodes[i], server.address, "[\"hold\"]");
		for (size_t i = 0; i < 3; i++)
			join(&nodes[i]);
		_exit(0);
	}
	wait_for_held(&site, 3);
	kill(agent, SIGKILL);
	waitpid(agent, &status, 0);
	for (size_t i = 0; i < 3; i++)
		begin(&nodes[i], server.address, "[\"hold\"]");
	wait_until_running(3, 1);
	assert_own_results(3);
	assert_int_equal(log_lines(&server, "\"step finished\""), 3);
	assert_int_equal(log_lines(&server, "result dropped"), 0);
	server_end(&server, SIGTERM, &status);
}

static void a_result_waits_for_its_caller(void **state)
{
	(void)state;
	struct node node = {.args = "[\"hold\"]"};
	int status;
	start_server("2", "60");
	node.address = server.address;
	assert_true(ask(&node));
	wait_for_held(&site, 1);
	assert_int_equal(work_let_go(&site), 1);
	wait_for_log_lines(&server, "\"step finished\"", 1);
	double begin = now_ms();
	assert_false(ask(&node));
	assert_true(now_ms() - begin < REPLY_WITHIN_MS);
	assert_string_equal(node.phase, "Succeeded");
	/* It is collected: the next one is another node. */
	assert_true(ask(&node));
	server_end(&server, SIGTERM, &status);
}

static void a_result_that_nobody_collects(void **state)
{
	(void)state;
	struct node node = {.args = "[\"hold\"]"};
	int status;
	start_server("2", "1");
	node.address = server.address;
	assert_true(ask(&node));
	wait_for_held(&site, 1);
	assert_int_equal(work_let_go(&site), 1);
	wait_for_log_lines(&server, "result dropped", 1);
	assert_int_equal(log_lines(&server, "--result-ttl"), 1);
	assert_true(ask(&node));
	server_end(&server, SIGTERM, &status);
}

static void progress_is_passed_on(void **state)
{
	(void)state;
	static const struct {
		const char *args, *progress;
	} rows[] = {
	    {"[\"hold\",\"3/7\\n\"]", "3/7"},
	    {"[\"hold\",\"7/3\"]", ""},
	    {"[\"hold\",\"plenty\"]", ""},
	};
	int status;
	start_server("2", "60");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct node node = {.args = rows[i].args, .address = server.address};
		assert_true(ask(&node));
		wait_for_held(&site, 1);
		assert_true(ask(&node));
		assert_string_equal(node.progress, rows[i].progress);
		assert_int_equal(work_let_go(&site), 1);
		double until = now_ms() + PATIENCE_MS;
		do
			node.progress[0] = '\0';
		while (ask(&node) && now_ms() < until);
		assert_string_equal(node.phase, "Succeeded");
		assert_string_equal(node.progress, rows[i].progress);
	}
	server_end(&server, SIGTERM, &status);
}

/* Steps that the server's log tells of as finished before the first one of those that have the
 * text. */
static size_t finished_before(const char *text)
{
	char line[4096];
	size_t count = 0;
	bool found = false;
	FILE *log = fopen(server.log, "r");
	assert_non_null(log);
	while (!found && fgets(line, sizeof line, log) != NULL) {
		bool finished = strstr(line, "\"step finished\"") != NULL;
		found = finished && strstr(line, text) != NULL;
		count += finished && !found;
	}
	fclose(log);
	assert_true(found);
	return count;
}

/* The queue holds what others put there; a workflow with one step is not behind all of them. */
static void workflows_take_turns(void **state)
{
	(void)state;
	int status;
	start_server("1", "60");
	for (size_t i = 0; i < 8; i++)
		begin(&nodes[i], server.address, "[\"hold\"]");
	wait_for_held(&site, 1);
	client_wait_for_metric(server.address, "tiphys_steps_waiting", 7);
	begin_in("newcomer", &nodes[8], server.address, "[\"hold\"]");
	client_wait_for_metric(server.address, "tiphys_steps_waiting", 8);
	assert_own_results(9);
	/* Of the crowd's runs the one that was under way and one more at most came before it. */
	assert_true(finished_before(" workflow=newcomer ") <= 2);
	assert_int_equal(log_lines(&server, "\"step finished\""), 9);
	server_end(&server, SIGTERM, &status);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(equal_long_nodes, clear_up),
	    cmocka_unit_test_teardown(sixteen_callers_of_few_turns, clear_up),
	    cmocka_unit_test_teardown(an_agent_that_is_killed, clear_up),
	    cmocka_unit_test_teardown(a_result_waits_for_its_caller, clear_up),
	    cmocka_unit_test_teardown(a_result_that_nobody_collects, clear_up),
	    cmocka_unit_test_teardown(progress_is_passed_on, clear_up),
	    cmocka_unit_test_teardown(workflows_take_turns, clear_up),
	};
	return site_take(&site, argc, argv) ? cmocka_run_group_tests(tests, start, end) : 2;
}
