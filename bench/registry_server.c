#include "bench/registry_server.h"

#include "bench/rootfs.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool registry_server_start(struct registry_server *server, const char *directory, struct error *err)
{
	char config[4096], log[4096];
	char *argv[] = {"docker-registry", "serve", config, NULL};
	snprintf(config, sizeof config, "%s/config.yml", directory);
	snprintf(log, sizeof log, "%s/log", directory);
	/* It takes any free port and says which. */
	return remove_directory(directory, err) && make_directories(directory, err) &&
	       write_config(config, directory, err) && daemon_start(&server->daemon, argv, log, err) &&
	       daemon_await(&server->daemon, "listening on ", server->address, sizeof server->address,
	                    err);
}

void registry_server_end(struct registry_server *server)
{
	daemon_end(&server->daemon);
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
	FILE *file = fopen(server->daemon.log, "re");
	if (file == NULL)
		return error_set_errno(err, errno, "cannot read %s", server->daemon.log);
	*traffic = (struct registry_traffic){0};
	while (getline(&line, &size, file) > 0)
		registry_traffic_add(traffic, line);
	free(line);
	fclose(file);
	return true;
}
