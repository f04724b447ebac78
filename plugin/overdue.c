#include "plugin/overdue.h"

#include "plugin/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

struct overdue_line {
	struct overdue_line *before, *behind; /* NULL and NULL: nothing is expected */
	struct timespec deadline;
	int fd;
};

struct overdue {
	unsigned seconds;
	pthread_t thread;
	pthread_mutex_t lock; /* of all below, and of the lines */
	pthread_cond_t changed;
	/* A ring with this as its beginning and end. All have the same time, so that each goes to the
	 * end and the first one is due first. */
	struct overdue_line expected;
	bool ends;
};

static void take_out(struct overdue_line *line)
{
	if (line->before != NULL) {
		line->before->behind = line->behind;
		line->behind->before = line->before;
	}
	line->before = line->behind = NULL;
}

static void put_last(struct overdue *overdue, struct overdue_line *line)
{
	struct overdue_line *ring = &overdue->expected;
	take_out(line);
	clock_gettime(CLOCK_MONOTONIC, &line->deadline);
	line->deadline.tv_sec += overdue->seconds;
	line->before = ring->before;
	line->behind = ring;
	ring->before->behind = line;
	ring->before = line;
	/* The thread sleeps until an earlier one is due, or for want of any. */
	if (line->before == ring)
		pthread_cond_signal(&overdue->changed);
}

static bool is_due(const struct overdue_line *line)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > line->deadline.tv_sec ||
	       (now.tv_sec == line->deadline.tv_sec && now.tv_nsec >= line->deadline.tv_nsec);
}

static void tell(const struct overdue *overdue)
{
	struct log_line line = log_begin(LOG_INFO, "closed a connection without a whole request");
	log_number(&line, "seconds", overdue->seconds);
	log_text(&line, "limits", "--idle-timeout and --request-timeout");
	log_end(&line);
}

/* Shuts down what is due. The socket's owner finds it at its end and closes it, which is why it is
 * open here: overdue_leave() comes first, and waits for the lock. */
static void *look(void *env)
{
	struct overdue *overdue = env;
	struct overdue_line *ring = &overdue->expected;
	pthread_mutex_lock(&overdue->lock);
	while (!overdue->ends) {
		struct overdue_line *first = ring->behind;
		if (first == ring) {
			pthread_cond_wait(&overdue->changed, &overdue->lock);
		} else if (is_due(first)) {
			take_out(first);
			shutdown(first->fd, SHUT_RDWR);
			tell(overdue);
		} else {
			const struct timespec deadline = first->deadline;
			pthread_cond_timedwait(&overdue->changed, &overdue->lock, &deadline);
		}
	}
	pthread_mutex_unlock(&overdue->lock);
	return NULL;
}

struct overdue *overdue_create(unsigned seconds, struct error *err)
{
	struct overdue *overdue = calloc(1, sizeof *overdue);
	pthread_condattr_t clock;
	if (overdue == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for connections");
		return NULL;
	}
	overdue->seconds = seconds;
	overdue->expected.before = overdue->expected.behind = &overdue->expected;
	pthread_mutex_init(&overdue->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&overdue->changed, &clock);
	pthread_condattr_destroy(&clock);
	int wrong = pthread_create(&overdue->thread, NULL, look, overdue);
	if (wrong == 0)
		return overdue;
	error_set_errno(err, wrong, "cannot start a thread");
	pthread_cond_destroy(&overdue->changed);
	pthread_mutex_destroy(&overdue->lock);
	free(overdue);
	return NULL;
}

void overdue_destroy(struct overdue *overdue)
{
	if (overdue == NULL)
		return;
	pthread_mutex_lock(&overdue->lock);
	overdue->ends = true;
	pthread_cond_signal(&overdue->changed);
	pthread_mutex_unlock(&overdue->lock);
	pthread_join(overdue->thread, NULL);
	pthread_cond_destroy(&overdue->changed);
	pthread_mutex_destroy(&overdue->lock);
	free(overdue);
}

struct overdue_line *overdue_enter(struct overdue *overdue, int fd)
{
	struct overdue_line *line = calloc(1, sizeof *line);
	if (line == NULL)
		return NULL;
	line->fd = fd;
	overdue_expect(overdue, line);
	return line;
}

void overdue_leave(struct overdue *overdue, struct overdue_line *line)
{
	overdue_met(overdue, line);
	free(line);
}

void overdue_met(struct overdue *overdue, struct overdue_line *line)
{
	if (line == NULL)
		return;
	pthread_mutex_lock(&overdue->lock);
	take_out(line);
	pthread_mutex_unlock(&overdue->lock);
}

void overdue_expect(struct overdue *overdue, struct overdue_line *line)
{
	if (line == NULL)
		return;
	pthread_mutex_lock(&overdue->lock);
	put_last(overdue, line);
	pthread_mutex_unlock(&overdue->lock);
}
