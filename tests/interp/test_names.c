/* A module's names in what interp/ tells people: they are a stranger's, and must not command the
 * terminal that shows them. */
#include "interp/interp.h"
#include "tests/lib/wasm_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RED "\x1b[31m\n"
#define RED_SHOWN "\\x1b[31m\\x0a"

/* Instantiates the module with nothing to import; *report is the backtrace, if it trapped. */
static struct error instantiate(struct wasm *w, char *report, size_t size)
{
	struct bytes bytes = wasm_finish(w);
	struct error err = ERROR_INIT;
	struct module *module = module_load(bytes.data, bytes.size, NULL, &err);
	struct store *store = store_create(NULL, &err);
	if (module == NULL || store == NULL)
		fail_msg("%s", err.message);
	instance_create(store, module, NULL, NULL, &err);
	FILE *out = fmemopen(report, size, "w");
	assert_non_null(out);
	if (err.kind == ERROR_TRAP)
		trap_report_print(store_trap(store), out);
	fclose(out);
	store_destroy(store);
	module_destroy(module);
	bytes_free(&bytes);
	return err;
}

static void a_missing_import(void **state)
{
	char report[1024] = "";
	struct wasm w = {0};
	(void)state;

	wasm_import_func(&w, RED, RED, "_");
	struct error err = instantiate(&w, report, sizeof report);
	assert_int_equal(err.kind, ERROR_LINK);
	assert_non_null(strstr(err.message, "\"" RED_SHOWN "\" \"" RED_SHOWN "\""));
	assert_null(strchr(err.message, '\x1b'));
	assert_null(strchr(err.message, '\n'));
}

static void a_missing_import_with_long_names_is_told_whole(void **state)
{
	char report[1024] = "", name[4001];
	struct wasm w = {0};
	(void)state;

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	wasm_import_func(&w, name, name, "_");
	struct error err = instantiate(&w, report, sizeof report);
	assert_int_equal(err.kind, ERROR_LINK);
	assert_non_null(strstr(err.message, "nnn…\" \"nnn"));
	assert_non_null(strstr(err.message, "nnn…\" is not there"));
}

static void a_backtrace(void **state)
{
	char report[1024] = "";
	struct wasm w = {0};
	(void)state;

	uint32_t func = wasm_func(&w, "_", "", "unreachable");
	wasm_export(&w, RED, EXTERN_FUNC, func);
	wasm_start(&w, func);
	struct error err = instantiate(&w, report, sizeof report);
	assert_int_equal(err.kind, ERROR_TRAP);
	assert_non_null(strstr(report, "#0 " RED_SHOWN " (function 0) at offset 0x"));
	assert_null(strchr(report, '\x1b'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_missing_import),
	    cmocka_unit_test(a_missing_import_with_long_names_is_told_whole),
	    cmocka_unit_test(a_backtrace),
	};
	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
