#include "bench/peak.h"

#include "caps/cleanup.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PROCESSES_MAX = 4096, NOT_TRACED = 125 };

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT |         \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)

/* What a process had at most; threads belong to their process. */
struct peak {
	pid_t process;
	uint64_t bytes;
	bool has_execed; /* its memory is its own, and no parent's that it still shares */
};

/* What the tracer tells its parent. */
struct answer {
	uint64_t bytes;
	int status;
};

/* At a thread's end, and before and after an execve(), by which a process gets new memory and the
 * kernel forgets the peak of the old one. */
static void note_peak(struct peak *peaks, size_t *count, pid_t thread, int event)
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
		if (peaks[i].bytes < now.bytes && (event != PTRACE_EVENT_SECCOMP || peaks[i].has_execed))
			peaks[i].bytes = now.bytes;
		peaks[i].has_execed = peaks[i].has_execed || event == PTRACE_EVENT_EXEC;
		return;
	}
	now.has_execed = event == PTRACE_EVENT_EXEC;
	if (*count < PROCESSES_MAX && event != PTRACE_EVENT_SECCOMP)
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
			int event = status >> 16;
			if (event == PTRACE_EVENT_EXIT || event == PTRACE_EVENT_EXEC ||
			    event == PTRACE_EVENT_SECCOMP)
				note_peak(peaks, &count, thread, event);
			ptrace(PTRACE_CONT, thread, NULL, signal_of_stop(status));
		} else if (thread == first) {
			answer.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		}
	}
	for (size_t i = 0; i < count; i++)
		answer.bytes += peaks[i].bytes;
	return answer;
}

/* From now on this process and its descendants stop for the tracer before an execve(). */
static bool stop_before_exec(void)
{
	struct sock_filter rows[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 1, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execveat, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = sizeof rows / sizeof rows[0], .filter = rows};
	/* Root needs no promise not to gain privileges, which a container runtime would have to keep.
	 */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ||
	       (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void become(char *const *argv)
{
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(NOT_TRACED);
	raise(SIGSTOP);
	if (!stop_before_exec())
		_exit(NOT_TRACED);
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
