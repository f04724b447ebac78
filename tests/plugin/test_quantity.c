#include "plugin/quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void sizes_have_units(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
		uint64_t bytes;
	} cases[] = {
	    {"0", true, 0},
	    {"18446744073709551615", true, UINT64_MAX},
	    {"18446744073709551616", false, 0},
	    {"1K", true, 1024},
	    {"3M", true, 3 << 20},
	    {"2G", true, UINT64_C(2) << 30},
	    {"17179869183G", true, UINT64_C(17179869183) << 30},
	    {"17179869184G", false, 0},
	    {"K", false, 0},
	    {"", false, 0},
	    {"1 K", false, 0},
	    {"+1", false, 0},
	    {"0x10", false, 0},
	    {"1KK", false, 0},
	    {"00000000000000000000000000000000000000001", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t bytes = 0;
		assert_int_equal(size_parse(cases[i].text, &bytes), cases[i].is_good);
		assert_int_equal(bytes, cases[i].bytes);
	}
}

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} rows[] = {{"0", 0},
	            {"7", 7000},
	            {"250ms", 250},
	            {"30s", 30000},
	            {"5m", 300000},
	            {"2h", 7200000},
	            {"8760h", DURATION_MAX_MS}};
	static const char *const others[] = {"",
	                                     "s",
	                                     "-1s",
	                                     "1.5s",
	                                     "5 m",
	                                     "5d",
	                                     "5min",
	                                     "5M",
	                                     "18446744073709551615",
	                                     "18446744073709551615ms",
	                                     "8761h"};
	uint64_t ms;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(duration_parse(rows[i].text, &ms));
		assert_int_equal(ms, rows[i].ms);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (duration_parse(others[i], &ms))
			fail_msg("\"%s\" was taken", others[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes_have_units),
	    cmocka_unit_test(durations_have_units),
	};
	return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
