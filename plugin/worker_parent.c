#include "plugin/worker_parent.h"

#include "caps/cleanup.h"
#include "caps/sandbox.h"
#include "plugin/descriptors.h"
#include "plugin/warm_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Above a worker's own descriptors, so that none is overwritten while they are put in place. */
#define ASIDE 16

_Static_assert((int)ORDER_DESCRIPTORS <= DESCRIPTORS_MAX &&
                   (int)JOB_DESCRIPTOR_COUNT <= DESCRIPTORS_MAX,
               "all descriptors of a message have room");

/* What a trial's exit status says. */
#define TRIAL_FAILED 0x80

_Static_assert(1 << SANDBOX_PART_COUNT <= TRIAL_FAILED, "the lacking parts fit an exit status");

static const struct sandbox_limits trial_limits = {
    .data_bytes = (uint64_t)1 << 30, .cpu_seconds = 60, .open_files = 64};

/* Finds out what the kernel grants by entering the sandbox: no version number is to be believed. */
static void try_sandbox(struct worker_hello *hello, bool prepared)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		unsigned lacks = 0;
		struct caps *caps = caps_create();
		int failure = prepared ? sandbox_prepare() : 0;
		if (failure == 0 || failure == -ENOSYS)
			failure = caps == NULL
			              ? -ENOMEM
			              : sandbox_enter(caps, &trial_limits, hello->has_left_network, &lacks);
		/* An errno of 7 bits is enough for all that a sandbox can fail for. */
		_exit(failure < 0 ? TRIAL_FAILED | (-failure & 0x7f) : (int)lacks);
	}
	if (pid < 0) {
		hello->failure = errno;
		return;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status))
		hello->failure = EFAULT;
	else if ((WEXITSTATUS(status) & TRIAL_FAILED) != 0)
		hello->failure = WEXITSTATUS(status) & 0x7f;
	else
		hello->lacks = (uint32_t)WEXITSTATUS(status);
}

/* Receives exactly `size` bytes that come with at most `room` descriptors. How many descriptors, or
 * -1 at the end of the stream and for what is of another form. */
static int receive(int socket, void *message, size_t size, int *fds, int room)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = message, .iov_len = size};
	struct msghdr header = {.msg_iov = &iov,
	                        .msg_iovlen = 1,
	                        .msg_control = control.bytes,
	                        .msg_controllen = sizeof control.bytes};
	ssize_t got;
	do
		got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)size || (header.msg_flags & MSG_CTRUNC) != 0)
		return -1;
	struct cmsghdr *part = CMSG_FIRSTHDR(&header);
	if (part == NULL)
		return 0;
	size_t bytes = part->cmsg_len - CMSG_LEN(0);
	if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS ||
	    bytes > (size_t)room * sizeof(int))
		return -1;
	memcpy(fds, CMSG_DATA(part), bytes);
	return (int)(bytes / sizeof(int));
}

static void close_from(int first)
{
	if (syscall(SYS_close_range, first, ~0u, 0) != 0) {
		/* Linux before 5.9. */
		for (int fd = first, max = (int)sysconf(_SC_OPEN_MAX); fd < max; fd++)
			close(fd);
	}
}

/* Puts fds[i] at places[i], all at once. */
static bool place(const int *fds, const int *places, int count)
{
	int aside[DESCRIPTORS_MAX], last = -1;
	for (int i = 0; i < count; i++)
		last = places[i] > last ? places[i] : last;
	for (int i = 0; i < count; i++)
		aside[i] = fds[i] > last ? fds[i] : fcntl(fds[i], F_DUPFD_CLOEXEC, ASIDE);
	for (int i = 0; i < count; i++) {
		if (dup2(aside[i], places[i]) < 0)
			return false;
	}
	return true;
}

/* Waits for the job, and puts what comes with it in its place. False when there is none: then the
 * server stops. */
static bool take_job(struct worker_job *job)
{
	static const int numbers[] = {
#define X(id, number) [id] = number,
	    JOB_DESCRIPTORS(X)
#undef X
	};
	int fds[JOB_DESCRIPTOR_COUNT], places[JOB_DESCRIPTOR_COUNT], last = JOB_SOCKET, expected = 0;
	int count = receive(JOB_SOCKET, job, sizeof *job, fds, JOB_DESCRIPTOR_COUNT);
	for (int i = 0; i < JOB_DESCRIPTOR_COUNT; i++) {
		if ((job->descriptors & 1u << i) == 0)
			continue;
		places[expected++] = numbers[i];
		if (numbers[i] > last)
			last = numbers[i];
	}
	if (count < 0 || count != expected || !place(fds, places, count))
		return false;
	if (count > 0)
		close_from(last + 1);
	return true;
}

_Static_assert(RUN_TEXT_MAX <= WORKER_TEXT_MAX, "all that a run says has room");

void worker_say_end(const struct run_end *end)
{
	const struct worker_word word = {.mark = WORKER_WORD_MARK,
	                                 .status = (uint32_t)end->status & 0xff,
	                                 .kind = end->kind,
	                                 .reached = end->reached,
	                                 .size = (uint32_t)end->size};
	struct iovec parts[] = {
	    {.iov_base = (void *)(uintptr_t)&word, .iov_len = sizeof word},
	    {.iov_base = (void *)(uintptr_t)end->text, .iov_len = end->size},
	};
	/* By write(): behind the wall there is no call that sends. The kernel takes so little at once.
	 * Without a server nobody asks. */
	while (writev(JOB_SOCKET, parts, end->size > 0 ? 2 : 1) < 0 && errno == EINTR)
		;
}

/* What can be done before there is a job does not keep a step waiting. */
static void get_ready(bool prepared)
{
	struct timespec now;
	warm_writes();
	/* The page of the kernel's clock is each process's own. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* What fails here is tried again, and told, when the sandbox is entered. */
	if (prepared)
		sandbox_stand();
}

_Noreturn static void become_worker(worker_function *run, const struct worker_terms *terms,
                                    const int fds[ORDER_DESCRIPTORS], pid_t server, bool prepared)
{
	static const int places[ORDER_DESCRIPTORS] = {
	    [ORDER_JOB] = JOB_SOCKET, [ORDER_STDOUT] = STDOUT_FILENO, [ORDER_STDERR] = STDERR_FILENO};
	struct worker_job job;
	/* Whoever reads of its process id makes it the leader of a group before it hands a job out. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != server || !place(fds, places, ORDER_DESCRIPTORS))
		_exit(127);
	close_from(JOB_SOCKET + 1);
	get_ready(prepared);
	if (!take_job(&job))
		_exit(0);
	int status = run(terms, &job);
	fflush(NULL);
	if (job.kind == JOB_RUN)
		worker_say_end(&(struct run_end){.status = status});
	exit(status);
}

/* As fork(), but of a child of the server. The C library does not learn of it: its abort() would
 * signal the thread number of the worker parent, which the system-call filter turns into the end of
 * the worker. */
static pid_t fork_for(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
}

int worker_parent(const struct worker_work *work, bool prepared)
{
	struct timespec now;
	pid_t server = getppid();
	struct worker_hello hello = {.landlock = sandbox_landlock_version(),
	                             .build = work->build,
	                             .image_mode = work->image_mode};
	prctl(PR_SET_NAME, "tiphys-parent");
	hello.has_left_network = sandbox_leave_network();
	try_sandbox(&hello, prepared);
	/* What all workers would do is done once: the first look at the clock finds out where the
	 * kernel has it. */
	warm_pages();
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* What fails here has failed in the trial, too. */
	if (prepared)
		sandbox_prepare();
	if (send(ORDER_SOCKET, &hello, sizeof hello, MSG_NOSIGNAL) != (ssize_t)sizeof hello) {
		fprintf(stderr, "tiphys worker-parent: is started by `tiphys serve` alone: %s\n",
		        strerror(errno));
		return 1;
	}
	const struct worker_terms terms = {.has_left_network = hello.has_left_network,
	                                   .lacks = hello.lacks};
	struct worker_order order;
	int fds[ORDER_DESCRIPTORS];
	while (receive(ORDER_SOCKET, &order, sizeof order, fds, ORDER_DESCRIPTORS) ==
	       ORDER_DESCRIPTORS) {
		pid_t pid = fork_for();
		if (pid == 0)
			become_worker(work->run, &terms, fds, server, prepared);
		const struct worker_reply reply = {.pid = pid < 0 ? -errno : pid};
		for (int i = 0; i < ORDER_DESCRIPTORS; i++)
			close(fds[i]);
		if (send(ORDER_SOCKET, &reply, sizeof reply, MSG_NOSIGNAL) != (ssize_t)sizeof reply)
			break;
	}
	return 0;
}
