/* The bytes of one artifact on their way in: fetched by a thread of its own, read here as a stream
 * of bounded size in between, so that nothing is ever held as a whole. */
#ifndef PLUGIN_DELIVERY_H
#define PLUGIN_DELIVERY_H

#include "plugin/transfer.h"
#include "validator/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes that are looked at before it is decided what they are, and the size of one read. */
#define DELIVERY_PEEK ((size_t)256 << 10)

/* Gives all bytes to the sink, in the thread. False with *err set; err->sys_errno is ENOENT when
 * there is nothing of that name. */
typedef bool delivery_fetch(void *env, const struct transfer_sink *sink, struct error *err);

struct delivery {
	pthread_t thread;
	delivery_fetch *fetch;
	void *env;
	uint64_t max;       /* bytes, then ERROR_LIMIT */
	int in, out;        /* the pipe's ends: read here, written by the thread */
	bool is_running;    /* the thread is to be joined */
	struct error error; /* the thread's, until it is joined */
	uint64_t received;
	char *buffer;
	size_t peeked; /* bytes of the buffer that were looked at and not read yet */
	bool ended;
	atomic_bool unwanted; /* nobody reads any more: see delivery_is_wanted() */
};

#define DELIVERY_INIT {.in = -1, .out = -1}

/* `env` is the thread's until delivery_end(). */
bool delivery_start(struct delivery *delivery, delivery_fetch *fetch, void *env, uint64_t max,
                    struct error *err);

/* The first bytes, DELIVERY_PEEK of them or all; they are read again afterwards. False as
 * delivery_read().
 */
bool delivery_peek(struct delivery *delivery, const char **bytes, size_t *size, struct error *err);

/* The read() of an archive_source. 0 only when all came and the fetch succeeded. */
ssize_t delivery_read(void *delivery, const void **bytes, struct error *err);

/* Reads to the end, for what an archive holds behind its own end. */
bool delivery_drain(struct delivery *delivery, struct error *err);

/* For the thread: false when the fetch may be given up, whatever it waits for. */
bool delivery_is_wanted(const struct delivery *delivery);

/* Stops the thread if it still fetches. */
void delivery_end(struct delivery *delivery);
#define cleanup_delivery __attribute__((cleanup(delivery_end)))

#endif
