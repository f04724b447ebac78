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
	const char *message, *limits;
	pthread_t thread;
	pthread_mutex_t lock; /* of all below, and of the lines */
	pthread_cond_t ended;
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

static struct timespec deadline_from_now(const struct overdue *overdue)
{
	struct timespec deadline;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += overdue->seconds;
	return deadline;
}

static void put_last(struct overdue *overdue, struct overdue_line *line)
{
	struct overdue_line *ring = &overdue->expected;
	take_out(line);
	line->deadline = deadline_from_now(overdue);
	line->before = ring->before;
	line->behind = ring;
	ring->before->behind = line;
	ring->before = line;
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
	struct log_line line = log_begin(LOG_INFO, overdue->message);
	log_number(&line, "seconds", overdue->seconds);
	log_text(&line, "limits", overdue->limits);
	log_end(&line);
}

/* Shuts down what is due. The socket's owner finds it at its end and closes it, which is why it is
 * open here: overdue_leave() comes first, and waits for the lock.
 *
 * Nobody wakes this thread for a line: one that comes while it sleeps is due later than what it
 * sleeps for, be that for want of any. */
static void *look(void *env)
{
	struct overdue *overdue = env;
	struct overdue_line *ring = &overdue->expected;
	pthread_mutex_lock(&overdue->lock);
	while (!overdue->ends) {
		struct overdue_line *first = ring->behind;
		if (first != ring && is_due(first)) {
			take_out(first);
			shutdown(first->fd, SHUT_RDWR);
			tell(overdue);
			continue;
		}
		struct timespec until = first->deadline;
		if (first == ring)
			until = deadline_from_now(overdue);
		pthread_cond_timedwait(&overdue->ended, &overdue->lock, &until);
	}
	pthread_mutex_unlock(&overdue->lock);
	return NULL;
}

struct overdue *overdue_create(unsigned seconds, const char *message, const char *limits,
                               struct error *err)
{
	struct overdue *overdue = calloc(1, sizeof *overdue);
	pthread_condattr_t clock;
	if (overdue == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for connections");
		return NULL;
	}
	overdue->seconds = seconds;
	overdue->message = message;
	overdue->limits = limits;
	overdue->expected.before = overdue->expected.behind = &overdue->expected;
	pthread_mutex_init(&overdue->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&overdue->ended, &clock);
	pthread_condattr_destroy(&clock);
	int wrong = pthread_create(&overdue->thread, NULL, look, overdue);
	if (wrong == 0)
		return overdue;
	error_set_errno(err, wrong, "cannot start a thread");
	pthread_cond_destroy(&overdue->ended);
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
	pthread_cond_signal(&overdue->ended);
	pthread_mutex_unlock(&overdue->lock);
	pthread_join(overdue->thread, NULL);
	pthread_cond_destroy(&overdue->ended);
	pthread_mutex_destroy(&overdue->lock);
	free(overdue);
}

struct overdue_line *overdue_enter(struct overdue *overdue, int fd)
{
	(void)overdue;
	struct overdue_line *line = calloc(1, sizeof *line);
	if (line != NULL)
		line->fd = fd;
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
