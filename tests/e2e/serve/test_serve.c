/* `tiphys serve`, as a caller sees it: a real server, real modules, requests as Argo's agent sends
 * them. */
#include "tests/e2e/serve/client.h"
#include "tests/e2e/serve/server.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#define COMMAND "\"module\":{\"oci\":\"127.0.0.1:1/test/command:1\"}"
#define CONTRACT "\"module\":{\"oci\":\"127.0.0.1:1/test/contract:1\"}"
#define RUN(args) "{" COMMAND ",\"args\":" args "}"

static struct site site;
static struct server_process server;

static int start(void **state)
{
	(void)state;
	static const char *const more[] = {
	    "--step-timeout", "2", "--max-output", "512K", "--max-body", "300K", "--max-memory", "64M",
	    "--concurrency", "4",
	    /* So few are replaced one by one: the server's descriptors are counted. */
	    "--ready-workers", "2", NULL};
	site_create(&site);
	server_start(&site, &server, NULL, more);
	return 0;
}

static int end(void **state)
{
	(void)state;
	int status;
	server_end(&server, SIGTERM, &status);
	site_destroy(&site);
	return status;
}

static void assert_contains(const char *text, const char *words)
{
	if (text == NULL || strstr(text, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, text == NULL ? "(nothing)" : text);
}

static void assert_succeeded(const json_t *node)
{
	if (strcmp(node_text(node, "phase"), "Succeeded") != 0)
		fail_msg("%s: %s", node_text(node, "phase"), node_text(node, "message"));
}

/* Failed, with these words in the message. */
static void assert_failed(const json_t *node, const char *words)
{
	assert_string_equal(node_text(node, "phase"), "Failed");
	assert_contains(node_text(node, "message"), words);
}

/* ---- HTTP ---- */

static void healthz_needs_no_token(void **state)
{
	(void)state;
	cleanup_answer struct answer answer =
	    client_call(server.address, (struct call){.path = "/healthz", .authorization = ""});
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, "ok\n");
}

static void statuses(void **state)
{
	(void)state;
	static char big[400 << 10];
	memset(big, ' ', sizeof big);
	static const char mine[] = "{\"template\":{\"plugin\":{}}}";
	static const struct {
		struct call call;
		long status;
		const char *words, *header;
	} rows[] = {
	    {{.body = mine, .authorization = ""}, 401, "no bearer token", "Bearer"},
	    {{.body = mine, .authorization = "Basic eDp5"}, 401, "no bearer token", "Bearer"},
	    {{.body = mine, .authorization = "Bearer wrong"}, 403, "wrong bearer token", NULL},
	    {{.body = mine, .authorization = "Bearer " SERVER_TOKEN "0"},
	     403,
	     "wrong bearer token",
	     NULL},
	    {{.body = mine, .path = "/api/v1/template.executed"}, 404, "template.execute", NULL},
	    {{.body = mine, .path = "/api/v1/workflow.preOperate"}, 404, "template.execute", NULL},
	    {{.path = "/"}, 404, "healthz", NULL},
	    {{.method = "GET"}, 405, "takes POST", "POST"},
	    {{.method = "PUT", .body = mine}, 405, "takes POST", "POST"},
	    {{.method = "DELETE", .path = "/healthz"}, 405, "takes GET", "GET, HEAD"},
	    {{.body = mine, .type = "application/x-www-form-urlencoded"},
	     415,
	     "application/json",
	     NULL},
	    {{.body = mine, .type = "application/json; charset=utf-8"}, 200, "{}", NULL},
	    {{.body = mine}, 200, "{}", NULL},
	    {{.body = mine, .chunked = true}, 200, "{}", NULL},
	    {{.body = "{\"template\":{\"plugin\":{\"slack\":{\"x\":1}}}}"}, 200, "{}", NULL},
	    {{.body = ""}, 400, "not JSON", NULL},
	    {{.body = "{\"template\":"}, 400, "line 1", NULL},
	    {{.body = "[]"}, 400, "must be an object", NULL},
	    {{.body = "{\"template\":{\"plugin\":7}}"}, 400, "template.plugin: is a number", NULL},
	    {{.body = big, .size = sizeof big}, 413, "--max-body", NULL},
	    {{.body = big, .size = sizeof big, .chunked = true}, 413, "--max-body", NULL},
	    {{.body = big, .size = sizeof big, .authorization = "Bearer wrong"}, 403, "wrong", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cleanup_answer struct answer answer = client_call(server.address, rows[i].call);
		if (answer.status != rows[i].status || strstr(answer.body, rows[i].words) == NULL)
			fail_msg("row %zu: status %ld: %s", i, answer.status, answer.body);
		if (rows[i].header != NULL)
			assert_string_equal(answer.header, rows[i].header);
	}
}

static void a_replaced_token_counts(void **state)
{
	(void)state;
	static const struct call fresh = {.body = "{\"template\":{}}", .authorization = "Bearer fresh"};
	site_write(&site, "token", "fresh\n");
	cleanup_answer struct answer with_new = client_call(server.address, fresh);
	cleanup_answer struct answer with_old =
	    client_call(server.address, (struct call){.body = "{\"template\":{}}"});
	site_write(&site, "token", SERVER_TOKEN);
	assert_int_equal(with_new.status, 200);
	assert_int_equal(with_old.status, 403);
}

/* ---- what the author wrote wrong: the node's failure, not a status that ends the workflow ---- */

static void wrong_fields_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *wasm, *words;
	} rows[] = {
	    {"{}", "template.plugin.wasm.module: is missing"},
	    {"{\"module\":{\"oic\":\"x\"}}", "template.plugin.wasm.module.oic: is not known"},
	    {"{" COMMAND ",\"args\":\"echo\"}",
	     "template.plugin.wasm.args: is a string, must be an array"},
	    {"{" COMMAND ",\"args\":[[]]}", "template.plugin.wasm.args[0]: is an array"},
	    {"{" COMMAND ",\"env\":{\"A\":{}}}", "template.plugin.wasm.env.A: is an object"},
	    {"{" COMMAND ",\"permissions\":{\"disk\":1}}", "permissions.disk: is not known"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *node = client_execute(server.address, rows[i].wasm, "");
		assert_failed(node, rows[i].words);
		json_decref(node);
	}
}

static void missing_modules_are_named(void **state)
{
	(void)state;
	json_t *node =
	    client_execute(server.address, "{\"module\":{\"oci\":\"127.0.0.1:1/test/none:7\"}}", "");
	assert_failed(node, "127.0.0.1:1/test/none:7");
	json_decref(node);
	node = client_execute(server.address, "{\"module\":\"not a reference\"}", "");
	assert_failed(node, "not a reference");
	json_decref(node);
}

/* ---- the contract ---- */

static void input_json(void **state)
{
	(void)state;
	json_t *node = client_execute(
	    server.address,
	    "{" CONTRACT ",\"permissions\":{\"clock\":\"coarse\"},\"level\":{\"deep\":[1]}}",
	    ",\"inputs\":{\"parameters\":[{\"name\":\"text\",\"value\":\"h\\u00e9\\\\\"}]}");
	assert_succeeded(node);
	assert_string_equal(node_text(node, "message"), "done");
	json_t *input = json_loads(node_parameter_text(node, "input"), 0, NULL);
	assert_non_null(input);
	json_t *expected = json_pack("{s:s,s:[{s:s,s:{s:[i]}}],s:[{s:s,s:s}],s:[]}", "workflow_name",
	                             "wf", "plugin_options", "name", "level", "value", "deep", 1,
	                             "parameters", "name", "text", "value", "h\xc3\xa9\\", "artifacts");
	assert_true(json_equal(input, expected));
	json_decref(input);
	json_decref(expected);
	json_decref(node);
}

static void raw_artifacts(void **state)
{
	(void)state;
	json_t *node = client_execute(server.address, "{" CONTRACT ",\"do\":\"artifact\"}",
	                              ",\"inputs\":{\"artifacts\":[{\"name\":\"a\",\"path\":"
	                              "\"/in/deep/a.txt\",\"raw\":{\"data\":\"what it holds\"}}]}");
	assert_succeeded(node);
	assert_string_equal(node_parameter_text(node, "text"), "what it holds");
	json_decref(node);
}

static void contract_failures(void **state)
{
	(void)state;
	static const struct {
		const char *what, *template, *words;
	} rows[] = {
	    {"fail", "", "the text is empty"},
	    {"nothing", "", "without writing /work/result.json"},
	    {"nothing", "", "forgot to write"},
	    {"garbage", "", "/work/result.json: is not JSON"},
	    {"object", "", "outputs.parameters[0] (x): is an object"},
	    {"exit", "", "exit code 5"},
	    {"exit", "", "it broke"},
	    {"trap", "", "unreachable"},
	    {"artifact", "", "a.txt"},
	    {"number", ",\"outputs\":{\"parameters\":[{\"name\":\"y\"}]}", "output parameter y"},
	    {"number",
	     ",\"outputs\":{\"parameters\":[{\"name\":\"y\",\"valueFrom\":{\"path\":\"/work/y\"}}]}",
	     "and there is no file /work/y"},
	    {"number",
	     ",\"inputs\":{\"artifacts\":[{\"name\":\"big\",\"path\":\"/b\",\"s3\":{\"key\":\"k\"}}]}",
	     "input artifact big: lies in the default artifact repository, and none is known"},
	    {"number",
	     ",\"inputs\":{\"artifacts\":[{\"name\":\"up\",\"path\":\"/../"
	     "b\",\"raw\":{\"data\":\"\"}}]}",
	     "input artifact up"},
	    {"number", ",\"outputs\":{\"artifacts\":[{\"name\":\"o\",\"path\":\"/o\"}]}",
	     "output artifact o"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char wasm[256];
		snprintf(wasm, sizeof wasm, "{" CONTRACT ",\"do\":\"%s\"}", rows[i].what);
		json_t *node = client_execute(server.address, wasm, rows[i].template);
		assert_failed(node, rows[i].words);
		json_decref(node);
	}
}

static void numbers_and_defaults(void **state)
{
	(void)state;
	json_t *node = client_execute(
	    server.address, "{" CONTRACT ",\"do\":\"number\"}",
	    ",\"outputs\":{\"parameters\":[{\"name\":\"x\",\"valueFrom\":{\"supplied\":{}}},"
	    "{\"name\":\"y\",\"valueFrom\":{\"default\":7}},{\"name\":\"z\",\"value\":\"outright\"},"
	    "{\"name\":\"f\",\"valueFrom\":{\"path\":\"/work/result.json\"}}]}");
	assert_succeeded(node);
	assert_string_equal(node_parameter_text(node, "z"), "outright");
	assert_contains(node_parameter_text(node, "f"), "\"phase\"");
	assert_string_equal(node_parameter_text(node, "x"), "42");
	assert_string_equal(node_parameter_text(node, "y"), "7");
	json_decref(node);
}

/* ---- plain commands ---- */

static void results(void **state)
{
	(void)state;
	static const struct {
		const char *wasm, *result;
	} rows[] = {
	    {RUN("[\"echo\",\"a b\",\"\",3,true]"), "a b\n\n3\ntrue"},
	    {RUN("[\"echo\"]"), ""},
	    {"{" COMMAND ",\"args\":[\"env\"],\"env\":{\"A\":\"1 2\",\"B\":\"x=y\"}}", "A=1 2\nB=x=y"},
	    {RUN("[\"env\"]"), ""},
	    {"{" COMMAND ",\"stdin\":\"one\\ntwo\\n\\n\"}", "one\ntwo\n"},
	    {"{" COMMAND ",\"args\":[\"cat\"]}", ""},
	    {RUN("[\"clock\"]"), "real random"},
	    {RUN("[\"reach-out\"]"), ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *node = client_execute(server.address, rows[i].wasm, "");
		assert_succeeded(node);
		assert_string_equal(node_output(node, "result"), rows[i].result);
		assert_string_equal(node_output(node, "exitCode"), "0");
		json_decref(node);
	}
}

static void exit_codes(void **state)
{
	(void)state;
	json_t *node = client_execute(server.address, RUN("[\"fail\",42]"), "");
	assert_failed(node, "exit code 42");
	assert_contains(node_text(node, "message"), "line 21\n");
	assert_contains(node_text(node, "message"), "line 30");
	assert_null(strstr(node_text(node, "message"), "line 20\n"));
	assert_string_equal(node_output(node, "exitCode"), "42");
	assert_string_equal(node_output(node, "result"), "half done");
	json_decref(node);
}

static void traps_come_with_a_backtrace(void **state)
{
	(void)state;
	json_t *node = client_execute(server.address, RUN("[\"trap\"]"), "");
	assert_failed(node, "trapped (exit code 134)");
	assert_contains(node_text(node, "message"), "unreachable");
	assert_contains(node_text(node, "message"), "steer_onto_the_rocks");
	assert_string_equal(node_output(node, "exitCode"), "134");
	json_decref(node);
}

/* A module that exits with the status that traps have was told to have trapped. */
static void exit_code_134_is_no_trap(void **state)
{
	(void)state;
	json_t *node = client_execute(server.address, RUN("[\"fail\",134]"), "");
	assert_failed(node, "exit code 134; the end of stderr:\nline 21\n");
	assert_null(strstr(node_text(node, "message"), "trapped"));
	assert_string_equal(node_output(node, "exitCode"), "134");
	json_decref(node);
}

/* Each limit is named, and the next step works. */
static void limits_end_a_step_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *wasm, *words;
	} rows[] = {
	    {RUN("[\"loop\"]"), "its time limit of 2 s (--step-timeout)"},
	    {RUN("[\"sleep\",30]"), "its time limit of 2 s (--step-timeout)"},
	    {RUN("[\"flood\"]"), "more than 524288 bytes to stdout (--max-output)"},
	    {RUN("[\"flood-stderr\"]"), "more than 524288 bytes to stderr (--max-output)"},
	    {RUN("[\"bomb\"]"), "no memory after"},
	    {RUN("[\"many\",262145]"), "outputs.result"},
	    {RUN("[\"many\",262145]"), "--max-parameter"},
	    {RUN("[\"binary\"]"), "outputs.result (what the step wrote to stdout): is not UTF-8"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *node = client_execute(server.address, rows[i].wasm, "");
		assert_failed(node, rows[i].words);
		json_decref(node);
		node = client_execute(server.address, RUN("[\"echo\",\"next\"]"), "");
		assert_succeeded(node);
		json_decref(node);
	}
}

/* Every line that a guest writes is a line of the log that tells which step it was. */
static void both_streams_are_in_the_log(void **state)
{
	(void)state;
	static const char *const words[] = {
	    "msg=stderr",           " workflow=wf namespace=argo template=main line=\"line 1\"\n",
	    "msg=stdout",           " workflow=wf namespace=argo template=main line=\"half done\"\n",
	    "steer_onto_the_rocks",
	};
	json_decref(client_execute(server.address, RUN("[\"fail\",42]"), ""));
	json_decref(client_execute(server.address, RUN("[\"trap\"]"), ""));
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		assert_true(log_lines(&server, words[i]) > 0);
}

/* Relative paths are below `workdir`, which is made. */
static void a_working_directory(void **state)
{
	(void)state;
	static const struct {
		const char *wasm, *template, *result, *words;
	} rows[] = {
	    {"{" COMMAND ",\"workdir\":\"/work/a/b\",\"args\":[\"show\",\"c.txt\"]}",
	     ",\"inputs\":{\"artifacts\":[{\"name\":\"a\",\"path\":\"/work/a/b/c.txt\",\"raw\":{"
	     "\"data\":\"near\"}}]}",
	     "near", NULL},
	    {"{" COMMAND ",\"workdir\":\"/work\",\"args\":[\"write\",\"o.txt\",\"v\"]}",
	     ",\"outputs\":{\"parameters\":[{\"name\":\"out\",\"valueFrom\":{\"path\":\"/work/"
	     "o.txt\"}}]}",
	     "", NULL},
	    {"{" COMMAND ",\"workdir\":\"/work/x\",\"args\":[\"env\"]}", "", "PWD=/work/x", NULL},
	    {"{" COMMAND ",\"workdir\":\"/work/x\",\"args\":[\"env\"],\"env\":{\"PWD\":\"/mine\"}}", "",
	     "PWD=/mine", NULL},
	    {"{" COMMAND ",\"workdir\":\"/tmp\"}", "", NULL, "workdir: /tmp is neither /work nor"},
	    {"{" COMMAND ",\"workdir\":\"/work/../x\"}", "", NULL, "is neither /work nor below it"},
	    {"{" COMMAND ",\"workdir\":7}", "", NULL, "wasm.workdir: is a number, must be a string"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *node = client_execute(server.address, rows[i].wasm, rows[i].template);
		if (rows[i].result != NULL) {
			assert_succeeded(node);
			assert_string_equal(node_output(node, "result"), rows[i].result);
		} else {
			assert_failed(node, rows[i].words);
		}
		json_decref(node);
	}
}

/* The value of a metric that GET /metrics shows. */
static double metric(const char *name)
{
	cleanup_answer struct answer answer =
	    client_call(server.address, (struct call){.path = "/metrics", .authorization = ""});
	assert_int_equal(answer.status, 200);
	const char *found = strstr(answer.body, name);
	if (found == NULL)
		fail_msg("no %s in %s", name, answer.body);
	return strtod(found + strlen(name), NULL);
}

static void metrics_count_steps(void **state)
{
	(void)state;
	double succeeded = metric("\ntiphys_steps_total{phase=\"Succeeded\"} ");
	double failed = metric("\ntiphys_steps_total{phase=\"Failed\"} ");
	double refused = metric("\ntiphys_calls_refused_total ");
	double timed = metric("\ntiphys_step_seconds_count ");
	double remembered = metric("\ntiphys_modules_total{from=\"memory\"} ");
	json_decref(client_execute(server.address, RUN("[\"echo\"]"), ""));
	json_decref(client_execute(server.address, RUN("[\"echo\"]"), ""));
	json_decref(client_execute(server.address, RUN("[\"fail\",42]"), ""));
	cleanup_answer struct answer stranger =
	    client_call(server.address, (struct call){.body = "{}", .authorization = ""});
	assert_int_equal(stranger.status, 401);
	assert_true(metric("\ntiphys_steps_total{phase=\"Succeeded\"} ") == succeeded + 2);
	assert_true(metric("\ntiphys_steps_total{phase=\"Failed\"} ") == failed + 1);
	assert_true(metric("\ntiphys_calls_refused_total ") == refused + 1);
	assert_true(metric("\ntiphys_modules_total{from=\"memory\"} ") == remembered + 3);
	/* A reply is on its way before its thread has put everything away. */
	for (int i = 0; i < 500 && metric("\ntiphys_steps_running ") > 0; i++)
		sleep_ms(10);
	assert_true(metric("\ntiphys_steps_running ") == 0);
	assert_true(metric("\ntiphys_step_seconds_count ") == timed + 3);
}

/* What is refused before it runs is told to those who watch the server, too; and it is no step that
 * took no time. */
static void a_template_that_is_refused_counts(void **state)
{
	(void)state;
	double failed = metric("\ntiphys_steps_total{phase=\"Failed\"} ");
	double timed = metric("\ntiphys_step_seconds_count ");
	size_t lines = log_lines(&server, "msg=\"step refused\"");
	json_decref(client_execute(server.address, "{" COMMAND ",\"args\":\"echo\"}", ""));
	assert_true(metric("\ntiphys_steps_total{phase=\"Failed\"} ") == failed + 1);
	assert_int_equal(log_lines(&server, "msg=\"step refused\""), lines + 1);
	/* A module that is nowhere: a step that was taken, and ended before it ran. */
	json_decref(client_execute(
	    server.address, "{\"module\":{\"oci\":\"127.0.0.1:1/test/nowhere:1\"},\"args\":[]}", ""));
	assert_true(metric("\ntiphys_steps_total{phase=\"Failed\"} ") == failed + 2);
	assert_true(metric("\ntiphys_step_seconds_count ") == timed);
	json_decref(client_execute(server.address, RUN("[\"echo\"]"), ""));
	assert_true(metric("\ntiphys_step_seconds_count ") == timed + 1);
}

/* How often the text stands in the memory of a process. */
static size_t count_in_memory(pid_t pid, const char *text)
{
	char path[64], line[512];
	size_t found = 0, size = strlen(text);
	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "r");
	snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
	FILE *memory = fopen(path, "r");
	if (maps == NULL || memory == NULL)
		fail_msg("cannot read %s", path);
	while (fgets(line, sizeof line, maps) != NULL) {
		unsigned long from, to;
		char access[8];
		if (sscanf(line, "%lx-%lx %7s", &from, &to, access) != 3 || strncmp(access, "rw", 2) != 0)
			continue;
		char *bytes = malloc(to - from);
		assert_non_null(bytes);
		size_t got =
		    fseek(memory, (long)from, SEEK_SET) == 0 ? fread(bytes, 1, to - from, memory) : 0;
		for (const char *at = bytes; got >= size; at++) {
			at = memmem(at, got - (size_t)(at - bytes), text, size);
			if (at == NULL)
				break;
			found++;
		}
		free(bytes);
	}
	fclose(maps);
	fclose(memory);
	return found;
}

/* Of a token that someone sends nothing stays behind, however often the right one is sent. */
static void tokens_do_not_lie_about(void **state)
{
	(void)state;
	static const struct call calls[] = {
	    {.body = "{\"template\":{}}", .authorization = "Bearer a-token-that-nobody-else-has"},
	    {.body = "{\"template\":{}}"},
	};
	if (geteuid() != 0) {
		/* Not skip(): cmocka 1.1.5 writes it as "not ok", which meson counts as failed. */
		print_message("# not run: only root reads another process's memory\n");
		return;
	}
	for (int i = 0; i < 20; i++) {
		cleanup_answer struct answer stranger = client_call(server.address, calls[0]);
		cleanup_answer struct answer friend = client_call(server.address, calls[1]);
		assert_int_equal(stranger.status, 403);
		assert_int_equal(friend.status, 200);
	}
	assert_int_equal(count_in_memory(server.pid, "a-token-that-nobody-else-has"), 0);
	/* Besides its own place: vector registers that the dynamic linker saved when it bound a
	 * function. */
	assert_in_range(count_in_memory(server.pid, SERVER_TOKEN), 1, 3);
}

#define OUTPUT(text) ",\"outputs\":{\"parameters\":[{\"name\":\"out\",\"valueFrom\":{" text "}}]}"

static void parameters_from_files(void **state)
{
	(void)state;
	static const struct {
		const char *wasm, *template, *value;
	} rows[] = {
	    {RUN("[\"write\",\"/work/o.txt\",\"value\\n\"]"), OUTPUT("\"path\":\"/work/o.txt\""),
	     "value"},
	    {RUN("[\"write\",\"/work/o.txt\",\"a\\n\\n\"]"), OUTPUT("\"path\":\"/work/o.txt\""), "a\n"},
	    {RUN("[\"write\",\"/work/o.txt\",\"\"]"),
	     OUTPUT("\"path\":\"/work/o.txt\",\"default\":\"d\""), ""},
	    {RUN("[\"echo\"]"), OUTPUT("\"path\":\"/work/o.txt\",\"default\":\"d\""), "d"},
	    {RUN("[\"echo\"]"), OUTPUT("\"default\":true"), "true"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *node = client_execute(server.address, rows[i].wasm, rows[i].template);
		assert_succeeded(node);
		assert_string_equal(node_parameter_text(node, "out"), rows[i].value);
		json_decref(node);
	}
}

static void unfit_parameters_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *wasm, *template, *words;
	} rows[] = {
	    {RUN("[\"echo\"]"), OUTPUT("\"path\":\"/work/none\""), "/work/none: No such file"},
	    {RUN("[\"echo\"]"), OUTPUT("\"path\":\"/work\""), "is not below /work"},
	    {RUN("[\"echo\"]"), OUTPUT("\"path\":\"/tmp/x\""), "is not below /work"},
	    {RUN("[\"echo\"]"), OUTPUT("\"path\":\"/work/../x\""), "is not below /work"},
	    {RUN("[\"echo\"]"), OUTPUT(""), "has no valueFrom.path"},
	    {RUN("[\"litter\"]"), OUTPUT("\"path\":\"/work/d\""), "is not a regular file"},
	    {RUN("[\"link\",\"../lock\",\"/work/o\"]"), OUTPUT("\"path\":\"/work/o\""),
	     "Operation not permitted"},
	    {RUN("[\"write\",\"/work/o\",\"0123456789abcdef\",20000]"), OUTPUT("\"path\":\"/work/o\""),
	     "--max-parameter"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *node = client_execute(server.address, rows[i].wasm, rows[i].template);
		assert_failed(node, rows[i].words);
		assert_contains(node_text(node, "message"), "output parameter out");
		json_decref(node);
	}
}

static void a_command_finds_its_raw_artifact(void **state)
{
	(void)state;
	json_t *node = client_execute(server.address, RUN("[\"show\",\"/work/data/a\"]"),
	                              ",\"inputs\":{\"artifacts\":[{\"name\":\"a\",\"path\":"
	                              "\"/work/data/a\",\"raw\":{\"data\":\"cargo\"}}]}");
	assert_succeeded(node);
	assert_string_equal(node_output(node, "result"), "cargo");
	json_decref(node);
}

/* ---- many at once, and afterwards ---- */

#define CALLERS 16
#define STEPS 8

static unsigned wrong_answers;

/* cmocka's assertions are for the main thread: the others only count. */
static void *call_often(void *env)
{
	unsigned wrong = 0;
	for (int i = 0; i < STEPS; i++) {
		char body[512], expected[64];
		snprintf(expected, sizeof expected, "\"result\":\"caller %zu step %d\"", (size_t)env, i);
		snprintf(
		    body, sizeof body,
		    "{\"template\":{\"plugin\":{\"wasm\":" RUN("[\"echo\",\"caller %zu step %d\"]") "}}}",
		    (size_t)env, i);
		cleanup_answer struct answer answer =
		    client_call(server.address, (struct call){.body = body});
		wrong += answer.status != 200 || strstr(answer.body, expected) == NULL;
	}
	__atomic_fetch_add(&wrong_answers, wrong, __ATOMIC_SEQ_CST);
	return NULL;
}

static void sixteen_callers(void **state)
{
	(void)state;
	pthread_t threads[CALLERS];
	wrong_answers = 0;
	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_often, (void *)i), 0);
	for (size_t i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong_answers, 0);
}

/* Runs last: after all that went before. */
static void nothing_is_left_behind(void **state)
{
	(void)state;
	json_t *node = client_execute(server.address, RUN("[\"litter\"]"), "");
	assert_string_equal(node_output(node, "result"), "littered");
	json_decref(node);
	assert_nothing_is_left(&site, &server,
	                       &(struct server_rest){.descriptors = SIZE_MAX, .entries = 1});

	struct server_rest before = server_settle(&site, &server);
	for (int i = 0; i < 20; i++)
		json_decref(client_execute(server.address, RUN("[\"trap\"]"), ""));
	assert_nothing_is_left(&site, &server, &before);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(healthz_needs_no_token),
	    cmocka_unit_test(statuses),
	    cmocka_unit_test(a_replaced_token_counts),
	    cmocka_unit_test(wrong_fields_are_named),
	    cmocka_unit_test(missing_modules_are_named),
	    cmocka_unit_test(input_json),
	    cmocka_unit_test(raw_artifacts),
	    cmocka_unit_test(contract_failures),
	    cmocka_unit_test(numbers_and_defaults),
	    cmocka_unit_test(results),
	    cmocka_unit_test(exit_codes),
	    cmocka_unit_test(traps_come_with_a_backtrace),
	    cmocka_unit_test(exit_code_134_is_no_trap),
	    cmocka_unit_test(limits_end_a_step_by_name),
	    cmocka_unit_test(parameters_from_files),
	    cmocka_unit_test(unfit_parameters_are_named),
	    cmocka_unit_test(both_streams_are_in_the_log),
	    cmocka_unit_test(a_working_directory),
	    cmocka_unit_test(metrics_count_steps),
	    cmocka_unit_test(a_template_that_is_refused_counts),
	    cmocka_unit_test(tokens_do_not_lie_about),
	    cmocka_unit_test(a_command_finds_its_raw_artifact),
	    cmocka_unit_test(sixteen_callers),
	    cmocka_unit_test(nothing_is_left_behind),
	};
	return site_take(&site, argc, argv) ? cmocka_run_group_tests(tests, start, end) : 2;
}
