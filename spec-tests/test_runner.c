/* Tests of the runner itself: that it can fail. Each case is a script written to a folder of its
 * own, over three small modules. */
#include "spec-tests/suite.h"

#include "validator/feature.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Exports add and div (i32, i32) -> i32, f (f32) -> f32 and id (externref) -> externref. */
static const unsigned char numbers_wasm[] = {
    0,    'a',  's',  'm',  1,    0,    0,    0,    1,    17,   3,   0x60, 2, 0x7f, 0x7f,
    1,    0x7f, 0x60, 1,    0x7d, 1,    0x7d, 0x60, 1,    0x6f, 1,   0x6f, 3, 5,    4,
    0,    0,    1,    2,    7,    22,   4,    3,    'a',  'd',  'd', 0,    0, 3,    'd',
    'i',  'v',  0,    1,    1,    'f',  0,    2,    2,    'i',  'd', 0,    3, 10,   27,
    4,    7,    0,    0x20, 0,    0x20, 1,    0x6a, 0x0b, 7,    0,   0x20, 0, 0x20, 1,
    0x6d, 0x0b, 4,    0,    0x20, 0,    0x0b, 4,    0,    0x20, 0,   0x0b};

/* Exports ext (i32) -> i32, made of i32.extend8_s. */
static const unsigned char extend_wasm[] = {
    0, 'a', 's', 'm', 1, 0,   0,   0,   1, 6, 1,  0x60, 1, 0x7f, 1, 0x7f, 3, 2,    1,
    0, 7,   7,   1,   3, 'e', 'x', 't', 0, 0, 10, 7,    1, 5,    0, 0x20, 0, 0xc0, 0x0b};

/* Imports ext from S and exports it again. */
static const unsigned char import_wasm[] = {0,   'a',  's', 'm',  1, 0, 0, 0,   1,   6,   1,   0x60,
                                            1,   0x7f, 1,   0x7f, 2, 9, 1, 1,   'S', 3,   'e', 'x',
                                            't', 0,    0,   7,    7, 1, 3, 'e', 'x', 't', 0,   0};

/* Its only function leaves nothing where an i32 is due. */
static const unsigned char invalid_wasm[] = {0, 'a',  's', 'm', 1, 0, 0,  0, 1, 5, 1, 0x60, 0,
                                             1, 0x7f, 3,   2,   1, 0, 10, 4, 1, 2, 0, 0x0b};

#define NUMBERS "{\"type\":\"module\",\"line\":1,\"filename\":\"numbers.wasm\"}"
#define EXTEND "{\"type\":\"module\",\"line\":2,\"filename\":\"extend.wasm\"}"
#define REGISTER_S "{\"type\":\"register\",\"line\":3,\"as\":\"S\"}"
#define IMPORT "{\"type\":\"module\",\"line\":4,\"filename\":\"import.wasm\"}"
#define REJECTED(type, file, words)                                                                \
	"{\"type\":\"" type "\",\"line\":5,\"filename\":\"" file "\",\"module_type\":\"binary\","      \
	"\"text\":\"" words "\"}"
#define VALUE(type, value) "{\"type\":\"" type "\",\"value\":\"" value "\"}"
#define CALL(field, args)                                                                          \
	"\"action\":{\"type\":\"invoke\",\"field\":\"" field "\",\"args\":[" args "]}"
#define RETURN(field, args, expected)                                                              \
	"{\"type\":\"assert_return\",\"line\":9," CALL(field, args) ",\"expected\":[" expected "]}"
#define TRAP(field, args, words)                                                                   \
	"{\"type\":\"assert_trap\",\"line\":9," CALL(field, args) ",\"text\":\"" words "\"}"
#define ADD(a, b, sum) RETURN("add", VALUE("i32", a) "," VALUE("i32", b), VALUE("i32", sum))
#define DIV(a, b, words) TRAP("div", VALUE("i32", a) "," VALUE("i32", b), words)
#define F(arg, expected) RETURN("f", VALUE("f32", arg), VALUE("f32", expected))
#define ID(arg, expected) RETURN("id", VALUE("externref", arg), VALUE("externref", expected))
#define EXT(value) RETURN("ext", VALUE("i32", value), VALUE("i32", value))

struct runner_case {
	const char *name;
	const char *commands;
	uint32_t passed, failed, skipped, text, broken;
	const char *log; /* must stand in the log */
};

static const struct runner_case cases[] = {
    {"right values pass", NUMBERS "," ADD("2", "-3", "-1") "," F("1065353216", "1065353216"), 2, 0,
     0, 0, 0, ""},
    {"a corrupted expected value fails", NUMBERS "," ADD("2", "3", "6"), 0, 1, 0, 0, 0,
     "line 9: assert_return \"add\" (i32 2, i32 3)\n    expected: [i32 6]\n    got:      [i32 5]"},
    {"a value of another type fails", NUMBERS "," RETURN("f", VALUE("f32", "5"), VALUE("i32", "5")),
     0, 1, 0, 0, 0, "i32 5"},
    {"a result too many fails",
     NUMBERS "," RETURN("f", VALUE("f32", "5"), VALUE("f32", "5") "," VALUE("f32", "5")), 0, 1, 0,
     0, 0, "expected"},
    {"minus zero is not zero", NUMBERS "," F("2147483648", "0"), 0, 1, 0, 0, 0, "0x80000000"},
    {"either takes one of its values",
     NUMBERS
     "," RETURN("f", VALUE("f32", "5"),
                "{\"type\":\"either\",\"values\":[" VALUE("f32", "4") "," VALUE("f32", "5") "]}"),
     1, 0, 0, 0, 0, ""},
    {"either fails on others",
     NUMBERS
     "," RETURN("f", VALUE("f32", "6"),
                "{\"type\":\"either\",\"values\":[" VALUE("f32", "4") "," VALUE("f32", "5") "]}"),
     0, 1, 0, 0, 0, ""},
    {"canonical NaN, either sign",
     NUMBERS "," F("2143289344", "nan:canonical") "," F("4290772992", "nan:canonical"), 2, 0, 0, 0,
     0, ""},
    {"a NaN with a payload is not canonical", NUMBERS "," F("2143289345", "nan:canonical"), 0, 1, 0,
     0, 0, "nan:canonical"},
    {"a NaN with a payload is arithmetic", NUMBERS "," F("2143289345", "nan:arithmetic"), 1, 0, 0,
     0, 0, ""},
    {"a signalling NaN is not arithmetic", NUMBERS "," F("2139095041", "nan:arithmetic"), 0, 1, 0,
     0, 0, ""},
    {"host number 0 is not null", NUMBERS "," ID("0", "0") "," ID("0", "null"), 1, 1, 0, 0, 0,
     "externref null"},
    {"null is not a host number", NUMBERS "," ID("null", "null") "," ID("null", "0"), 1, 1, 0, 0, 0,
     ""},
    {"a trap with its words passes", NUMBERS "," DIV("1", "0", "integer divide by zero"), 1, 0, 0,
     0, 0, ""},
    {"a trap with other words fails", NUMBERS "," DIV("1", "0", "integer overflow"), 0, 1, 0, 0, 0,
     "divide by zero"},
    {"no trap fails", NUMBERS "," DIV("6", "3", "integer divide by zero"), 0, 1, 0, 0, 0, "i32 2"},
    {"a trap where a value is due fails",
     NUMBERS "," RETURN("div", VALUE("i32", "1") "," VALUE("i32", "0"), VALUE("i32", "0")), 0, 1, 0,
     0, 0, "divide by zero"},
    {"an invalid module is rejected", REJECTED("assert_invalid", "invalid.wasm", "type mismatch"),
     1, 0, 0, 0, 0, ""},
    {"an invalid module is not malformed",
     REJECTED("assert_malformed", "invalid.wasm", "type mismatch"), 0, 1, 0, 0, 0,
     "malformed module"},
    {"an accepted module fails", REJECTED("assert_invalid", "numbers.wasm", "type mismatch"), 0, 1,
     0, 0, 0, "the module was accepted"},
    {"a module that fails to load is broken, and so is what follows",
     "{\"type\":\"module\",\"line\":1,\"filename\":\"invalid.wasm\"}," ADD("1", "1", "2"), 0, 1, 0,
     0, 1, "the module of line 1 failed"},
    {"a missing import is unlinkable",
     REJECTED("assert_unlinkable", "import.wasm", "unknown import"), 1, 0, 0, 0, 0, ""},
    {"a linked module fails as unlinkable",
     REJECTED("assert_unlinkable", "numbers.wasm", "unknown import"), 0, 1, 0, 0, 0,
     "instantiated"},
    {"a refused feature is skipped, with all that depends on it",
     EXTEND "," EXT("1") "," REGISTER_S "," IMPORT "," EXT("1"), 0, 0, 2, 0, 0, ""},
    {"text modules are counted apart",
     "{\"type\":\"assert_malformed\",\"line\":1,\"filename\":\"x.wat\",\"module_type\":\"text\","
     "\"text\":\"unexpected token\"}",
     0, 0, 0, 1, 0, ""},
};

static char folder[64];

static void write_file(const char *name, const void *bytes, size_t size)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/tiphys-runner-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	write_file("numbers.wasm", numbers_wasm, sizeof numbers_wasm);
	write_file("extend.wasm", extend_wasm, sizeof extend_wasm);
	write_file("import.wasm", import_wasm, sizeof import_wasm);
	write_file("invalid.wasm", invalid_wasm, sizeof invalid_wasm);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"numbers.wasm", "extend.wasm", "import.wasm",
	                                    "invalid.wasm", "script.json"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static struct script *load(const char *commands, struct error *err)
{
	char text[4096], path[128];
	int len =
	    snprintf(text, sizeof text, "{\"source_filename\":\"x.wast\",\"commands\":[%s]}", commands);
	assert_true(len > 0 && (size_t)len < sizeof text);
	write_file("script.json", text, (size_t)len);
	snprintf(path, sizeof path, "%s/script.json", folder);
	return script_load(path, err);
}

static void run(const char *commands, struct run_result *result, char **log)
{
	struct error err = ERROR_INIT;
	struct run_options options = {.features = FEATURES_DEFAULT & ~FEATURE_BIT(SIGN_EXTENSION)};
	size_t size;
	FILE *file = open_memstream(log, &size);
	struct script *script = load(commands, &err);
	assert_string_equal(err.message, "");
	assert_true(run_script(script, &options, result, file, &err));
	fclose(file);
	script_destroy(script);
}

static void test_case(void **state)
{
	const struct runner_case *test = *state;
	struct run_result result;
	char *log;
	run(test->commands, &result, &log);
	assert_int_equal(result.passed, test->passed);
	assert_int_equal(result.failed, test->failed);
	assert_int_equal(result.skipped, test->skipped);
	assert_int_equal(result.text, test->text);
	assert_int_equal(result.broken, test->broken);
	if (!strstr(log, test->log))
		fail_msg("\"%s\" is not in the log:\n%s", test->log, log);
	struct expectation expected = {"x", result.commands, result.assertions, result.text,
	                               result.rejections - result.worded};
	FILE *null = fopen("/dev/null", "w");
	assert_int_equal(suite_check("x", &expected, &result, null), !test->failed && !test->broken);
	fclose(null);
	free(log);
}

static void test_skips_are_named(void **state)
{
	struct run_result result;
	char *log;
	(void)state;
	run(EXTEND "," EXT("1"), &result, &log);
	assert_int_equal(result.skip_count, 1);
	assert_string_equal(result.skips[0].feature, "sign-extension");
	assert_int_equal(result.skips[0].assertions, 1);
	free(log);
}

/* A runner that loses an assertion, another command, or counts text as run, is found out. */
static void test_dropped_command_fails(void **state)
{
	static const struct expectation dropped[] = {
	    {"x", 3, 2, 0, 0}, {"x", 3, 1, 0, 0}, {"x", 2, 1, 1, 0}};
	struct run_result result;
	char *log;
	(void)state;
	run(NUMBERS "," ADD("1", "1", "2"), &result, &log);
	free(log);
	for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
		size_t size;
		FILE *file = open_memstream(&log, &size);
		assert_false(suite_check("x", &dropped[i], &result, file));
		fclose(file);
		assert_non_null(strstr(log, "were counted, the suite has"));
		free(log);
	}
}

/* A message that no longer has the suite's words is found out, and one that has them at last too.
 */
static void test_words_are_counted(void **state)
{
	static const struct {
		const char *words;
		uint32_t unworded;
	} parts[] = {{"type mismatch", 0}, {"duplicate export name", 1}};
	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char command[256], *log;
		struct run_result result;
		snprintf(command, sizeof command, REJECTED("assert_invalid", "invalid.wasm", "%s"),
		         parts[i].words);
		run(command, &result, &log);
		free(log);
		assert_int_equal(result.passed, 1);
		for (uint32_t expected = 0; expected < 2; expected++) {
			size_t size;
			struct expectation counts = {"x", 1, 1, 0, expected};
			FILE *file = open_memstream(&log, &size);
			assert_int_equal(suite_check("x", &counts, &result, file),
			                 expected == parts[i].unworded);
			fclose(file);
			assert_int_equal(strstr(log, "lack the suite's words") != NULL,
			                 expected != parts[i].unworded);
			free(log);
		}
	}
}

/* What the runner does not know it refuses whole, naming the line. */
static void test_unknown_parts_are_refused(void **state)
{
	static const struct {
		const char *commands, *message;
	} parts[] = {
	    {"{\"type\":\"assert_nothing\",\"line\":7}", "line 7: unknown command \"assert_nothing\""},
	    {RETURN("f", VALUE("f16", "0"), ""),
	     "line 9, assert_return: value 0: unknown type of value"},
	    {RETURN("f", VALUE("i32", "4294967296"), ""), "does not fit 4 bytes"},
	    {RETURN("f", VALUE("i32", "-2147483649"), ""), "does not fit 4 bytes"},
	    {RETURN("f", VALUE("i32", "1x"), ""), "is no integer"},
	    {"{\"type\":\"module\",\"line\":1}", "\"filename\" is missing"},
	    {"{", "script.json:"},
	    /* It passed, with no assertion at all. */
	    {"", "script.json: no command in \"commands\": it proves nothing"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		struct error err = ERROR_INIT;
		assert_null(load(parts[i].commands, &err));
		if (!strstr(err.message, parts[i].message))
			fail_msg("\"%s\" is not in \"%s\"", parts[i].message, err.message);
	}
}

/* ---- where the suite is found ---- */

static void make_folders(const char *path)
{
	char part[128];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		mkdir(part, 0700);
	}
	assert_int_equal(mkdir(path, 0700), 0);
}

/* Whose root is it? Empty: there is none. */
static void assert_found(const char *given, const char *from, const char *root)
{
	struct error err = ERROR_INIT;
	struct suite suite;
	assert_true(suite_open_from(&suite, given, from, &err));
	assert_string_equal(err.message, "");
	char found[PATH_MAX] = "", wanted[PATH_MAX] = "";
	if (suite.root[0])
		assert_non_null(realpath(suite.root, found));
	if (root[0])
		assert_non_null(realpath(root, wanted));
	assert_string_equal(found, wanted);
	suite_close(&suite);
}

/* From the last rung to the first: each goes before those that are there already. */
static void test_where_the_suite_is_found(void **state)
{
	char top[] = "/tmp/tiphys-ladder-XXXXXX";
	char from[64], checkout[96], shared[64], named[64], given[64], path[160], command[96];
	const char *before = getenv("TIPHYS_SPEC_SUITE");
	char *kept = before ? strdup(before) : NULL;
	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(from, sizeof from, "%s/repo/spec-tests", top);
	make_folders(from);

	unsetenv("TIPHYS_SPEC_SUITE");
	assert_found(NULL, from, "");
	setenv("TIPHYS_SPEC_SUITE", "", 1);
	assert_found(NULL, from, "");

	/* Without a suite in it, a folder is passed over. */
	snprintf(checkout, sizeof checkout, "%s/checkout/json", from);
	make_folders(checkout);
	assert_found(NULL, from, "");
	snprintf(path, sizeof path, "%s/core", checkout);
	make_folders(path);
	assert_found(NULL, from, checkout);

	snprintf(shared, sizeof shared, "%s/shared/suites", top);
	snprintf(path, sizeof path, "%s/core", shared);
	make_folders(path);
	assert_found(NULL, from, shared);

	snprintf(named, sizeof named, "%s/named", top);
	snprintf(path, sizeof path, "%s/core", named);
	make_folders(path);
	setenv("TIPHYS_SPEC_SUITE", named, 1);
	assert_found(NULL, from, named);

	snprintf(given, sizeof given, "%s/given", top);
	snprintf(path, sizeof path, "%s/core", given);
	make_folders(path);
	assert_found(given, from, given);

	/* What was named and is not there is no reason to look elsewhere. */
	struct error err = ERROR_INIT;
	struct suite suite;
	snprintf(path, sizeof path, "%s/missing", top);
	assert_false(suite_open_from(&suite, path, from, &err));
	assert_non_null(strstr(err.message, "/missing: "));
	err = (struct error)ERROR_INIT;
	assert_false(suite_open_from(&suite, from, from, &err));
	assert_non_null(strstr(err.message, "holds no core/"));

	if (kept)
		setenv("TIPHYS_SPEC_SUITE", kept, 1);
	else
		unsetenv("TIPHYS_SPEC_SUITE");
	free(kept);
	snprintf(command, sizeof command, "rm -r %s", top);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	enum { CASES = sizeof cases / sizeof cases[0] };
	struct CMUnitTest tests[CASES + 5] = {
	    cmocka_unit_test(test_skips_are_named),
	    cmocka_unit_test(test_dropped_command_fails),
	    cmocka_unit_test(test_words_are_counted),
	    cmocka_unit_test(test_where_the_suite_is_found),
	    cmocka_unit_test(test_unknown_parts_are_refused),
	};
	for (size_t i = 0; i < CASES; i++)
		tests[i + 5] = (struct CMUnitTest){
		    .name = cases[i].name, .test_func = test_case, .initial_state = (void *)&cases[i]};
	return cmocka_run_group_tests_name("runner", tests, make_folder, remove_folder);
}
