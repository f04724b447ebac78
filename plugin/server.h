/* The HTTP side of `tiphys serve`: who may call what, with how much, and how it is answered. */
#ifndef PLUGIN_SERVER_H
#define PLUGIN_SERVER_H

#include "plugin/execute.h"
#include "plugin/token.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>

struct server;

/* What is pointed to is borrowed until server_destroy(). */
struct server_setting {
	const char
	    *listen;     /* "HOST:PORT", "[V6]:PORT", ":PORT" (all addresses); port 0: any free one */
	size_t body_max; /* --max-body */
	unsigned connections_max; /* --max-connections */
	unsigned idle_seconds;    /* --idle-timeout: of a connection that sends or takes nothing */
	/* --request-timeout: of a connection that has not sent a whole request, head and body, so long
	 * after it might have been closed for its silence. A caller who begins in time has that long.
	 */
	unsigned request_seconds;
	unsigned reply_seconds; /* --reply-timeout: of a connection that has not taken a whole reply */
	struct token *token;
	struct executor_setting executor; /* but for its callbacks */
};

/* Listens, and answers from a thread of its own. */
struct server *server_create(const struct server_setting *setting, struct error *err);

/* "127.0.0.1:3000", with the port that was found. Borrowed. */
const char *server_address(const struct server *server);

/* Answers all who wait for a step: the server stops. Before pool_stop(). */
void server_stop(struct server *server);

/* Waits until all replies that are due have been sent. False when that takes longer than `ms`. No
 * step may be under way. */
bool server_flush(struct server *server, unsigned ms);

/* After the pool was stopped and waited for. NULL is allowed. */
void server_destroy(struct server *server);

#endif
