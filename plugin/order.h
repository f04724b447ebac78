/* What the server and its worker parent say to each other, over one SOCK_SEQPACKET pair between two
 * executables of one version:
 *
 *     worker parent                             server
 *        | -- worker_hello ----------------------> |   once, at its start
 *        | <-- worker_order, four descriptors ---- |   for each step, one at a time
 *        | -- worker_reply ----------------------> |
 *
 * The end of the stream ends the worker parent. */
#ifndef PLUGIN_ORDER_H
#define PLUGIN_ORDER_H

#include <stdint.h>

/* The worker parent's side of the pair. */
#define ORDER_SOCKET 3

struct worker_hello {
	uint32_t lacks; /* bits 1 << enum sandbox_part, as a first worker found out */
	int32_t landlock;
	uint32_t has_left_network;
	int32_t failure; /* not 0: the sandbox cannot be entered, for this errno */
};

/* The descriptors become the worker's stdin, stdout, stderr, and the pipe for its arguments. */
#define ORDER_DESCRIPTORS 4
#define ORDER_ARGS 3

struct worker_message {
	uint64_t time_ms; /* the step's time limit */
};

struct worker_reply {
	int32_t pid; /* of a child of the server, or -errno */
};

#endif
