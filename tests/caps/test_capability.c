/* Deny by default: walks the table, and proves each row on an empty set. */
#include "tests/caps/fixture.h"

#include "caps/broker.h"

static int ask_args(struct caps *caps)
{
	return (int)caps_args(caps).count;
}

static int ask_env(struct caps *caps)
{
	return (int)caps_env(caps).count;
}

static int ask_read(struct caps *caps)
{
	char byte;
	struct iovec iov = iov_of(&byte, 1);
	return (int)caps_fd_read(caps, 0, &iov, 1);
}

static int ask_write(struct caps *caps, uint32_t fd)
{
	char byte = 'x';
	struct iovec iov = iov_of(&byte, 1);
	return (int)caps_fd_write(caps, fd, &iov, 1);
}

static int ask_stdout(struct caps *caps)
{
	return ask_write(caps, 1);
}

static int ask_stderr(struct caps *caps)
{
	return ask_write(caps, 2);
}

static int ask_files(struct caps *caps)
{
	return caps_path_open(caps, ROOT_FD, "file", &(struct caps_open){.read = true});
}

static int ask_clock(struct caps *caps)
{
	int64_t ns;
	assert_int_equal(caps_wait(caps, NULL, 0, 1), -EACCES);
	assert_int_equal(caps_clock_resolution(caps, CLOCK_MONOTONIC, &ns), -EACCES);
	return caps_clock_time(caps, CLOCK_REALTIME, &ns);
}

static int ask_random(struct caps *caps)
{
	char byte;
	return caps_random(caps, &byte, 1);
}

static int ask_http(struct caps *caps)
{
	const struct caps_http_request request = {.method = {"GET", 3}, .url = {"http://a.b/", 11}};
	return (int)caps_http_open(caps, &request);
}

static int ask_kv(struct caps *caps)
{
	struct caps_text value;
	return caps_kv_get(caps, (struct caps_text){"key", 3}, &value);
}

static int ask_socket(struct caps *caps)
{
	return caps_socket_find(caps, (struct caps_text){"a.b:1", 5});
}

static int ask_blob(struct caps *caps)
{
	return (int)caps_blob_put(caps, (struct caps_text){"b", 1}, (struct caps_text){"k", 1});
}

/* What a use of each capability answers while it is denied. A capability with a provider and
 * without a line here fails the test: it needs its proof. */
static const struct {
	int (*ask)(struct caps *caps);
	int answer;
	bool has_sentence; /* "add --random"; not for what every program asks for at its start */
} proofs[CAPABILITY_COUNT] = {
    [CAP_ARGS] = {ask_args, 0, false},         [CAP_ENV] = {ask_env, 0, false},
    [CAP_STDIN] = {ask_read, -EBADF, true},    [CAP_STDOUT] = {ask_stdout, -EBADF, true},
    [CAP_STDERR] = {ask_stderr, -EBADF, true}, [CAP_FILES] = {ask_files, -EBADF, true},
    [CAP_CLOCK] = {ask_clock, -EACCES, true},  [CAP_RANDOM] = {ask_random, -EACCES, true},
    [CAP_HTTP] = {ask_http, -EACCES, true},    [CAP_KV] = {ask_kv, -EACCES, true},
    [CAP_BLOB] = {ask_blob, -EACCES, true},    [CAP_SOCKETS] = {ask_socket, -EACCES, true},
};

static void each_row_is_denied_by_default(void **state)
{
	(void)state;
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		const struct capability_row *row = capability_row(id);
		assert_non_null(row);
		assert_false(row->granted_by_default);
		if (row->provider == NULL) {
			/* Nothing in this folder grants it; tests/plugin/test_policy.c shows that a policy that
			 * names it is refused. */
			assert_null(proofs[id].ask);
			continue;
		}
		assert_non_null(proofs[id].ask);
		assert_int_equal(row->denial_is_empty, !proofs[id].has_sentence);
		struct caps *caps = caps_create();
		assert_false(caps_is_granted(caps, id));
		assert_false(caps_was_denied(caps, id));
		int answer = proofs[id].ask(caps);
		if (answer != proofs[id].answer)
			fail_msg("%s: answered %d", row->name, answer);
		assert_true(caps_was_denied(caps, id));
		for (int other = 0; other < CAPABILITY_COUNT; other++)
			assert_int_equal(caps_was_denied(caps, other), other == id);
		if (proofs[id].has_sentence) {
			assert_non_null(caps_denial(caps));
			assert_non_null(strstr(caps_denial(caps), row->name));
			/* The option of an output sets its limit, and gives it back to nobody. */
			if (id == CAP_STDOUT || id == CAP_STDERR)
				assert_non_null(strstr(caps_denial(caps), "--no-std"));
			else
				assert_non_null(strstr(caps_denial(caps), row->option));
		} else {
			assert_null(caps_denial(caps));
		}
		caps_destroy(caps);
	}
}

static void every_column_is_filled(void **state)
{
	(void)state;
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		const struct capability_row *row = capability_row(id);
		assert_true(strlen(row->name) > 0 && strlen(row->sentence) > 0);
		assert_true(strlen(row->option) > 0 && strlen(row->answer) > 0);
		assert_true(strlen(row->parameters) > 0);
		for (int other = 0; other < id; other++)
			assert_string_not_equal(row->name, capability_row(other)->name);
	}
	for (int id = 0; id < LIMIT_COUNT; id++) {
		const struct limit_row *row = limit_row(id);
		assert_true(strlen(row->name) > 0 && strlen(row->sentence) > 0);
		assert_true(strlen(row->by_default) > 0 && strlen(row->parameters) > 0);
		assert_true(strlen(row->answer) > 0);
		for (int other = 0; other < id; other++)
			assert_string_not_equal(row->name, limit_row(other)->name);
	}
	assert_null(limit_row(LIMIT_COUNT));
	assert_null(capability_row(CAPABILITY_COUNT));
	assert_null(capability_row((enum capability) - 1));
}

static void sentence_names_what_to_add(void **state)
{
	(void)state;
	struct caps *caps = caps_create();
	char byte;
	caps_random(caps, &byte, 1);
	int64_t ns;
	caps_clock_time(caps, CLOCK_REALTIME, &ns);
	assert_string_equal(caps_denial(caps),
	                    "the module asked for random, which is not granted; add --random");
	caps_destroy(caps);

	/* The author of a template was told options of a command line. */
	caps = caps_create();
	caps_set_granter(caps, CAPS_GRANTER_TEMPLATE);
	caps_random(caps, &byte, 1);
	assert_string_equal(
	    caps_denial(caps),
	    "the module asked for random, which is not granted; add permissions.random");
	caps_destroy(caps);
}

/* A limit was told as the way to get it, and with one it was not granted either. */
static void an_output_that_was_taken_away_is_told_so(void **state)
{
	(void)state;
	struct caps *caps = caps_create();
	caps_set_granter(caps, CAPS_GRANTER_TEMPLATE);
	ask_stdout(caps);
	assert_string_equal(
	    caps_denial(caps),
	    "the module asked for stdout, which is not granted; list stdout in permissions.stdio");
	caps_destroy(caps);
}

/* An empty set has no descriptor at all, and the three low numbers are never given to a file. */
static void empty_set_has_no_descriptors(void **state)
{
	(void)state;
	struct caps *caps = caps_create();
	struct caps_fd_info info;
	for (uint32_t fd = 0; fd < 1000; fd++)
		assert_int_equal(caps_fd_info(caps, fd, &info), -EBADF);
	assert_int_equal(caps_fd_info(caps, UINT32_MAX, &info), -EBADF);
	assert_int_equal(caps_grant_dir(caps, "/", "/", CAPS_READ_ONLY), 0);
	assert_int_equal(caps_fd_info(caps, 0, &info), -EBADF);
	assert_int_equal(caps_fd_info(caps, ROOT_FD, &info), 0);
	assert_string_equal(info.preopen, "/");
	caps_destroy(caps);
}

/* README.md shows the table to people: each row as it stands here, and no row that is gone. */
static void readme_shows_the_table(void **state)
{
	static char text[1 << 20];
	(void)state;
	FILE *file = fopen(SOURCE_ROOT "/README.md", "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	char line[1024];
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		const struct capability_row *row = capability_row(id);
		const char *tick = row->provider != NULL ? "`" : "";
		snprintf(line, sizeof line, "\n| `%s` | %s | %s%s%s | %s |\n", row->name, row->sentence,
		         tick, row->provider != NULL ? row->option : "not in this build", tick,
		         row->answer);
		if (strstr(text, line) == NULL)
			fail_msg("README.md lacks:%s", line);
	}
	for (int id = 0; id < LIMIT_COUNT; id++) {
		const struct limit_row *row = limit_row(id);
		const char *tick = *row->option != '\0' ? "`" : "";
		snprintf(line, sizeof line, "\n| `%s` | %s | %s | %s%s%s |\n", row->name, row->sentence,
		         row->by_default, tick, *row->option != '\0' ? row->option : "nothing", tick);
		if (strstr(text, line) == NULL)
			fail_msg("README.md lacks:%s", line);
	}
	const char *at = strstr(text, "\n### Permissions\n");
	const char *end = at != NULL ? strstr(at, "\n## ") : NULL;
	assert_non_null(end);
	int rows = 0;
	for (; (at = strstr(at, "\n| `")) != NULL && at < end; at++)
		rows++;
	assert_int_equal(rows, CAPABILITY_COUNT + LIMIT_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_row_is_denied_by_default),
	    cmocka_unit_test(every_column_is_filled),
	    cmocka_unit_test(readme_shows_the_table),
	    cmocka_unit_test(sentence_names_what_to_add),
	    cmocka_unit_test(an_output_that_was_taken_away_is_told_so),
	    cmocka_unit_test(empty_set_has_no_descriptors),
	};
	return cmocka_run_group_tests_name("caps/capability", tests, NULL, NULL);
}
