/* Connections that a policy lists: opened by the broker, handed to the run as descriptors. */
#ifndef PLUGIN_BROKER_SOCKET_H
#define PLUGIN_BROKER_SOCKET_H

#include "plugin/endpoint.h"

#define SOCKETS_MAX 64u

/* Starts as {0}. */
struct socket_terms {
	struct endpoint *items;
	size_t count;
	/* How long an address may take to answer is the connect_seconds of such transfers; 0: the
	 * default. */
	unsigned stall_seconds;
};

void socket_terms_clear(struct socket_terms *terms);

/* Adds "HOST:PORT". ERROR_USAGE for what is none; ERROR_LIMIT above SOCKETS_MAX. */
bool socket_terms_add(struct socket_terms *terms, const char *text, struct error *err);

/* A connected socket, for the caller to close. Each address that the name has is judged as of HTTP
 * (plugin/origin.h): a special one must be listed itself. A negative errno with *err set. */
int broker_socket(const struct socket_terms *terms, size_t index, struct error *err);

#endif
