#include "bench/peak.h"

#include "caps/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

enum { PROCESSES_MAX = 4096, NOT_TRACED = 125 };

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT |         \
	 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

/* What a process had at most; threads belong to their process. */
struct peak {
	pid_t process;
	uint64_t bytes;
};

/* What the tracer tells its parent. */
struct answer {
	uint64_t bytes;
	int status;
};

static void note_peak(struct peak *peaks, size_t *count, pid_t thread)
{
	char path[64], line[256];
	struct peak now = {.process = thread};
	unsigned long long kibibytes;
	int process;
	snprintf(path, sizeof path, "/proc/%d/status", (int)thread);
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "Tgid: %d", &process) == 1)
			now.process = process;
		if (sscanf(line, "VmHWM: %llu kB", &kibibytes) == 1)
			now.bytes = (uint64_t)kibibytes << 10;
	}
	if (file != NULL)
		fclose(file);
	for (size_t i = 0; i < *count; i++) {
		if (peaks[i].process != now.process)
			continue;
		if (peaks[i].bytes < now.bytes)
			peaks[i].bytes = now.bytes;
		return;
	}
	if (*count < PROCESSES_MAX)
		peaks[(*count)++] = now;
}

/* The signal to go on with: none for the stops that tracing makes. */
static int signal_of_stop(int status)
{
	int signal = WSTOPSIG(status);
	return status >> 16 != 0 || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

/* In the tracer: until the first process and all that came of it are gone. */
static struct answer trace(pid_t first)
{
	static struct peak peaks[PROCESSES_MAX];
	struct answer answer = {.status = NOT_TRACED};
	size_t count = 0;
	int status;
	if (waitpid(first, &status, 0) != first || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, first, NULL, OPTIONS) != 0)
		return answer;
	ptrace(PTRACE_CONT, first, NULL, 0);
	for (;;) {
		pid_t thread = waitpid(-1, &status, __WALL);
		if (thread < 0 && errno == EINTR)
			continue;
		if (thread < 0)
			break;
		if (WIFSTOPPED(status)) {
			if (status >> 16 == PTRACE_EVENT_EXIT)
				note_peak(peaks, &count, thread);
			ptrace(PTRACE_CONT, thread, NULL, signal_of_stop(status));
		} else if (thread == first) {
			answer.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		}
	}
	for (size_t i = 0; i < count; i++)
		answer.bytes += peaks[i].bytes;
	return answer;
}

static void become(char *const *argv)
{
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(NOT_TRACED);
	raise(SIGSTOP);
	execvp(argv[0], argv);
	_exit(NOT_TRACED);
}

/* A process of its own traces, so that it waits for no child of this one. */
bool peak_of_command(char *const *argv, uint64_t *bytes, struct error *err)
{
	int ends[2];
	struct answer answer = {.status = NOT_TRACED};
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set_errno(err, errno, "pipe");
	cleanup_close int in = ends[0], out = ends[1];
	pid_t tracer = fork();
	if (tracer < 0)
		return error_set_errno(err, errno, "fork");
	if (tracer == 0) {
		pid_t first = fork();
		if (first == 0)
			become(argv);
		answer = first > 0 ? trace(first) : answer;
		_exit(write(out, &answer, sizeof answer) == sizeof answer ? 0 : 1);
	}
	close(take_fd(&out));
	ssize_t got = read(in, &answer, sizeof answer);
	while (waitpid(tracer, NULL, 0) < 0 && errno == EINTR)
		;
	if (got != sizeof answer || answer.status == NOT_TRACED)
		return error_set(err, ERROR_SYSTEM, "%s cannot be traced", argv[0]);
	if (answer.status != 0)
		return error_set(err, ERROR_SYSTEM, "%s ended with status %d", argv[0], answer.status);
	*bytes = answer.bytes;
	return true;
}
