#include "plugin/worker.h"

#include "caps/cleanup.h"
#include "plugin/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A worker that was started and not yet reaped: as long as it stands in the list its process id is
 * its own. */
struct live {
	pid_t pid;
	struct live *next;
};

struct workers {
	pthread_mutex_t lock; /* also: one order at a time */
	struct launcher launcher;
	struct live *live;
	bool stopping;
};

struct workers *workers_create(const char *executable, struct error *err)
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
	pthread_mutex_init(&workers->lock, NULL);
	return workers;
}

const struct worker_sandbox *workers_sandbox(const struct workers *workers)
{
	return &workers->launcher.sandbox;
}

void workers_destroy(struct workers *workers)
{
	if (workers != NULL) {
		launcher_clear(&workers->launcher);
		pthread_mutex_destroy(&workers->lock);
		free(workers);
	}
}

void workers_stop(struct workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	workers->stopping = true;
	for (struct live *live = workers->live; live != NULL; live = live->next)
		kill(-live->pid, SIGKILL);
	launcher_kill(&workers->launcher);
	pthread_mutex_unlock(&workers->lock);
}

static bool is_live(const struct workers *workers, pid_t pid)
{
	for (const struct live *live = workers->live; live != NULL; live = live->next) {
		if (live->pid == pid)
			return true;
	}
	return false;
}

bool workers_reap_others(struct workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	bool again = false;
	for (;;) {
		siginfo_t info = {0};
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			break;
		if (is_live(workers, info.si_pid)) {
			/* Its own thread reaps it; until then it may hide others. */
			again = true;
			break;
		}
		if (!launcher_reap(&workers->launcher, info.si_pid))
			waitpid(info.si_pid, NULL, WNOHANG);
	}
	pthread_mutex_unlock(&workers->lock);
	return again;
}

void worker_outcome_clear(struct worker_outcome *outcome)
{
	bytes_clear(&outcome->out);
	bytes_clear(&outcome->err);
	*outcome = (struct worker_outcome){0};
}

/* ---- launching ---- */

/* On success the worker is in the list. False without *err when no worker may start any more. */
static bool launch_worker(struct workers *workers, const struct launch *launch, struct live *live,
                          struct error *err)
{
	pthread_mutex_lock(&workers->lock);
	bool launched =
	    !workers->stopping && launcher_launch(&workers->launcher, launch, &live->pid, err);
	if (launched) {
		live->next = workers->live;
		workers->live = live;
	}
	pthread_mutex_unlock(&workers->lock);
	return launched;
}

/* Reaps a worker that has ended; its wait status. */
static int reap_worker(struct workers *workers, struct live *live, bool *stopped)
{
	int status = 0;
	pthread_mutex_lock(&workers->lock);
	/* No process of the group outlives its leader. */
	kill(-live->pid, SIGKILL);
	while (waitpid(live->pid, &status, 0) < 0 && errno == EINTR)
		;
	struct live **link = &workers->live;
	while (*link != live)
		link = &(*link)->next;
	*link = live->next;
	*stopped = workers->stopping;
	pthread_mutex_unlock(&workers->lock);
	return status;
}

/* ---- talking to it ---- */

/* Bytes on their way to the worker. */
struct feed {
	int fd;
	const char *data;
	size_t size;
};

static void feed_some(struct feed *feed)
{
	while (feed->size > 0) {
		ssize_t written = write(feed->fd, feed->data, feed->size);
		if (written < 0 && errno == EAGAIN)
			return;
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			break;
		feed->data += written;
		feed->size -= (size_t)written;
	}
	close(feed->fd);
	feed->fd = -1;
}

/* Reads what is there. False when it is more than the limit; *fd is closed at the end of the
 * stream. */
static bool take_some(int *fd, struct bytes *into, size_t limit)
{
	for (;;) {
		size_t room = limit - into->size;
		size_t wanted = room < 65536 ? room + 1 : 65536;
		char *to = bytes_reserve(into, wanted);
		if (to == NULL)
			return false;
		ssize_t got = read(*fd, to, wanted);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return true;
		if (got <= 0) {
			close(*fd);
			*fd = -1;
			return true;
		}
		bytes_grown(into, (size_t)got < room ? (size_t)got : room);
		if ((size_t)got > room)
			return false;
	}
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The parent's side of one run. */
struct talk {
	struct feed args, input;
	int out, err;
	int pidfd; /* -1 where the kernel has none: then the process is asked now and again */
};

#define ASK_EVERY_MS 5

static bool has_ended(const struct talk *talk, const struct live *live, const struct pollfd *fd)
{
	if (talk->pidfd >= 0)
		return fd->revents != 0;
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)live->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == live->pid;
}

static void read_streams(struct talk *talk, const struct worker_order *order,
                         struct worker_outcome *outcome)
{
	if (talk->out >= 0 && !take_some(&talk->out, &outcome->out, order->output_bytes) &&
	    outcome->end == WORKER_EXITED)
		outcome->end = WORKER_STDOUT;
	if (talk->err >= 0 && !take_some(&talk->err, &outcome->err, order->output_bytes) &&
	    outcome->end == WORKER_EXITED)
		outcome->end = WORKER_STDERR;
}

/* Until the process has ended. outcome->end tells why it was killed, if it was. */
static void attend(struct talk *talk, const struct live *live, const struct worker_order *order,
                   struct worker_outcome *outcome)
{
	uint64_t deadline = now_ms() + order->time_ms;
	bool killed = false;
	for (;;) {
		struct pollfd fds[] = {
		    {.fd = talk->pidfd, .events = POLLIN},
		    {.fd = killed ? -1 : talk->out, .events = POLLIN},
		    {.fd = killed ? -1 : talk->err, .events = POLLIN},
		    {.fd = talk->args.fd, .events = POLLOUT},
		    {.fd = talk->input.fd, .events = POLLOUT},
		};
		uint64_t now = now_ms();
		uint64_t left = now < deadline ? deadline - now : 0;
		int timeout = left > 60000 ? 60000 : (int)left;
		if (killed)
			timeout = -1;
		if (talk->pidfd < 0 && (timeout < 0 || timeout > ASK_EVERY_MS))
			timeout = ASK_EVERY_MS;
		if (poll(fds, sizeof fds / sizeof fds[0], timeout) < 0 && errno != EINTR)
			left = 0;
		if (fds[3].revents != 0)
			feed_some(&talk->args);
		if (fds[4].revents != 0)
			feed_some(&talk->input);
		if (!killed && (fds[1].revents | fds[2].revents) != 0)
			read_streams(talk, order, outcome);
		if (has_ended(talk, live, &fds[0]))
			break;
		if (!killed && (left == 0 || outcome->end != WORKER_EXITED)) {
			if (outcome->end == WORKER_EXITED)
				outcome->end = WORKER_TIME;
			kill(-live->pid, SIGKILL);
			killed = true;
		}
	}
	if (!killed)
		read_streams(talk, order, outcome);
}

/* `ours` stays with the parent and never blocks it. */
static bool make_pipe(int *ours, int *theirs, bool we_write)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	*ours = ends[we_write];
	*theirs = ends[!we_write];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) == 0;
}

bool worker_run(struct workers *workers, const struct worker_order *order,
                struct worker_outcome *outcome, struct error *err)
{
	cleanup_bytes struct bytes args = {0};
	for (size_t i = 0; i < order->string_count; i++) {
		if (!bytes_add(&args, order->strings[i], strlen(order->strings[i]) + 1))
			return error_set(err, ERROR_NO_MEMORY, "arguments of the step");
	}

	cleanup_close int stdin_ours = -1, out_ours = -1, err_ours = -1, args_ours = -1;
	cleanup_close int stdin_theirs = -1, out_theirs = -1, err_theirs = -1, args_theirs = -1;
	if (!make_pipe(&out_ours, &out_theirs, false) || !make_pipe(&err_ours, &err_theirs, false) ||
	    !make_pipe(&args_ours, &args_theirs, true))
		return error_set_errno(err, errno, "pipes for the step");
	if (order->input == NULL)
		stdin_theirs = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else
		make_pipe(&stdin_ours, &stdin_theirs, true);
	if (stdin_theirs < 0)
		return error_set_errno(err, errno, "stdin of the step");

	const struct launch launch = {.fds = {stdin_theirs, out_theirs, err_theirs, args_theirs},
	                              .time_ms = order->time_ms};
	struct live live;
	if (!launch_worker(workers, &launch, &live, err)) {
		if (err->kind == ERROR_NONE)
			outcome->end = WORKER_STOPPED;
		return err->kind == ERROR_NONE;
	}

	close(take_fd(&stdin_theirs));
	close(take_fd(&out_theirs));
	close(take_fd(&err_theirs));
	close(take_fd(&args_theirs));
	struct talk talk = {
	    .args = {.fd = take_fd(&args_ours), .data = args.data, .size = args.size},
	    .input = {.fd = take_fd(&stdin_ours), .data = order->input, .size = order->input_size},
	    .out = take_fd(&out_ours),
	    .err = take_fd(&err_ours),
	    .pidfd = (int)syscall(SYS_pidfd_open, live.pid, 0),
	};
	uint64_t start = now_ms();
	attend(&talk, &live, order, outcome);

	bool stopped;
	int status = reap_worker(workers, &live, &stopped);
	outcome->took_ms = now_ms() - start;
	const int fds[] = {talk.args.fd, talk.input.fd, talk.out, talk.err, talk.pidfd};
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}

	if (outcome->end != WORKER_EXITED)
		return true;
	outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	if (!WIFEXITED(status))
		outcome->end = stopped && outcome->status == SIGKILL ? WORKER_STOPPED : WORKER_SIGNALLED;
	return true;
}
