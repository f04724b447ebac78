#include "plugin/worker_parent.h"

#include "caps/cleanup.h"
#include "caps/sandbox.h"
#include "plugin/order.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Above a worker's own descriptors, so that none is overwritten while they are put in place. */
#define ASIDE 16

/* What a trial's exit status says. */
#define TRIAL_FAILED 0x80

_Static_assert(1 << SANDBOX_PART_COUNT <= TRIAL_FAILED, "the lacking parts fit an exit status");

static const struct sandbox_limits trial_limits = {
    .data_bytes = (uint64_t)1 << 30, .cpu_seconds = 60, .open_files = 64};

/* Finds out what the kernel grants by entering the sandbox: no version number is to be believed. */
static void try_sandbox(struct worker_hello *hello)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		unsigned lacks = 0;
		struct caps *caps = caps_create();
		int failure = caps == NULL
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

/* An order with its descriptors. False at the end of the stream, and for what is no order. */
static bool receive_order(struct worker_message *message, int fds[ORDER_DESCRIPTORS])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(ORDER_DESCRIPTORS * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = message, .iov_len = sizeof *message};
	struct msghdr header = {.msg_iov = &iov,
	                        .msg_iovlen = 1,
	                        .msg_control = control.bytes,
	                        .msg_controllen = sizeof control.bytes};
	ssize_t got;
	do
		got = recvmsg(ORDER_SOCKET, &header, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof *message || (header.msg_flags & MSG_CTRUNC) != 0)
		return false;
	struct cmsghdr *part = CMSG_FIRSTHDR(&header);
	if (part == NULL || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS ||
	    part->cmsg_len != CMSG_LEN(ORDER_DESCRIPTORS * sizeof(int)))
		return false;
	memcpy(fds, CMSG_DATA(part), ORDER_DESCRIPTORS * sizeof(int));
	return true;
}

/* Puts the descriptors at 0 to 3 and closes every other, the socket to the server among them. */
static bool take_descriptors(const int fds[ORDER_DESCRIPTORS])
{
	int aside[ORDER_DESCRIPTORS];
	for (int i = 0; i < ORDER_DESCRIPTORS; i++)
		aside[i] = fcntl(fds[i], F_DUPFD, ASIDE);
	for (int i = 0; i < ORDER_DESCRIPTORS; i++) {
		if (dup2(aside[i], i) < 0)
			return false;
	}
	if (syscall(SYS_close_range, ORDER_DESCRIPTORS, ~0u, 0) != 0) {
		/* Linux before 5.9. */
		for (int fd = ORDER_DESCRIPTORS, max = (int)sysconf(_SC_OPEN_MAX); fd < max; fd++)
			close(fd);
	}
	return true;
}

_Noreturn static void become_worker(worker_function *work, const struct worker_terms *terms,
                                    const struct worker_message *message, const int *fds,
                                    pid_t server)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != server || !take_descriptors(fds))
		_exit(127);
	exit(work(terms, message->time_ms));
}

/* As fork(), but of a child of the server. The C library does not learn of it: its abort() would
 * signal the thread number of the worker parent, which the system-call filter turns into the end of
 * the worker. */
static pid_t fork_for(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
}

int worker_parent(worker_function *work)
{
	pid_t server = getppid();
	struct worker_hello hello = {.landlock = sandbox_landlock_version()};
	prctl(PR_SET_NAME, "tiphys-parent");
	hello.has_left_network = sandbox_leave_network();
	try_sandbox(&hello);
	if (send(ORDER_SOCKET, &hello, sizeof hello, MSG_NOSIGNAL) != (ssize_t)sizeof hello) {
		fprintf(stderr, "tiphys worker-parent: is started by `tiphys serve` alone: %s\n",
		        strerror(errno));
		return 1;
	}
	const struct worker_terms terms = {.has_left_network = hello.has_left_network,
	                                   .lacks = hello.lacks};
	struct worker_message message;
	int fds[ORDER_DESCRIPTORS];
	while (receive_order(&message, fds)) {
		pid_t pid = fork_for();
		if (pid == 0)
			become_worker(work, &terms, &message, fds, server);
		const struct worker_reply reply = {.pid = pid < 0 ? -errno : pid};
		for (int i = 0; i < ORDER_DESCRIPTORS; i++)
			close(fds[i]);
		if (send(ORDER_SOCKET, &reply, sizeof reply, MSG_NOSIGNAL) != (ssize_t)sizeof reply)
			break;
	}
	return 0;
}
