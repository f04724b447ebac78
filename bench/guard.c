#include "bench/guard.h"

#include "bench/leftover.h"
#include "bench/process.h"
#include "bench/resident.h"
#include "bench/rootfs.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* For the work to end its servers by itself, and for everything to be gone. */
#define END_SECONDS 5.0
#define GONE_SECONDS 30.0
#define LOOK_AGAIN_NS 20000000L

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};

/* Two that use one directory would run, and end, each other's containers. */
static int lock(const char *directory, struct error *err)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/lock", directory);
	cleanup_close int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0) {
		error_set_errno(err, errno, "cannot make a file in %s", directory);
		return -1;
	}
	if (flock(file, LOCK_EX | LOCK_NB) == 0)
		return take_fd(&file);
	error_set(err, ERROR_SYSTEM,
	          "another `tiphys bench` works in %s; name a directory of its own by --directory",
	          directory);
	return -1;
}

static void pause_a_moment(void)
{
	const struct timespec moment = {0, LOOK_AGAIN_NS};
	nanosleep(&moment, NULL);
}

/* Whether the work ended in that time; then *status is what waitpid() gave. */
static bool await_work(pid_t work, double seconds, int *status)
{
	double deadline = monotonic_seconds() + seconds;
	pid_t ended;
	while ((ended = waitpid(work, status, WNOHANG)) == 0 && monotonic_seconds() < deadline)
		pause_a_moment();
	return ended == work;
}

/* Ends all that is below this process, which whatever loses its parent there comes to; how many
 * there were. */
static size_t end_all_below(void)
{
	double deadline = monotonic_seconds() + GONE_SECONDS;
	size_t first = 0;
	for (bool is_first = true;; is_first = false) {
		struct error ignored = ERROR_INIT;
		size_t count = 0;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (!resident_kill_below(getpid(), &count, &ignored) || count == 0 ||
		    monotonic_seconds() > deadline)
			return first;
		if (is_first)
			first = count;
		pause_a_moment();
	}
}

/* In a process of its own, which may change its mounts. */
static void remove_leftover(const char *directory)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct error err = ERROR_INIT;
		bool went_well = leftover_remove(directory, &err);
		if (!went_well)
			fprintf(stderr, "tiphys bench: %s\n", err.message);
		_exit(went_well ? 0 : 1);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	end_all_below();
}

_Noreturn static void do_work(int (*work)(void *env), void *env, pid_t guard, const sigset_t *mask)
{
	/* Should the guard be killed, nobody would be left to end the work. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != guard)
		_exit(1);
	sigprocmask(SIG_SETMASK, mask, NULL);
	exit(work(env));
}

/* The signal that came, or 0 when the work ended. */
static int await(pid_t work, const sigset_t *signals, int *status)
{
	for (;;) {
		int number = sigwaitinfo(signals, NULL);
		if (number > 0 && number != SIGCHLD)
			return number;
		/* Others that end here lost their parent. */
		for (pid_t ended; (ended = waitpid(-1, status, WNOHANG)) > 0;)
			if (ended == work)
				return 0;
	}
}

/* Where the work leaves things, and how they are removed. */
struct place {
	const char *directory;
	void (*remove)(const char *directory);
};

_Noreturn static void end_by(int number, pid_t work, const struct place *place)
{
	int status;
	fprintf(stderr, "\ntiphys bench: signal %d: ending what was started\n", number);
	kill(work, number);
	if (!await_work(work, END_SECONDS, &status))
		kill(work, SIGKILL);
	size_t count = end_all_below();
	place->remove(place->directory);
	fprintf(stderr, "tiphys bench: ended %zu processes; nothing of them is left in %s\n", count,
	        place->directory);
	signal(number, SIG_DFL);
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(128 + number);
}

/* Signals that end it wait from now on for await(). */
static void prepare(sigset_t *signals, sigset_t *before)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(signals);
	sigaddset(signals, SIGCHLD);
	for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
		sigaddset(signals, ending[i]);
	sigprocmask(SIG_BLOCK, signals, before);
}

/* *is_clean: the work ended by itself and left no process. */
static bool run(const struct place *place, int (*work)(void *env), void *env,
                const sigset_t *signals, const sigset_t *before, int *status, bool *is_clean,
                struct error *err)
{
	fflush(NULL);
	pid_t guard = getpid(), child = fork();
	if (child < 0)
		return error_set_errno(err, errno, "fork");
	if (child == 0)
		do_work(work, env, guard, before);
	int number = await(child, signals, status);
	if (number != 0)
		end_by(number, child, place);
	bool is_killed = WIFSIGNALED(*status);
	*is_clean = end_all_below() == 0 && !is_killed;
	*status = is_killed ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
	sigprocmask(SIG_SETMASK, before, NULL);
	return true;
}

bool guard_run(const char *directory, int (*work)(void *env), void *env, int *status,
               struct error *err)
{
	sigset_t signals, before;
	cleanup_close int held = lock(directory, err);
	if (held < 0)
		return false;
	/* Descendants are known by it, to a later run too. */
	if (setenv(LEFTOVER_MARK, directory, 1) != 0)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the environment");
	prepare(&signals, &before);
	if (leftover_is_there(directory)) {
		fprintf(stderr, "tiphys bench: removing what a run that was killed left in %s\n",
		        directory);
		if (!leftover_kill(directory, err))
			return false;
		remove_leftover(directory);
	}
	if (!leftover_note(directory, err))
		return false;
	bool is_clean;
	const struct place place = {directory, remove_leftover};
	if (!run(&place, work, env, &signals, &before, status, &is_clean, err))
		return false;
	if (is_clean)
		leftover_forget(directory);
	else
		remove_leftover(directory);
	return true;
}

static void remove_folder(const char *folder)
{
	struct error err = ERROR_INIT;
	if (!remove_directory(folder, &err))
		fprintf(stderr, "tiphys bench: %s\n", err.message);
}

bool guard_run_in_folder(char folder[GUARD_FOLDER_SIZE], int (*work)(void *env), void *env,
                         int *status, struct error *err)
{
	sigset_t signals, before;
	bool is_clean;
	const char *temporary = getenv("TMPDIR");
	int length = snprintf(folder, GUARD_FOLDER_SIZE, "%s/tiphys-bench-XXXXXX",
	                      temporary != NULL && *temporary != '\0' ? temporary : "/tmp");
	if (length >= GUARD_FOLDER_SIZE)
		return error_set(err, ERROR_USAGE, "TMPDIR is longer than %d bytes", GUARD_FOLDER_SIZE);
	/* Before there is something to remove. */
	prepare(&signals, &before);
	if (mkdtemp(folder) == NULL)
		return error_set_errno(err, errno, "cannot make %s", folder);
	const struct place place = {folder, remove_folder};
	bool has_run = run(&place, work, env, &signals, &before, status, &is_clean, err);
	remove_folder(folder);
	return has_run;
}
