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

static unsigned readings;

void __real_name_section_funcs(const struct module *module, struct func_name *wanted,
                               uint32_t count);
void __wrap_name_section_funcs(const struct module *module, struct func_name *wanted,
                               uint32_t count);
void __wrap_name_section_funcs(const struct module *module, struct func_name *wanted,
                               uint32_t count)
{
	readings++;
	__real_name_section_funcs(module, wanted, count);
}

/* The section was once read anew for each frame that is shown: that of a large program has
 * megabytes. */
static void the_names_of_a_backtrace_are_read_once(void **state)
{
	static const char names[] = "\1\x13\3"
	                            "\0\4deep"
	                            "\1\3top"
	                            "\2\5never";
	char report[4096] = "";
	struct wasm w = {0};
	(void)state;
	wasm_func(&w, "i_", "",
	          "local.get 0 i32.eqz if unreachable end local.get 0 i32.const 1 i32.sub call 0");
	uint32_t top = wasm_func(&w, "_", "", "i32.const 20 call 0");
	wasm_func(&w, "_", "", "nop");
	wasm_start(&w, top);
	wasm_custom(&w, "name", names, sizeof names - 1);
	readings = 0;
	struct error err = instantiate(&w, report, sizeof report);
	assert_int_equal(err.kind, ERROR_TRAP);
	assert_int_equal(readings, 1);
	assert_non_null(strstr(report, "  #0 deep (function 0) at offset 0x"));
	assert_non_null(strstr(report, "  #20 deep (function 0) at offset 0x"));
	assert_non_null(strstr(report, "  #21 top (function 1) at offset 0x"));
	assert_null(strstr(report, "never"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_missing_import),
	    cmocka_unit_test(a_missing_import_with_long_names_is_told_whole),
	    cmocka_unit_test(a_backtrace),
	    cmocka_unit_test(the_names_of_a_backtrace_are_read_once),
	};
	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
