#include "bench/daemon.h"

#include "bench/process.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* Between looks at the log. */
#define LOOK_AGAIN_NS 5000000

/* Those that run, for whoever ends this process while they do. */
enum { DAEMONS_MAX = 8 };
static volatile sig_atomic_t running[DAEMONS_MAX];

static void end_all(int number)
{
	for (int i = 0; i < DAEMONS_MAX; i++)
		if (running[i] > 0)
			kill(running[i], SIGTERM);
	signal(number, SIG_DFL);
	raise(number);
}

static void replace_running(pid_t was, pid_t is)
{
	for (int i = 0; i < DAEMONS_MAX; i++) {
		if (running[i] == was) {
			running[i] = is;
			return;
		}
	}
}

/* Ends with its parent, however that ends: a server that nobody knows of would listen for ever. */
_Noreturn static void become(char *const *argv, const char *log, pid_t parent, int trouble)
{
	int null = open("/dev/null", O_RDONLY);
	int out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	if (null >= 0 && out >= 0 && dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
	    prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
		execvp(argv[0], argv);
	int wrong = errno;
	_exit(write(trouble, &wrong, sizeof wrong) == sizeof wrong ? 1 : 2);
}

/* 0, or the errno of what failed on the way to its exec. */
static int launch(struct daemon *daemon, char *const *argv, const char *log)
{
	int ends[2], wrong = 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	cleanup_close int in = ends[0], out = ends[1];
	pid_t parent = getpid();
	daemon->pid = fork();
	if (daemon->pid < 0)
		return errno;
	if (daemon->pid == 0)
		become(argv, log, parent, out);
	close(take_fd(&out));
	ssize_t got;
	while ((got = read(in, &wrong, sizeof wrong)) < 0 && errno == EINTR)
		;
	if (got == 0)
		return 0;
	while (waitpid(daemon->pid, NULL, 0) < 0 && errno == EINTR)
		;
	return got == sizeof wrong ? wrong : EIO;
}

bool daemon_start(struct daemon *daemon, char *const *argv, const char *log, struct error *err)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	snprintf(daemon->name, sizeof daemon->name, "%s", argv[0]);
	snprintf(daemon->log, sizeof daemon->log, "%s", log);
	int wrong = launch(daemon, argv, log);
	if (wrong != 0) {
		daemon->pid = 0;
		return error_set_errno(err, wrong, "cannot start %s", argv[0]);
	}
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		signal(numbers[i], end_all);
	replace_running(0, daemon->pid);
	return true;
}

static bool find_word(const char *log, const char *mark, char *word, size_t size)
{
	char line[4096];
	bool found = false;
	FILE *file = fopen(log, "re");
	while (!found && file != NULL && fgets(line, sizeof line, file) != NULL) {
		char *at = strstr(line, mark);
		if (at == NULL)
			continue;
		at += strlen(mark);
		snprintf(word, size, "%.*s", (int)strcspn(at, " \"\n"), at);
		found = true;
	}
	if (file != NULL)
		fclose(file);
	return found;
}

bool daemon_await(struct daemon *daemon, const char *mark, char *word, size_t size,
                  struct error *err)
{
	const struct timespec pause = {0, LOOK_AGAIN_NS};
	double deadline = monotonic_seconds() + DAEMON_SECONDS;
	while (!find_word(daemon->log, mark, word, size)) {
		if (waitpid(daemon->pid, NULL, WNOHANG) == daemon->pid) {
			replace_running(daemon->pid, 0);
			daemon->pid = 0;
			return error_set(err, ERROR_SYSTEM, "%s ended; see %s", daemon->name, daemon->log);
		}
		if (monotonic_seconds() > deadline)
			return error_set(err, ERROR_SYSTEM, "%s is not ready after %d s; see %s", daemon->name,
			                 DAEMON_SECONDS, daemon->log);
		nanosleep(&pause, NULL);
	}
	return true;
}

void daemon_end(struct daemon *daemon)
{
	if (daemon->pid > 0) {
		kill(daemon->pid, SIGTERM);
		while (waitpid(daemon->pid, NULL, 0) < 0 && errno == EINTR)
			;
		replace_running(daemon->pid, 0);
	}
	daemon->pid = 0;
}
