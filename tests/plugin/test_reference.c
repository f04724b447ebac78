#include "tests/plugin/table.h"

#include "plugin/reference.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA "sha256:" HEX64
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TAG128 A64 A64

static const struct {
	const char *text, *host, *repository, *tag;
	bool has_digest;
	const char *canonical;
} good[] = {
    {"ghcr.io/a/b:1", "ghcr.io", "a/b", "1", false, "ghcr.io/a/b:1"},
    {"ghcr.io/a/b", "ghcr.io", "a/b", "latest", false, "ghcr.io/a/b:latest"},
    {"ghcr.io/a/b@" SHA, "ghcr.io", "a/b", "", true, "ghcr.io/a/b@" SHA},
    {"ghcr.io/a/b:v1@" SHA, "ghcr.io", "a/b", "v1", true, "ghcr.io/a/b:v1@" SHA},
    {"x.io/a@sha512:" HEX64 HEX64, "x.io", "a", "", true, "x.io/a@sha512:" HEX64 HEX64},
    {"127.0.0.1:5000/qr:1", "127.0.0.1:5000", "qr", "1", false, "127.0.0.1:5000/qr:1"},
    {"localhost/qr", "localhost", "qr", "latest", false, "localhost/qr:latest"},
    {"localhost:65535/qr", "localhost:65535", "qr", "latest", false, "localhost:65535/qr:latest"},
    {"[::1]:5000/qr:1", "[::1]:5000", "qr", "1", false, "[::1]:5000/qr:1"},
    {"[::1]/qr", "[::1]", "qr", "latest", false, "[::1]/qr:latest"},
    {"alpine", "docker.io", "library/alpine", "latest", false, "docker.io/library/alpine:latest"},
    {"alpine:3", "docker.io", "library/alpine", "3", false, "docker.io/library/alpine:3"},
    {"me/tool", "docker.io", "me/tool", "latest", false, "docker.io/me/tool:latest"},
    {"docker.io/tool", "docker.io", "library/tool", "latest", false,
     "docker.io/library/tool:latest"},
    {"index.docker.io/me/tool", "docker.io", "me/tool", "latest", false,
     "docker.io/me/tool:latest"},
    {"x.io/a/b/c/d:1", "x.io", "a/b/c/d", "1", false, "x.io/a/b/c/d:1"},
    {"x.io/a.b_c__d---e:1", "x.io", "a.b_c__d---e", "1", false, "x.io/a.b_c__d---e:1"},
    {"x.io/0/1:_a.B-c", "x.io", "0/1", "_a.B-c", false, "x.io/0/1:_a.B-c"},
    {"x.io/a:" TAG128, "x.io", "a", TAG128, false, "x.io/a:" TAG128},
};

static void good_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct error err = ERROR_INIT;
		struct reference reference;
		char text[REFERENCE_TEXT_SIZE];
		if (!reference_parse(&reference, good[i].text, &err))
			fail_msg("%s: %s", good[i].text, err.message);
		assert_string_equal(reference.host, good[i].host);
		assert_string_equal(reference.repository, good[i].repository);
		assert_string_equal(reference.tag, good[i].tag);
		assert_int_equal(reference.has_digest, good[i].has_digest);
		assert_string_equal(reference_format(&reference, text), good[i].canonical);

		struct reference again;
		assert_true(reference_parse(&again, text, &err));
		char second[REFERENCE_TEXT_SIZE];
		assert_string_equal(reference_format(&again, second), text);
	}
}

static const struct {
	const char *text, *why;
} bad[] = {
    {"", "the repository is missing"},
    {"x.io/", "the repository is missing"},
    {"/a", "empty part"},
    {"x.io//a", "empty part"},
    {"x.io/a/", "empty part"},
    {"x.io/a//b", "empty part"},
    {"x.io/A", "lower-case"},
    {"x.io/aB", "lower-case"},
    {"x.io/a b", "stray"},
    {"x.io/a___b", "empty part"},
    {"x.io/a..b", "empty part"},
    {"x.io/-a", "empty part"},
    {"x.io/a-", "empty part"},
    {"x.io/a/../b", "empty part"},
    {"x.io/a?b", "stray"},
    {"x.io/a%2e:1", "stray"},
    {"x.io/a#b", "stray"},
    {"x.io/a\nb", "stray"},
    {"x.io/a:", "the tag does not begin"},
    {"x.io/a:.1", "the tag does not begin"},
    {"x.io/a:-1", "the tag does not begin"},
    {"x.io/a:1/2", "stray"},
    {"x.io/a:1 ", "stray"},
    {"x.io/a:1:2", "stray"},
    {"x.io/a:1\r\nX: y", "stray"},
    {"x.io/a:" TAG128 "a", "longer than 128"},
    {"x.io/a@", "digest"},
    {"x.io/a@sha256:", "digest"},
    {"x.io/a@sha256:0123", "digest"},
    {"x.io/a@" SHA "0", "digest"},
    {"x.io/a@md5:0123456789abcdef0123456789abcdef", "digest"},
    {"x.io/a@SHA256:" HEX64, "digest"},
    {"x.io/a@sha256:" A64 "@" SHA, "digest"},
    {"x.io/a@sha512:" HEX64, "digest"},
    {"x.io/a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "digest"},
    {"x.io:/a", "port"},
    {"x.io:0/a", "port"},
    {"x.io:65536/a", "port"},
    {"x.io:1x/a", "port"},
    {"x.io:+1/a", "port"},
    {"user@x.io/a", "digest"},
    {"x..io/a", "host"},
    {".x.io/a", "host"},
    {"x.io./a", "host"},
    {"-x.io/a", "host"},
    {"x_y.io/a", "stray character"},
    {"[::1/a", "bracketed"},
    {"[]/a", "bracketed"},
    {"[::1]5000/a", "host"},
    {"[g::1]:1/a", "bracketed"},
    {"https://x.io/a", "no scheme"},
    {"oci://x.io/a:1", "no scheme"},
    {"x.io/a:1://b", "no scheme"},
};

static void bad_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct error err = ERROR_INIT;
		struct reference reference;
		if (reference_parse(&reference, bad[i].text, &err))
			fail_msg("\"%s\" was taken", bad[i].text);
		assert_int_equal(err.kind, ERROR_USAGE);
		assert_in("is no module reference", err.message);
		assert_in(bad[i].why, err.message);
		for (const char *at = err.message; *at != '\0'; at++)
			assert_true(*at >= ' ' && *at <= '~');
	}
}

static void long_ones(void **state)
{
	(void)state;
	char text[4096];
	struct reference reference;
	for (size_t length = 250; length < sizeof text - 16; length += 97) {
		struct error err = ERROR_INIT;
		strcpy(text, "x.io/");
		memset(text + 5, 'a', length);
		text[5 + length] = '\0';
		assert_int_equal(reference_parse(&reference, text, &err),
		                 length <= REFERENCE_REPOSITORY_MAX);
	}
}

static const struct {
	const char *text, *fault; /* NULL: none */
} prefixes[] = {
    {"ghcr.io", NULL},
    {"ghcr.io/team", NULL},
    {"ghcr.io/team/sub-team", NULL},
    {"docker.io/library", NULL},
    {"localhost", NULL},
    {"127.0.0.1:5000/a", NULL},
    {"[::1]:5000", NULL},
    {"", "is empty"},
    {"https://mod.example", "scheme"},
    {"mod.example/", "ends in a slash"},
    {"mod.example/a/", "ends in a slash"},
    {"MOD.example", "capitals"},
    {"mod.example/A", "lower-case"},
    {"mod.example//a", "empty part"},
    {"mod.example:0", "port"},
    {"mod..example", "empty part"},
    {"mod.example/a:1", "tag"},
    {"mod.example/a@sha256:00", "digest"},
    {"team/step", "host"},
    {"/team", "host"},
    {"index.docker.io/team", "docker.io"},
    {"*.example", "stray character"},
};

static void prefixes_that_no_reference_has(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		const char *fault = reference_prefix_fault(prefixes[i].text), *words = prefixes[i].fault;
		if ((fault == NULL) != (words == NULL) || (words != NULL && strstr(fault, words) == NULL))
			fail_msg("%s: %s", prefixes[i].text, fault == NULL ? "taken" : fault);
		if (words != NULL)
			continue;
		/* And those that are taken, one has. */
		char text[REFERENCE_HOST_MAX + REFERENCE_REPOSITORY_MAX + 3];
		struct reference reference;
		struct error err = ERROR_INIT;
		snprintf(text, sizeof text, "%s/x:1", prefixes[i].text);
		if (!reference_parse(&reference, text, &err))
			fail_msg("%s: %s", text, err.message);
		snprintf(text, sizeof text, "%s/%s", reference.host, reference.repository);
		assert_memory_equal(text, prefixes[i].text, strlen(prefixes[i].text));
	}
}

static const struct {
	const char *host, *list;
	bool listed;
} listings[] = {
    {"127.0.0.1:5000", "127.0.0.1:5000", true},
    {"127.0.0.1:5000", "127.0.0.1", true},
    {"127.0.0.1:5000", " a.b , 127.0.0.1:5000 ", true},
    {"Host.Example:80", "host.example:80", true},
    {"[::1]:5000", "[::1]:5000", true},
    {"[::1]:5000", "[::1]", true},
    {"[::1]", "[::1]", true},
    {"127.0.0.1:5000", NULL, false},
    {"127.0.0.1:5000", "", false},
    {"127.0.0.1:5000", ",, ,", false},
    {"127.0.0.1:5000", "127.0.0.1:500", false},
    {"127.0.0.1:5000", "127.0.0.1:50000", false},
    {"127.0.0.1:5000", "127.0.0.11", false},
    {"127.0.0.1:5000", "27.0.0.1", false},
    {"127.0.0.1", "127.0.0.1:5000", false},
    {"[::1]:5000", "[", false},
    {"evil.127.0.0.1", "127.0.0.1", false},
};

static void insecure_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(listings); i++)
		if (reference_host_listed(listings[i].host, listings[i].list) != listings[i].listed)
			fail_msg("%s in %s", listings[i].host, listings[i].list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_ones),      cmocka_unit_test(bad_ones),
	    cmocka_unit_test(long_ones),      cmocka_unit_test(prefixes_that_no_reference_has),
	    cmocka_unit_test(insecure_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
