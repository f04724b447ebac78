/* A docker-registry of our own on 127.0.0.1, and what it was asked for. */
#ifndef BENCH_REGISTRY_SERVER_H
#define BENCH_REGISTRY_SERVER_H

#include "bench/daemon.h"

#include <stdint.h>

struct registry_server {
	struct daemon daemon;
	char address[64];
};

/* *server is {0} before and is for registry_server_end() after, on failure too. Its store is made
 * anew in DIRECTORY. */
bool registry_server_start(struct registry_server *server, const char *directory,
                           struct error *err);
void registry_server_end(struct registry_server *server);

/* What its access log tells since it began: requests for blobs that were answered with one, and all
 * bytes that were sent. */
struct registry_traffic {
	uint64_t blobs, bytes;
};
bool registry_server_traffic(const struct registry_server *server, struct registry_traffic *traffic,
                             struct error *err);

/* Adds a line of the log to the traffic; false when it is no line of an answered GET. */
bool registry_traffic_add(struct registry_traffic *traffic, const char *line);

#endif
