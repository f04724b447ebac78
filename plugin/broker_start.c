#include "plugin/broker_start.h"

#include "caps/broker.h"
#include "caps/cleanup.h"
#include "plugin/command.h"
#include "plugin/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* The child of vfork(): only system calls until execv(). */
_Noreturn static void become_broker(int socket, const char *path, char **argv)
{
	int kept = socket == BROKER_FD ? fcntl(BROKER_FD, F_SETFD, 0) : dup2(socket, BROKER_FD);
	if (kept >= 0)
		execv(path, argv);
	_exit(127);
}

void broker_wait(pid_t pid)
{
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The broker said nothing: its exit status tells whether it has told the user why. */
static bool explain(pid_t *pid, int sys_errno, struct error *err)
{
	int status = 0;
	while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == error_exit_status(ERROR_USAGE))
		return error_set(err, ERROR_USAGE, "%s", "");
	return error_set_errno(err, sys_errno, "the broker does not answer");
}

bool broker_take(struct caps *caps, int fd, struct error *err)
{
	int failure = caps_grant_broker(caps, fd);
	const char *sentence = caps_broker_failure(caps);
	if (failure >= 0)
		return true;
	if (sentence != NULL)
		return error_set(err, ERROR_NETWORK, "cannot %s", sentence);
	return error_set_errno(err, -failure, "the broker does not answer");
}

bool broker_start(const struct broker_options *options, struct caps *caps, pid_t *pid,
                  struct error *err)
{
	static const char *const first[] = {"tiphys-net", "broker"};
	int pair[2];
	*pid = 0;
	cleanup_free char *path = handover_find(command_find("broker")->executable, err);
	cleanup_free char **argv = broker_options_words(options, first, 2);
	if (path == NULL || argv == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the broker's options");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return error_set_errno(err, errno, "a socket for the broker");
	cleanup_close int ours = pair[0], theirs = pair[1];
	*pid = vfork();
	if (*pid == 0)
		become_broker(theirs, path, argv);
	if (*pid < 0) {
		*pid = 0;
		return error_set_errno(err, errno, "cannot start %s", path);
	}
	close(take_fd(&theirs));
	/* Should it die, a write is an error and not the end of this process. */
	signal(SIGPIPE, SIG_IGN);
	struct error why = ERROR_INIT;
	if (broker_take(caps, take_fd(&ours), &why))
		return true;
	if (why.kind == ERROR_SYSTEM)
		return explain(pid, why.sys_errno, err);
	*err = why;
	return false;
}
