/* The walls around a worker whose interpreter is broken: each row of natives.def in a process of
 * its own, and what became of it. */
#include "plugin/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum expected { KILLED, DENIED, BOUNDED, NOTHING, ENDED, LIES };

struct row {
	const char *name;
	enum expected expected;
};

static const struct row rows[] = {
#define NATIVE(name, expected, sentence) {#name, expected},
#include "tests/hostile/natives.def"
#undef NATIVE
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* Within which every attempt begins, however busy the machine is. */
#define LONGEST_MS 20000

static const char *executable;
static char top[] = "/tmp/tiphys-native.XXXXXX";
static char own[64], other[64], server[16];
static struct workers *workers;

static void put(const char *directory, const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("content", file);
	fclose(file);
}

static int set_up(void **state)
{
	struct error err = ERROR_INIT;
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	snprintf(own, sizeof own, "%s/own", top);
	snprintf(other, sizeof other, "%s/other", top);
	snprintf(server, sizeof server, "%d", (int)getpid());
	mkdir(own, 0700);
	mkdir(other, 0700);
	put(own, "mine");
	put(other, "secret");
	setenv("SECRET", "not for workers", 1);
	workers = workers_create(executable, 0, &err);
	return workers == NULL;
}

static int tear_down(void **state)
{
	char command[96];
	(void)state;
	workers_destroy(workers);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

static bool is_denial(int answer)
{
	return answer == EACCES || answer == EPERM || answer == EXDEV || answer == ENOENT;
}

/* The errno that the attempt printed; -1 when it printed none. */
static int answer_of(const struct worker_outcome *outcome)
{
	int answer;
	const char *line = outcome->out.size == 0 ? NULL : strstr(outcome->out.data, "answer ");
	return line != NULL && sscanf(line, "answer %d", &answer) == 1 ? answer : -1;
}

static off_t size_of_lie(void)
{
	struct stat st;
	char path[128];
	snprintf(path, sizeof path, "%s/lie", own);
	return lstat(path, &st) == 0 ? st.st_size : -1;
}

/* Nothing of it runs any more, whatever it said. */
static bool is_dead(void)
{
	off_t before = size_of_lie();
	usleep(50000);
	return before >= 0 && size_of_lie() == before;
}

static void check_outcome(const struct row *row, const struct worker_outcome *outcome)
{
	int answer = answer_of(outcome);
	/* Behind the wall it began: otherwise nothing was tried. */
	if (outcome->out.size == 0 || strncmp(outcome->out.data, "trying\n", 7) != 0)
		fail_msg("%s did not begin: %.*s", row->name, (int)outcome->out.size, outcome->out.data);
	bool good = false;
	switch (row->expected) {
	case KILLED:
		good = outcome->end == WORKER_SIGNALLED && outcome->status == SIGSYS && answer == -1;
		break;
	case DENIED:
		good = outcome->end == WORKER_EXITED && is_denial(answer);
		break;
	case BOUNDED:
		good = outcome->end == WORKER_EXITED && (answer == ENOMEM || answer == EMFILE);
		break;
	case NOTHING:
		good = outcome->end == WORKER_EXITED && answer == 0;
		break;
	case ENDED:
		good = outcome->end == WORKER_TIME && answer == -1;
		break;
	case LIES:
		good = outcome->end == WORKER_EXITED && outcome->status == 0 && answer == -1 && is_dead();
		break;
	}
	if (!good)
		fail_msg("%s: end %d, status %d, answer %d", row->name, (int)outcome->end, outcome->status,
		         answer);
}

/* `time_ms`: to begin in, and for those that do not end by themselves until they are ended. False
 * when that was too short to begin, which is the machine's affair: nothing was tried. */
static bool try_within(const struct row *row, uint64_t time_ms, bool is_last)
{
	const char *strings[] = {row->name, own, other, server};
	const struct worker_task task = {
	    .strings = strings,
	    .string_count = 4,
	    .time_ms = time_ms,
	    .output_bytes = 1 << 20,
	};
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	struct error err = ERROR_INIT;
	if (!worker_run(workers, &task, &outcome, &err))
		fail_msg("%s: %s", row->name, err.message);
	if (outcome.end == WORKER_TIME && outcome.out.size == 0 && !is_last)
		return false;
	check_outcome(row, &outcome);
	return true;
}

static void try(void **state)
{
	const struct row *row = *state;
	/* Few and far between, for one that never begins costs their sum. */
	static const uint64_t times_ms[] = {500, 4000, LONGEST_MS};
	size_t last = sizeof times_ms / sizeof times_ms[0] - 1;
	size_t i = row->expected == ENDED ? 0 : last;
	while (!try_within(row, times_ms[i], i == last))
		i++;
}

static void every_part_of_the_sandbox_stands(void **state)
{
	(void)state;
	assert_int_equal(workers_sandbox(workers)->lacks, 0);
}

static void assert_content(const char *directory, const char *name)
{
	char path[128], text[16] = "";
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof text, file), 7);
	assert_string_equal(text, "content");
	fclose(file);
}

/* Whatever the attempts answered. */
static void nothing_was_touched(void **state)
{
	struct stat st;
	char path[128];
	(void)state;
	assert_content(other, "secret");
	assert_content(own, "mine");
	snprintf(path, sizeof path, "%s/got", own);
	assert_int_not_equal(lstat(path, &st), 0);
	assert_int_not_equal(lstat("/tmp/tiphys-hostile-created", &st), 0);
	snprintf(path, sizeof path, "%s/mine", own);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07111, 0);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[ROW_COUNT + 2];
	size_t count = 0;
	if (argc != 2)
		return 2;
	executable = argv[1];
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(every_part_of_the_sandbox_stands);
	for (size_t i = 0; i < ROW_COUNT; i++)
		tests[count++] = (struct CMUnitTest){
		    .name = rows[i].name, .test_func = try, .initial_state = (void *)(uintptr_t)&rows[i]};
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(nothing_was_touched);
	/* A signal that got through would end the test. */
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGPIPE);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	return _cmocka_run_group_tests("native", tests, count, set_up, tear_down);
}
