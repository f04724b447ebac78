#include "tests/plugin/table.h"

#include "plugin/reach.h"

#define NAME "write the address itself"
#define NEVER "http.allowed_hosts of a --policy-ceiling lists it"

/* What a connection of that host to that address is told; NULL: nothing. */
static const struct {
	enum reach reach;
	const char *host, *address, *refusal;
} rows[] = {
    {REACH_ANYWHERE, "localhost", "127.0.0.1", NULL},
    {REACH_ANYWHERE, "169.254.169.254", "169.254.169.254", NULL},
    {REACH_NAMED, "example.org", "8.8.8.8", NULL},
    {REACH_NAMED, "minio.argo", "10.0.0.1", NULL},
    {REACH_NAMED, "localhost", "127.0.0.1", NAME},
    {REACH_NAMED, "localhost", "::1", NAME},
    {REACH_NAMED, "localhost", "::ffff:127.0.0.1", NAME},
    {REACH_NAMED, "127.0.0.1", "127.0.0.1", NULL},
    {REACH_NAMED, "[::1]", "::1", NULL},
    {REACH_NAMED, "127.0.0.1", "127.0.0.2", NAME},
    {REACH_NAMED, "[::1]", "127.0.0.1", NAME},
    {REACH_NAMED, "[::1", "::1", NAME},
    {REACH_NAMED, "169.254.169.254", "169.254.169.254", NEVER},
    {REACH_NAMED, "[fd00:ec2::254]", "fd00:ec2::254", NEVER},
    {REACH_NAMED, "[::ffff:169.254.169.254]", "::ffff:169.254.169.254", NEVER},
    {REACH_NAMED, "metadata.example", "169.254.169.254", NEVER},
    {REACH_NAMED, "0.0.0.0", "0.0.0.0", NEVER},
    {REACH_NAMED, "224.0.0.1", "224.0.0.1", NEVER},
    {REACH_LISTED, "169.254.169.254", "169.254.169.254", NULL},
    {REACH_LISTED, "metadata.example", "169.254.169.254", NEVER},
    {REACH_LISTED, "localhost", "127.0.0.1", NAME},
    {REACH_LISTED, "127.0.0.1", "127.0.0.1", NULL},
};

static void special_addresses_are_reached_by_themselves(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct address address;
		struct error err = ERROR_INIT;
		assert_true(address_parse(rows[i].address, &address));
		bool lets = reach_lets(rows[i].reach, rows[i].host, &address, &err);
		if (lets != (rows[i].refusal == NULL))
			fail_msg("%s to %s: %s", rows[i].host, rows[i].address, lets ? "let" : err.message);
		if (!lets) {
			assert_in(rows[i].refusal, err.message);
			assert_in(rows[i].host, err.message);
			assert_int_equal(err.kind, ERROR_DENIED);
		}
	}
}

static void of_names_nothing_is_known(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	assert_true(reach_lets_host(REACH_NAMED, "localhost", &err));
	assert_true(reach_lets_host(REACH_NAMED, "127.0.0.1", &err));
	assert_true(reach_lets_host(REACH_LISTED, "169.254.169.254", &err));
	assert_false(reach_lets_host(REACH_NAMED, "169.254.169.254", &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(special_addresses_are_reached_by_themselves),
	    cmocka_unit_test(of_names_nothing_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
