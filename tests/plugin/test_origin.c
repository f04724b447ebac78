#include "tests/plugin/table.h"

#include "plugin/origin.h"

#define USER "user name"
#define NO_NAME "no host name may"
#define V4 "no IPv4 address of four decimal numbers"
#define V6 "no IPv6 address"
#define PORT "no number from 1 to 65535"
#define BYTES "a space, a control character"
#define SCHEME "does not begin with http"
#define LABEL "label"

/* A URL, and either the one spelling of it or a part of the refusal. */
static const struct {
	const char *url, *spelling, *refusal;
} rows[] = {
    {"http://example.org", "http://example.org/", NULL},
    {"http://example.org/", "http://example.org/", NULL},
    {"HTTP://EXAMPLE.ORG/A?B=C", "http://example.org/A?B=C", NULL},
    {"hTTpS://Example.Org./x", "https://example.org/x", NULL},
    {"https://example.org:443/x", "https://example.org/x", NULL},
    {"https://example.org:80/x", "https://example.org:80/x", NULL},
    {"http://example.org:80/x", "http://example.org/x", NULL},
    {"http://example.org:0080/x", "http://example.org/x", NULL},
    {"http://example.org:8080/x#frag", "http://example.org:8080/x", NULL},
    {"http://example.org?q=1", "http://example.org/?q=1", NULL},
    {"http://example.org#@evil.org/", "http://example.org/", NULL},
    {"http://example.org/@evil.org/", "http://example.org/@evil.org/", NULL},
    {"http://example.org?@evil.org/", "http://example.org/?@evil.org/", NULL},
    {"http://example.org//evil.org/", "http://example.org//evil.org/", NULL},
    {"http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/", NULL},
    {"http://a_b.svc.cluster.local/", "http://a_b.svc.cluster.local/", NULL},
    {"http://localhost:1/", "http://localhost:1/", NULL},
    {"http://127.0.0.1/", "http://127.0.0.1/", NULL},
    {"http://127.0.0.1./", "http://127.0.0.1/", NULL},
    {"http://[::1]:8080/", "http://[::1]:8080/", NULL},
    {"http://[0:0:0:0:0:0:0:1]/", "http://[::1]/", NULL},
    {"http://[::FFFF:127.0.0.1]/", "http://[::ffff:127.0.0.1]/", NULL},
    {"http://[2001:DB8::A]/", "http://[2001:db8::a]/", NULL},
    {"http://1.2.3.4.example/", "http://1.2.3.4.example/", NULL},
    {"http://0x7f.example/", "http://0x7f.example/", NULL},
    {"http://example.org:65535/", "http://example.org:65535/", NULL},
    {"http://example.org/%00%0a", "http://example.org/%00%0a", NULL},

    /* who is asked, hidden behind who is not */
    {"http://user@example.org/", NULL, USER},
    {"http://user:pass@example.org/", NULL, USER},
    {"http://example.org@evil.org/", NULL, USER},
    {"http://example.org:80@evil.org/", NULL, USER},
    {"http://@example.org/", NULL, USER},
    {"http://a@b@example.org/", NULL, USER},
    {"http://[::1]@evil.org/", NULL, USER},
    {"http://example.org\\@evil.org/", NULL, BYTES},
    {"http://example.org\\.evil.org/", NULL, BYTES},
    {"http:\\\\example.org/", NULL, BYTES},
    {"http://example.org%40evil.org/", NULL, NO_NAME},
    {"http://example%2eorg/", NULL, NO_NAME},
    {"http://%65xample.org/", NULL, NO_NAME},
    {"http://127.0.0.1%2f@example.org/", NULL, USER},
    {"http://example.org;evil.org/", NULL, NO_NAME},
    {"http://example.org,evil.org/", NULL, NO_NAME},
    {"http://exa$mple.org/", NULL, NO_NAME},
    {"http://[example.org]/", NULL, V6},
    {"http://example.org]/", NULL, NO_NAME},

    /* IPv4 as only some read it */
    {"http://2130706433/", NULL, V4},
    {"http://0x7f000001/", NULL, V4},
    {"http://0X7F000001/", NULL, V4},
    {"http://0x7f.0.0.1/", NULL, V4},
    {"http://0177.0.0.1/", NULL, V4},
    {"http://127.0.0.01/", NULL, V4},
    {"http://127.1/", NULL, V4},
    {"http://127.0.1/", NULL, V4},
    {"http://127.0.0.0x1/", NULL, V4},
    {"http://0/", NULL, V4},
    {"http://0x/", NULL, V4},
    {"http://017700000001/", NULL, V4},
    {"http://256.0.0.1/", NULL, V4},
    {"http://1.2.3.4.5/", NULL, V4},
    {"http://example.1/", NULL, V4},
    {"http://999999999999999999999/", NULL, V4},
    {"http://127.0.0.1../", NULL, LABEL},

    /* IPv6 */
    {"http://[::1%25lo]/", NULL, V6},
    {"http://[fe80::1%eth0]/", NULL, V6},
    {"http://[::1%lo]:80/", NULL, V6},
    {"http://[]/", NULL, V6},
    {"http://[127.0.0.1]/", NULL, V6},
    {"http://[::g]/", NULL, V6},
    {"http://[::1/", NULL, "bracket"},
    {"http://[::1]x/", NULL, "between the host and its port"},
    {"http://[::1]80/", NULL, "between the host and its port"},
    {"http://::1/", NULL, "there is no host"},
    {"http://[v1.x]/", NULL, V6},
    {"http://[1:2:3:4:5:6:7:8:9]/", NULL, V6},

    /* ports */
    {"http://example.org:0/", NULL, PORT},
    {"http://example.org:65536/", NULL, PORT},
    {"http://example.org:99999/", NULL, PORT},
    {"http://example.org:4294967376/", NULL, PORT},
    {"http://example.org:/", NULL, PORT},
    {"http://example.org:-1/", NULL, PORT},
    {"http://example.org:+80/", NULL, PORT},
    {"http://example.org:8o/", NULL, PORT},
    {"http://example.org:80:80/", NULL, PORT},
    {"http://example.org:0x50/", NULL, PORT},
    {"http://example.org:000080/", NULL, PORT},

    /* bytes that parsers drop, split or join at */
    {"http://exam\tple.org/", NULL, BYTES},
    {"http://exam\nple.org/", NULL, BYTES},
    {"http://exam\rple.org/", NULL, BYTES},
    {"http://example.org /", NULL, BYTES},
    {" http://example.org/", NULL, BYTES},
    {"http://example.org/a b", NULL, BYTES},
    {"http://example.org/\r\nHost: evil", NULL, BYTES},
    {"http://example.org/\x7f", NULL, BYTES},
    {"http://ex\xc3\xa4mple.org/", NULL, BYTES},
    {"http://example.org/\xff", NULL, BYTES},
    {"http://\xe2\x91\xa0.example/", NULL, BYTES},

    /* schemes */
    {"", NULL, SCHEME},
    {"example.org", NULL, SCHEME},
    {"//example.org/", NULL, SCHEME},
    {"/path", NULL, SCHEME},
    {"http:/example.org/", NULL, SCHEME},
    {"http:example.org", NULL, SCHEME},
    {"https:/\t/example.org/", NULL, BYTES},
    {"ftp://example.org/", NULL, SCHEME},
    {"file:///etc/passwd", NULL, SCHEME},
    {"FILE:///etc/passwd", NULL, SCHEME},
    {"data:text/plain,hi", NULL, SCHEME},
    {"gopher://example.org/", NULL, SCHEME},
    {"dict://example.org/", NULL, SCHEME},
    {"httpx://example.org/", NULL, SCHEME},
    {"javascript:alert(1)", NULL, SCHEME},
    {"http://", NULL, "there is no host"},
    {"http:///path", NULL, "there is no host"},
    {"http://:80/", NULL, "there is no host"},
    {"http://?x", NULL, "there is no host"},
    {"http://./", NULL, LABEL},
    {"http://../", NULL, LABEL},
    {"http://.example.org/", NULL, LABEL},
    {"http://a..b/", NULL, LABEL},
    {"http://example.org../", NULL, LABEL},
};

_Static_assert(COUNT(rows) >= 80, "every trick that we know of");

static void every_url(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err = ERROR_INIT;
		struct origin origin;
		const char *rest;
		const char *url = rows[i].url;
		if (!origin_parse(url, strlen(url), &origin, &rest, &err)) {
			if (rows[i].refusal == NULL)
				fail_msg("%s: %s", url, err.message);
			assert_int_equal(err.kind, ERROR_USAGE);
			assert_in(rows[i].refusal, err.message);
			continue;
		}
		if (rows[i].spelling == NULL)
			fail_msg("%s is taken", url);
		char *spelling = origin_url(&origin, rest, strlen(rest));
		assert_string_equal(spelling, rows[i].spelling);
		free(spelling);
	}
}

static void too_long(void **state)
{
	(void)state;
	static char url[URL_MAX + 2];
	struct error err = ERROR_INIT;
	struct origin origin;
	memset(url, 'a', sizeof url - 1);
	memcpy(url, "http://a.b/", 11);
	assert_true(origin_parse(url, URL_MAX, &origin, NULL, &err));
	assert_false(origin_parse(url, URL_MAX + 1, &origin, NULL, &err));
	assert_in("8192 bytes", err.message);
	error_clear(&err);
	url[10] = 'a';
	assert_false(origin_parse(url, 400, &origin, NULL, &err));
	assert_in("longer than 253", err.message);
	error_clear(&err);
	assert_false(origin_parse(url, 80, &origin, NULL, &err));
	assert_in(LABEL, err.message);
}

static void a_nul_ends_nothing(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct origin origin;
	assert_false(origin_parse("http://a.b\0.evil/", 17, &origin, NULL, &err));
	assert_in(BYTES, err.message);
}

static const struct {
	const char *listed, *asked;
	bool held;
} holds[] = {
    {"https://example.org", "https://example.org/any?thing", true},
    {"https://example.org:443", "https://EXAMPLE.org./", true},
    {"https://example.org", "http://example.org/", false},
    {"https://example.org", "https://example.org:444/", false},
    {"https://example.org", "https://www.example.org/", false},
    {"https://example.org", "https://example.org.evil/", false},
    {"https://example.org", "https://notexample.org/", false},
    {"http://example.org:443", "https://example.org/", false},
    {"http://127.0.0.1:80", "http://127.0.0.1/", true},
    {"http://127.0.0.1", "http://[::ffff:127.0.0.1]/", false},
    {"http://127.0.0.1", "http://localhost/", false},
    {"http://[::1]", "http://[0::1]:80/", true},
    {"http://[::1]", "http://127.0.0.1/", false},
};

static void listed_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(holds); i++) {
		struct error err = ERROR_INIT;
		struct origins origins = {0};
		struct origin asked;
		assert_true(origins_add(&origins, "http://other.example:8080", &err));
		assert_true(origins_add(&origins, holds[i].listed, &err));
		assert_true(origin_parse(holds[i].asked, strlen(holds[i].asked), &asked, NULL, &err));
		if (origins_hold(&origins, &asked) != holds[i].held)
			fail_msg("%s, listed %s", holds[i].asked, holds[i].listed);
		origins_clear(&origins);
	}
}

static const char *const unlistable[] = {
    "example.org",           "https://example.org/path",
    "https://example.org?x", "https://*.example.org",
    "https://example.org#",  "https://",
    "ftp://example.org",     "*",
};

static void what_cannot_be_listed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(unlistable); i++) {
		struct error err = ERROR_INIT;
		struct origins origins = {0};
		if (origins_add(&origins, unlistable[i], &err))
			fail_msg("%s is listed", unlistable[i]);
		assert_in(unlistable[i], err.message);
		origins_clear(&origins);
	}
}

static const struct {
	const char *asked, *address;
	const char *refusal; /* NULL: let through */
} lets[] = {
    {"http://example.org", "93.184.216.34", NULL},
    {"http://example.org", "10.1.2.3", NULL},
    {"http://example.org", "127.0.0.1", NULL},
    {"http://example.org", "127.0.0.2", "127.0.0.2, which is loopback"},
    {"http://example.org", "::1", "::1, which is loopback"},
    {"http://example.org", "::ffff:127.0.0.1", "IPv4-mapped, loopback"},
    {"http://example.org", "::ffff:93.184.216.34", NULL},
    {"http://example.org", "64:ff9b::a9fe:a9fe", "NAT64, a metadata service"},
    {"http://example.org", "169.254.169.254", "a metadata service"},
    {"http://example.org", "fd00:ec2::254", "a metadata service"},
    {"http://example.org", "0.0.0.0", "unspecified"},
    {"http://example.org:81", "127.0.0.1", "loopback"},
    {"https://example.org", "127.0.0.1", "loopback"},
    {"http://127.0.0.1", "127.0.0.1", NULL},
    {"http://[fe80::1]:7", "fe80::1", NULL},
    {"http://[fe80::1]:7", "fe80::2", "link-local"},
};

static void where_names_lead(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct origins origins = {0};
	assert_true(origins_add(&origins, "http://127.0.0.1", &err));
	assert_true(origins_add(&origins, "http://[fe80::1]:7", &err));
	assert_true(origins_add(&origins, "http://example.org", &err));
	for (size_t i = 0; i < COUNT(lets); i++) {
		struct origin origin;
		struct address address;
		assert_true(origin_parse(lets[i].asked, strlen(lets[i].asked), &origin, NULL, &err));
		assert_true(address_parse(lets[i].address, &address));
		struct error why = ERROR_INIT;
		bool let = origins_let(&origins, &origin, &address, &why);
		if (let != (lets[i].refusal == NULL))
			fail_msg("%s to %s: %s", lets[i].asked, lets[i].address, why.message);
		if (!let) {
			assert_int_equal(why.kind, ERROR_DENIED);
			assert_in(lets[i].refusal, why.message);
		}
	}
	origins_clear(&origins);
}

static const struct {
	const char *text, *spelling; /* NULL: refused */
} endpoints[] = {
    {"db.example:5432", "db.example:5432"},
    {"DB.example.:5432", "db.example:5432"},
    {"[::1]:1", "[::1]:1"},
    {"10.0.0.1:65535", "10.0.0.1:65535"},
    {"db.example", NULL},
    {"db.example:", NULL},
    {"db.example:0", NULL},
    {"[::1]", NULL},
    {":5432", NULL},
    {"a@b:1", NULL},
    {"a/b:1", NULL},
    {"*:1", NULL},
};

static void without_a_scheme(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(endpoints); i++) {
		struct error err = ERROR_INIT;
		struct endpoint endpoint;
		char text[ENDPOINT_TEXT_SIZE];
		const char *from = endpoints[i].text;
		bool taken = endpoint_parse(from, strlen(from), 0, &endpoint, &err);
		if (taken != (endpoints[i].spelling != NULL))
			fail_msg("%s: %s", from, err.message);
		if (taken)
			assert_string_equal(endpoint_text(&endpoint, text), endpoints[i].spelling);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_url),
	    cmocka_unit_test(too_long),
	    cmocka_unit_test(a_nul_ends_nothing),
	    cmocka_unit_test(listed_exactly),
	    cmocka_unit_test(what_cannot_be_listed),
	    cmocka_unit_test(where_names_lead),
	    cmocka_unit_test(without_a_scheme),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
