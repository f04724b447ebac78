#include "plugin/worker.h"

#include "caps/cleanup.h"
#include "plugin/crew.h"
#include "plugin/descriptors.h"
#include "plugin/now.h"
#include "plugin/order.h"
#include "plugin/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void worker_outcome_clear(struct worker_outcome *outcome)
{
	bytes_clear(&outcome->out);
	bytes_clear(&outcome->err);
	bytes_clear(&outcome->said);
	*outcome = (struct worker_outcome){0};
}

/* ---- talking to it ---- */

/* Bytes on their way to the worker. */
struct feed {
	int fd; /* -1: all went */
	const char *data;
	size_t size;
	bool is_socket; /* and the hand's, which hears by it: only the stream is ended */
};

static void feed_some(struct feed *feed)
{
	while (feed->size > 0) {
		/* The socket itself may block. */
		ssize_t written = feed->is_socket
		                      ? send(feed->fd, feed->data, feed->size, MSG_DONTWAIT | MSG_NOSIGNAL)
		                      : write(feed->fd, feed->data, feed->size);
		if (written < 0 && errno == EAGAIN)
			return;
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			break;
		feed->data += written;
		feed->size -= (size_t)written;
	}
	if (feed->is_socket)
		shutdown(feed->fd, SHUT_WR);
	else
		close(feed->fd);
	feed->fd = -1;
}

/* Reads what is there; *fd is closed at the end of the stream. WORKER_EXITED when nothing is wrong,
 * `flooded` when it is more than the limit, WORKER_NO_MEMORY. */
static enum worker_end take_some(int *fd, struct bytes *into, size_t limit, enum worker_end flooded)
{
	/* Most steps write a line: a block as large as a pipe would be made and given back for it. */
	for (size_t piece = 4096;; piece = 65536) {
		size_t room = limit - into->size;
		size_t wanted = room < piece ? room + 1 : piece;
		char *to = bytes_reserve(into, wanted);
		if (to == NULL)
			return WORKER_NO_MEMORY;
		ssize_t got = read(*fd, to, wanted);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return WORKER_EXITED;
		if (got <= 0) {
			close(*fd);
			*fd = -1;
			return WORKER_EXITED;
		}
		bytes_grown(into, (size_t)got < room ? (size_t)got : room);
		if ((size_t)got > room)
			return flooded;
		/* The pipe was emptied. */
		if ((size_t)got < wanted)
			return WORKER_EXITED;
	}
}

/* The server's side of one run. */
struct talk {
	struct workers *workers;
	struct hand *hand;
	struct feed args, input;
	struct worker_word word; /* how it ended, once all of it has come */
	size_t word_size;        /* bytes of it that have */
	bool has_said;           /* the word and its text have come */
	bool is_deaf;            /* the worker says nothing more */
	bool killed;             /* for what outcome->end says */
	int pidfd; /* once its end is waited for; -1 where the kernel has none: then the process is
	              asked now and again */
};

#define ASK_EVERY_MS 5

/* Most steps end before their output fills a pipe. So at first only the word of their end is waited
 * for: one awakening instead of three or more. */
#define AT_FIRST_MS 2

static bool has_ended(const struct talk *talk, const struct pollfd *fd)
{
	if (talk->pidfd >= 0)
		return fd->revents != 0;
	siginfo_t info = {0};
	return waitid(P_PID, (id_t)talk->hand->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == talk->hand->pid;
}

#define ONE_MORE(...) +1
enum { ERROR_KIND_COUNT = 0 ERROR_KINDS(ONE_MORE) };
#undef ONE_MORE

/* Whether a run can end so (limits_reached() and exit_status() of plugin/cmd_run.c). */
static bool is_end(uint32_t kind, uint32_t status, uint32_t reached)
{
	/* Each of them is a trap. */
	const uint32_t trapped = reached & (1u << RUN_REACHED_FUEL | 1u << RUN_REACHED_STACK);
	if (status > 0xff || kind >= ERROR_KIND_COUNT || reached >= 1u << RUN_REACHED_COUNT ||
	    (trapped & (trapped - 1)) != 0 || (trapped != 0 && kind != ERROR_TRAP))
		return false;
	return kind == ERROR_NONE || kind == ERROR_EXIT ||
	       status == (uint32_t)error_exit_status((enum error_kind)kind);
}

static bool is_word(const struct worker_word *word)
{
	return word->mark == WORKER_WORD_MARK && word->size <= WORKER_TEXT_MAX &&
	       is_end(word->kind, word->status, word->reached);
}

/* The next piece of the word or its text. False when there is nothing to wait for: at the end of
 * the stream, or without memory. */
static bool hear_piece(struct talk *talk, struct bytes *text, bool *is_there)
{
	bool is_text = talk->word_size == sizeof talk->word;
	size_t wanted = is_text ? talk->word.size - text->size : sizeof talk->word - talk->word_size;
	char *to = is_text ? bytes_reserve(text, wanted) : (char *)&talk->word + talk->word_size;
	*is_there = false;
	if (to == NULL)
		return false;
	ssize_t got = recv(talk->hand->socket, to, wanted, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	*is_there = got > 0;
	if (got > 0 && is_text)
		bytes_grown(text, (size_t)got);
	else if (got > 0)
		talk->word_size += (size_t)got;
	return got > 0;
}

/* A word that is none, and the end of the stream: only the process's own end tells then. */
static void hear(struct talk *talk, struct bytes *text)
{
	bool is_there = true;
	while (is_there && !talk->is_deaf && !talk->has_said) {
		talk->is_deaf = !hear_piece(talk, text, &is_there);
		if (talk->word_size < sizeof talk->word)
			continue;
		talk->is_deaf = talk->is_deaf || !is_word(&talk->word);
		talk->has_said = !talk->is_deaf && text->size == talk->word.size;
	}
}

static void read_streams(struct hand *hand, const struct worker_task *task,
                         struct worker_outcome *outcome)
{
	enum worker_end out = WORKER_EXITED, err = WORKER_EXITED;
	if (hand->out >= 0)
		out = take_some(&hand->out, &outcome->out, task->output_bytes, WORKER_STDOUT);
	if (hand->err >= 0)
		err = take_some(&hand->err, &outcome->err, task->output_bytes, WORKER_STDERR);
	if (outcome->end == WORKER_EXITED)
		outcome->end = out != WORKER_EXITED ? out : err;
}

/* Milliseconds to poll(). */
static int patience(const struct talk *talk, uint64_t left, bool at_first)
{
	int timeout = talk->killed ? -1 : left > 60000 ? 60000 : (int)left;
	if (at_first && (timeout < 0 || timeout > AT_FIRST_MS))
		timeout = AT_FIRST_MS;
	if (!at_first && talk->pidfd < 0 && (timeout < 0 || timeout > ASK_EVERY_MS))
		timeout = ASK_EVERY_MS;
	return timeout;
}

/* This one takes longer than a moment. */
static void settle(struct talk *talk)
{
	talk->pidfd = (int)syscall(SYS_pidfd_open, talk->hand->pid, 0);
	crew_refill(talk->workers);
}

/* Until the worker has said how it ended, or the process has ended. outcome->end tells why it was
 * killed, if it was. */
static void attend(struct talk *talk, const struct worker_task *task,
                   struct worker_outcome *outcome)
{
	struct hand *hand = talk->hand;
	uint64_t deadline = now_ms() + task->time_ms;
	bool at_first = true;
	for (;;) {
		bool listens = !talk->killed && !at_first;
		struct pollfd fds[] = {
		    {.fd = talk->pidfd, .events = POLLIN},
		    {.fd = talk->is_deaf ? -1 : hand->socket, .events = POLLIN},
		    {.fd = listens ? hand->out : -1, .events = POLLIN},
		    {.fd = listens ? hand->err : -1, .events = POLLIN},
		    {.fd = talk->args.fd, .events = POLLOUT},
		    {.fd = talk->input.fd, .events = POLLOUT},
		};
		uint64_t now = now_ms();
		uint64_t left = now < deadline ? deadline - now : 0;
		int ready = poll(fds, sizeof fds / sizeof fds[0], patience(talk, left, at_first));
		if (ready < 0 && errno != EINTR)
			left = 0;
		if (fds[1].revents != 0)
			hear(talk, &outcome->said);
		if (talk->has_said)
			break;
		if (fds[4].revents != 0)
			feed_some(&talk->args);
		if (fds[5].revents != 0)
			feed_some(&talk->input);
		if (!talk->killed && (fds[2].revents | fds[3].revents) != 0)
			read_streams(hand, task, outcome);
		if (!at_first && has_ended(talk, &fds[0]))
			break;
		if (at_first && (ready <= 0 || talk->is_deaf)) {
			at_first = false;
			settle(talk);
		}
		if (!talk->killed && (left == 0 || outcome->end != WORKER_EXITED)) {
			if (outcome->end == WORKER_EXITED)
				outcome->end = WORKER_TIME;
			kill(-hand->pid, SIGKILL);
			talk->killed = true;
		}
	}
}

/* ---- its job ---- */

/* Sends the job with its descriptors and as much of the arguments as goes at once. False when the
 * worker is gone. */
static bool send_job(int socket, const struct worker_job *job, const int *fds, size_t count,
                     struct feed *args)
{
	const struct iovec iov[] = {
	    {.iov_base = (void *)(uintptr_t)job, .iov_len = sizeof *job},
	    {.iov_base = (void *)(uintptr_t)args->data, .iov_len = args->size},
	};
	ssize_t sent = descriptors_send(socket, iov, 2, fds, count, MSG_DONTWAIT);
	if (sent < (ssize_t)sizeof *job)
		return false;
	args->data += (size_t)sent - sizeof *job;
	args->size -= (size_t)sent - sizeof *job;
	return true;
}

/* Hands the job to a worker. One that stood ready may have been killed meanwhile (by a kernel
 * without memory, say): then another gets it. False without an error when all are being stopped. */
static bool hand_out(const struct worker_job *job, const int *fds, size_t count, struct talk *talk,
                     struct error *err)
{
	struct workers *workers = talk->workers;
	bool stopped = false;
	for (size_t tries = crew_ready(workers) + 3; tries > 0; tries--) {
		if (!crew_take(workers, &talk->hand, err))
			return false;
		if (send_job(talk->hand->socket, job, fds, count, &talk->args))
			return true;
		crew_kill(workers, talk->hand, &stopped);
		crew_reap(workers, talk->hand);
	}
	if (stopped)
		return false;
	return error_set(
	    err, ERROR_SYSTEM,
	    "the processes for steps die before they have begun; see the kernel's log, most "
	    "likely for want of memory");
}

static bool join_strings(struct bytes *args, const struct worker_task *task, struct error *err)
{
	for (size_t i = 0; i < task->string_count; i++) {
		if (!bytes_add(args, task->strings[i], strlen(task->strings[i]) + 1))
			return error_set(err, ERROR_NO_MEMORY, "arguments of the step");
	}
	return true;
}

/* The pipe of stdin; *ours never blocks. */
static bool make_input(int *ours, int *theirs, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set_errno(err, errno, "stdin of the step");
	*theirs = ends[0];
	*ours = ends[1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) == 0 ||
	       error_set_errno(err, errno, "stdin of the step");
}

#define COMPILE_NICENESS 10

static void close_all(struct talk *talk)
{
	const int fds[] = {talk->args.is_socket ? -1 : talk->args.fd, talk->input.fd, talk->pidfd};
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

/* From the moment when the worker has its job until its outcome is known: then it is dead, or is
 * left for worker_bury(), killed. */
static struct hand *see_through(struct talk *talk, const struct worker_task *task,
                                struct worker_outcome *outcome)
{
	uint64_t start = now_ms();
	bool stopped;
	/* What an image takes of the processors is what steps leave. */
	if (task->compile != NULL)
		setpriority(PRIO_PROCESS, (id_t)talk->hand->pid, COMPILE_NICENESS);
	talk->args.fd = talk->hand->socket;
	talk->args.is_socket = true;
	feed_some(&talk->args);
	attend(talk, task, outcome);
	/* Before its streams are read: they are those of a worker that writes nothing any more,
	 * whatever it said. */
	crew_kill(talk->workers, talk->hand, &stopped);
	if (!talk->killed)
		read_streams(talk->hand, task, outcome);
	outcome->took_ms = now_ms() - start;
	close_all(talk);
	if (talk->has_said) {
		outcome->status = (int)talk->word.status;
		outcome->kind = talk->word.kind;
		outcome->reached = talk->word.reached;
		return talk->hand;
	}
	bytes_clear(&outcome->said); /* half of it */
	int status = crew_reap(talk->workers, talk->hand);
	if (outcome->end != WORKER_EXITED)
		return NULL;
	outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	if (!WIFEXITED(status))
		outcome->end = stopped && outcome->status == SIGKILL ? WORKER_STOPPED : WORKER_SIGNALLED;
	return NULL;
}

/* In the order of enum job_descriptor. */
static void add_descriptor(struct worker_job *job, int fds[JOB_DESCRIPTOR_COUNT], size_t *count,
                           enum job_descriptor id, int fd)
{
	job->descriptors |= 1u << id;
	fds[(*count)++] = fd;
}

bool worker_run_to_word(struct workers *workers, const struct worker_task *task,
                        struct worker_outcome *outcome, struct hand **left, struct error *err)
{
	*left = NULL;
	cleanup_bytes struct bytes args = {0};
	cleanup_close int input_ours = -1, input_theirs = -1;
	struct worker_job job = {.time_ms = task->time_ms};
	int fds[JOB_DESCRIPTOR_COUNT];
	size_t count = 0;
	if (!join_strings(&args, task, err))
		return false;
	if (task->input != NULL) {
		if (!make_input(&input_ours, &input_theirs, err))
			return false;
		add_descriptor(&job, fds, &count, JOB_STDIN, input_theirs);
	}
	if (task->has_broker)
		add_descriptor(&job, fds, &count, JOB_BROKER, task->broker_fd);
	if (task->compile != NULL) {
		const struct worker_compile *compile = task->compile;
		job.kind = JOB_COMPILE;
		job.file_bytes = compile->file_bytes;
		job.data_bytes = compile->data_bytes;
		add_descriptor(&job, fds, &count, JOB_MODULE, compile->module_fd);
		add_descriptor(&job, fds, &count, JOB_IMAGE, compile->image_fd);
		if (compile->old_image_fd >= 0)
			add_descriptor(&job, fds, &count, JOB_OLD_IMAGE, compile->old_image_fd);
	}
	/* Who makes an image says nothing: only when the process is gone nobody writes there any more.
	 */
	struct talk talk = {.workers = workers,
	                    .pidfd = -1,
	                    .is_deaf = task->compile != NULL,
	                    .args = {.data = args.data, .size = args.size}};
	if (!hand_out(&job, fds, count, &talk, err)) {
		if (err->kind == ERROR_NONE)
			outcome->end = WORKER_STOPPED;
		return err->kind == ERROR_NONE;
	}
	if (input_theirs >= 0)
		close(take_fd(&input_theirs));
	talk.input =
	    (struct feed){.fd = take_fd(&input_ours), .data = task->input, .size = task->input_size};
	*left = see_through(&talk, task, outcome);
	return true;
}

void worker_bury(struct workers *workers, struct hand *left)
{
	if (left == NULL)
		return;
	/* Now that nobody waits; and while it is taken apart. */
	crew_refill(workers);
	crew_reap(workers, left);
}

void worker_settle(struct workers *workers, struct hand *left, struct worker_outcome *outcome)
{
	if (left == NULL)
		return;
	crew_refill(workers);
	int status = crew_reap(workers, left);
	/* By the server's own signal nothing is known but what was said. */
	if (outcome->end != WORKER_EXITED || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == outcome->status))
		return;
	outcome->end = WIFEXITED(status) ? WORKER_EXITED : WORKER_SIGNALLED;
	outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	outcome->kind = ERROR_NONE;
	outcome->reached = 0;
	bytes_clear(&outcome->said);
}

bool worker_run(struct workers *workers, const struct worker_task *task,
                struct worker_outcome *outcome, struct error *err)
{
	struct hand *left;
	bool ran = worker_run_to_word(workers, task, outcome, &left, err);
	worker_settle(workers, left, outcome);
	return ran;
}
