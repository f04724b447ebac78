#include "plugin/image_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* Images of earlier runs are found by their names, so these stay as they are. */
static void a_name_is_numbers_in_hex(void **state)
{
	static const struct {
		uint64_t build;
		unsigned mode;
		dev_t device;
		ino_t inode;
	} rows[] = {
	    {0, 0, 0, 0},
	    {1, 1, 0xf, 0x10},
	    {0x0123456789abcdef, 0xf, 0xfe00, 0x51caa1},
	    {UINT64_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX},
	    {UINT64_C(1) << 63, 0x10, UINT64_C(1) << 32, UINT64_C(1) << 60},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct stat module = {.st_dev = rows[i].device, .st_ino = rows[i].inode};
		char name[IMAGE_NAME_SIZE], wanted[IMAGE_NAME_SIZE];
		image_name(rows[i].build, rows[i].mode, &module, name);
		snprintf(wanted, sizeof wanted, "%016llx-%x-%llx-%llx.image",
		         (unsigned long long)rows[i].build, rows[i].mode, (unsigned long long)module.st_dev,
		         (unsigned long long)module.st_ino);
		assert_string_equal(name, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_name_is_numbers_in_hex)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
