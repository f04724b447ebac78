#include "plugin/launcher.h"

#include "caps/cleanup.h"
#include "plugin/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* The hello and the replies come at once or never. */
#define PATIENCE_S 30
#define STOPPING_MS 20
#define LOOK_UP_MS 10

struct start {
	const char *executable;
	int socket;
	pid_t server;
	volatile int failure; /* errno, written by the child */
};

/* The child of vfork(): shares the server's memory until execve(), so it only makes system calls.
 */
_Noreturn static void become_worker_parent(struct start *start)
{
	static char *const argv[] = {"tiphys", "worker-parent", NULL};
	static char *const environment[] = {NULL};
	sigset_t none;
	const struct rlimit no_core = {0, 0};
	const struct sigaction by_default = {.sa_handler = SIG_DFL};

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != start->server)
		_exit(127);
	setrlimit(RLIMIT_CORE, &no_core);
	/* dup2() of a descriptor onto itself would leave it close-on-exec. */
	if (start->socket == ORDER_SOCKET ? fcntl(ORDER_SOCKET, F_SETFD, 0) < 0
	                                  : dup2(start->socket, ORDER_SOCKET) < 0) {
		start->failure = errno;
		_exit(127);
	}
	/* stdin and stdout are nobody's; stderr is for what it has to say. */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	if (syscall(SYS_close_range, ORDER_SOCKET + 1, ~0u, 0) != 0) {
		/* Linux before 5.9. */
		for (int fd = ORDER_SOCKET + 1, max = (int)sysconf(_SC_OPEN_MAX); fd < max; fd++)
			close(fd);
	}
	open("/dev/null", O_RDWR);
	open("/dev/null", O_RDWR);
	sigaction(SIGPIPE, &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(start->executable, argv, environment);
	start->failure = errno;
	_exit(127);
}

/* Until there is a message; false when there is none within PATIENCE_S, or, when the server stops,
 * STOPPING_MS. */
static bool wait_for_word(struct launcher *launcher)
{
	struct pollfd fd = {.fd = launcher->socket, .events = POLLIN};
	for (int waited = 0;
	     waited < (atomic_load(&launcher->is_stopping) ? STOPPING_MS : PATIENCE_S * 1000);
	     waited += LOOK_UP_MS) {
		if (poll(&fd, 1, LOOK_UP_MS) > 0)
			return true;
	}
	errno = ETIMEDOUT;
	return false;
}

/* With `wait`, what comes within PATIENCE_S; else what is there. */
static bool receive(struct launcher *launcher, void *message, size_t size, bool wait)
{
	ssize_t got;
	for (;;) {
		got = recv(launcher->socket, message, size, MSG_DONTWAIT);
		if (got >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK))
			break;
		if (errno != EINTR && (!wait || !wait_for_word(launcher)))
			return false;
	}
	if (got >= 0 && got != (ssize_t)size)
		errno = ECONNRESET;
	return got == (ssize_t)size;
}

static void give_up(struct launcher *launcher)
{
	if (launcher->pid > 0) {
		kill(launcher->pid, SIGKILL);
		while (waitpid(launcher->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (launcher->socket >= 0)
		close(launcher->socket);
	launcher->pid = 0;
	launcher->socket = -1;
}

static bool take_hello(struct launcher *launcher, struct error *err)
{
	struct worker_hello hello;
	if (!receive(launcher, &hello, sizeof hello, true))
		return error_set_errno(err, errno, "cannot run steps by %s: no word from its worker-parent",
		                       launcher->executable);
	if (hello.failure != 0)
		return error_set_errno(err, hello.failure, "a worker cannot enter its sandbox");
	launcher->sandbox = (struct worker_sandbox){
	    .lacks = hello.lacks,
	    .landlock = hello.landlock,
	    .network_is_left = hello.has_left_network != 0,
	    .build = hello.build,
	    .image_mode = hello.image_mode,
	};
	return true;
}

static bool start_parent(struct launcher *launcher, struct error *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return error_set_errno(err, errno, "a socket for the worker parent");
	launcher->socket = pair[0];
	cleanup_close int theirs = pair[1];
	struct start start = {.executable = launcher->executable, .socket = theirs, .server = getpid()};
	pid_t pid = vfork();
	if (pid == 0)
		become_worker_parent(&start);
	int failure = pid < 0 ? errno : start.failure;
	launcher->pid = pid > 0 ? pid : 0;
	close(take_fd(&theirs));
	if (failure == 0
	        ? take_hello(launcher, err)
	        : error_set_errno(err, failure, "cannot run steps by %s", launcher->executable))
		return true;
	give_up(launcher);
	return false;
}

bool launcher_init(struct launcher *launcher, const char *executable, struct error *err)
{
	*launcher = (struct launcher){.executable = executable, .socket = -1};
	return start_parent(launcher, err);
}

void launcher_close(const struct launcher *launcher)
{
	if (launcher->socket >= 0)
		shutdown(launcher->socket, SHUT_WR);
}

void launcher_clear(struct launcher *launcher)
{
	give_up(launcher);
}

bool launcher_reap(struct launcher *launcher, pid_t pid)
{
	if (pid != launcher->pid)
		return false;
	give_up(launcher);
	return true;
}

static bool send_order(const struct launcher *launcher, const int fds[ORDER_DESCRIPTORS])
{
	struct worker_order order = {.descriptors = ORDER_DESCRIPTORS};
	const struct iovec iov = {.iov_base = &order, .iov_len = sizeof order};
	return descriptors_send(launcher->socket, &iov, 1, fds, ORDER_DESCRIPTORS, MSG_DONTWAIT) ==
	       (ssize_t)sizeof order;
}

bool launcher_start(struct launcher *launcher, struct error *err)
{
	give_up(launcher);
	return start_parent(launcher, err);
}

bool launcher_order(struct launcher *launcher, const int fds[ORDER_DESCRIPTORS])
{
	errno = ECONNRESET;
	return launcher->pid > 0 && send_order(launcher, fds);
}

enum launcher_word launcher_word(struct launcher *launcher, bool wait, pid_t *pid)
{
	struct worker_reply reply;
	if (launcher->pid > 0 && receive(launcher, &reply, sizeof reply, wait)) {
		*pid = reply.pid;
		return reply.pid < 0 ? LAUNCHER_FAILED : LAUNCHER_STARTED;
	}
	if (launcher->pid > 0 && !wait && (errno == EAGAIN || errno == EWOULDBLOCK))
		return LAUNCHER_SILENT;
	give_up(launcher);
	return LAUNCHER_GONE;
}
