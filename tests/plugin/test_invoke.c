#include "plugin/invoke.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void reads_integers_of_either_sign(void **state)
{
	static const struct {
		valtype type;
		const char *text;
		bool is_good;
		uint64_t bits;
	} cases[] = {
	    {VAL_I32, "0", true, 0},
	    {VAL_I32, "-1", true, UINT32_MAX},
	    {VAL_I32, "4294967295", true, UINT32_MAX},
	    {VAL_I32, "4294967296", false, 0},
	    {VAL_I32, "-2147483648", true, UINT32_C(0x80000000)},
	    {VAL_I32, "-2147483649", false, 0},
	    {VAL_I32, "0xff", true, 255},
	    {VAL_I32, "010", true, 10},
	    {VAL_I32, "", false, 0},
	    {VAL_I32, " 1", false, 0},
	    {VAL_I32, "1x", false, 0},
	    {VAL_I32, "--1", false, 0},
	    {VAL_I64, "18446744073709551615", true, UINT64_MAX},
	    {VAL_I64, "18446744073709551616", false, 0},
	    {VAL_I64, "-9223372036854775808", true, UINT64_C(1) << 63},
	    {VAL_I64, "-9223372036854775809", false, 0},
	    {VAL_FUNCREF, "0", false, 0},
	    {VAL_V128, "0", false, 0},
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		union value value;
		assert_int_equal(invoke_parse_value(cases[i].type, cases[i].text, &value),
		                 cases[i].is_good);
		if (cases[i].is_good)
			assert_int_equal(cases[i].type == VAL_I32 ? value.i32 : value.i64, cases[i].bits);
	}
}

static void reads_floats(void **state)
{
	union value value;
	(void)state;
	assert_true(invoke_parse_value(VAL_F64, "-1.5e3", &value));
	assert_true(value.f64 == -1500.0);
	assert_true(invoke_parse_value(VAL_F32, "0.1", &value));
	assert_true(value.f32 == 0.1f);
	assert_true(invoke_parse_value(VAL_F64, "inf", &value));
	assert_true(isinf(value.f64));
	assert_true(invoke_parse_value(VAL_F64, "nan", &value));
	assert_true(isnan(value.f64));
	assert_false(invoke_parse_value(VAL_F64, "", &value));
	assert_false(invoke_parse_value(VAL_F64, "1.5 apples", &value));
}

static void prints(valtype type, union value value, const char *expected)
{
	char text[128] = "";
	FILE *out = fmemopen(text, sizeof text, "w");
	assert_non_null(out);
	invoke_print_value(type, value, out);
	fclose(out);
	assert_string_equal(text, expected);
}

static void prints_what_reads_back(void **state)
{
	union value v128 = {0};
	(void)state;
	v128.v128[0] = 1;
	v128.v128[15] = 0xab;
	prints(VAL_I32, (union value){.i32 = UINT32_MAX}, "-1\n");
	prints(VAL_I64, (union value){.i64 = UINT64_C(1) << 63}, "-9223372036854775808\n");
	prints(VAL_F32, (union value){.f32 = 0.1f}, "0.100000001\n");
	prints(VAL_F64, (union value){.f64 = 0.1}, "0.10000000000000001\n");
	prints(VAL_F64, (union value){.f64 = 3}, "3\n");
	prints(VAL_V128, v128, "0xab000000000000000000000000000001\n");
	prints(VAL_EXTERNREF, (union value){.ref = 0}, "null\n");
	prints(VAL_EXTERNREF, (union value){.ref = 1}, "reference\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_integers_of_either_sign),
	    cmocka_unit_test(reads_floats),
	    cmocka_unit_test(prints_what_reads_back),
	};
	return cmocka_run_group_tests_name("invoke", tests, NULL, NULL);
}
