#include "bench/process.h"

#include "caps/cleanup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

double monotonic_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

void process_clear(struct process_result *result)
{
	free(result->output);
	*result = (struct process_result){0};
}

/* glibc's posix_spawn() shares the parent's memory until the exec, so that its cost does not grow
 * with the parent. */
static int spawn(char *const *argv, char *const *env, int out, int complaints, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, complaints, 2);
	posix_spawnattr_init(&attributes);
	/* A group of its own, so that all of it can be killed. */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
	                                          POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	int wrong = posix_spawnp(pid, argv[0], &actions, &attributes, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return wrong;
}

/* Takes what is there into the output; false at its end or when it is too much. */
static bool take_output(int fd, size_t limit, struct process_result *result, struct error *err)
{
	char piece[65536];
	ssize_t got = read(fd, piece, sizeof piece);
	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	if (result->output_size + (size_t)got > limit)
		return error_set(err, ERROR_LIMIT, "it prints more than %zu bytes", limit);
	char *grown = realloc(result->output, result->output_size + (size_t)got + 1);
	if (grown == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for what it prints");
	memcpy(grown + result->output_size, piece, (size_t)got);
	result->output = grown;
	result->output_size += (size_t)got;
	grown[result->output_size] = '\0';
	return true;
}

/* Keeps the beginning of stderr and reads the rest away; false at its end. */
static bool take_complaint(int fd, struct process_result *result)
{
	char piece[4096];
	ssize_t got = read(fd, piece, sizeof piece);
	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	size_t kept = strlen(result->complaint), room = sizeof result->complaint - 1 - kept;
	memcpy(result->complaint + kept, piece, (size_t)got < room ? (size_t)got : room);
	return true;
}

/* A panic of Rust's begins with an empty line. */
static void keep_first_line(char *text)
{
	size_t empty = strspn(text, "\n");
	memmove(text, text + empty, strlen(text) - empty + 1);
	text[strcspn(text, "\n")] = '\0';
}

/* Until both pipes are at their end. */
static bool listen(int out, int complaints, double deadline, size_t limit,
                   struct process_result *result, struct error *err)
{
	struct pollfd ends[] = {{.fd = out, .events = POLLIN}, {.fd = complaints, .events = POLLIN}};
	while (ends[0].fd >= 0 || ends[1].fd >= 0) {
		double left = deadline - monotonic_seconds();
		int ready = left > 0 ? poll(ends, 2, (int)(left * 1000) + 1) : 0;
		if (ready < 0 && errno != EINTR)
			return error_set_errno(err, errno, "poll");
		if (ready == 0)
			return error_set(err, ERROR_LIMIT, "it was not done in time and was killed");
		if (ready < 0)
			continue;
		if (ends[0].revents != 0 && !take_output(out, limit, result, err))
			ends[0].fd = -1;
		if (ends[1].revents != 0 && !take_complaint(complaints, result))
			ends[1].fd = -1;
		if (err->kind != ERROR_NONE)
			return false;
	}
	return true;
}

/* Waits for the end, and kills at the deadline. */
static bool await_end(pid_t pid, double deadline, struct error *err)
{
	cleanup_close int fd = pidfd_open(pid, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "pidfd_open");
	for (;;) {
		struct pollfd end = {.fd = fd, .events = POLLIN};
		double left = deadline - monotonic_seconds();
		int ready = left > 0 ? poll(&end, 1, (int)(left * 1000) + 1) : 0;
		if (ready > 0)
			return true;
		if (ready == 0)
			return error_set(err, ERROR_LIMIT, "it was not done in time and was killed");
		if (errno != EINTR)
			return error_set_errno(err, errno, "poll");
	}
}

static bool make_pipe(int *read_end, int *write_end, struct error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set_errno(err, errno, "pipe");
	*read_end = ends[0];
	*write_end = ends[1];
	return true;
}

static bool open_streams(const struct process_options *options, int out[2], int complaints[2],
                         struct error *err)
{
	if (!options->discards_output)
		return make_pipe(&out[0], &out[1], err) && make_pipe(&complaints[0], &complaints[1], err);
	out[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	complaints[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return (out[1] >= 0 && complaints[1] >= 0) || error_set_errno(err, errno, "/dev/null");
}

static bool follow(pid_t pid, int out, int complaints, double deadline,
                   const struct process_options *options, struct process_result *result,
                   struct error *err)
{
	size_t limit = options->output_limit != 0 ? options->output_limit : PROCESS_OUTPUT;
	if (out >= 0 && !listen(out, complaints, deadline, limit, result, err))
		return false;
	return await_end(pid, deadline, err);
}

bool process_run(char *const *argv, const struct process_options *options,
                 struct process_result *result, struct error *err)
{
	static const struct process_options defaults = {0};
	if (options == NULL)
		options = &defaults;
	int out[2] = {-1, -1}, complaints[2] = {-1, -1};
	bool is_open = open_streams(options, out, complaints, err);
	cleanup_close int out_read = out[0], out_write = out[1];
	cleanup_close int complaints_read = complaints[0], complaints_write = complaints[1];
	if (!is_open)
		return false;

	double began = monotonic_seconds();
	pid_t pid;
	int wrong = spawn(argv, options->env != NULL ? options->env : environ, out_write,
	                  complaints_write, &pid);
	if (wrong != 0)
		return error_set_errno(err, wrong, "cannot start %s", argv[0]);
	close(take_fd(&out_write));
	close(take_fd(&complaints_write));

	double deadline = began + (options->seconds != 0 ? options->seconds : PROCESS_SECONDS);
	bool ended = follow(pid, out_read, complaints_read, deadline, options, result, err);
	if (!ended)
		kill(-pid, SIGKILL);
	struct rusage usage;
	int status;
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	result->wall = monotonic_seconds() - began;
	result->user = seconds(&usage.ru_utime);
	result->system = seconds(&usage.ru_stime);
	result->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	keep_first_line(result->complaint);
	if (!ended)
		error_wrap(err, "%s", argv[0]);
	return ended;
}

bool process_do(char *const *argv, unsigned seconds, struct error *err)
{
	cleanup_process struct process_result result = {0};
	struct process_options options = {.seconds = seconds, .output_limit = (size_t)16 << 20};
	if (!process_run(argv, &options, &result, err))
		return false;
	return result.status == 0 || error_set(err, ERROR_SYSTEM, "%s ended with status %d: %s",
	                                       argv[0], result.status, result.complaint);
}
