/* A contender that does not do what it claims ends the measurement. Real programs of the shell. */
#include "tests/plugin/table.h"

#include "bench/measure.h"
#include "bench/stats.h"

#include <sys/stat.h>
#include <unistd.h>

#define SHELL(script) ((char *[]){"/bin/sh", "-c", script, NULL})

static const struct measure_options once = {.title = "test", .warm_ups = 1, .rounds = 5};

static bool measure(struct cell *cells, size_t count, struct error *err)
{
	return measure_cells(cells, count, &once, err);
}

/* A cell of the job "line" that a shell does. */
#define CELL(who, script, ...)                                                                     \
	{.job = "line", .contender = who, .run = measure_command, .env = SHELL(script), __VA_ARGS__}

static void figures_of_every_round_are_kept(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct cell cells[] = {
	    CELL("one", "echo right"),
	    CELL("two", "printf 'right\\n'"),
	};
	assert_true(measure(cells, 2, &err));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(5, cells[i].count);
		for (size_t j = 0; j < 5; j++)
			assert_true(cells[i].wall[j] > 0 && cells[i].wall[j] < 60);
	}
	cells_clear(cells, 2);
}

static void other_output_fails(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct cell cells[] = {
	    CELL("one", "echo right"),
	    CELL("two", "echo wrong"),
	};
	assert_false(measure(cells, 2, &err));
	assert_string_equal("line by two: prints \"wrong \", not \"right\n\"", err.message);
	cells_clear(cells, 2);
}

static void no_output_fails(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct cell cell = CELL("one", ":", .expected = "right\n");
	assert_false(measure(&cell, 1, &err));
	assert_in("line by one: prints \"\"", err.message);
	cells_clear(&cell, 1);
}

static void other_status_fails_with_the_complaint(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct cell cell =
	    CELL("one", "echo right; echo 'no such thing' >&2; exit 3", .expected = "right\n");
	assert_false(measure(&cell, 1, &err));
	assert_string_equal("line by one: ended with status 3, not 0: no such thing", err.message);
	cells_clear(&cell, 1);
}

/* Right at first and wrong later: found in the round in which it happens. */
static void every_round_is_checked(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	char path[] = "/tmp/tiphys-measure-XXXXXX", script[128];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	snprintf(script, sizeof script, "echo x >>%s; test $(wc -l <%s) -lt 4 && echo right", path,
	         path);
	struct cell cell = CELL("one", script, .expected = "right\n");
	assert_false(measure(&cell, 1, &err));
	assert_in("ended with status 1, not 0", err.message);
	assert_int_equal(2, cell.count);
	cells_clear(&cell, 1);
	remove(path);
	close(fd);
}

/* One after the other was found, each by a measurement of its own. A program of another job is not
 * asked again when it failed at the first. */
static void all_that_do_wrong_are_told_at_once(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	char path[] = "/tmp/tiphys-measure-XXXXXX", script[128];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	snprintf(script, sizeof script, "echo x >>%s; echo right", path);
	struct cell cells[] = {
	    CELL("one", script),
	    CELL("two", "echo wrong"),
	    CELL("three", "exit 3"),
	    {.job = "next", .contender = "one", .run = measure_command, .env = SHELL("echo more")},
	    {.job = "next", .contender = "two", .run = measure_command, .env = SHELL("exit 5")},
	    {.job = "next",
	     .contender = "four",
	     .run = measure_command,
	     .env = (char *[]){"/no/such/program", NULL}},
	};
	const size_t count = sizeof cells / sizeof cells[0];
	assert_false(measure(cells, count, &err));
	assert_string_equal("line by two: prints \"wrong \", not \"right\n\"\n"
	                    "line by three: ended with status 3, not 0: \n"
	                    "next by four: cannot start /no/such/program: No such file or directory",
	                    err.message);
	/* Nothing was measured. */
	assert_int_equal(0, cells[0].count);
	struct stat st;
	assert_int_equal(0, fstat(fd, &st));
	assert_int_equal(2, st.st_size);
	cells_clear(cells, count);
	remove(path);
	close(fd);
}

/* Others would be held to what it printed. */
static void who_others_are_held_to_ends_it_at_once(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct cell cells[] = {CELL("one", "echo right; exit 2"), CELL("two", "exit 3")};
	assert_false(measure(cells, 2, &err));
	assert_string_equal("line by one: ended with status 2, not 0: ", err.message);
	cells_clear(cells, 2);
}

static void refusal_is_told_and_left_out(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct cell cells[] = {
	    CELL("one", "echo right"),
	    CELL("two", "echo 'no vectors' >&2; exit 1", .may_refuse = true),
	};
	assert_true(measure(cells, 2, &err));
	assert_int_equal(5, cells[0].count);
	assert_int_equal(0, cells[1].count);
	assert_string_equal("status 1: no vectors", cells[1].refusal);
	cells_clear(cells, 2);
}

static void wrong_output_is_no_refusal(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct cell cell = CELL("one", "echo wrong", .expected = "right\n", .may_refuse = true);
	assert_false(measure(&cell, 1, &err));
	cells_clear(&cell, 1);
}

/* A contender that died took no part, and the command ended with 0: silent ones, a SIGSEGV, and
 * what could not be started passed for engines without vectors. */
static void crash_is_no_refusal(void **state)
{
	(void)state;
	static const struct {
		char *script;
		const char *told;
	} rows[] = {
	    {"echo 'going down' >&2; kill -SEGV $$", "line by two: ended with status 139, not 0: "},
	    {"exit 1", "line by two: ended with status 1, not 0: "},
	    {"/no/such/program", "line by two: ended with status 127, not 0: "},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err = ERROR_INIT;
		struct cell cells[] = {
		    CELL("one", "echo right"),
		    CELL("two", rows[i].script, .may_refuse = true),
		};
		assert_false(measure(cells, 2, &err));
		assert_in(rows[i].told, err.message);
		cells_clear(cells, 2);
	}
}

/* iwasm says it on its output and ends with 255; a panic of Rust's begins with an empty line. */
static void refusals_of_engines_are_understood(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct cell cells[] = {
	    CELL("one", "echo right"),
	    CELL("two", "echo 'load failed: no simd'; exit 255", .may_refuse = true),
	    CELL("three", "printf '\nthread panicked\nnot implemented\n' >&2; exit 101",
	         .may_refuse = true),
	};
	assert_true(measure(cells, 3, &err));
	assert_string_equal("load failed: no simd ", cells[1].refusal);
	assert_string_equal("status 101: thread panicked", cells[2].refusal);
	cells_clear(cells, 3);
}

/* Who ran when, as letters. */
static char diary[256];
static size_t diary_size;

static bool run_diarist(void *env, struct process_result *result, struct error *err)
{
	(void)err;
	diary[diary_size++] = *(const char *)env;
	result->wall = 1;
	result->output = strdup("");
	return true;
}

/* What came right behind a run of the same module found it in the caches, each time. */
static void neighbours_of_a_job_change_places(void **state)
{
	(void)state;
	enum { ROUNDS_RUN = 20, CELLS = 4 };
	struct error err = ERROR_INIT;
	struct cell cells[CELLS] = {
	    {.job = "j", .contender = "a", .run = run_diarist, .env = "a"},
	    {.job = "j", .contender = "b", .run = run_diarist, .env = "b"},
	    {.job = "j", .contender = "c", .run = run_diarist, .env = "c"},
	    {.job = "k", .contender = "d", .run = run_diarist, .env = "d"},
	};
	const struct measure_options options = {
	    .title = "test", .rounds = ROUNDS_RUN, .shuffles = true};
	diary_size = 0;
	assert_true(measure_cells(cells, CELLS, &options, &err));
	assert_int_equal(ROUNDS_RUN * CELLS, diary_size);
	assert_memory_equal("abcd", diary, CELLS);
	bool has_followed[3][3] = {0};
	for (size_t round = 0; round < ROUNDS_RUN; round++) {
		const char *entry = diary + round * CELLS;
		assert_int_equal('a' + 'b' + 'c', entry[0] + entry[1] + entry[2]);
		assert_int_equal('d', entry[3]);
		has_followed[entry[0] - 'a'][entry[1] - 'a'] = true;
		has_followed[entry[1] - 'a'][entry[2] - 'a'] = true;
	}
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++)
			assert_true(has_followed[i][j] || i == j);
	cells_clear(cells, CELLS);
}

/* A contender whose times are the test's own: what is reckoned from them does not hang on the
 * machine. */
struct script {
	const double *walls; /* one after the other; the last one for ever */
	size_t count, done;
};

static bool run_script(void *env, struct process_result *result, struct error *err)
{
	struct script *script = env;
	(void)err;
	result->wall = script->walls[script->done < script->count ? script->done : script->count - 1];
	script->done++;
	result->output = strdup("");
	return true;
}

static void what_scatters_goes_on_until_it_does_not(void **state)
{
	(void)state;
	static const double even[] = {1}, odd[] = {9, 1, 9, 1, 9, 2};
	struct error err = ERROR_INIT;
	struct script scripts[] = {{even, 1, 0}, {odd, COUNT(odd), 0}};
	struct cell cells[] = {
	    {.job = "j", .contender = "even", .run = run_script, .env = &scripts[0]},
	    {.job = "j", .contender = "odd", .run = run_script, .env = &scripts[1]},
	};
	const struct measure_options options = {
	    .title = "test", .rounds = 5, .settle_seconds = 3600, .rounds_max = 1000};
	assert_true(measure_cells(cells, 2, &options, &err));
	assert_int_equal(5, cells[0].count);
	assert_in_range(cells[1].count, 6, 999);
	assert_true(summarize(cells[1].wall, cells[1].count).spread <= SPREAD_LIMIT);
	cells_clear(cells, 2);
}

/* Rounds that one of the two had alone would compare two different times of the machine. */
static void reference_goes_on_beside_what_scatters(void **state)
{
	(void)state;
	static double even[] = {1}, odd[64];
	struct error err = ERROR_INIT;
	for (size_t i = 0; i < COUNT(odd); i++)
		odd[i] = i % 2 == 0 ? 1 : 9;
	struct script scripts[] = {
	    {odd, COUNT(odd), 0}, {odd, COUNT(odd), 0}, {even, 1, 0}, {even, 1, 0}, {even, 1, 0}};
	struct cell cells[] = {
	    {.job = "j", .contender = "odd", .run = run_script, .env = &scripts[0]},
	    {.job = "j", .contender = "odd, too", .run = run_script, .env = &scripts[1]},
	    {.job = "j", .contender = "reference", .run = run_script, .env = &scripts[2]},
	    {.job = "other", .contender = "reference", .run = run_script, .env = &scripts[3]},
	    {.job = "j", .contender = "even", .run = run_script, .env = &scripts[4]},
	};
	const struct measure_options options = {.title = "test",
	                                        .rounds = 5,
	                                        .settle_seconds = 3600,
	                                        .rounds_max = 20,
	                                        .reference = "reference"};
	assert_true(measure_cells(cells, COUNT(cells), &options, &err));
	assert_int_equal(20, cells[0].count);
	assert_int_equal(20, cells[1].count);
	assert_int_equal(20, cells[2].count);
	assert_int_equal(5, cells[3].count);
	assert_int_equal(5, cells[4].count);
	cells_clear(cells, COUNT(cells));
}

static void what_never_settles_has_an_end(void **state)
{
	(void)state;
	static double odd[64];
	struct error err = ERROR_INIT;
	for (size_t i = 0; i < COUNT(odd); i++)
		odd[i] = i % 2 == 0 ? 1 : 9;
	struct script script = {odd, COUNT(odd), 0};
	struct cell cell = {.job = "j", .contender = "odd", .run = run_script, .env = &script};
	const struct measure_options options = {
	    .title = "test", .rounds = 5, .settle_seconds = 3600, .rounds_max = 20};
	assert_true(measure_cells(&cell, 1, &options, &err));
	assert_int_equal(20, cell.count);
	cells_clear(&cell, 1);
}

/* 0.4 s into a burst of 1 s go three times; what takes longer is run once. */
static void short_runs_are_bundled(void **state)
{
	(void)state;
	static const double walls[] = {0.4, 0.3, 0.5, 2, 0.125};
	struct error err = ERROR_INIT;
	struct script script = {walls, COUNT(walls), 0};
	struct cell cell = {.job = "j", .contender = "a", .run = run_script, .env = &script};
	const struct measure_options options = {.title = "test", .rounds = 3, .burst_seconds = 1};
	assert_true(measure_cells(&cell, 1, &options, &err));
	assert_int_equal(3, cell.count);
	assert_true(cell.wall[0] == 0.4 && cell.wall[1] == 2 && cell.wall[2] == 0.125);
	assert_int_equal(3 + 1 + 8, cell.run_count);
	assert_true(cell.runs[1] == 0.3);
	cells_clear(&cell, 1);
}

static void missing_program_is_named(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct cell cell = {.job = "line",
	                    .contender = "one",
	                    .run = measure_command,
	                    .env = ((char *[]){"/no/such/program", NULL})};
	assert_false(measure(&cell, 1, &err));
	assert_in("line by one: cannot start /no/such/program", err.message);
	cells_clear(&cell, 1);
}

static void signal_is_a_status(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	cleanup_process struct process_result result = {0};
	assert_true(process_run(SHELL("kill -9 $$"), NULL, &result, &err));
	assert_int_equal(128 + 9, result.status);
}

static void slow_program_is_killed(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	cleanup_process struct process_result result = {0};
	assert_false(
	    process_run(SHELL("sleep 600"), &(struct process_options){.seconds = 1}, &result, &err));
	assert_in("it was not done in time", err.message);
	assert_int_equal(128 + 9, result.status);
}

static void endless_output_is_ended(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	cleanup_process struct process_result result = {0};
	struct process_options options = {.output_limit = 4096};
	assert_false(process_run(SHELL("yes"), &options, &result, &err));
	assert_in("it prints more than 4096 bytes", err.message);
}

/* A pipe that something in the background keeps open would be waited for until the deadline. */
static void background_may_keep_discarded_output(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	cleanup_process struct process_result result = {0};
	struct process_options options = {.seconds = 20, .discards_output = true};
	assert_true(process_run(SHELL("sleep 25 & exit 4"), &options, &result, &err));
	assert_int_equal(4, result.status);
	assert_true(result.wall < 20);
}

static void closed_output_is_not_the_end(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	cleanup_process struct process_result result = {0};
	struct process_options options = {.seconds = 1};
	assert_false(process_run(SHELL("exec >&- 2>&-; sleep 600"), &options, &result, &err));
	assert_in("it was not done in time", err.message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(figures_of_every_round_are_kept),
	    cmocka_unit_test(other_output_fails),
	    cmocka_unit_test(no_output_fails),
	    cmocka_unit_test(other_status_fails_with_the_complaint),
	    cmocka_unit_test(every_round_is_checked),
	    cmocka_unit_test(all_that_do_wrong_are_told_at_once),
	    cmocka_unit_test(who_others_are_held_to_ends_it_at_once),
	    cmocka_unit_test(refusal_is_told_and_left_out),
	    cmocka_unit_test(wrong_output_is_no_refusal),
	    cmocka_unit_test(crash_is_no_refusal),
	    cmocka_unit_test(refusals_of_engines_are_understood),
	    cmocka_unit_test(neighbours_of_a_job_change_places),
	    cmocka_unit_test(what_scatters_goes_on_until_it_does_not),
	    cmocka_unit_test(reference_goes_on_beside_what_scatters),
	    cmocka_unit_test(what_never_settles_has_an_end),
	    cmocka_unit_test(short_runs_are_bundled),
	    cmocka_unit_test(missing_program_is_named),
	    cmocka_unit_test(signal_is_a_status),
	    cmocka_unit_test(slow_program_is_killed),
	    cmocka_unit_test(endless_output_is_ended),
	    cmocka_unit_test(background_may_keep_discarded_output),
	    cmocka_unit_test(closed_output_is_not_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
