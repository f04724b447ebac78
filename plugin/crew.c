#include "plugin/crew.h"

#include "caps/cleanup.h"
#include "plugin/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TAILQ_HEAD(hand_list, hand);

struct workers {
	pthread_mutex_t lock;
	struct launcher launcher;
	size_t ready; /* how many are to stand ready */
	struct hand_list
	    standing; /* in the order in which they were ordered; the first ones have pids */
	size_t standing_count;
	struct hand_list working;
	struct hand_list dying; /* killed; who reaps them does not hold the lock */
};

static void hand_free(struct hand *hand)
{
	const int fds[] = {hand->socket, hand->out, hand->err};
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(hand);
}

static void remove_standing(struct workers *workers, struct hand *hand)
{
	TAILQ_REMOVE(&workers->standing, hand, next);
	workers->standing_count--;
}

/* ---- those that stand ready; with the lock held ---- */

/* `ours` never blocks. */
static bool make_pipe(int *ours, int *theirs)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	*ours = ends[0];
	*theirs = ends[1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

/* The worker parent is gone: none will come of what it was asked for and has not told of. */
static void forget_ordered(struct workers *workers)
{
	struct hand *hand, *after;
	for (hand = TAILQ_FIRST(&workers->standing); hand != NULL; hand = after) {
		after = TAILQ_NEXT(hand, next);
		if (hand->pid == 0) {
			remove_standing(workers, hand);
			hand_free(hand);
		}
	}
}

/* Asks what became of that order, the oldest that was not asked about. */
static enum launcher_word ask(struct workers *workers, struct hand *hand, bool wait, int *failure)
{
	pid_t pid = 0;
	enum launcher_word word = launcher_word(&workers->launcher, wait, &pid);
	if (word == LAUNCHER_STARTED) {
		hand->pid = pid;
		/* A worker without a group of its own could not be ended with all that is in it. One that
		 * is gone may have been reaped already, and its number be another's. */
		if (setpgid(pid, pid) != 0 && errno != ESRCH)
			kill(pid, SIGKILL);
	} else if (word == LAUNCHER_FAILED) {
		*failure = -pid;
		remove_standing(workers, hand);
		hand_free(hand);
	} else if (word == LAUNCHER_GONE) {
		*failure = ECONNRESET;
		forget_ordered(workers);
	}
	return word;
}

/* Learns the process ids that the worker parent has told and nobody has asked for; with `wait`,
 * those that it will tell. */
static void hear_all(struct workers *workers, bool wait)
{
	struct hand *hand, *after;
	int failure;
	for (hand = TAILQ_FIRST(&workers->standing); hand != NULL; hand = after) {
		after = TAILQ_NEXT(hand, next);
		if (hand->pid != 0)
			continue;
		enum launcher_word word = ask(workers, hand, wait, &failure);
		if (word == LAUNCHER_SILENT || word == LAUNCHER_GONE)
			break;
	}
}

/* Set before workers_stop() has the lock. */
static bool is_stopping(const struct workers *workers)
{
	return atomic_load(&workers->launcher.is_stopping);
}

/* A worker parent that is gone is replaced, except while all are being stopped: nobody would wait
 * for what the next one forks. What it has told of is heard first. */
static bool send_order(struct workers *workers, const int fds[ORDER_DESCRIPTORS], struct error *err)
{
	if (launcher_order(&workers->launcher, fds))
		return true;
	/* It has as many orders as its socket holds, say. crew_take() waits for those that stand here,
	 * and has a worker parent that hangs replaced. */
	if (errno != ECONNRESET && errno != EPIPE && !TAILQ_EMPTY(&workers->standing))
		return error_set_errno(err, errno, "the worker parent takes no more orders");
	hear_all(workers, false);
	forget_ordered(workers);
	if (is_stopping(workers))
		return error_set(err, ERROR_SYSTEM, "the workers are being stopped");
	return launcher_start(&workers->launcher, err) &&
	       (launcher_order(&workers->launcher, fds) ||
	        error_set_errno(err, errno, "the worker parent takes no order"));
}

static bool order_one(struct workers *workers, struct error *err)
{
	struct hand *hand = malloc(sizeof *hand);
	if (hand == NULL)
		return error_set(err, ERROR_NO_MEMORY, "a worker");
	*hand = (struct hand){.socket = -1, .out = -1, .err = -1};
	int pair[2] = {-1, -1}, out = -1, stderr_theirs = -1;
	bool ordered = false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    !make_pipe(&hand->out, &out) || !make_pipe(&hand->err, &stderr_theirs)) {
		error_set_errno(err, errno, "pipes for the step");
	} else {
		const int fds[ORDER_DESCRIPTORS] = {
		    [ORDER_JOB] = pair[1], [ORDER_STDOUT] = out, [ORDER_STDERR] = stderr_theirs};
		ordered = send_order(workers, fds, err);
	}
	hand->socket = pair[0];
	const int theirs[] = {pair[1], out, stderr_theirs};
	for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++) {
		if (theirs[i] >= 0)
			close(theirs[i]);
	}
	if (!ordered) {
		hand_free(hand);
		return false;
	}
	TAILQ_INSERT_TAIL(&workers->standing, hand, next);
	workers->standing_count++;
	return true;
}

/* The first that stands ready. What was ordered long ago may have failed for a reason that is gone,
 * so a failure counts when it is that of a fresh order. NULL without an error when all are being
 * stopped. */
static struct hand *first_standing(struct workers *workers, struct error *err)
{
	int failure = 0;
	for (int fresh = 0; fresh < 3;) {
		if (TAILQ_EMPTY(&workers->standing)) {
			fresh++;
			if (!order_one(workers, err)) {
				if (is_stopping(workers))
					error_clear(err);
				return NULL;
			}
		}
		struct hand *hand = TAILQ_FIRST(&workers->standing);
		if (hand->pid > 0 || ask(workers, hand, true, &failure) == LAUNCHER_STARTED)
			return hand;
	}
	if (!is_stopping(workers))
		error_set_errno(err, failure, "cannot start a process for the step");
	return NULL;
}

bool crew_take(struct workers *workers, struct hand **hand, struct error *err)
{
	pthread_mutex_lock(&workers->lock);
	*hand = is_stopping(workers) ? NULL : first_standing(workers, err);
	if (*hand != NULL) {
		remove_standing(workers, *hand);
		TAILQ_INSERT_TAIL(&workers->working, *hand, next);
	}
	pthread_mutex_unlock(&workers->lock);
	return *hand != NULL;
}

size_t crew_ready(const struct workers *workers)
{
	return workers->ready;
}

void crew_refill(struct workers *workers)
{
	/* What fails here, but for want of room for orders, fails in the next crew_take() too, which
	 * tells. */
	struct error err = ERROR_INIT;
	pthread_mutex_lock(&workers->lock);
	/* So that the next crew_take() need not ask. */
	hear_all(workers, false);
	/* Several at a time: the worker parent awakes once for them. */
	bool is_due = workers->standing_count + workers->ready / 2 <= workers->ready;
	while (is_due && !is_stopping(workers) && workers->standing_count < workers->ready &&
	       order_one(workers, &err))
		;
	pthread_mutex_unlock(&workers->lock);
}

void crew_kill(struct workers *workers, struct hand *hand, bool *stopped)
{
	pthread_mutex_lock(&workers->lock);
	/* No process of the group outlives its leader. From here on nobody signals it any more: its
	 * number may be another's as soon as it is reaped. */
	kill(-hand->pid, SIGKILL);
	TAILQ_REMOVE(&workers->working, hand, next);
	TAILQ_INSERT_TAIL(&workers->dying, hand, next);
	*stopped = is_stopping(workers);
	pthread_mutex_unlock(&workers->lock);
}

int crew_reap(struct workers *workers, struct hand *hand)
{
	int status = 0;
	while (waitpid(hand->pid, &status, 0) < 0 && errno == EINTR)
		;
	pthread_mutex_lock(&workers->lock);
	TAILQ_REMOVE(&workers->dying, hand, next);
	pthread_mutex_unlock(&workers->lock);
	hand_free(hand);
	return status;
}

/* ---- all of them ---- */

struct workers *workers_create(const char *executable, size_t ready, struct error *err)
{
	struct workers *workers = calloc(1, sizeof *workers);
	if (workers == NULL) {
		error_set(err, ERROR_NO_MEMORY, "workers");
		return NULL;
	}
	if (!launcher_init(&workers->launcher, executable, err)) {
		free(workers);
		return NULL;
	}
	workers->ready = ready;
	TAILQ_INIT(&workers->standing);
	TAILQ_INIT(&workers->working);
	TAILQ_INIT(&workers->dying);
	pthread_mutex_init(&workers->lock, NULL);
	return workers;
}

const struct worker_sandbox *workers_sandbox(const struct workers *workers)
{
	return &workers->launcher.sandbox;
}

void workers_destroy(struct workers *workers)
{
	if (workers == NULL)
		return;
	launcher_close(&workers->launcher);
	hear_all(workers, true);
	launcher_clear(&workers->launcher);
	struct hand *hand;
	while ((hand = TAILQ_FIRST(&workers->standing)) != NULL) {
		remove_standing(workers, hand);
		if (hand->pid > 0) {
			kill(hand->pid, SIGKILL);
			while (waitpid(hand->pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
		hand_free(hand);
	}
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}

void workers_stop(struct workers *workers)
{
	struct hand *hand;
	/* Whoever holds the lock may be waiting for a worker parent that hangs. */
	atomic_store(&workers->launcher.is_stopping, true);
	pthread_mutex_lock(&workers->lock);
	TAILQ_FOREACH(hand, &workers->working, next)
	{
		kill(-hand->pid, SIGKILL);
	}
	/* Those that have not been heard of end with their sockets. */
	TAILQ_FOREACH(hand, &workers->standing, next)
	{
		if (hand->pid > 0)
			kill(hand->pid, SIGKILL);
	}
	pthread_mutex_unlock(&workers->lock);
}

static bool has(const struct hand_list *list, pid_t pid)
{
	const struct hand *hand;
	TAILQ_FOREACH(hand, list, next)
	{
		if (hand->pid == pid)
			return true;
	}
	return false;
}

bool workers_reap_others(struct workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	bool again = false;
	hear_all(workers, false);
	for (;;) {
		siginfo_t info = {0};
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			break;
		if (has(&workers->working, info.si_pid) || has(&workers->standing, info.si_pid) ||
		    has(&workers->dying, info.si_pid)) {
			/* Its own thread reaps it; until then it may hide others. */
			again = true;
			break;
		}
		if (!launcher_reap(&workers->launcher, info.si_pid))
			waitpid(info.si_pid, NULL, WNOHANG);
		else
			forget_ordered(workers);
	}
	pthread_mutex_unlock(&workers->lock);
	return again;
}
