#include "bench/registry_server.h"

#include "bench/process.h"
#include "bench/rootfs.h"
#include "caps/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define START_SECONDS 10

extern char **environ;

static bool write_config(const char *path, const char *directory, struct error *err)
{
	FILE *file = fopen(path, "we");
	if (file == NULL)
		return error_set_errno(err, errno, "cannot write %s", path);
	fprintf(file,
	        "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: %s/store\n"
	        "http:\n  addr: 127.0.0.1:0\n",
	        directory);
	return fclose(file) == 0 || error_set_errno(err, errno, "cannot write %s", path);
}

static bool launch(struct registry_server *server, const char *config, struct error *err)
{
	char *argv[] = {"docker-registry", "serve", (char *)(uintptr_t)config, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, server->log,
	                                 O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	int wrong = posix_spawnp(&server->pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (wrong == 0)
		return true;
	server->pid = 0;
	return error_set_errno(err, wrong, "cannot start docker-registry");
}

/* It took any free port and says which. */
static bool find_address(struct registry_server *server)
{
	static const char mark[] = "listening on ";
	char line[4096];
	bool found = false;
	FILE *file = fopen(server->log, "re");
	while (!found && file != NULL && fgets(line, sizeof line, file) != NULL) {
		char *at = strstr(line, mark);
		if (at == NULL)
			continue;
		at += sizeof mark - 1;
		snprintf(server->address, sizeof server->address, "%.*s", (int)strcspn(at, " \"\n"), at);
		found = true;
	}
	if (file != NULL)
		fclose(file);
	return found;
}

bool registry_server_start(struct registry_server *server, const char *directory, struct error *err)
{
	const struct timespec pause = {0, 20000000};
	char config[4096];
	snprintf(config, sizeof config, "%s/config.yml", directory);
	snprintf(server->log, sizeof server->log, "%.4000s/log", directory);
	if (!remove_tree(directory, err) || !make_directories(directory, err) ||
	    !write_config(config, directory, err) || !launch(server, config, err))
		return false;
	for (double deadline = monotonic_seconds() + START_SECONDS; !find_address(server);) {
		if (monotonic_seconds() > deadline)
			return error_set(err, ERROR_SYSTEM, "docker-registry does not listen; see %s",
			                 server->log);
		nanosleep(&pause, NULL);
	}
	return true;
}

void registry_server_end(struct registry_server *server)
{
	if (server->pid > 0) {
		kill(server->pid, SIGTERM);
		while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	server->pid = 0;
}

/* 127.0.0.1 - - [date] "GET /v2/NAME/blobs/sha256:… HTTP/1.1" 200 1234 "" "agent" */
bool registry_traffic_add(struct registry_traffic *traffic, const char *line)
{
	unsigned status;
	unsigned long long bytes;
	const char *request = strstr(line, "\"GET /v2/");
	const char *end = request != NULL ? strstr(request, " HTTP/") : NULL;
	const char *answer = end != NULL ? strstr(end, "\" ") : NULL;
	if (answer == NULL || sscanf(answer, "\" %u %llu", &status, &bytes) != 2 || status != 200)
		return false;
	const char *blobs = strstr(request, "/blobs/");
	traffic->blobs += blobs != NULL && blobs < end;
	traffic->bytes += bytes;
	return true;
}

bool registry_server_traffic(const struct registry_server *server, struct registry_traffic *traffic,
                             struct error *err)
{
	char *line = NULL;
	size_t size = 0;
	FILE *file = fopen(server->log, "re");
	if (file == NULL)
		return error_set_errno(err, errno, "cannot read %s", server->log);
	*traffic = (struct registry_traffic){0};
	while (getline(&line, &size, file) > 0)
		registry_traffic_add(traffic, line);
	free(line);
	fclose(file);
	return true;
}
