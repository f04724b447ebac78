#include "tests/plugin/workers.h"

#include "tests/plugin/table.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

const char *child;
struct workers *workers;

void workers_prepare(int argc, char **argv)
{
	child = argc > 1 ? argv[1] : "";
	/* As in the server: none of its threads is ended by a worker that does not read. */
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGPIPE);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

int workers_make(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	workers = workers_create(child, 0, &err);
	return workers == NULL;
}

int workers_remove(void **state)
{
	(void)state;
	workers_destroy(workers);
	return 0;
}

size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

void run_task(struct worker_task task, const char *what, struct worker_outcome *outcome)
{
	struct error err = ERROR_INIT;
	if (task.strings == NULL) {
		task.strings = &what;
		task.string_count = 1;
	}
	if (task.time_ms == 0)
		task.time_ms = 20000;
	if (task.output_bytes == 0)
		task.output_bytes = 1 << 20;
	size_t before = open_descriptors();
	if (!worker_run(workers, &task, outcome, &err))
		fail_msg("%s: %s", what, err.message);
	assert_int_equal(open_descriptors(), before);
	siginfo_t left = {0};
	assert_int_equal(waitid(P_ALL, 0, &left, WEXITED | WNOHANG | WNOWAIT), 0);
	assert_int_equal(left.si_pid, 0);
}
