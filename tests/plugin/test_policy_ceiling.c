/* plugin/policy_ceiling: what is more than an administrator grants, kind by kind. */
#include "plugin/policy_ceiling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Policies are put together here, since a build may lack the providers that a document would name.
 */
static struct policy ceiling, asked;

static void both(void)
{
	ceiling = (struct policy){.source = "ceiling.yaml"};
	asked = (struct policy){.source = "permissions"};
	for (int i = 0; i < POLICY_FIELD_COUNT; i++)
		ceiling.marks[i] = (struct policy_mark){7, 3};
}

static void give(enum policy_field field)
{
	ceiling.is_given[field] = asked.is_given[field] = true;
}

static void assert_granted(void)
{
	struct error err = ERROR_INIT;
	if (!policy_ceiling_check(&ceiling, &asked, &err))
		fail_msg("denied: %s", err.message);
}

static void assert_denied(const char *message)
{
	struct error err = ERROR_INIT;
	assert_false(policy_ceiling_check(&ceiling, &asked, &err));
	assert_int_equal(err.kind, ERROR_DENIED);
	assert_string_equal(err.message, message);
}

static void what_is_not_named_is_denied(void **state)
{
	struct policy_directory dir = {.host = "/d", .guest = "/d", .access = POLICY_READ};
	(void)state;
	both();
	asked.is_given[POLICY_FILES] = true;
	asked.files.items = &dir;
	asked.files.count = 1;
	assert_denied(
	    "permissions.files[0]: the ceiling does not name files, so nobody gets it (ceiling.yaml)");
	both();
	asked.is_given[POLICY_CLOCK] = true;
	assert_granted(); /* clock: none */
	asked.clock.granted = true;
	assert_denied(
	    "permissions.clock: the ceiling does not name clock, so nobody gets it (ceiling.yaml)");
	both();
	asked.is_given[POLICY_KV] = true;
	asked.kv = POLICY_READ;
	assert_denied("permissions.kv: the ceiling does not name kv, so nobody gets it (ceiling.yaml)");
}

static void arguments_and_streams_are_not_bounded(void **state)
{
	(void)state;
	both();
	asked.is_given[POLICY_ARGS] = asked.is_given[POLICY_ENV] = asked.is_given[POLICY_STDIO] = true;
	asked.stdio.in = true;
	assert_granted();
}

static void directories(void **state)
{
	struct policy_directory most[] = {{.host = "/data", .access = POLICY_READ},
	                                  {.host = "/out", .access = POLICY_READ_WRITE}};
	static const struct {
		const char *host;
		enum policy_access access;
		const char *message;
	} rows[] = {
	    {"/data", POLICY_READ, NULL},
	    {"/out", POLICY_READ, NULL},
	    {"/out", POLICY_READ_WRITE, NULL},
	    {"/etc", POLICY_NO_ACCESS, NULL},
	    {"/data", POLICY_READ_WRITE,
	     "permissions.files[0]: /data rw without a quota is more than the ceiling grants "
	     "(ceiling.yaml:7:3: "
	     "files)"},
	    {"/data/below", POLICY_READ,
	     "permissions.files[0]: /data/below ro is more than the ceiling grants (ceiling.yaml:7:3: "
	     "files)"},
	    {"/data/../etc", POLICY_READ,
	     "permissions.files[0]: /data/../etc ro is more than the ceiling grants (ceiling.yaml:7:3: "
	     "files)"},
	    {"/", POLICY_READ,
	     "permissions.files[0]: / ro is more than the ceiling grants (ceiling.yaml:7:3: files)"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct policy_directory dir = {
		    .host = rows[i].host, .guest = "/g", .access = rows[i].access};
		both();
		give(POLICY_FILES);
		ceiling.files = (struct policy_directories){most, 2};
		asked.files = (struct policy_directories){&dir, 1};
		if (rows[i].message == NULL)
			assert_granted();
		else
			assert_denied(rows[i].message);
	}
}

static void a_quota_of_the_ceiling_asks_for_one(void **state)
{
	struct policy_directory most = {.host = "/d", .access = POLICY_READ_WRITE, .quota = 100};
	struct policy_directory dir = {.host = "/d", .guest = "/g", .access = POLICY_READ_WRITE};
	(void)state;
	both();
	give(POLICY_FILES);
	ceiling.files = (struct policy_directories){&most, 1};
	asked.files = (struct policy_directories){&dir, 1};
	assert_denied("permissions.files[0]: /d rw without a quota is more than the ceiling grants "
	              "(ceiling.yaml:7:3: files)");
	dir.quota = 101;
	assert_denied("permissions.files[0]: /d rw with that quota is more than the ceiling grants "
	              "(ceiling.yaml:7:3: files)");
	dir.quota = 100;
	assert_granted();
	dir = (struct policy_directory){.host = "/d", .guest = "/g", .access = POLICY_READ};
	assert_granted();
}

/* Two names of one directory once gave its quota twice. */
static void a_quota_of_the_ceiling_is_given_once(void **state)
{
	struct policy_directory most[] = {
	    {.host = "/tmp", .access = POLICY_READ_WRITE, .quota = 100},
	    {.host = "/tmp/.", .access = POLICY_READ_WRITE, .quota = 100},
	    {.host = "/usr", .access = POLICY_READ_WRITE, .quota = 100},
	};
	struct policy_directory dirs[] = {
	    {.host = "/tmp", .guest = "/a", .access = POLICY_READ_WRITE, .quota = 100},
	    {.host = "/tmp", .guest = "/b", .access = POLICY_READ_WRITE, .quota = 1},
	};
	static const char *const same[] = {"/tmp", "/tmp/."};
	(void)state;
	both();
	give(POLICY_FILES);
	ceiling.files = (struct policy_directories){most, 3};
	asked.files = (struct policy_directories){dirs, 2};
	for (size_t i = 0; i < 2; i++) {
		char message[256];
		dirs[1].host = same[i];
		snprintf(message, sizeof message,
		         "permissions.files[1]: %s is asked for rw a second time, and would have its quota "
		         "twice; ask for it once",
		         same[i]);
		assert_denied(message);
	}
	dirs[1].host = "/usr";
	assert_granted();
	dirs[1] = (struct policy_directory){.host = "/tmp", .guest = "/b", .access = POLICY_READ};
	assert_granted();
	dirs[1] = dirs[0];
	for (size_t i = 0; i < 3; i++)
		most[i].quota = 0;
	assert_granted();
}

static struct policy_origin origin_of(const char *text)
{
	struct policy_origin origin = {.text = text};
	struct error err = ERROR_INIT;
	assert_true(origin_parse(text, strlen(text), &origin.origin, NULL, &err));
	return origin;
}

static void origins_are_compared_by_scheme_host_and_port(void **state)
{
	struct policy_origin most = origin_of("https://api.example.org");
	static const struct {
		const char *text;
		bool is_granted;
	} rows[] = {
	    {"https://api.example.org", true},       {"https://API.example.org:443", true},
	    {"http://api.example.org", false},       {"https://api.example.org:8443", false},
	    {"https://api.example.org.evil", false}, {"https://example.org", false},
	    {"https://x.api.example.org", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct policy_origin origin = origin_of(rows[i].text);
		struct error err = ERROR_INIT;
		both();
		give(POLICY_HTTP_HOSTS);
		ceiling.http.hosts = (struct policy_origins){&most, 1};
		asked.http.hosts = (struct policy_origins){&origin, 1};
		if (policy_ceiling_check(&ceiling, &asked, &err) != rows[i].is_granted)
			fail_msg("%s: %s", rows[i].text, err.message);
	}
}

static void methods_and_numbers(void **state)
{
	struct policy_text most[] = {{.text = "GET"}, {.text = "HEAD"}};
	struct policy_text get[] = {{.text = "GET"}}, post[] = {{.text = "GET"}, {.text = "POST"}};
	(void)state;
	both();
	give(POLICY_HTTP_METHODS);
	ceiling.http.methods = (struct policy_texts){most, 2};
	asked.http.methods = (struct policy_texts){get, 1};
	assert_granted();
	asked.http.methods = (struct policy_texts){post, 2};
	assert_denied("permissions.http.methods[1]: POST is more than the ceiling grants "
	              "(ceiling.yaml:7:3: http.methods)");
	ceiling.is_given[POLICY_HTTP_METHODS] = false; /* no bound */
	assert_granted();

	both();
	give(POLICY_MEMORY);
	ceiling.limits.memory = asked.limits.memory = 1000;
	assert_granted();
	asked.limits.memory = 1001;
	assert_denied("permissions.limits.memory: 1001 bytes is more than the ceiling grants "
	              "(ceiling.yaml:7:3: limits.memory)");
	ceiling.is_given[POLICY_MEMORY] = false;
	assert_granted();
}

/* Whatever row policy.def has of them. */
static void every_number_is_bounded(void **state)
{
	int count = 0;
	(void)state;
	for (int field = 0; field < POLICY_FIELD_COUNT; field++) {
		const struct policy_row *row = policy_row((enum policy_field)field);
		char message[256];
		if (row->kind != POLICY_KIND_COUNT && row->kind != POLICY_KIND_DESCRIPTORS &&
		    row->kind != POLICY_KIND_BYTES && row->kind != POLICY_KIND_DURATION)
			continue;
		both();
		uint64_t *most = (uint64_t *)(void *)((char *)&ceiling + row->member);
		uint64_t *now = (uint64_t *)(void *)((char *)&asked + row->member);
		give((enum policy_field)field);
		*most = *now = 1000;
		assert_granted();
		*now = 1001;
		snprintf(message, sizeof message,
		         "permissions.%s: %s is more than the ceiling grants (ceiling.yaml:7:3: %s)",
		         row->path,
		         row->kind == POLICY_KIND_DURATION ? "1.001 s"
		         : row->kind == POLICY_KIND_BYTES  ? "1001 bytes"
		                                           : "1001",
		         row->path);
		assert_denied(message);
		/* One that is not asked for is the ceiling's own. */
		asked.is_given[field] = false;
		*now = 0;
		policy_ceiling_fill(&ceiling, &asked);
		assert_int_equal(*now, 1000);
		count++;
	}
	assert_int_equal(count, 8);
}

static void access_to_values(void **state)
{
	(void)state;
	for (int most = POLICY_NO_ACCESS; most <= POLICY_READ_WRITE; most++) {
		for (int now = POLICY_NO_ACCESS; now <= POLICY_READ_WRITE; now++) {
			struct error err = ERROR_INIT;
			both();
			give(POLICY_KV);
			ceiling.kv = (enum policy_access)most;
			asked.kv = (enum policy_access)now;
			assert_int_equal(policy_ceiling_check(&ceiling, &asked, &err), now <= most);
		}
	}
}

static void clocks_and_random(void **state)
{
	static const struct policy_clock clocks[] = {
	    {.granted = false},
	    {.granted = true, .mode = CAPS_CLOCK_FIXED},
	    {.granted = true, .mode = CAPS_CLOCK_COARSE},
	    {.granted = true, .mode = CAPS_CLOCK_REAL},
	};
	static const struct policy_random randoms[] = {
	    {.granted = false}, {.granted = true, .is_seeded = true}, {.granted = true}};
	struct error err = ERROR_INIT;
	(void)state;
	for (int most = 0; most < 4; most++) {
		for (int now = 0; now < 4; now++) {
			both();
			give(POLICY_CLOCK);
			ceiling.clock = clocks[most];
			asked.clock = clocks[now];
			error_clear(&err);
			assert_int_equal(policy_ceiling_check(&ceiling, &asked, &err), now <= most);
		}
	}
	for (int most = 0; most < 3; most++) {
		for (int now = 0; now < 3; now++) {
			both();
			give(POLICY_RANDOM);
			ceiling.random = randoms[most];
			asked.random = randoms[now];
			error_clear(&err);
			assert_int_equal(policy_ceiling_check(&ceiling, &asked, &err), now <= most);
		}
	}
}

static void buckets_and_sockets(void **state)
{
	struct policy_bucket most = {.bucket = "b", .prefix = "team/", .access = POLICY_READ};
	struct policy_bucket bucket = {.bucket = "b", .prefix = "team/x", .access = POLICY_READ};
	struct policy_endpoint db = {.text = "db:5432"}, other = {.text = "db:22"};
	struct error err = ERROR_INIT;
	(void)state;
	both();
	give(POLICY_BLOB);
	ceiling.blob = (struct policy_buckets){&most, 1};
	asked.blob = (struct policy_buckets){&bucket, 1};
	assert_granted();
	bucket.access = POLICY_READ_WRITE;
	assert_denied("permissions.blob[0]: b/team/x rw is more than the ceiling grants "
	              "(ceiling.yaml:7:3: blob)");
	bucket = (struct policy_bucket){.bucket = "b", .prefix = "team", .access = POLICY_READ};
	assert_false(policy_ceiling_check(&ceiling, &asked, &err));
	bucket = (struct policy_bucket){.bucket = "c", .prefix = "team/", .access = POLICY_READ};
	error_clear(&err);
	assert_false(policy_ceiling_check(&ceiling, &asked, &err));

	both();
	give(POLICY_SOCKETS);
	error_clear(&err);
	assert_true(endpoint_parse(db.text, strlen(db.text), 0, &db.endpoint, &err));
	assert_true(endpoint_parse(other.text, strlen(other.text), 0, &other.endpoint, &err));
	ceiling.sockets = (struct policy_endpoints){&db, 1};
	asked.sockets = (struct policy_endpoints){&db, 1};
	assert_granted();
	asked.sockets = (struct policy_endpoints){&other, 1};
	assert_denied("permissions.sockets[0]: db:22 is more than the ceiling grants "
	              "(ceiling.yaml:7:3: sockets)");
}

static void what_is_not_given_is_filled_with_the_limits(void **state)
{
	struct policy_text get[] = {{.text = "GET"}};
	(void)state;
	both();
	ceiling.is_given[POLICY_MEMORY] = ceiling.is_given[POLICY_HTTP_METHODS] = true;
	ceiling.is_given[POLICY_HTTP_BODY] = ceiling.is_given[POLICY_KV] = true;
	ceiling.limits.memory = 5;
	ceiling.http.methods = (struct policy_texts){get, 1};
	ceiling.http.max_body = 6;
	ceiling.kv = POLICY_READ_WRITE;
	asked.is_given[POLICY_HTTP_BODY] = true;
	asked.http.max_body = 3;
	policy_ceiling_fill(&ceiling, &asked);
	assert_int_equal(asked.limits.memory, 5);
	assert_int_equal(asked.http.max_body, 3);
	assert_int_equal(asked.http.methods.count, 1);
	assert_int_equal(asked.kv, POLICY_NO_ACCESS); /* a capability is never given by a ceiling */
}

static void modules_come_from_listed_registries(void **state)
{
	struct policy_text listed[] = {{.text = "ghcr.io/team"}, {.text = "registry.example.org:5000"}};
	static const struct {
		const char *host, *repository;
		bool is_granted;
	} rows[] = {
	    {"ghcr.io", "team/step", true},
	    {"ghcr.io", "team", true},
	    {"ghcr.io", "teams/step", false},
	    {"ghcr.io", "other/step", false},
	    {"registry.example.org:5000", "any/thing", true},
	    {"registry.example.org", "any/thing", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct error err = ERROR_INIT;
		both();
		assert_true(policy_ceiling_lets_module(&ceiling, rows[i].host, rows[i].repository, &err));
		ceiling.is_given[POLICY_REGISTRIES] = true;
		ceiling.registries = (struct policy_texts){listed, 2};
		if (policy_ceiling_lets_module(&ceiling, rows[i].host, rows[i].repository, &err) !=
		    rows[i].is_granted)
			fail_msg("%s/%s: %s", rows[i].host, rows[i].repository, err.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_not_named_is_denied),
	    cmocka_unit_test(arguments_and_streams_are_not_bounded),
	    cmocka_unit_test(directories),
	    cmocka_unit_test(a_quota_of_the_ceiling_asks_for_one),
	    cmocka_unit_test(a_quota_of_the_ceiling_is_given_once),
	    cmocka_unit_test(origins_are_compared_by_scheme_host_and_port),
	    cmocka_unit_test(methods_and_numbers),
	    cmocka_unit_test(every_number_is_bounded),
	    cmocka_unit_test(access_to_values),
	    cmocka_unit_test(clocks_and_random),
	    cmocka_unit_test(buckets_and_sockets),
	    cmocka_unit_test(what_is_not_given_is_filled_with_the_limits),
	    cmocka_unit_test(modules_come_from_listed_registries),
	};
	return cmocka_run_group_tests_name("policy_ceiling", tests, NULL, NULL);
}
