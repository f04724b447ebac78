/* `tiphys serve` from its start to its end: what it refuses to start with, a full queue, and how it
 * stops. */
#include "tests/e2e/serve/client.h"
#include "tests/e2e/serve/server.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#define LOOP                                                                                       \
	"{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"127.0.0.1:1/test/command:1\",\"args\":["    \
	"\"loop\"]}}}}"
#define LOOP_FOR(time)                                                                             \
	"{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"127.0.0.1:1/test/"                          \
	"command:1\",\"permissions\":"                                                                 \
	"{\"limits\":{\"time\":\"" time "\"}},\"args\":[\"loop\"]}}}}"
#define ECHO                                                                                       \
	"{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"127.0.0.1:1/test/command:1\",\"args\":["    \
	"\"echo\",\"hi\"]}}}}"

#define HOLD                                                                                       \
	"{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"127.0.0.1:1/test/command:1\",\"args\":["    \
	"\"hold\"]}}}}"

/* The promise. What waits for something on the way breaks it each time; what has no processor on a
 * machine that does other things beside the test breaks it now and then, and for some seconds on
 * end. So it is kept once in so few tries, each a pause after the last that is twice as long; and
 * all tries of this file but the first ones have so long together. */
#define STOP_MS 200
#define STOP_TRIES 6
#define STOP_PAUSE_MS 500
#define STOP_TRIES_MS 60000

extern char **environ;

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

/* ---- starting ---- */

/* Runs `tiphys serve` that is to end by itself; its stderr in `text`. */
static int refuse_to_start(const char *const *more, char *text, size_t size)
{
	const char *argv[16] = {site.tiphys, "serve"};
	size_t count = 2;
	char log[128];
	pid_t pid;
	int status;
	snprintf(log, sizeof log, "%s", site_path(&site, "refused"));
	while (*more != NULL)
		argv[count++] = *more++;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 2, log, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	waitpid(pid, &status, 0);
	FILE *file = fopen(log, "r");
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void refusals(void **state)
{
	(void)state;
	char empty[128];
	snprintf(empty, sizeof empty, "%s", site_path(&site, "empty"));
	site_write(&site, "empty", "");
	const struct {
		const char *more[8];
		const char *words;
	} rows[] = {
	    {{"--token-file", "/nonexistent/token"}, "/nonexistent/token: No such file"},
	    {{"--token-file", "/nonexistent/token"}, "--no-auth"},
	    {{"--token-file", empty}, "is empty"},
	    {{"--no-auth", "--listen", "nonsense"}, "HOST:PORT"},
	    {{"--no-auth", "--listen", "192.0.2.1:0"}, "192.0.2.1:0"},
	    {{"--no-auth", "--listen", "127.0.0.1:0", "--work-dir", "/dev/null/steps"}, "--work-dir"},
	    {{"--no-auth", "--concurrency", "0"}, "--concurrency"},
	    {{"--no-auth", "--listn", ":1"}, "--listen"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[4096];
		assert_int_not_equal(refuse_to_start(rows[i].more, text, sizeof text), 0);
		if (strstr(text, rows[i].words) == NULL)
			fail_msg("\"%s\" is not in: %s", rows[i].words, text);
	}
	assert_int_equal(work_entries(&site), 0);
}

static void no_auth_lets_everyone_in(void **state)
{
	(void)state;
	static const char *const more[] = {"--no-auth", NULL};
	struct server_process server = {0};
	server_start(&site, &server, NULL, more);
	cleanup_answer struct answer answer =
	    client_call(server.address, (struct call){.body = ECHO, .authorization = ""});
	int status;
	server_end(&server, SIGTERM, &status);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "\"result\":\"hi\""));
	assert_int_equal(status, 0);
}

/* ---- a caller whose step does not end ---- */

struct caller {
	pthread_t thread;
	char address[64];
	const char *body;
	struct answer answer;
	bool is_begun; /* and not joined */
};

/* A test that fails leaves its frame, not its threads. */
static struct caller first, second;

static void *call_and_wait(void *env)
{
	struct caller *caller = env;
	caller->answer = client_call(caller->address, (struct call){.body = caller->body});
	return NULL;
}

static void caller_start_with(struct caller *caller, const char *address, const char *body)
{
	*caller = (struct caller){.body = body};
	snprintf(caller->address, sizeof caller->address, "%s", address);
	assert_int_equal(pthread_create(&caller->thread, NULL, call_and_wait, caller), 0);
	caller->is_begun = true;
}

static void caller_start(struct caller *caller, const char *address)
{
	caller_start_with(caller, address, LOOP);
}

static void caller_join(struct caller *caller)
{
	pthread_join(caller->thread, NULL);
	caller->is_begun = false;
}

/* A caller whose server has gone has its answer. */
static int clear_up(void **state)
{
	(void)state;
	end_children();
	if (first.is_begun)
		caller_join(&first);
	if (second.is_begun)
		caller_join(&second);
	answer_clear(&first.answer);
	answer_clear(&second.answer);
	return 0;
}

static void a_full_queue_says_so(void **state)
{
	(void)state;
	static const char *const more[] = {"--concurrency", "1", "--queue", "1", NULL};
	struct server_process server = {0};
	server_start(&site, &server, NULL, more);
	caller_start_with(&first, server.address, HOLD);
	wait_for_held(&site, 1);
	caller_start_with(&second, server.address, LOOP_FOR("3s"));
	client_wait_for_metric(server.address, "tiphys_steps_waiting", 1);
	cleanup_answer struct answer refused = client_call(server.address, (struct call){.body = ECHO});
	cleanup_answer struct answer others =
	    client_call(server.address, (struct call){.body = "{\"template\":{}}"});
	cleanup_answer struct answer health =
	    client_call(server.address, (struct call){.path = "/healthz"});
	size_t held = work_let_go(&site);
	caller_join(&first);
	caller_join(&second);
	cleanup_answer struct answer later = client_call(server.address, (struct call){.body = ECHO});
	int status;
	server_end(&server, SIGTERM, &status);
	assert_int_equal(refused.status, 503);
	assert_string_equal(refused.header, "1");
	assert_non_null(strstr(refused.body, "--queue"));
	assert_string_equal(others.body, "{}");
	assert_int_equal(health.status, 200);
	assert_int_equal(later.status, 200);
	/* It was under way all the time. */
	assert_int_equal(held, 1);
	assert_non_null(strstr(first.answer.body, "\"phase\":\"Succeeded\""));
	assert_non_null(strstr(second.answer.body, "time limit of 3 s"));
	answer_clear(&first.answer);
	answer_clear(&second.answer);
}

/* Killed for its processor time, a step was told to look at --step-timeout, whoever had set its
 * limit. */
static void processor_time_names_who_set_its_limit(void **state)
{
	(void)state;
	static const struct {
		const char *body, *words;
	} rows[] = {
	    {LOOP, ": it used more processor time than its time limit of 90 s (--step-timeout)"},
	    {LOOP_FOR("40s"),
	     ": it used more processor time than its time limit of 40 s (limits.time)"},
	};
	static const char *const more[] = {"--step-timeout", "90", "--ready-workers", "0", NULL};
	struct server_process server = {0};
	int status;
	server_start(&site, &server, NULL, more);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		caller_start_with(&first, server.address, rows[i].body);
		kill(wait_for_child(server.pid), SIGXCPU);
		caller_join(&first);
		if (strstr(first.answer.body, rows[i].words) == NULL)
			fail_msg("\"%s\" is not in: %s", rows[i].words, first.answer.body);
		answer_clear(&first.answer);
	}
	server_end(&server, SIGTERM, &status);
}

/* ---- stopping ---- */

/* `stop` ends a server and answers the milliseconds that it took. */
static void assert_stops_in_time(double (*stop)(const void *env), const void *env)
{
	static double spent; /* on tries after a first one */
	double took = stop(env), begin = now_ms();
	unsigned times = 1, pause = STOP_PAUSE_MS;
	for (; took > STOP_MS && times < STOP_TRIES && spent + now_ms() - begin < STOP_TRIES_MS;
	     times++, pause *= 2) {
		sleep_ms(pause);
		took = stop(env);
	}
	spent += now_ms() - begin;
	if (took > STOP_MS)
		fail_msg("took %.0f ms, the last of %u times", took, times);
}

static double stop_by_signal(const void *env)
{
	const int *signal = env;
	struct server_process server = {0};
	int status;
	server_start(&site, &server, NULL, NULL);
	caller_start(&first, server.address);
	pid_t worker = wait_for_child(server.pid);
	double took = server_end(&server, *signal, &status);
	caller_join(&first);
	assert_int_equal(status, 0);
	assert_ends(worker);
	assert_int_equal(work_entries(&site), 0);
	/* Transient for Argo: it asks again. */
	assert_int_equal(first.answer.status, 503);
	answer_clear(&first.answer);
	return took;
}

static void sigterm_ends_it_at_once(void **state)
{
	(void)state;
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		assert_stops_in_time(stop_by_signal, &signals[i]);
}

/* A registry that takes connections, tells of each in a line, and says nothing to them. */
struct silent_registry {
	pid_t pid;
	int lines;
	char address[64]; /* HOST:PORT */
};

static void read_line(const struct silent_registry *silent, char *line, size_t size)
{
	size_t got = 0;
	do
		assert_int_equal(read(silent->lines, &line[got], 1), 1);
	while (line[got] != '\n' && ++got < size);
	line[got] = '\0';
}

static void silent_start(struct silent_registry *silent)
{
	char port[32];
	int out[2];
	assert_int_equal(pipe(out), 0);
	static const char *const argv[] = {
	    "perl", "-MIO::Socket::INET", "-e",
	    "$s = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die;"
	    "$| = 1; print $s->sockport, \"\\n\"; alarm 30;"
	    "while ($c = $s->accept) { push @held, $c; print \"accepted\\n\" }",
	    NULL};
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	assert_int_equal(
	    posix_spawnp(&silent->pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	/* Its end is the end of its lines. */
	close(out[1]);
	silent->lines = out[0];
	read_line(silent, port, sizeof port - 1);
	snprintf(silent->address, sizeof silent->address, "127.0.0.1:%s", port);
}

static void silent_end(struct silent_registry *silent)
{
	kill(silent->pid, SIGKILL);
	waitpid(silent->pid, NULL, 0);
	close(silent->lines);
}

/* Each time with a registry of its own: a line that one of before left would be taken for a
 * server's that does not wait yet. */
static double stop_while_it_waits(const void *env)
{
	(void)env;
	struct silent_registry silent;
	char line[32];
	struct server_process server = {0};
	int status;
	char body[256];
	silent_start(&silent);
	snprintf(body, sizeof body, "{\"template\":{\"plugin\":{\"wasm\":{\"module\":\"%s/m:1\"}}}}",
	         silent.address);
	setenv("INSECURE_OCI_REGISTRIES", silent.address, 1);
	server_start(&site, &server, NULL, NULL);
	unsetenv("INSECURE_OCI_REGISTRIES");
	pid_t asker = fork();
	if (asker == 0) {
		client_call(server.address, (struct call){.body = body});
		_exit(0);
	}
	read_line(&silent, line, sizeof line - 1);
	assert_string_equal(line, "accepted");
	double took = server_end(&server, SIGTERM, &status);
	waitpid(asker, NULL, 0);
	silent_end(&silent);
	assert_int_equal(work_entries(&site), 0);
	return took;
}

static void sigterm_while_a_registry_keeps_it_waiting(void **state)
{
	(void)state;
	assert_stops_in_time(stop_while_it_waits, NULL);
}

/* `env`: what is put before the server's command line. */
static double stop_process_one(const void *env)
{
	const char *const *before = env;
	struct server_process server = {0};
	int status;
	server_start(&site, &server, before, NULL);
	pid_t one = wait_for_child(server.pid);
	caller_start(&first, server.address);
	pid_t worker = wait_for_child(one);
	double begin = now_ms();
	kill(one, SIGTERM);
	wait_for_end(&server, &status);
	double took = now_ms() - begin;
	caller_join(&first);
	answer_clear(&first.answer);
	assert_int_equal(status, 0);
	assert_ends(worker);
	assert_int_equal(work_entries(&site), 0);
	return took;
}

/* As in its container: process 1, which signals without a handler do not reach. */
static void as_process_one(void **state)
{
	(void)state;
	static const char *const before[] = {"unshare",      "--pid",        "--fork",
	                                     "--mount-proc", "--kill-child", NULL};
	static const char *const rootless[] = {"unshare", "--user",       "--map-root-user", "--pid",
	                                       "--fork",  "--mount-proc", "--kill-child",    NULL};
	static const char *const probe = "unshare --pid --fork --mount-proc true 2>/dev/null";
	static const char *const probe_rootless =
	    "unshare --user --map-root-user --pid --fork --mount-proc true 2>/dev/null";
	bool as_root = system(probe) == 0;
	if (!as_root && system(probe_rootless) != 0) {
		/* Not skip(): cmocka 1.1.5 writes it as "not ok", which meson counts as failed. */
		print_message("# not run: this machine grants no process namespace\n");
		return;
	}
	assert_stops_in_time(stop_process_one, as_root ? before : rootless);
}

/* Killed, it can clean up nothing: its worker dies with it, and the next server removes what it
 * left. */
static void what_a_killed_server_leaves(void **state)
{
	(void)state;
	struct server_process server = {0}, next = {0};
	int status;
	server_start(&site, &server, NULL, NULL);
	caller_start(&first, server.address);
	pid_t worker = wait_for_child(server.pid);
	server_end(&server, SIGKILL, &status);
	caller_join(&first);
	answer_clear(&first.answer);
	assert_ends(worker);
	assert_int_equal(work_entries(&site), 1);

	struct server_process beside = {0};
	server_start(&site, &next, NULL, NULL);
	assert_int_equal(work_entries(&site), 1);
	/* One that lives is left alone. */
	server_start(&site, &beside, NULL, NULL);
	assert_int_equal(work_entries(&site), 2);
	server_end(&next, SIGTERM, &status);
	server_end(&beside, SIGTERM, &status);
	assert_int_equal(work_entries(&site), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(refusals, clear_up),
	    cmocka_unit_test_teardown(no_auth_lets_everyone_in, clear_up),
	    cmocka_unit_test_teardown(a_full_queue_says_so, clear_up),
	    cmocka_unit_test_teardown(processor_time_names_who_set_its_limit, clear_up),
	    cmocka_unit_test_teardown(sigterm_ends_it_at_once, clear_up),
	    cmocka_unit_test_teardown(sigterm_while_a_registry_keeps_it_waiting, clear_up),
	    cmocka_unit_test_teardown(as_process_one, clear_up),
	    cmocka_unit_test_teardown(what_a_killed_server_leaves, clear_up),
	};
	return site_take(&site, argc, argv) ? cmocka_run_group_tests(tests, start, end) : 2;
}
