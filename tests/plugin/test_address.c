#include "tests/plugin/table.h"

#include "plugin/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static const struct {
	const char *text;
	const char *what, *holder; /* NULL: none */
} rows[] = {
    {"8.8.8.8", NULL, NULL},
    {"1.0.0.0", NULL, NULL},
    {"10.0.0.1", NULL, NULL},
    {"172.16.0.1", NULL, NULL},
    {"192.168.1.1", NULL, NULL},
    {"100.64.0.1", NULL, NULL},
    {"0.0.0.0", "unspecified", NULL},
    {"0.1.2.3", "unspecified", NULL},
    {"127.0.0.1", "loopback", NULL},
    {"127.255.255.255", "loopback", NULL},
    {"126.255.255.255", NULL, NULL},
    {"128.0.0.0", NULL, NULL},
    {"169.254.0.1", "link-local", NULL},
    {"169.253.255.255", NULL, NULL},
    {"169.255.0.0", NULL, NULL},
    {"169.254.169.254", "a metadata service", NULL},
    {"169.254.170.2", "a metadata service", NULL},
    {"100.100.100.200", "a metadata service", NULL},
    {"168.63.129.16", "a metadata service", NULL},
    {"192.0.0.192", "a metadata service", NULL},
    {"192.0.0.1", "kept for protocols", NULL},
    {"192.88.99.1", "kept for protocols", NULL},
    {"223.255.255.255", NULL, NULL},
    {"224.0.0.1", "multicast", NULL},
    {"239.255.255.255", "multicast", NULL},
    {"240.0.0.1", "kept for later", NULL},
    {"255.255.255.255", "broadcast", NULL},
    {"2606:4700::1", NULL, NULL},
    {"fd12:3456::1", NULL, NULL},
    {"::", "unspecified", NULL},
    {"::1", "loopback", NULL},
    {"::2", "unspecified", "IPv4-compatible"},
    {"::127.0.0.1", "loopback", "IPv4-compatible"},
    {"::ffff:127.0.0.1", "loopback", "IPv4-mapped"},
    {"::ffff:7f00:1", "loopback", "IPv4-mapped"},
    {"::ffff:169.254.169.254", "a metadata service", "IPv4-mapped"},
    {"::ffff:8.8.8.8", NULL, "IPv4-mapped"},
    {"::ffff:0:127.0.0.1", "loopback", "IPv4-translated"},
    {"64:ff9b::7f00:1", "loopback", "NAT64"},
    {"64:ff9b::8.8.8.8", NULL, "NAT64"},
    {"64:ff9b:1::8.8.8.8", "translated by rules of the network", NULL},
    {"2002:7f00:1::", "loopback", "6to4"},
    {"2002:a9fe:a9fe::1", "a metadata service", "6to4"},
    {"2002:808:808::1", NULL, "6to4"},
    {"2001:0:1:2:3:4:80ff:fffe", "loopback", "Teredo"},
    {"2001:0:1:2:3:4:f7f7:f7f7", NULL, "Teredo"},
    {"2001:db8::1", NULL, NULL},
    {"fe80::1", "link-local", NULL},
    {"febf::1", "link-local", NULL},
    {"fec0::1", "site-local", NULL},
    {"fe7f::1", NULL, NULL},
    {"ff02::1", "multicast", NULL},
    {"100::1", "thrown away", NULL},
    {"fd00:ec2::254", "a metadata service", NULL},
    {"fd00:ec2::253", NULL, NULL},
    {"fd20:ce::254", "a metadata service", NULL},
};

static void every_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct address address;
		const char *holder;
		if (!address_parse(rows[i].text, &address))
			fail_msg("%s is no address", rows[i].text);
		const char *what = address_special(&address, &holder);
		if ((what == NULL) != (rows[i].what == NULL) ||
		    (what != NULL && strcmp(what, rows[i].what) != 0))
			fail_msg("%s: %s", rows[i].text, what == NULL ? "not special" : what);
		if ((holder == NULL) != (rows[i].holder == NULL) ||
		    (holder != NULL && strcmp(holder, rows[i].holder) != 0))
			fail_msg("%s: held by %s", rows[i].text, holder == NULL ? "none" : holder);
	}
}

/* A row that no address reaches would be hidden by those before it. */
static void every_row_says_something(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *what;
		bool holds;
	} table[] = {
#define ADDRESS_RANGE(prefix, bits, what) {prefix, what, false},
#define ADDRESS_HOLDS(prefix, bits, offset, flip, what) {prefix, what, true},
#include "plugin/address.def"
#undef ADDRESS_RANGE
#undef ADDRESS_HOLDS
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		bool found = false;
		for (size_t k = 0; k < COUNT(rows); k++) {
			const char *said = table[i].holds ? rows[k].holder : rows[k].what;
			found = found || (said != NULL && strcmp(said, table[i].what) == 0);
		}
		if (!found)
			fail_msg("no address is tested for the row %s", table[i].prefix);
		struct address address;
		assert_true(address_parse(table[i].prefix, &address));
	}
}

static void from_the_kernel(void **state)
{
	(void)state;
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct address a, b;
	char text[ADDRESS_TEXT_SIZE];
	inet_pton(AF_INET, "1.2.3.4", &v4.sin_addr);
	inet_pton(AF_INET6, "2001:DB8::a", &v6.sin6_addr);
	assert_true(address_of((struct sockaddr *)&v4, &a));
	assert_string_equal(address_text(&a, text), "1.2.3.4");
	assert_true(address_of((struct sockaddr *)&v6, &b));
	assert_string_equal(address_text(&b, text), "2001:db8::a");
	assert_false(address_equal(&a, &b));
	assert_true(address_parse("2001:0db8:0::A", &a));
	assert_true(address_equal(&a, &b));
	assert_false(address_of((struct sockaddr *)&local, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind),
	    cmocka_unit_test(every_row_says_something),
	    cmocka_unit_test(from_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
