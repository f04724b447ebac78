#include "plugin/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static void moments_are_seconds_or_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
	    {"0", 0},
	    {"1706702400", 1706702400 * S},
	    {"1970-01-01T00:00:00Z", 0},
	    {"2024-01-31T12:00:00Z", 1706702400 * S},
	    {"2024-02-29T23:59:59Z", 1709251199 * S},
	    {"9223372036", 9223372036 * S},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t ns = -1;
		assert_true(moment_parse(rows[i].text, &ns));
		assert_int_equal(ns, rows[i].ns);
	}
}

static void other_texts_are_no_moments(void **state)
{
	static const char *const texts[] = {
	    "",
	    "noon",
	    "-1",
	    "1.5",
	    "2024-01-31",
	    "2024-01-31T12:00:00",
	    "2024-01-31T12:00:00+01:00",
	    "2024-01-31 12:00:00Z",
	    "2023-02-29T00:00:00Z",
	    "2024-13-01T00:00:00Z",
	    "2024-00-01T00:00:00Z",
	    "2024-01-32T00:00:00Z",
	    "2024-01-01T24:00:00Z",
	    "2024-01-01T00:60:00Z",
	    "2024-01-01T00:00:61Z",
	    "1969-12-31T23:59:59Z",
	    "2024-01-3xT00:00:00Z",
	    "9223372037",
	    "18446744073709551616",
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		int64_t ns;
		if (moment_parse(texts[i], &ns))
			fail_msg("\"%s\" was taken", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(moments_are_seconds_or_dates),
	    cmocka_unit_test(other_texts_are_no_moments),
	};
	return cmocka_run_group_tests_name("moment", tests, NULL, NULL);
}
