#include "tests/plugin/table.h"

#include "plugin/challenge.h"

static const struct {
	const char *lines;
	enum challenge_scheme scheme;
	const char *realm, *service, *scope;
} rows[] = {
    {"", CHALLENGE_NONE, "", "", ""},
    {"Basic realm=\"x\"\n", CHALLENGE_BASIC, "", "", ""},
    {"basic\n", CHALLENGE_BASIC, "", "", ""},
    {"Digest realm=\"x\"\n", CHALLENGE_NONE, "", "", ""},
    {"Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a/b:pull,push\"\n",
     CHALLENGE_BEARER, "https://a/t", "s", "repository:a/b:pull,push"},
    {"BEARER Realm=https://a/t , service=s\n", CHALLENGE_BEARER, "https://a/t", "s", ""},
    {"Bearer service=\"s\",realm=\"https://a/t\",error=\"invalid_token\"\n", CHALLENGE_BEARER,
     "https://a/t", "s", ""},
    {"Bearer realm=\"a\\\"b\"\n", CHALLENGE_BEARER, "a\"b", "", ""},
    {"Basic realm=\"x\"\nBearer realm=\"r\"\n", CHALLENGE_BEARER, "r", "", ""},
    {"Bearer realm=\"r\"\nBasic realm=\"x\"\n", CHALLENGE_BEARER, "r", "", ""},
    /* what does not parse is passed over */
    {"Bearer\n", CHALLENGE_NONE, "", "", ""},
    {"Bearer service=\"s\"\n", CHALLENGE_NONE, "", "", ""},
    {"Bearer realm=\"r\n", CHALLENGE_NONE, "", "", ""},
    {"Bearer realm\n", CHALLENGE_NONE, "", "", ""},
    {"Bearer realm=\"r\" junk\n", CHALLENGE_NONE, "", "", ""},
    {"Bearer realm=\"\\\n", CHALLENGE_NONE, "", "", ""},
    {"Bearer realm=\"r\nBasic\n", CHALLENGE_BASIC, "", "", ""},
};

static void every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct challenge challenge;
		challenge_parse(rows[i].lines, &challenge);
		if (challenge.scheme != rows[i].scheme)
			fail_msg("%s", rows[i].lines);
		assert_string_equal(challenge.realm, rows[i].realm);
		assert_string_equal(challenge.service, rows[i].service);
		assert_string_equal(challenge.scope, rows[i].scope);
	}
}

static void too_long(void **state)
{
	(void)state;
	char lines[4096];
	struct challenge challenge;
	memset(lines, 'a', sizeof lines);
	memcpy(lines, "Bearer realm=\"", 14);
	strcpy(lines + sizeof lines - 3, "\"\n");
	challenge_parse(lines, &challenge);
	assert_int_equal(challenge.scheme, CHALLENGE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_form),
	    cmocka_unit_test(too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
