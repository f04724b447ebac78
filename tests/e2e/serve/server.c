#include "tests/e2e/serve/server.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

extern char **environ;

/* How often it is looked at what a server still has, and after how long each: 5 s. */
enum { SETTLE_LOOKS = 50, SETTLE_MS = 100 };

double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void sleep_ms(unsigned ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	nanosleep(&time, NULL);
}

/* ---- the site ---- */

const char *site_path(const struct site *site, const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *buffer = path[turn++ % 4];
	snprintf(buffer, sizeof path[0], "%s/%s", site->dir, name);
	return buffer;
}

void site_write(const struct site *site, const char *name, const char *text)
{
	FILE *file = fopen(site_path(site, name), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Its stdout is not the test's, which is TAP. */
static void run_and_wait(const char *const *argv)
{
	pid_t pid;
	int status;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("%s %s: status %x", argv[0], argv[1], status);
}

static void push(const struct site *site, const char *wasm, const char *reference)
{
	const char *argv[] = {site->tiphys, "push",    "--store", site_path(site, "store"),
	                      wasm,         reference, NULL};
	run_and_wait(argv);
}

bool site_take(struct site *site, int argc, char **argv)
{
	static char tiphys[1024];
	if (argc != 4)
		return false;
	snprintf(tiphys, sizeof tiphys, "%s/tiphys", argv[1]);
	*site = (struct site){.tiphys = tiphys, .command_wasm = argv[2], .contract_wasm = argv[3]};
	return true;
}

void site_create(struct site *site)
{
	curl_global_init(CURL_GLOBAL_ALL);
	strcpy(site->dir, "/tmp/tiphys-e2e.XXXXXX");
	assert_non_null(mkdtemp(site->dir));
	assert_int_equal(mkdir(site_path(site, "work"), 0700), 0);
	site_write(site, "token", SERVER_TOKEN);
	push(site, site->command_wasm, "127.0.0.1:1/test/command:1");
	push(site, site->contract_wasm, "127.0.0.1:1/test/contract:1");
}

void site_destroy(struct site *site)
{
	const char *argv[] = {"rm", "-rf", site->dir, NULL};
	run_and_wait(argv);
}

/* ---- the process ---- */

static bool find_address(struct server_process *server)
{
	char text[8192];
	FILE *file = fopen(server->log, "r");
	if (file == NULL)
		return false;
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	const char *found = strstr(text, " address=");
	return found != NULL && strchr(found, '\n') != NULL &&
	       sscanf(found, " address=%63s", server->address) == 1;
}

void server_start(const struct site *site, struct server_process *server, const char *const *before,
                  const char *const *more)
{
	static unsigned serial;
	const char *argv[64];
	char token[128], store[128], work[128], cache[128], name[32];
	size_t count = 0;
	snprintf(name, sizeof name, "log.%u", serial++);
	snprintf(server->log, sizeof server->log, "%s", site_path(site, name));
	snprintf(token, sizeof token, "%s", site_path(site, "token"));
	snprintf(store, sizeof store, "%s", site_path(site, "store"));
	snprintf(work, sizeof work, "%s", site_path(site, "work"));
	snprintf(cache, sizeof cache, "%s", site_path(site, "cache"));
	for (; before != NULL && *before != NULL; before++)
		argv[count++] = *before;
	const char *const line[] = {site->tiphys, "serve", "--listen", "127.0.0.1:0", "--token-file",
	                            token, "--store", store, "--work-dir", work, "--cache-dir", cache,
	                            /* A worker that makes one would be taken for a step. */
	                            "--images-bytes", "0"};
	for (size_t i = 0; i < sizeof line / sizeof line[0]; i++)
		argv[count++] = line[i];
	for (; more != NULL && *more != NULL; more++)
		argv[count++] = *more;
	argv[count] = NULL;

	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 2, server->log, O_CREAT | O_WRONLY | O_APPEND, 0600);
	assert_int_equal(
	    posix_spawnp(&server->pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < 1000 && !find_address(server); i++) {
		int status;
		if (waitpid(server->pid, &status, WNOHANG) == server->pid)
			fail_msg("the server ended with %x, see %s", status, server->log);
		sleep_ms(10);
	}
	if (server->address[0] == '\0')
		fail_msg("the server does not listen, see %s", server->log);
}

double server_end(struct server_process *server, int signal, int *status)
{
	double begin = now_ms();
	kill(server->pid, signal);
	wait_for_end(server, status);
	return now_ms() - begin;
}

void wait_for_end(const struct server_process *server, int *status)
{
	double until = now_ms() + PATIENCE_MS;
	while (waitpid(server->pid, status, WNOHANG) == 0) {
		if (now_ms() > until)
			fail_msg("the server does not end, see %s", server->log);
		sleep_ms(1);
	}
}

/* The process that workers are forked from is always there, and no worker; nor is one that has gone
 * since it was listed. */
static bool is_worker(int pid)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return false;
	bool is = fgets(name, sizeof name, file) != NULL && strcmp(name, "tiphys-parent\n") != 0;
	fclose(file);
	return is;
}

static size_t children(pid_t parent, pid_t *child)
{
	char path[64];
	size_t count = 0;
	snprintf(path, sizeof path, "/proc/%d/task", (int)parent);
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		char list[400];
		snprintf(list, sizeof list, "%s/%s/children", path, entry->d_name);
		FILE *file = fopen(list, "r");
		int pid;
		while (file != NULL && fscanf(file, "%d", &pid) == 1) {
			if (!is_worker(pid))
				continue;
			*child = pid;
			count++;
		}
		if (file != NULL)
			fclose(file);
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

pid_t only_child(pid_t parent)
{
	pid_t child = 0;
	size_t count = children(parent, &child);
	assert_true(count <= 1);
	return child;
}

pid_t wait_for_child(pid_t parent)
{
	pid_t child = 0;
	for (double until = now_ms() + PATIENCE_MS; child == 0 && now_ms() < until;) {
		child = only_child(parent);
		sleep_ms(10);
	}
	if (child == 0)
		fail_msg("process %d has no child", (int)parent);
	return child;
}

/* One that has ended and that nobody has reaped yet is not. */
bool is_alive(pid_t pid)
{
	char path[64], state = 'Z';
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return false;
	bool is = fscanf(file, "%*d (%*[^)]) %c", &state) == 1 && state != 'Z' && state != 'X';
	fclose(file);
	return is;
}

void end_children(void)
{
	pid_t child;
	while (children(getpid(), &child) > 0) {
		kill(child, SIGTERM);
		for (int looks = SETTLE_LOOKS; looks > 0 && is_alive(child); looks--)
			sleep_ms(SETTLE_MS);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

void assert_ends(pid_t pid)
{
	for (double until = now_ms() + PATIENCE_MS; is_alive(pid) && now_ms() < until;)
		sleep_ms(10);
	if (is_alive(pid))
		fail_msg("process %d does not end", (int)pid);
}

static size_t entries(const char *path, const char *except)
{
	size_t count = 0;
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.' && strcmp(entry->d_name, except) != 0;
	if (dir != NULL)
		closedir(dir);
	return count;
}

size_t work_entries(const struct site *site)
{
	return entries(site_path(site, "work"), "");
}

static size_t full_folders(const char *path)
{
	size_t count = 0;
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		char below[800];
		snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
		count += entry->d_name[0] != '.' && entries(below, "") > 0;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* Directories of runs in a server's folder there that hold anything. */
static size_t work_runs(const struct site *site)
{
	size_t count = 0;
	DIR *dir = opendir(site_path(site, "work"));
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
		char path[400];
		snprintf(path, sizeof path, "%s/%s", site_path(site, "work"), entry->d_name);
		if (entry->d_name[0] != '.')
			count += full_folders(path);
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* How many runs have a file of that name; with `gone` it is removed from each. */
static size_t files_of_runs(const struct site *site, const char *name, bool gone)
{
	glob_t found;
	char pattern[160];
	size_t count = 0;
	snprintf(pattern, sizeof pattern, "%s/work/*/*/%s", site->dir, name);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		count += !gone || unlink(found.gl_pathv[i]) == 0;
	globfree(&found);
	return count;
}

size_t work_held(const struct site *site)
{
	return files_of_runs(site, "held", false);
}

size_t work_let_go(const struct site *site)
{
	return files_of_runs(site, "held", true);
}

void wait_for_held(const struct site *site, size_t count)
{
	for (double until = now_ms() + PATIENCE_MS; work_held(site) < count && now_ms() < until;)
		sleep_ms(10);
	size_t held = work_held(site);
	if (held != count)
		fail_msg("%zu steps are held, not %zu", held, count);
}

static size_t open_descriptors(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	return entries(path, "");
}

static struct server_rest look(const struct site *site, const struct server_process *server)
{
	pid_t child;
	return (struct server_rest){.workers = children(server->pid, &child),
	                            .descriptors = open_descriptors(server->pid),
	                            .entries = work_entries(site),
	                            .runs = work_runs(site)};
}

struct server_rest server_settle(const struct site *site, const struct server_process *server)
{
	struct server_rest last = look(site, server), now;
	for (int patience = SETTLE_LOOKS; patience > 0; patience--, last = now) {
		sleep_ms(SETTLE_MS);
		now = look(site, server);
		if (now.workers == 0 && memcmp(&now, &last, sizeof now) == 0)
			return now;
	}
	fail_msg("does not settle: %zu workers, %zu descriptors, %zu entries, %zu runs", last.workers,
	         last.descriptors, last.entries, last.runs);
	return last;
}

static bool is_as_before(const struct server_rest *now, const struct server_rest *before)
{
	return now->workers == 0 && now->descriptors <= before->descriptors &&
	       now->entries == before->entries && now->runs == before->runs;
}

void assert_nothing_is_left(const struct site *site, const struct server_process *server,
                            const struct server_rest *before)
{
	struct server_rest now = look(site, server);
	for (int patience = SETTLE_LOOKS; patience > 0 && !is_as_before(&now, before); patience--) {
		sleep_ms(SETTLE_MS);
		now = look(site, server);
	}
	if (!is_as_before(&now, before))
		fail_msg("%zu workers; %zu descriptors, of %zu; %zu entries, of %zu; %zu runs, of %zu",
		         now.workers, now.descriptors, before->descriptors, now.entries, before->entries,
		         now.runs, before->runs);
}

size_t log_lines(const struct server_process *server, const char *text)
{
	size_t count = 0, size = 0;
	char *line = NULL;
	FILE *file = fopen(server->log, "r");
	assert_non_null(file);
	while (getline(&line, &size, file) > 0)
		count += strstr(line, text) != NULL;
	free(line);
	fclose(file);
	return count;
}

void wait_for_log_lines(const struct server_process *server, const char *text, size_t count)
{
	for (double until = now_ms() + PATIENCE_MS;
	     log_lines(server, text) < count && now_ms() < until;)
		sleep_ms(10);
	size_t lines = log_lines(server, text);
	if (lines != count)
		fail_msg("%zu lines of the log tell of %s, not %zu", lines, text, count);
}
