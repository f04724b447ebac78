/* What every cmocka test of plugin/ includes, in the order that cmocka.h wants. */
#ifndef TESTS_PLUGIN_TABLE_H
#define TESTS_PLUGIN_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* `text` holds `part`, else the test fails and shows both. */
#define assert_in(part, text)                                                                      \
	do {                                                                                           \
		if (strstr((text), (part)) == NULL)                                                        \
			fail_msg("expected \"%s\" in \"%s\"", (part), (text));                                 \
	} while (0)

#endif
