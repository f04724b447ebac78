#include "plugin/delivery.h"

#include "plugin/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the thread ---- */

static bool sink_begin(void *env, struct error *err)
{
	const struct delivery *delivery = env;
	return delivery->received == 0 ||
	       error_set(err, ERROR_NETWORK, "it broke off, and can only be read from its beginning");
}

static bool sink_add(void *env, const void *bytes, size_t size, struct error *err)
{
	struct delivery *delivery = env;
	if (size > delivery->max - delivery->received)
		return error_set(err, ERROR_LIMIT, "it has more than %" PRIu64 " bytes (--max-artifact)",
		                 delivery->max);
	delivery->received += size;
	/* A reader that wants no more knows why. */
	return tree_write(delivery->out, bytes, size) == 0 ||
	       error_set(err, ERROR_SYSTEM, "the reader stopped");
}

static void *run(void *env)
{
	struct delivery *delivery = env;
	const struct transfer_sink sink = {sink_begin, sink_add, delivery};
	if (!delivery->fetch(delivery->env, &sink, &delivery->error) &&
	    delivery->error.kind == ERROR_NONE)
		error_put(&delivery->error, ERROR_SYSTEM, "the fetch failed");
	close(delivery->out); /* the reader's end of file */
	return NULL;
}

/* A reader that went away is an error of write(), not a signal. The thread gets none of the others.
 */
static int create_thread(struct delivery *delivery)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&delivery->thread, NULL, run, delivery);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failure;
}

/* ---- the reader ---- */

bool delivery_start(struct delivery *delivery, delivery_fetch *fetch, void *env, uint64_t max,
                    struct error *err)
{
	int ends[2];
	*delivery = (struct delivery)DELIVERY_INIT;
	delivery->fetch = fetch;
	delivery->env = env;
	delivery->max = max;
	delivery->error = (struct error)ERROR_INIT;
	delivery->buffer = malloc(DELIVERY_PEEK);
	if (delivery->buffer == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a transfer");
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set_errno(err, errno, "no pipe for a transfer");
	delivery->in = ends[0];
	delivery->out = ends[1];
	int failure = create_thread(delivery);
	if (failure != 0) {
		close(delivery->out);
		return error_set_errno(err, failure, "no thread for a transfer");
	}
	delivery->is_running = true;
	return true;
}

/* At the end of the pipe: what the thread came to. */
static bool conclude(struct delivery *delivery, struct error *err)
{
	delivery->ended = true;
	if (delivery->is_running)
		pthread_join(delivery->thread, NULL);
	delivery->is_running = false;
	if (delivery->error.kind == ERROR_NONE)
		return true;
	if (err->kind == ERROR_NONE)
		*err = delivery->error;
	return false;
}

/* More bytes into the buffer behind the first `used`. 0 at the end. */
static ssize_t fill(struct delivery *delivery, size_t used, struct error *err)
{
	for (;;) {
		ssize_t got = read(delivery->in, delivery->buffer + used, DELIVERY_PEEK - used);
		if (got > 0)
			return got;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			error_put_errno(err, errno, "a transfer");
			return -1;
		}
		return conclude(delivery, err) ? 0 : -1;
	}
}

bool delivery_peek(struct delivery *delivery, const char **bytes, size_t *size, struct error *err)
{
	while (!delivery->ended && delivery->peeked < DELIVERY_PEEK) {
		ssize_t got = fill(delivery, delivery->peeked, err);
		if (got < 0)
			return false;
		delivery->peeked += (size_t)got;
	}
	*bytes = delivery->buffer;
	*size = delivery->peeked;
	return true;
}

ssize_t delivery_read(void *env, const void **bytes, struct error *err)
{
	struct delivery *delivery = env;
	*bytes = delivery->buffer;
	ssize_t got = (ssize_t)delivery->peeked;
	delivery->peeked = 0;
	if (got > 0)
		return got;
	if (delivery->ended)
		return delivery->error.kind == ERROR_NONE ? 0 : -1;
	return fill(delivery, 0, err);
}

bool delivery_drain(struct delivery *delivery, struct error *err)
{
	const void *bytes;
	ssize_t got;
	while ((got = delivery_read(delivery, &bytes, err)) > 0)
		;
	return got == 0;
}

bool delivery_is_wanted(const struct delivery *delivery)
{
	return !atomic_load(&delivery->unwanted);
}

void delivery_end(struct delivery *delivery)
{
	atomic_store(&delivery->unwanted, true);
	if (delivery->in >= 0)
		close(delivery->in);
	if (delivery->is_running)
		pthread_join(delivery->thread, NULL);
	free(delivery->buffer);
	*delivery = (struct delivery)DELIVERY_INIT;
}
